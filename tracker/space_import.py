"""The lines of a space's file (`tracker.space_file`) written into this installation, all or none.

Issues and their entries are records, and so they go in as they are and not through `save()`: that would put
them on record a second time. Uuids stay; one that is taken here becomes another, in the values of history as
well, and its chain is sealed anew. Other processes read the lines (`tracker.space_reading`), this one writes.
"""

import re
from array import array
from collections import Counter as Tally
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.files.storage import default_storage
from django.db import DataError, IntegrityError, connection, models, transaction

from comments.mentions import Mention
from comments.models import Comment, CommentAttachment
from issues.actor import Actor, acting_as
from issues.models import (
    Attachment,
    Counter,
    Issue,
    Level,
    Membership,
    OccurrenceHour,
    SavedView,
    SearchDocument,
    Space,
    TextVersion,
)
from issues.models.count import CountDelta
from issues.models.fields import uuid7
from issues.models.insert import TOGETHER, table
from issues.models.level import NO_LEVEL_RANK
from issues.models.sql import as_rows
from tracker.accounts.models import User
from tracker.db.pragmas import pragmas, straight_into_file
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
    documents,
    parse_as,
    read,
    reason_of,
)
from tracker.space_reading import MANY, REFERENCES, SHARED, Ground, Here, Piece, read_piece
from tracker.verification import ISSUES, Verifier, chunks
from tracker.workers import in_order

