"""Triage, the pane beside a list, chips and density, as a browser without scripts has them."""

import re
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.urls import reverse
from django.utils import timezone

from issues.actor import Actor, acting_as
from issues.filters import IssueFilter
from issues.models import LastVisit, Level
from issues.triage import WAITING, number_waiting
from tests.factories import AttachmentFactory, CommentFactory, IssueFactory, MembershipFactory, UserFactory
from tests.test_pages import form_of

pytestmark = pytest.mark.django_db
TRIAGE, ISSUES = "/triage/", "/issues/"


@pytest.fixture
def page(client, bob):
    client.force_login(bob)
    return client.get


def text_of(response):
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def titles(response):
    return [issue["title"] for issue in response.context["issues"]]


def came_back(issue):
    """The issue, resolved and seen again."""
    issue.status = "resolved"
    issue.save()
    issue.count_sighting()
    return issue


# What waits.


@pytest.mark.parametrize(("most", "number"), [(99, 7), (4, 7), (3, 4), (1, 4)])
def test_what_waits_is_counted_no_further_than_where_it_is_said(ops, bob, most, number):
    for person in (None, None, None, bob, bob):
        IssueFactory(space=ops, assignee=person)
    for person in (None, bob, bob, bob):
        came_back(IssueFactory(space=ops, assignee=person))
    came_back(IssueFactory(space=ops, assignee=bob)).trash()
    IssueFactory(space=ops, assignee=None, status="closed")
    came_back(IssueFactory(assignee=bob))

    found = number_waiting(bob, most)

    request = SimpleNamespace(user=bob)
    assert IssueFilter({"q": WAITING}, request=request).qs.count() == 7
    assert found == number


def test_nothing_waits_for_somebody_without_a_space():
    assert number_waiting(UserFactory(), 99) == 0


def test_what_waits_is_nobody_s_or_came_back_and_the_most_urgent_first(page, ops, bob):
    p0, p2 = Level.objects.get(key="P0"), Level.objects.get(key="P2")
    IssueFactory(space=ops, title="Older", level=p2)
    IssueFactory(space=ops, title="Newer", level=p2)
    IssueFactory(space=ops, title="Urgent", level=p0)
    IssueFactory(space=ops, title="Has somebody", level=p0, assignee=bob)
    IssueFactory(space=ops, title="Done", status="resolved")
    came_back(IssueFactory(space=ops, title="Back", assignee=bob))
    IssueFactory(title="Elsewhere")

    response = page(TRIAGE)

    assert titles(response) == ["Urgent", "Newer", "Older", "Back"]


def test_what_came_back_waits_until_somebody_takes_it(page, ops, bob):
    issue = came_back(IssueFactory(space=ops, title="Back", assignee=bob))
    before = titles(page(TRIAGE))

    issue.status = "in_progress"
    issue.save()

    assert (before, titles(page(TRIAGE))) == (["Back"], [])


def test_the_menu_counts_what_waits_on_every_page(page, ops, bob):
    IssueFactory(space=ops)
    IssueFactory(space=ops, assignee=bob)

    response = page(reverse("level-list"))

    assert "Triage 1 My work" in text_of(response)


def test_its_query_is_shown_to_be_edited_and_leads_to_the_list(page, ops):
    IssueFactory(space=ops)

    response = page(TRIAGE)

    html = response.content.decode()
    assert 'value="is:open (is:unassigned OR status:open is:regressed)"' in html
    assert f'role="search" action="{ISSUES}"' in html
    assert titles(page(response.context["chips"][1].address)) == titles(response)


def test_it_keeps_to_one_space_where_that_is_asked_for(page, ops, bob):
    IssueFactory(space=ops, title="Here")
    IssueFactory(space=MembershipFactory(user=bob, space__key="DATA").space, title="There")

    assert titles(page(TRIAGE, {"space": "DATA"})) == ["There"]


def test_progress_is_told_since_the_page_was_opened(page, ops):
    for _ in range(2):
        IssueFactory(space=ops)

    first, later = page(TRIAGE), page(TRIAGE, {"of": "5"})

    assert "0 of 2 handled" in text_of(first)
    assert "3 of 5 handled" in text_of(later)


def test_progress_is_told_anew_of_what_the_page_shows(client, ops, bob):
    IssueFactory(space=MembershipFactory(user=bob, space__key="DATA").space)
    issue = IssueFactory(space=ops)
    client.force_login(bob)
    here = {"HX-Request": "true", "HX-Current-URL": "http://testserver/triage/?space=OPS&of=1&sel=OPS-1"}

    def said(response):
        return re.findall(r"\d of \d handled", response.content.decode())

    pane = client.post(
        reverse("issue-update", args=[issue.key]),
        {"version": 1, "assignee": bob.uuid},
        headers=here | {"HX-Target": "pane"},
        follow=True,
    )
    undone = client.post(
        re.search(r'hx-post="([^"]+)"', pane.content.decode())[1], {"shown": "OPS-1"}, headers=here
    )

    assert (said(pane), said(undone)) == (["1 of 1 handled"], ["0 of 1 handled"])


