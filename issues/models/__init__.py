"""The model: spaces and what belongs to them, issues, and the history of it all."""

from issues.models.attachment import Attachment
from issues.models.bulk_run import BulkRun
from issues.models.channel import Channel, Subscription
from issues.models.count import CountDelta, IssueCount
from issues.models.draft import Draft
from issues.models.history import HistoryEntry, TextVersion
from issues.models.issue import Issue
from issues.models.last_visit import LastVisit
from issues.models.level import Level
from issues.models.occurrence import Occurrence, Outbox
from issues.models.occurrence_hour import OccurrenceHour
from issues.models.saved_view import SavedView
from issues.models.search_document import SearchDocument
from issues.models.sets import IssueAttachment, IssueChannel, IssueLabel, IssueTeam
from issues.models.space import Counter, Environment, Membership, Project, Space, Team

__all__ = [
    "Attachment",
    "BulkRun",
    "Channel",
    "CountDelta",
    "Counter",
    "Draft",
    "Environment",
    "HistoryEntry",
    "Issue",
    "IssueAttachment",
    "IssueChannel",
    "IssueCount",
    "IssueLabel",
    "IssueTeam",
    "LastVisit",
    "Level",
    "Membership",
    "Occurrence",
    "OccurrenceHour",
    "Outbox",
    "Project",
    "SavedView",
    "SearchDocument",
    "Space",
    "Subscription",
    "Team",
    "TextVersion",
]