SOURCE = "import"
# Lines of a piece, at least: it ends before the next issue, or among sightings.
LINES = 10_000
READ_IN_PIECES = {"text", *MANY}
BORDERS = {"text", "issue", "occurrence"}
# What is said of a file goes into headers and paths.
FILE_FORMS = {
    "content_type": re.compile(r"[\w.+-]+/[\w.+-]+", re.ASCII),
    "sha256": re.compile("[0-9a-f]{64}"),
}
# Why rows cannot be written.
UNFIT = (Refused, ValidationError, IntegrityError, DataError)
# Before it no UUIDv7 can be minted.
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class SpaceImporter:
    """Writes one file; the attributes then say what became of it. Raises Refused, with nothing written.

    `key` is of the space (the file's own otherwise), `admins` are those of a space that has to be made.
    """

    def __init__(self, key=None, admins=()):
        self.key, self.admins = key, admins
        self.space = None
        self.ground = Ground({kind: {} for kind in REFERENCES.values()})
        self.place, self.line = HEADER, 0
        self.is_new, self.refused = False, None
        self.last_text, self.blanked, self.files = "", set(), set()
        self.highest = 0
        # What is searched of issues, to be written when there are enough for one statement.
        self.documents = []
        # {place of counters: number of issues}
        self.counted = Tally()
        # The numbers of issues whose chains are walked at the end.
        self.doubtful = array("Q")
        self.counts = Tally()
        self.resealed = self.remapped = self.missing_files = 0

    def run(self, file):
        """Take all lines of a binary file."""
        with at_full_speed(), transaction.atomic(), acting_as(lambda: Actor(source=SOURCE)):
            # The ground is laid when the first piece is there.
            for piece, batch in in_order(read_piece, self.pieces(file), self.ground):
                self.write(piece, batch)
            if self.refused:
                raise self.refused
            self.finish()

    def pieces(self, file):
        """Take what comes before texts and issues line by line, and give these in Pieces."""
        lines, above = [], None
        try:
            for self.line, kind, data in documents(file):
                if kind != self.place or kind not in READ_IN_PIECES:
                    self.check_place(kind)
                if lines and is_border(lines, kind):
                    yield (piece := self.piece(lines, above))
                    lines, above = [], last_issue(piece) if kind == "occurrence" else None
                self.place = kind
                self.counts[kind] += 1
                if kind in READ_IN_PIECES:
                    lines.append((kind, data))
                else:
                    getattr(self, f"take_{kind}", self.take_row)(parse_as(kind, data))
            if self.place != END:
                raise Refused("the file is cut off: it has no end")
        except UNFIT as error:
            # What is wrong with the lines before comes first.
            self.refused = refusal(error, self.line or 1)
            self.line = self.refused.line
        if lines:
            yield self.piece(lines, above)

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
        self.space = self.open_space(space, channel)
        self.ground.lay(space, self.space, channel["uuid"])
        self.remapped += str(self.space.uuid) != space["uuid"]
        default = self.space.channels.get(is_default=True)
        self.know("channel", channel["uuid"], default.pk, str(default.uuid))
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
        if user.pk in {known.pk for known in self.ground.here["person"].values()}:
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
        self.ground.settle("attachment", values)
        row = Attachment(**values | {"uuid": self.free(Attachment, values)}, space=self.space)
        models.QuerySet.bulk_create(Attachment.objects.all(), [row])
        self.missing_files += not default_storage.exists(row.file.name)
        self.know("attachment", values["uuid"], row.pk, str(row.uuid))

    def take_view(self, said):
        values = read("view", said)
        self.ground.settle("view", values)
        SavedView(**values | {"uuid": self.free(SavedView, values)}, space=self.space).save()

    # Rows that others name.

    def know(self, kind, uuid, *here):
        if uuid in self.ground.here[kind]:
            raise Refused("uuid: an earlier line has it")
        self.ground.here[kind][uuid] = Here(*here)
        self.remapped += here[1] != uuid

    def free(self, model, values):
        """The uuid of a row if nobody has it here, or another."""
        is_taken = model.objects.filter(uuid=values["uuid"]).exists()
        return minted(values) if is_taken else UUID(values["uuid"])

    # Texts and issues: read by others, written many at a time.

    def piece(self, lines, above):
        """The Piece that these lines are; the one at hand comes after them."""
        count = sum(kind == "issue" for kind, _ in lines)
        keys = table(Issue, with_key=True).new_keys(count)
        return Piece(self.line - len(lines), lines, keys, above)

    def write(self, piece, batch):
        try:
            self.check_numbers(batch.numbers)
            self.check_files(batch.files)
            self.check_order(batch.texts)
            self.put(self.settled(piece, batch))
        except UNFIT as error:
            raise refusal(error, piece.first + len(piece.lines) - 1) from error

    def check_numbers(self, numbers):
        """Refused where the file has a number twice; hardly one of an export comes after a higher one."""
        late = [number for number in numbers if number <= self.highest]
        self.highest = max(self.highest, *numbers, 0)
        for number in present(Issue, "number", late, self.space):
            raise Refused("number: an earlier issue has it", numbers[number])

    def check_files(self, files):
        for file, line in files.items():
            if file in self.files:
                raise Refused(SHARED, line)
        self.files |= files.keys()

    def check_order(self, texts):
        if texts and texts[0] <= self.last_text:
            raise Refused("sha256: not after the one before")
        self.last_text = texts[-1] if texts else self.last_text

    def settled(self, piece, batch):
        """The batch itself, or another if uuids are taken here; Refused where the file has one twice."""
        others = {kind: self.others(kind, batch.rows.get(model, ()), piece) for kind, model in MANY.items()}
        if not any(others.values()):
            return batch
        self.remapped += sum(map(len, others.values()))
        return read_piece(piece._replace(others=others), self.ground)

    def others(self, kind, rows, piece):
        """{uuid: another} of those of these rows that are taken."""
        model, found = MANY[kind], {}
        place, _ = table(model, with_key=model is Issue).places["uuid"]
        space = "space_id" if kind in ("issue", "entry") else "issue__space_id"
        taken = present(model, "uuid", [row[place] for row in rows])
        homes = model.objects.filter(uuid__in=taken).order_by() if taken else model.objects.none()
        for uuid, home in homes.values_list("uuid", space):
            line, values = piece.find(kind, str(uuid))
            if home == self.space.pk:
                raise Refused("uuid: an earlier line has it", line)
            found[str(uuid)] = str(minted(values))
        return found

    def put(self, batch):
        self.put_texts(batch)
        for model, rows in batch.rows.items():
            if model is not TextVersion:
                table(model, with_key=model is Issue).insert(rows)
        self.put_files(batch.attached)
        self.documents += batch.documents
        ready = len(self.documents) // TOGETHER * TOGETHER
        SearchDocument.objects.put(self.documents[:ready])
        self.documents = self.documents[ready:]
        SearchDocument.objects.rewrite(Issue.objects.filter(pk__in=batch.unread))
        self.check_texts(batch.named)
        self.counted.update(batch.counted)
        self.doubtful.extend(batch.doubtful)
        self.resealed += batch.resealed

    def put_texts(self, batch):
        """Texts that are here already stay, unless the file has them blanked."""
        table(TextVersion).insert(batch.rows.get(TextVersion, ()), leave_present=True)
        for sha256, text in batch.blanked.items():
            said = {name: text[name] for name in ("blanked_at", "blanked_by_id", "blanked_why")}
            stored = TextVersion.objects.filter(space=self.space, sha256=sha256, blanked_at=None)
            models.QuerySet.update(stored, text="", **said)
        self.blanked |= batch.blanked.keys()

    def put_files(self, attached):
        found = Comment.objects.filter(uuid__in=[uuid for uuid, _ in attached]) if attached else ()
        keys = {str(comment.uuid): comment.pk for comment in found}
        rows = [{"comment_id": keys[uuid], "attachment_id": file} for uuid, file in attached]
        into = table(CommentAttachment)
        into.insert(into.rows(rows))

    def check_texts(self, named):
        """Doubt the issues whose history names a text that is missing or blanked."""
        missing = absent(TextVersion, "sha256", named, self.space)
        for sha256 in missing | (named.keys() & self.blanked):
            self.doubtful.extend(named[sha256])

    def take_end(self, said):
        check_names(said, ("type", "lines"))
        if said["lines"] != self.line:
            raise Refused("lines: some are missing or too many")

    def finish(self):
        """Render what names other issues, count, and make sure that history holds."""
        SearchDocument.objects.put(self.documents)
        if self.highest:
            Counter.take(self.space.pk, self.highest)
        CountDelta.objects.filter(space=self.space).add_up(self.counted)
        OccurrenceHour.objects.repair([self.space.pk])
        Issue.objects.filter(space=self.space, description__contains="#").rerender()
        comments = Comment.objects.filter(issue__space=self.space, content__contains="#")
        comments.select_related("issue").rerender()
        Mention.objects.rewrite(Issue.objects.filter(space=self.space))
        spaces = Space.objects.filter(pk=self.space.pk)
        for problem in Verifier(spaces).problems_of(spaces.get(), self.doubtful_chunks()):
            raise Refused(f"its history does not hold: {problem}", self.line)

    def doubtful_chunks(self):
        """The primary keys of issues whose chains are walked: of all in a space that was here before."""
        issues = Issue.objects.filter(space=self.space)
        if not self.is_new:
            yield from chunks(issues)
            return
        for numbers in batches(self.doubtful, ISSUES):
            found = issues.filter(number__in=numbers.tolist()).order_by("pk")
            yield list(found.values_list("pk", flat=True))


