"""What Zylon calls things."""

from tracker.dialects.vocabulary import Words

STATE = Words(
    {
        "open": "NotReviewed",
        "acknowledged": "InReview",
        "in_progress": "InReview",
        "pending": "InReview",
        "resolved": "Closed",
        "closed": "Closed",
        "ignored": "Closed",
        "excluded": "Closed",
    },
    {"NotReviewed": "open", "InReview": "in_progress", "Closed": "closed"},
)
# A word for what is in the trash, and no status.
DELETED = "Deleted"
STATE_OR_DELETED = Words(STATE.shown, STATE.meant | {DELETED: DELETED})
# An issue of any other kind is shown as the last.
TYPES = ("NoAnswer", "Inaccurate", "NoContextUsed", "Format", "Other")
OTHER = TYPES[-1]
# The only kind of thing that Zylon's issues are about.
RESOURCE = "Thread"
ROLES = {"viewer": "AppGuest", "member": "AppMember", "admin": "AppAdmin"}
