"""Rows of many tables, written as fast as the database takes them."""

from functools import cache

from django.db import connection, models
from django.db.models.fields import NOT_PROVIDED, AutoField

from issues.models import Counter, Issue, TextVersion
from issues.models.fields import ExactJSONField
from issues.models.insert import form_of, write_rows

# History names a text once for all who wrote it.
REPEATED = {TextVersion}


class Table:
    """The table of a model: how its rows look, and how many of them are written at once.

    Only issues come with numbers of ours, since other rows refer to them.
    """

    def __init__(self, model):
        fields = [f for f in model._meta.concrete_fields if model is Issue or not isinstance(f, AutoField)]
        self.model = model
        self.columns = ", ".join(connection.ops.quote_name(field.column) for field in fields)
        self.places = {field.attname: (at, quick_form(field)) for at, field in enumerate(fields)}
        self.blank = [form_of(field)(default_of(field)) for field in fields]

    def row(self, said):
        """A row as it goes into the database: `said`, {attname: value}, and defaults for the rest."""
        row = self.blank.copy()
        for name, value in said.items():
            at, form = self.places[name]
            row[at] = value if form is None or value is None else form(value)
        return row

    def write(self, rows):
        with connection.cursor() as cursor:
            (copy if connection.vendor == "postgresql" else insert)(cursor, self, rows)


def quick_form(field):
    """How a value other than None goes into this column; None where it goes as it is. Times are in UTC."""
    if isinstance(field, models.DateTimeField):
        return None if connection.vendor == "postgresql" else lambda at: str(at.replace(tzinfo=None))
    if isinstance(field, models.UUIDField | models.DateField | ExactJSONField):
        return form_of(field)
    return None


def default_of(field):
    """The default of a column; None where every row has a value of its own."""
    if field.default is NOT_PROVIDED and field.null:
        return None
    return None if isinstance(field, models.UUIDField | models.DateTimeField) else field.get_default()


@cache
def table(model):
    return Table(model)


def insert(cursor, table, rows):
    verb = "INSERT OR IGNORE" if table.model in REPEATED else "INSERT"
    write_rows(cursor, f"{verb} INTO {table.model._meta.db_table} ({table.columns})", rows)


def copy(cursor, table, rows):
    name = table.model._meta.db_table
    if table.model not in REPEATED:
        copy_into(cursor, name, table.columns, rows)
        return
    # COPY stops at a row that is there already.
    cursor.execute(f"CREATE TEMPORARY TABLE pile AS SELECT {table.columns} FROM {name} LIMIT 0")
    copy_into(cursor, "pile", table.columns, rows)
    cursor.execute(
        f"INSERT INTO {name} ({table.columns}) SELECT {table.columns} FROM pile ON CONFLICT DO NOTHING"
    )
    cursor.execute("DROP TABLE pile")


def copy_into(cursor, name, columns, rows):
    with cursor.copy(f"COPY {name} ({columns}) FROM STDIN") as stream:
        for row in rows:
            stream.write_row(row)


def write(rows, numbers):
    """Write prepared rows, {model: [row]}, and the next numbers of their spaces."""
    for model in rows:
        table(model).write(rows[model])
    for space, number in numbers.items():
        Counter.objects.filter(pk=space).update(next=number)


def settle():
    """After the last row: the sequence of issues continues behind them, and the planner knows the tables."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT setval(pg_get_serial_sequence('issues_issue', 'id'), max(id)) FROM issues_issue"
            )
        if connection.vendor != "postgresql":
            cursor.execute("ANALYZE")
            return
        # By name: inside a transaction it would keep tables that all databases share.
        names = ", ".join(connection.introspection.table_names(cursor))
        cursor.execute(f"{'ANALYZE' if connection.in_atomic_block else 'VACUUM ANALYZE'} {names}")
