"""Settings of SQLite's while a program fills the database."""

from contextlib import contextmanager

from django.db import connection


@contextmanager
def pragmas(**wanted):
    """Inside, the connection has these, {name: value}; on another database than SQLite nothing happens."""
    if connection.vendor != "sqlite":
        yield
        return
    with connection.cursor() as cursor:
        usual = {name: cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in wanted}
        try:
            ask_for(cursor, wanted)
            yield
        finally:
            ask_for(cursor, usual)


def ask_for(cursor, wanted):
    for name, value in wanted.items():
        # Some answer, and are done when that was read.
        cursor.execute(f"PRAGMA {name} = {value}").fetchall()
