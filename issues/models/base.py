"""What every row on record shares: it is written only where somebody changed it, and never unseen."""

from copy import deepcopy
from dataclasses import replace
from functools import cache

from django.core.exceptions import FieldDoesNotExist, ObjectDoesNotExist, ValidationError
from django.core.validators import MaxLengthValidator, MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.db.backends.base.operations import BaseDatabaseOperations
from django.utils import timezone
from django.utils.translation import gettext

from issues.actor import current_actor
from issues.limits import refusal
from issues.models.fields import ExactJSONField, choices_of, same, uuid7

# Validators of which `fitting` does the work.
MEASURED = (MaxLengthValidator, MaxValueValidator, MinValueValidator)


class WayRound(TypeError):
    """Somebody tried to write past the audit trail."""


class VersionConflict(Exception):
    """The row has moved on since the version that the caller saw; `stored` is the row of now."""

    def __init__(self, stored):
        super().__init__(f"{stored} is at version {stored.version}.")
        self.stored = stored


@cache
def fitting(field):
    """A function that says why a value may not stand in this column, which refers to no other row, or None.

    What a column asks for is made out once: a file has millions of values.
    """
    if isinstance(field, ExactJSONField):
        return lambda value: refusal_of_nothing(field) if value is None else field.refusal(value)
    choices, max_length = choices_of(field), field.max_length
    limits = limits_of(field) if isinstance(field, models.IntegerField) else None
    has_more = any(not isinstance(row, MEASURED) for row in field.validators)

    def reason(value):
        if value is None:
            return refusal_of_nothing(field)
        if isinstance(value, str):
            if choices and value not in choices:
                return f"{value[:40]!r} is not one of {', '.join(choices)}."
            if max_length and len(value) > max_length:
                return f"At most {max_length} characters."
            if value and (reason := refusal(value)):
                return reason
        if limits and not limits[0] <= value <= limits[1]:
            return f"From {limits[0]} to {limits[1]}."
        if has_more:
            try:
                field.run_validators(value)
            except ValidationError as error:
                return " ".join(error.messages)
        return None

    return reason


def limits_of(field):
    """The least and the largest integer of a column; SQLite itself would take a larger one."""
    low, high = BaseDatabaseOperations.integer_field_ranges[field.get_internal_type()]
    lows = [row.limit_value for row in field.validators if isinstance(row, MinValueValidator)]
    highs = [row.limit_value for row in field.validators if isinstance(row, MaxValueValidator)]
    return max(low, *lows), min(high, *highs)


