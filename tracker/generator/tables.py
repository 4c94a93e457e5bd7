"""Rows of many tables, written as fast as the database takes them."""

from django.db import connection

from issues.models import Counter, Issue, TextVersion, insert

# History names a text once for all who wrote it.
REPEATED = {TextVersion}


def table(model):
    """Only issues come with keys of ours, since other rows refer to them."""
    return insert.table(model, with_key=model is Issue)


def copy(cursor, table, rows):
    if table.model not in REPEATED:
        copy_into(cursor, table.name, table.columns, rows)
        return
    # COPY stops at a row that is there already.
    cursor.execute(f"CREATE TEMPORARY TABLE pile AS SELECT {table.columns} FROM {table.name} LIMIT 0")
    copy_into(cursor, "pile", table.columns, rows)
    cursor.execute(
        f"INSERT INTO {table.name} ({table.columns}) SELECT {table.columns} FROM pile ON CONFLICT DO NOTHING"
    )
    cursor.execute("DROP TABLE pile")


def copy_into(cursor, name, columns, rows):
    with cursor.copy(f"COPY {name} ({columns}) FROM STDIN") as stream:
        for row in rows:
            stream.write_row(row)


def write(rows, numbers):
    """Write prepared rows, {model: [row]}, and the next numbers of their spaces."""
    for model in rows:
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                copy(cursor, table(model), rows[model])
        else:
            table(model).insert(rows[model], leave_present=model in REPEATED)
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
