"""What Versori calls things."""

from tracker.dialects.vocabulary import Words

STATUS = Words(
    {
        "open": "open",
        "acknowledged": "acked",
        "in_progress": "acked",
        "pending": "acked",
        "resolved": "resolved",
        "closed": "closed",
        "ignored": "closed",
        "excluded": "closed",
    },
    {"open": "open", "acked": "acknowledged", "resolved": "resolved", "closed": "closed"},
)
# How an issue was resolved that nobody said more of than its status.
RESOLUTION = {"resolved": "resolved", "ignored": "ignored", "excluded": "ignored"}
# By the severity of a level. `critical` is newer than the product's own strict clients: it is taken, and
# shown as `high`.
SEVERITY = Words(
    {"critical": "high", "high": "high", "medium": "medium", "low": "low"},
    {"high": "high", "medium": "medium", "low": "low", "critical": "critical"},
)
