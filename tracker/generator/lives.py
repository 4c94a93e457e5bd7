"""Issues with what becomes of them: rows, and the entries of history that replay to these rows."""

from collections import namedtuple
from datetime import timedelta
from functools import partial
from random import Random
from types import SimpleNamespace

from comments.models import Comment
from issues.markdown import RENDERER_VERSION
from issues.models import HistoryEntry, Issue, IssueLabel, IssueTeam, Occurrence, SearchDocument, TextVersion
from issues.models.fields import canonical, uuid7
from issues.models.history import Member, digest, moment, text_value
from issues.models.issue import stamps
from issues.models.level import NO_LEVEL_RANK
from issues.models.search_document import BREAK, assignee_token, space_token, status_token, value_tokens
from issues.models.sets import show_label
from issues.models.shown import as_json
from tracker.generator import words
from tracker.generator.ground import END, START
from tracker.generator.tables import table

TABLES = (Issue, IssueLabel, IssueTeam, Occurrence, TextVersion, HistoryEntry, Comment, SearchDocument)

KEYS = [
    "area", "customer", "browser", "release", "needs-info", "regression", "component", "region", "flaky",
    "security", "performance", "plan", *words.WORDS[100:148],
]  # fmt: skip
KEY_WEIGHTS = words.zipf(len(KEYS), 1)
# Every third key is a plain tag.
VALUES = [[""] if at % 3 == 1 else words.WORDS[at * 20 : at * 20 + 20] for at in range(len(KEYS))]
VALUE_WEIGHTS = words.zipf(20, 1)
LABELS = (0, 1, 2, 3, 3, 4, 5, 6)

LEVEL_WEIGHTS = (40, 30, 15, 5, 6, 4)
DONE = ("resolved", "closed", "ignored", "excluded"), (60, 30, 7, 3)
UNDONE = ("open", "acknowledged", "in_progress", "pending"), (45, 15, 28, 12)
STEPS = ("acknowledged", "in_progress")
# Nine in twenty are done: hardly a new one, most of the old.
LEAST_DONE, MOST_DONE = 0.1, 0.8
EVENTS = ("comment", "assignee", "level", "label", "unlabel"), (20, 3, 2, 3, 1)
SOURCES = ("web", "api", "datadog", "zylon", "qarion"), (60, 25, 7, 4, 4)
ERRORS = ("TimeoutError", "KeyError", "ConnectionError", "ValueError", "OutOfMemory")
SERVICES = ("checkout", "search", "billing", "gateway", "reports")
# One issue of so many is seen again and again.
OFTEN = 500

# What an issue's own entries leave empty.
BLANK = {"subject_type": "", "subject": None, "token": None, "rule": None}
STATUSES = dict(Issue.Status.choices)


class Chunk(namedtuple("Chunk", "seed serial places total after")):
    """Some of `total` issues: (primary key, serial number, index of its home, number) of each.

    `after` is {index of a home: the last number in it}.
    """

    __slots__ = ()


def prepare(chunk, homes):
    """{model: [row]} of one chunk of issues, the same whatever else is made."""
    chance, found = Random(f"{chunk.seed} {chunk.serial}"), {model: [] for model in TABLES}
    for pk, serial, home, number in chunk.places:
        age = 1 - serial / chunk.total
        created_at = START + (END - START) * ((serial + chance.random()) / chunk.total)
        life = Life(chance, homes[home], pk, number, sharp(created_at))
        life.begin()
        life.go_on(is_done=chance.random() < LEAST_DONE + (MOST_DONE - LEAST_DONE) * age)
        for model, rows in life.rows().items():
            put = table(model).row
            found[model] += [put(row) for row in rows]
    return found


def sharp(at):
    """SQLite writes a full second without its zeros, and compares times as texts."""
    return at.replace(microsecond=at.microsecond or 1)


def person_of(chance, people):
    """Somebody of `people`, of whom the first do most."""
    return people[min(int(len(people) * chance.random() ** 3), len(people) - 1)]


