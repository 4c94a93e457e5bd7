"""A writer that is killed in the middle: what it was told is done is there, and nothing is there by half."""

import os
import signal
from io import StringIO

import pytest
from django.core.management import call_command

from issues.models import Issue, Occurrence, Outbox, Space
from tests.chains import assert_whole, entries, row
from tests.factories import IssueFactory
from tests.processes import start

pytestmark = pytest.mark.django_db(transaction=True)

WRITER = """
import sys
from comments.models import Comment
from issues.actor import Actor, acting_as
from issues.models import Issue, Space
space = Space.objects.get(pk=sys.argv[1])

def done(issue):
    print(issue.pk, issue.version, flush=True)

with acting_as(lambda: Actor(source="worker")):
    for turn in range(100_000):
        issue = Issue.objects.create(space=space, title=f"Issue {turn}", description="text " * turn)
        done(issue)
        issue.status, issue.labels = "resolved", {"turn": str(turn), "flaky": ""}
        issue.save()
        done(issue)
        Comment(issue=issue, content=f"Comment {turn}").save()
        issue.refresh_from_db()
        done(issue)
        keys = Issue.objects.order_by("-id")[:3].values("pk")
        Issue.objects.filter(pk__in=list(keys.values_list("pk", flat=True))).change(kind=f"kind {turn}")
        issue.refresh_from_db()
        done(issue)
"""


@pytest.mark.parametrize("after", [1, 14, 61])
def test_what_was_acknowledged_survives_a_kill(ops, after):
    writer = start(WRITER, ops.pk)
    told = [writer.stdout.readline() for _ in range(after)]

    os.kill(writer.pid, signal.SIGKILL)
    rest, errors = writer.communicate(timeout=30)

    assert (writer.returncode, errors) == (-signal.SIGKILL, "")
    # A line that was cut off was not told.
    told += [line for line in rest.splitlines(keepends=True) if line.endswith("\n")]
    seen = {}
    for line in told:
        pk, version = map(int, line.split())
        seen[pk] = version
    assert len(told) >= after
    for pk, version in seen.items():
        assert Issue.objects.get(pk=pk).version >= version
    assert_nothing_by_half(ops)


def assert_nothing_by_half(space):
    """Every row has its history, its sighting and its outbox rows, and the next one takes the next number."""
    issues = list(Issue.objects.filter(space=space).order_by("number"))
    assert [issue.number for issue in issues] == list(range(1, len(issues) + 1))
    assert_whole(*issues)
    for issue in issues:
        told = Outbox.objects.filter(issue=issue).order_by("id").values_list("version", flat=True)
        assert list(told) == list(range(1, issue.version + 1))
        assert Occurrence.objects.filter(issue=issue).count() == 1
        said = [entry.action for entry in entries(issue)]
        assert (issue.status == "resolved") == ("status_changed" in said)
        assert len(row(issue)["labels"]) == said.count("label_added")
        assert issue.comments.count() == said.count("comment_added")
    out = StringIO()
    call_command("verify_history", stdout=out)
    assert "holds" in out.getvalue()
    assert IssueFactory(space=Space.objects.get(pk=space.pk)).number == len(issues) + 1
