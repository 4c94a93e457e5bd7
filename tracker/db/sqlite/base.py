"""Django's SQLite backend with one queue of writers per process instead of a busy loop.

Threads that wait for a lock of the process are faster than one thread alone, those that poll SQLite's
busy handler are slower; processes still meet at the busy handler.
"""

import threading
from collections import defaultdict
from functools import lru_cache
from types import NoneType

from django.db.backends.sqlite3 import base
from django.db.utils import OperationalError

WRITE_LOCKS = defaultdict(threading.Lock)

# Of what is neither a number nor a text, SQLite's module asks how to adapt it, and of a type that nobody
# registered it makes two exceptions each time: a row with many NULLs took twice as long.
base.Database.register_adapter(NoneType, {}.get)
base.Database.register_adapter(bool, int)


class Cursor(base.SQLiteCursorWrapper):
    """Django's, which puts our statements into SQLite's form once and not each time anew."""

    def convert_query(self, query, *, param_names=None):
        return super().convert_query(query, param_names=param_names) if param_names else converted(query)


@lru_cache(maxsize=1_024)
def converted(query):
    return base.FORMAT_QMARK_REGEX.sub("?", query).replace("%%", "%")


class DatabaseWrapper(base.DatabaseWrapper):
    """Takes the process's write lock before BEGIN IMMEDIATE and gives it back with the transaction."""

    _held = None

    def create_cursor(self, name=None):
        return self.connection.cursor(factory=Cursor)

    def get_new_connection(self, conn_params):
        connection = super().get_new_connection(conn_params)
        # Else the DELETE inside INSERT OR REPLACE would not meet the triggers that keep history.
        connection.execute("PRAGMA recursive_triggers = ON")
        return connection

    def _start_transaction_under_autocommit(self):
        lock = WRITE_LOCKS[str(self.settings_dict["NAME"])]
        if not lock.acquire(timeout=self.settings_dict["OPTIONS"].get("timeout", 5)):
            raise OperationalError("Waited too long for another write of this process to end.")
        self._held = lock
        try:
            super()._start_transaction_under_autocommit()
        except BaseException:
            self._give_back()
            raise

    def _commit(self):
        try:
            super()._commit()
        finally:
            self._give_back()

    def _rollback(self):
        try:
            super()._rollback()
        finally:
            self._give_back()

    def _close(self):
        try:
            super()._close()
        finally:
            self._give_back()

    def _give_back(self):
        if self._held is not None:
            lock, self._held = self._held, None
            lock.release()
