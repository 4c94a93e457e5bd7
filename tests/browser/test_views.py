"""Saving, opening and sharing views; news of a list that stays open."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from issues.actor import Actor, acting_as
from tests.browser.conftest import with_and_without_scripts
from tests.factories import IssueFactory, SavedViewFactory

pytestmark = pytest.mark.django_db(transaction=True)


@with_and_without_scripts
def test_a_view_is_deleted_and_brought_back(page, sign_in, ops, bob):
    SavedViewFactory(owner=bob, name="Urgent")
    sign_in(bob)

    page.goto(reverse("view-list"))
    page.get_by_role("button", name="Delete Urgent").click()
    expect(page.get_by_role("main").get_by_role("link", name="Urgent", exact=True)).to_have_count(0)
    page.get_by_role("button", name="Undo").click()

    expect(page.get_by_role("main").get_by_role("link", name="Urgent", exact=True)).to_be_visible()


def test_v_leads_from_view_to_view(page, sign_in, ops, bob):
    for name in ("First", "Second"):
        SavedViewFactory(owner=bob, name=name)
    sign_in(bob)
    page.goto(reverse("issue-list"))
    current = page.get_by_role("navigation", name="Saved views").locator("[aria-current]")

    for name in ("First", "Second", "First"):
        page.keyboard.press("v")
        expect(current).to_have_text(name)


def test_g_v_leads_to_the_views(page, sign_in, ops, bob):
    sign_in(bob)
    page.goto(reverse("issue-list"))

    page.keyboard.press("g")
    page.keyboard.press("v")

    page.wait_for_url(f"**{reverse('view-list')}")


def test_the_menu_counts_the_open_issues_of_views(page, sign_in, ops, bob):
    IssueFactory(space=ops)
    SavedViewFactory(owner=bob, name="Urgent")
    sign_in(bob)

    page.goto(reverse("history-list"))

    link = page.get_by_role("navigation", name="Main").get_by_role("link", name="Urgent")
    expect(link).to_contain_text("1")


def test_an_open_list_says_what_others_changed_and_moves_nothing(page, sign_in, ops, alice, bob):
    issue = IssueFactory(space=ops, title="Customer ids are null")
    sign_in(bob)
    page.clock.install()
    page.goto(reverse("issue-list"))
    expect(page.locator("[data-live][hx-get*=seen]")).to_have_count(1)

    with acting_as(lambda: Actor(user=alice)):
        issue.title = "Customer ids are wrong"
        issue.save()
    page.clock.run_for(30_000)

    news = page.get_by_role("link", name="1 change")
    expect(news).to_be_visible()
    expect(page.locator(".row")).to_contain_text("Customer ids are null")
    news.click()
    expect(page.locator(".row")).to_contain_text("Customer ids are wrong")
