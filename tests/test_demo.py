"""`manage.py demo`: a month of a small team, loaded once and taken away for good."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from comments.models import Comment
from issues.models import Attachment, Channel, HistoryEntry, Issue, Membership, Occurrence, SavedView, Space
from tests.factories import IssueFactory, MembershipFactory, SpaceFactory
from tracker.accounts.models import ApiToken, User
from tracker.demo.stories import STORIES
from tracker.demo.story import OTHER, Seen, moment

pytestmark = pytest.mark.django_db
MODELS = (Space, User, Membership, ApiToken, Channel, Issue, Comment, Attachment, Occurrence, HistoryEntry)


@pytest.fixture(autouse=True)
def in_development(settings, tmp_path):
    settings.DEBUG, settings.MEDIA_ROOT = True, tmp_path


def demo(**options):
    out = StringIO()
    call_command("demo", stdout=out, **options)
    return out.getvalue()


def counts():
    return [model.objects.count() for model in MODELS]


def verified():
    out = StringIO()
    call_command("verify_history", stdout=out)
    return out.getvalue()


def test_it_is_a_month_of_a_team_and_a_second_run_changes_nothing():
    said = demo()
    before = counts()
    issues = Issue.objects.all()

    assert issues.count() >= 60
    assert timezone.now() - issues.earliest("created_at").created_at > timedelta(days=27)
    assert max(issue.created_at for issue in issues) <= timezone.now()
    assert set(issues.values_list("status", flat=True)) == set(Issue.Status.values)
    assert 0.35 < issues.open().filter(deleted_at=None).count() / issues.count() < 0.6
    assert issues.filter(is_anonymous=True).exists() and issues.exclude(deleted_at=None).exists()
    assert issues.filter(seen_count__gt=300).exists()
    assert User.objects.count() == 6 and User.objects.filter(is_active=False).count() == 1
    assert Comment.objects.count() >= 60 and Comment.objects.filter(is_internal=True).exists()
    assert Attachment.objects.count() >= 4
    assert HistoryEntry.objects.filter(action="regressed").exists()
    assert set(HistoryEntry.objects.values_list("source", flat=True)) >= {
        "web", "api", "qarion", "zylon", "guance", "versori", "datadog",
    }  # fmt: skip
    assert "holds" in verified()

    assert demo() == said
    assert counts() == before


def test_its_views_open(client):
    demo()

    found = {}
    for view in SavedView.objects.all():
        client.force_login(view.owner)
        found[view.name] = len(client.get(view.get_absolute_url()).context["issues"])

    assert len(found) == 4 and 0 not in found.values()


def test_what_is_new_to_somebody_stands_out(client):
    demo()
    client.force_login(User.objects.get(email="jane@example.com"))

    rows = client.get("/issues/").context["issues"]

    unread = [row["is_unread"] for row in rows]
    assert unread[0] and 3 <= sum(unread) < len(unread) / 2


def test_it_tells_sixty_stories():
    begun = [story for story in STORIES if story.fields]

    assert len(begun) == len({story.name for story in begun}) == 60


@given(st.datetimes(datetime(2026, 1, 1), datetime(2036, 1, 1), timezones=st.just(UTC)))
def test_whenever_it_is_loaded_nothing_lies_in_the_future_or_before_its_cause(now):
    starts = {story.name: moment(story.at, now) for story in STORIES}

    for story in STORIES:
        at = starts[story.name]
        assert all(starts[name] < at for name in OTHER.findall(str(story.fields)))
        for when, _, what, *_ in story.then:
            before, at = at, moment(when, now, starts[story.name])
            assert before <= at <= now, story.name
            assert all(starts[name] < at for name in OTHER.findall(str(what)))
            if isinstance(what, Seen):
                assert at < moment(what.until, now, starts[story.name]) <= now


def test_pictures_of_the_demo_are_pictures():
    demo()

    kinds = set(Attachment.objects.values_list("content_type", flat=True))
    assert "image/png" in kinds and "text/plain" in kinds


def test_what_is_taken_away_is_nowhere_and_stays_on_record():
    said = demo()
    password = said.split("Sign in")[1].split()[1]
    token = said.split("Token")[1].split()[0]
    before = counts()

    gone = demo(remove=True)

    assert "is gone" in gone
    assert not Issue.objects.filter(deleted_at=None).exists()
    assert not Space.objects.filter(is_active=True).exists()
    assert not Client().login(username="jane@example.com", password=password)
    client = Client(headers={"authorization": f"Bearer {token}"})
    assert client.get("/api/issues/").status_code == 401
    assert all(now >= then for now, then in zip(counts(), before, strict=True))
    assert "holds" in verified()

    after = counts()
    assert "no demo to take away" in demo(remove=True)
    assert "was taken away" in demo()
    assert counts() == after


def test_after_it_is_gone_its_keys_are_free():
    demo()
    demo(remove=True)

    space = SpaceFactory(key="OPS")

    assert IssueFactory(space=space).key == "OPS-1"


def test_who_has_a_space_of_their_own_keeps_it_and_their_account():
    password = demo().split("Sign in")[1].split()[1]
    jane, sasha = (User.objects.get(handle=handle) for handle in ("jane", "sasha"))
    own = MembershipFactory(user=jane, role="admin").space

    gone = demo(remove=True)

    assert "jane@example.com stays" in gone and "sasha" not in gone
    client = Client()
    assert client.login(username="jane@example.com", password=password)
    assert list(Space.objects.visible_to(User.objects.get(pk=jane.pk))) == [own]
    page = client.get("/issues/").content.decode()
    assert own.name in page and "Operations" not in page and "Data platform" not in page
    assert not User.objects.get(pk=sasha.pk).is_active


def test_bootstrap_says_that_its_spaces_are_gone_and_brings_nothing_back():
    demo()
    demo(remove=True)
    before, said = counts(), StringIO()

    call_command("bootstrap", json=True, stdout=StringIO(), stderr=said)

    assert "retired" in said.getvalue()
    assert counts() == before


def test_people_who_came_meanwhile_are_not_put_out_unasked():
    demo()
    newcomer = MembershipFactory(space=Space.objects.get(key="OPS")).user
    before = counts()

    with pytest.raises(CommandError, match=newcomer.email):
        demo(remove=True)

    assert counts() == before
    assert "is gone" in demo(remove=True, yes=True)


def test_a_database_with_spaces_of_its_own_gets_no_demo():
    SpaceFactory()
    before = counts()

    assert "No demo" in demo()
    assert counts() == before


def test_it_goes_on_where_bootstrap_began():
    call_command("bootstrap", stdout=StringIO())

    demo()

    assert Issue.objects.count() >= 60
    assert "holds" in verified()


def test_without_debug_it_wants_a_yes(settings):
    settings.DEBUG = False

    with pytest.raises(CommandError, match="--yes"):
        demo()
    assert not Space.objects.exists()
