"""The receivers of a change: they write its history, its outbox row, what is searched and what is counted."""

from collections import Counter as Tally

from django.db import connections, models
from django.db.models.signals import pre_save

from issues.models import CountDelta, HistoryEntry, Issue, Level, Outbox, SearchDocument, Space, TextVersion
from issues.models.base import Guarded, WayRound
from issues.models.count import SET_TAGS, places, tags_of
from issues.models.fields import choices_of, uuid7
from issues.models.history import (
    EMPTY,
    Member,
    as_text,
    canonical,
    digest,
    issue_changed,
    plain,
    record_changed,
    text_value,
)
from issues.models.insert import insert_many
from issues.models.sets import SETS
from issues.models.triggers import install_triggers

COLUMNS = [field.attname for field in HistoryEntry._meta.concrete_fields]
ACTIONS = {"level_id": "priority_changed"}


def connect():
    issue_changed.connect(write_history)
    issue_changed.connect(write_document)
    issue_changed.connect(put_outbox)
    issue_changed.connect(count_issues)
    record_changed.connect(write_record_history)
    pre_save.connect(refuse_raw)


def refuse_raw(sender, raw, **kwargs):
    """Fixtures (`loaddata`) write rows as they come, and so past history."""
    if raw and issubclass(sender, (Guarded, HistoryEntry)):
        raise WayRound("A fixture leaves no history: import, or save() each row.")


def prepare_database(sender, using, **kwargs):
    """After every migration and test flush: the triggers and the system's levels are there."""
    tables = connections[using].introspection.table_names()
    if using == "default" and HistoryEntry._meta.db_table in tables:
        install_triggers(connections[using])
        Level.install()


def write_history(sender, changes, actor, batch, **kwargs):
    """Append the entries of locked issues to their chains."""
    names = References(changes)
    old = [change.row.pk for change in changes if change.stored is not None]
    heads = HistoryEntry.objects.heads(old) if old else {}
    spaces = names.uuids(Space, {change.row.space_id for change in changes})
    entries, texts = [], {}
    for change in changes:
        issue = change.row
        members = members_of(change, names, texts)
        head, uuids = heads.get(issue.pk, (0, "")), (spaces[issue.space_id], issue.uuid)
        where = {
            "space_id": issue.space_id,
            "issue_id": issue.pk,
            "version": issue.version,
            "subject_type": "",
        }
        entries += chained(change, members, head, uuids, where, actor, batch)
    keep_texts(texts)
    HistoryEntry.objects.append(entries)


def write_record_history(sender, change, space, actor, batch, **kwargs):
    """Append the entries of a space's row to the chain of the space, which this locks."""
    stored = Space.objects.lock().get(pk=space)
    last = HistoryEntry.objects.filter(space=space, issue=None).order_by("-position")
    head = last.values_list("position", "hash").first() or (0, "")
    texts = {}
    members = members_of(change, References([change]), texts, space)
    where = {
        "space_id": space,
        "version": stored.version + 1,
        "subject_type": sender._meta.model_name,
        "subject": change.row.uuid,
    }
    entries = chained(change, members, head, (stored.uuid, None), where, actor, batch)
    keep_texts(texts)
    HistoryEntry.objects.append(entries)
    models.QuerySet.update(Space.objects.filter(pk=space), version=stored.version + 1)
    if sender is Space:
        change.row.version = stored.version + 1


def write_document(sender, changes, **kwargs):
    """Bring what is searched of the issues up to date."""
    SearchDocument.objects.follow(changes)


def put_outbox(sender, changes, actor, batch, **kwargs):
    """Leave a row for the worker; nobody is told of imported news."""
    if actor.source != "import":
        insert_many(
            [
                Outbox(
                    space_id=change.row.space_id,
                    issue_id=change.row.pk,
                    batch=batch,
                    version=change.row.version,
                    created_at=change.at,
                )
                for change in changes
            ]
        )


def count_issues(sender, changes, **kwargs):
    """Leave for the counters where there are more issues now, and where fewer."""
    tally = Tally()
    # Of what neither moves nor changes its tags, these need not be known.
    known = tags_of([change.row.pk for change in changes if change.stored and is_moved(change)])
    for change in changes:
        tags = known.get(change.row.pk, [])
        old, new = [], []
        for kind in SET_TAGS:
            name = f"{kind}s"
            if name in change.sets:
                old += [(kind, str(key)) for key in change.sets[name][0]]
                new += [(kind, str(key)) for key in change.sets[name][1]]
            else:
                old += [tag for tag in tags if tag[0] == kind]
                new += [tag for tag in tags if tag[0] == kind]
        tally.update(places(change.row, new))
        if change.stored is not None:
            tally.subtract(places(change.stored, old))
    CountDelta.objects.append(tally)


def is_moved(change):
    """Whether an issue is counted by its tags elsewhere than before."""
    row, stored = change.row, change.stored
    return (
        row.status != stored.status
        or row.level_id != stored.level_id
        or (row.deleted_at is None) != (stored.deleted_at is None)
    )


def chained(change, members, head, uuids, where, actor, batch):
    """The entries of one change, each sealed to the one before.

    `head` is (position, hash) of the chain's last, `uuids` (space, issue), `where` the columns that say
    whose chain it is.
    """
    last, previous = head
    for position, member in enumerate(members, last + 1):
        entry = build(member, change, actor, batch, where | {"position": position})
        entry.seal(previous, *uuids, actor.user and actor.user.uuid)
        previous = entry.hash
        yield entry


