"""`manage.py import_issues`: take issues over from another tracker, with their past."""

import sys
from collections import Counter
from contextlib import nullcontext
from itertools import islice
from pathlib import Path

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError, transaction

from comments.mentions import Mention
from comments.models import Comment
from issues.actor import Actor, acting_as
from issues.models import HistoryEntry, Issue, Membership, Space
from issues.models.fields import uuid7
from issues.models.rendered import NUMBER
from tracker import github
from tracker.accounts.models import User
from tracker.space_file import Refused, reason_of
from tracker.space_import import SOURCE, SpaceImporter

CHUNK = 500
TWICE = "somebody else made an issue of this number at the same time"
# What became of a record; "changed" and "foreign" are issues that are not the import's to touch.
IMPORTED, UPDATED, UNCHANGED, CHANGED, FOREIGN = "imported", "updated", "unchanged", "changed", "foreign"
LEFT_ALONE = {
    CHANGED: "was changed here since its import",
    FOREIGN: "was not imported",
}
# Lines are longer than what is read at once by default.
BUFFER = 2**20


class Command(BaseCommand):
    """Import issues into a space, which is made if it is missing.

    From GitHub: numbers, texts, labels, people and times are kept; bodies byte for byte. CLOSED becomes
    `closed`, but `ignored` where the reason is NOT_PLANNED; who closed an issue is not in an export. A
    second run changes nothing; one with a newer file takes over what is new, but leaves alone what was
    changed here or has not come from an import. A record that cannot be taken is named with its reason, the
    others go in, and the exit code is 1. A file that cannot be read changes nothing.

    From `export_issues` (jsonl): the space with all that its file holds, where it is not here yet or is
    empty. Rows keep their uuids, and history its hashes; where a uuid is taken here, or a person is known
    under another, the new one stands in history as well and the chains are sealed anew, which is said.
    People are known by uuid, else by e-mail; others are made, and nobody gets into the space by it. The
    chains are checked before and after. All of it goes in or, with the line that is wrong, nothing; an empty
    space that is here keeps its settings and its default channel. On SQLite nobody else writes meanwhile,
    which is about a second for a thousand issues, and nobody opens a database that has no issues yet.
    """

    help = "Import issues with their comments and their past into a space."
    # They load every page, which takes as long as hundreds of issues.
    requires_system_checks = ()

    def add_arguments(self, parser):
        parser.add_argument("file", metavar="FILE", help="an export; - is the standard input")
        parser.add_argument("--space", metavar="KEY", help="needed, but for jsonl: the file says its own")
        parser.add_argument("--format", choices=["github", "jsonl"], default="github")
        parser.add_argument("--name", help="of a new space; the repository's otherwise")
        parser.add_argument("--admin", metavar="EMAIL", help="of a new space; every superuser otherwise")

    def handle(self, *, file, space, format, name=None, admin=None, **options):
        if format == "jsonl":
            self.take_space(file, space, admin)
        elif space:
            self.take_issues(file, space, name, admin)
        else:
            raise CommandError("Say into which space: --space KEY.")

    def take_space(self, file, key, admin):
        """Import a file that `export_issues` wrote."""
        importer = SpaceImporter(key, admins_of(key or "the space", admin))
        try:
            with nullcontext(sys.stdin.buffer) if file == "-" else Path(file).open("rb", BUFFER) as lines:
                importer.run(lines)
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}.") from error
        except Refused as refused:
            raise CommandError(f"{file}, line {refused.line}: {refused}. Nothing was imported.") from refused
        self.tell(importer)

    def tell(self, importer):
        key, counts = importer.space.key, importer.counts
        said = ", ".join(counted(counts[kind], kind) for kind in ("issue", "comment"))
        self.stdout.write(f"{key}: {said} and {counts['entry']} entries of history imported.")
        if importer.resealed:
            self.stdout.write(
                f"Uuids that are others here: {importer.remapped}. Chains sealed anew for it: "
                f"{importer.resealed}; the hashes of the rest are those of the file."
            )
        else:
            self.stdout.write("Every hash of its history is that of the file.")
        if importer.missing_files:
            self.stdout.write(f"Uploads to be copied into MEDIA_ROOT still: {importer.missing_files}.")
        if not importer.space.memberships.exists():
            self.stdout.write(f"Nobody is a member of {key} yet.")

    def take_issues(self, file, space, name, admin):
        raws, repo = self.load(file)
        records, bad = sort_out(raws)
        if records:
            space = space_of(space.upper(), name or repo, admin)
            outcomes, refused = self.take_all(Importer(space), records)
            link_numbers(space, outcomes)
            self.report(space, outcomes)
            bad |= refused
        elif not bad:
            self.stdout.write("There are no issues in the file.")
        for place, reason in sorted(bad.items()):
            number = github.number_of(raws[place - 1])
            self.stderr.write(f"record {place}{f' (#{number})' if number else ''}: {reason}")
        if bad:
            raise CommandError(f"{counted(len(bad), 'record')} of {len(raws)} could not be taken.")

    def load(self, file):
        try:
            return github.load(sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes())
        except (OSError, ValueError) as error:
            raise CommandError(
                f"{file} cannot be read: {getattr(error, 'strerror', None) or error}."
            ) from error
        except github.BadFile as error:
            raise CommandError(f"{file} is no export of GitHub issues: {error}.") from error

    def take_all(self, importer, records):
        """({record number: outcome}, {place: reason}) of records by place, taken in order of creation."""
        outcomes, refused = {}, {}
        bar = Progress(len(records), self.stderr)
        order = iter(sorted(records.items(), key=lambda item: (item[1].created_at, item[1].number)))
        while chunk := list(islice(order, CHUNK)):
            importer.look_up([record.number for _, record in chunk])
            for place, record in chunk:
                try:
                    outcomes[record.number] = importer.take(record)
                except (ValidationError, IntegrityError) as error:
                    refused[place] = TWICE if isinstance(error, IntegrityError) else reason_of(error)
                    importer.people.load()
                bar.step()
        bar.end()
        return outcomes, refused

    def report(self, space, outcomes):
        counts = Counter(outcomes.values())
        for outcome in (IMPORTED, UPDATED, UNCHANGED):
            if counts[outcome]:
                self.stdout.write(f"{counted(counts[outcome], 'issue')} {outcome}.")
        for number, outcome in sorted(outcomes.items()):
            if outcome in LEFT_ALONE:
                self.stdout.write(f"{space.key}-{number} {LEFT_ALONE[outcome]} and is left alone.")