@contextmanager
def at_full_speed():
    """With as much memory for pages of SQLite's file as many new rows change.

    Where there are no issues yet, nobody misses them who cannot open the file.
    """
    is_empty = not Issue.objects.exists()
    with pragmas(cache_size=-65_536), straight_into_file() if is_empty else nullcontext():
        yield


def is_border(lines, kind):
    """Whether a line of this type begins another piece than these lines."""
    return kind not in READ_IN_PIECES or (kind in BORDERS and len(lines) >= LINES)


def last_issue(piece):
    """(line, primary key) of the last issue of a piece."""
    lines = [data for kind, data in piece.lines if kind == "issue"]
    return (lines[-1], piece.keys[-1]) if lines else piece.above


def present(model, column, values, space=None):
    """Which of these values, as the database has them, stand in a column, or in that of a space's rows."""
    return found_by("EXISTS", model, column, values, space)


def absent(model, column, values, space):
    """Which of them do not stand in the column of a space's rows."""
    return found_by("NOT EXISTS", model, column, values, space)


def found_by(exists, model, column, values, space):
    found, kind = set(), model._meta.get_field(column).db_type(connection)
    home, homes = ("there.space_id = %s AND ", [space.pk]) if space else ("", [])
    row = f"SELECT 1 FROM {table(model).name} AS there WHERE {home}there.{column} = said.value"  # noqa: S608
    for some in batches(list(values)):
        if column == "uuid" and connection.features.has_native_uuid_field:
            some = map(UUID, some)
        said, parameters = as_rows(some, kind)
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT said.value FROM {said} WHERE {exists} ({row})",  # noqa: S608
                [*parameters, *homes],
            )
            found.update(value for (value,) in cursor.fetchall())
    return found


def batches(rows, size=LINES):
    return (rows[first : first + size] for first in range(0, len(rows), size))


def minted(values):
    """Another uuid for a row that cannot keep its own, of the same time."""
    return uuid7(max(values.get("created_at") or values.get("at") or EPOCH, EPOCH))


def refusal(error, line):
    """The Refused to raise for one that has no line yet, or for what a row was refused with."""
    if isinstance(error, Refused):
        return Refused(str(error), error.line or line)
    if isinstance(error, ValidationError):
        return Refused(reason_of(error), line)
    return Refused(f"the database refuses this or a line shortly before: {str(error).splitlines()[0]}", line)
