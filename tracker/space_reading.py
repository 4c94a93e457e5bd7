"""Lines of a space's file (`tracker.space_file`) checked and made into rows, without a look at the database.

What happened to an issue is replayed on the way and compared with what its line says, so that only chains
about which there is doubt have to be walked when all is written.
"""

from collections import Counter, defaultdict, namedtuple
from dataclasses import dataclass, field
from functools import cache, cached_property
from types import SimpleNamespace

from django.core.exceptions import ValidationError

from comments.models import Comment
from issues import markdown
from issues.models import HistoryEntry, Issue, Occurrence, TextVersion
from issues.models.count import places
from issues.models.fields import canonical
from issues.models.history import digest
from issues.models.insert import table
from issues.models.level import NO_LEVEL_RANK
from issues.models.search_document import MOST, SAID, document
from issues.models.sets import SETS
from issues.models.shown import as_json
from tracker.github import LAST_NUMBER
from tracker.space_file import (
    KINDS,
    Refused,
    as_reference,
    check_names,
    columns,
    parse,
    parse_as,
    parse_value,
    read,
    reason_of,
)
from tracker.verification import REDACTED, UNREADABLE, Broken, Entry, IssueChain, Remark, Uuids, texts_named

# The kinds of rows of which there are many.
MANY = {"issue": Issue, "comment": Comment, "entry": HistoryEntry, "occurrence": Occurrence}
KIND_OF = {kind.model: name for name, kind in KINDS.items()}
# What a kind of row is called where history names one, or a list of them.
REFERENCES = {
    column.name: KIND_OF[column.related_model] for column in columns("issue") if column.is_relation
} | {name: KIND_OF[kind.related_model] for name, kind in SETS.items() if name != "labels"}

SHARED = "attachments: one belongs to an earlier issue or comment"


class Piece(namedtuple("Piece", "first lines keys above others", defaults=({},))):
    """Some lines of a file: the number of the first, [(type, bytes)] of all, the keys of their issues.

    `above` is (line, primary key) of the issue whose sightings they begin with, None if they do not; `others`
    are {kind: {uuid in the file: another for here}}.
    """

    __slots__ = ()

    def find(self, kind, uuid):
        """(number of the line, its values) of the row of this uuid."""
        for line, (of, data) in enumerate(self.lines, self.first):
            if of == kind and (values := read(kind, parse(data)))["uuid"] == uuid:
                return line, values
        raise LookupError(uuid)


@dataclass(slots=True)
class Here:
    """A row of the file that other rows name: what it is in this installation."""

    pk: int
    uuid: str
    rank: int = NO_LEVEL_RANK


@dataclass
class Ground:
    """What issues stand on: their space, as the file and as this installation has it, and its other rows.

    `here` is {kind: {uuid in the file: Here}}. It is whole before anybody reads with it.
    """

    here: dict
    file: SimpleNamespace | None = None
    space: Here | None = None
    default_channel: str = ""

    def lay(self, values, space, default_channel):
        """Say which space it is."""
        # For the chains as the file has them, where rows have no primary keys yet.
        self.file = SimpleNamespace(pk=None, uuid=values["uuid"], key=values["key"])
        self.space, self.default_channel = Here(space.pk, str(space.uuid)), default_channel

    @cached_property
    def is_other(self):
        """Whether the space, or any of its rows, has another uuid here than in the file."""
        rows = ((uuid, row) for rows in self.here.values() for uuid, row in rows.items())
        return self.space.uuid != self.file.uuid or any(row.uuid != uuid for uuid, row in rows)

    @cached_property
    def ranks(self):
        """{primary key of a level: its rank}"""
        return {level.pk: level.rank for level in self.here["level"].values()}

    def find(self, kind, name, uuid):
        """What the row of this uuid is here; Refused if the file does not have it."""
        found = self.here[kind].get(uuid)
        if found is None:
            raise Refused(f"{name}: the file has no {kind} {uuid}")
        return found

    def settle(self, kind, values):
        """Put the primary keys of here into the values of a line."""
        for name, attname, of in relations(kind):
            if (uuid := values[attname]) is not None:
                values[attname] = self.find(of, name, uuid).pk