def link_numbers(space, outcomes):
    """Make `#89` a link in texts that came in before issue 89 did."""
    if IMPORTED not in outcomes.values():
        return
    numbers = set(Issue.objects.filter(space=space).values_list("number", flat=True))
    for rows in (Issue.objects.filter(space=space), Comment.objects.filter(issue__space=space)):
        words = rows.model.WORDS
        texts = rows.filter(**{f"{words}__contains": "#"}).values_list("pk", words, f"{words}_rendered")
        unlinked = [pk for pk, text, html in texts if lacks_links(space, numbers, text, html)]
        rows.filter(pk__in=unlinked).rerender()
    Mention.objects.rewrite(Issue.objects.filter(space=space))


def lacks_links(space, numbers, text, html):
    named = numbers & set(map(int, NUMBER.findall(text)))
    return any(f'"/issues/{space.key}-{number}/"' not in html for number in named)


def counted(count, noun):
    return f"{count} {noun}{'' if count == 1 else 's'}"


def sort_out(raws):
    """({place: Record}, {place: why it is none}) of the elements of an export, counted from 1."""
    records, bad, numbers = {}, {}, set()
    for place, raw in enumerate(raws, 1):
        try:
            record = github.parse(raw)
            if record.number in numbers:
                raise github.BadRecord("number: an earlier record has it")
            numbers.add(record.number)
            records[place] = record
        except github.BadRecord as reason:
            bad[place] = str(reason)
    return records, bad


