"""What people do all day, each with scripts and without them."""

import re

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from issues.models import Issue, Level, SavedView
from tests.browser.conftest import with_and_without_scripts
from tests.factories import IssueFactory
from tests.issues.test_attachment import PNG

pytestmark = [pytest.mark.django_db(transaction=True), with_and_without_scripts]


@pytest.fixture
def issue(ops):
    return IssueFactory(space=ops, title="Customer ids are null", description="one\ntwo\nthree\n")


def area(page):
    return page.get_by_label("Comment", exact=True)


def messages(page):
    return page.locator("#messages")


def status(page):
    return page.locator("#issue-badges .status")


def test_sign_in(page, issue, bob):
    bob.set_password("correct horse battery")
    bob.save()
    page.goto(issue.get_absolute_url())

    page.get_by_label("Email").fill(bob.email)
    page.get_by_label("Password").fill("wrong horse")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Password").fill("correct horse battery")
    page.get_by_role("button", name="Sign in").click()

    page.wait_for_url(f"**{issue.get_absolute_url()}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Customer ids are null")


def test_create(page, sign_in, ops, bob):
    sign_in(bob)
    page.goto(reverse("issue-create"))

    page.get_by_label("Title").fill("Checkout is down")
    page.get_by_label("Description").fill("Since **noon**")
    page.get_by_label("Level").select_option(label="P1 · High")
    page.get_by_label("Labels").fill("team: payments")
    page.get_by_role("button", name="Open the issue").click()

    page.wait_for_url("**/issues/OPS-1/")
    expect(messages(page)).to_contain_text("OPS-1 is open.")
    expect(page.locator(".description strong")).to_have_text("noon")
    assert (Issue.objects.get().level.key, Issue.objects.get().labels) == ("P1", {"team": "payments"})


def test_claim(on_issue, bob):
    on_issue.get_by_role("button", name="Claim").click()

    expect(status(on_issue)).to_contain_text("In progress")
    expect(on_issue.get_by_role("button", name="Claim")).to_have_count(0)
    assert Issue.objects.get().assignee == bob


def test_comment(on_issue, has_scripts):
    area(on_issue).fill("It is **late**")
    on_issue.locator("#comment-form").get_by_role("button", name="Preview").click()
    expect(on_issue.locator("#comment-form strong")).to_have_text("late")

    if has_scripts:
        on_issue.get_by_role("button", name="Write").click()
    on_issue.get_by_role("button", name="Comment", exact=True).click()

    expect(on_issue.locator(".comment strong")).to_have_text("late")
    expect(area(on_issue)).to_have_value("")


def test_attach(on_issue, has_scripts):
    file = {"name": "screen.png", "mimeType": "image/png", "buffer": PNG}
    area(on_issue).fill("Look\n")
    where = "[data-files]" if has_scripts else "input[name=file]"
    on_issue.locator(f"#comment-form {where}").set_input_files(file)
    on_issue.get_by_role("button", name="Comment", exact=True).click()

    expect(on_issue.locator(".comment .attachments .name")).to_have_text("screen.png")
    expect(on_issue.locator(".comment .prose img")).to_have_count(1 if has_scripts else 0)


def test_resolve(on_issue):
    area(on_issue).fill("Fixed")
    on_issue.get_by_role("button", name="Comment & resolve").click()
    expect(status(on_issue)).to_contain_text("Resolved")
    expect(on_issue.locator(".comment")).to_contain_text("Fixed")

    messages(on_issue).get_by_role("button", name="Undo").click()
    expect(status(on_issue)).to_contain_text("Open")
    expect(on_issue.locator(".comment")).to_contain_text("Fixed")

    on_issue.get_by_role("button", name="Resolve", exact=True).click()
    expect(status(on_issue)).to_contain_text("Resolved")


def test_bulk_with_undo(page, sign_in, ops, bob):
    IssueFactory.create_batch(3, space=ops)
    sign_in(bob)
    page.goto(reverse("issue-list"))
    for number in (1, 3):
        page.get_by_role("checkbox", name=f"Select OPS-{number}").check()

    page.get_by_role("button", name="Resolve").click()
    expect(messages(page)).to_contain_text("Resolved 2 issues.")
    expect(page.locator(".row .status")).to_contain_text(["Resolved", "Open", "Resolved"])

    messages(page).get_by_role("button", name="Undo").click()
    expect(messages(page)).to_contain_text("Undid the change of 2 issues.")
    expect(page.locator(".row .status")).to_contain_text(["Open", "Open", "Open"])


def test_save_a_view(page, sign_in, issue, bob):
    sign_in(bob)
    page.goto(f"{reverse('issue-list')}?q=is:open")

    page.get_by_text("Save view", exact=True).click()
    page.get_by_label("Name").fill("What is open")
    page.get_by_label("Who sees it").select_option(label="Everybody in Operations")
    page.get_by_role("button", name="Save", exact=True).click()
    tab = page.get_by_role("navigation", name="Saved views").get_by_role("link", name="What is open")
    expect(tab).to_have_attribute("aria-current", "page")

    view = SavedView.objects.get()
    page.goto(f"{reverse('issue-list')}?q=is:open+level:none&view={view.uuid}")
    page.get_by_role("button", name="Update view").click()
    expect(page.get_by_role("button", name="Update view")).to_have_count(0)
    view.refresh_from_db()
    assert view.query == "q=is%3Aopen+level%3Anone"


def test_search_with_an_error(page, sign_in, ops, issue, bob):
    IssueFactory(space=ops, title="Late table", level=Level.objects.get(key="P1"))
    sign_in(bob)
    page.goto(reverse("issue-list"))

    page.locator("#search").fill("is:opem nulls")
    page.locator("#search").press("Enter")
    expect(page.locator("mark")).to_have_text("opem")
    page.get_by_role("link", name="open", exact=True).click()
    page.wait_for_url(re.compile("q=is%3Aopen"))
    page.locator("#search").fill("is:open null")
    page.get_by_role("button", name="Search").click()

    expect(page.locator(".row a.title")).to_have_text(["Customer ids are null"])


def test_conflict_of_two_tabs_of_which_the_older_saves_last(page, context, sign_in, issue, bob):
    sign_in(bob)
    newer = context.new_page()
    for tab in (page, newer):
        tab.goto(reverse("issue-edit", args=[issue.key]))
    newer.get_by_label("Description").fill("ONE\ntwo\nthree\n")
    newer.get_by_role("button", name="Save").click()
    newer.wait_for_url(f"**{issue.get_absolute_url()}")

    page.get_by_label("Description").fill("one\ntwo\nTHREE\n")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("edited the description")
    expect(page.get_by_role("button", name="Keep mine")).to_be_visible()
    expect(page.get_by_role("button", name="Take theirs")).to_be_visible()
    assert Issue.objects.get().description == "ONE\ntwo\nthree\n"
    page.get_by_role("button", name="Save merged").click()

    page.wait_for_url(f"**{issue.get_absolute_url()}")
    assert Issue.objects.get().description == "ONE\ntwo\nTHREE\n"
