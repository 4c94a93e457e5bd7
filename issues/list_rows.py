"""Issues as the rows of pages: documents with what a row shows."""

from datetime import timedelta

from django.utils import timezone

from issues import issue_rows, sightings
from issues.models import Issue, LastVisit

PAGE_SIZE = 50
ROW = (
    "key", "title", "status", "level", "assignee", "seen_count", "comment_count", "labels", "marks", "place",
    "own_channels", "last_seen_at", "created_at", "updated_at", "updated_by",
)  # fmt: skip


def list_page(filters, order, cursor):
    """One keyset.Page of the documents of issues in this Order; BadCursor for a place that is none."""
    page = issue_rows.page(filters, order, cursor, PAGE_SIZE, ROW)
    time = order.column if order.column in ROW else "created_at"
    page.rows = rows_of(page.rows, time, filters.user)
    return page


def rows_of(documents, time, user):
    """These documents of issues, with what a row shows `user` of them and of their `time`.

    Costs one statement, and another where any was seen again in the last hours.
    """
    now = timezone.now()
    since = now - timedelta(hours=sightings.HOURS)
    recent = [
        document["place"]
        for document in documents
        if document["seen_count"] > 1 and issue_rows.moment(document["last_seen_at"]) > since
    ]
    sparks = sightings.lately(recent, now)
    visits = LastVisit.objects.times(user, [document["place"][1] for document in documents])
    return [shown(document, time, user, sparks, visits) for document in documents]


def row_of(issue, user):
    """The document of one issue, as it stands now and as `user` reads it."""
    (row,) = rows_of([issue_rows.document_of(issue, ROW)], "created_at", user)
    return row | {"is_unread": False}


def is_unread(document, user, visited_at):
    """Whether others have changed an issue since the user's last visit, or without one since they joined."""
    by, (space, _) = document["updated_by"], document["place"]
    if by and by["id"] == str(user.uuid):
        return False
    return (visited_at or user.joined()[space]) < issue_rows.moment(document["updated_at"])


def shown(document, time, user, sparks, visits):
    _, issue = document["place"]
    return document | {
        "labels": issue_rows.labels_of(document),
        "at": issue_rows.moment(document[time]),
        "is_regressed": document["marks"]["has_regressed"] and document["status"] in Issue.OPEN,
        "is_unread": is_unread(document, user, visits.get(issue)),
        "spark": sparks.get(issue),
    }
