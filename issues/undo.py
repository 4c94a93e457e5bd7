"""Undoing: issues become again what their history says they were before some of its entries."""

from collections import namedtuple
from dataclasses import dataclass, field
from uuid import UUID

import orjson
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max, Q

from issues.actor import current_actor
from issues.models import HistoryEntry, Issue, TextVersion
from issues.models.fields import ExactJSONField, uuid7
from issues.models.history import COMMENTS, REDACTED, moment
from issues.models.issue import TIMES, stamps
from issues.models.sets import SETS

FIELDS = {field.name: field for field in map(Issue._meta.get_field, Issue.FIELDS)}
# What a page offers to revert one by one. Files are gone when they are taken off; whether they are named is
# for the reporter to say; and what only one door knows nobody sees on a page.
REVERTIBLE = (FIELDS.keys() | SETS.keys()) - {
    "attachments", "deleted_at", "extensions", "is_anonymous", "reporter", *TIMES,
}  # fmt: skip
# Nobody else than the reporter names them, by undoing neither.
NOT_PUT_BACK = {"is_anonymous", "reporter"}
# What belongs to a status, and comes back with it.
STATUS = ("status", "resolution", *TIMES)

Entry = namedtuple("Entry", "issue_id space_id position version action field old_value new_value batch")


class Stays(Exception):
    """An issue that cannot become what it was, or may not."""


@dataclass
class Undone:
    """What came of it: the Changes that were written as `batch`, and the issues that stay as they are."""

    batch: UUID
    changes: list = field(default_factory=list)
    skipped: list = field(default_factory=list)


def entries_of(batch):
    """The entries of issues that were written as one batch."""
    return HistoryEntry.objects.of_batch(batch).filter(issue__isnull=False)


def makers_of(batch):
    """{issue: who changed it} of a batch, by their primary keys."""
    return dict(entries_of(batch).order_by().values_list("issue_id", "actor_id").distinct())


def undo(source, keys, batch=None):
    """Set these issues, given by primary key, back to before the batch `source`, as one more batch: Undone.

    An issue that was changed since, other than by a comment, stays as it is, and so does one of which a text
    was blanked. It is one transaction: the caller gives no more than 1,000 issues at a time.
    """
    rows = HistoryEntry.objects.filter(issue__in=keys, batch=source)
    return put_back(rows, batch or uuid7(), is_latest=True)


def revert(issue, positions):
    """Set back what the entries of an issue at these positions changed, whatever came since: Undone."""
    rows = HistoryEntry.objects.filter(issue=issue)
    wanted = Q(position__in=positions)
    for batch in rows.filter(wanted, field="status").values_list("batch", flat=True):
        wanted |= Q(batch=batch, field__in=STATUS)
    return put_back(rows.filter(wanted), uuid7(), is_latest=False)


def put_back(rows, batch, is_latest):
    """Set issues back to before these entries of theirs; with `is_latest` only where nothing came after."""
    done = Undone(batch)
    with transaction.atomic():
        past = Past(rows)
        issues = list(Issue.objects.filter(pk__in=past.entries).lock().select_related("space"))
        later = past.changed_since() if is_latest else set()
        alike = {}
        for issue in issues:
            try:
                if issue.pk in later or issue.deleted_at:
                    raise Stays
                wanted = past.wanted(issue)
            except Stays:
                done.skipped.append(issue)
            else:
                same = repr({name: getattr(value, "pk", value) for name, value in wanted.items()})
                alike.setdefault(same, (wanted, []))[1].append(issue)
        sets = {name: SETS[name].stored(list(past.entries)) for name in past.sets()}
        for wanted, group in alike.values():
            try:
                done.changes += compare(group, wanted, sets)
            except ValidationError:
                # A file is elsewhere now, or there are too many labels.
                done.skipped += group
        if done.changes:
            Issue.objects.write(done.changes, current_actor(), batch)
    return done


def compare(issues, wanted, sets):
    """The Changes that give these locked issues, whose `sets` have been read, what is wanted."""
    return Issue.objects.compare(issues, *Issue.sort_wanted(wanted), current_actor(), sets)


