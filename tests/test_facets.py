"""Facets: what issues have, how often, and the query that finds just these."""

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from issues.models import Issue, Level
from issues.query import read
from tests.factories import (
    ChannelFactory,
    IssueFactory,
    LevelFactory,
    MembershipFactory,
    ProjectFactory,
    SpaceFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

FACETS = "/api/issues/facets/"


def facets(person, **parameters):
    client = Client()
    client.force_login(person)
    response = client.get(FACETS, parameters)
    assert response.status_code == 200, response.content
    found = response.json()
    is_partial = found.pop("is_partial")
    if any(each["is_at_least"] for documents in found.values() for each in documents):
        assert is_partial
    return found


def numbers(documents):
    return {document["name"]: document["count"] for document in documents}


@pytest.fixture
def populated(ops, bob):
    """Issues of two spaces whose rows are called alike, in part, and one of a space that bob is not in."""
    data = MembershipFactory(user=bob, space__key="DATA").space
    for space in (ops, data):
        channel = ChannelFactory(space=space, name="On call")
        project = ProjectFactory(space=space, name="Shop: 2")
        level, person = LevelFactory(space=space, key="own"), UserFactory(member_of=space)
        for number in range(4):
            issue = IssueFactory(
                space=space,
                status=("open", "open", "resolved", "closed")[number],
                level=(level, Level.objects.get(key="P1"), None, level)[number],
                assignee=(person, None, bob, person)[number],
                project=project if number % 2 else None,
                resource_type=("alert", "", "two words", "alert")[number],
                service=("payments", "Payments", "", "shop: search")[number],
            )
            issue.channels = [channel] if number else []
            issue.labels = {"team": str(number)} if number < 3 else {"team": "x", "a b": ""}
            issue.save()
    IssueFactory(space=SpaceFactory(), resource_type="foreign")
    IssueFactory(space=ops).trash()


def test_every_number_is_that_of_its_query(populated, bob):
    issues = Issue.objects.visible_to(bob)

    found = facets(bob)

    assert set(found) == {"status", "level", "assignee", "channel", "label", "project", "source"}
    for documents in found.values():
        for document in documents:
            there = issues.filter(read(document["query"], bob).condition).count()
            assert document["count"] == there, document


def test_facets_tell_of_what_the_list_shows(populated, bob):
    found = facets(bob, q="is:open", space="OPS")

    assert numbers(found["status"])["Open"] == 2 and numbers(found["status"])["Resolved"] == 0
    assert numbers(found["level"]) == {"P1": 1, "Level own": 1}
    assert numbers(found["label"]) == {"team": 2}
    assert "foreign" not in str(found)


def test_the_most_frequent_come_first_and_no_more_than_twenty(ops, bob):
    for number in range(25):
        issue = IssueFactory(space=ops)
        issue.labels = {f"k{number}": "", "often": ""}
        issue.save()

    labels = facets(bob)["label"]

    assert len(labels) == 20
    assert (labels[0]["name"], labels[0]["count"]) == ("often", 25)


@pytest.mark.parametrize("query", ["q=colour:red", "space=NOPE", "colour=red", "page_size=1", "cursor=x"])
def test_a_parameter_that_means_nothing_is_named(populated, bob, query):
    client = Client()
    client.force_login(bob)

    response = client.get(f"{FACETS}?{query}")

    assert response.status_code in (400, 404)
    assert response.json()["errors"][0]["parameter"] == query.partition("=")[0]


@pytest.mark.parametrize("count", [1, 15])
def test_they_cost_the_same_for_many(ops, bob, count, django_assert_max_num_queries):
    for _ in range(count):
        issue = IssueFactory(space=ops, level=LevelFactory(space=ops), project=ProjectFactory(space=ops))
        issue.channels = [ChannelFactory(space=ops)]
        issue.save()
    client = Client()
    client.force_login(bob)

    with django_assert_max_num_queries(14):
        client.get(FACETS)


def test_of_many_the_newest_are_counted_where_no_counter_tells(populated, bob, monkeypatch):
    monkeypatch.setattr("issues.facets.MOST_COUNTED", 3)

    told, untold = facets(bob), facets(bob, q="-title:zzz")

    assert not any(each["is_at_least"] for documents in told.values() for each in documents)
    assert all(each["is_at_least"] for documents in untold.values() for each in documents)
    assert sum(numbers(untold["status"]).values()) == 3 < sum(numbers(told["status"]).values())
    assert numbers(untold["label"]) == {"team": 3, "a b": 1}


def test_as_many_as_are_counted_are_all(populated, bob, monkeypatch):
    count = Issue.objects.visible_to(bob).count()
    monkeypatch.setattr("issues.facets.MOST_COUNTED", count)

    found = facets(bob, q="-title:zzz")

    assert sum(numbers(found["status"]).values()) == count
    assert not any(each["is_at_least"] for documents in found.values() for each in documents)


def test_they_look_for_the_issues_once(populated, bob):
    client = Client()
    client.force_login(bob)
    client.get(FACETS, {"q": "-title:zzz"})

    with CaptureQueriesContext(connection) as captured:
        client.get(FACETS, {"q": "-title:zzz"})

    assert len([row for row in captured if '"title"' in row["sql"]]) == 1


def test_what_counters_know_nobody_to_have_is_not_looked_for(ops, bob):
    IssueFactory(space=ops)
    client = Client()
    client.force_login(bob)
    client.get(FACETS, {"q": "has:label"})

    with CaptureQueriesContext(connection) as captured:
        found = client.get(FACETS, {"q": "has:label"}).json()

    assert not [row["sql"] for row in captured if re.search('FROM "?issues_issue"? ', row["sql"])]
    assert set(numbers(found["status"]).values()) == {0}
    assert not found["is_partial"]


def choices(response):
    """{facet: {name: Choice}} of a page."""
    return {facet: {choice.name: choice for choice in found} for facet, found in response.context["facets"]}


@pytest.fixture
def page(bob):
    client = Client()
    client.force_login(bob)
    return client.get


def test_the_list_shows_facets_when_asked_and_each_narrows_it(populated, page):
    plain = page("/issues/", {"q": "is:open"})
    asked = page("/issues/", {"q": "is:open", "facets": "1"})

    choice = choices(asked)["level"]["P1"]
    narrowed = [page(choice.with_it), page(choice.without_it)]
    assert plain.context["facets"] is None
    assert [len(found.context["issues"]) for found in (asked, *narrowed)] == [
        4,
        choice.count,
        4 - choice.count,
    ]
    assert narrowed[0].context["form"]["q"].value() == "is:open level:P1"
    assert narrowed[0].context["facets"] is not None


def test_they_come_by_themselves_to_stand_beside_the_list(populated, page):
    listed = page("/issues/", {"q": "is:open", "status": "open", "cursor": ""})

    alone = page(listed.context["facets_address"])

    assert choices(alone)["level"]["P1"].with_it == "/issues/?q=is%3Aopen+level%3AP1&status=open"
    assert "<html" not in alone.content.decode()


@pytest.mark.parametrize("query", ["q=colour:red", "space=NOPE", "colour=red"])
def test_what_means_nothing_is_named_where_they_come_by_themselves(populated, page, query):
    response = page(f"/issues/facets/?{query}")

    assert response.status_code == 400
    assert response.content.decode().startswith(query.partition("=")[0])


def test_numbers_of_the_newest_alone_say_so(populated, page, monkeypatch):
    monkeypatch.setattr("issues.facets.MOST_COUNTED", 3)

    shown = page("/issues/", {"q": "-title:zzz", "facets": "1"})

    assert choices(shown)["label"]["team"].count == "3+"
    assert '<span class="count">3+</span>' in shown.content.decode()


def test_a_second_value_adds_its_issues_and_the_numbers_say_how_many(populated, page):
    first = choices(page("/issues/", {"q": "level:P1", "facets": "1"}))["status"]["Open"].with_it
    found = page(first)

    levels = choices(found)["level"]
    both = page(levels["Level own"].with_it)

    assert found.context["form"]["q"].value() == "level:P1 status:open"
    assert both.context["form"]["q"].value() == "level:P1,own status:open"
    assert len(both.context["issues"]) == levels["P1"].count + levels["Level own"].count == 4


def test_a_value_that_is_chosen_or_left_out_is_taken_back_by_the_same_link(populated, page):
    found = choices(page("/issues/", {"q": "is:open level:P1,own -status:pending", "facets": "1"}))

    p1, pending = found["level"]["P1"], found["status"]["Pending"]
    assert p1.is_chosen and pending.is_left_out and not found["level"]["P2"].is_chosen
    assert [page(address).context["form"]["q"].value() for address in (p1.with_it, p1.without_it)] == [
        "is:open level:own -status:pending",
        "-level:P1 is:open level:own -status:pending",
    ]
    assert page(pending.without_it).context["form"]["q"].value() == "is:open level:P1,own"


def test_levels_that_no_issue_has_can_be_chosen_still(populated, page):
    levels = choices(page("/issues/", {"facets": "1"}))["level"]

    assert levels["P0"].count == 0 and page(levels["P0"].with_it).status_code == 200


def test_levels_stand_in_the_order_of_their_urgency(populated, page):
    levels = list(choices(page("/issues/", {"facets": "1"}))["level"])

    assert levels == ["P0", "P1", "P2", "P3", "Level own", "No level"]


def test_no_level_is_one_more_value(populated, page):
    found = choices(page("/issues/", {"q": "level:P1", "facets": "1"}))["level"]["No level"]

    assert page(found.with_it).context["form"]["q"].value() == "level:P1,none"
    assert len(page(found.with_it).context["issues"]) == 4


def test_a_service_is_one_value_in_either_case(populated, page):
    found = choices(page("/issues/", {"q": "status:open", "facets": "1"}))["service"]

    assert {name.casefold(): choice.count for name, choice in found.items()} == {"payments": 4}
    assert len(page(*[choice.with_it for choice in found.values()]).context["issues"]) == 4


def test_an_age_is_a_time_of_the_query(populated, page):
    found = choices(page("/issues/", {"facets": "1"}))["age"]

    assert found["Last day"].count == "8"
    assert page(found["Last day"].with_it).context["form"]["q"].value() == "created:-1d"


@pytest.mark.parametrize(
    "query",
    [
        "",
        "is:open OR level:P1",
        "(is:open OR level:P1) sort:level",
        "sort:-updated -label:team:1",
        "is:open OR level:P1 status:closed OR no:project",
        "level:P1 OR no:level AND has:channel",
        "Error: OR -has:project",
        "-zzz\\",
        "-zzz OR yyy\\",
    ],
)
def test_the_list_behind_each_facet_is_as_long_as_the_facet_says(populated, page, query):
    shown = page("/issues/", {"q": query, "facets": "1"})
    whole = len(shown.context["issues"])

    found = [(facet, choice) for facet, values in choices(shown).items() for choice in values.values()]

    assert whole and found
    for facet, choice in found:
        narrowed = [len(page(address).context["issues"]) for address in (choice.with_it, choice.without_it)]
        count = int(choice.count)
        assert narrowed == [count, whole - count], (facet, choice.name)


def test_what_is_called_alike_in_many_spaces_is_one_value_before_the_most_frequent_are_taken(ops, bob):
    spaces = [ops, *(MembershipFactory(user=bob).space for _ in range(3))]
    for number, space in enumerate(spaces):
        shared = LevelFactory(space=space, key="Shared" if number else "shared", name="Shared")
        project = ProjectFactory(space=space, name="Shop")
        IssueFactory(space=space, level=shared, project=project)
        for other in range(7):
            level = LevelFactory(space=space, key=f"L{number}{other}")
            for _ in range(2):
                IssueFactory(space=space, level=level, project=ProjectFactory(space=space))

    found = facets(bob)

    assert (found["level"][0]["name"].partition(" ")[0], found["level"][0]["count"]) == ("Shared", 4)
    assert (found["project"][0]["name"], found["project"][0]["count"]) == ("Shop", 4)
    assert [len(found[name]) for name in ("level", "project")] == [20, 20]


def test_a_type_of_source_is_told_apart_from_its_spelling_and_from_an_id(ops, bob):
    for values in ({"resource_type": "alertx"}, {"resource_type": "ALERTX"}, {"resource_id": "alertx"}):
        IssueFactory(space=ops, **values)

    found = facets(bob)["source"]

    issues = Issue.objects.visible_to(bob)
    assert numbers(found) == {"alertx": 1, "ALERTX": 1}
    assert [issues.filter(read(each["query"], bob).condition).count() for each in found] == [1, 1]
