"""Django's SQLite backend with one queue of writers per process, who write through one connection.

Eight threads that poll SQLite's busy handler are slower than one thread alone, and so are eight with
connections of their own, each of which has to read again what another has written; processes still meet at
the busy handler.
"""

import threading
from collections import defaultdict
from functools import lru_cache

from django.db.backends.sqlite3 import base
from django.db.utils import OperationalError

WRITE_LOCKS = defaultdict(threading.Lock)
# {name of a database: connection}; whoever has its lock may use it.
WRITERS = {}


class Cursor(base.SQLiteCursorWrapper):
    """Django's, which puts our statements into SQLite's form once and not each time anew."""

    def convert_query(self, query, *, param_names=None):
        return super().convert_query(query, param_names=param_names) if param_names else converted(query)


@lru_cache(maxsize=1_024)
def converted(query):
    return base.FORMAT_QMARK_REGEX.sub("?", query).replace("%%", "%")


class DatabaseWrapper(base.DatabaseWrapper):
    """Takes the process's write lock before BEGIN IMMEDIATE and gives it back with the transaction."""

    _held = _own = None

    def create_cursor(self, name=None):
        return self.connection.cursor(factory=Cursor)

    def get_new_connection(self, conn_params):
        connection = super().get_new_connection(conn_params)
        # Else the DELETE inside INSERT OR REPLACE would not meet the triggers that keep history.
        connection.execute("PRAGMA recursive_triggers = ON")
        return connection

    def _start_transaction_under_autocommit(self):
        name = str(self.settings_dict["NAME"])
        lock = WRITE_LOCKS[name]
        if not lock.acquire(timeout=self.settings_dict["OPTIONS"].get("timeout", 5)):
            raise OperationalError("Waited too long for another write of this process to end.")
        self._held = lock
        try:
            if threading.current_thread() is not threading.main_thread():
                self._own, self.connection = self.connection, self._writer(name)
            super()._start_transaction_under_autocommit()
        except BaseException:
            self._give_back()
            raise

    def _writer(self, name):
        """The connection through which all threads write that the process has beside its first one.

        What a connection writes, all others have to read anew.
        """
        if name not in WRITERS:
            WRITERS[name] = self.get_new_connection(self.get_connection_params())
        return WRITERS[name]

    def _commit(self):
        try:
            super()._commit()
        except base.Database.Error:
            # Django rolls back.
            raise
        except BaseException:
            self._give_back()
            raise
        self._give_back()

    def _rollback(self):
        try:
            super()._rollback()
        finally:
            self._give_back()

    def _close(self):
        if self._own is not None:
            self._give_back()
        try:
            super()._close()
        finally:
            self._give_back()

    def _give_back(self):
        if self._held is None:
            return
        if self._own is not None:
            if self.connection.in_transaction:
                self.connection.rollback()
            self.connection, self._own = self._own, None
        lock, self._held = self._held, None
        lock.release()