def refusal_of_nothing(field):
    return None if field.null else "This may not be null."


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
    # What the caller of save() or change() set or spelled out, though it may be what stood there before.
    _named = frozenset()

    @classmethod
    def from_db(cls, db, field_names, values):
        row = super().from_db(db, field_names, values)
        row.remember(cls.FIELDS)
        return row

    def refresh_from_db(self, using=None, fields=None, from_queryset=None):
        super().refresh_from_db(using=using, fields=fields, from_queryset=from_queryset)
        if fields is None:
            self._wishes = {}
        self.remember(self.FIELDS if fields is None else self.attnames(fields))

    def lock(self):
        """Take over the row as it stands, which nobody else changes before this transaction ends."""
        # With what it refers to in any case, its space for one.
        self.refresh_from_db(from_queryset=type(self).objects.lock().select_related())

    def save(self, *, force_insert=False, force_update=False, using=None, update_fields=None):
        """Write what this instance changed, over what others wrote meanwhile; no change, no statement.

        Raises ValidationError for a value that no row may have. After any error the instance is what it was
        before; after the rollback of a transaction around this one it has to be refreshed.
        """
        self._prepare_related_fields_for_save(operation_name="save")
        is_new = self._state.adding
        touched = self.given() if is_new else self.touched()
        named = None if is_new or update_fields is None else self.attnames(update_fields)
        mine = touched if named is None else touched & named
        for name in mine:
            setattr(self, name, self.form(name, getattr(self, name)))
        if not is_new:
            mine = mine & self.touched()
        if not (is_new or mine or self.wishes() or self.expected_versions is not None):
            return
        self.check_values(mine)
        self.prepare(mine)
        before = self.__getstate__()
        try:
            with transaction.atomic():
                if is_new:
                    self.insert(current_actor())
                    self.remember(self.FIELDS)
                else:
                    self._named = mine | (named or set())
                    self.write(touched, mine, current_actor())
        except BaseException:
            vars(self).clear()
            vars(self).update(before)
            raise

    def write(self, touched, mine, actor, action=None):
        """Lock the row, take over what this instance has not set, and put on record what it has."""
        stored = type(self).objects.lock().get(pk=self.pk)
        if self.expected_versions is not None and stored.version not in self.expected_versions:
            raise VersionConflict(stored)
        aside = {name: getattr(self, name) for name in touched - mine}
        for name in self.columns() - mine:
            setattr(self, name, getattr(stored, name))
        changed = {name for name in mine if not same(getattr(self, name), getattr(stored, name))}
        # One moment for the row and its entry: history derives the row's times from its own.
        actor = replace(actor, at=actor.now())
        written = self.derive(stored, changed, actor.now())
        self.validate(stored, changed)
        self.put(stored, changed, written, actor, action)
        self.remember(self.FIELDS)
        for name, value in aside.items():
            setattr(self, name, value)

    def touched(self):
        """The attnames on record that differ from what was loaded."""
        values, loaded = vars(self), self._loaded
        return {name for name in self.FIELDS if not same(values.get(name, ...), loaded.get(name, ...))}

    @classmethod
    def given(cls):
        """The attnames that somebody sets on a new row."""
        return {field.attname for field in cls._meta.concrete_fields if field.editable} - {"id"}

    def check_values(self, names):
        """Raise ValidationError for values that no row may have, before they cost anything."""
        problems = {
            self._meta.get_field(name).name: reason
            for name in names
            if (reason := self.refusal(name, getattr(self, name)))
        }
        if problems:
            raise ValidationError(problems)

    def refusal(self, name, value):
        """Why `value` may not stand in the column `name`, or None."""
        field = self._meta.get_field(name)
        if value is not None and field.is_relation:
            return self.relation_refusal(field)
        return fitting(field)(value)

    def relation_refusal(self, field):
        try:
            space = getattr(getattr(self, field.name), "space_id", None)
        except ObjectDoesNotExist:
            return gettext("There is no such row.")
        return None if space is None or space == self.home() else gettext("It belongs to another space.")

    def home(self):
        """The primary key of the space to which this row belongs."""
        return self.space_id

    @classmethod
    def form(cls, name, value):
        """`value` as the column `name` would give it back; ValidationError if it cannot."""
        field = cls._meta.get_field(name)
        try:
            value = field.to_python(value)
        except ValidationError as error:
            raise ValidationError({field.name: error.messages}) from error
        except (TypeError, ValueError, OverflowError) as error:
            raise ValidationError(
                {field.name: gettext("Nothing of {} fits here.").format(type(value).__name__)}
            ) from error
        if isinstance(field, models.DateTimeField) and value is not None and timezone.is_naive(value):
            raise ValidationError({field.name: gettext("A time needs its time zone.")})
        return value

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
        twin = type(self).__new__(type(self))
        vars(twin).update(self.__getstate__())
        return twin

    def wishes(self):
        """Sets that were assigned and not saved yet."""
        return vars(self).setdefault("_wishes", {})

    def wish(self, name, **wish):
        """Wish for members of a set: `issue.wish("labels", add={…}, remove=[…])`."""
        getattr(type(self), name).wish(self, **wish)

    # What a model fills in.

    def prepare(self, names):
        """Work for these changed columns that is too slow to do under the lock."""

    def derive(self, stored, changed, at):
        """Set what follows from `changed` (and add to it what that puts on record); return the columns."""
        return set()

    def validate(self, stored, changed):
        """Raise ValidationError for a change that this row may not have."""

    def insert(self, actor):
        raise NotImplementedError

    def put(self, stored, changed, written, actor, action):
        raise NotImplementedError