def build(member, change, actor, batch, where):
    said = where | {
        "uuid": uuid7(),
        "action": member.action,
        "field": member.field,
        "old_value": None if member.old_value is None else canonical(member.old_value),
        "new_value": None if member.new_value is None else canonical(member.new_value),
        "old_display": member.old_display,
        "new_display": member.new_display,
        "is_internal": member.is_internal,
        "actor_id": actor.user and actor.user.pk,
        "token": actor.token,
        "rule": actor.rule,
        "source": actor.source,
        "request_id": actor.request_id,
        "batch": batch,
        "created_at": change.at or actor.now(),
    }
    # By position, since keywords cost a model five times as much.
    return HistoryEntry(*map(said.get, COLUMNS))


def members_of(change, names, texts, space=None):
    """What the entries of one change say, in order; texts are collected as {(space, sha256): text}."""
    space = space or change.row.space_id
    if change.stored is None:
        return [created(change, names, texts, space)]
    found = []
    for name in change.changed:
        old, new = (names.value(row, name) for row in (change.stored, change.row))
        shown = [names.display(row, name) for row in (change.stored, change.row)]
        if name in change.row.TEXTS:
            collect(texts, space, as_text(getattr(change.row, name)))
        action = (change.action if not found else None) or action_of(change, name)
        found.append(Member(action, field_name(change.row, name), old, new, *shown))
    for member in change.members:
        for text in member.texts:
            collect(texts, space, text)
    return found + change.members


def field_name(row, attname):
    """How history calls a column: `level` for `level_id`, and `resource_id` for itself."""
    return row._meta.get_field(attname).name


def action_of(change, name):
    row = change.row
    if name == "deleted_at":
        return "deleted" if row.deleted_at else "restored"
    if isinstance(row, Issue):
        return ACTIONS.get(name, f"{field_name(row, name)}_changed")
    if name == "is_active":
        return f"{row._meta.model_name}_{'restored' if row.is_active else 'retired'}"
    return f"{row._meta.model_name}_changed"


def created(change, names, texts, space):
    """The entry that everything else is replayed from: all that is not empty, as one document."""
    row = change.row
    document = {}
    for name in row.FIELDS:
        value = names.value(row, name)
        if value not in EMPTY:
            document[field_name(row, name)] = value
        if name in row.TEXTS:
            collect(texts, space, as_text(getattr(row, name)))
    if isinstance(row, Issue):
        document |= {"number": row.number, "created_at": plain(row.created_at)}
        for name, (_, new) in change.sets.items():
            document[name] = (
                new
                if name == "labels"
                else sorted(str(uuid) for uuid in names.uuids(SETS[name].related_model, set(new)).values())
            )
        return Member("created", "", None, document)
    return Member(f"{row._meta.model_name}_created", "", None, document, "", str(row))


def collect(texts, space, text):
    if text:
        texts[space, digest(text)] = text


def keep_texts(texts):
    # In one order, so that two writers of the same texts do not wait for each other.
    rows = [
        TextVersion(space_id=space, sha256=sha256, text=text)
        for (space, sha256), text in sorted(texts.items())
    ]
    insert_many(rows, leave_present=True)


class References:
    """The uuids and names of the rows that changes refer to, fetched once for all of them."""

    def __init__(self, changes):
        self.rows = {}
        missing = {}
        for change in changes:
            if isinstance(change.row, Issue):
                self.is_known(change.row, "space_id")
            names = change.row.FIELDS if change.stored is None else change.changed
            for row in filter(None, (change.row, change.stored)):
                for name in names:
                    field = row._meta.get_field(name)
                    if field.is_relation and (pk := getattr(row, name)) and not self.is_known(row, name):
                        missing.setdefault(field.related_model, set()).add(pk)
        for model, keys in missing.items():
            keys -= self.rows.get(model, {}).keys()
            if keys:
                self.rows.setdefault(model, {}).update(model.objects.in_bulk(keys))

    def is_known(self, row, name):
        """Whether the row that this column refers to came with `row`; then it is kept."""
        field = row._meta.get_field(name)
        if field.is_cached(row):
            self.rows.setdefault(field.related_model, {})[getattr(row, name)] = field.get_cached_value(row)
        return field.is_cached(row)

    def value(self, row, name):
        """The value of a column as history writes it."""
        value = getattr(row, name)
        if name in row.TEXTS:
            return text_value(as_text(value))
        field = row._meta.get_field(name)
        if field.is_relation:
            return value and str(self.rows[field.related_model][value].uuid)
        return plain(value)

    def display(self, row, name):
        """The value of a column as people read it at this moment; texts stay out of the entry."""
        value = getattr(row, name)
        if name in row.TEXTS or (value in EMPTY and not isinstance(value, int)):
            return ""
        field = row._meta.get_field(name)
        if field.is_relation:
            return str(self.rows[field.related_model][value])
        if field.choices:
            return str(choices_of(field).get(value, value))
        if isinstance(value, bool):
            return "yes" if value else "no"
        return (
            ", ".join(value)
            if isinstance(value, list) and all(isinstance(v, str) for v in value)
            else str(plain(value))
        )

    def uuids(self, model, keys):
        """{primary key: uuid}"""
        known = {pk: row.uuid for pk, row in self.rows.get(model, {}).items() if pk in keys}
        if keys - known.keys():
            known |= dict(model.objects.filter(pk__in=keys - known.keys()).values_list("pk", "uuid"))
        return known
