"""What every row on record shares: it is written only where somebody changed it, and never unseen."""

from copy import copy, deepcopy

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import models, transaction

from issues.actor import current_actor
from issues.models.fields import uuid7


class WayRound(TypeError):
    """Somebody tried to write past the audit trail."""


class VersionConflict(Exception):
    """The row has moved on since the version that the caller saw; `stored` is the row of now."""

    def __init__(self, stored):
        super().__init__(f"{stored} is at version {stored.version}.")
        self.stored = stored


class GuardedQuerySet(models.QuerySet):
    """Closes the ways past `save()`; each refusal names the right verb."""

    def update(self, **kwargs):
        raise WayRound("update() leaves no history: use change(), or save() each row.")

    def bulk_update(self, objs, fields, batch_size=None):
        raise WayRound("bulk_update() leaves no history: use change(), or save() each row.")

    def bulk_create(self, objs, *args, **kwargs):
        raise WayRound("bulk_create() leaves no history: save() each row.")

    def delete(self):
        raise WayRound("Nothing is ever deleted: set deleted_at, or is_active on what is retired.")

    def lock(self):
        """The rows, locked for the rest of the transaction in the order of their primary keys."""
        return self.select_for_update(no_key=True, of=("self",)).order_by("pk")


class Guarded(models.Model):
    """A row that nobody deletes and no fixture overwrites."""

    objects = GuardedQuerySet.as_manager()

    class Meta:
        abstract = True
        base_manager_name = "objects"

    def delete(self, *args, **kwargs):
        raise WayRound("Nothing is ever deleted: set deleted_at, or is_active on what is retired.")


class Audited(Guarded):
    """A row whose changes are history.

    FIELDS are the columns on record (attnames, in the order of their entries), TEXTS those of them that
    history keeps by digest, so that a leaked secret can be blanked.
    """

    uuid = models.UUIDField(default=uuid7, unique=True, editable=False)

    class Meta(Guarded.Meta):
        abstract = True

    FIELDS = ()
    TEXTS = frozenset()
    # Set by a door that was told which versions its client has seen (`If-Match`); checked under the lock.
    expected_versions = None
    _loaded = {}

    @classmethod
    def from_db(cls, db, field_names, values):
        row = super().from_db(db, field_names, values)
        row.remember(cls.FIELDS)
        return row

    def refresh_from_db(self, using=None, fields=None, from_queryset=None):
        super().refresh_from_db(using=using, fields=fields, from_queryset=from_queryset)
        self.remember(self.FIELDS if fields is None else self.attnames(fields))

    def save(self, *, force_insert=False, force_update=False, using=None, update_fields=None):
        """Write what this instance changed, over what others wrote meanwhile; no change, no statement.

        Raises ValidationError for a value that no row may have.
        """
        if self._state.adding:
            self.prepare()
            with transaction.atomic():
                self.insert(current_actor())
            self.remember(self.FIELDS)
            return
        touched = self.touched()
        mine = touched if update_fields is None else touched & self.attnames(update_fields)
        if mine or self.wishes() or self.expected_versions is not None:
            self.prepare()
            with transaction.atomic():
                self.write(touched, mine, current_actor())

    def write(self, touched, mine, actor, action=None):
        """Lock the row, take over what this instance has not set, and put on record what it has."""
        stored = type(self).objects.lock().get(pk=self.pk)
        if self.expected_versions is not None and stored.version not in self.expected_versions:
            raise VersionConflict(stored)
        for name in self.columns() - touched:
            setattr(self, name, getattr(stored, name))
        changed = {name for name in mine if getattr(self, name) != getattr(stored, name)}
        written = self.derive(stored, changed, actor.now())
        self.validate(stored, changed)
        self.put(stored, changed, written, actor, action)
        self.remember(mine | (set(self.FIELDS) - touched) | changed)

    def touched(self):
        """The attnames on record that differ from what was loaded, their values brought into form."""
        names = {name for name in self.FIELDS if vars(self).get(name, ...) != self._loaded.get(name, ...)}
        for name in names:
            setattr(self, name, self.form(name, getattr(self, name)))
        return {name for name in names if getattr(self, name) != self._loaded.get(name, ...)}

    @classmethod
    def form(cls, name, value):
        """`value` as the column `name` would give it back; ValidationError if it cannot."""
        field = cls._meta.get_field(name)
        try:
            return field.to_python(value)
        except ValidationError as error:
            raise ValidationError({field.name: error.messages}) from error

    @classmethod
    def attnames(cls, names):
        """Column names of field names: `level` and `level_id` are both `level_id`."""
        found = set()
        for name in names:
            try:
                found.add(cls._meta.get_field(name).attname)
            except FieldDoesNotExist as error:
                raise ValueError(f"{cls.__name__} has no field {name}.") from error
        return found

    @classmethod
    def columns(cls):
        return {field.attname for field in cls._meta.concrete_fields} - {"id"}

    def remember(self, names):
        values = vars(self)
        self._loaded = self._loaded | {
            name: deepcopy(values[name]) if type(values[name]) in (dict, list) else values[name]
            for name in names
            if name in values
        }

    def fork(self):
        """An independent copy of this loaded row."""
        twin = copy(self)
        twin._loaded = self._loaded
        return twin

    # What a model fills in.

    def wishes(self):
        """Sets that were assigned and not saved yet."""
        return {}

    def prepare(self):
        """Work that is too slow to do under the lock."""

    def derive(self, stored, changed, at):
        """Set what follows from `changed` (and add to it what that puts on record); return the columns."""
        return set()

    def validate(self, stored, changed):
        """Raise ValidationError for a value that may not stand."""

    def insert(self, actor):
        raise NotImplementedError

    def put(self, stored, changed, written, actor, action):
        raise NotImplementedError
