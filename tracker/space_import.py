"""The lines of a space's file (`tracker.space_file`) written into this installation, all or none.

Issues and their entries are records, and so they go in as they are and not through `save()`: that would put
them on record a second time. Uuids stay; one that is taken here becomes another, in the values of history as
well, and its chain is sealed anew.
"""

import re
from collections import Counter as Tally
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.files.storage import default_storage
from django.db import DataError, IntegrityError, models, transaction

from comments.models import Comment, CommentAttachment
from issues.actor import Actor, acting_as
from issues.models import (
    Attachment,
    CountDelta,
    Counter,
    HistoryEntry,
    Issue,
    IssueAttachment,
    IssueChannel,
    IssueLabel,
    IssueTeam,
    Level,
    Membership,
    Occurrence,
    SearchDocument,
    Space,
    TextVersion,
)
from issues.models.count import places
from issues.models.fields import canonical, uuid7
from issues.models.history import digest
from issues.models.insert import insert_many
from issues.models.level import NO_LEVEL_RANK
from issues.models.sets import SETS
from tracker.accounts.models import User
from tracker.github import LAST_NUMBER
from tracker.space_file import (
    END,
    FORMAT,
    HEADER,
    KINDS,
    MORE,
    ORDER,
    VERSION,
    Refused,
    as_reference,
    check_names,
    columns,
    documents,
    parse_value,
    read,
)
from tracker.verification import Broken, Chain, Entry, Verifier

SOURCE = "import"
ROWS = 2_000
# What is said of a file goes into headers and paths.
FILE_FORMS = {
    "content_type": re.compile(r"[\w.+-]+/[\w.+-]+", re.ASCII),
    "sha256": re.compile("[0-9a-f]{64}"),
}
# Before it no UUIDv7 can be minted.
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
KIND_OF = {kind.model: name for name, kind in KINDS.items()}
# What a kind of row is called where history names one, or a list of them.
REFERENCES = {
    column.name: KIND_OF[column.related_model] for column in columns("issue") if column.is_relation
} | {name: KIND_OF[kind.related_model] for name, kind in SETS.items() if name != "labels"}


@dataclass(slots=True)
class Here:
    """A row of the file that other rows name: what it is in this installation."""

    pk: int
    uuid: UUID
    rank: int = NO_LEVEL_RANK


@dataclass(slots=True)
class Owner:
    """The issue whose lines are being read: as the file has it (`chain`, `uuid`), and as it becomes here."""

    number: int
    chain: Chain
    uuid: UUID
    pk: int | None = None
    hash: str = ""
    is_resealed: bool = False
    comments: dict = field(default_factory=dict)


@dataclass(slots=True)
class Row:
    """A line that waits to be written with others of its kind."""

    line: int
    owner: Owner
    values: dict
    more: dict


