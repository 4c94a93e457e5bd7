"""What an issue's own row keeps of its labels, so that a list reads no other table for them.

A list of fifty issues at a million of them took a third of its time to look for labels and comments.
"""

import orjson
from django.db import connection

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


def show_labels(where, parameters):
    """Write into issues for which this SQL holds what lists and documents show of their labels."""
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE issues_issue SET labels_shown = {labels_sql()} WHERE {where}", parameters)


class ShownLabels:
    """What issues show of their labels as something that follows from them, for `manage.py check_derived`."""

    @staticmethod
    def differences():
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT id FROM issues_issue WHERE labels_shown <> {labels_sql()} ORDER BY id")
            yield from ((pk, f"issue {pk} shows other labels than it has") for (pk,) in cursor.fetchall())

    @staticmethod
    def repair(issues):
        show_labels(*among("id", issues))