@dataclass(slots=True)
class Batch:
    """What some lines come to: rows of each model as they go into the database, and what is left to ask it.

    `numbers` are {number: line}, `files` {uuid of a file: line that has it},
    `named` {sha256: numbers of the issues whose history names this text}, `attached` [(uuid of a comment,
    primary key of its file)], `doubtful` the numbers of issues whose chains are to be walked, `unread` the
    primary keys of those whose words are to be read back. `counted` is {place of counters: number of issues},
    `texts` are the digests of texts in their order, `blanked` {digest: values} of those that were redacted.
    """

    rows: dict = field(default_factory=dict)
    documents: list = field(default_factory=list)
    numbers: dict = field(default_factory=dict)
    files: dict = field(default_factory=dict)
    named: dict = field(default_factory=dict)
    attached: list = field(default_factory=list)
    doubtful: list = field(default_factory=list)
    unread: list = field(default_factory=list)
    counted: Counter = field(default_factory=Counter)
    texts: list = field(default_factory=list)
    blanked: dict = field(default_factory=dict)
    resealed: int = 0


@dataclass(slots=True)
class Owner:
    """An issue whose lines are being read: as the file has it, and its uuid, key and last hash here.

    It is doubtful if its chain is to be walked when all is written: where what is here is not just what the
    file says, and where what the file says does not add up.
    """

    number: int
    pk: int
    uuid: str = ""
    values: dict = field(default_factory=dict)
    sets: dict = field(default_factory=dict)
    chain: IssueChain | None = None
    hash: str = ""
    # {uuid in the file: uuid here}, what the chain has to say of each, and what is searched of them.
    comments: dict = field(default_factory=dict)
    remarks: list = field(default_factory=list)
    said: dict = field(default_factory=dict)
    is_changed: bool = False
    is_resealed: bool = False
    is_doubtful: bool = False


class AsInFile(Uuids):
    """Stands in for the uuids of rows where rows are named by them anyway."""

    def __missing__(self, key):
        return key[1]


def read_piece(piece, ground):
    """The Batch of a Piece; Refused with the number of the line."""
    return Reader(piece, ground).read()


