"""Keys, the palette and the sheet of keys."""

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from issues.models import Issue, LastVisit
from tests.factories import IssueFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def on_list(page, sign_in, ops, bob):
    """Bob looks at a list."""
    IssueFactory(space=ops, title="Customer ids are null")
    sign_in(bob)
    page.goto(reverse("issue-list"))
    return page


def test_slash_searches_and_nothing_fires_while_typing(on_list):
    on_list.keyboard.press("/")
    on_list.keyboard.type("c?t")

    expect(on_list.locator("#search")).to_have_value("c?t")
    assert on_list.url.endswith(reverse("issue-list"))
    expect(on_list.locator("dialog[open]")).to_have_count(0)


def test_escape_leaves_the_search_box_and_keys_are_for_the_page_again(on_list):
    on_list.keyboard.press("/")
    on_list.keyboard.type("nulls")
    on_list.keyboard.press("Escape")
    on_list.keyboard.press("Escape")
    expect(on_list.locator("#search")).to_have_value("nulls")

    on_list.keyboard.press("c")

    on_list.wait_for_url(f"**{reverse('issue-create')}")


def test_palette_names_nothing_twice_beside_an_open_issue(on_list):
    on_list.keyboard.type("jo")
    expect(on_list.locator("#pane [data-issue]")).to_have_count(1)

    on_list.keyboard.press(".")
    names = on_list.locator("#palette-list li").all_inner_texts()

    assert len(names) > 20 and len(names) == len(set(names))


def test_the_pane_goes_on_with_the_row_after_a_deed(on_list, ops):
    for _ in range(2):
        IssueFactory(space=ops)
    on_list.reload()
    on_list.keyboard.type("jo")
    expect(on_list.locator("#pane [data-issue=OPS-3]")).to_have_count(1)

    on_list.keyboard.press("e")

    expect(on_list.locator(".row[data-current]")).to_have_attribute("data-key", "OPS-2")
    expect(on_list.locator("#pane [data-issue=OPS-2]")).to_have_count(1)


