"""What the row of an issue keeps of its labels, comments and level for lists."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, models
from django.test.utils import CaptureQueriesContext

from comments.models import CommentCounts
from issues.models import Issue, Level
from issues.models.shown import SHOWN_LABELS
from tests.chains import row
from tests.factories import CommentFactory, IssueFactory

pytestmark = pytest.mark.django_db


def labelled(space, labels):
    issue = Issue(space=space, title="Labelled")
    issue.labels = labels
    issue.save()
    return issue


def shown(issue):
    return row(issue)["labels_shown"], row(issue)["comment_count"]


def test_labels_are_kept_in_the_order_in_which_they_came(ops):
    issue = labelled(ops, {"b": "1", "a": 'say "x"', "c": ""})

    issue.wish("labels", add={"b": "2"}, remove=["c"])
    issue.save()

    assert shown(issue) == ('{"a":"say \\"x\\"","b":"2"}', 0)


def test_labels_of_many_issues_are_kept_in_one_statement(ops):
    issues = [labelled(ops, {"own": str(number)}) for number in range(4)]

    with CaptureQueriesContext(connection) as queries:
        Issue.objects.filter(space=ops).change(labels=dict.fromkeys(["area", "flaky"], "x"))

    assert sum("labels_shown =" in query["sql"] for query in queries) == 1
    assert {shown(issue)[0] for issue in issues} == {'{"area":"x","flaky":"x"}'}


def test_comments_are_counted_without_internal_and_deleted_ones(ops):
    issue = IssueFactory(space=ops)
    second, third, _ = (CommentFactory(issue=issue) for _ in range(3))
    CommentFactory(issue=issue, is_internal=True)

    counts = [shown(issue)[1]]
    second.is_internal = True
    second.save()
    counts.append(shown(issue)[1])
    third.trash()
    counts.append(shown(issue)[1])
    second.is_internal = False
    second.save()
    counts.append(shown(issue)[1])

    assert counts == [3, 2, 1, 2]


def test_what_is_shown_wrongly_is_found_and_repaired(ops):
    issue, other = labelled(ops, {"a": "1"}), labelled(ops, {"b": ""})
    CommentFactory(issue=other)
    models.QuerySet.update(Issue.objects.filter(pk=issue.pk), labels_shown='{"a":"2"}')
    models.QuerySet.update(Issue.objects.filter(pk=other.pk), comment_count=7)
    urgent = IssueFactory(space=ops, level=Level.objects.get(key="P0"))
    models.QuerySet.update(Issue.objects.filter(pk=urgent.pk), level_rank=7)

    with pytest.raises(
        CommandError, match="1 of labels shown, 1 of ranks of levels, 1 of numbers of comments"
    ):
        call_command("check_derived", stdout=StringIO())
    call_command("check_derived", repair=True, stdout=StringIO())

    assert [shown(issue), shown(other)] == [('{"a":"1"}', 0), ('{"b":""}', 1)]
    assert row(urgent)["level_rank"] == urgent.level.rank


def test_both_are_filled_from_what_is_there(ops):
    issue = labelled(ops, {"a": "1"})
    CommentFactory(issue=issue)
    right = shown(issue)
    models.QuerySet.update(Issue.objects.all(), labels_shown="{}", comment_count=0)

    SHOWN_LABELS.write("true", [])
    CommentCounts.put(Issue.objects.all())

    assert shown(issue) == right == ('{"a":"1"}', 1)
