"""Whether history is whole: every chain is walked, replayed and compared with the rows that it tells of."""

from collections import namedtuple
from functools import cache, cached_property
from itertools import groupby, islice

import orjson
from django.apps import apps
from django.db import DatabaseError, transaction
from django.db.models import Exists, OuterRef, Q

from comments.models import Comment, CommentAttachment
from issues.models import HistoryEntry, Issue, Space, Subscription, TextVersion
from issues.models.base import Audited
from issues.models.history import EMPTY, REDACTED, as_text, digest, moment, plain, text_value
from issues.models.issue import TIMES, stamps
from issues.models.sets import SETS
from issues.models.space import SpaceRow
from tracker.accounts.models import User

ISSUES = 500
ENTRIES = 2_000
# What reading a row raises in which somebody overwrote a value with bytes that are none.
UNREADABLE = (DatabaseError, ValueError, TypeError, AttributeError, KeyError)


class Broken(Exception):
    """History does not hold: why, and at which entry if it is one."""

    def __init__(self, reason, entry=None):
        place = f" entry {entry.position} ({entry.action})" if entry is not None else ""
        super().__init__(f"{place}: {reason}")


# Rows that are only read: making instances of their models would cost more than all the checks.
class Entry(namedtuple("Entry", [field.attname for field in HistoryEntry._meta.concrete_fields])):
    __slots__ = ()
    computed_hash = HistoryEntry.computed_hash


class Remark(namedtuple("Remark", ["id", "uuid", "issue_id", "created_at", *Comment.FIELDS])):
    __slots__ = ()
    document = Comment.document


IssueRow = namedtuple("IssueRow", ["id", "uuid", "number", "version", "created_at", *Issue.FIELDS])


def rows_as(kind, rows):
    """The rows of a queryset as instances of a named tuple, read as they come."""
    return map(kind._make, rows.values_list(*kind._fields).iterator(ENTRIES))


class Verifier:
    """Walks chains; `problems()` says what is broken, the counters what was seen."""

    def __init__(self, spaces):
        self.spaces = spaces
        self.chains = self.entries = 0

    def problems(self):
        """One line for each broken chain, naming the first entry that does not hold."""
        for space in self.spaces.order_by("pk"):
            yield from self.problems_of(space, chunks(Issue.objects.filter(space=space)))

    def problems_of(self, space, chunks):
        """The same of one space and of some of its issues; `chunks` gives lists of their primary keys."""
        reading = Reading(space)
        yield from self.suspects(reading, reading.space_chains, [None])
        for keys in chunks:
            yield from self.suspects(reading, reading.issue_chains, keys)
        self.entries += reading.count

    def suspects(self, reading, chains, keys):
        """Walk many chains at once, and look again at those that seem broken."""
        self.chains += len(keys)
        try:
            suspects = [key for key, problem in chains(keys) if problem]
        except UNREADABLE:
            suspects = keys
        for key in suspects:
            if problem := look_again(reading.space, key):
                yield problem

    def strays(self):
        """Entries of issues or spaces that are gone; only a file without its foreign keys can have them."""
        issue = Issue.objects.filter(pk=OuterRef("issue_id"))
        space = Space.objects.filter(pk=OuterRef("space_id"))
        gone = Q(~Exists(issue), issue__isnull=False) | ~Exists(space)
        for entry in HistoryEntry.objects.filter(gone).order_by("pk")[:1]:
            yield f"history{Broken('its issue or space is gone', entry)}"

    def odd_marks(self):
        """Entries whose mark is no boolean: SQLite keeps any number, and Django reads each as no."""
        odd = HistoryEntry.objects.filter(space__in=self.spaces.order_by())
        odd = odd.exclude(is_internal__in=[True, False]).select_related("issue__space", "space")
        for entry in odd.order_by("pk")[:1]:
            yield f"{entry.issue or entry.space.key}{Broken('is_internal is neither yes nor no', entry)}"

    def texts(self):
        """(texts, blanked texts) of these spaces."""
        rows = TextVersion.objects.filter(space__in=self.spaces.order_by())
        return rows.count(), rows.exclude(blanked_at=None).count()


