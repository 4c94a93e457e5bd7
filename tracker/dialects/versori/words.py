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
# How an issue was resolved, what it knows none of included.
RESOLUTION = Words(
    {"resolved": "resolved", "negated": "negated", "ignored": "ignored", "next_release": "resolved"},
    {word: word for word in ("resolved", "negated", "ignored")},
)
# The same where nobody said more of it than its status.
BY_STATUS = {"resolved": "resolved", "ignored": "ignored", "excluded": "ignored"}
# By the severity of a level. `critical` is newer than the product's own strict clients: it is taken, and
# shown as `high`.
SEVERITY = Words(
    {"critical": "high", "high": "high", "medium": "medium", "low": "low"},
    {"high": "high", "medium": "medium", "low": "low", "critical": "critical"},
)
