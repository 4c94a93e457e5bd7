"""Many writers at once, on both databases: nothing is lost, doubled, forked or locked out."""

from collections import Counter as Tally

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction
from django.test import Client

from comments.models import Comment
from issues.models import HistoryEntry, Issue, Membership, Space, TextVersion
from issues.models.base import VersionConflict
from tests.chains import actions, assert_space_whole, assert_whole, entries, row
from tests.factories import (
    CommentFactory,
    IssueFactory,
    LevelFactory,
    MembershipFactory,
    SpaceFactory,
    TeamFactory,
    TokenFactory,
    UserFactory,
)
from tests.processes import at_once, start

pytestmark = pytest.mark.django_db(transaction=True)

WRITERS = 16
FIELDS = (
    "title", "description", "kind", "resource_type", "resource_id", "resource_name", "alert_id", "error_type",
    "error_message", "file_path", "function_name", "platform", "track", "service", "first_version",
    "last_version",
)  # fmt: skip


def test_numbers_of_issues_created_at_once_have_no_holes_and_no_doubles(ops):
    other = SpaceFactory()

    def create(number):
        return [Issue.objects.create(space=ops, title=f"{number}").number for _ in range(4)]

    found = at_once(WRITERS, create)

    assert sorted(number for numbers in found for number in numbers) == list(range(1, 65))
    assert all(numbers == sorted(numbers) for numbers in found)
    assert IssueFactory(space=other).number == 1
    assert_whole(*Issue.objects.all())


