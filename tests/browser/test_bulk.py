"""Selecting issues in a list, changing them by mouse and by key, and undoing it."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from issues.models import Issue
from tests.browser.conftest import with_and_without_scripts
from tests.factories import IssueFactory

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "/issues/?sort=number"


@pytest.fixture
def issues(ops):
    """A function that opens so many issues."""
    return lambda count: [IssueFactory(space=ops, title=f"Number {n}") for n in range(1, count + 1)]


@pytest.fixture
def on_list(page, sign_in, bob):
    """A function that shows Bob the list."""

    def shown(address=LIST):
        sign_in(bob)
        page.goto(address)
        return page

    return shown


def row(page, number):
    return page.locator(f"#issue-OPS-{number}")


def status(page, number):
    return row(page, number).locator(".status")


def messages(page):
    return page.locator("#messages")


def expect_statuses(page, *statuses):
    for number, name in enumerate(statuses, start=1):
        expect(status(page, number)).to_contain_text(name)


def test_a_key_undoes_what_is_told_no_longer(page, issues, on_list):
    issues(2)
    page.clock.install()
    on_list()
    page.keyboard.type("je")
    expect(messages(page)).to_contain_text("Resolved OPS-")
    page.clock.fast_forward(11_000)
    expect(messages(page).locator(".note")).to_be_hidden()

    page.keyboard.press("z")

    expect_statuses(page, "Open", "Open")
    assert not Issue.objects.exclude(status="open").exists()


@with_and_without_scripts
def test_more_than_twenty_are_shown_first(issues, on_list):
    issues(22)
    page = on_list()
    page.get_by_role("checkbox", name="Select the page").check()

    page.get_by_role("button", name="Ignore").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Ignore 22 issues?")
    expect(page.get_by_text("Will change 22")).to_be_visible()
    assert not Issue.objects.exclude(status="open").exists()

    page.get_by_role("button", name="Ignore 22 issues").click()
    expect(messages(page)).to_contain_text("Ignored 22 issues.")
    assert page.url.endswith(LIST)


@with_and_without_scripts
def test_all_that_match_are_changed_together(issues, on_list):
    issues(53)
    page = on_list("/issues/?status=open")
    page.get_by_role("checkbox", name="Select OPS-53").check()
    page.get_by_role("checkbox", name="All 53 that match").check()

    page.get_by_role("button", name="Resolve").click()
    page.get_by_role("button", name="Resolve 53 issues").click()

    expect(messages(page)).to_contain_text("Resolved 53 issues.")
    assert not Issue.objects.exclude(status="resolved").exists()


@with_and_without_scripts
def test_a_long_run_goes_on_to_its_end(issues, on_list, monkeypatch, has_scripts):
    for module in ("issues.bulk", "issues.bulk_views"):
        monkeypatch.setattr(f"{module}.BULK", 20)
    issues(53)
    page = on_list()
    page.get_by_role("checkbox", name="Select OPS-1", exact=True).check()
    page.get_by_role("checkbox", name="All 53 that match").check()
    page.get_by_role("button", name="Resolve").click()
    page.get_by_role("button", name="Resolve").click()
    for _ in range(0 if has_scripts else 3):
        page.get_by_role("button", name="Go on").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Resolved 53 issues")
    page.get_by_role("button", name="Undo").click()
    for _ in range(0 if has_scripts else 3):
        page.get_by_role("button", name="Go on").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Undid the change of 53 issues")
    assert not Issue.objects.exclude(status="open").exists()


@with_and_without_scripts
def test_fields_of_the_bar_change_what_is_selected(issues, on_list, bob, has_scripts):
    issues(2)
    page = on_list()
    page.get_by_role("checkbox", name="Select OPS-2").check()

    page.get_by_label("Assign to", exact=True).focus()
    page.get_by_label("Assign to", exact=True).select_option("Me")
    if has_scripts:
        page.keyboard.press("Enter")
    else:
        page.locator(".apply").click()

    expect(row(page, 2).locator(".assignee")).to_contain_text(bob.name)
    expect(row(page, 1).locator(".assignee")).to_contain_text("Unassigned")


def test_choice_of_the_mouse_is_meant(issues, on_list):
    issues(1)
    page = on_list()
    page.get_by_role("checkbox", name="Select OPS-1").click()
    level = page.locator("#bulk-level")
    level.dispatch_event("pointerdown")
    level.select_option("P0")

    expect(row(page, 1).locator(".level")).to_contain_text("P0")


def test_a_range_is_selected_by_key_and_by_click(issues, on_list):
    issues(6)
    page = on_list()

    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Shift+X")
    expect(page.locator(".bulk-count")).to_contain_text("3 selected")

    page.get_by_role("checkbox", name="Select OPS-1").click()
    page.get_by_role("checkbox", name="Select OPS-6").click(modifiers=["Shift"])
    expect(page.locator(".bulk-count")).to_contain_text("6 selected")
    expect(page.get_by_role("checkbox", name="Select the page")).to_be_checked()


def test_the_page_is_selected_by_key_while_the_list_has_the_focus(issues, on_list):
    issues(3)
    page = on_list()
    page.locator("#search").focus()
    page.keyboard.press("Control+a")
    expect(page.locator(".pick input:checked")).to_have_count(0)

    page.locator("#search").blur()
    page.keyboard.press("j")
    page.keyboard.press("Control+a")

    expect(page.locator(".pick input:checked")).to_have_count(3)


def test_keys_are_for_the_selection_or_else_for_the_current_issue(issues, on_list, bob):
    issues(3)
    page = on_list()

    page.keyboard.press("j")
    page.keyboard.press("1")
    expect(status(page, 1)).to_contain_text("In progress")
    expect(row(page, 1).locator(".assignee")).to_contain_text(bob.name)
    expect(row(page, 2)).to_have_attribute("data-current", "")

    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("e")
    expect_statuses(page, "In progress", "Resolved", "Resolved")
    expect(page.locator(".bulk")).to_be_hidden()


def test_level_status_and_labels_are_set_by_key(issues, on_list):
    issues(1)
    page = on_list()
    page.keyboard.press("j")

    page.keyboard.press("p")
    page.keyboard.type("P1")
    page.keyboard.press("Enter")
    expect(row(page, 1).locator(".level")).to_contain_text("P1")

    page.keyboard.press("l")
    page.keyboard.type("flaky, team: data")
    page.keyboard.press("Enter")
    expect(row(page, 1).locator(".labels")).to_contain_text("team: data")

    page.keyboard.press("s")
    page.keyboard.type("Pend")
    page.keyboard.press("Enter")
    expect(status(page, 1)).to_contain_text("Pending")
    expect(row(page, 1)).to_have_attribute("data-current", "")


def test_escape_leaves_a_field_and_changes_nothing(issues, on_list):
    issues(1)
    page = on_list()
    page.keyboard.press("j")
    page.keyboard.press("p")
    page.keyboard.press("Escape")

    expect(page.locator(".bulk")).to_be_hidden()
    expect(row(page, 1).locator("a.title")).to_be_focused()
    assert Issue.objects.get().version == 1


def test_escape_closes_what_is_open_and_only_then_clears_the_selection(issues, on_list):
    issues(2)
    page = on_list()
    page.keyboard.type("jxo")
    expect(page.locator("#pane")).to_contain_text("Number 1")
    page.locator(".person summary").click()
    chosen, before = page.locator(".row :checked"), []
    still_open = page.locator("#pane:not(:empty), details[data-menu][open], .bulk-fields :focus")

    for _ in range(2):
        page.keyboard.press("Escape")
        before.append((still_open.count(), chosen.count()))
    page.keyboard.press("a")
    before.append((still_open.count(), chosen.count()))
    page.keyboard.press("Escape")
    before.append((still_open.count(), chosen.count()))
    page.keyboard.press("Escape")

    assert before == [(1, 1), (0, 1), (1, 1), (0, 1)]
    expect(chosen).to_have_count(0)


def test_what_is_refused_is_said_and_nothing_stays_selected(issues, on_list):
    issues(1)
    page = on_list()
    page.keyboard.press("j")
    page.keyboard.press("l")
    page.keyboard.type("x" * 65)
    page.keyboard.press("Enter")

    expect(messages(page)).to_contain_text("At most 64 characters")
    expect(page.locator(".pick input:checked")).to_have_count(0)


def test_ten_issues_are_triaged_by_keys_alone(issues, on_list):
    issues(10)
    page = on_list("/issues/?status=open&sort=number")

    page.keyboard.press("j")
    for number, key in enumerate("1e3e1e3e1e", start=1):
        page.keyboard.press(key)
        expect(status(page, number)).not_to_contain_text("Open")
        if number < 10:
            expect(row(page, number + 1)).to_have_attribute("data-current", "")
    page.keyboard.press("z")

    expect(status(page, 10)).to_contain_text("Open")
    names = {"1": "in_progress", "e": "resolved", "3": "ignored"}
    assert [issue.status for issue in Issue.objects.order_by("number")] == [
        *(names[key] for key in "1e3e1e3e1"),
        "open",
    ]


def test_keys_of_the_issue_page_press_its_buttons(issues, page, sign_in, bob):
    (issue,) = issues(1)
    sign_in(bob)
    page.goto(issue.get_absolute_url())

    page.keyboard.press("e")
    expect(messages(page)).to_contain_text("OPS-1 is resolved.")
    page.keyboard.press("Shift+E")
    expect(messages(page)).to_contain_text("OPS-1 is open.")
    page.keyboard.press("z")
    expect(page.locator(".badges .status")).to_contain_text("Resolved")

    page.keyboard.press("p")
    expect(page.locator("#id_level")).to_be_focused()


@with_and_without_scripts
def test_one_change_is_reverted_in_the_timeline(issues, page, sign_in, bob):
    (issue,) = issues(1)
    Issue.objects.change(title="Renamed", kind="bug")
    sign_in(bob)
    page.goto(issue.get_absolute_url())

    page.locator(".change").get_by_role("button", name="Revert this change").first.click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Number 1")
    expect(messages(page)).to_contain_text("Reverted on OPS-1.")
    assert page.url.endswith(reverse("issue-detail", args=[issue.key]))
    assert Issue.objects.get().kind == "bug"
