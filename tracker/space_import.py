"""The lines of a space's file (`tracker.space_file`) written into this installation, all or none.

Issues and their entries are records, and so they go in as they are and not through `save()`: that would put
them on record a second time. Uuids stay; one that is taken here becomes another, in the values of history as
well, and its chain is sealed anew.
"""

import re
from array import array
from collections import Counter as Tally
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from types import SimpleNamespace
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.files.storage import default_storage
from django.db import DataError, IntegrityError, connection, models, transaction

from comments.models import Comment, CommentAttachment
from issues import markdown
from issues.actor import Actor, acting_as
from issues.models import (
    Attachment,
    Counter,
    HistoryEntry,
    Issue,
    Level,
    Membership,
    Occurrence,
    SearchDocument,
    Space,
    TextVersion,
)
from issues.models.count import repair
from issues.models.fields import canonical, uuid7
from issues.models.history import digest
from issues.models.insert import table
from issues.models.level import NO_LEVEL_RANK
from issues.models.search_document import MOST, SAID, document
from issues.models.sets import SETS
from tracker.accounts.models import User
from tracker.github import LAST_NUMBER
from tracker.space_file import (
    END,
    FORMAT,
    HEADER,
    KINDS,
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
from tracker.verification import (
    ISSUES,
    REDACTED,
    UNREADABLE,
    Broken,
    Entry,
    IssueChain,
    Remark,
    Uuids,
    Verifier,
    chunks,
    texts_named,
)

SOURCE = "import"
ROWS = 2_000
# What is said of a file goes into headers and paths.
FILE_FORMS = {
    "content_type": re.compile(r"[\w.+-]+/[\w.+-]+", re.ASCII),
    "sha256": re.compile("[0-9a-f]{64}"),
}
# Before it no UUIDv7 can be minted.
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# What is asked of every issue alike is asked of this one.
SOME_ISSUE = Issue()
KIND_OF = {kind.model: name for name, kind in KINDS.items()}
# What a kind of row is called where history names one, or a list of them.
REFERENCES = {
    column.name: KIND_OF[column.related_model] for column in columns("issue") if column.is_relation
} | {name: KIND_OF[kind.related_model] for name, kind in SETS.items() if name != "labels"}


@dataclass(slots=True)
class Here:
    """A row of the file that other rows name: what it is in this installation."""

    pk: int
    uuid: str
    rank: int = NO_LEVEL_RANK
    # Of a file: whether it is on an issue or a comment.
    is_attached: bool = False


class AsInFile(Uuids):
    """Stands in for the uuids of rows where rows are named by them anyway."""

    def __missing__(self, key):
        return key[1]


@dataclass(slots=True)
class Owner:
    """An issue whose lines are being read: as the file has it, and its uuid, key and last hash here.

    It is doubtful if its chain is to be walked when all is written: where what is here is not just what the
    file says, and where what the file says does not add up.
    """

    values: dict
    sets: dict
    chain: IssueChain
    uuid: str
    pk: int | None = None
    hash: str = ""
    # {uuid in the file: uuid here}, and what the chain has to say of each.
    comments: dict = field(default_factory=dict)
    remarks: list = field(default_factory=list)
    is_complete: bool = False
    is_changed: bool = False
    is_resealed: bool = False
    is_doubtful: bool = False


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
        self.waits = 0
        self.is_new = False
        self.last_text, self.texts, self.blanked = "", [], set()
        # Texts that history names, as (its issue, digest), to be looked for with the next rows.
        self.named = []
        self.highest = 0
        # The numbers of issues whose chains are walked at the end.
        self.doubtful = array("Q")
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
        if self.waits >= ROWS:
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
        self.know("channel", channel["uuid"], default.pk, str(default.uuid))
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
            self.remapped += str(space.uuid) != values["uuid"]
            return space
        self.is_new = True
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
            self.know("level", as_reference("system_levels", uuid), level.pk, str(level.uuid), level.rank)

    def take_person(self, said):
        """By uuid, else by e-mail, else somebody new, who cannot sign in."""
        values = read("person", said)
        if not values["name"].strip():
            raise Refused("name: a person needs one")
        user = User.objects.filter(uuid=values["uuid"]).first()
        if user is None and values["email"]:
            user = User.objects.filter(email__iexact=values["email"]).first()
        if user is None:
            user = User.objects.create_user(**values | {"uuid": UUID(values["uuid"])})
        if user.pk in {known.pk for known in self.here["person"].values()}:
            raise Refused(f"two people of the file are one here, {user.email or user.name}")
        self.know("person", values["uuid"], user.pk, str(user.uuid))

    def take_row(self, said):
        """A row of the space: on record in its chain like any other that is made here."""
        kind = said["type"]
        model, values = KINDS[kind].model, read(kind, said)
        row = model(**values | {"uuid": self.free(model, values)}, space=self.space)
        row.save()
        self.know(kind, values["uuid"], row.pk, str(row.uuid), getattr(row, "rank", NO_LEVEL_RANK))

    def take_attachment(self, said):
        values = read("attachment", said)
        for name, form in FILE_FORMS.items():
            if not form.fullmatch(values[name]):
                raise Refused(f"{name}: not of its form")
        by = self.pk("person", "uploaded_by", values["uploaded_by_id"])
        own = {"uuid": self.free(Attachment, values), "uploaded_by_id": by}
        row = Attachment(**values | own, space=self.space)
        models.QuerySet.bulk_create(Attachment.objects.all(), [row])
        self.missing_files += not default_storage.exists(row.file.name)
        self.know("attachment", values["uuid"], row.pk, str(row.uuid))

    def take_text(self, said):
        values = read("text", said)
        if values["sha256"] <= self.last_text:
            raise Refused("sha256: not after the one before")
        is_blanked = values["blanked_at"] is not None
        if values["text"] if is_blanked else digest(values["text"]) != values["sha256"]:
            raise Refused("text: not what its sha256 says")
        self.last_text = values["sha256"]
        if is_blanked:
            self.blanked.add(self.last_text)
        by = self.pk("person", "blanked_by", values["blanked_by_id"])
        self.texts.append(values | {"space_id": self.space.pk, "blanked_by_id": by})
        if len(self.texts) >= ROWS:
            self.put_texts()

    def put_texts(self):
        """Texts that are here already stay, unless the file has them blanked."""
        texts, self.texts = self.texts, []
        put(TextVersion, texts, leave_present=True)
        for text in texts:
            if text["blanked_at"]:
                said = {name: text[name] for name in ("blanked_at", "blanked_by_id", "blanked_why")}
                stored = TextVersion.objects.filter(space=self.space, sha256=text["sha256"], blanked_at=None)
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
        return minted(values) if is_taken else UUID(values["uuid"])

    # Issues and what belongs to them: read one by one, written many at a time.

    def take_issue(self, said):
        self.complete()
        values = read("issue", said)
        self.check_issue(values)
        sets = self.sets(said)
        chain = IssueChain(self.file, AsInFile(), values["uuid"])
        self.owner = Owner(values, sets, chain, values["uuid"])
        self.wait("issue", self.as_here("issue", values))

    def check_issue(self, values):
        for name in Issue.PARTICULAR:
            if values[name] and (reason := SOME_ISSUE.refusal(name, values[name])):
                raise Refused(f"{name}: {reason.rstrip('.')}")
        SOME_ISSUE.status, SOME_ISSUE.resolution = values["status"], values["resolution"]
        SOME_ISSUE.normalise_resolution()
        if SOME_ISSUE.status != values["status"]:
            raise Refused("resolution: it does not fit the status")
        if not values["title"]:
            raise Refused("title: there is none")
        if not 0 < values["number"] <= LAST_NUMBER:
            raise Refused(f"number: not from 1 to {LAST_NUMBER}")

    def as_here(self, kind, values):
        """The values of a line with the primary keys of here."""
        keys = {attname: self.pk(of, name, values[attname]) for name, attname, of in relations(kind)}
        return values | keys

    def sets(self, said):
        """{set: {member, by its uuid in the file: value}} of an issue."""
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
        if self.default_channel in bound:
            raise Refused("channels: the default channel holds every issue by itself")
        return {
            "labels": labels,
            "teams": dict.fromkeys(self.members("teams", said["teams"])),
            "channels": dict(zip(bound, (channel["is_manual"] for channel in channels), strict=True)),
            "attachments": dict.fromkeys(self.files(said["attachments"])),
        }

    def list_of(self, value, name):
        if not isinstance(value, list):
            raise Refused(f"{name}: not a list")
        return value

    def members(self, name, uuids):
        """The uuids of the rows that a list names."""
        uuids = [as_reference(name, uuid) for uuid in self.list_of(uuids, name)]
        if len(set(uuids)) < len(uuids):
            raise Refused(f"{name}: one is there twice")
        SETS[name].validate(uuids)
        for uuid in uuids:
            self.find(REFERENCES[name], name, uuid)
        return uuids

    def files(self, uuids):
        """The uuids of files; each belongs to one issue or comment."""
        found = self.members("attachments", uuids)
        for uuid in found:
            here = self.here["attachment"][uuid]
            if here.is_attached:
                raise Refused("attachments: one belongs to an earlier issue or comment")
            here.is_attached = True
        return found

    def take_comment(self, said):
        values, owner = self.of_owner("comment", said), self.owner
        if values["uuid"] in owner.comments:
            raise Refused("uuid: an earlier line has it")
        owner.comments[values["uuid"]] = values["uuid"]
        files = self.files(said["attachments"])
        remark = Remark._make(map(values.get, Remark._fields))
        owner.remarks.append((remark.uuid, remark.document(dict(enumerate(files))), remark.deleted_at))
        self.wait("comment", self.as_here("comment", values), {"attachments": files})

    def take_entry(self, said):
        values = self.of_owner("entry", said) | {"subject_type": "", "subject": None}
        ours = self.as_here("entry", values)
        entry = Entry._make(map(values.get, Entry._fields))
        try:
            self.owner.chain.link(entry, entry.actor_id)
        except Broken as broken:
            raise Refused(f"{self.file.key}-{self.owner.values['number']}{broken}") from broken
        self.replay(entry)
        self.wait("entry", ours, {"actor": entry.actor_id})

    def replay(self, entry):
        """Add up what happened to the issue above; Refused where it names what the file has not."""
        owner = self.owner
        old, new = (
            None if text is None else parse_value(text) for text in (entry.old_value, entry.new_value)
        )
        for value in (old, new):
            if value is not None and self.translated(value, entry.field, owner) != value:
                owner.is_changed = True
        try:
            for side in (old, new):
                self.named += [(owner, sha) for sha in texts_named(entry, side).values()]
            if entry.action == REDACTED:
                self.doubt(owner)
            elif not owner.is_doubtful:
                owner.chain.apply(entry, old, new)
        except (Broken, *UNREADABLE):
            self.doubt(owner)

    def complete(self):
        """All lines of the issue above are read: compare them with what its history adds up to."""
        owner = self.owner
        if owner is None:
            return
        owner.is_complete = True
        if owner.is_doubtful:
            return
        sets = {
            name: found if name == "labels" else dict.fromkeys(found) for name, found in owner.sets.items()
        }
        try:
            owner.chain.end(owner.values["version"])
            owner.chain.compare(SimpleNamespace(**owner.values), sets, owner.remarks)
        except (Broken, *UNREADABLE):
            self.doubt(owner)

    def doubt(self, owner):
        if not owner.is_doubtful:
            owner.is_doubtful = True
            self.doubtful.append(owner.values["number"])

    def take_occurrence(self, said):
        self.wait("occurrence", self.as_here("occurrence", self.of_owner("occurrence", said)))

    def of_owner(self, kind, said):
        """What a line of the issue above says."""
        values = read(kind, said)
        if (
            self.owner is None
            or type(said["issue"]) is not int
            or said["issue"] != self.owner.values["number"]
        ):
            raise Refused(f"issue: the {kind} is not of the issue above")
        return values

    def wait(self, kind, values, more=None):
        self.waits += 1
        self.waiting[kind].append(Row(self.line, self.owner, values, more or {}))

    def flush(self):
        """Write what waits."""
        self.put_texts()
        waiting, self.waiting, self.waits = self.waiting, {kind: [] for kind in self.waiting}, 0
        self.check_numbers(waiting["issue"])
        for kind, rows in waiting.items():
            self.settle(kind, rows)
        self.check_texts()
        self.put_issues(waiting["issue"])
        self.put_comments(waiting["comment"])
        self.put_documents(waiting["issue"], waiting["comment"])
        put(HistoryEntry, [self.entry(row) for row in waiting["entry"]])
        put(Occurrence, [row.values | {"issue_id": row.owner.pk} for row in waiting["occurrence"]])

    def check_numbers(self, rows):
        """Refused where the file has a number twice; hardly one of an export comes after a higher one."""
        late = {}
        for row in rows:
            number = row.values["number"]
            if number > self.highest:
                self.highest = number
            elif late.setdefault(number, row) is not row:
                raise Refused("number: an earlier issue has it", row.line)
        waiting = Tally(row.values["number"] for row in rows)
        written = Issue.objects.filter(space=self.space, number__in=late).order_by() if late else ()
        there = {issue.number for issue in written}
        for number, row in late.items():
            if number in there or waiting[number] > 1:
                raise Refused("number: an earlier issue has it", row.line)

    def settle(self, kind, rows):
        """Give rows other uuids where theirs are taken here; Refused where the file has one twice."""
        by_uuid = {}
        for row in rows:
            if by_uuid.setdefault(row.values["uuid"], row) is not row:
                raise Refused("uuid: an earlier line has it", row.line)
        model = KINDS[kind].model
        taken = present(model, "uuid", by_uuid)
        if not taken:
            return
        space = "space_id" if kind in ("issue", "entry") else "issue__space_id"
        for uuid, place in model.objects.filter(uuid__in=taken).order_by().values_list("uuid", space):
            row = by_uuid[str(uuid)]
            if place == self.space.pk:
                raise Refused("uuid: an earlier line has it", row.line)
            row.values["uuid"] = str(minted(row.values))
            self.remapped += 1
            if kind == "issue":
                row.owner.uuid = row.values["uuid"]
            if kind == "comment":
                row.owner.comments[str(uuid)] = row.values["uuid"]

    def check_texts(self):
        """Doubt the issues whose history names a text that is missing or blanked."""
        named, self.named = self.named, []
        wanted = {sha for _, sha in named if isinstance(sha, str)}
        known = present(TextVersion, "sha256", wanted, self.space) - self.blanked
        for owner, sha in named:
            if not isinstance(sha, str) or sha not in known:
                self.doubt(owner)

    def put_issues(self, rows):
        ranks = {level.pk: level.rank for level in self.here["level"].values()}
        keys = table(Issue, with_key=True).new_keys(len(rows))
        for row, key in zip(rows, keys, strict=True):
            rank = ranks.get(row.values["level_id"], NO_LEVEL_RANK)
            row.values |= {"id": key, "space_id": self.space.pk, "level_rank": rank}
            row.values |= rendering(Issue, row.values)
            row.owner.pk = key
        put(Issue, [row.values for row in rows], with_key=True)
        self.put_sets([row.owner for row in rows])

    def put_sets(self, owners):
        labels, *related = SETS.values()
        put(
            labels.through,
            [
                {"issue_id": owner.pk, "space_id": self.space.pk, "key": key, "value": value}
                for owner in owners
                for key, value in owner.sets["labels"].items()
            ],
        )
        for kind in related:
            here, column = self.here[REFERENCES[kind.name]], f"{kind.member}_id"
            rows = [
                {"issue_id": owner.pk, column: here[uuid].pk} | self.binding(kind, value)
                for owner in owners
                for uuid, value in owner.sets[kind.name].items()
            ]
            put(kind.through, rows)

    def binding(self, kind, value):
        return {"is_manual": value} if kind.name == "channels" else {}

    def put_comments(self, rows):
        for row in rows:
            row.values |= {"issue_id": row.owner.pk} | rendering(Comment, row.values)
        put(Comment, [row.values for row in rows])
        uuids = [row.values["uuid"] for row in rows if row.more["attachments"]]
        found = Comment.objects.filter(uuid__in=uuids).values_list("uuid", "pk") if uuids else ()
        keys = {str(uuid): pk for uuid, pk in found}
        put(
            CommentAttachment,
            [
                {"comment_id": keys[row.values["uuid"]], "attachment_id": self.here["attachment"][uuid].pk}
                for row in rows
                for uuid in row.more["attachments"]
            ],
        )

    def put_documents(self, issues, comments):
        """What is searched of these issues: read back where the lines at hand are not all that are said."""
        said = {}
        for row in reversed(comments):
            if row.values["deleted_at"] is None:
                place = row.owner.pk, SAID[row.values["is_internal"]]
                said.setdefault(place, []).append(row.values["content"])
        long = {pk for (pk, _), texts in said.items() if sum(map(len, texts)) >= max(MOST.values())}
        whole = [row for row in issues if row.owner.is_complete and row.owner.pk not in long]
        present = (
            SimpleNamespace(**row.values, pk=row.owner.pk) for row in whole if not row.values["deleted_at"]
        )
        SearchDocument.objects.put([document(issue, said) for issue in present])
        rest = {row.owner.pk for row in (*issues, *comments)} - {row.owner.pk for row in whole}
        SearchDocument.objects.rewrite(Issue.objects.filter(pk__in=rest))

    def entry(self, row):
        """The values of an entry with the uuids of here, sealed to the one before where any is another."""
        owner, values = row.owner, row.values
        values |= {"space_id": self.space.pk, "issue_id": owner.pk}
        theirs = values["hash"]
        if self.remapped or owner.is_changed:
            for side in ("old_value", "new_value"):
                values[side] = self.translated_text(values[side], values["field"], owner)
            actor = row.more["actor"]
            uuids = self.space.uuid, owner.uuid, actor and self.here["person"][actor].uuid
            values["previous_hash"] = owner.hash
            values["hash"] = HistoryEntry.computed_hash(SimpleNamespace(**values), *uuids)
        owner.hash = values["hash"]
        if owner.hash != theirs and not owner.is_resealed:
            owner.is_resealed = True
            self.resealed += 1
            self.doubt(owner)
        return values

    def translated_text(self, text, name, owner):
        """A value of history with the uuids of here; the text itself where they are the same."""
        if text is None:
            return None
        value = parse_value(text)
        changed = self.translated(value, name, owner)
        return text if changed == value else canonical(changed)

    def translated(self, value, name, owner):
        """The same of what its text says."""
        if name == "":
            return self.translated_parts(value, REFERENCES)
        if name == "comments":
            return self.translated_comment(value, owner)
        return self.swap(REFERENCES[name], name, value) if name in REFERENCES else value

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
        return value | {"comment": owner.comments[uuid]}

    def swap(self, kind, name, value):
        """The uuid of here for one of the file, in order for a list of them."""
        if isinstance(value, list):
            return sorted(self.swap(kind, name, part) for part in value)
        return None if value is None else self.find(kind, name, as_reference(name, value)).uuid

    def take_end(self, said):
        check_names(said, ("type", "lines"))
        self.complete()
        self.flush()
        if said["lines"] != self.line:
            raise Refused("lines: some are missing or too many")

    def finish(self):
        """Write what still waits, render, and make sure that history holds."""
        if self.place != END:
            raise Refused("the file is cut off: it has no end")
        if self.highest:
            Counter.take(self.space.pk, self.highest)
        repair([self.space.pk])
        Issue.objects.filter(space=self.space, description__contains="#").rerender()
        comments = Comment.objects.filter(issue__space=self.space, content__contains="#")
        comments.select_related("issue").rerender()
        spaces = Space.objects.filter(pk=self.space.pk)
        for problem in Verifier(spaces).problems_of(spaces.get(), self.doubtful_chunks()):
            raise Refused(f"its history does not hold: {problem}")

    def doubtful_chunks(self):
        """The primary keys of issues whose chains are walked: of all in a space that was here before."""
        issues = Issue.objects.filter(space=self.space)
        if not self.is_new:
            yield from chunks(issues)
            return
        for numbers in batches(self.doubtful, ISSUES):
            found = issues.filter(number__in=numbers.tolist()).order_by("pk")
            yield list(found.values_list("pk", flat=True))


def put(model, rows, *, with_key=False, leave_present=False):
    """Write new rows of a model, each as {attname: value of every column}."""
    into = table(model, with_key)
    into.insert(into.rows(rows), leave_present=leave_present)


def present(model, name, values, space=None):
    """Which of these texts stand in a column of a table, or of the rows of a space there."""
    form, found = table(model).places[name][1] or str, set()
    stored = {form(value): value for value in values}
    home, homes = ("space_id = %s AND", [space.pk]) if space else ("", [])
    for some in batches(list(stored)):
        among = ", ".join(["%s"] * len(some))
        sql = f"SELECT {name} FROM {table(model).name} WHERE {home} {name} IN ({among})"  # noqa: S608
        with connection.cursor() as cursor:
            cursor.execute(sql, [*homes, *some])
            found.update(stored[str(value)] for (value,) in cursor.fetchall())
    return found


def batches(rows, size=ROWS):
    return (rows[first : first + size] for first in range(0, len(rows), size))


def rendering(model, values):
    """{column: value} of the text of a row as it looks; what `#42` links to is known when all are there."""
    html = markdown.render(values[model.WORDS], values[f"{model.WORDS}_format"])
    return {f"{model.WORDS}_rendered": html, "renderer_version": markdown.RENDERER_VERSION}


@cache
def relations(kind):
    """[(column, attname, kind of row that it refers to)]"""
    return [
        (column.name, column.attname, KIND_OF[column.related_model])
        for column in columns(kind)
        if column.is_relation
    ]


def minted(values):
    """Another uuid for a row that cannot keep its own, of the same time."""
    return uuid7(max(values.get("created_at") or values.get("at") or EPOCH, EPOCH))


def reason_of(error):
    fields = error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
    return "; ".join(f"{name}: {' '.join(said)}".removeprefix(": ") for name, said in fields.items())