def space_of(key, name, admin):
    """The space of this key, made if it is missing; CommandError if it cannot be."""
    space = Space.objects.filter(key=key).first()
    if space is not None:
        return space
    admins = admins_of(key, admin)
    space = Space(key=key, name=name or key)
    try:
        with transaction.atomic(), acting_as(lambda: Actor(source=SOURCE)):
            space.save()
            for user in admins:
                Membership(space=space, user=user, role=Membership.Role.ADMIN).save()
    except ValidationError as error:
        raise CommandError(f"The space {key} cannot be made: {reason_of(error)}") from error
    return space


def admins_of(key, email):
    """Who becomes admin of a new space: this person, or every superuser if none is named; CommandError."""
    rows = User.objects.filter(is_active=True)
    admins = list(rows.filter(email__iexact=email) if email else rows.filter(is_superuser=True))
    if email and not admins:
        raise CommandError(f"There is no {email} to be admin of {key}.")
    return admins


class Importer:
    """Writes records into one space, each in a transaction of its own."""

    def __init__(self, space):
        self.space = space
        self.people = People(space)
        self.known, self.spoilt = {}, {}

    def look_up(self, numbers):
        """Find out which of these numbers are there, and which of those are not the import's to touch."""
        issues = Issue.objects.filter(space=self.space, number__in=numbers)
        self.known = {row[0]: row[1:] for row in issues.values_list("number", "pk", "updated_at")}
        self.spoilt = spoilt([pk for pk, _ in self.known.values()])

    def take(self, record):
        """Write what of a record is new; what became of it. ValidationError if it cannot be written."""
        if record.number not in self.known:
            self.create(record)
            return IMPORTED
        pk, updated_at = self.known[record.number]
        if pk in self.spoilt:
            return self.spoilt[pk]
        return self.update(pk, record) if record.updated_at > updated_at else UNCHANGED

    @transaction.atomic
    def create(self, record):
        author, assignee = (self.people.find(login) for login in (record.author, first(record.assignees)))
        issue = Issue(
            space=self.space,
            number=record.number,
            uuid=uuid7(record.created_at),
            title=record.title,
            description=record.description or "",
            reporter=author,
            assignee=assignee,
            extensions=merged({}, record.extras),
            created_at=record.created_at,
            # The waist keeps the later one, so that the past is written without moving it.
            updated_at=record.updated_at,
        )
        issue.labels = record.labels or {}
        with acting(author, record.created_at):
            issue.save()
        for at, remark in past(record):
            if remark is None:
                self.set_status(issue, record.status, at)
            else:
                self.add_comment(issue, remark)

    def set_status(self, issue, status, at):
        with acting(None, at):
            issue.status = status
            issue.save(update_fields=["status"])

    def add_comment(self, issue, remark):
        author = self.people.find(remark.author)
        with acting(author, remark.created_at):
            Comment(
                issue=issue,
                author=author,
                uuid=uuid7(remark.created_at),
                content=remark.content,
                created_at=remark.created_at,
                edited_at=remark.edited_at,
                extensions=merged({}, remark.extras),
            ).save()

    @transaction.atomic
    def update(self, pk, record):
        """Take over what the export says now; a part that it left out stays."""
        issue = Issue.objects.lock().get(pk=pk)
        issue.space = self.space
        if outcome := spoilt([pk]).get(pk):
            return outcome
        version = issue.version
        with acting(None, record.updated_at):
            self.set_fields(issue, record)
        if record.comments is not None:
            self.update_comments(issue, record)
        self.update_status(issue, record)
        issue.refresh_from_db(fields=["version"])
        return UPDATED if issue.version > version else UNCHANGED

    def set_fields(self, issue, record):
        issue.title = record.title
        issue.extensions = merged(issue.extensions, record.extras)
        if record.description is not None:
            issue.description = record.description
        if record.assignees is not None:
            issue.assignee = self.people.find(first(record.assignees))
        if record.labels is not None:
            issue.labels = record.labels
        issue.save()

    def update_status(self, issue, record):
        at = record.closed_at or record.updated_at
        if record.closed_at and issue.closed_at not in (None, record.closed_at):
            # It was opened and closed again between two exports; the latter time is all that is known.
            self.set_status(issue, Issue.Status.OPEN, at)
        if record.status is not None:
            self.set_status(issue, record.status, at)

    def update_comments(self, issue, record):
        """Comments are known by their author and time: exports of one form give them no other name."""
        there = {}
        for comment in issue.comments.filter(deleted_at=None).order_by("-pk"):
            there.setdefault((comment.created_at, comment.author_id), []).append(comment)
        for remark in record.comments:
            author = self.people.find(remark.author)
            same = there.get((remark.created_at, author and author.pk))
            if not same:
                self.add_comment(issue, remark)
                continue
            comment = same.pop()
            with acting(author, remark.edited_at or record.updated_at):
                comment.content = remark.content
                comment.extensions = merged(comment.extensions, remark.extras)
                comment.save()
        with acting(None, record.updated_at):
            for comment in (comment for left in there.values() for comment in left):
                comment.trash()


