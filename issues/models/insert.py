"""INSERT of many rows at the speed of the driver: `bulk_create` spends most of its time on SQL of its own."""

from functools import lru_cache
from itertools import chain

from django.db import connection, models

from issues.models.fields import ExactJSONField

# Rows of one statement; with sixty columns the first is at most what SQLite has parameters for.
SIZES = (500, 50)


def insert_many(rows, *, leave_present=False):
    """Write new rows of one model; their primary keys stay unknown. Nothing for no rows.

    Where such rows may be there already, `leave_present` leaves these as they are.
    """
    if not rows:
        return
    start, columns = plan(type(rows[0]), connection.vendor)
    values = [[form(getattr(row, name)) for name, form in columns] for row in rows]
    with connection.cursor() as cursor:
        write_rows(cursor, start, values, "ON CONFLICT DO NOTHING" if leave_present else "")


def write_rows(cursor, start, rows, end=""):
    """Run "`start` VALUES … `end`" for `rows`, lists of as many values.

    SQLite takes many in one statement: each one has its price, above all where it moves the index of words.
    """
    if not rows:
        return
    place, at = f"({', '.join(['%s'] * len(rows[0]))})", 0
    for size in SIZES if connection.vendor == "sqlite" else ():
        statement = f"{start} VALUES {', '.join([place] * size)} {end}"
        while len(rows) - at >= size:
            cursor.execute(statement, list(chain.from_iterable(rows[at : at + size])))
            at += size
    if rest := rows[at:]:
        statement = f"{start} VALUES {place} {end}"
        if len(rest) == 1:
            cursor.execute(statement, rest[0])
        else:
            cursor.executemany(statement, rest)


def insert_one(row):
    """Write a new row and give it its primary key."""
    start, columns = plan(type(row), connection.vendor)
    with connection.cursor() as cursor:
        write_rows(cursor, start, [[form(getattr(row, name)) for name, form in columns]], "RETURNING id")
        (row.pk,) = cursor.fetchone()
    row._state.adding, row._state.db = False, connection.alias


@lru_cache(maxsize=32)
def plan(model, vendor):
    """(INSERT statement up to its values, [(attname, how its value goes into the database)])"""
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    quote = connection.ops.quote_name
    names = ", ".join(quote(field.column) for field in fields)
    start = f"INSERT INTO {quote(model._meta.db_table)} ({names})"
    return start, [(field.attname, form_of(field)) for field in fields]


def form_of(field):
    if isinstance(field, models.UUIDField) and not connection.features.has_native_uuid_field:
        return lambda value: None if value is None else value.hex
    if isinstance(field, models.DateTimeField):
        return connection.ops.adapt_datetimefield_value
    if isinstance(field, models.DateField | ExactJSONField):
        return lambda value: field.get_db_prep_save(value, connection)
    return lambda value: value
