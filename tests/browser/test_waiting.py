"""What is shown while the server takes its time."""

import re

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from issues.models import Issue
from tests.factories import IssueFactory

pytestmark = pytest.mark.django_db(transaction=True)

LINE = """() => {
    const { content, height, opacity } = getComputedStyle(document.documentElement, "::before");
    return content === "none" ? null : [height, opacity];
}"""


def first(page, late):
    """The first request that waits, which may leave the page a moment after the key."""
    for _ in range(100):
        if late:
            break
        page.wait_for_timeout(20)
    return late[0]


@pytest.fixture
def on_late_change(page, sign_in, ops, bob):
    """(a list whose only row is the current one, the changes that wait for an answer)"""
    IssueFactory(space=ops, title="Disk full")
    sign_in(bob)
    page.goto(reverse("issue-list"))
    late = []
    page.route(f"**{reverse('issue-change')}", lambda route: late.append(route))
    page.keyboard.press("j")
    return page, late


def test_a_line_stands_at_the_top_while_an_answer_is_late(page, sign_in, ops, bob):
    IssueFactory(space=ops, title="Disk full")
    sign_in(bob)
    page.goto(reverse("issue-list"))
    late = []
    page.route("**/issues/*-1/", lambda route: late.append(route))

    page.get_by_role("link", name="Disk full").click()
    page.wait_for_timeout(300)
    meanwhile = page.evaluate(LINE)
    first(page, late).continue_()
    expect(page.locator("#pane")).to_contain_text("Disk full")
    page.wait_for_load_state("networkidle")

    assert meanwhile == ["2px", "1"]
    page.wait_for_function(f"({LINE})() === null")


def test_an_issue_that_comes_late_leaves_its_row_as_it_became_meanwhile(page, sign_in, ops, bob):
    IssueFactory(space=ops, title="Disk full")
    sign_in(bob)
    page.goto(reverse("issue-list"))
    late = []
    page.route("**/issues/*-1/", lambda route: late.append((route, route.fetch())), times=1)
    page.get_by_role("link", name="Disk full").click()
    route, old = first(page, late)

    page.keyboard.press("e")
    expect(page.locator("#messages")).to_contain_text("Undo")
    route.fulfill(response=old)

    expect(page.locator("#pane .status")).to_contain_text("Resolved")
    expect(page.locator(".row .status-cell")).to_contain_text("Resolved")


def test_the_place_of_an_issue_is_shown_while_it_is_late(page, sign_in, ops, bob):
    IssueFactory(space=ops, title="Disk full")
    sign_in(bob)
    page.goto(reverse("issue-list"))
    late = []
    page.route("**/issues/*-1/", lambda route: late.append(route))

    page.get_by_role("link", name="Disk full").click()
    before = page.locator("#pane").bounding_box()
    first(page, late).continue_()
    expect(page.locator("#pane")).to_contain_text("Disk full")

    after = page.locator("#pane").bounding_box()
    assert (before["x"], before["width"]) == (after["x"], after["width"])
    assert before["height"] > 300


def test_a_row_says_what_a_key_did_before_the_answer_is_there(on_late_change):
    page, late = on_late_change

    page.keyboard.press("e")
    meanwhile = page.locator("#issue-OPS-1 .status").text_content()
    first(page, late).continue_()
    expect(page.locator("#messages")).to_contain_text("Resolved OPS-")

    assert meanwhile == "Status Resolved"
    expect(page.locator("#issue-OPS-1 .status")).to_have_text("Status Resolved")


def test_a_row_whose_change_failed_says_again_what_it_said(on_late_change):
    page, late = on_late_change

    page.keyboard.press("e")
    meanwhile = page.locator("#issue-OPS-1 .status").text_content()
    first(page, late).fulfill(status=409)

    expect(page.locator("#issue-OPS-1 .status")).to_have_text("Status Open")
    assert meanwhile == "Status Resolved"


def test_keys_that_are_typed_fast_go_to_one_row_after_the_other(on_late_change, ops):
    page, _ = on_late_change
    page.unroute_all()
    IssueFactory.create_batch(2, space=ops)
    page.reload()

    page.keyboard.type("jeee")

    expect(page.locator(".row .status.resolved")).to_have_count(3)
    expect(page.locator("#messages .note")).to_have_count(3)
    assert Issue.objects.filter(status="resolved").count() == 3


def test_a_row_to_which_a_deed_does_nothing_stays_as_it_is(on_late_change):
    page, late = on_late_change

    page.keyboard.press("Shift+E")
    meanwhile = page.locator("#issue-OPS-1 .status").text_content()
    first(page, late).continue_()
    expect(page.locator("#messages")).to_contain_text("open already")

    assert meanwhile == "Status Open"


