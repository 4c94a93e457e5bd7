"""Issues as the rows of pages: documents with what a row shows."""

from datetime import timedelta

from django.utils import timezone

from issues import issue_rows, sightings
from issues.models import Issue

PAGE_SIZE = 50
ROW = (
    "key", "title", "status", "level", "assignee", "seen_count", "comment_count", "labels", "marks", "place",
    "own_channels", "last_seen_at", "created_at", "updated_at",
)  # fmt: skip


def list_page(filters, order, cursor):
    """One keyset.Page of the documents of issues in this Order; BadCursor for a place that is none."""
    page = issue_rows.page(filters, order, cursor, PAGE_SIZE, ROW)
    page.rows = rows_of(page.rows, order.column if order.column in ROW else "created_at")
    return page


def rows_of(documents, time):
    """These documents of issues, with what a row shows of them and of their `time`.

    Costs one statement where any was seen again in the last hours.
    """
    now = timezone.now()
    since = now - timedelta(hours=sightings.HOURS)
    recent = [
        document["place"]
        for document in documents
        if document["seen_count"] > 1 and issue_rows.moment(document["last_seen_at"]) > since
    ]
    sparks = sightings.lately(recent, now)
    return [shown(document, time, sparks.get(document["place"][1])) for document in documents]


def row_of(issue):
    """The document of one issue, as it stands now."""
    (row,) = rows_of([issue_rows.document_of(issue, ROW)], "created_at")
    return row


def shown(document, time, spark):
    return document | {
        "labels": issue_rows.labels_of(document),
        "at": issue_rows.moment(document[time]),
        "is_regressed": document["marks"]["has_regressed"] and document["status"] in Issue.OPEN,
        "spark": spark,
    }
