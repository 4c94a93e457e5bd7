"""How the demo's stories are written down, and how they come into a database: in the order of time."""

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import partial
from hashlib import sha256

from django.core.files.base import ContentFile

from comments.models import Comment
from issues.actor import Actor, acting_as
from issues.models import Attachment, Channel, Environment, Issue, Level, Occurrence, Project, Space, Team
from issues.models.fields import uuid7
from tracker.accounts.models import ApiToken
from tracker.demo.ground import ISSUES, SPACES, ours

SPAN = re.compile(r"([+-])(\d+)([mh])")
OTHER = re.compile(r"\[\[([\w-]+)\]\]")
NAMED = {"level": Level, "project": Project, "environment": Environment}
NAMED_SETS = {"teams": Team, "channels": Channel}
SETS = ("labels", *NAMED_SETS)
TEXTS = ("title", "description", "error_message")


@dataclass(frozen=True)
class Story:
    """An issue and what became of it: `then` holds steps (time, handle, what) and, where it was not the
    page, (time, handle, what, source).

    Times are texts: `12 09:40` is on the twelfth working day before today, `-25m` and `-3h` are before now,
    `+12m` and `+3h` after the beginning. Texts name the issues of other stories as `[[name]]`.
    """

    name: str
    space: str
    at: str
    by: str | None
    source: str
    fields: dict
    then: tuple


@dataclass(frozen=True)
class Note:
    """A comment for the members of the space alone."""

    text: str


@dataclass(frozen=True)
class Change:
    """Fields and sets that change, under the names that `IssueQuerySet.change()` has for them."""

    fields: dict


@dataclass(frozen=True)
class Seen:
    """`count` more sightings from this step's time to `until`; the first may open the issue again."""

    count: int
    until: str
    version: str = ""


@dataclass(frozen=True)
class Paper:
    """A file for the issue, whose bytes a function makes."""

    name: str
    content: object


@dataclass(frozen=True)
class Trash:
    """The issue is deleted."""


def story(name, space, at, *, by=None, source="web", then=(), **fields):
    return Story(name, space, at, by, source, fields, tuple(then))


def change(**fields):
    return Change(fields)


def moment(spec, now, start=None):
    """The time that a text of a story means; `start` is when the story begins."""
    if found := SPAN.fullmatch(spec):
        sign, number, unit = found.groups()
        length = timedelta(minutes=int(number) * (60 if unit == "h" else 1))
        return start + length if sign == "+" else now - length
    days, clock = spec.split()
    # Nobody writes at the full minute.
    odd = fraction(spec) * 60
    at = datetime.combine(working_days_before(now.date(), int(days)), time.fromisoformat(clock), now.tzinfo)
    return at + timedelta(seconds=odd)


def working_days_before(day, number):
    while number:
        day -= timedelta(days=1)
        number -= day.weekday() < 5
    return day


def fraction(text):
    """A number from 0 to 1 that looks like chance and is the same at every run."""
    return int(sha256(text.encode()).hexdigest()[:12], 16) / 16**12


class Teller:
    """Tells stories of these `people`, by handle, into the spaces of bootstrap, as of `now`."""

    def __init__(self, now, people):
        self.now, self.people = now, people
        self.spaces = {key: ours(Space, key) for key in SPACES}
        # Stories go on with the issues that are there, and begin the others.
        self.issues = {name: ours(Issue, f"{key} {name}") for key, name, _, _ in ISSUES}
        tokens = ApiToken.objects.filter(user__in=people.values(), scope=ApiToken.Scope.WRITE)
        self.tokens = {token.user_id: token.uuid for token in tokens}
        self.rows = {
            (model, row.space_id, str(row)): row
            for model in (Level, Project, Environment, Team, Channel)
            for row in model.objects.all()
        }

    def tell(self, stories, events=()):
        """Let everything in the stories happen, and the `events` (time, handle, function), in their order."""
        todo = [(moment(at, self.now), partial(self.do, handle, act)) for at, handle, act in events]
        for tale in stories:
            start = moment(tale.at, self.now)
            if tale.name not in self.issues:
                todo.append((start, partial(self.begin, tale)))
            for when, handle, what, *source in tale.then:
                act = partial(self.go_on, tale, handle, what, *source or ["web"])
                todo.append((moment(when, self.now, start), act))
        for at, act in sorted(todo, key=lambda item: item[0]):
            act(at)

    def do(self, handle, act, at):
        with self.acting(handle, "web", at):
            act()

    def begin(self, tale, at):
        space, reporter = self.spaces[tale.space], self.people.get(tale.by)
        fields = self.resolved(space, tale.fields)
        sets = {name: fields.pop(name) for name in SETS if name in fields}
        issue = Issue(space=space, uuid=uuid7(at), reporter=reporter, **fields)
        for name, members in sets.items():
            setattr(issue, name, members)
        with self.acting(tale.by, tale.source, at):
            issue.save()
        self.issues[tale.name] = issue

    def go_on(self, tale, handle, what, source, at):
        issue = self.issues[tale.name]
        with self.acting(handle, source, at):
            match what:
                case str() | Note():
                    self.comment(issue, handle, what, at)
                case Change(fields):
                    Issue.objects.filter(pk=issue.pk).change(**self.resolved(issue.space, fields))
                case Seen():
                    self.see(issue, what, at)
                case Paper(name, content):
                    upload = ContentFile(content(), name)
                    file = Attachment.of(upload, space=issue.space, by=self.people[handle])
                    file.created_at = at
                    file.save()
                    issue.wish("attachments", add=[file])
                    issue.save()
                case Trash():
                    issue.trash()

    def comment(self, issue, handle, what, at):
        is_internal = isinstance(what, Note)
        Comment(
            issue=issue,
            author=self.people[handle],
            uuid=uuid7(at),
            content=self.linked(what.text if is_internal else what),
            is_internal=is_internal,
        ).save()

    def see(self, issue, seen, at):
        """The first sighting counts like any, for it may open the issue again; the others come in one go."""
        end = moment(seen.until, self.now, issue.created_at)
        shares = sorted(fraction(f"{issue.title} {number}") for number in range(seen.count - 1))
        version = seen.version or issue.first_version
        sightings = [
            Occurrence(
                issue=issue,
                at=at + share * (end - at),
                session=f"{share:.8f}"[2:],
                user=f"user-{int(share * 1e6) % 400:04}",
                version=version,
                track=issue.track,
            )
            for share in shares
        ]
        issue.count_sighting(at=at, version=version)
        issue.count_sightings(sightings)

    def acting(self, handle, source, at):
        user = self.people.get(handle)
        token = None if source == "web" or user is None else self.tokens.get(user.pk)
        return acting_as(lambda: Actor(user=user, token=token, source=source, at=at))

    def resolved(self, space, fields):
        """The rows, dates and links that the words of a story mean."""
        found = {}
        for name, value in fields.items():
            if model := NAMED.get(name):
                found[name] = self.row(model, space, value)
            elif model := NAMED_SETS.get(name.removeprefix("add_").removeprefix("remove_")):
                found[name] = [self.row(model, space, member) for member in value]
            elif name == "assignee":
                found[name] = self.people.get(value)
            elif name == "due":
                found["due_on"] = self.now.date() + timedelta(days=value)
            else:
                found[name] = self.linked(value) if name in TEXTS else value
        return found

    def row(self, model, space, name):
        """The row of this name, of the space or the system's."""
        return self.rows.get((model, space.pk, name)) or self.rows[model, None, name]

    def linked(self, text):
        return OTHER.sub(lambda match: self.issues[match[1]].key, text)