def test_a_row_shows_the_status_that_was_chosen(on_late_change):
    page, late = on_late_change

    page.keyboard.press("s")
    page.locator("#bulk-status").select_option("Pending")
    page.keyboard.press("Enter")
    meanwhile = page.locator("#issue-OPS-1 .status").text_content()
    first(page, late).continue_()
    expect(page.locator("#messages")).to_contain_text("Changed OPS-")

    assert meanwhile == "Status Pending"
    expect(page.locator("#issue-OPS-1 .status")).to_have_text("Status Pending")


def test_what_is_typed_after_a_deed_goes_into_the_field(on_late_change):
    page, late = on_late_change

    page.keyboard.type("e/disk")

    expect(page.locator("#search")).to_have_value(re.compile("disk$"))
    assert len(late) == 1
    first(page, late).continue_()
    expect(page.locator("#messages")).to_contain_text("Resolved OPS-")


def test_each_undo_goes_one_deed_further_back(on_late_change, ops):
    page, _ = on_late_change
    page.unroute_all()
    IssueFactory.create_batch(2, space=ops)
    page.reload()
    page.keyboard.type("jee")

    page.keyboard.type("zz")

    expect(page.locator(".row .status.open")).to_have_count(3)
    expect(page.locator("#messages [data-keys=z]")).to_have_count(0)
    assert Issue.objects.filter(status="open").count() == 3


def test_two_keys_on_an_issue_do_not_contradict_one_another(page, sign_in, ops, bob):
    issue = IssueFactory(space=ops)
    sign_in(bob)
    page.goto(issue.get_absolute_url())

    page.keyboard.type("1e")

    expect(page.locator(".issue-head .status")).to_have_text("Status Resolved")
    issue.refresh_from_db()
    assert (issue.status, issue.assignee) == ("resolved", bob)


def test_deeds_that_wait_are_done_though_one_leaves(on_late_change, ops):
    page, _ = on_late_change
    IssueFactory.create_batch(2, space=ops)
    page.reload()
    page.keyboard.type("jeee")
    expect(page.locator(".row .status.resolved")).to_have_count(3)
    page.unroute_all()

    page.goto(reverse("dashboard"))

    for _ in range(50):
        resolved = set(Issue.objects.filter(status="resolved").values_list("number", flat=True))
        if {1, 2} <= resolved:
            break
        page.wait_for_timeout(100)
    assert {1, 2} <= resolved


@pytest.fixture
def on_broken_list(context, sign_in, ops, bob):
    """A list on a page whose console may complain, since what it asks for is lost."""
    IssueFactory(space=ops, title="Disk full")
    sign_in(bob)
    page = context.new_page()
    page.goto(reverse("issue-list"))
    return page


def test_a_question_that_was_lost_is_asked_again(on_broken_list):
    on_broken_list.route("**/issues/*-1/", lambda route: route.abort(), times=1)
    on_broken_list.keyboard.type("jo")
    messages = on_broken_list.locator("#messages")
    expect(messages).to_contain_text("The server does not answer.")

    messages.get_by_role("button", name="Try again").click()

    expect(on_broken_list.locator("#pane h2")).to_have_text("Disk full")
    expect(messages.locator(".note")).to_have_count(0)


def test_a_change_of_a_version_is_sent_again_when_asked_for(on_broken_list):
    on_broken_list.keyboard.type("jo")
    on_broken_list.route("**/update/", lambda route: route.fulfill(status=503), times=1)
    on_broken_list.locator("#pane").get_by_role("button", name="Claim").click()
    messages = on_broken_list.locator("#messages")
    expect(messages).to_contain_text("That did not work (503).")
    assert Issue.objects.get().status == "open"

    messages.get_by_role("button", name="Try again").click()

    expect(on_broken_list.locator("#pane .badges")).to_contain_text("In progress")
    expect(messages).to_contain_text("OPS-1 is in progress.")


def test_what_may_have_been_done_is_left_to_the_person(on_broken_list):
    # Both from the start: a route that is over may take another with it that comes right then.
    for address in (reverse("issue-change"), "/undo/"):
        on_broken_list.route(f"**{address}", lambda route: route.abort(), times=1)
    on_broken_list.keyboard.type("je")
    messages = on_broken_list.locator("#messages")
    expect(messages).to_contain_text("do it once more")
    retries = messages.get_by_role("button", name="Try again").count()

    on_broken_list.keyboard.press("e")
    expect(messages).to_contain_text("Resolved OPS-")
    on_broken_list.keyboard.press("z")
    expect(messages.get_by_text("do it once more")).to_have_count(2)
    on_broken_list.keyboard.press("z")

    expect(on_broken_list.locator("#issue-OPS-1 .status")).to_have_text("Status Open")
    assert retries == 0
