"""The query language: one grammar for the search box, `?q=`, bulk actions, saved views and channel rules.

`read(text, user)` gives a Query: its `condition` on issues, its `sort`, its `words`, and `why(issue)`.
"""

from issues.query.compiler import Query, read
from issues.query.completion import complete
from issues.query.parts import parts_of
from issues.query.tree import QueryError

__all__ = ["Query", "QueryError", "complete", "explain", "parts_of", "read", "why"]


def explain(text, user):
    """A query in words; QueryError."""
    return read(text, user).words


def why(issue, text, user):
    """Which parts of a query hold of `issue`, as they are written; QueryError."""
    return read(text, user).why(issue)