class Reader:
    """Makes a Batch of a Piece."""

    def __init__(self, piece, ground):
        self.piece, self.ground = piece, ground
        self.line, self.keys = piece.first - 1, iter(piece.keys)
        self.owner, self.some_issue = None, Issue()
        if piece.above:
            line, key = piece.above
            self.owner = Owner(parse(line)["number"], key)
        self.batch = Batch()
        self.uuids = {kind: set() for kind in MANY}
        # Issues go in before what belongs to them, also before sightings that a piece begins with.
        self.rows = defaultdict(list, {Issue: []})

    def read(self):
        try:
            take = {kind: getattr(self, f"take_{kind}") for kind in ("text", *MANY)}
            for kind, data in self.piece.lines:
                self.line += 1
                take[kind](parse_as(kind, data))
            self.complete()
        except Refused as refused:
            refused.line = self.line
            raise
        except ValidationError as error:
            raise Refused(reason_of(error), self.line) from error
        self.batch.rows = {
            model: table(model, with_key=model is Issue).rows(rows) for model, rows in self.rows.items()
        }
        return self.batch

    def take_text(self, said):
        values = read("text", said)
        sha256, before = values["sha256"], self.batch.texts
        if before and sha256 <= before[-1]:
            raise Refused("sha256: not after the one before")
        is_blanked = values["blanked_at"] is not None
        if values["text"] if is_blanked else digest(values["text"]) != sha256:
            raise Refused("text: not what its sha256 says")
        self.ground.settle("text", values)
        values["space_id"] = self.ground.space.pk
        before.append(sha256)
        if is_blanked:
            self.batch.blanked[sha256] = values
        self.rows[TextVersion].append(values)

    def take_issue(self, said):
        self.complete()
        values = read("issue", said)
        check_issue(self.some_issue, values)
        sets, uuid = self.sets(said), values["uuid"]
        if self.batch.numbers.setdefault(values["number"], self.line) != self.line:
            raise Refused("number: an earlier issue has it")
        chain = IssueChain(self.ground.file, AsInFile(), uuid)
        self.settle("issue", here := values.copy())
        self.owner = Owner(values["number"], next(self.keys), here["uuid"], values, sets, chain)
        rank = self.ground.ranks.get(here["level_id"], NO_LEVEL_RANK)
        here |= {"id": self.owner.pk, "space_id": self.ground.space.pk, "level_rank": rank}
        # Comments add to it as they come.
        here |= {"labels_shown": as_json(sets["labels"]), "comment_count": 0}
        self.rows[Issue].append(here | rendering(Issue, values))
        self.put_sets()
        self.batch.counted.update(places(SimpleNamespace(**here), self.tags()))

    def settle(self, kind, values):
        """Make the values of a line those of here; Refused where the file has its uuid twice."""
        uuid, earlier = values["uuid"], self.uuids[kind]
        if uuid in earlier:
            raise Refused("uuid: an earlier line has it")
        earlier.add(uuid)
        self.ground.settle(kind, values)
        if others := self.piece.others:
            values["uuid"] = others[kind].get(uuid, uuid)

    def sets(self, said):
        """{set: {member, by its uuid in the file: value}} of an issue."""
        labels = said["labels"]
        if not isinstance(labels, dict):
            raise Refused("labels: not an object")
        SETS["labels"].validate(labels)
        channels = list_of(said["channels"], "channels")
        for channel in channels:
            if not isinstance(channel, dict) or type(channel.get("is_manual")) is not bool:
                raise Refused("channels: not objects with id and is_manual")
            check_names(channel, ("id", "is_manual"))
        bound = self.members("channels", [channel["id"] for channel in channels])
        if self.ground.default_channel in bound:
            raise Refused("channels: the default channel holds every issue by itself")
        return {
            "labels": labels,
            "teams": dict.fromkeys(self.members("teams", said["teams"])),
            "channels": dict(zip(bound, (channel["is_manual"] for channel in channels), strict=True)),
            "attachments": dict.fromkeys(self.files(said["attachments"])),
        }

    def members(self, name, uuids):
        """The uuids of the rows that a list names."""
        if not list_of(uuids, name):
            return []
        uuids = [as_reference(name, uuid) for uuid in uuids]
        if len(set(uuids)) < len(uuids):
            raise Refused(f"{name}: one is there twice")
        SETS[name].validate(uuids)
        for uuid in uuids:
            self.ground.find(REFERENCES[name], name, uuid)
        return uuids

    def files(self, uuids):
        """The uuids of files; each belongs to one issue or comment."""
        found = self.members("attachments", uuids)
        for uuid in found:
            if self.batch.files.setdefault(uuid, self.line) != self.line:
                raise Refused(SHARED)
        return found

    def put_sets(self):
        owner, (labels, *related) = self.owner, SETS.values()
        own = {"issue_id": owner.pk}
        self.rows[labels.through] += [
            own | {"space_id": self.ground.space.pk, "key": key, "value": value}
            for key, value in owner.sets["labels"].items()
        ]
        for kind in related:
            here, column = self.ground.here[REFERENCES[kind.name]], f"{kind.member}_id"
            for uuid, value in owner.sets[kind.name].items():
                binding = {"is_manual": value} if kind.name == "channels" else {}
                self.rows[kind.through].append(own | {column: here[uuid].pk} | binding)

    def tags(self):
        """[(kind, tag)] of what the issue above is counted by, beside its columns."""
        sets, here = self.owner.sets, self.ground.here
        found = [("label", key) for key in sets["labels"]]
        for kind in ("channel", "team"):
            found += [(kind, here[kind][uuid].pk) for uuid in sets[f"{kind}s"]]
        return found

    def take_comment(self, said):
        values, owner = self.of_owner("comment", said), self.owner
        remark = Remark._make(map(values.get, Remark._fields))
        self.settle("comment", values)
        files = self.files(said["attachments"])
        owner.comments[remark.uuid] = values["uuid"]
        owner.remarks.append((remark.uuid, remark.document(dict(enumerate(files))), remark.deleted_at))
        if values["deleted_at"] is None:
            place = owner.pk, SAID[values["is_internal"]]
            owner.said.setdefault(place, []).append(values["content"])
            self.rows[Issue][-1]["comment_count"] += not values["is_internal"]
        self.rows[Comment].append(values | {"issue_id": owner.pk} | rendering(Comment, values))
        self.batch.attached += [(values["uuid"], self.ground.here["attachment"][file].pk) for file in files]

    def take_occurrence(self, said):
        values = self.of_owner("occurrence", said)
        self.settle("occurrence", values)
        values["issue_id"] = self.owner.pk
        self.rows[Occurrence].append(values)

    def of_owner(self, kind, said):
        """What a line of the issue above says."""
        values, number = read(kind, said), said["issue"]
        if self.owner is None or type(number) is not int or number != self.owner.number:
            raise Refused(f"issue: the {kind} is not of the issue above")
        return values

    def take_entry(self, said):
        values = self.of_owner("entry", said)
        values |= {"subject_type": "", "subject": None}
        entry = Entry._make(map(values.get, Entry._fields))
        self.settle("entry", values)
        try:
            self.owner.chain.link(entry, entry.actor_id)
        except Broken as broken:
            raise Refused(f"{self.ground.file.key}-{self.owner.number}{broken}") from broken
        self.replay(entry)
        self.seal(values, entry.actor_id)
        self.rows[HistoryEntry].append(values)

    def replay(self, entry):
        """Add up what happened to the issue above; Refused where it names what the file has not."""
        owner = self.owner
        old = None if entry.old_value is None else parse_value(entry.old_value)
        new = None if entry.new_value is None else parse_value(entry.new_value)
        for value in (old, new):
            if value is not None and self.translated(value, entry.field) != value:
                owner.is_changed = True
        try:
            for side in (old, new):
                for sha256 in texts_named(entry, side).values():
                    self.batch.named.setdefault(sha256, []).append(owner.number)
            if entry.action == REDACTED:
                self.doubt()
            elif not owner.is_doubtful:
                owner.chain.apply(entry, old, new)
        except (Broken, *UNREADABLE):
            self.doubt()

    def seal(self, values, actor):
        """Make the values of an entry those of here, sealed to the one before where any is another."""
        owner, ground = self.owner, self.ground
        values |= {"space_id": ground.space.pk, "issue_id": owner.pk}
        theirs = values["hash"]
        if ground.is_other or self.piece.others or owner.is_changed:
            for side in ("old_value", "new_value"):
                values[side] = self.translated_text(values[side], values["field"])
            uuids = ground.space.uuid, owner.uuid, actor and ground.here["person"][actor].uuid
            values["previous_hash"] = owner.hash
            values["hash"] = HistoryEntry.computed_hash(SimpleNamespace(**values), *uuids)
        owner.hash = values["hash"]
        if owner.hash != theirs and not owner.is_resealed:
            owner.is_resealed = True
            self.batch.resealed += 1
            self.doubt()

    def translated_text(self, text, name):
        """A value of history with the uuids of here; the text itself where they are the same."""
        if text is None:
            return None
        value = parse_value(text)
        changed = self.translated(value, name)
        return text if changed == value else canonical(changed)

    def translated(self, value, name):
        """The same of what its text says."""
        if name == "":
            return self.translated_parts(value, REFERENCES)
        if name == "comments":
            return self.translated_comment(value)
        return self.swap(REFERENCES[name], name, value) if name in REFERENCES else value

    def translated_parts(self, value, kinds):
        """An object whose parts of these names are uuids or lists of them."""
        if not isinstance(value, dict):
            return value
        return value | {
            name: self.swap(kinds[name], name, value[name]) for name in kinds.keys() & value.keys()
        }

    def translated_comment(self, value):
        value = self.translated_parts(value, {"attachments": "attachment"})
        if not isinstance(value, dict) or "comment" not in value:
            return value
        uuid = as_reference("comment", value["comment"])
        if uuid not in self.owner.comments:
            raise Refused(f"comment: its issue has no comment {uuid}")
        return value | {"comment": self.owner.comments[uuid]}

    def swap(self, kind, name, value):
        """The uuid of here for one of the file, in order for a list of them."""
        if isinstance(value, list):
            return sorted(self.swap(kind, name, part) for part in value)
        return None if value is None else self.ground.find(kind, name, as_reference(name, value)).uuid

    def complete(self):
        """All lines of the issue above are read: compare them with what its history adds up to."""
        owner = self.owner
        if owner is None or owner.chain is None:
            return
        self.put_document()
        if owner.is_doubtful:
            return
        sets = {
            name: found if name == "labels" else dict.fromkeys(found) for name, found in owner.sets.items()
        }
        try:
            owner.chain.end(owner.values["version"])
            owner.chain.compare(SimpleNamespace(**owner.values), sets, owner.remarks)
        except (Broken, *UNREADABLE):
            self.doubt()

    def put_document(self):
        """What is searched of the issue above; it is read back where more was said than is kept of it."""
        owner, here = self.owner, self.rows[Issue][-1]
        if here["deleted_at"]:
            return
        if any(sum(map(len, texts)) >= max(MOST.values()) for texts in owner.said.values()):
            self.batch.unread.append(owner.pk)
            return
        said = {place: texts[::-1] for place, texts in owner.said.items()}
        self.batch.documents.append(document(SimpleNamespace(**here, pk=owner.pk), said))

    def doubt(self):
        if not self.owner.is_doubtful:
            self.owner.is_doubtful = True
            self.batch.doubtful.append(self.owner.number)


def check_issue(some, values):
    """Refused where an issue cannot be as its line has it; `some` is one to ask, since each costs time."""
    some.status, some.resolution = values["status"], values["resolution"]
    for name in Issue.PARTICULAR:
        if values[name] and (reason := some.refusal(name, values[name])):
            raise Refused(f"{name}: {reason.rstrip('.')}")
    some.normalise_resolution()
    if some.status != values["status"]:
        raise Refused("resolution: it does not fit the status")
    if not values["title"]:
        raise Refused("title: there is none")
    if not 0 < values["number"] <= LAST_NUMBER:
        raise Refused(f"number: not from 1 to {LAST_NUMBER}")


def list_of(value, name):
    if not isinstance(value, list):
        raise Refused(f"{name}: not a list")
    return value


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
