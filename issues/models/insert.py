"""INSERT of many rows at the speed of the driver: `bulk_create` spends most of its time on SQL of its own."""

from functools import lru_cache

from django.db import connection, models

from issues.models.fields import ExactJSONField


def insert_many(rows, *, leave_present=False):
    """Write new rows of one model; their primary keys stay unknown. Nothing for no rows.

    Where such rows may be there already, `leave_present` leaves these as they are.
    """
    if not rows:
        return
    sql, columns = plan(type(rows[0]), connection.vendor)
    if leave_present:
        sql = f"{sql} ON CONFLICT DO NOTHING"
    values = [[form(getattr(row, name)) for name, form in columns] for row in rows]
    with connection.cursor() as cursor:
        if len(values) == 1:
            cursor.execute(sql, values[0])
        else:
            cursor.executemany(sql, values)


def insert_one(row):
    """Write a new row and give it its primary key."""
    sql, columns = plan(type(row), connection.vendor)
    with connection.cursor() as cursor:
        cursor.execute(f"{sql} RETURNING id", [form(getattr(row, name)) for name, form in columns])
        (row.pk,) = cursor.fetchone()
    row._state.adding, row._state.db = False, connection.alias


@lru_cache(maxsize=32)
def plan(model, vendor):
    """(INSERT statement, [(attname, how its value goes into the database)])"""
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    quote = connection.ops.quote_name
    names = ", ".join(quote(field.column) for field in fields)
    places = ", ".join(["%s"] * len(fields))
    sql = f"INSERT INTO {quote(model._meta.db_table)} ({names}) VALUES ({places})"  # noqa: S608
    return sql, [(field.attname, form_of(field)) for field in fields]


def form_of(field):
    if isinstance(field, models.UUIDField) and not connection.features.has_native_uuid_field:
        return lambda value: None if value is None else value.hex
    if isinstance(field, models.DateTimeField):
        return connection.ops.adapt_datetimefield_value
    if isinstance(field, models.DateField | ExactJSONField):
        return lambda value: field.get_db_prep_save(value, connection)
    return lambda value: value
