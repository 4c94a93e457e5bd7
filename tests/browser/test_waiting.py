"""What is shown while the server takes its time."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from tests.factories import IssueFactory

pytestmark = pytest.mark.django_db(transaction=True)

LINE = """() => {
    const { content, height, opacity } = getComputedStyle(document.documentElement, "::before");
    return content === "none" ? null : [height, opacity];
}"""


def test_a_line_stands_at_the_top_while_an_answer_is_late(page, sign_in, ops, bob):
    IssueFactory(space=ops, title="Disk full")
    sign_in(bob)
    page.goto(reverse("issue-list"))
    late = []
    page.route("**/issues/*-1/**", lambda route: late.append(route))

    page.get_by_role("link", name="Disk full").click()
    page.wait_for_timeout(300)
    meanwhile = page.evaluate(LINE)
    late[0].continue_()
    expect(page.locator("#pane")).to_contain_text("Disk full")
    expect(page.locator(".htmx-request")).to_have_count(0)

    assert (meanwhile, page.evaluate(LINE)) == (["2px", "1"], None)


def test_the_place_of_an_issue_is_shown_while_it_is_late(page, sign_in, ops, bob):
    IssueFactory(space=ops, title="Disk full")
    sign_in(bob)
    page.goto(reverse("issue-list"))
    late = []
    page.route("**/issues/*-1/**", lambda route: late.append(route))

    page.get_by_role("link", name="Disk full").click()
    before = page.locator("#pane").bounding_box()
    late[0].continue_()
    expect(page.locator("#pane")).to_contain_text("Disk full")

    after = page.locator("#pane").bounding_box()
    assert (before["x"], before["width"]) == (after["x"], after["width"])
    assert before["height"] > 300
