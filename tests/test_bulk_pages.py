"""Changing many issues from a list, undoing it and reverting single changes, without scripts."""

import re

import pytest
from django.urls import reverse

from issues import bulk, bulk_views
from issues.actor import Actor, acting_as
from issues.models import BulkRun, HistoryEntry, Issue, Level
from tests.chains import assert_whole, entries
from tests.factories import (
    ChannelFactory,
    IssueFactory,
    LevelFactory,
    MembershipFactory,
    SpaceFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

NOBODY = "9a2f0c4e-6b1d-4a7c-8f3e-2d5b7c9e1a04"

CHANGE = "/issues/change/"


@pytest.fixture
def as_bob(client, bob):
    client.force_login(bob)
    return client


@pytest.fixture
def three(ops):
    return [IssueFactory(space=ops, title=f"Number {number}") for number in (1, 2, 3)]


def keys(issues):
    return [issue.key for issue in issues]


def statuses():
    return list(Issue.objects.order_by("pk").values_list("status", flat=True))


def said(client, address="/issues/"):
    """What the next page says of what was done."""
    html = client.get(address).content.decode()
    return [" ".join(text.split()) for text in re.findall(r"<span>([^<]*)</span>\s*(?:<form|</div>)", html)]


def undo_address(client):
    return re.findall(r'action="(/batches/[^"]*/undo/[^"]*)"', client.get("/issues/").content.decode())[-1]


DEEDS = [
    ({"do": "resolve"}, {"status": "resolved"}),
    ({"do": "ignore"}, {"status": "ignored"}),
    ({"do": "claim"}, {"status": "in_progress", "assignee": "bob"}),
    ({"do": "mine"}, {"status": "open", "assignee": "bob"}),
    ({"do": "set", "status": "pending"}, {"status": "pending"}),
    ({"do": "set", "assignee": "me"}, {"assignee": "bob"}),
    ({"do": "set", "assignee": "{alice}"}, {"assignee": "alice"}),
    ({"do": "set", "level": "{level}"}, {"level": "P0"}),
    ({"do": "set", "labels": "team: payments, flaky"}, {"labels": {"team": "payments", "flaky": ""}}),
    ({"do": "set", "channel": "+{channel}"}, {"channels": 1}),
    ({"do": "set", "status": "closed", "labels": "x"}, {"status": "closed", "labels": {"x": ""}}),
]


@pytest.mark.parametrize(("posted", "expected"), DEEDS, ids=lambda value: str(value))
def test_chosen_issues_are_changed_in_one_batch(as_bob, ops, alice, bob, three, posted, expected):
    channel = ChannelFactory(space=ops)
    names = {"alice": alice.uuid, "level": Level.objects.get(key="P0").uuid, "channel": channel.uuid}
    posted = {name: value.format(**names) for name, value in posted.items()}

    response = as_bob.post(CHANGE, posted | {"issue": keys(three[:2]), "next": "/issues/?sort=number"})

    assert (response.status_code, response["Location"]) == (302, "/issues/?sort=number")
    people = {"alice": alice, "bob": bob}
    for issue in Issue.objects.filter(pk__in=[three[0].pk, three[1].pk]):
        shown = {
            "status": issue.status,
            "assignee": issue.assignee,
            "level": issue.level and issue.level.key,
            "labels": issue.labels,
            "channels": len(issue.channels),
        }
        assert shown == shown | expected | {"assignee": people.get(expected.get("assignee"))}
    assert len(entries(three[2])) == 1
    assert HistoryEntry.objects.filter(source="web").values("batch").distinct().count() == 1


def test_what_is_so_already_is_skipped_and_counted(as_bob, ops, three):
    Issue.objects.filter(pk=three[0].pk).change(status="closed")

    as_bob.post(CHANGE, {"do": "resolve", "issue": keys(three)})

    assert statuses() == ["closed", "resolved", "resolved"]
    assert said(as_bob) == ["Resolved 2 issues, 1 was done already."]


def test_claiming_leaves_what_is_done_and_keeps_another_status(as_bob, bob, three):
    first, second, _ = three
    Issue.objects.filter(pk=first.pk).change(status="resolved")
    Issue.objects.filter(pk=second.pk).change(status="pending")

    as_bob.post(CHANGE, {"do": "claim", "issue": keys(three)})

    assert statuses() == ["resolved", "pending", "in_progress"]
    assert [issue.assignee for issue in Issue.objects.order_by("pk")] == [None, bob, bob]


def test_labels_and_channels_are_taken_away(as_bob, ops, three):
    channel = ChannelFactory(space=ops)
    Issue.objects.change(add_labels={"a": "1", "b": ""}, add_channels=[channel])

    as_bob.post(CHANGE, {"do": "unlabel", "labels": "a", "issue": keys(three)})
    as_bob.post(CHANGE, {"do": "set", "channel": f"-{channel.uuid}", "issue": keys(three)})

    assert all((issue.labels, issue.channels) == ({"b": ""}, {}) for issue in Issue.objects.all())


def test_page_without_scripts_is_chosen_by_one_box(as_bob, three):
    as_bob.post(CHANGE, {"do": "resolve", "page": "1", "shown": ",".join(keys(three[1:]))})

    assert statuses() == ["open", "resolved", "resolved"]


@pytest.mark.parametrize(
    ("posted", "word"),
    [
        ({"do": "resolve", "issue": []}, "Select at least one issue"),
        ({"do": "explode"}, "Select a valid choice"),
        ({}, "required"),
        ({"do": "set"}, "Choose what to change"),
        ({"do": "unlabel"}, "Choose what to change"),
        ({"do": "set", "status": "gone"}, "Select a valid choice"),
        ({"do": "set", "level": "nothing"}, "no such thing"),
        ({"do": "set", "level": NOBODY}, "no such thing"),
        ({"do": "set", "assignee": NOBODY}, "no such person"),
        ({"do": "set", "channel": NOBODY}, "no such thing"),
        ({"do": "set", "channel": f"+{NOBODY}"}, "no such thing"),
        ({"do": "set", "labels": "x" * 65}, "At most 64 characters"),
        ({"do": "set", "labels": "a\x00"}, "NUL"),
        ({"do": "resolve", "all": "1", "query": "q=level:"}, "level"),
        ({"do": "resolve", "all": "1", "query": "view=7"}, "no such parameter"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_bad_choice_is_explained_and_nothing_changes(as_bob, three, posted, word):
    response = as_bob.post(CHANGE, {"issue": keys(three)} | posted)

    assert response.status_code == 422
    assert word in response.content.decode()
    assert HistoryEntry.objects.filter(source="web").count() == 0


@pytest.mark.parametrize("key", ["OPS-999", "DATA-1", "nonsense", "OPS-99999999999999999999"])
def test_issue_out_of_sight_is_404_and_nothing_changes(as_bob, charlie, three, key):
    IssueFactory(space=charlie.memberships.get().space)

    response = as_bob.post(CHANGE, {"do": "resolve", "issue": [*keys(three), key]})

    assert response.status_code == 404
    assert set(statuses()) == {"open"}


def test_viewer_of_one_of_the_spaces_changes_none(as_bob, bob, three):
    there = SpaceFactory()
    MembershipFactory(space=there, user=bob, role="viewer")
    other = IssueFactory(space=there)

    response = as_bob.post(CHANGE, {"do": "resolve", "issue": [*keys(three), other.key]})

    assert response.status_code == 403
    assert set(statuses()) == {"open"}


def test_level_of_another_space_is_refused_for_all(as_bob, bob, ops, three):
    there = SpaceFactory()
    MembershipFactory(space=there, user=bob)
    other, level = IssueFactory(space=there), LevelFactory(space=ops)

    response = as_bob.post(CHANGE, {"do": "set", "level": level.uuid, "issue": [*keys(three), other.key]})

    assert response.status_code == 422
    assert not Issue.objects.exclude(level=None).exists()


@pytest.mark.parametrize("address", ["https://evil.example/", "//evil.example", "javascript:alert(1)", ""])
def test_it_leads_to_own_pages_only(as_bob, three, address):
    response = as_bob.post(CHANGE, {"do": "resolve", "issue": keys(three), "next": address})

    assert response["Location"] == "/issues/"


def test_it_leads_back_to_where_it_was_sent_from(as_bob, three):
    sent = {"do": "resolve", "issue": keys(three)}

    response = as_bob.post(CHANGE, sent, headers={"referer": "http://testserver/issues/?q=is%3Aopen"})

    assert response["Location"] == "/issues/?q=is%3Aopen"


def test_viewer_is_offered_no_boxes(client, vera, three):
    client.force_login(vera)

    html = client.get("/issues/").content.decode()

    assert 'name="issue"' not in html
    assert CHANGE not in html


def test_bar_offers_what_the_spaces_have(as_bob, ops, alice, bob):
    LevelFactory(space=ops, name="Severe")
    LevelFactory(name="Foreign")
    LevelFactory(space=ops, name="Bygone", is_active=False)
    ChannelFactory(space=ops, name="Data team")
    UserFactory(name="Nobody we know")
    IssueFactory(space=ops)

    html = as_bob.get("/issues/").content.decode()
    bar = html[html.index('id="bulk"') :]

    assert all(f">{name}</option>" in bar for name in ("Severe", "P0", alice.name, bob.name, "Data team"))
    assert not any(name in bar for name in ("Foreign", "Bygone", "Nobody we know"))


# Shown first.


@pytest.fixture
def many(ops):
    """More issues than are changed unseen, two of them done."""
    made = [IssueFactory(space=ops, title=f"Number {number}") for number in range(bulk.SHOWN_FIRST + 2)]
    Issue.objects.filter(pk__in=[made[0].pk, made[1].pk]).change(status="resolved")
    return made


def test_more_than_twenty_are_shown_before_they_are_changed(as_bob, many):
    before = HistoryEntry.objects.count()

    response = as_bob.post(CHANGE, {"do": "resolve", "issue": keys(many), "next": "/issues/?sort=number"})

    page = " ".join(re.sub(r"<[^>]+>", "", response.content.decode()).split())
    assert "Will change 20, skip 2 done already" in page
    assert "Number 2" in page and "and 10 more" in page
    assert HistoryEntry.objects.count() == before


def hidden_of(response):
    found = {}
    form = response.content.decode().split(f'action="{CHANGE}"')[1]
    for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form):
        found.setdefault(name, []).append(value.replace("&amp;", "&"))
    return {name: values for name, values in found.items() if name != "csrfmiddlewaretoken"}


def test_what_was_shown_is_changed_when_it_is_confirmed(as_bob, many):
    shown = as_bob.post(CHANGE, {"do": "resolve", "issue": keys(many), "next": "/issues/?sort=number"})

    response = as_bob.post(CHANGE, hidden_of(shown))

    assert response["Location"] == "/issues/?sort=number"
    assert set(statuses()) == {"resolved"}
    assert said(as_bob) == ["Resolved 20 issues, 2 were done already."]


def test_all_that_match_are_shown_first_though_they_are_few(as_bob, ops, three):
    other = IssueFactory(space=ops, title="Another")
    query = "q=number&status=open&sort=number&cursor=x"
    shown = as_bob.post(CHANGE, {"do": "resolve", "all": "1", "query": query})

    as_bob.post(CHANGE, hidden_of(shown))

    assert "Will change <strong>3</strong>" in shown.content.decode()
    assert statuses() == ["resolved", "resolved", "resolved", "open"]
    assert Issue.objects.get(pk=other.pk).version == 1


# In parts.


def test_what_the_fields_say_is_shown_first(as_bob, ops, alice, three):
    channel = ChannelFactory(space=ops, name="Incidents")
    wanted = {
        "assignee": str(alice.uuid), "status": "pending", "level": "none", "labels": "team: db",
        "channel": f"+{channel.uuid}",
    }  # fmt: skip

    shown = as_bob.post(CHANGE, {"do": "set", "all": "1", "query": "", **wanted})

    assert shown.context["said"] == [
        ("Assignee", "Alice Owner"),
        ("Status", "Pending"),
        ("Level", "No level"),
        ("Add the labels", "team: db"),
        ("Put into", "Incidents"),
    ]


def test_history_leads_back_from_all_that_was_done_at_once(as_bob, ops, alice, three):
    with acting_as(lambda: Actor(user=alice)):
        three[0].title = "Of somebody else"
        three[0].save()
    as_bob.post(CHANGE, {"do": "resolve", "issue": keys(three)})
    addresses = set(re.findall(r'action="(/batches/[^"]+/undo/)"', as_bob.get("/history/").content.decode()))

    (address,) = addresses
    as_bob.post(address)

    assert statuses() == ["open"] * 3


@pytest.fixture
def small_parts(monkeypatch):
    for module in (bulk, bulk_views):
        monkeypatch.setattr(module, "BULK", 3)


def test_a_long_run_goes_on_part_by_part_in_one_batch(as_bob, ops, small_parts):
    issues = [IssueFactory(space=ops) for _ in range(8)]
    Issue.objects.filter(pk=issues[4].pk).change(status="ignored")
    start = {"do": "resolve", "all": "1", "query": "", "confirm": "1"}

    address = as_bob.post(CHANGE, start)["Location"]
    begun = as_bob.get(address).content.decode()
    late = IssueFactory(space=ops)
    pages = []
    for _ in range(3):
        as_bob.post(address)
        pages.append(as_bob.get(address).content.decode())

    assert "Go on" in begun and "0 of 8" in begun
    assert [re.search(r"\d of 8", page)[0] for page in pages] == ["3 of 8", "6 of 8", "8 of 8"]
    assert "Resolved 7 issues" in pages[-1] and "1 skipped" in pages[-1]
    assert "Go on" not in pages[-1]
    assert Issue.objects.get(pk=late.pk).status == "open"
    assert HistoryEntry.objects.filter(source="web").values("batch").distinct().count() == 1
    assert_whole(*issues)


def test_a_run_whose_query_follows_what_it_changes_leaves_nothing_out(as_bob, ops, small_parts):
    issues = [IssueFactory(space=ops) for _ in range(7)]
    address = as_bob.post(CHANGE, {"do": "resolve", "all": "1", "query": "status=open", "confirm": "1"})[
        "Location"
    ]

    for _ in range(4):
        as_bob.post(address)

    assert set(statuses()) == {"resolved"} and len(issues) == BulkRun.objects.get().changed


def test_a_long_run_is_undone_in_parts_too(as_bob, ops, small_parts):
    issues = [IssueFactory(space=ops) for _ in range(7)]
    address = as_bob.post(CHANGE, {"do": "resolve", "all": "1", "query": "", "confirm": "1"})["Location"]
    for _ in range(3):
        as_bob.post(address)

    undoing = as_bob.post(f"{address}undo/")["Location"]
    for _ in range(3):
        as_bob.post(undoing)

    assert set(statuses()) == {"open"}
    assert "Undid the change of 7 issues" in as_bob.get(undoing).content.decode()
    assert_whole(*issues)


def test_a_run_that_fails_says_so_and_keeps_what_is_done(as_bob, ops, small_parts):
    issues = [IssueFactory(space=ops) for _ in range(5)]
    Issue.objects.filter(pk=issues[4].pk).change(add_labels={f"label{n}": "" for n in range(50)})
    posted = {"do": "set", "labels": "one-more", "all": "1", "query": "", "confirm": "1"}
    address = as_bob.post(CHANGE, posted)["Location"]

    as_bob.post(address)
    as_bob.post(address)
    page = as_bob.get(address).content.decode()

    assert "It stopped" in page and "At most 50 labels" in page and "Undo" in page
    assert Issue.objects.filter(label_rows__key="one-more").count() == 3


def test_a_run_is_its_owners(as_bob, client, alice, ops, small_parts):
    for _ in range(4):
        IssueFactory(space=ops)
    address = as_bob.post(CHANGE, {"do": "resolve", "all": "1", "query": "", "confirm": "1"})["Location"]
    client.force_login(alice)

    assert (client.get(address).status_code, client.post(address).status_code) == (404, 404)
    assert set(statuses()) == {"open"}


def test_who_may_write_no_more_does_not_go_on(as_bob, bob, ops, small_parts):
    for _ in range(4):
        IssueFactory(space=ops)
    address = as_bob.post(CHANGE, {"do": "resolve", "all": "1", "query": "", "confirm": "1"})["Location"]
    membership = bob.memberships.get()
    membership.role = "viewer"
    membership.save()

    assert as_bob.post(address).status_code == 403
    assert set(statuses()) == {"open"}


# Undo.


def test_undo_brings_everything_back_and_can_be_undone(as_bob, three):
    Issue.objects.filter(pk=three[0].pk).change(add_labels={"a": "1"}, kind="bug")
    as_bob.post(CHANGE, {"do": "set", "status": "closed", "labels": "a: 2, b", "issue": keys(three)})

    first = as_bob.post(undo_address(as_bob), headers={"referer": "http://testserver/issues/?q=x"})
    undone = [(issue.status, issue.labels) for issue in Issue.objects.order_by("pk")]
    sentence = said(as_bob)
    again = as_bob.get("/issues/")

    assert first["Location"] == "/issues/?q=x"
    assert undone == [("open", {"a": "1"}), ("open", {}), ("open", {})]
    assert sentence == ["Undid the change of 3 issues."]
    assert b"/undo/" not in again.content


def test_undo_of_an_undo(as_bob, three):
    as_bob.post(CHANGE, {"do": "resolve", "issue": keys(three)})
    as_bob.post(undo_address(as_bob))

    as_bob.post(undo_address(as_bob))

    assert set(statuses()) == {"resolved"}
    assert_whole(*three)


def test_a_time_that_an_undo_brings_back_is_written_for_people(as_bob, three):
    as_bob.post(CHANGE, {"do": "resolve", "issue": keys(three)})
    as_bob.post(undo_address(as_bob))
    as_bob.post(undo_address(as_bob))

    page = as_bob.get(three[0].get_absolute_url()).content.decode()

    assert re.search(r"Resolved at <b>none</b> → <b>[\d-]{10} \d\d:\d\d UTC</b>", page)


def test_undo_names_what_was_changed_since(as_bob, three):
    as_bob.post(CHANGE, {"do": "resolve", "issue": keys(three)})
    address = undo_address(as_bob)
    Issue.objects.filter(pk=three[1].pk).change(kind="bug")

    as_bob.post(address)

    assert statuses() == ["open", "resolved", "open"]
    (sentence,) = said(as_bob)
    assert sentence.startswith("Undid the change of 2 issues. OPS-2 stays")
    as_bob.post(address)
    (sentence,) = said(as_bob)
    assert sentence.startswith("There was nothing to undo. OPS-1, OPS-2, OPS-3 stay")


@pytest.mark.parametrize(
    ("who", "status"), [("bob", 302), ("alice", 302), ("mina", 403), ("vera", 403), ("charlie", 404)]
)
def test_a_batch_is_undone_by_who_made_it_and_by_admins(
    client, ops, alice, bob, vera, charlie, three, who, status
):
    mina = UserFactory(member_of=ops)
    people = {"alice": alice, "bob": bob, "vera": vera, "charlie": charlie, "mina": mina}
    with acting_as(lambda: Actor(user=bob, source="web")):
        Issue.objects.change(status="resolved")
    batch = HistoryEntry.objects.filter(source="web")[0].batch
    client.force_login(people[who])

    response = client.post(reverse("batch-undo", args=[batch]))

    assert response.status_code == status
    assert set(statuses()) == {"open" if status == 302 else "resolved"}


@pytest.mark.parametrize("reference", [NOBODY, "nonsense", "f" * 32, "0" * 32])
def test_there_is_no_such_batch(as_bob, three, reference):
    assert as_bob.post(f"/batches/{reference}/undo/").status_code == 404
    assert as_bob.get(f"/batches/{reference}/").status_code == 404


def test_buttons_of_the_issue_page_can_be_undone(as_bob, ops, bob):
    issue = IssueFactory(space=ops)
    address = reverse("issue-update", args=[issue.key])
    as_bob.post(address, {"assignee": bob.uuid, "status": "in_progress", "version": 1})

    page = as_bob.get(issue.get_absolute_url()).content.decode()
    as_bob.post(re.search(r'action="(/batches/[^"]*/undo/[^"]*)"', page)[1])

    assert "OPS-1 is in progress." in page
    stored = Issue.objects.get()
    assert (stored.status, stored.assignee) == ("open", None)


def test_saving_nothing_says_nothing(as_bob, ops):
    issue = IssueFactory(space=ops)

    as_bob.post(reverse("issue-update", args=[issue.key]), {"status": "open", "version": 1})

    assert "/batches/" not in as_bob.get(issue.get_absolute_url()).content.decode()


# Revert.


def reverts(html):
    return re.findall(r'formaction="([^"]*/revert/\d+/)"', html)


def test_each_change_is_reverted_by_its_button(as_bob, ops):
    issue = IssueFactory(space=ops, title="Before", description="Old text", kind="bug")
    changes = {"title": "After", "description": "New text", "kind": "task", "status": "resolved"}
    Issue.objects.change(**changes, level=Level.objects.get(key="P0"), add_labels={"noise": ""})

    for address in reverts(as_bob.get(issue.get_absolute_url()).content.decode()):
        response = as_bob.post(address)
        assert (response.status_code, response["Location"]) == (302, issue.get_absolute_url())

    stored = Issue.objects.get()
    assert (stored.title, stored.description, stored.kind) == ("Before", "Old text", "bug")
    assert (stored.status, stored.level, stored.labels) == ("open", None, {})
    assert_whole(issue)


def test_labels_named_together_are_reverted_together(as_bob, ops):
    issue = IssueFactory(space=ops)
    Issue.objects.change(add_labels={"a": "", "b": "", "c": ""})
    html = as_bob.get(issue.get_absolute_url()).content.decode()
    (address,) = reverts(html)
    also = re.search(r'name="also" value="([^"]*)"', html)[1]

    as_bob.post(address, {"also": also})

    assert Issue.objects.get().labels == {}


def test_history_page_has_the_same_buttons(as_bob, ops):
    issue = IssueFactory(space=ops)
    Issue.objects.change(kind="bug")

    html = as_bob.get(reverse("issue-history", args=[issue.key])).content.decode()

    assert reverts(html) == ["/issues/OPS-1/revert/2/"]
    assert 'id="revert"' in html


def test_viewer_is_offered_no_revert_and_may_not(client, ops, vera):
    issue = IssueFactory(space=ops)
    Issue.objects.change(kind="bug")
    client.force_login(vera)

    pages = [
        client.get(address).content.decode()
        for address in (issue.get_absolute_url(), "/issues/OPS-1/history/")
    ]

    assert [reverts(page) for page in pages] == [[], []]
    assert client.post("/issues/OPS-1/revert/2/").status_code == 403


@pytest.mark.parametrize("position", ["1", "3", "9", "0", "x", "9" * 30, "4"])
def test_what_cannot_be_reverted_is_not_there(as_bob, ops, bob, position):
    issue = IssueFactory(space=ops, reporter=bob)
    Issue.objects.change(kind="bug")
    Issue.objects.change(is_anonymous=True)
    as_bob.post(reverse("comment-create", args=[issue.key]), {"content": "x"})

    response = as_bob.post(f"/issues/OPS-1/revert/{position}/")

    assert response.status_code == 404
    assert Issue.objects.get().kind == "bug"


def test_reverting_twice_changes_nothing_more(as_bob, ops):
    IssueFactory(space=ops)
    Issue.objects.change(kind="bug")
    as_bob.post("/issues/OPS-1/revert/2/")

    as_bob.post("/issues/OPS-1/revert/2/")

    assert Issue.objects.get().version == 3
    assert said(as_bob)[-1] == "It is so already."


def test_what_one_did_can_be_undone_from_its_line_in_the_history(as_bob, three):
    as_bob.post(CHANGE, {"do": "resolve", "issue": keys(three[:2])})
    other = UserFactory()
    with acting_as(lambda: Actor(user=other)):
        IssueFactory(space=three[0].space)

    places = [reverse("history-list"), reverse("issue-history", args=[three[0].key])]
    found = [
        re.findall(r'formaction="(/batches[^"]+)"', as_bob.get(place).content.decode()) for place in places
    ]
    undone = as_bob.post(found[0][0])

    assert len(found[0]) == 1 and found[0] == found[1]
    assert undone.status_code == 302 and statuses() == ["open"] * 4