def test_a_row_is_unread_until_one_looks_and_again_when_others_change_it(page, ops, alice, bob):
    issue = IssueFactory(space=ops)

    def is_unread():
        return page("/issues/").context["issues"][0]["is_unread"]

    seen = [is_unread()]
    page(issue.get_absolute_url())
    seen.append(is_unread())
    for person in (alice, bob):
        with acting_as(lambda person=person: Actor(user=person)):
            issue.title += "!"
            issue.save()
        seen.append(is_unread())

    assert seen == [True, False, True, False]


def test_nothing_is_unread_from_before_one_joined(page, ops, bob):
    IssueFactory(space=ops, title="Before", created_at=timezone.now() - timedelta(days=1))
    IssueFactory(space=ops, title="After")

    rows = page(ISSUES).context["issues"]

    assert {row["title"]: row["is_unread"] for row in rows} == {"Before": False, "After": True}


@pytest.mark.parametrize("most", [2, 3])
def test_what_a_list_shows_is_marked_as_read_at_once(page, client, ops, bob, monkeypatch, most):
    monkeypatch.setattr("issues.bulk_views.READ", most)
    for title in ("Left alone", "Disk is full", "Disk is slow"):
        IssueFactory(space=ops, title=title)
    IssueFactory(title="Disk elsewhere")
    form = form_of(page(ISSUES, {"q": "disk"}), reverse("issue-read"))

    response = client.post(reverse("issue-read"), form, follow=True)

    assert response.redirect_chain == [(f"{ISSUES}?q=disk", 302)]
    said = {2: "The 2 issues that changed last are marked as read.", 3: "2 issues are marked as read."}
    assert said[most] in text_of(response)
    rows = page(ISSUES).context["issues"]
    assert {row["title"] for row in rows if row["is_unread"]} == {"Left alone"}
    assert set(LastVisit.objects.values_list("user", flat=True)) == {bob.pk}
    assert "Mark all as read" in text_of(page(ISSUES)) and "Mark all as read" not in text_of(response)


def test_all_clear_says_when_the_last_one_was_handled(page, ops, bob):
    issue = IssueFactory(space=ops)
    quiet = "Nothing waits" in text_of(page(TRIAGE))
    issue.assignee = bob
    issue.save()

    said = text_of(page(TRIAGE))

    assert not quiet
    assert "All clear" in said and "The last issue was handled just now" in said
    assert "1 was handled today" in said


def test_all_clear_without_a_past_and_without_a_space(page, client, ops):
    said = text_of(page(TRIAGE))
    client.force_login(UserFactory())

    assert "All clear Nothing waits for a decision." in said
    assert "Ask an administrator" in text_of(client.get(TRIAGE))


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"of": "x"}, "of: A number"),
        ({"of": "-1"}, "of: A number"),
        ({"density": "huge"}, "density: One of"),
        ({"cursor": "x"}, "The cursor is none"),
        ({"nope": "1"}, "nope: There is no such"),
    ],
)
@pytest.mark.parametrize("address", [TRIAGE, ISSUES])
def test_what_it_does_not_understand_is_named(page, ops, address, query, said):
    response = page(address, query)

    assert response.status_code == 400
    assert said in text_of(response)


def test_it_costs_two_queries_more_than_a_list(page, ops, django_assert_max_num_queries):
    for _ in range(3):
        IssueFactory(space=ops)

    # It asks whether few are nobody's, and whether few came back.
    with django_assert_max_num_queries(11):
        page(TRIAGE)


# Rows.


def test_a_row_marks_what_came_back_its_tasks_and_its_files(page, ops):
    issue = came_back(IssueFactory(space=ops, description="- [x] one\n- [ ] two\n- [x] three\n\n`[x]`"))
    AttachmentFactory(owner=issue)

    said = text_of(page(ISSUES))

    assert "regressed" in said and "2/3" in said and "1 file" in said


def test_a_row_without_marks_has_none(page, ops):
    IssueFactory(space=ops)

    html = page(ISSUES).content.decode()

    assert "regressed</span>" not in html and "tasks done" not in html and "paperclip" not in html


# The pane.


def test_the_address_selects_an_issue_and_the_page_shows_it(page, ops, bob):
    issue = IssueFactory(space=ops, title="Nulls", description="**15 %** more")
    CommentFactory(issue=issue, content="Seen it", author=bob)
    IssueFactory(space=ops, title="Another")

    response = page(ISSUES, {"q": "is:open", "sel": issue.key.lower()})

    html = response.content.decode()
    assert response.status_code == 200
    assert "<strong>15 %</strong>" in html and "Seen it" in html
    assert html.count('aria-current="true"') == 1
    assert 'class="icon close" href="/issues/?q=is%3Aopen"' in html
    assert f'href="{issue.get_absolute_url()}#rail-level"' in html


