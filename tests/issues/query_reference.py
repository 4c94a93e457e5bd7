"""What a query means, said again and slowly: the tree is walked for each issue, all in memory.

It shares what single conditions are parsed to with the real thing, and nothing else.
"""

from datetime import UTC, date, datetime, timedelta
from unicodedata import category, name, normalize
from zoneinfo import ZoneInfo

from issues.models import Issue
from issues.query.tree import Group, Not, Words

TEXTS = {
    "kind": ["kind"], "service": ["service"], "version": ["first_version", "last_version"],
    "track": ["track"],
    "error.type": ["error_type"], "source": ["resource_type", "resource_name", "resource_id", "alert_id"],
    "platform": ["platform"],
}  # fmt: skip
PARTS = {"title": "title", "description": "description", "error.message": "error_message"}
EXACT = {"fingerprint": "fingerprint", "source.type": "resource_type"}
TIMES = {
    "created": "created_at", "updated": "updated_at", "resolved": "resolved_at", "closed": "closed_at",
    "first_seen": "first_seen_at", "last_seen": "last_seen_at",
}  # fmt: skip
ROWS = {
    "space": ("key", "name"), "level": ("key", "name"), "project": ("name",), "environment": ("name",),
}  # fmt: skip
FLAGS = {
    "open": lambda i: i.status not in ("resolved", "closed", "ignored", "excluded"),
    "active": lambda i: i.status in ("acknowledged", "in_progress", "pending"),
    "done": lambda i: i.status in ("resolved", "closed", "ignored", "excluded"),
    "assigned": lambda i: i.assignee is not None,
    "unassigned": lambda i: i.assignee is None,
    "read": lambda i: i.is_read,
    "unread": lambda i: not i.is_read,
    "anonymous": lambda i: i.is_anonymous,
    "crash": lambda i: i.is_crash,
}


def lower(text):
    return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in text)


def fits(text, pattern, wild=()):
    """Whether a text is a pattern, letter by letter, by the table of all pairs of their beginnings."""
    text, pattern = lower(text), lower(pattern)
    row = [True] + [False] * len(text)
    for at, letter in enumerate(pattern):
        star, one = at in wild and letter == "*", at in wild and letter == "?"
        new = [row[0] and star]
        for index, own in enumerate(text):
            new.append((new[-1] or row[index + 1]) if star else row[index] and (one or own == letter))
        row = new
    return row[-1]


def contains(text, pattern, wild=()):
    return fits(text, f"*{pattern}*", {0, len(pattern) + 1, *(at + 1 for at in wild)})


SIGNS = ("CJK UNIFIED", "HIRAGANA LETTER", "KATAKANA LETTER")


def plain_words(text):
    """The words of a text, letter by letter."""
    found, word = [], ""
    for letter in normalize("NFKC", normalize("NFKC", text).casefold()) + " ":
        is_sign = name(letter, "").startswith(SIGNS)
        if category(letter)[0] in "LMN" and not is_sign:
            word += letter
        elif word:
            found, word = [*found, word], ""
        if is_sign:
            found.append(letter)
    return found


def follow(text, value):
    """Whether the words of a value follow one another in a text; the last may go on where a star stands."""
    wanted = [] if value.is_anything else plain_words(value.text)
    if not wanted:
        return True
    own = plain_words(text)
    for at in range(len(own) - len(wanted) + 1):
        *first, last = own[at : at + len(wanted)]
        if first == wanted[:-1] and (last.startswith(wanted[-1]) if value.wild else last == wanted[-1]):
            return True
    return False


def is_signs(tree):
    return isinstance(tree, Words) and not tree.value.is_anything and not plain_words(tree.value.text)


