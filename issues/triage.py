"""What waits for somebody's decision: open and nobody's, or seen again after it was resolved."""

from issues.query import read
from issues.walks import number_of

# Who takes an issue sets it in progress, and so one that came back waits no more.
WAITING = "is:open (is:unassigned OR status:open is:regressed)"


def number_waiting(user, most):
    """How many issues of the user's spaces wait; looked for no further than to one beyond `most`."""
    return number_of(user.space_roles(), [read(WAITING, user).condition], most + 1)
