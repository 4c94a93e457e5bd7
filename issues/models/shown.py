"""What an issue's own row keeps of its labels and of its level, so that a list reads no other table for it.

A list of fifty issues at a million of them took a third of its time to look for labels and comments.
"""

from collections.abc import Callable
from dataclasses import dataclass

import orjson
from django.db import connection

from issues.models.level import NO_LEVEL_RANK
from issues.models.sql import among


def labels_sql():
    """SQL of a JSON object (text) of the labels of the issue at hand, in the order in which they came."""
    if connection.vendor == "postgresql":
        pairs = "string_agg(to_json(key)::text || ':' || to_json(value)::text, ',' ORDER BY id)"
        rows = f"coalesce('{{' || {pairs} || '}}', '{{}}') FROM issues_issuelabel"
        return f"(SELECT {rows} WHERE issue_id = issues_issue.id)"
    rows = "SELECT key, value FROM issues_issuelabel WHERE issue_id = issues_issue.id ORDER BY id"
    return f"(SELECT json_group_object(key, value) FROM ({rows}))"


def as_json(labels):
    """What that SQL makes of these labels."""
    return orjson.dumps(labels).decode()


def rank_sql():
    """SQL of the rank of the level of the issue at hand."""
    return f"coalesce((SELECT rank FROM issues_level WHERE id = level_id), {NO_LEVEL_RANK})"


@dataclass(frozen=True)
class Kept:
    """A column of issues that follows from other tables, by this SQL, for `manage.py check_derived`."""

    column: str
    sql: Callable
    fault: str

    def write(self, where, parameters):
        """Write it into the issues for which this SQL holds."""
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE issues_issue SET {self.column} = {self.sql()} WHERE {where}", parameters)

    def differences(self):
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT id FROM issues_issue WHERE {self.column} <> {self.sql()} ORDER BY id")
            yield from ((pk, f"issue {pk} {self.fault}") for (pk,) in cursor.fetchall())

    def repair(self, issues):
        self.write(*among("id", issues))


SHOWN_LABELS = Kept("labels_shown", labels_sql, "shows other labels than it has")
LEVEL_RANKS = Kept("level_rank", rank_sql, "is sorted by another rank than its level has")
