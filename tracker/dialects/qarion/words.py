"""What Qarion calls things."""

from tracker.dialects.vocabulary import Words

STATUS = Words(
    {
        "open": "open",
        "acknowledged": "in_progress",
        "in_progress": "in_progress",
        "pending": "in_progress",
        "resolved": "resolved",
        "closed": "resolved",
        "ignored": "resolved",
        "excluded": "resolved",
    },
    {"open": "open", "in_progress": "in_progress", "resolved": "resolved"},
)
# By the severity of a level.
PRIORITY = Words(
    {"critical": "critical", "high": "high", "medium": "medium", "low": "low", None: "medium"},
    {"critical": "critical", "high": "high", "medium": "medium", "low": "low"},
)
# What its history calls our actions; it knows no others.
ACTIONS = {
    "created": "created",
    "status_changed": "status_changed",
    "regressed": "status_changed",
    "priority_changed": "priority_changed",
    "assignee_changed": "assignee_changed",
    "title_changed": "title_changed",
    "description_changed": "description_changed",
    "project_changed": "product_changed",
    "comment_added": "comment_added",
}