def acting(user, at):
    """What is saved inside was done by `user` at `at`."""
    return acting_as(lambda: Actor(user=user, source=SOURCE, at=at))


def spoilt(issues):
    """{issue: CHANGED or FOREIGN} of those with entries that no import wrote."""
    entries = HistoryEntry.objects.filter(issue__in=issues).exclude(source=SOURCE)
    found = {}
    for issue, position in entries.order_by("-position").values_list("issue_id", "position"):
        found[issue] = FOREIGN if position == 1 else CHANGED
    return found


def first(logins):
    return logins[0] if logins else None


def past(record):
    """(time, comment) in order of time; (time, None) is the closing, after what was said in that second."""
    events = [(remark.created_at, remark) for remark in record.comments or ()]
    if record.status in Issue.DONE:
        events.append((record.closed_at or record.updated_at, None))
    return sorted(events, key=lambda event: (event[0], event[1] is None))


def merged(extensions, extras):
    """`extensions` with GitHub's `extras`; what is None there is left out."""
    kept = extensions.get("github", {}) | extras
    kept = {name: value for name, value in kept.items() if value is not None}
    others = {name: value for name, value in extensions.items() if name != "github"}
    return others | ({"github": kept} if kept else {})


class People:
    """The members of a space by handle or name, in any case; who is missing becomes a viewer of it."""

    def __init__(self, space):
        self.space = space
        self.load()

    def load(self):
        members = list(User.objects.filter(memberships__space=self.space).order_by("-pk"))
        names = {user.name.casefold(): user for user in members}
        self.found = names | {user.handle.casefold(): user for user in members if user.handle}

    def find(self, login):
        """The person of this login, None for nobody."""
        if login is None:
            return None
        if login.casefold() not in self.found:
            self.found[login.casefold()] = self.make(login)
        return self.found[login.casefold()]

    def make(self, login):
        """Somebody who is only known by name: without an e-mail nobody can sign in as them."""
        user = User.objects.create_user(name=login, handle=login)
        with acting_as(lambda: Actor(source=SOURCE)):
            Membership(space=self.space, user=user, role=Membership.Role.VIEWER).save()
        return user


class Progress:
    """A bar on a terminal, nothing anywhere else."""

    WIDTH = 40

    def __init__(self, total, stream):
        self.total, self.stream, self.done = total, stream, 0
        self.is_shown = stream.isatty()

    def step(self):
        self.done += 1
        if self.is_shown:
            filled = "#" * (self.WIDTH * self.done // self.total)
            self.stream.write(f"\r[{filled:{self.WIDTH}}] {self.done}/{self.total}", ending="")
            self.stream.flush()

    def end(self):
        if self.is_shown:
            self.stream.write("")
