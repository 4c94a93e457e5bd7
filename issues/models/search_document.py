"""What is searched of an issue: its texts as words, in a row of their own that the text index lies over."""

import re

from django.db import connection, models, transaction

from issues.models.history import COMMENTS
from issues.models.insert import write_rows
from issues.models.issue import Issue
from issues.words import words

CHUNK = 500
# Between two comments, so that no phrase goes from one into the other: a word that no text has.
BREAK = " ¶ "
# The most bytes of a column: together they make less than the megabyte that PostgreSQL takes.
MOST = {"title": 40_000, "description": 280_000, "comments": 400_000, "internal": 240_000}
TEXTS, SAID = ("title", "description"), ("comments", "internal")
# What went wrong is said of an issue too: it stands before its comments.
ERROR = ("error_type", "error_message")
COLUMNS = (*TEXTS, *SAID, "tokens")
NEW = ("new",)  # of which nobody has said anything yet
# By their values, too, the index narrows a list: {column: what its tokens begin with}. Of what is no text it
# says alone whether there is any.
MARKS = {
    "kind": "k",
    "service": "v",
    "platform": "p",
    "track": "c",
    "error_type": "e",
    "languages": "l",
    "resource_type": "r",
    "resource_name": "r",
    "resource_id": "r",
    "alert_id": "r",
    "first_version": "n",
    "last_version": "n",
    "due_on": "d",
    "is_crash": "x",
    "is_anonymous": "y",
}
# The most letters of a token: those that are alike are told apart by the rows.
LETTERS = 40
UNSPOKEN = re.compile("[^a-z0-9]+")

# Functions of (primary keys of issues, the most characters that are of use) that give (issue, text, whether
# only members read it) of what is said of them, the newest first. Apps add theirs.
SOURCES = []


class SearchDocumentQuerySet(models.QuerySet):
    def follow(self, changes):
        """Bring the documents up to what these Changes made of their issues."""
        parts = {}
        for change in changes:
            parts.setdefault(columns_of(change), []).append(change.row)
        for columns, issues in parts.items():
            if columns == COLUMNS:
                self.rewrite(issues)
            elif columns == NEW:
                self.put([document(issue, {}) for issue in issues])
            elif columns:
                said = said_of(issues) if set(SAID) & set(columns) else {}
                self.put_columns(columns, [document(issue, said, columns) for issue in issues])

    def rewrite(self, issues):
        """Write the whole documents of these issues; a deleted one has none."""
        present = [issue for issue in issues if issue.deleted_at is None]
        if gone := [issue for issue in issues if issue.deleted_at]:
            self.of(gone).delete()
        if present:
            said = said_of(present)
            self.put([document(issue, said) for issue in present])

    def differences(self):
        """(primary key of an issue, what is wrong with its document) of all where something is."""
        last = 0
        while issues := list(
            Issue.objects.filter(pk__gt=last).select_related("space").order_by("pk")[:CHUNK]
        ):
            last = issues[-1].pk
            present = [issue for issue in issues if issue.deleted_at is None]
            said, stored = said_of(present), {row["issue_id"]: row for row in self.of(issues).values()}
            wanted = {issue.pk: document(issue, said) for issue in present}
            for issue in issues:
                there, due = stored.get(issue.pk), wanted.get(issue.pk)
                if there != due:
                    fault = "differs" if there and due else "is missing" if due else "should be gone"
                    yield issue.pk, f"the document of {issue} {fault}"

    def repair(self, keys):
        """Write the documents of these issues anew."""
        with transaction.atomic():
            self.rewrite(Issue.objects.filter(pk__in=keys).lock())

    def of(self, issues):
        return self.filter(pk__in=[issue.pk for issue in issues])

    def put(self, documents):
        """Write whole documents, new ones or over those that are there."""
        names = ("issue_id", *COLUMNS)
        start = f"INSERT INTO issues_searchdocument ({', '.join(names)})"
        end = "ON CONFLICT (issue_id) DO UPDATE SET " + ", ".join(f"{n} = excluded.{n}" for n in COLUMNS)
        with connection.cursor() as cursor:
            write_rows(cursor, start, [[row[name] for name in names] for row in documents], end)

    def put_columns(self, columns, documents):
        """Write some columns of documents; one of a deleted issue is not there, and stays away."""
        new = ", ".join(f"{name} = %s" for name in columns)
        statement = f"UPDATE issues_searchdocument SET {new} WHERE issue_id = %s"
        rows = [[*(row[name] for name in columns), row["issue_id"]] for row in documents]
        with connection.cursor() as cursor:
            if len(rows) == 1:
                cursor.execute(statement, rows[0])
            elif rows:
                cursor.executemany(statement, rows)


