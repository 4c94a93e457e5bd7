"""Settings of SQLite's while a program fills the database; on another database nothing happens."""

from contextlib import ExitStack, contextmanager, suppress

from django.db import OperationalError, connection


@contextmanager
def pragmas(**wanted):
    """Inside, the connection has these settings, {name: value}."""
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


@contextmanager
def straight_into_file():
    """Inside, new pages go straight into the file if nobody else has it open, and nobody can open it then.

    In the log, a page is looked for in all of a long transaction, and what it holds is written twice. Nobody
    waits for a server to close the file: it has it open for as long as it runs.
    """
    with ExitStack() as settings:
        with suppress(OperationalError), pragmas(busy_timeout=0):
            settings.enter_context(pragmas(journal_mode="TRUNCATE"))
        yield