def test_a_field_that_a_key_opened_gives_the_keys_back(page, sign_in, ops, bob):
    issue = IssueFactory(space=ops)
    sign_in(bob)
    page.goto(issue.get_absolute_url())

    page.keyboard.press("s")
    expect(page.locator("#id_status")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.keyboard.press("e")

    expect(page.locator("#messages")).to_contain_text("OPS-1 is resolved")
    page.keyboard.press("p")
    page.locator("#id_level").select_option(index=1)
    expect(page.locator("#messages")).to_contain_text("level saved")
    expect(page.locator("#id_level")).not_to_be_focused()


def test_who_comes_back_from_an_issue_goes_on_from_its_row(on_list, ops):
    for _ in range(2):
        IssueFactory(space=ops)
    on_list.set_viewport_size({"width": 1024, "height": 800})
    on_list.reload()
    on_list.keyboard.type("jjo")
    on_list.wait_for_url("**/issues/OPS-2/")

    on_list.keyboard.press("u")

    expect(on_list.locator(".row[data-current]")).to_have_attribute("data-key", "OPS-2")


def test_palette_finds_a_command_by_some_of_its_letters(on_list):
    on_list.keyboard.press("Control+k")
    on_list.keyboard.type("niss")
    on_list.keyboard.press("Enter")

    on_list.wait_for_url(f"**{reverse('issue-create')}")


def test_palette_offers_first_what_begins_with_what_is_typed(on_list):
    on_list.keyboard.press("j")
    on_list.keyboard.press("Control+k")

    on_list.keyboard.type("re")

    expect(on_list.locator("#palette-list li").first).to_contain_text("Resolve")


def test_dot_opens_the_palette_and_acts_on_the_row(on_list):
    on_list.keyboard.press("j")
    on_list.keyboard.press(".")
    expect(on_list.locator("#palette-list li").first).to_contain_text("Claim")
    on_list.keyboard.type("resolve")
    on_list.keyboard.press("Enter")

    expect(on_list.locator("#messages")).to_contain_text("Resolved OPS-")


def test_n_leads_to_what_is_unread(on_list, ops, bob):
    for _ in range(3):
        IssueFactory(space=ops)
    LastVisit.objects.remember(bob, Issue.objects.get(number=3), timezone.now())
    on_list.reload()
    current = on_list.locator(".row[data-current]")

    on_list.keyboard.type("nn")
    expect(current).to_have_attribute("data-key", "OPS-2")
    on_list.keyboard.press("Shift+N")

    expect(current).to_have_attribute("data-key", "OPS-4")


def test_palette_marks_what_is_listed_as_read(on_list):
    on_list.keyboard.press("Control+k")
    on_list.keyboard.type("mark all")
    expect(on_list.locator("#palette-list li").first).to_contain_text("Mark all as read")
    on_list.keyboard.press("Enter")

    expect(on_list.locator("#messages")).to_contain_text("1 issue is marked as read.")
    expect(on_list.locator(".row[data-unread]")).to_have_count(0)


def test_palette_leads_to_an_issue(on_list):
    on_list.keyboard.press("Control+k")
    on_list.keyboard.type("ops-1")
    on_list.keyboard.press("Enter")

    on_list.wait_for_url("**/issues/OPS-1/")


def test_sheet_shows_what_keys_do(on_list):
    on_list.keyboard.press("?")

    sheet = on_list.get_by_role("dialog")
    expect(sheet).to_contain_text("New issue")
    # What needs a row as well, though none is the current one.
    expect(sheet).to_contain_text("Select the issue")
    on_list.keyboard.press("Escape")
    expect(sheet).to_have_count(0)


def test_who_only_reads_is_shown_no_key_that_changes_something(page, sign_in, ops, vera):
    issue = IssueFactory(space=ops)
    sign_in(vera)
    shown = []

    for address in (reverse("issue-list"), issue.get_absolute_url()):
        page.goto(address)
        page.keyboard.press("?")
        shown.append(
            {
                section.locator("h3").inner_text(): section.locator("dt").all_inner_texts()
                for section in page.locator("#sheet section").all()
            }
        )

    copying = ["Copy the link", "Copy the link as Markdown"]
    assert [(set(groups), groups["Write"]) for groups in shown] == [
        ({"Find", "Go", "Move", "Write"}, copying)
    ] * 2


def test_theme_changes_at_once_and_stays(on_list):
    on_list.keyboard.press("t")
    on_list.keyboard.press("t")

    expect(on_list.locator("html")).to_have_attribute("data-theme", "dark")
    on_list.reload()
    expect(on_list.locator("html")).to_have_attribute("data-theme", "dark")


def test_keys_can_be_switched_off(on_list):
    on_list.goto(reverse("settings-profile"))
    on_list.get_by_role("checkbox", name="Keys").uncheck()
    on_list.get_by_role("button", name="Save").click()

    on_list.goto(reverse("issue-list"))
    on_list.keyboard.press("c")
    on_list.keyboard.press("?")

    expect(on_list.locator("dialog[open]")).to_have_count(0)
    assert on_list.url.endswith(reverse("issue-list"))


def test_an_opened_row_is_read_and_its_page_keeps_its_name(on_list):
    expect(on_list.locator(".row")).to_have_attribute("data-unread", "")
    on_list.keyboard.type("jo")
    expect(on_list.locator("#pane .asides")).to_have_attribute("class", "asides")
    on_list.wait_for_load_state("networkidle")

    assert on_list.locator(".row[data-unread]").count() == 0
    assert on_list.title() == "Issues · Tracker"


def test_tab_stops_at_one_row(on_list, ops):
    IssueFactory.create_batch(3, space=ops)
    on_list.reload()
    stops = "[...document.querySelectorAll('.row :is(a, input)')].filter((one) => one.tabIndex === 0).length"

    before = on_list.evaluate(stops)
    on_list.keyboard.type("jj")

    assert (before, on_list.evaluate(stops)) == (2, 2)


def test_triage_says_how_far_one_is(page, sign_in, ops, bob):
    IssueFactory.create_batch(2, space=ops)
    sign_in(bob)
    page.goto(reverse("triage"))

    page.keyboard.type("je")

    expect(page.locator(".progress")).to_contain_text("1 of 2 handled")


def test_triage_says_how_far_one_is_also_after_the_pane_and_after_undo(page, sign_in, ops, bob):
    IssueFactory.create_batch(2, space=ops)
    sign_in(bob)
    page.goto(reverse("triage"))
    said = page.locator(".progress")

    page.keyboard.type("jo")
    page.locator("#pane").get_by_role("button", name="Claim").click()
    expect(said).to_contain_text("1 of 2 handled")
    page.keyboard.press("z")

    expect(said).to_contain_text("0 of 2 handled")


def test_who_wants_it_stays_on_the_row_that_a_key_has_changed(on_list, ops):
    IssueFactory(space=ops)
    on_list.goto(reverse("settings-profile"))
    on_list.get_by_role("checkbox", name="On to the next").uncheck()
    on_list.get_by_role("button", name="Save").click()

    on_list.goto(reverse("issue-list"))
    on_list.keyboard.type("je")

    expect(on_list.locator("#messages")).to_contain_text("Resolved OPS-")
    expect(on_list.locator(".row[data-current]")).to_have_attribute("data-key", "OPS-2")


def test_rows_are_walked_and_opened_by_key(page, sign_in, ops, bob):
    for title in ("First", "Second", "Third"):
        IssueFactory(space=ops, title=title)
    sign_in(bob)
    page.goto(reverse("issue-list"))

    for key in "jjjk":
        page.keyboard.press(key)

    expect(page.locator(".row[data-current]")).to_contain_text("Second")
    page.keyboard.press("o")
    page.wait_for_url("**/issues/?sel=OPS-2")