def chunks(issues):
    """The primary keys of issues, some at a time."""
    keys = [0]
    while keys := list(issues.filter(pk__gt=keys[-1]).order_by("pk").values_list("pk", flat=True)[:ISSUES]):
        yield keys


def look_again(space, key):
    """The problem of one chain (of the issue `key`, or None for the space's own), or None.

    The chain is locked, since what seemed broken may only have been read while somebody was writing.
    """
    with transaction.atomic():
        owner = Space.objects.filter(pk=space.pk) if key is None else Issue.objects.filter(pk=key)
        owner.lock().values_list("pk").first()
        space = Space.objects.get(pk=space.pk)
        reading = Reading(space)
        try:
            chains = reading.space_chains([None]) if key is None else reading.issue_chains([key])
            return next(problem for _, problem in chains)
        except UNREADABLE:
            return unreadable(space, key)


def unreadable(space, key):
    """Names what cannot even be read in the chain of the issue `key`, or of the space."""
    name = space.key if key is None else f"{space.key}-{Issue.objects.values_list('number').get(pk=key)[0]}"
    entries = HistoryEntry.objects.filter(issue=key, **({"space": space} if key is None else {}))
    for pk, position in entries.order_by("position").values_list("pk", "position"):
        try:
            moment(HistoryEntry.objects.get(pk=pk).created_at)
        except UNREADABLE:
            return f"{name} entry {position}: it cannot be read"
    return f"{name}: a row that its history tells of cannot be read"


class Reading:
    """What walking the chains of one space reads: their entries, texts and rows, in flat memory."""

    def __init__(self, space):
        self.space = space
        self.uuids = Uuids()
        self.known = {}
        self.count = 0

    def space_chains(self, keys):
        """(None, problem or None): the space's own chain."""
        chain = SpaceChain(self.space, self.uuids)
        try:
            version = Space.objects.values_list("version", flat=True).get(pk=self.space.pk)
            self.walk(chain, self.entries(HistoryEntry.objects.filter(space=self.space, issue=None)))
            chain.end(version)
            chain.compare()
        except Broken as broken:
            yield None, f"{self.space.key}{broken}"
        else:
            yield None, None

    def issue_chains(self, keys):
        """(primary key, problem or None) of each of these issues of the space."""
        issues = list(rows_as(IssueRow, Issue.objects.filter(pk__in=keys).order_by("pk")))
        sets = {name: members(kind, keys) for name, kind in SETS.items()}
        entries = self.entries(HistoryEntry.objects.filter(issue__in=keys))
        comments = rows_as(Remark, Comment.objects.filter(issue__in=keys).order_by("issue_id", "id"))
        comments = by_issue(comments, keys, lambda comment: comment.issue_id)
        entries = by_issue(entries, keys, lambda row: row[0].issue_id)
        files = files_of_comments(keys)
        for issue, said, remarks in zip(issues, entries, comments, strict=True):
            chain = IssueChain(self.space, self.uuids, issue.uuid)
            try:
                self.walk(chain, said)
                chain.end(issue.version)
                said_of = ((row.uuid, row.document(files.get(row.id)), row.deleted_at) for row in remarks)
                chain.compare(issue, {name: sets[name].get(issue.id, {}) for name in sets}, said_of)
            except Broken as broken:
                yield issue.id, f"{self.space.key}-{issue.number}{broken}"
            else:
                yield issue.id, None

    def walk(self, chain, entries):
        for entry, old, new, named in entries:
            chain.link(entry, self.uuids[User, entry.actor_id])
            if old is ... or new is ...:
                raise Broken("its value is no JSON", entry)
            if named:
                self.check_texts(entry, named)
            if entry.action != REDACTED:
                chain.apply(entry, old, new)

    def entries(self, rows):
        """(entry, old value, new value, digests of its texts) in the order of the chains.

        A value that is no JSON is `...`.
        """
        rows = rows_as(Entry, rows.order_by("issue_id", "position"))
        while window := list(map(read, islice(rows, ENTRIES))):
            self.count += len(window)
            self.find_texts({sha for *_, named in window for sha in named})
            yield from window

    def find_texts(self, named):
        """Look up texts: {sha256: (is it whole, is it blanked)}."""
        rows = TextVersion.objects.filter(space=self.space, sha256__in=named)
        self.known = {
            sha: (digest(text) == sha, blanked_at is not None and text == "")
            for sha, text, blanked_at in rows.values_list("sha256", "text", "blanked_at").iterator(ENTRIES)
        }

    def check_texts(self, entry, named):
        for sha in named:
            is_whole, is_blanked = self.known.get(sha, (None, None))
            if is_whole is None:
                raise Broken("its text is missing", entry)
            if not (is_whole or is_blanked):
                raise Broken("its text is not what it was", entry)
            if is_blanked and sha not in self.redacted:
                raise Broken("its text was blanked off the record", entry)
            if is_whole and entry.action == REDACTED:
                raise Broken("the text that it redacted is back", entry)

    @cached_property
    def redacted(self):
        """The digests of the texts whose redaction is on record in the space."""
        rows = HistoryEntry.objects.filter(space=self.space, action=REDACTED)
        return {sha for row in rows_as(Entry, rows) for sha in read(row)[3]}


