"""The one way to change an issue."""

import pytest

from issues.models import HistoryEntry, Issue
from tests.factories import IssueFactory

pytestmark = pytest.mark.django_db


def test_a_stale_instance_does_not_undo_what_others_did(ops):
    issue = IssueFactory(space=ops, title="Before")
    stale = Issue.objects.get(pk=issue.pk)
    issue.title = "After"
    issue.save()

    stale.status = "resolved"
    stale.save()

    assert (stale.title, stale.status, stale.version) == ("After", "resolved", 3)
    assert [e.action for e in HistoryEntry.objects.filter(issue=issue).order_by("position")] == [
        "created",
        "title_changed",
        "status_changed",
    ]