class SpaceImporter:
    """Writes one file; the attributes then say what became of it. Raises Refused, with nothing written.

    `key` is of the space (the file's own otherwise), `admins` are those of a space that has to be made.
    """

    def __init__(self, key=None, admins=()):
        self.key, self.admins = key, admins
        self.space = self.file = self.owner = None
        self.place, self.line = HEADER, 0
        self.here = {kind: {} for kind in REFERENCES.values()}
        self.waiting = {kind: [] for kind in ("issue", "comment", "entry", "occurrence")}
        self.numbers, self.uuids, self.attached = set(), set(), set()
        self.last_text = ""
        self.texts = []
        self.counts = defaultdict(int)
        self.resealed = self.remapped = self.missing_files = 0

    def run(self, file):
        """Take all lines of a binary file."""
        try:
            with transaction.atomic(), acting_as(lambda: Actor(source=SOURCE)):
                for self.line, said in documents(file):
                    self.take(said)
                self.finish()
        except Refused as refused:
            refused.line = refused.line or self.line or 1
            raise
        except ValidationError as error:
            raise Refused(reason_of(error), self.line) from error
        except (IntegrityError, DataError) as error:
            reason = f"the database refuses this or a line shortly before: {str(error).splitlines()[0]}"
            raise Refused(reason, self.line) from error

    def take(self, said):
        kind = said["type"]
        self.check_place(kind)
        self.place = kind
        getattr(self, f"take_{kind}", self.take_row)(said)
        self.counts[kind] += 1
        if sum(map(len, self.waiting.values())) >= ROWS:
            self.flush()

    def check_place(self, kind):
        """Refused for a line that cannot follow the one before."""
        if kind not in ORDER:
            raise Refused(f"there is no type {kind[:40]!r}")
        if (self.space is None) != (kind == HEADER):
            raise Refused("a header comes first, and once")
        if self.place == END:
            raise Refused("it comes after the end")
        is_next_issue = kind == "issue" and ORDER[self.place] > ORDER["issue"]
        if ORDER[kind] < ORDER[self.place] and not is_next_issue:
            raise Refused(f"no {kind} comes after a line of the type {self.place}")

    # What a space has beside its issues.

    def take_header(self, said):
        if (said.get("format"), said.get("version")) != (FORMAT, VERSION):
            raise Refused(f"it is no file of the format {FORMAT}, version {VERSION}")
        check_names(said, ("type", "format", "version", "space", "default_channel", "system_levels"))
        space, channel = (self.part(said, *of) for of in (("space", "space"), ("default_channel", "channel")))
        # For the chains as the file has them, where rows have no primary keys yet.
        self.file = SimpleNamespace(pk=None, uuid=space["uuid"], key=space["key"])
        self.space = self.open_space(space, channel)
        default = self.space.channels.get(is_default=True)
        self.know("channel", channel["uuid"], default.pk, default.uuid)
        self.default_channel = channel["uuid"]
        self.know_system_levels(said["system_levels"])

    def part(self, said, name, kind):
        if not isinstance(said[name], dict):
            raise Refused(f"{name}: not an object")
        try:
            return read(kind, said[name] | {"type": kind})
        except Refused as refused:
            raise Refused(f"{name}: {refused}") from refused

    def open_space(self, values, channel):
        """The space to write into: a new one, or an empty one that keeps its own settings."""
        key = (self.key or values["key"]).upper()
        space = Space.objects.filter(key=key).lock().first()
        if space is not None:
            Counter.lock(space.pk)
            if Issue.objects.filter(space=space).exists():
                raise Refused(f"the space {key} is here already and not empty")
            self.remapped += space.uuid != values["uuid"]
            return space
        space = Space(**values | {"key": key, "uuid": self.free(Space, values)})
        space.default_channel = channel | {"uuid": self.free(KINDS["channel"].model, channel)}
        space.save()
        for user in self.admins:
            Membership(space=space, user=user, role=Membership.Role.ADMIN).save()
        return space

    def know_system_levels(self, said):
        levels = {level.key: level for level in Level.objects.filter(space=None)}
        if not isinstance(said, dict):
            raise Refused("system_levels: not an object")
        for key, uuid in said.items():
            if key not in levels:
                raise Refused(f"system_levels: there is no level {key[:40]!r} here")
            level = levels[key]
            self.know("level", as_reference("system_levels", uuid), level.pk, level.uuid, level.rank)

    def take_person(self, said):
        """By uuid, else by e-mail, else somebody new, who cannot sign in."""
        values = read("person", said)
        if not values["name"].strip():
            raise Refused("name: a person needs one")
        user = User.objects.filter(uuid=values["uuid"]).first()
        if user is None and values["email"]:
            user = User.objects.filter(email__iexact=values["email"]).first()
        if user is None:
            user = User.objects.create_user(**values)
        if user.pk in {known.pk for known in self.here["person"].values()}:
            raise Refused(f"two people of the file are one here, {user.email or user.name}")
        self.know("person", values["uuid"], user.pk, user.uuid)

    def take_row(self, said):
        """A row of the space: on record in its chain like any other that is made here."""
        kind = said["type"]
        model, values = KINDS[kind].model, read(kind, said)
        row = model(**values | {"uuid": self.free(model, values)}, space=self.space)
        row.save()
        self.know(kind, values["uuid"], row.pk, row.uuid, getattr(row, "rank", NO_LEVEL_RANK))

    def take_attachment(self, said):
        values = read("attachment", said)
        for name, form in FILE_FORMS.items():
            if not form.fullmatch(values[name]):
                raise Refused(f"{name}: not of its form")
        own = {"uuid": self.free(Attachment, values), "uploaded_by": None}
        row = Attachment(**values | own, space=self.space)
        row.uploaded_by_id = self.pk("person", "uploaded_by", values["uploaded_by"])
        models.QuerySet.bulk_create(Attachment.objects.all(), [row])
        self.missing_files += not default_storage.exists(row.file.name)
        self.know("attachment", values["uuid"], row.pk, row.uuid)

    def take_text(self, said):
        values = read("text", said)
        if values["sha256"] <= self.last_text:
            raise Refused("sha256: not after the one before")
        is_blanked = values["blanked_at"] is not None
        if values["text"] if is_blanked else digest(values["text"]) != values["sha256"]:
            raise Refused("text: not what its sha256 says")
        self.last_text = values["sha256"]
        blanked_by = self.pk("person", "blanked_by", values.pop("blanked_by"))
        self.texts.append(TextVersion(**values, blanked_by_id=blanked_by, space=self.space))
        if len(self.texts) >= ROWS:
            self.put_texts()

    def put_texts(self):
        """Texts that are here already stay, unless the file has them blanked."""
        rows, self.texts = self.texts, []
        insert_many(rows, leave_present=True)
        for row in rows:
            if row.blanked_at:
                said = {name: getattr(row, name) for name in ("blanked_at", "blanked_by_id", "blanked_why")}
                stored = TextVersion.objects.filter(space=self.space, sha256=row.sha256, blanked_at=None)
                models.QuerySet.update(stored, text="", **said)

    # Rows that others name.

    def know(self, kind, uuid, *here):
        if uuid in self.here[kind]:
            raise Refused("uuid: an earlier line has it")
        self.here[kind][uuid] = Here(*here)
        self.remapped += here[1] != uuid

    def find(self, kind, name, uuid):
        """What the row of this uuid is here; Refused if the file does not have it."""
        found = self.here[kind].get(uuid)
        if found is None:
            raise Refused(f"{name}: the file has no {kind} {uuid}")
        return found

    def pk(self, kind, name, uuid):
        return None if uuid is None else self.find(kind, name, uuid).pk

    def free(self, model, values):
        """The uuid of a row if nobody has it here, or another."""
        is_taken = model.objects.filter(uuid=values["uuid"]).exists()
        return minted(values) if is_taken else values["uuid"]

    # Issues and what belongs to them: read one by one, written many at a time.

    def take_issue(self, said):
        values = read("issue", said)
        self.check_issue(values)
        more = {name: said[name] for name in MORE["issue"]}
        self.numbers.add(values["number"])
        self.uuids.add(values["uuid"])
        chain = Chain(self.file, {}, values["uuid"])
        self.owner = Owner(values["number"], chain, values["uuid"])
        self.wait("issue", self.columns("issue", values), self.sets(more))

    def check_issue(self, values):
        issue = Issue(status=values["status"], resolution=values["resolution"])
        for name in Issue.PARTICULAR:
            if reason := issue.refusal(name, values[name]):
                raise Refused(f"{name}: {reason.rstrip('.')}")
        issue.normalise_resolution()
        if issue.status != values["status"]:
            raise Refused("resolution: it does not fit the status")
        if not values["title"]:
            raise Refused("title: there is none")
        if not 0 < values["number"] <= LAST_NUMBER:
            raise Refused(f"number: not from 1 to {LAST_NUMBER}")
        if values["number"] in self.numbers:
            raise Refused("number: an earlier issue has it")
        if values["uuid"] in self.uuids:
            raise Refused("uuid: an earlier line has it")

    def columns(self, kind, values):
        """{attname: value} of the columns of a line, with the primary keys of here."""
        found = {}
        for column in columns(kind):
            value = values[column.name]
            if column.is_relation:
                value = self.pk(KIND_OF[column.related_model], column.name, value)
            found[column.attname] = value
        return found

    def sets(self, said):
        """{name: members} of the sets of an issue."""
        labels = said["labels"]
        if not isinstance(labels, dict):
            raise Refused("labels: not an object")
        SETS["labels"].validate(labels)
        channels = self.list_of(said["channels"], "channels")
        for channel in channels:
            if not isinstance(channel, dict) or type(channel.get("is_manual")) is not bool:
                raise Refused("channels: not objects with id and is_manual")
            check_names(channel, ("id", "is_manual"))
        bound = self.members("channels", [channel["id"] for channel in channels])
        if self.here["channel"][self.default_channel].pk in bound:
            raise Refused("channels: the default channel holds every issue by itself")
        return {
            "labels": labels,
            "teams": self.members("teams", said["teams"]),
            "channels": dict(zip(bound, (channel["is_manual"] for channel in channels), strict=True)),
            "attachments": self.files(said["attachments"]),
        }

    def list_of(self, value, name):
        if not isinstance(value, list):
            raise Refused(f"{name}: not a list")
        return value

    def members(self, name, uuids):
        """The primary keys of the rows that a list names."""
        uuids = [as_reference(name, uuid) for uuid in self.list_of(uuids, name)]
        if len(set(uuids)) < len(uuids):
            raise Refused(f"{name}: one is there twice")
        SETS[name].validate(uuids)
        return [self.find(REFERENCES[name], name, uuid).pk for uuid in uuids]

    def files(self, uuids):
        """The primary keys of files; each belongs to one issue or comment."""
        found = self.members("attachments", uuids)
        if self.attached.intersection(found):
            raise Refused("attachments: one belongs to an earlier issue or comment")
        self.attached.update(found)
        return found

    def take_comment(self, said):
        values = self.of_owner("comment", said)
        if values["uuid"] in self.owner.comments:
            raise Refused("uuid: an earlier line has it")
        self.owner.comments[values["uuid"]] = values["uuid"]
        files = {"attachments": self.files(said["attachments"])}
        self.wait("comment", self.columns("comment", values), files)

    def take_entry(self, said):
        values = self.of_owner("entry", said)
        ours = self.columns("entry", values)
        theirs = dict.fromkeys(Entry._fields) | ours | {"subject_type": ""}
        try:
            self.owner.chain.link(Entry(**theirs), values["actor"])
        except Broken as broken:
            raise Refused(f"{self.file.key}-{self.owner.number}{broken}") from broken
        self.wait("entry", ours, {"actor": values["actor"]})

    def take_occurrence(self, said):
        self.wait("occurrence", self.columns("occurrence", self.of_owner("occurrence", said)))

    def of_owner(self, kind, said):
        """What a line of the issue above says."""
        values = read(kind, said)
        if self.owner is None or type(said["issue"]) is not int or said["issue"] != self.owner.number:
            raise Refused(f"issue: the {kind} is not of the issue above")
        return values

    def wait(self, kind, values, more=None):
        self.waiting[kind].append(Row(self.line, self.owner, values, more or {}))

    def flush(self):
        """Write what waits."""
        waiting, self.waiting = self.waiting, {kind: [] for kind in self.waiting}
        for kind, rows in waiting.items():
            self.settle(kind, rows)
        self.put_issues(waiting["issue"])
        self.put_comments(waiting["comment"])
        self.put_documents(row.owner.pk for row in (*waiting["issue"], *waiting["comment"]))
        insert_many([self.entry(row) for row in waiting["entry"]])
        insert_many([Occurrence(**row.values, issue_id=row.owner.pk) for row in waiting["occurrence"]])

    def settle(self, kind, rows):
        """Give rows other uuids where theirs are taken here; Refused where the file has one twice."""
        by_uuid = {}
        for row in rows:
            if by_uuid.setdefault(row.values["uuid"], row) is not row:
                raise Refused("uuid: an earlier line has it", row.line)
        space = "space_id" if kind in ("issue", "entry") else "issue__space_id"
        taken = KINDS[kind].model.objects.filter(uuid__in=by_uuid).order_by()
        for uuid, place in taken.values_list("uuid", space):
            row = by_uuid[uuid]
            if place == self.space.pk:
                raise Refused("uuid: an earlier line has it", row.line)
            row.values["uuid"] = minted(row.values)
            self.remapped += 1
            if kind == "issue":
                row.owner.uuid = row.values["uuid"]
            if kind == "comment":
                row.owner.comments[uuid] = row.values["uuid"]

    def put_issues(self, rows):
        ranks = {level.pk: level.rank for level in self.here["level"].values()}
        issues = [
            Issue(
                **row.values,
                space_id=self.space.pk,
                level_rank=ranks.get(row.values["level_id"], NO_LEVEL_RANK),
            )
            for row in rows
        ]
        self.put_rendered(issues)
        tally = Tally()
        for issue, row in zip(issues, rows, strict=True):
            labels, channels = row.more["labels"], row.more["channels"]
            tags = [("label", key) for key in labels] + [("channel", str(key)) for key in channels]
            tally.update(places(issue, tags))
        CountDelta.objects.append(tally)
        numbers = [row.owner.number for row in rows]
        found = Issue.objects.filter(space=self.space, number__in=numbers).order_by()
        keys = dict(found.values_list("number", "pk"))
        for row in rows:
            row.owner.pk = keys[row.owner.number]
        self.put_sets(rows)

    def put_rendered(self, rows):
        """Write issues or comments as they look; what `#42` links to is known when all are there."""
        for row in rows:
            row.render({})
        insert_many(rows)

    def put_sets(self, rows):
        members = [(row.owner.pk, row.more) for row in rows]
        insert_many(
            [
                IssueLabel(issue_id=pk, space_id=self.space.pk, key=key, value=value)
                for pk, sets in members
                for key, value in sets["labels"].items()
            ]
        )
        insert_many([IssueTeam(issue_id=pk, team_id=team) for pk, sets in members for team in sets["teams"]])
        insert_many(
            [
                IssueChannel(issue_id=pk, channel_id=channel, is_manual=by_hand)
                for pk, sets in members
                for channel, by_hand in sets["channels"].items()
            ]
        )
        insert_many(
            [
                IssueAttachment(issue_id=pk, attachment_id=file)
                for pk, sets in members
                for file in sets["attachments"]
            ]
        )

    def put_comments(self, rows):
        self.put_rendered([Comment(**row.values, issue_id=row.owner.pk) for row in rows])
        uuids = [row.values["uuid"] for row in rows if row.more["attachments"]]
        keys = dict(Comment.objects.filter(uuid__in=uuids).values_list("uuid", "pk")) if uuids else {}
        insert_many(
            [
                CommentAttachment(comment_id=keys[row.values["uuid"]], attachment_id=file)
                for row in rows
                for file in row.more["attachments"]
            ]
        )

    def put_documents(self, keys):
        """What is searched of issues with these primary keys, of which more comments may come later."""
        SearchDocument.objects.rewrite(Issue.objects.filter(pk__in=set(keys)))

    def entry(self, row):
        """A HistoryEntry with the uuids of here, sealed to the one before."""
        owner, values = row.owner, row.values
        try:
            values["old_value"] = self.translated(values["old_value"], values["field"], owner)
            values["new_value"] = self.translated(values["new_value"], values["field"], owner)
        except Refused as refused:
            raise Refused(str(refused), row.line) from refused
        entry = HistoryEntry(**values, space_id=self.space.pk, issue_id=owner.pk, subject_type="")
        actor = row.more["actor"]
        theirs = entry.hash
        entry.seal(owner.hash, self.space.uuid, owner.uuid, actor and self.here["person"][actor].uuid)
        owner.hash = entry.hash
        if entry.hash != theirs and not owner.is_resealed:
            owner.is_resealed = True
            self.resealed += 1
        return entry

    def translated(self, text, name, owner):
        """A value of history with the uuids of here; the text itself where they are the same."""
        if text is None:
            return None
        value = parse_value(text)
        if name == "":
            changed = self.translated_parts(value, REFERENCES)
        elif name == "comments":
            changed = self.translated_comment(value, owner)
        elif name in REFERENCES:
            changed = self.swap(REFERENCES[name], name, value)
        else:
            return text
        return text if changed == value else canonical(changed)

    def translated_parts(self, value, kinds):
        """An object whose parts of these names are uuids or lists of them."""
        if not isinstance(value, dict):
            return value
        return value | {
            name: self.swap(kinds[name], name, value[name]) for name in kinds.keys() & value.keys()
        }

    def translated_comment(self, value, owner):
        value = self.translated_parts(value, {"attachments": "attachment"})
        if not isinstance(value, dict) or "comment" not in value:
            return value
        uuid = as_reference("comment", value["comment"])
        if uuid not in owner.comments:
            raise Refused(f"comment: its issue has no comment {uuid}")
        return value | {"comment": str(owner.comments[uuid])}

    def swap(self, kind, name, value):
        """The uuid of here for one of the file, in order for a list of them."""
        if isinstance(value, list):
            return sorted(self.swap(kind, name, part) for part in value)
        return None if value is None else str(self.find(kind, name, as_reference(name, value)).uuid)

    def take_end(self, said):
        check_names(said, ("type", "lines"))
        if said["lines"] != self.line:
            raise Refused("lines: some are missing or too many")

    def finish(self):
        """Write what still waits, render, and make sure that history holds."""
        if self.place != END:
            raise Refused("the file is cut off: it has no end")
        self.put_texts()
        self.flush()
        if self.numbers:
            Counter.take(self.space.pk, max(self.numbers))
        Issue.objects.filter(space=self.space, description__contains="#").rerender()
        comments = Comment.objects.filter(issue__space=self.space, content__contains="#")
        comments.select_related("issue").rerender()
        for problem in Verifier(Space.objects.filter(pk=self.space.pk)).problems():
            raise Refused(f"its history does not hold: {problem}")


def minted(values):
    """Another uuid for a row that cannot keep its own, of the same time."""
    return uuid7(max(values.get("created_at") or values.get("at") or EPOCH, EPOCH))


def reason_of(error):
    fields = error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
    return "; ".join(f"{name}: {' '.join(said)}".removeprefix(": ") for name, said in fields.items())