def test_a_create_that_fails_leaves_no_hole(ops):
    def create(number):
        try:
            with transaction.atomic():
                Issue.objects.create(space=ops, title=f"{number}")
                if number % 2:
                    raise RuntimeError
        except RuntimeError:
            pass

    at_once(WRITERS, create)

    numbers = sorted(Issue.objects.values_list("number", flat=True))
    assert numbers == list(range(1, WRITERS // 2 + 1))


def test_writers_of_different_fields_lose_nothing(ops):
    issue = IssueFactory(space=ops)
    stale = [Issue.objects.get(pk=issue.pk) for _ in FIELDS]

    def write(number):
        setattr(stale[number], FIELDS[number], f"by {number}")
        stale[number].save()

    at_once(WRITERS, write)

    stored = row(issue)
    assert [stored[name] for name in FIELDS] == [f"by {number}" for number in range(WRITERS)]
    assert [entry.version for entry in entries(issue)] == list(range(1, WRITERS + 2))
    assert sorted(held.version for held in stale) == list(range(2, WRITERS + 2))
    assert_whole(issue)


def test_writers_of_one_field_come_one_after_the_other(ops):
    issue = IssueFactory(space=ops, kind="start")

    def write(number):
        mine = Issue.objects.get(pk=issue.pk)
        mine.kind = f"by {number}"
        mine.save()

    at_once(WRITERS, write)

    told = [(entry.old_value, entry.new_value) for entry in entries(issue)[1:]]
    assert [old for old, _ in told] == ['"start"', *(new for _, new in told[:-1])]
    assert len({new for _, new in told}) == WRITERS
    assert_whole(issue)


def test_labels_that_are_added_at_once_all_stay(ops):
    issue = IssueFactory(space=ops)
    stale = [Issue.objects.get(pk=issue.pk) for _ in range(WRITERS)]

    def write(number):
        stale[number].wish("labels", add={f"by {number}": "", "shared": str(number)})
        stale[number].save()

    at_once(WRITERS, write)

    labels = row(issue)["labels"]
    assert labels.keys() == {f"by {number}" for number in range(WRITERS)} | {"shared"}
    assert Tally(actions(issue)) == {"created": 1, "label_added": WRITERS + 1, "label_changed": WRITERS - 1}
    assert_whole(issue)


def test_comments_saves_and_bulk_changes_of_shared_issues_mix(ops):
    issues = [IssueFactory(space=ops) for _ in range(4)]
    comment = CommentFactory(issue=issues[0])
    author, level, team = UserFactory(), LevelFactory(space=ops), TeamFactory(space=ops)

    def save(number):
        issue = Issue.objects.get(pk=issues[number % 4].pk)
        issue.kind = f"{number}"
        issue.wish("teams", add=[team])
        issue.save()

    def say(number):
        Comment(issue_id=issues[number % 4].pk, author=author, content=f"{number}").save()

    def edit(number):
        mine = Comment.objects.get(pk=comment.pk)
        mine.content = f"{number}"
        mine.save()

    def change(number):
        # The queryset asks for another order than the one in which rows are locked.
        rows = Issue.objects.filter(space=ops).order_by("id" if number % 8 < 4 else "-id")
        rows.change(title=f"{number}", level=level, add_labels={f"{number}": ""})

    def write(number):
        for turn in range(3):
            (save, say, edit, change)[(number + turn) % 4](number)

    at_once(WRITERS, write)

    assert Comment.objects.count() == 1 + 12
    assert all(len(row(issue)["labels"]) == 12 for issue in issues)
    assert_whole(*Issue.objects.all())


def test_changes_of_the_same_texts_do_not_wait_for_each_other_forever(ops):
    texts = [f"Text {number}" for number in range(8)]

    def write(number):
        for turn in range(4):
            issue = Issue(space=ops, title=texts[(number + turn) % 8], description=texts[number % 8])
            issue.error_message = texts[-number % 8]
            issue.annotations = {"a": texts[turn]}
            issue.save()

    at_once(WRITERS, write)

    assert Issue.objects.count() == WRITERS * 4
    assert TextVersion.objects.filter(text__in=texts).count() == 8


def test_sightings_at_once_make_one_issue(ops):
    def sight(number):
        with transaction.atomic():
            issue = Issue.sighted(ops, "abc")
            if issue is None:
                issue = Issue.objects.create(space=ops, title="Boom", fingerprint="abc")
        return issue.pk

    found = at_once(WRITERS, sight)

    issue = Issue.objects.get()
    assert set(found) == {issue.pk}
    assert (issue.seen_count, issue.occurrences.count()) == (WRITERS, WRITERS)


def test_sightings_beside_saves_and_creates_lock_nobody_out(ops):
    issue = IssueFactory(space=ops, fingerprint="abc", status="resolved")

    def write(number):
        for turn in range(3):
            if (number + turn) % 3 == 0:
                with transaction.atomic():
                    Issue.sighted(ops, "abc")
            elif (number + turn) % 3 == 1:
                mine = Issue.objects.get(pk=issue.pk)
                mine.status = "resolved" if mine.status == "open" else "open"
                mine.save()
            else:
                IssueFactory(space=ops, fingerprint="other")

    at_once(WRITERS, write)

    assert row(issue)["seen_count"] == 1 + WRITERS
    assert_whole(*Issue.objects.all())


def test_the_chain_of_a_space_does_not_fork(ops):
    level = LevelFactory(space=ops)
    user = UserFactory()
    member = MembershipFactory(space=ops, user=user)
    MembershipFactory(space=ops, role="admin")

    def write(number):
        match number % 4:
            case 0:
                LevelFactory(space=ops, key=f"K{number}")
            case 1:
                mine = type(level).objects.get(pk=level.pk)
                mine.description = f"by {number}"
                mine.save()
            case 2:
                mine = Space.objects.get(pk=ops.pk)
                mine.name = f"by {number}"
                mine.save()
            case 3:
                mine = type(member).objects.get(pk=member.pk)
                mine.role = ("viewer", "admin")[number // 4 % 2]
                mine.save()

    at_once(WRITERS, write)

    assert_space_whole(ops)
    assert HistoryEntry.objects.filter(space=ops, subject_type="space", field="name").count() == 4


@pytest.mark.parametrize("change", [{"role": "member"}, {"is_active": False}])
def test_of_admins_who_leave_at_once_one_stays(ops, change):
    admins = [MembershipFactory(space=ops, role="admin") for _ in range(4)]
    MembershipFactory(space=ops, role="admin", user__is_active=False)
    MembershipFactory(space=ops, role="admin", is_active=False)

    def leave(number):
        mine = Membership.objects.get(pk=admins[number].pk)
        for name, value in change.items():
            setattr(mine, name, value)
        try:
            mine.save()
        except ValidationError as error:
            return list(error.message_dict)
        return None

    found = at_once(4, leave)

    assert sorted(found, key=bool) == [None] * 3 + [list(change)]
    assert ops.memberships.filter(role="admin", is_active=True, user__is_active=True).count() == 1
    assert_space_whole(ops)


def test_admins_who_demote_each_other_do_not_both_succeed(ops):
    alice, anne = (MembershipFactory(space=ops, role="admin") for _ in range(2))
    clients = [client_of(admin.user, ops) for admin in (alice, anne)]

    def demote(number):
        other = (anne, alice)[number]
        body = {"role": "viewer"}
        return clients[number].patch(f"/api/memberships/{other.uuid}/", body, content_type="application/json")

    answers = at_once(2, demote)

    # The second is refused for the rule, or since it is no admin's any more.
    assert sorted(response.status_code for response in answers)[0] == 200
    assert sorted(response.status_code for response in answers)[1] in (400, 403)
    assert ops.memberships.filter(role="admin").count() == 1


def client_of(user, space):
    TokenFactory(secret=f"trk_{user.pk}", user=user, space=space)
    return Client(headers={"authorization": f"Bearer trk_{user.pk}"})


def test_rows_of_one_name_made_at_once_are_one_row_and_clear_refusals(ops):
    client = client_of(MembershipFactory(space=ops, role="admin").user, ops)

    def create(number):
        body = {"name": "Alerts", "space": "OPS"}
        return client.post("/api/channels/", body, content_type="application/json")

    answers = at_once(4, create)

    assert sorted(response.status_code for response in answers) == [201, 400, 400, 400]
    assert {e["pointer"] for a in answers if a.status_code == 400 for e in a.json()["errors"]} == {"/name"}
    assert_space_whole(ops)


def test_a_version_is_given_to_one_of_many_who_saw_it(ops):
    issue = IssueFactory(space=ops)

    def write(number):
        mine = Issue.objects.get(pk=issue.pk)
        mine.kind, mine.expected_versions = f"by {number}", {1}
        try:
            mine.save()
        except VersionConflict:
            return False
        return True

    assert sorted(at_once(WRITERS, write)) == [False] * (WRITERS - 1) + [True]
    assert_whole(issue)


WRITER = """
import sys
from comments.models import Comment
from issues.models import Issue, Space
me, space, shared = sys.argv[1], Space.objects.get(pk=sys.argv[2]), int(sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
for turn in range(10):
    Issue.objects.create(space=space, title=f"{me} {turn}")
    issue = Issue.objects.get(pk=shared)
    issue.wish("labels", add={f"{me} {turn}": ""})
    issue.save()
    Comment(issue=issue, content=f"{me} {turn}").save()
    Issue.objects.filter(pk=shared).change(kind=f"{me} {turn}")
"""


def test_processes_write_beside_each_other(ops):
    issue = IssueFactory(space=ops)
    writers = [start(WRITER, number, ops.pk, issue.pk) for number in range(3)]
    ready = [writer.stdout.readline() for writer in writers]

    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    errors = [writer.communicate(timeout=60)[1] for writer in writers]

    assert ready == ["ready\n"] * 3
    assert [(writer.returncode, error) for writer, error in zip(writers, errors, strict=True)] == [
        (0, "")
    ] * 3
    assert sorted(ops.issues.values_list("number", flat=True)) == list(range(1, 32))
    assert (len(row(issue)["labels"]), Comment.objects.count(), row(issue)["version"]) == (30, 30, 91)
    assert_whole(*ops.issues.all())
