"""Django's PostgreSQL backend, which asks the server whether it is there only if it may be gone."""

from select import POLLIN, poll

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    def is_usable(self):
        """Whether a kept connection still works, as is asked at the start of each request.

        A server that goes away says so, and otherwise says nothing unasked: only a connection on which there
        is something to read is worth a statement of its own.
        """
        if not self.connection.closed:
            waiting = poll()
            waiting.register(self.connection.fileno(), POLLIN)
            if not waiting.poll(0):
                return True
        return super().is_usable()