class Uuids(dict):
    """{(model, primary key): uuid} of rows that others refer to, each asked for once."""

    def __missing__(self, key):
        model, pk = key
        row = model.objects.filter(pk=pk).values_list("uuid").first() if pk else None
        self[key] = row[0] if row else None
        return self[key]

    def value(self, column, value):
        """The value of a column as history writes it, None for every nothing."""
        if value in EMPTY:
            return None
        if column.is_text:
            return text_value(as_text(value))
        return str(self[column.model, value]) if column.model else plain(value)


# What history calls a column, the row's name for it, whose row it refers to, whether it is a text.
Column = namedtuple("Column", "name attname model is_text")


@cache
def columns(model):
    """The columns of a model that are on record."""
    return [
        Column(field.name, field.attname, field.related_model, field.attname in model.TEXTS)
        for field in map(model._meta.get_field, model.FIELDS)
    ]


def read(entry):
    """What `Reading.entries` gives for an entry."""
    old, new = parsed(entry.old_value), parsed(entry.new_value)
    named = [*texts_named(entry, old).values(), *texts_named(entry, new).values()]
    return entry, old, new, named


def parsed(text):
    try:
        return None if text is None else orjson.loads(text)
    except orjson.JSONDecodeError:
        return ...


def by_issue(rows, keys, issue_of):
    """The rows of each of `keys`, an iterator each; rows and keys are sorted by issue."""
    groups = groupby(rows, issue_of)
    issue, group = next(groups, (None, ()))
    for key in keys:
        if issue == key:
            yield group
            issue, group = next(groups, (None, ()))
        else:
            yield ()


def members(kind, keys):
    """{issue: {member as history names it: value}} of one set."""
    if kind.name == "labels":
        return kind.stored(keys)
    found = {}
    rows = kind.through.objects.filter(issue__in=keys).values_list("issue_id", f"{kind.member}__uuid")
    for issue, uuid in rows:
        found.setdefault(issue, {})[str(uuid)] = None
    return found


def files_of_comments(keys):
    """{comment: {primary key: uuid}} of the files on the comments of these issues."""
    found = {}
    rows = CommentAttachment.objects.filter(comment__issue__in=keys)
    for comment, pk, uuid in rows.values_list("comment_id", "attachment_id", "attachment__uuid"):
        found.setdefault(comment, {})[pk] = uuid
    return found


TEXTS = frozenset().union(*(model.TEXTS for model in apps.get_models() if issubclass(model, Audited)))


def texts_named(entry, value):
    """{field: sha256} of the texts that `value`, one side of an entry, names."""
    if type(value) is not dict:
        return {}
    if entry.field not in ("", "comments"):
        # One field's value, and only a text's is a digest.
        return {entry.field: value["sha256"]} if "sha256" in value else {}
    if entry.action == REDACTED:
        return {entry.field: value["sha256"]}
    parts = ((name, value.get(name)) for name in TEXTS & value.keys())
    return {name: part["sha256"] for name, part in parts if type(part) is dict and "sha256" in part}


def normal(value):
    """`value` as the replay compares it: what history leaves out when a row is new is one nothing."""
    return None if value in EMPTY else value


