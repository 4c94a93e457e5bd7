"""Rows that a client names: looked up among what this person may see, and nowhere else."""

import re
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import F, Q
from django.http import Http404

from issues.models import Issue, Level, Space

UUID_TEXT = re.compile(r"[0-9A-Fa-f]{32}|[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
KEY = re.compile(r"[A-Za-z][A-Za-z0-9]{1,9}-[0-9]{1,18}\Z")


def as_uuid(text):
    """The UUID that `text` spells, in either case, with or without dashes; None if it spells none."""
    return UUID(text) if isinstance(text, str) and UUID_TEXT.fullmatch(text) else None


def stored(uuid):
    """A UUID as a parameter of a statement of our own."""
    return uuid if connection.features.has_native_uuid_field else uuid.hex


def with_reference(queryset, reference):
    """The part of a queryset of issues with this uuid or key: at most one."""
    if uuid := as_uuid(reference):
        return queryset.filter(uuid=uuid)
    return queryset.with_key(reference) if KEY.match(reference) else queryset.none()


def find_issue(queryset, reference):
    """The issue of `queryset` with this uuid or key; Http404 for any other text."""
    issue = with_reference(queryset, reference).first()
    if issue is None:
        raise Http404
    return issue


def find_space(user, reference):
    """The user's space with this key or uuid, or None."""
    rows = Space.objects.visible_to(user)
    uuid = as_uuid(reference)
    return (rows.filter(uuid=uuid) if uuid else rows.filter(key=str(reference).upper())).first()


def find_level(space_ids, reference):
    """The level of these spaces, or of the system, with this uuid or key, or None."""
    rows = Level.objects.of(space_ids)
    uuid = as_uuid(reference)
    found = rows.filter(uuid=uuid) if uuid else rows.filter(key__iexact=reference)
    # A space's own level comes before the system's of the same key.
    return found.order_by(F("space").desc(nulls_last=True)).first()


def people_of(space_ids):
    """The active members of these spaces."""
    return get_user_model().objects.filter(
        is_active=True, memberships__is_active=True, memberships__space__in=space_ids
    )


def find_person(space_ids, reference):
    """The member of these spaces with this uuid or e-mail address, or None."""
    uuid = as_uuid(reference)
    return people_of(space_ids).filter(Q(uuid=uuid) if uuid else Q(email__iexact=reference)).first()


def find_known_person(space_ids, reference):
    """The person with this uuid or e-mail address who is or was a member of these spaces, or None."""
    uuid = as_uuid(reference)
    known = get_user_model().objects.filter(memberships__space__in=space_ids)
    return known.filter(Q(uuid=uuid) if uuid else Q(email__iexact=reference)).first()


def known_person(space_ids, reference):
    """The primary key of `find_known_person`; by a uuid in a statement of our own, since lists ask for it."""
    uuid = as_uuid(reference)
    if not uuid:
        person = find_known_person(space_ids, reference)
        return person and person.pk
    places = ", ".join(["%s"] * len(space_ids)) or "NULL"
    member = f"m.user_id = u.id AND m.space_id IN ({places})"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT u.id FROM accounts_user AS u WHERE u.uuid = %s "
            f"AND EXISTS (SELECT 1 FROM issues_membership AS m WHERE {member})",
            [stored(uuid), *space_ids],
        )
        found = cursor.fetchone()
    return found and found[0]


def find_in_spaces(model, space_ids, reference):
    """The row of `model` (project, team, …) of these spaces with this uuid, or None."""
    uuid = as_uuid(reference)
    return model.objects.filter(space__in=space_ids, uuid=uuid).first() if uuid else None


def find_all_in_spaces(model, space_ids, references):
    """For each of these uuids the row of `model` of these spaces, or None."""
    uuids = [as_uuid(reference) for reference in references]
    found = model.objects.filter(space__in=space_ids, uuid__in={uuid for uuid in uuids if uuid})
    rows = {row.uuid: row for row in found}
    return [rows.get(uuid) for uuid in uuids]


def issue_or_404(user, reference, verb="read"):
    """The issue that `user` sees under this uuid or key; in the trash only to be restored."""
    rows = Issue.objects.in_trash_of(user) if verb == "restore" else Issue.objects.visible_to(user)
    return find_issue(rows.select_related("space"), reference)
