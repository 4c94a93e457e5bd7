"""Questions about issues, and the one way to change many of them."""

from django.db import connection, models, transaction
from django.db.models import F
from django.db.models.functions import Greatest

from issues.actor import current_actor
from issues.limits import BULK
from issues.models.fields import uuid7
from issues.models.history import issue_changed
from issues.models.rendered import RenderedQuerySet
from issues.models.sets import SETS
from issues.models.shown import SHOWN_LABELS
from issues.models.sql import among


class IssueQuerySet(RenderedQuerySet):
    def visible_to(self, user):
        """The issues of the user's spaces, deleted ones left out: the only way in for a door."""
        return self.filter(space_id__in=user.space_roles(), deleted_at=None)

    def in_trash_of(self, user):
        """The deleted issues of the user's spaces."""
        return self.filter(space_id__in=user.space_roles(), deleted_at__isnull=False)

    def with_key(self, key):
        """The issue known as `OPS-42`, in either case; nothing for a text that is no key."""
        space, _, number = key.partition("-")
        if not (number.isascii() and number.isdigit() and len(number) <= 18):
            return self.none()
        return self.filter(space__key=space.upper(), number=int(number))

    def keys_of(self, numbers):
        """The primary keys of the issues with these numbers, {primary key of a space: numbers}.

        The numbers drive: of a condition for each of many spaces PostgreSQL makes a walk through all issues.
        """
        pairs = [(space, number) for space, some in numbers.items() for number in some]
        if not pairs:
            return []
        named = ", ".join(["(%s, %s)"] * len(pairs))
        sql = (
            f"SELECT i.id FROM (VALUES {named}) AS named LEFT JOIN issues_issue AS i "  # noqa: S608
            "ON i.space_id = named.column1 AND i.number = named.column2"
        )
        with connection.cursor() as cursor:
            cursor.execute(sql, [value for pair in pairs for value in pair])
            return [key for (key,) in cursor.fetchall() if key]

    def open(self):
        return self.filter(status__in=self.model.OPEN)

    def change(self, **wanted):
        """Change every row as `save()` would, in transactions of 1,000 rows, with the same entries.

        `wanted` names fields by name; sets go as `labels=…` or `add_labels=…`, `remove_labels=…` and the
        like. Returns the primary keys of the rows that changed. Raises ValidationError, with the chunks
        before it written.
        """
        return [change.row.pk for chunk in self.chunks(wanted, write=True) for change in chunk]

    def preview(self, **wanted):
        """The Changes that `change()` would make, without making them."""
        return [change for chunk in self.chunks(wanted, write=False) for change in chunk]

    def chunks(self, wanted, write, batch=None):
        """The Changes of `change()` or `preview()`, some at a time; `batch` joins what was begun before."""
        actor, batch = current_actor(), batch or uuid7()
        fields, wishes = self.model.sort_wanted(wanted)
        keys = list(self.order_by("pk").values_list("pk", flat=True))
        for start in range(0, len(keys), BULK):
            with transaction.atomic():
                rows = self.model.objects.filter(pk__in=keys[start : start + BULK])
                changes = self.compare(rows.lock() if write else rows.order_by("pk"), fields, wishes, actor)
                if write and changes:
                    self.write(changes, actor, batch)
            yield changes

    def compare(self, rows, fields, wishes, actor, stored_sets=None):
        """The Changes of these locked rows that have any, their sets compared with one query each.

        `stored_sets` are these sets, {set: {row: members}}, where they have been read.
        """
        rows, at = list(rows), actor.now()
        if stored_sets is None:
            stored_sets = {name: SETS[name].stored([row.pk for row in rows]) for name in wishes}
        changes = []
        for stored in rows:
            issue = stored.fork()
            for name, value in fields.items():
                setattr(issue, name, value)
            changed = issue.differing(stored, fields)
            issue.check_values(changed)
            written = issue.derive(stored, changed, at)
            change = issue.change_from(stored, changed, written, at)
            issue.compare_sets(
                {name: (stored_sets[name][stored.pk], wish) for name, wish in wishes.items()}, change
            )
            if change.changed or change.members:
                changes.append(change)
        return changes

    def write(self, changes, actor, batch, **derived):
        """Put compared rows on the disk and on record: one UPDATE for all that get the same values.

        Each gets those of `derived` as well.
        """
        alike = {}
        for change in changes:
            values = change.values() | derived
            if not change.is_hidden:
                latest = Greatest("updated_at", models.Value(change.at))
                values |= {"updated_at": latest, "updated_by": actor.user}
            alike.setdefault(repr(values), (values, []))[1].append(change.row.pk)
        for values, keys in alike.values():
            rows = self.model.objects.filter(pk__in=keys)
            models.QuerySet.update(rows, **values, version=F("version") + 1)
        for change in changes:
            change.row.version = change.stored.version + 1
            if not change.is_hidden:
                change.row.updated_at = max(change.stored.updated_at, change.at)
                change.row.updated_by_id = actor.user and actor.user.pk
        for name, kind in SETS.items():
            kind.put([(c.row, *c.sets[name]) for c in changes if name in c.sets], actor)
        if relabelled := [change.row.pk for change in changes if "labels" in change.sets]:
            SHOWN_LABELS.write(*among("id", relabelled))
        issue_changed.send(self.model, changes=changes, actor=actor, batch=batch)
