"""`manage.py redact`: blank a text in the history of an issue, on record."""

import json

from django.core.management.base import BaseCommand, CommandError
from django.db import models, transaction
from django.db.models import Q

from comments.models import Comment
from issues.actor import Actor, acting_as
from issues.limits import refusal
from issues.models import HistoryEntry, Issue, TextVersion
from issues.models.history import Member, as_text, digest
from issues.policy import allows
from tracker.accounts.models import IdempotencyKey, User
from tracker.verification import REDACTED, parsed, texts_named

WHY = TextVersion._meta.get_field("blanked_why").max_length
# The columns that keep a text as it is, those that keep it as JSON, and what a comment keeps.
PLAIN, JSON = ("title", "description", "error_message"), ("annotations", "extensions")
# Shorter strings of a JSON text ("open", a number of two digits) are in nearly every answer.
TELLING = 8


class Command(BaseCommand):
    """Blank one text that an entry of an issue's history names, wherever the space's history names it.

    The row of the text keeps its digest, so that the chain still verifies, and who, when and why. The
    issue gets an entry of its own for it; deleted comments and kept answers of the API that hold the text
    lose it. Refuses, with exit code 1 and one sentence, while the issue still shows the text.
    """

    help = "Blank a text in the history of an issue, on record."

    def add_arguments(self, parser):
        parser.add_argument("key", metavar="OPS-42")
        parser.add_argument("--position", type=int, required=True, help="the entry's number in the history")
        parser.add_argument("--side", choices=["old", "new"], help="which of two values of the entry")
        parser.add_argument("--field", help="which of several texts of the entry: title, content, …")
        parser.add_argument("--by", metavar="EMAIL", required=True, help="the admin who decided it")
        parser.add_argument("--why", metavar="TEXT", required=True, help="the reason that goes on record")

    def handle(self, *, key, position, side, field, by, why, **options):
        if not why.strip() or len(why) > WHY or refusal(why):
            raise CommandError(f"A reason has 1 to {WHY} characters.")
        with transaction.atomic():
            issue = Issue.objects.with_key(key).lock().select_related("space").first()
            if issue is None:
                raise CommandError(f"There is no issue {key}.")
            admin = admin_of(issue.space, by)
            with acting_as(lambda: Actor(user=admin, source="command")):
                self.redact(issue, entry_of(issue, position), side, field, why)

    def redact(self, issue, entry, side, field, why):
        name, sha256 = named_text(entry, side, field)
        version = TextVersion.objects.filter(space=issue.space, sha256=sha256)
        row = version.lock().first()
        if row is None or row.blanked_at:
            raise CommandError("That text is blanked already." if row else "That text is missing.")
        refuse_present(issue, sha256)
        issue.record([redaction(entry, name, sha256, why)])
        empty_deleted_comments(issue, row.text)
        self.blank(version, issue, why)
        forgotten = forget_answers(row.text, is_json=name in JSON)
        self.stdout.write(f"{issue}: the {name} of entry {entry.position} is blanked.")
        if forgotten:
            self.stdout.write(f"{forgotten} kept answers of the API that held it are gone.")
        if others := showing(issue, row.text):
            self.stderr.write(f"Warning: {', '.join(others)} still show that text.")

    def blank(self, version, issue, why):
        """Empty the text; the latest entry of the issue says who did it and when."""
        said = issue.history.order_by("-position").filter(action=REDACTED).first()
        models.QuerySet.update(
            version, text="", blanked_at=said.created_at, blanked_by=said.actor_id, blanked_why=why
        )


def admin_of(space, email):
    admin = User.objects.filter(email__iexact=email).first()
    if admin is None or not allows(admin, "redact", space.pk):
        raise CommandError(f"{email} is no active admin of {space.key}.")
    return admin


def entry_of(issue, position):
    entry = HistoryEntry.objects.filter(issue=issue, position=position).first()
    if entry is None:
        raise CommandError(f"The history of {issue} has no entry {position}.")
    return entry


def named_text(entry, side, field):
    """(field, sha256) of the one text that is meant; CommandError if it is none or not clear which."""
    found = {}
    for which in ("old", "new"):
        value = parsed(getattr(entry, f"{which}_value"))
        for name, sha256 in sorted(texts_named(entry, value).items()):
            if side in (None, which) and field in (None, name):
                found[which, name] = sha256
    if not found or entry.action == REDACTED:
        raise CommandError(f"Entry {entry.position} ({entry.action}) has no such text.")
    if len(set(found.values())) > 1:
        several = "; ".join(f"--side {which} --field {name}" for which, name in found)
        raise CommandError(f"Entry {entry.position} ({entry.action}) has several texts: {several}.")
    (_, name), sha256 = next(iter(found.items()))
    return name, sha256


def refuse_present(issue, sha256):
    """CommandError if the issue or a comment on it still is the text."""
    for name in (*PLAIN, *JSON):
        if digest(as_text(getattr(issue, name))) == sha256:
            raise CommandError(f"It is the present {name} of {issue}: edit it first.")
    for comment in issue.comments.filter(deleted_at=None).iterator():
        if sha256 in (digest(comment.content), digest(as_text(comment.extensions))):
            raise CommandError(f"It is the present text of a comment on {issue}: edit or delete that first.")


def redaction(entry, name, sha256, why):
    field, internal = entry.field or name, entry.is_internal
    said = {"sha256": sha256}
    return Member(REDACTED, field, None, said, "", why, is_internal=internal, is_hidden=internal)


def empty_deleted_comments(issue, text):
    """Nobody can edit a deleted comment any more, so its text goes here, with an entry that says so."""
    for comment in issue.comments.exclude(deleted_at=None):
        if comment.content == text:
            comment.content = ""
        if as_text(comment.extensions) == text:
            comment.extensions = {}
        comment.save()


def forget_answers(text, is_json):
    """Delete the answers kept for repeated requests that hold the text; returns how many they were."""
    pieces = [piece for piece in strings(json.loads(text)) if len(piece) >= TELLING] if is_json else []
    forms = {form for piece in pieces or [text] for form in forms_of(piece)}
    rows = IdempotencyKey.objects.values_list("pk", "body").iterator()
    holding = [pk for pk, body in rows if any(form in bytes(body) for form in forms)]
    return IdempotencyKey.objects.filter(pk__in=holding).delete()[0]


def strings(value):
    """All strings in a JSON value."""
    if isinstance(value, str):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from strings(part)


def forms_of(text):
    """The bytes of `text` as a body may hold it: as it is, and in JSON with and without `\\u` escapes."""
    escaped = (json.dumps(text, ensure_ascii=is_ascii)[1:-1] for is_ascii in (False, True))
    return {form.encode() for form in (text, *escaped)}


def showing(issue, text):
    """The keys of other issues of the space that have the text now."""
    others = Issue.objects.filter(space=issue.space_id).exclude(pk=issue.pk)
    rows = others.filter(Q(title=text) | Q(description=text) | Q(error_message=text))
    said = Comment.objects.filter(issue__in=others.order_by(), deleted_at=None, content=text)
    found = {*rows.values_list("number", flat=True), *said.values_list("issue__number", flat=True)}
    for name in JSON if text.startswith("{") else ():
        rows = others.exclude(**{name: {}}).values_list("number", name).iterator()
        found |= {number for number, value in rows if as_text(value) == text}
    return [f"{issue.space.key}-{number}" for number in sorted(found)]