class Chain:
    """A chain of entries on the way through it; what its entries add up to is for the subclasses."""

    def __init__(self, space, uuids, issue=None):
        self.space, self.uuids, self.issue = space, uuids, issue
        self.position = self.version = 0
        self.hash = ""
        self.batch = None

    def link(self, entry, actor):
        """Take one more entry; Broken if it does not follow from the one before."""
        if entry.position != self.position + 1:
            raise Broken(f"entry {self.position + 1} is missing", entry)
        if entry.space_id != self.space.pk:
            raise Broken("it belongs to another space", entry)
        if entry.previous_hash != self.hash:
            raise Broken("it does not follow from the entry before", entry)
        if entry.hash != entry.computed_hash(self.space.uuid, self.issue, actor):
            raise Broken("hash does not match", entry)
        if entry.version - self.version not in ((0, 1) if entry.batch == self.batch else (1,)):
            raise Broken(f"version {entry.version} does not follow {self.version}", entry)
        self.position, self.version = entry.position, entry.version
        self.hash, self.batch = entry.hash, entry.batch

    def end(self, version):
        if not self.position:
            raise Broken("it has no history")
        if self.version != version:
            raise Broken(f"its row is at version {version}, its history ends with {self.version}")

    def replace(self, state, name, entry, old, new):
        """Set `name` in `state`; Broken if it was not `old` before."""
        if state.get(name) != normal(old):
            raise Broken("its old value is not what stood there before", entry)
        state[name] = normal(new)


class IssueChain(Chain):
    """The replay of an issue."""

    COLUMNS = columns(Issue)
    NAMES = frozenset(column.name for column in COLUMNS)

    def __init__(self, space, uuids, issue):
        super().__init__(space, uuids, issue)
        self.fields, self.sets = {}, {name: {} for name in SETS}
        self.comments, self.deleted = {}, set()
        self.number = self.created_at = None
        # (version, {name: value}): what TIMES were before the status of that version changed them.
        self.before = (0, {})

    def apply(self, entry, old, new):
        if (entry.action == "created") != (entry.position == 1):
            raise Broken("only the first entry creates", entry)
        if entry.action == "created":
            self.create(new)
        elif entry.field == "comments":
            self.comment(entry, old, new)
        elif entry.field in SETS:
            self.member(entry, old, new)
        elif entry.field in self.NAMES:
            self.field(entry, old, new)
        else:
            raise Broken("it does not say what it changed", entry)

    def create(self, document):
        for name, kind in SETS.items():
            members = document.pop(name, {})
            self.sets[name] = members if kind.name == "labels" else dict.fromkeys(members)
        self.number = document.pop("number", None)
        self.created_at = document.pop("created_at", None)
        self.fields = document

    def field(self, entry, old, new):
        if entry.field in TIMES and self.before[0] == entry.version:
            self.fields[entry.field] = self.before[1][entry.field]
        self.replace(self.fields, entry.field, entry, old, new)
        if entry.field == "status":
            times = {name: self.fields.get(name) for name in TIMES}
            self.before = (entry.version, times)
            after = stamps(new, *times.values(), moment(entry.created_at))
            self.fields |= dict(zip(TIMES, after, strict=True))

    def member(self, entry, old, new):
        members = self.sets[entry.field]
        if entry.field == "labels":
            (key, before), (also, after) = (pair(side) for side in (old, new))
            key = also if key is None else key
        else:
            key, before, after = (new if old is None else old), old, new
        there = members.get(key, "") if entry.field == "labels" else key
        if (key in members) != (before is not None) or (before is not None and there != before):
            raise Broken("its old value is not what stood there before", entry)
        members.pop(key, None)
        if after is not None:
            members[key] = after if entry.field == "labels" else None

    def comment(self, entry, old, new):
        uuid = (new or old)["comment"]
        self.replace(self.comments, uuid, entry, old, new or old)
        if entry.action == "comment_deleted":
            self.deleted.add(uuid)

    def compare(self, issue, sets, comments):
        """Broken if the row, its sets or its comments are not what the entries add up to.

        `comments` are (uuid, what history says of one, when it was deleted).
        """
        for column in self.COLUMNS:
            value, said = getattr(issue, column.attname), self.fields.get(column.name)
            # Most columns are empty, and so seen without a call.
            if (value or said) and self.uuids.value(column, value) != said:
                raise Broken(f"its {column.name} is not what history says")
        for name in ("number", "created_at"):
            if normal(plain(getattr(issue, name))) != getattr(self, name):
                raise Broken(f"its {name} is not what history says")
        for name, stored in sets.items():
            if stored != self.sets[name]:
                raise Broken(f"its {name} are not what history says")
        for uuid, document, deleted_at in comments:
            said = self.comments.pop(str(uuid), None)
            if said is None:
                raise Broken(f"the comment {uuid} has no history")
            gone = str(uuid) in self.deleted
            if said != document or gone != (deleted_at is not None):
                raise Broken(f"the comment {uuid} is not what history says")
        for uuid in self.comments:
            raise Broken(f"the comment {uuid} is gone")


