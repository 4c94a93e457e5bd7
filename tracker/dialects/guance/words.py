"""What Guance calls things."""

from issues.models.level import SYSTEM_LEVELS
from tracker.dialects.vocabulary import Words

STATUS = Words(
    {
        "open": 10,
        "acknowledged": 15,
        "in_progress": 15,
        "pending": 30,
        "resolved": 20,
        "closed": 25,
        "ignored": 25,
        "excluded": 25,
    },
    {10: "open", 15: "in_progress", 20: "resolved", 25: "closed", 30: "pending"},
)
STATUS_NAMES = {10: "Open", 15: "Working", 20: "Resolved", 25: "Closed", 30: "Pending"}
# {uuid of a level of the system: its name here}; earlier versions of the product called them 0 to 3.
SYSTEM = {str(uuid): f"system_level_{place}" for place, (*_, uuid) in enumerate(SYSTEM_LEVELS)}
NO_LEVEL = ""
SOURCES = ("event", "dashboard", "viewer")
SUBSCRIPTIONS = ("responsible", "participate", "attention")
CANCEL = "cancel"
# Of every row that is not deleted.
NORMAL, NEVER = 0, -1
# What its list of replies tells of our history, and how.
CHANGES = {
    "created": "created an Issue",
    "status_changed": "set the status: {old} → {new}",
    "regressed": "set the status: {old} → {new}",
    "priority_changed": "set the level: {old} → {new}",
    "assignee_changed": "set the manager: {old} → {new}",
    "team_added": "added the team {new}",
    "team_removed": "removed the team {old}",
    "title_changed": "changed the title",
    "description_changed": "edited the description",
    "channel_added": "added the channel {new}",
    "channel_removed": "removed the channel {old}",
    "attachment_added": "added the attachment {new}",
    "attachment_removed": "removed the attachment {old}",
    "restored": "restored the Issue",
}
