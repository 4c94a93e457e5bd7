"""Who does what is being done: one question, asked when a change is saved.

DRF signs a client in inside the view, after every middleware has run, so what is kept for the length of
a request or a command is not an answer but a callable that gives it.
"""

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils import timezone


@dataclass(frozen=True, slots=True)
class Actor:
    """The user, token, door and time that a history entry will carry; nobody means the system."""

    user: object | None = None
    token: UUID | None = None
    source: str = "command"
    request_id: str = ""
    rule: UUID | None = None
    at: datetime | None = None

    def now(self):
        """The time of the change: the present, unless old news is being imported."""
        return self.at or timezone.now()


_question = ContextVar("actor", default=Actor)


@contextmanager
def acting_as(question):
    """Ask `question`, a callable without arguments that returns an Actor, for every change inside."""
    reset = _question.set(question)
    try:
        yield
    finally:
        _question.reset(reset)


def current_actor():
    """The Actor of this moment."""
    return _question.get()()
