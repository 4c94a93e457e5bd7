"""`generate_issues`: what it makes is what the product would have made, and the same each time."""

import re
from io import StringIO
from random import Random

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.models import Count, F, Max

from comments.models import Comment
from issues import markdown
from issues.models import HistoryEntry, Issue, IssueCount, IssueLabel, Occurrence, Outbox, Space
from issues.models.count import differences
from tests.factories import IssueFactory, SpaceFactory
from tracker.accounts.models import ApiToken
from tracker.generator import ground, lives, words
from tracker.generator.indexes import catalog, without_indexes

pytestmark = pytest.mark.django_db


def generate(count=200, **options):
    call_command(
        "generate_issues", count, stdout=StringIO(), **{"spaces": 5, "people": 12, "yes": True} | options
    )


def looks():
    """What of all issues and their entries has to be the same at every run."""
    entries = HistoryEntry.objects.exclude(issue=None).order_by("issue__uuid", "position")
    return [
        list(Issue.objects.order_by("uuid").values_list("uuid", "title", "status", "assignee__email")),
        list(entries.values_list("uuid", "hash")),
    ]


def test_history_holds():
    said = StringIO()
    generate()

    call_command("verify_history", stdout=said)

    assert said.getvalue().startswith("History holds: 205 chains")


def test_there_is_as_much_of_everything_as_there_should_be():
    generate(400)

    issues = Issue.objects.count()
    found = {
        "half are in the first space": Issue.objects.filter(space__key="GEN00").count() / issues,
        "labels": IssueLabel.objects.count() / issues,
        "comments": Comment.objects.count() / issues,
        "entries": HistoryEntry.objects.exclude(issue=None).count() / issues,
        "done": Issue.objects.filter(status__in=Issue.DONE).count() / issues,
    }

    assert issues == 400
    assert found == {
        "half are in the first space": pytest.approx(0.5, abs=0.1),
        "labels": pytest.approx(3, abs=0.5),
        "comments": pytest.approx(2, abs=0.5),
        "entries": pytest.approx(5, abs=1),
        "done": pytest.approx(0.45, abs=0.1),
    }


def test_the_same_seed_makes_the_same_issues():
    seen = []
    for seed in (1, 1, 2):
        with transaction.atomic():
            generate(60, seed=seed)
            seen.append(looks())
            transaction.set_rollback(True)

    assert seen[0] == seen[1]
    assert seen[0] != seen[2]


def test_columns_that_are_no_history_fit_the_rest():
    generate()

    sightings = Issue.objects.annotate(sightings=Count("occurrences"), last=Max("occurrences__at"))

    assert not sightings.exclude(seen_count=F("sightings")).exists()
    assert not sightings.exclude(last_seen_at=F("last")).exists()
    assert not Issue.objects.exclude(level=None).exclude(level_rank=F("level__rank")).exists()
    for issue in Issue.objects.all():
        last = issue.history.filter(is_internal=False).order_by("-position").first()
        assert (issue.updated_at, issue.updated_by_id) == (last.created_at, last.actor_id)


def test_renderings_are_those_of_the_renderer():
    chance = Random(5)

    for text, html in [words.paragraphs(chance, 120) for _ in range(50)]:
        assert html == markdown.render(text)


def test_stored_renderings_are_current():
    generate(30)

    assert (Issue.objects.rerender(), Comment.objects.rerender()) == (0, 0)


def test_counters_tell_of_all_issues():
    generate()

    spaces = list(Space.objects.values_list("pk", flat=True))

    assert sum(IssueCount.objects.filter(grain=0).values_list("number", flat=True)) == 200
    assert list(differences(spaces)) == []


def test_what_is_searched_is_what_the_product_would_have_made():
    generate()

    call_command("check_derived", stdout=StringIO())


def test_life_goes_on_after_it():
    generate(30)
    space = Space.objects.get(key="GEN00")
    newest = Issue.objects.filter(space=space).aggregate(Max("number"), Max("pk"))

    issue = IssueFactory(space=space)
    issue.status = "closed"
    issue.save()

    assert issue.number == newest["number__max"] + 1
    assert issue.pk > newest["pk__max"]
    assert issue.history.count() == 2


def test_nobody_is_told():
    generate(30)

    assert not Outbox.objects.exists()


def test_people_sign_in_with_tokens_that_the_bench_knows(client):
    generate(30)

    response = client.get("/api/issues/", headers={"authorization": f"Bearer {ground.token_secret(3)}"})

    assert ApiToken.objects.count() == 12
    assert response.json()["results"]


def test_it_comes_beside_what_is_there_already(ops):
    before = IssueFactory(space=ops)

    generate(30)

    assert Issue.objects.count() == 31
    assert Occurrence.objects.filter(issue=before).count() == 1


def test_a_space_that_is_there_is_refused():
    SpaceFactory(key="GEN03")

    with pytest.raises(CommandError, match="space GEN03 already"):
        generate()

    assert not Issue.objects.exists()


def test_without_debug_it_wants_a_yes(settings):
    settings.DEBUG = False

    with pytest.raises(CommandError, match="--yes"):
        generate(yes=False)


@pytest.mark.parametrize("wrong", [{"spaces": 0}, {"spaces": 100}, {"people": 0}])
def test_odd_numbers_are_refused(wrong):
    with pytest.raises(CommandError, match="1 to 99 spaces"):
        generate(**wrong)


def test_indexes_and_foreign_keys_are_as_before():
    with connection.cursor() as cursor:
        before = definitions(cursor)

        generate(30)

        assert len(before) > 10
        assert definitions(cursor) == before


def definitions(cursor):
    """What makes them, without casts: PostgreSQL places these anew in a condition that it has read."""
    found = catalog(cursor, lives.TABLES)
    return sorted(re.sub(r"::[a-z ]+(\[\])?|[()]", "", create) for _, create in found)


def test_inside_the_load_they_are_gone():
    with connection.cursor() as cursor, transaction.atomic(), without_indexes(lives.TABLES):
        left = catalog(cursor, lives.TABLES)

    assert left == []
