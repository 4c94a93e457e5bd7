"""The pane beside a list: an issue in short, and what is most often done with it.

Its address is that of the issue; htmx says that it asks for the pane, and so do the forms within it.
"""

from django.shortcuts import render
from django_htmx.http import push_url

from issues import issue_rows
from issues.list_rows import row_of
from issues.policy import may


def is_wanted(request):
    """Whether the answer goes into the pane."""
    return request.htmx.target == "pane"


def pane_context(request, issue):
    """What the pane shows of an issue."""
    labels, teams, channels, everything, files = issue_rows.sets_of(issue)
    return {
        "issue": issue,
        "labels": labels,
        "teams": teams,
        "channels": everything + channels,
        "files": len(files),
        "may_write": may(request, "write", issue.space_id),
    }


def pane(request, issue, status, **context):
    """The pane for htmx, with the row of the issue, which the list takes over."""
    context |= pane_context(request, issue) | {"row": row_of(issue, request.user)}
    # The address is that of the list, whatever was sent from the pane.
    return push_url(render(request, "issues/_pane.html", context, status=status), False)
