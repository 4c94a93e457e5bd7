"""The dashboard in a browser: reached by key, narrowed by its form, and left through a mark."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from tests.browser.conftest import with_and_without_scripts
from tests.factories import IssueFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def on_dashboard(page, sign_in, ops, bob):
    """Bob looks at the dashboard of a few issues."""
    for number, status in enumerate(("open", "open", "open", "resolved")):
        issue = IssueFactory(space=ops, status=status, service=("api", "worker")[number % 2])
        issue.labels = {"a-label-as-long-as-labels-are-in-some-teams-of-some-companies": ""}
        issue.save()
    sign_in(bob)
    page.goto(reverse("dashboard"))
    return page


def test_a_key_leads_to_the_dashboard(page, sign_in, bob):
    sign_in(bob)
    page.goto(reverse("issue-list"))

    page.keyboard.press("g")
    page.keyboard.press("d")

    page.wait_for_url(f"**{reverse('dashboard')}")


@with_and_without_scripts
def test_form_narrows_all_charts(on_dashboard):
    form = on_dashboard.get_by_role("form", name="Issues and period")

    form.get_by_role("searchbox").fill("service:api")
    form.get_by_label("Period").select_option("custom")
    form.get_by_label("From").fill("2026-01-01")
    form.get_by_label("To", exact=True).fill("2026-01-31")
    form.get_by_role("button", name="Show").click()

    expect(on_dashboard.locator("main h2").first).to_have_text("1 Jan 2026 to 31 Jan 2026")
    expect(on_dashboard.get_by_role("link", name="Open now")).to_contain_text("2")


@with_and_without_scripts
def test_a_mark_leads_to_its_issues(on_dashboard):
    on_dashboard.locator(".flow-chart .point").last.click()

    on_dashboard.wait_for_url("**/issues/?q=*")
    expect(on_dashboard.locator(".row[data-key]")).to_have_count(1)


@pytest.mark.parametrize("width", [360, 1440])
def test_nothing_is_wider_than_the_window(on_dashboard, width):
    on_dashboard.set_viewport_size({"width": width, "height": 800})

    assert on_dashboard.evaluate("document.documentElement.scrollWidth <= innerWidth")
    small = on_dashboard.evaluate(
        "[...document.querySelectorAll('.chart *')].filter(part => part.children.length === 0 && "
        "part.textContent.trim() && parseFloat(getComputedStyle(part).fontSize) < 12).length"
    )
    assert small == 0
