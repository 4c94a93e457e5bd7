"""Issues as the rows of pages: documents with what a row shows."""

from issues import issue_rows
from issues.models import Issue

PAGE_SIZE = 50
ROW = (
    "key", "title", "status", "level", "assignee", "seen_count", "comment_count", "labels", "marks",
    "created_at", "updated_at",
)  # fmt: skip


def list_page(filters, order, cursor):
    """One keyset.Page of the documents of issues in this Order; BadCursor for a place that is none."""
    page = issue_rows.page(filters, order, cursor, PAGE_SIZE, ROW)
    page.rows = rows_of(page.rows, order.column if order.column in ROW else "created_at")
    return page


def rows_of(documents, time):
    """These documents of issues, with what a row shows of them and of their `time`."""
    return [shown(document, time) for document in documents]


def row_of(issue):
    """The document of one issue, as it stands now."""
    return shown(issue_rows.document_of(issue, ROW), "created_at")


def shown(document, time):
    return document | {
        "labels": issue_rows.labels_of(document),
        "at": issue_rows.moment(document[time]),
        "is_regressed": document["marks"]["has_regressed"] and document["status"] in Issue.OPEN,
    }
