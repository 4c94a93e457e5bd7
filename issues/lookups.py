"""Rows that a client names: looked up among what this person may see, and nowhere else."""

import re
from collections import Counter
from functools import lru_cache
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import CharField, Q
from django.db.models.functions import Coalesce
from django.http import Http404

from issues.models import Environment, Issue, Level, Project, Space
from issues.models.fields import instance_of
from issues.models.sql import among

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


def space_key(user, reference):
    """The primary key of the user's space with this key or uuid, or None.

    A list needs no more of it, and asks for it in a fraction of the time.
    """
    uuid = as_uuid(reference)
    named, value = ("uuid", stored(uuid)) if uuid else ("key", str(reference).upper())
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id FROM issues_space WHERE {named} = %s", [value])
        row = cursor.fetchone()
    return row[0] if row and row[0] in user.space_roles() else None


# What no row is named by.
NOTHING = "upper(%s) IS NULL"
# What `find_rows` looks up, in the spaces `home`: the model, what names a row that is not named by its uuid,
# and which rows may be named. A space's own level comes before the system's of the same key. A person is of
# all the spaces, or issues of one would show somebody of another.
HOME = "(SELECT id FROM home)"
ROWS = {
    "space": (Space, "upper(%s) = r.key", f"r.id IN {HOME}", ""),
    "level": (
        Level,
        "upper(%s) = upper(r.key)",
        f"(r.space_id IN {HOME} OR r.space_id IS NULL)",
        "ORDER BY r.space_id IS NULL, r.space_id DESC",
    ),
    "assignee": (
        get_user_model(),
        "lower(%s) = lower(r.email)",
        "r.is_active AND EXISTS (SELECT m.user_id FROM issues_membership AS m "
        f"WHERE m.user_id = r.id AND m.is_active AND m.space_id IN {HOME} "
        f"GROUP BY m.user_id HAVING count(*) = (SELECT count(*) FROM home))",
        "",
    ),
    "project": (Project, NOTHING, f"r.space_id IN {HOME}", ""),
    "environment": (Environment, NOTHING, f"r.space_id IN {HOME}", ""),
}


def find_rows(space_ids, references):
    """{name: row or None} for `references`, {name in ROWS: uuid or key}, in one statement.

    The rows are of these spaces, and where a `space` is named of that one of them alone.
    """
    if not references:
        return {}
    uuids = {name: as_uuid(references[name]) for name in ROWS if name in references}
    columns, sql = rows_statement(len(space_ids), tuple((name, bool(uuid)) for name, uuid in uuids.items()))
    named = [stored(uuid) if uuid else references[name] for name, uuid in uuids.items()]
    with connection.cursor() as cursor:
        cursor.execute(sql, [*space_ids, *named])
        values = cursor.fetchone()
    found = {}
    for name, (start, names) in columns.items():
        row = values[start : start + len(names)]
        found[name] = None if row[0] is None else instance_of(ROWS[name][0], names, row)
    return found


@lru_cache(maxsize=256)
def rows_statement(spaces, asked):
    """({name: (place of its first column, columns)}, SQL); `asked` is [(name, whether by its uuid)]."""
    home = f"id IN ({', '.join(['%s'] * spaces) or 'NULL'})"
    columns, selected, joins = {}, [], []
    for name, is_uuid in asked:
        model, named, present, order = ROWS[name]
        condition = "r.uuid = %s" if is_uuid else named
        if name == "space":
            home, condition = f"{home} AND {condition}", "1 = 1"
        table, names = model._meta.db_table, tuple(field.attname for field in model._meta.concrete_fields)
        key = f"SELECT r.id FROM {table} AS r WHERE {condition} AND {present} {order} LIMIT 1"
        joins.append(f"LEFT JOIN {table} AS {name} ON {name}.id = ({key})")
        columns[name] = len(selected), names
        selected += [f"{name}.{column}" for column in names]
    return columns, (
        f"WITH home AS (SELECT r.id FROM issues_space AS r WHERE r.{home}) "
        f"SELECT {', '.join(selected)} FROM (SELECT 1 AS one) AS base {' '.join(joins)}"
    )


def people_of(space_ids):
    """The active members of these spaces."""
    return get_user_model().objects.filter(
        is_active=True, memberships__is_active=True, memberships__space__in=space_ids
    )


def sign(path=""):
    """What tells people of one name apart, as a column of theirs: their e-mail, or their handle."""
    return Coalesce(f"{path}email", f"{path}handle", output_field=CharField())


def told_apart(people):
    """{uuid: name} of people as (uuid, name, sign), in their order, to choose from.

    Those of one name have their sign after it, or without one the end of their id: it begins with a time.
    """
    people = {uuid: (name, sign) for uuid, name, sign in people}
    often = Counter(name.casefold() for name, _ in people.values())
    return {
        uuid: name if often[name.casefold()] == 1 else f"{name} ({sign or uuid.hex[-8:]})"
        for uuid, (name, sign) in people.items()
    }


def called(people):
    """The same of rows of people."""
    return told_apart((person.uuid, person.name, person.email or person.handle) for person in people)


def find_person(space_ids, reference):
    """The member of these spaces with this uuid or e-mail address, or None."""
    uuid = as_uuid(reference)
    return people_of(space_ids).filter(Q(uuid=uuid) if uuid else Q(email__iexact=reference)).first()


def known_people(space_ids):
    """Who is or was a member of these spaces."""
    return get_user_model().objects.filter(memberships__space__in=space_ids)


def find_known_person(space_ids, reference):
    """The person with this uuid or e-mail address who is or was a member of these spaces, or None."""
    uuid = as_uuid(reference)
    return known_people(space_ids).filter(Q(uuid=uuid) if uuid else Q(email__iexact=reference)).first()


def known_person(space_ids, reference):
    """The primary key of `find_known_person`; by a uuid without the ORM, since lists ask for it."""
    uuid = as_uuid(reference)
    if not uuid:
        person = find_known_person(space_ids, reference)
        return person and person.pk
    try:
        return remembered_person(tuple(space_ids), uuid)
    except LookupError:
        return None


@lru_cache(maxsize=4_096)
def remembered_person(space_ids, uuid):
    """The primary key of the person of this uuid who is or was a member of these spaces; LookupError.

    It is asked for once, as neither people nor memberships are ever deleted.
    """
    place, spaces = among("m.space_id", space_ids)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT u.id FROM accounts_user AS u WHERE u.uuid = %s "
            f"AND EXISTS (SELECT 1 FROM issues_membership AS m WHERE m.user_id = u.id AND {place})",
            [stored(uuid), *spaces],
        )
        found = cursor.fetchone()
    if found is None:
        raise LookupError(uuid)
    return found[0]


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