class Reference:
    """The issues and everything that belongs to them, loaded once; `matching(tree)` are their keys."""

    def __init__(self, user, now, zone="UTC"):
        self.user, self.now, self.zone = user, now, ZoneInfo(zone)
        self.role = user.space_roles()
        related = ("space", "level", "assignee", "reporter", "project", "environment")
        every = Issue.objects.select_related(*related)
        self.issues = [i for i in every if i.space_id in self.role and i.deleted_at is None]
        for issue in self.issues:
            issue.own_labels = dict(issue.label_rows.values_list("key", "value"))
            issue.own_teams = [row.team for row in issue.team_rows.select_related("team")]
            issue.own_channels = [row.channel for row in issue.channel_rows.select_related("channel")]
            issue.own_comments = list(issue.comments.filter(deleted_at=None))
            back = issue.history.filter(action="regressed")
            issue.own_regressions = list(back.values_list("created_at", flat=True))

    def matching(self, tree):
        return {issue.pk for issue in self.issues if self.holds(tree, issue)}

    def holds(self, tree, issue):
        if isinstance(tree, Group):
            return (all if tree.operator == "AND" else any)(self.holds(part, issue) for part in tree.parts)
        if isinstance(tree, Not):
            return is_signs(tree.part) or not self.holds(tree.part, issue)
        if isinstance(tree, Words):
            return any(follow(text, tree.value) for text in self.texts(issue))
        name = {"env": "environment"}.get(tree.key.name, tree.key.name)
        if tree.operator == ":":
            return any(self.equals(name, value, issue) for value in tree.values)
        return self.compares(name, tree.operator, tree.values, issue)

    def texts(self, issue):
        is_member = self.role[issue.space_id] != "viewer"
        said = [c.content for c in issue.own_comments if is_member or not c.is_internal]
        return [issue.title, issue.description, issue.error_type, issue.error_message, *said]

    def equals(self, name, value, issue):
        text, wild = value.text, value.wild
        anything = text == "*" and bool(wild)
        if name == "is":
            return self.flag(text, issue)
        if name in ("has", "no"):
            return self.has(text, issue) == (name == "has")
        if anything and name in (
            "due",
            "regressed",
            "resolved",
            "closed",
            *TEXTS,
            *EXACT,
            *PARTS,
            *ROWS,
            "team",
            "label",
            "language",
        ):
            return self.has(name, issue)
        if name == "status":
            return fits(issue.status, text, wild)
        if name == "severity":
            return (
                issue.level is None if text == "none" else bool(issue.level and issue.level.severity == text)
            )
        if name in ROWS:
            row = getattr(issue, name)
            if text == "none":
                return row is None
            return row is not None and any(fits(getattr(row, column), text, wild) for column in ROWS[name])
        if name in ("assignee", "reporter"):
            return self.person(name, value, issue)
        if name == "team":
            return any(fits(n, text, wild) for t in issue.own_teams for n in (t.name, t.handle)) or (
                text == "none" and not issue.own_teams
            )
        if name == "channel":
            names = ["All", *(channel.name for channel in issue.own_channels)]
            return any(fits(name, text, wild) if wild else name == text for name in names)
        if name == "label":
            return self.label(text, wild, issue)
        if name == "squad" or name.startswith("label."):
            own = issue.own_labels.get(name.removeprefix("label."))
            return own is not None and (fits(own, text, wild) if wild else own == text)
        if name in EXACT:
            own = getattr(issue, EXACT[name])
            return fits(own, text, wild) if wild else own == text
        if name == "language":
            return any(fits(language, text) for language in issue.languages)
        if name in TEXTS:
            return any(fits(getattr(issue, column), text, wild) for column in TEXTS[name])
        if name in PARTS:
            return contains(getattr(issue, PARTS[name]), text, wild)
        if name in ("seen", "number", "comments"):
            return self.number(name, issue) == int(text)
        if name == "key":
            return f"{issue.space.key}-{issue.number}" == text.upper()
        return self.when(name, text, issue)

    def flag(self, name, issue):
        if name == "mine":
            return issue.assignee == self.user
        if name == "overdue":
            today = self.now.astimezone(self.zone).date()
            return FLAGS["open"](issue) and issue.due_on is not None and issue.due_on < today
        if name == "regressed":
            return FLAGS["open"](issue) and bool(issue.own_regressions)
        return FLAGS[name](issue) if name in FLAGS else issue.status == name

    def person(self, name, value, issue):
        person = getattr(issue, name)
        if name == "reporter" and issue.is_anonymous:
            person = None
        if value.text == "none":
            return person is None
        if value.text == "me":
            return person == self.user
        if person is None:
            return False
        handles = [person.handle, f"@{person.handle}"] if person.handle else []
        return any(fits(own, value.text, value.wild) for own in (person.email, person.name, *handles))

    def label(self, text, wild, issue):
        for key, value in issue.own_labels.items():
            if not wild and text in (key, f"{key}:{value}"):
                return True
            if wild and (fits(key, text, wild) or self.is_divided(text, wild, key, value)):
                return True
        return False

    def is_divided(self, text, wild, key, value):
        """Whether there is a colon in the text with the key before and the value after it."""
        for colon in (at for at, letter in enumerate(text) if letter == ":"):
            left, right = {at for at in wild if at < colon}, {at - colon - 1 for at in wild if at > colon}
            head, tail = text[:colon], text[colon + 1 :]
            if (fits(key, head, left) if left else key == head) and (
                fits(value, tail, right) if right else value == tail
            ):
                return True
        return False

    def has(self, name, issue):
        if name.startswith("label."):
            return name.removeprefix("label.") in issue.own_labels
        columns = {**TEXTS, **{part: [column] for part, column in (PARTS | EXACT).items()}}
        if name in columns:
            return any(getattr(issue, column) for column in columns[name])
        return bool(
            {
                "space": issue.space,
                "level": issue.level, "severity": issue.level, "assignee": issue.assignee,
                "project": issue.project,
                "reporter": None if issue.is_anonymous else issue.reporter, "environment": issue.environment,
                "team": issue.own_teams, "label": issue.own_labels, "channel": issue.own_channels,
                "due": issue.due_on, "resolved": issue.resolved_at, "closed": issue.closed_at,
                "language": issue.languages, "regressed": issue.own_regressions,
            }[name]
        )  # fmt: skip

    def number(self, name, issue):
        shown = [comment for comment in issue.own_comments if not comment.is_internal]
        return {"seen": issue.seen_count, "number": issue.number, "comments": len(shown)}[name]

    def compares(self, name, operator, values, issue):
        if name in ("seen", "number", "comments"):
            own = self.number(name, issue)
            if operator == "[":
                low, high = (None if value.text == "*" else int(value.text) for value in values)
                return (low is None or own >= low) and (high is None or own <= high)
            other = int(values[0].text)
            return {">": own > other, ">=": own >= other, "<": own < other, "<=": own <= other}[operator]
        return any(self.is_at(own, name, operator, values) for own in self.moments(name, issue))

    def is_at(self, own, name, operator, values):
        if operator == "[":
            low, high = (value.text for value in values)
            return (low == "*" or own >= self.days(low, name)[0]) and (
                high == "*" or own <= self.days(high, name)[1]
            )
        first, last = self.days(values[0].text, name)
        return {">": own > last, ">=": own >= first, "<": own < first, "<=": own <= last}[operator]

    def when(self, name, text, issue):
        first, last = self.days(text, name)
        if text[0] in "+-":
            now = self.now.astimezone(self.zone).date() if name == "due" else self.now
            first, last = min(first, now), max(last, now)
        return any(first <= own <= last for own in self.moments(name, issue))

    def moments(self, name, issue):
        """The times, or days, that an issue has under this name."""
        if name == "regressed":
            return issue.own_regressions
        own = issue.due_on if name == "due" else getattr(issue, TIMES[name])
        return [] if own is None else [own]

    def days(self, text, name):
        """The first and the last moment, or day, that a text stands for."""
        today = self.now.astimezone(self.zone).date()
        if text in ("yesterday", "today", "tomorrow"):
            day = today + timedelta(days=("yesterday", "today", "tomorrow").index(text) - 1)
        elif text[0] in "+-":
            at = self.now + int(text[:-1]) * timedelta(hours={"h": 1, "d": 24, "w": 168}[text[-1]])
            return (at.astimezone(self.zone).date(),) * 2 if name == "due" else (at, at)
        else:
            day = date.fromisoformat(text)
        if name == "due":
            return day, day
        start = datetime(day.year, day.month, day.day, tzinfo=self.zone).astimezone(UTC)
        after = day + timedelta(days=1)
        end = datetime(after.year, after.month, after.day, tzinfo=self.zone).astimezone(UTC)
        return start, end - timedelta(microseconds=1)