class Past:
    """What entries say of their issues before them, as `change()` wants it."""

    def __init__(self, rows):
        self.entries = {}
        for row in rows.order_by("issue_id", "position").values_list(*Entry._fields):
            entry = Entry._make(row)
            old, new = (value and orjson.loads(value) for value in (entry.old_value, entry.new_value))
            if entry.action != REDACTED and (entry.field in FIELDS or entry.field in SETS):
                self.entries.setdefault(entry.issue_id, []).append(
                    entry._replace(old_value=old, new_value=new)
                )
        self.rows, self.texts, self.times = self.find_rows(), self.find_texts(), None

    def every(self):
        return [entry for entries in self.entries.values() for entry in entries]

    def sets(self):
        """The names of the sets that the entries speak of."""
        return {entry.field for entry in self.every()} & SETS.keys()

    def find_rows(self):
        """{model: {uuid: row}} of what the entries refer to."""
        wanted = {}
        for entry in self.every():
            if model := model_of(entry.field):
                wanted.setdefault(model, set()).update({entry.old_value, entry.new_value} - {None})
        return {
            model: {str(row.uuid): row for row in model.objects.filter(uuid__in=uuids)}
            for model, uuids in wanted.items()
        }

    def find_texts(self):
        """{(space, sha256): text} of the texts before the entries that are not blanked."""
        wanted = {}
        for entry in self.every():
            if entry.field in Issue.TEXTS and entry.old_value:
                wanted.setdefault(entry.space_id, set()).add(entry.old_value["sha256"])
        return {
            (space, sha256): text
            for space, names in wanted.items()
            for sha256, text in TextVersion.objects.filter(
                space=space, sha256__in=names, blanked_at=None
            ).values_list("sha256", "text")
        }

    def changed_since(self):
        """The issues with entries after these that tell of more than comments."""
        last = {issue: entries[-1] for issue, entries in self.entries.items()}
        later = HistoryEntry.objects.filter(issue__in=last).exclude(field=COMMENTS).exclude(action=REDACTED)
        versions = later.order_by().values_list("issue_id").annotate(Max("version"))
        return {issue for issue, version in versions if version > last[issue].version}

    def wanted(self, issue):
        """{name: value} that sets this issue back to before its entries; Stays where a text was blanked."""
        wanted, members = {}, {}
        # The oldest value is what stays.
        for entry in reversed(self.entries[issue.pk]):
            if entry.field in NOT_PUT_BACK:
                raise Stays
            if entry.field in SETS:
                key, value = self.member(entry)
                members.setdefault(entry.field, {})[key] = value
            else:
                wanted[entry.field] = self.value(entry)
        for name, before in members.items():
            wanted[f"add_{name}"] = {key: value for key, value in before.items() if value is not None}
            wanted[f"remove_{name}"] = [key for key, value in before.items() if value is None]
        if "status" in wanted:
            self.complete_status(issue, wanted)
        if issue.is_title_derived and "description" in wanted:
            # It follows.
            wanted.pop("title", None)
        return wanted

    def member(self, entry):
        """(member of a set, its value before or None)."""
        old, new = entry.old_value, entry.new_value
        if entry.field == "labels":
            return (old or new)["key"], old and old["value"]
        row = self.rows[model_of(entry.field)][old or new]
        return row.pk, old and ""

    def value(self, entry):
        """The value of a column before an entry."""
        column, old = FIELDS[entry.field], entry.old_value
        if column.is_relation:
            return old and self.rows[column.related_model][old]
        if entry.field not in Issue.TEXTS:
            return old
        if old:
            try:
                old = self.texts[entry.space_id, old["sha256"]]
            except KeyError:
                raise Stays from None
        if isinstance(column, ExactJSONField):
            return orjson.loads(old) if old else column.default()
        return old

    def complete_status(self, issue, wanted):
        """Name what would follow from a status that is new, and here is not."""
        wanted.setdefault("resolution", issue.resolution)
        if wanted["status"] in Issue.DONE:
            if self.times is None:
                self.times = self.times_before()
            for name, at in zip(TIMES, self.times[issue.pk], strict=True):
                wanted.setdefault(name, at)

    def times_before(self):
        """{issue: its TIMES before its entries}, replayed, as they follow from the status."""
        first = {issue: entries[0].position for issue, entries in self.entries.items()}
        rows = HistoryEntry.objects.filter(issue__in=first).filter(
            Q(position=1) | Q(field__in=("status", *TIMES))
        )
        found = {}
        columns = ("issue_id", "position", "field", "new_value", "created_at")
        for issue, position, name, new, at in rows.order_by("issue_id", "position").values_list(*columns):
            new = new and orjson.loads(new)
            if position >= first[issue]:
                continue
            if position == 1:
                found[issue] = [new.get(name) for name in TIMES]
            elif name in TIMES:
                found[issue][TIMES.index(name)] = new
            else:
                found[issue] = list(stamps(new, *found[issue], moment(at)))
        return found


def model_of(name):
    """The model of the rows to which a field or set refers, or None."""
    if name in SETS:
        return None if name == "labels" else SETS[name].related_model
    return FIELDS[name].related_model


def is_revertible(document):
    """Whether a page offers to revert what a history document tells."""
    if document["field"] not in REVERTIBLE or document["action"] == REDACTED:
        return False
    # A text that was blanked is nothing, one that was empty is empty.
    return document["field"] not in Issue.TEXTS or document["old_value"] is not None
