"""What waits for somebody's decision: open and nobody's, or seen again after it was resolved."""

from issues.models import Issue
from issues.query import read

# Who takes an issue sets it in progress, and so one that came back waits no more.
WAITING = "is:open (is:unassigned OR status:open is:regressed)"


def waiting(user):
    """The issues of the user's spaces that wait, a queryset."""
    return Issue.objects.visible_to(user).filter(read(WAITING, user).condition)
