"""INSERT of many rows at the speed of the driver: `bulk_create` spends most of its time on SQL of its own."""

from contextlib import contextmanager
from functools import lru_cache
from itertools import chain
from operator import itemgetter

from django.db import connection, models
from django.db.models.fields import NOT_PROVIDED, AutoField

from issues.models.fields import ExactJSONField, utc_text

# Rows of one statement; with sixty columns as many as SQLite has parameters for. What is left over of many
# goes into smaller ones: a statement for each row would take twice as long.
TOGETHER = 500
SIZES = TOGETHER, 50, 5, 1


def insert_many(rows, *, leave_present=False):
    """Write new rows of one model; their primary keys stay unknown. Nothing for no rows.

    Where such rows may be there already, `leave_present` leaves these as they are.
    """
    if not rows:
        return
    into = table(type(rows[0]))
    into.insert(
        [[form(getattr(row, name)) for name, form in into.forms] for row in rows], leave_present=leave_present
    )


def insert_one(row):
    """Write a new row and give it its primary key."""
    into = table(type(row))
    with connection.cursor() as cursor:
        write_rows(
            cursor, into.start, [[form(getattr(row, name)) for name, form in into.forms]], "RETURNING id"
        )
        (row.pk,) = cursor.fetchone()
    row._state.adding, row._state.db = False, connection.alias


def write_rows(cursor, start, rows, end=""):
    """Run "`start` VALUES … `end`" for `rows`, lists of as many values.

    SQLite takes many in one statement: each one has its price, above all where it moves the index of words.
    """
    at, is_many = 0, connection.vendor == "sqlite" and len(rows) >= TOGETHER
    for size in SIZES if is_many else (1,):
        end_of_size = len(rows) - (len(rows) - at) % size
        groups = [list(chain.from_iterable(rows[n : n + size])) for n in range(at, end_of_size, size)]
        at = end_of_size
        if groups:
            places = ", ".join([f"({', '.join(['%s'] * len(rows[0]))})"] * size)
            run, values = (cursor.executemany, groups) if len(groups) > 1 else (cursor.execute, groups[0])
            run(f"{start} VALUES {places} {end}", values)


@contextmanager
def pipelined():
    """Send PostgreSQL what is written in here without waiting for each answer; a read waits for its own.

    So a new issue holds its space's counter for one round trip instead of ten. Raises the database's error of
    any of the statements, at the end of the block at the latest. Nothing in here may use `iterator()`: its
    cursor is PostgreSQL's own, which does not go with that.
    """
    if connection.vendor != "postgresql":
        yield
        return
    connection.ensure_connection()
    with connection.wrap_database_errors, connection.connection.pipeline():
        yield


def table(model, with_key=False):
    """The Table of a model on this database."""
    return kept_table(model, with_key, connection.vendor)


@lru_cache(maxsize=64)
def kept_table(model, with_key, vendor):
    return Table(model, with_key)


class Table:
    """The table of a model: how values become a row of it, and how rows are written.

    Rows come `with_key` where others refer to them before they are written.
    """

    def __init__(self, model, with_key):
        columns = model._meta.concrete_fields
        fields = [field for field in columns if with_key or not isinstance(field, AutoField)]
        quote = connection.ops.quote_name
        self.model, self.name = model, quote(model._meta.db_table)
        self.columns = ", ".join(quote(field.column) for field in fields)
        self.start = f"INSERT INTO {self.name} ({self.columns})"
        self.forms = [(field.attname, form_of(field)) for field in fields]
        self.places = {field.attname: (at, quick_form(field)) for at, field in enumerate(fields)}
        self.pick = itemgetter(*self.places)
        self.blank = [form_of(field)(default_of(field)) for field in fields]

    def row(self, said):
        """A row as it goes into the database: `said`, {attname: value}, and defaults for the rest.

        Times are in UTC, and uuids may be texts.
        """
        row, places = self.blank.copy(), self.places
        for name, value in said.items():
            at, form = places[name]
            row[at] = value if form is None or value is None else form(value)
        return row

    def rows(self, found):
        """The same of many that say every column."""
        rows = list(map(list, map(self.pick, found)))
        for at, form in self.places.values():
            if form is not None:
                for row in rows:
                    if (value := row[at]) is not None:
                        row[at] = form(value)
        return rows

    def insert(self, rows, *, leave_present=False):
        with connection.cursor() as cursor:
            write_rows(cursor, self.start, rows, "ON CONFLICT DO NOTHING" if leave_present else "")

    def new_keys(self, count):
        """Primary keys of so many rows to come, which nobody else gets."""
        name = self.model._meta.db_table
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                # A sequence of SQLite's is there with the first row.
                there = "SELECT 1 FROM sqlite_sequence WHERE name = %s"
                new = f"INSERT INTO sqlite_sequence (name, seq) SELECT %s, 0 WHERE NOT EXISTS ({there})"
                cursor.execute(new, [name, name])
                taken = "UPDATE sqlite_sequence SET seq = seq + %s WHERE name = %s RETURNING seq"
                ((last,),) = cursor.execute(taken, [count, name]).fetchall()
                return range(last + 1 - count, last + 1)
            sql = "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)"
            cursor.execute(sql, [name, count])
            return [key for (key,) in cursor.fetchall()]


def form_of(field):
    """How any value of Python's goes into this column."""
    if isinstance(field, models.UUIDField) and not connection.features.has_native_uuid_field:
        return lambda value: None if value is None else value.hex
    if isinstance(field, models.DateTimeField):
        return connection.ops.adapt_datetimefield_value
    if isinstance(field, models.DateField | ExactJSONField):
        return lambda value: field.get_db_prep_save(value, connection)
    return lambda value: value


def quick_form(field):
    """How a value of `Table.row`, other than None, goes into this column; None where it goes as it is."""
    if isinstance(field, models.UUIDField):
        return None if connection.features.has_native_uuid_field else lambda uuid: str(uuid).replace("-", "")
    if isinstance(field, models.DateTimeField):
        return None if connection.vendor == "postgresql" else lambda at: utc_text(at).replace("T", " ")
    if isinstance(field, models.DateField | ExactJSONField):
        return form_of(field)
    return None


def default_of(field):
    """The default of a column; None where every row has a value of its own."""
    if field.default is NOT_PROVIDED and field.null:
        return None
    return None if isinstance(field, models.UUIDField | models.DateTimeField) else field.get_default()
