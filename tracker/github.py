"""Issues as GitHub exports them, checked and put into our words; nothing here touches the database."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils import timezone

from issues.limits import COMMENTS, LABEL_KEY, LABELS, NAME, TEXT, TITLE, refusal

# What a reference like MLS-123456789 can say.
LAST_NUMBER = 999_999_999
# A UUIDv7 counts from here.
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
# How far another computer's clock may be ahead.
AHEAD = timedelta(days=1)


class BadFile(Exception):
    """The file is no export at all."""


class BadRecord(Exception):
    """One record of it cannot be taken, and why."""


@dataclass(slots=True)
class Remark:
    """A comment. `extras` are what we have no column for, None where GitHub says that there is nothing."""

    author: str | None
    content: str
    created_at: datetime
    edited_at: datetime | None
    extras: dict


@dataclass(slots=True)
class Record:
    """An issue; a part that an export left out, as `gh issue list --json title` does, is None."""

    number: int
    title: str
    author: str | None
    created_at: datetime
    updated_at: datetime
    closed_at: datetime | None
    status: str | None
    description: str | None
    labels: dict | None
    assignees: list | None
    comments: list | None
    extras: dict


def load(data):
    """(records as they are, name of the repository or None) of the bytes of an export in either form.

    One form is the list that `gh issue list --json …` prints, the other an object with a list `issues`.
    Raises BadFile.
    """
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadFile("it is not JSON") from error
    issues = document.get("issues") if isinstance(document, dict) else document
    if not isinstance(issues, list):
        raise BadFile("it is neither a list of issues nor an object with a list `issues`")
    repo = document.get("repo") if isinstance(document, dict) else None
    return issues, repo if isinstance(repo, str) and repo else None


def number_of(raw):
    """The number of a record, or None if it has none that can be used."""
    number = raw.get("number") if isinstance(raw, dict) else None
    return number if type(number) is int and 0 < number <= LAST_NUMBER else None


def parse(raw):
    """The Record of one element of the list; BadRecord if it is none."""
    if not isinstance(raw, dict):
        raise BadRecord("it is no object")
    number = number_of(raw)
    if number is None:
        raise BadRecord(f"number: not a whole number from 1 to {LAST_NUMBER}")
    created_at = time_of(raw, "createdAt", required=True)
    comments = remarks(raw)
    last = max([created_at, *(remark.created_at for remark in comments or ())])
    updated_at = max(later(raw, "updatedAt", created_at) or last, last)
    status, closed_at = state(raw, created_at)
    return Record(
        number=number,
        title=title(raw),
        author=person(raw.get("author"), "author"),
        created_at=created_at,
        updated_at=max(updated_at, closed_at or updated_at),
        closed_at=closed_at,
        status=status,
        description=body(raw) if "body" in raw else None,
        labels=labels(raw),
        assignees=assignees(raw),
        comments=comments,
        extras=extras(raw),
    )


def title(raw):
    text = string(raw, "title", TITLE) or ""
    if not text.strip():
        raise BadRecord("title: there is none")
    if "\n" in text or "\r" in text:
        raise BadRecord("title: more than one line")
    return text


def body(raw):
    """A text as it was typed; GitHub says null for an empty one."""
    return string(raw, "body", TEXT) or ""


def state(raw, created_at):
    """(status, time of closing or None): `closed`, but `ignored` if it was closed as not planned."""
    given, reason = string(raw, "state", NAME), string(raw, "stateReason", NAME)
    if given is None:
        return None, None
    if given.upper() == "OPEN":
        return "open", None
    if given.upper() != "CLOSED":
        raise BadRecord(f"state: {given[:40]!r} is neither OPEN nor CLOSED")
    closed_at = later(raw, "closedAt", created_at)
    return "ignored" if (reason or "").upper() == "NOT_PLANNED" else "closed", closed_at


def remarks(raw):
    """The comments in order of time."""
    listed = items(raw, "comments", COMMENTS)
    if listed is None:
        return None
    found = []
    for place, comment in enumerate(listed, 1):
        try:
            found.append(remark(comment))
        except BadRecord as bad:
            raise BadRecord(f"comment {place}: {bad}") from bad
    return sorted(found, key=lambda remark: remark.created_at)


def remark(raw):
    if not isinstance(raw, dict):
        raise BadRecord("it is no object")
    created_at, updated_at = time_of(raw, "createdAt", required=True), time_of(raw, "updatedAt")
    return Remark(
        author=person(raw.get("author"), "author"),
        content=body(raw),
        created_at=created_at,
        edited_at=updated_at if updated_at and updated_at > created_at else None,
        extras=scalars(raw, "id", "url", "authorAssociation"),
    )


def labels(raw):
    """{name: ""}"""
    listed = items(raw, "labels", LABELS)
    return None if listed is None else {named(label, "name", "labels", LABEL_KEY): "" for label in listed}


def assignees(raw):
    """Their logins, each once."""
    listed = items(raw, "assignees", LABELS)
    if listed is None:
        return None
    found = dict.fromkeys(person(assignee, "assignees") for assignee in listed)
    return [login for login in found if login]


def extras(raw):
    """What would be lost otherwise, under GitHub's own names, None for what it says is nothing."""
    found = scalars(raw, "id", "url", "authorAssociation", "stateReason")
    if "milestone" in raw:
        milestone = raw["milestone"]
        found["milestone"] = named(milestone, "title", "milestone", TITLE) if milestone else None
    others = assignees(raw)
    if others is not None:
        found["assignees"] = others[1:] or None
    return found