class RowOfIssue(models.OneToOneField):
    """A primary key that is the issue's own; on SQLite it is the number of the row, with no index aside."""

    def db_type(self, connection):
        return "integer" if connection.vendor == "sqlite" else super().db_type(connection)


class SearchDocument(models.Model):
    """The words of an issue that is not deleted, with one blank between them.

    `comments` begins with the error, `internal` is what only members read. `tokens` are its space, status
    and assignee, so that the index itself narrows by them, and the values of MARKS: `s7 topen u3 vpayments`,
    `u0` for nobody.
    """

    issue = RowOfIssue(Issue, models.CASCADE, primary_key=True, related_name="+")
    title = models.TextField()
    description = models.TextField()
    comments = models.TextField()
    internal = models.TextField()
    tokens = models.TextField()

    objects = SearchDocumentQuerySet.as_manager()

    def __str__(self):
        return self.title


def columns_of(change):
    """Which columns of a document a change of its issue makes different."""
    if change.stored is None:
        return NEW
    changed = set(change.changed)
    if "deleted_at" in changed:
        return COLUMNS
    is_said = any(member.field == COMMENTS for member in change.members)
    return (
        *(name for name in TEXTS if name in changed),
        *(SAID if is_said else ("comments",) if changed & set(ERROR) else ()),
        *(("tokens",) if changed & {"status", "assignee_id", *MARKS} else ()),
    )


def document(issue, said, columns=COLUMNS):
    """These columns of an issue's document; `said` is that of `said_of`."""
    texts = {name: [getattr(issue, name)] for name in TEXTS}
    texts |= {name: said.get((issue.pk, name), []) for name in SAID}
    texts["comments"] = [*(getattr(issue, name) for name in ERROR), *texts["comments"]]
    found = {name: joined(name, texts[name]) for name in columns if name in texts}
    return found | {"issue_id": issue.pk, "tokens": " ".join(tokens_of(issue))}


def joined(column, texts):
    """The words of texts as a column holds them, the last of them left out where they are too many."""
    text = BREAK.join(" ".join(found) for found in map(words, texts) if found)
    if len(text) * 4 <= MOST[column]:
        return text
    encoded = text.encode()
    if len(encoded) <= MOST[column]:
        return text
    return encoded[: MOST[column]].rpartition(b" ")[0].decode()


def said_of(issues, sources=SOURCES):
    """{(issue, column): [text]} of what is said of these issues."""
    keys, found = [issue.pk for issue in issues], {}
    for source in sources:
        for issue, text, is_internal in source(keys, max(MOST.values())):
            found.setdefault((issue, SAID[is_internal]), []).append(text)
    return found


def tokens_of(issue):
    yield from (space_token(issue.space_id), status_token(issue.status), assignee_token(issue.assignee_id))
    # A migration may have to do with an issue from before a column.
    yield from value_tokens({column: getattr(issue, column, None) for column in MARKS})


def value_tokens(values):
    """The tokens of an issue with these values, {column: value}."""
    found = {}
    for column in MARKS:
        if value := values.get(column):
            for each in filter(None, value) if isinstance(value, list) else (value,):
                found[value_token(column, each)] = True
    return found


def value_token(column, value=True):
    """The token of a value: texts that are the same but for the case of ASCII letters have the same one."""
    text = value.encode("ascii", "ignore").decode().lower() if isinstance(value, str) else "1"
    return MARKS[column] + UNSPOKEN.sub("", text)[:LETTERS]


def space_token(pk):
    return f"s{pk}"


def status_token(status):
    # An underscore would end the word.
    return f"t{status.replace('_', '')}"


def assignee_token(pk):
    return f"u{pk or 0}"