def test_without_a_selection_there_is_no_pane(page, ops):
    IssueFactory(space=ops)

    assert "pane-issue" not in page(ISSUES).content.decode()


@pytest.mark.parametrize("sel", ["OPS-99", "nonsense", "FAR-1"])
def test_what_is_out_of_sight_cannot_be_selected(page, ops, sel):
    IssueFactory(space__key="FAR", title="Secret")
    IssueFactory(space=ops, title="Here")

    response = page(ISSUES, {"sel": sel})

    assert response.status_code == 404
    assert titles(response) == ["Here"]
    assert f"There is no issue {sel.upper()} here." in text_of(response) and "Secret" not in text_of(response)


def test_htmx_gets_the_pane_alone_with_the_row_as_it_is_now(page, ops):
    issue = IssueFactory(space=ops, title="Nulls")

    response = page(issue.get_absolute_url(), headers={"HX-Request": "true", "HX-Target": "pane"})

    html = response.content.decode()
    assert "<html" not in html and "Nulls" in html
    assert f'<template data-row><li class="row" id="issue-{issue.key}"' in html
    assert "HX-Target" in response["Vary"]


def test_a_change_in_the_pane_is_answered_with_the_pane(client, ops, bob):
    client.force_login(bob)
    issue = IssueFactory(space=ops)
    form = {"version": issue.version, "assignee": bob.uuid, "status": "in_progress"}
    htmx = {"HX-Request": "true", "HX-Target": "pane"}

    response = client.post(reverse("issue-update", args=[issue.key]), form, headers=htmx, follow=True)

    html = response.content.decode()
    assert html.count("Bob Colleague") >= 2 and "pane-issue" in html and "<html" not in html


def test_a_viewer_sees_the_pane_without_what_changes_it(client, ops, vera):
    client.force_login(vera)
    issue = IssueFactory(space=ops)
    CommentFactory(issue=issue, content="For members", is_internal=True)

    html = client.get(ISSUES, {"sel": issue.key}).content.decode()

    assert "pane-issue" in html and "Claim" not in html and "comment-form" not in html
    assert "For members" not in html


def test_an_anonymous_reporter_stays_so_in_the_pane(page, ops, alice):
    issue = IssueFactory(space=ops, reporter=alice, is_anonymous=True)
    CommentFactory(issue=issue, author=alice, content="It was me")

    pane = page(ISSUES, {"sel": issue.key}).content.decode().partition('id="pane"')[2]

    assert "opened" in pane and "anonymously" in pane and "Alice" not in pane


def test_a_list_with_a_pane_costs_four_queries_more(page, ops, django_assert_max_num_queries):
    issue = IssueFactory(space=ops)
    for _ in range(6):
        CommentFactory(issue=issue)

    with django_assert_max_num_queries(13):
        response = page(ISSUES, {"sel": issue.key})

    assert "Show 3 earlier" in text_of(response)


# Chips and what is found without them.


def test_each_part_of_the_query_is_taken_out_by_its_chip(page, ops):
    response = page(ISSUES, {"q": "is:open nulls -label:a", "space": "OPS", "sort": "number"})

    assert [(chip.text, chip.address) for chip in response.context["chips"]] == [
        ("is:open", "/issues/?q=nulls+-label%3Aa&space=OPS&sort=number"),
        ("nulls", "/issues/?q=is%3Aopen+-label%3Aa&space=OPS&sort=number"),
        ("-label:a", "/issues/?q=is%3Aopen+nulls&space=OPS&sort=number"),
        ("space: OPS", "/issues/?q=is%3Aopen+nulls+-label%3Aa&sort=number"),
    ]


def test_a_search_without_results_tells_what_there_is_without_each_part(page, ops):
    IssueFactory(space=ops, title="Nulls")
    IssueFactory(space=ops, title="Nulls", status="closed")

    said = text_of(page(ISSUES, {"q": "nulls is:open is:crash"}))

    assert "No issue matches" in said and "Open issues with “nulls”, that crashed something" in said
    assert "Without is:crash : 1 result" in said and "Without nulls" not in said


def test_a_search_without_results_costs_no_more_than_twelve_queries(page, ops, django_assert_max_num_queries):
    with django_assert_max_num_queries(12):
        page(ISSUES, {"q": "a b c d e f is:open is:unread"})


# Density.


def test_density_is_kept_and_is_there_on_first_paint(page, ops):
    IssueFactory(space=ops)
    plain = page(ISSUES).content.decode()

    chosen = page(ISSUES, {"density": "cosy"}).content.decode()
    later = page(TRIAGE).content.decode()

    assert ["panes cosy" in html for html in (plain, chosen, later)] == [False, True, True]