def scalars(raw, *names):
    """The short texts and numbers of `raw` that are there, None for empty ones."""
    found = {}
    for name in names:
        if name in raw:
            value = raw[name]
            is_number = type(value) is int and abs(value) < 2**53
            found[name] = value if is_number else string(raw, name, TITLE) or None
    return found


def person(raw, place):
    """A login; None for nobody, which is what GitHub says of a person who is gone."""
    login = raw.get("login") if isinstance(raw, dict) else raw
    return None if login in (None, "") else named(login, "login", place, NAME)


def named(raw, name, place, most):
    """The text that `raw` is, or has under `name`; one line, not blank."""
    text = raw.get(name) if isinstance(raw, dict) else raw
    text = string({place: text}, place, most) or ""
    if not text.strip() or "\n" in text or "\r" in text:
        raise BadRecord(f"{place}: a name is blank or not one line")
    return text


def string(raw, name, most):
    """The text under `name` or None; BadRecord if it is something else, too long, or cannot be kept."""
    text = raw.get(name)
    if text is None:
        return None
    if not isinstance(text, str):
        raise BadRecord(f"{name}: not a text")
    if len(text) > most:
        raise BadRecord(f"{name}: more than {most} characters")
    if reason := refusal(text):
        raise BadRecord(f"{name}: {reason}")
    return text


def items(raw, name, most):
    """The list under `name`, or None if the export left it out."""
    found = raw.get(name)
    if found is not None and not isinstance(found, list):
        raise BadRecord(f"{name}: not a list")
    if found and len(found) > most:
        raise BadRecord(f"{name}: more than {most}")
    return found


def later(raw, name, first):
    """The time under `name` or None; BadRecord if it is before `first`."""
    at = time_of(raw, name)
    if at is not None and at < first:
        raise BadRecord(f"{name}: before createdAt")
    return at


def time_of(raw, name, required=False):
    """The time under `name` in UTC, or None; BadRecord if it is no time, or none that can have been."""
    text = string(raw, name, 40)
    if not text:
        if required:
            raise BadRecord(f"{name}: there is none")
        return None
    try:
        at = datetime.fromisoformat(text)
        at = at.astimezone(UTC) if at.tzinfo else None
    except (ValueError, OverflowError):
        at = None
    if at is None or not EARLIEST <= at <= timezone.now() + AHEAD:
        raise BadRecord(f"{name}: {text!r} is no time that has been")
    return at
