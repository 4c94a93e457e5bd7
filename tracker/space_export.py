"""A space written out as the lines of a file (`tracker.space_file`), in flat memory and of one moment."""

from contextlib import contextmanager

from django.db import connection, transaction

from comments.models import Comment, CommentAttachment
from issues.lookups import as_uuid
from issues.models import Attachment, HistoryEntry, Issue, Level, Occurrence, SavedView, Space, TextVersion
from issues.models.sets import SETS
from tracker.accounts.models import User
from tracker.space_file import END, FORMAT, HEADER, KINDS, VERSION, document, line, paths
from tracker.verification import by_issue, chunks, parsed

ROWS = 2_000
PEOPLE = [field.name for field in Issue._meta.concrete_fields if field.related_model is User]


@contextmanager
def snapshot():
    """All that is read inside is of one moment, and no writer waits for it."""
    if connection.in_atomic_block:
        yield
    elif connection.vendor == "sqlite":
        # Not atomic(), which would keep the writers out.
        with connection.cursor() as cursor:
            cursor.execute("BEGIN DEFERRED")
        try:
            yield
        finally:
            with connection.cursor() as cursor:
                cursor.execute("ROLLBACK")
    else:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield


def lines(space):
    """The bytes of every line; the same space gives the same ones on every database."""
    count = 1
    yield header(space)
    for part in (people(space), configuration(space), texts(space), issues(space)):
        for found in part:
            count += 1
            yield found
    yield line(END, {"lines": count + 1})


def select(kind, rows):
    """The document of every row of a queryset, read as they come."""
    return (document(kind, row) for row in rows.values_list(*paths(kind)).iterator(ROWS))


def select_of_issues(kind, rows, owner):
    """(primary key of its issue, its own, document) of every row of a queryset, read as they come."""
    for issue, key, *row in rows.values_list(owner, "pk", *paths(kind)).iterator(ROWS):
        yield issue, key, document(kind, row)


def header(space):
    (said,) = select("space", Space.objects.filter(pk=space.pk))
    (channel,) = select("channel", space.channels.filter(is_default=True))
    levels = Level.objects.filter(space=None).order_by("rank").values_list("key", "uuid")
    return line(
        HEADER,
        {
            "format": FORMAT,
            "version": VERSION,
            "space": said,
            "default_channel": channel,
            "system_levels": dict(levels),
        },
    )


def people(space):
    """Everybody whom an issue, its past, a file or a view names."""
    issues, entries = Issue.objects.filter(space=space), issue_entries(space)
    named = set()
    for rows, *names in (
        (issues, *PEOPLE),
        (entries, "actor"),
        (Comment.objects.filter(issue__space=space), "author"),
        (Attachment.objects.filter(space=space), "uploaded_by"),
        (SavedView.objects.filter(space=space), "owner"),
        (TextVersion.objects.filter(space=space), "blanked_by"),
    ):
        for name in names:
            named.update(rows.order_by().values_list(f"{name}__uuid", flat=True).distinct())
    named |= people_of_the_past(entries)
    found = User.objects.filter(uuid__in=named - {None}).order_by("uuid")
    return (line("person", said) for said in select("person", found))


def people_of_the_past(entries):
    """The uuids of those who once were reporter or assignee."""
    named = set()
    changes = entries.filter(field__in=PEOPLE).values_list("old_value", "new_value").distinct()
    for values in changes.iterator(ROWS):
        named.update(as_uuid(parsed(value)) for value in values)
    for (value,) in entries.filter(action="created").values_list("new_value").iterator(ROWS):
        said = parsed(value)
        if isinstance(said, dict):
            named.update(as_uuid(said.get(name)) for name in PEOPLE)
    return named


def issue_entries(space):
    return HistoryEntry.objects.filter(space=space, issue__isnull=False).order_by()


def configuration(space):
    """What a space has beside its issues, retired rows too."""
    for kind in ("level", "channel", "team", "project", "environment", "view", "attachment"):
        order = ("position", "pk") if kind == "view" else ("pk",)
        rows = KINDS[kind].model.objects.filter(space=space).order_by(*order)
        rows = rows.filter(is_default=False) if kind == "channel" else rows
        yield from (line(kind, said) for said in select(kind, rows))


def texts(space):
    rows = TextVersion.objects.filter(space=space).order_by("sha256")
    return (line("text", said) for said in select("text", rows))


def issues(space):
    """Every issue, deleted ones too, with what belongs to it."""
    for keys in chunks(Issue.objects.filter(space=space)):
        yield from some_issues(keys)


def some_issues(keys):
    labels = SETS["labels"].stored(keys)
    teams, channels, attachments = (members(name, keys) for name in ("teams", "channels", "attachments"))
    files = comment_files(keys)
    of_issues = {"issue__in": keys}
    parts = [
        by_issue(
            select_of_issues(kind, rows.order_by("issue_id", order), "issue_id"), keys, lambda row: row[0]
        )
        for kind, rows, order in (
            ("comment", Comment.objects.filter(**of_issues), "pk"),
            ("entry", HistoryEntry.objects.filter(**of_issues), "position"),
            ("occurrence", Occurrence.objects.filter(**of_issues), "pk"),
        )
    ]
    found = select_of_issues("issue", Issue.objects.filter(pk__in=keys).order_by("pk"), "pk")
    for (pk, _, issue), comments, entries, occurrences in zip(found, *parts, strict=True):
        yield line(
            "issue",
            issue
            | {
                "labels": labels[pk],
                "teams": [uuid for uuid, _ in teams.get(pk, ())],
                "channels": [{"id": uuid, "is_manual": by_hand} for uuid, by_hand in channels.get(pk, ())],
                "attachments": [uuid for uuid, _ in attachments.get(pk, ())],
            },
        )
        number = {"issue": issue["number"]}
        for _, key, comment in comments:
            yield line("comment", number | comment | {"attachments": files.get(key, [])})
        for _, _, entry in entries:
            yield line("entry", number | entry)
        for _, _, occurrence in occurrences:
            yield line("occurrence", number | occurrence)


def members(name, keys):
    """{issue: [(uuid, whether a hand bound it)]} of one set."""
    kind, found = SETS[name], {}
    by_hand = "is_manual" if name == "channels" else "pk"
    rows = kind.through.objects.filter(issue__in=keys).order_by("pk")
    for issue, *said in rows.values_list("issue_id", f"{kind.member}__uuid", by_hand):
        found.setdefault(issue, []).append(said)
    return found


def comment_files(keys):
    """{comment: [uuid of a file]}"""
    found = {}
    rows = CommentAttachment.objects.filter(comment__issue__in=keys).order_by("pk")
    for comment, uuid in rows.values_list("comment_id", "attachment__uuid"):
        found.setdefault(comment, []).append(uuid)
    return found