def pair(label):
    return (None, None) if label is None else (label["key"], label["value"])


class SpaceChain(Chain):
    """The replay of the rows that make up a space: its levels, channels, members, tokens and itself.

    Its chain also says what changed of people while they were members. They are rows of no space: the first
    that is said of one's field is taken as it is, and when they join or leave it starts anew, since what
    happened to them elsewhere is not told here. A superuser concerns every space, until they are none.
    """

    PERSON = User._meta.model_name
    PERSONAL = columns(User)

    def __init__(self, space, uuids):
        super().__init__(space, uuids)
        self.subjects = {}
        self.people = {}

    def apply(self, entry, old, new):
        if entry.subject_type == self.PERSON:
            self.person(entry, old, new)
            return
        subject = (entry.subject_type, entry.subject)
        if entry.action == f"{entry.subject_type}_created":
            if subject in self.subjects:
                raise Broken("it creates what is there already", entry)
            self.subjects[subject] = new
        elif subject not in self.subjects:
            raise Broken("it changes what was never created", entry)
        else:
            self.replace(self.subjects[subject], entry.field, entry, old, new)
        if entry.subject_type == "membership" and entry.field != "role":
            for person in (old, self.subjects[subject].get("user")):
                self.people.pop(person, None)

    def person(self, entry, old, new):
        if entry.field in {column.name for column in self.PERSONAL}:
            said = self.people.setdefault(str(entry.subject), {})
            said.setdefault(entry.field, normal(old))
            self.replace(said, entry.field, entry, old, new)
            if entry.field == "is_superuser" and not new and not self.is_member(str(entry.subject)):
                self.people.pop(str(entry.subject))

    def is_member(self, person):
        memberships = (said for (kind, _), said in self.subjects.items() if kind == "membership")
        return any(said.get("user") == person and said.get("is_active") for said in memberships)

    def compare(self):
        """Broken if a row of the space is not what the entries add up to, was never made, or is gone."""
        self.compare_people()
        for model in apps.get_models():
            if issubclass(model, SpaceRow):
                for row in rows_of(model, self.space).order_by("pk").iterator(ISSUES):
                    self.compare_row(row)
        for kind, uuid in self.subjects:
            raise Broken(f"the {kind} {uuid} is gone")

    def compare_people(self):
        rows = {str(row.uuid): row for row in User.objects.filter(uuid__in=self.people)}
        for uuid, said in self.people.items():
            if uuid not in rows:
                raise Broken(f"the person {uuid} is gone")
            for column in self.PERSONAL:
                value = self.uuids.value(column, getattr(rows[uuid], column.attname))
                if column.name in said and value != said[column.name]:
                    raise Broken(f"the person {uuid}: their {column.name} is not what history says")

    def compare_row(self, row):
        kind = row._meta.model_name
        said = self.subjects.pop((kind, row.uuid), None)
        if said is None:
            raise Broken(f"the {kind} {row.uuid} has no history")
        for column in columns(type(row)):
            if self.uuids.value(column, getattr(row, column.attname)) != said.get(column.name):
                raise Broken(f"the {kind} {row.uuid}: its {column.name} is not what history says")


def rows_of(model, space):
    """The rows of a model whose changes stand in the chain of the space."""
    if model is Space:
        return model.objects.filter(pk=space.pk)
    if model is Subscription:
        return model.objects.filter(channel__space=space)
    return model.objects.filter(space=space)