class Life:
    """One issue: `begin()`, `go_on()`, and then `rows()` to write."""

    def __init__(self, chance, home, pk, number, at):
        self.chance, self.home, self.pk, self.number, self.at = chance, home, pk, number, at
        self.uuid = self.new_uuid()
        self.entries, self.comments, self.texts = [], [], {}
        self.version, self.hash = 0, ""
        self.labels, self.teams = {}, []
        # (time, session, user)
        self.sightings = [(at, "", "")]
        self.actor = person_of(chance, home.people)

    def new_uuid(self):
        return uuid7(self.at, self.chance.getrandbits(80))

    def pick(self, rows, odds=1.0):
        """One of `rows`, or None."""
        return self.chance.choice(rows) if self.chance.random() < odds else None

    def text(self, text):
        """What history says of a text, which is kept for it."""
        self.texts[digest(text)] = text
        return text_value(text)

    def begin(self):
        """Somebody, or a program, opens it."""
        chance, home = self.chance, self.home
        self.assignee = person_of(chance, home.people) if chance.random() < 0.6 else None
        self.level = chance.choices(home.levels, LEVEL_WEIGHTS)[0] if chance.random() < 0.8 else None
        self.project, self.environment = self.pick(home.projects, 0.8), self.pick(home.environments, 0.5)
        self.teams = [team for team in (self.pick(home.teams, 0.3),) if team]
        for _ in range(chance.choice(LABELS)):
            self.labels.update([self.new_label()])
        description, html = words.paragraphs(chance, 120)
        error = {}
        if chance.random() < 0.3:
            error = {
                "error_type": chance.choice(ERRORS),
                "service": chance.choice(SERVICES),
                "fingerprint": f"{chance.getrandbits(64):016x}",
            }
        self.said = {
            "title": words.title(chance),
            "description": description,
            "description_format": "md",
            "status": "open",
            "reason": "error" if error else "manual",
            **error,
        }
        self.reporter, self.created_at = self.actor, self.at
        self.status, self.resolved_at, self.closed_at = "open", None, None
        self.html = html
        self.record(Member("created", "", None, self.document()))

    def new_label(self):
        (at,) = self.chance.choices(range(len(KEYS)), cum_weights=KEY_WEIGHTS)
        weights = VALUE_WEIGHTS if len(VALUES[at]) > 1 else None
        return KEYS[at], self.chance.choices(VALUES[at], cum_weights=weights)[0]

    def document(self):
        """What the first entry says."""
        document = self.said | {name: self.text(self.said[name]) for name in ("title", "description")}
        for name in ("level", "assignee", "reporter", "project", "environment"):
            if row := getattr(self, name):
                document[name] = str(row.uuid)
        if self.labels:
            document["labels"] = dict(self.labels)
        if self.teams:
            document["teams"] = [str(team.uuid) for team in self.teams]
        return document | {"number": self.number, "created_at": moment(self.created_at)}

    def go_on(self, is_done):
        """It is talked about, handed over and, if it `is_done`, closed."""
        chance = self.chance
        happens = {
            "comment": self.comment,
            "assignee": self.hand_over,
            "level": self.weigh,
            "label": self.add_label,
            "unlabel": self.remove_label,
        }
        events = [happens[name] for name in chance.choices(*EVENTS, k=chance.randint(0, 6))]
        events += [partial(self.move, status) for status in STEPS if chance.random() < 0.3]
        chance.shuffle(events)
        events.append(partial(self.move, chance.choices(*(DONE if is_done else UNDONE))[0]))
        for at, happen in enumerate(events):
            self.wait(len(events) - at)
            happen()
        if chance.randrange(OFTEN) == 0:
            self.be_seen(chance.randint(5, 200))

    def be_seen(self, often):
        """It happens again, some times within minutes, to a server or in the session of a user."""
        chance = self.chance
        while often > 0:
            at, user = self.at + (END - self.at) * chance.random(), ""
            if chance.random() < 0.5:
                user = f"user-{chance.randrange(5_000):04}"
            session = user and f"{user}-{chance.getrandbits(32):08x}"
            burst = min(often, chance.randint(1, 6))
            often -= burst
            for _ in range(burst):
                seen_at = at + min(timedelta(seconds=600), END - at) * chance.random()
                self.sightings.append((sharp(seen_at), session, user))

    def wait(self, left):
        """Time passes, so that all that is `left` to happen still happens before the end."""
        gap = timedelta(hours=self.chance.expovariate(1 / 30))
        self.at = sharp(self.at + min(gap, (END - self.at) / (left + 1)))
        self.actor = person_of(self.chance, self.home.people)

    def move(self, status):
        if status == self.status:
            return
        old, self.status = self.status, status
        self.resolved_at, self.closed_at = stamps(status, self.resolved_at, self.closed_at, self.at)
        self.record(Member("status_changed", "status", old, status, STATUSES[old], STATUSES[status]))

    def hand_over(self):
        self.refer("assignee", person_of(self.chance, self.home.people), "assignee_changed")

    def weigh(self):
        self.refer("level", self.chance.choices(self.home.levels, LEVEL_WEIGHTS)[0], "priority_changed")

    def refer(self, name, row, action):
        """Let the column `name` refer to `row`."""
        before = getattr(self, name)
        if row is not before:
            setattr(self, name, row)
            values = [each and str(each.uuid) for each in (before, row)]
            self.record(Member(action, name, *values, *(each.name if each else "" for each in (before, row))))

    def add_label(self):
        key, value = self.new_label()
        if key not in self.labels:
            self.labels[key] = value
            said, shown = show_label(key, value)
            self.record(Member("label_added", "labels", None, said, "", shown))

    def remove_label(self):
        if self.labels:
            key = self.chance.choice(list(self.labels))
            said, shown = show_label(key, self.labels.pop(key))
            self.record(Member("label_removed", "labels", said, None, shown, ""))

    def comment(self):
        text, html = words.paragraphs(self.chance, 80)
        comment = {
            "uuid": self.new_uuid(),
            "issue_id": self.pk,
            "author_id": self.actor.pk,
            "content": text,
            "content_rendered": html,
            "renderer_version": RENDERER_VERSION,
            "is_internal": self.chance.random() < 0.1,
            "created_at": self.at,
        }
        self.comments.append(comment)
        said = {
            "comment": str(comment["uuid"]),
            "content": self.text(text),
            "format": "md",
            "is_internal": comment["is_internal"],
            "extensions": "",
        }
        internal = comment["is_internal"]
        self.record(Member("comment_added", "comments", None, said, is_internal=internal, is_hidden=internal))

    def record(self, member):
        """Append an entry to the chain; each is a save of its own."""
        self.version += 1
        if not member.is_hidden:
            self.updated_at, self.updated_by = self.at, self.actor
        entry = SimpleNamespace(
            **BLANK
            | {
                "uuid": self.new_uuid(),
                "space_id": self.home.pk,
                "issue_id": self.pk,
                "position": self.version,
                "version": self.version,
                "action": member.action,
                "field": member.field,
                "old_value": None if member.old_value is None else canonical(member.old_value),
                "new_value": None if member.new_value is None else canonical(member.new_value),
                "old_display": member.old_display,
                "new_display": member.new_display,
                "is_internal": member.is_internal,
                "actor_id": self.actor.pk,
                "source": self.chance.choices(*SOURCES)[0],
                "request_id": f"{self.chance.getrandbits(128):032x}",
                "batch": self.new_uuid(),
                "created_at": self.at,
                "previous_hash": self.hash,
            }
        )
        entry.hash = self.hash = HistoryEntry.computed_hash(entry, self.home.uuid, self.uuid, self.actor.uuid)
        self.entries.append(vars(entry))

    def rows(self):
        """{model: [{attname: value}]} of all that there is of it now.

        What else a table has to hold of every issue, as its text for a search, is one more line here and
        one more name in TABLES.
        """
        space = self.home.pk
        return {
            Issue: [self.row()],
            IssueLabel: [
                {"issue_id": self.pk, "space_id": space, "key": key, "value": value}
                for key, value in self.labels.items()
            ],
            IssueTeam: [{"issue_id": self.pk, "team_id": team.pk} for team in self.teams],
            Occurrence: [
                {
                    "uuid": uuid7(at, self.chance.getrandbits(80)),
                    "issue_id": self.pk,
                    "at": at,
                    "session": session,
                    "user": user,
                }
                for at, session, user in self.sightings
            ],
            TextVersion: [
                {"space_id": space, "sha256": sha256, "text": text} for sha256, text in self.texts.items()
            ],
            HistoryEntry: self.entries,
            Comment: self.comments,
            SearchDocument: [self.search_document()],
        }

    def search_document(self):
        said = [(comment["is_internal"], words.plain(comment["content"])) for comment in self.comments[::-1]]
        error = [words.plain(self.said["error_type"])] if "error_type" in self.said else []
        assignee = self.assignee and self.assignee.pk
        tokens = space_token(self.home.pk), status_token(self.status), assignee_token(assignee)
        return {
            "issue_id": self.pk,
            "title": words.plain(self.said["title"]),
            "description": words.plain(self.said["description"]),
            "comments": BREAK.join([*error, *(text for is_internal, text in said if not is_internal)]),
            "internal": BREAK.join(text for is_internal, text in said if is_internal),
            "tokens": " ".join([*tokens, *value_tokens(self.said)]),
        }

    def row(self):
        references = {
            f"{name}_id": row and row.pk
            for name in ("level", "assignee", "reporter", "project", "environment")
            for row in (getattr(self, name),)
        }
        return (
            self.said
            | references
            | {
                "id": self.pk,
                "uuid": self.uuid,
                "space_id": self.home.pk,
                "number": self.number,
                "description_rendered": self.html,
                "renderer_version": RENDERER_VERSION,
                "status": self.status,
                "level_rank": self.level.rank if self.level else NO_LEVEL_RANK,
                "updated_by_id": self.updated_by.pk,
                "first_seen_at": self.created_at,
                "last_seen_at": max(at for at, *_ in self.sightings),
                "seen_count": len(self.sightings),
                "labels_shown": as_json(self.labels),
                "comment_count": sum(not comment["is_internal"] for comment in self.comments),
                "version": self.version,
                "created_at": self.created_at,
                "updated_at": self.updated_at,
                "resolved_at": self.resolved_at,
                "closed_at": self.closed_at,
            }
        )
