"""What waits for somebody's decision: open and nobody's, or seen again after it was resolved."""

from issues.counts import counted_with_others
from issues.models import Issue
from issues.query import read

# Who takes an issue sets it in progress, and so one that came back waits no more.
WAITING = "is:open (is:unassigned OR status:open is:regressed)"
# Those of them that are somebody's.
CAME_BACK = "status:open is:regressed -is:unassigned"


def number_waiting(user, most):
    """How many issues of the user's spaces wait; looked for no further than to one beyond `most`.

    What is nobody's the counters know: to look for it in each of many spaces would take every page longer.
    """
    spaces = list(user.space_roles())
    nobodys = {"space_id": spaces, "status": Issue.OPEN, "assignee_id": [None]}
    return counted_with_others(nobodys, read(CAME_BACK, user).condition, most)
