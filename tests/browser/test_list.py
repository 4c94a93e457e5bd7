"""The list in a browser: the box and what it offers, chips, facets, and the pane beside it."""

import re

import pytest
from django.conf import settings
from django.urls import reverse
from playwright.sync_api import expect

from issues.models import Level
from tests.browser.conftest import with_and_without_scripts
from tests.factories import IssueFactory, LevelFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shelf(page, sign_in, ops, bob):
    """Bob looks at a list of three issues."""
    for title, key in (("Nulls in customer", "P0"), ("Timeout of a check", "P1"), ("Late table", "P1")):
        IssueFactory(space=ops, title=title, level=Level.objects.get(key=key), description=f"About: {title}")
    sign_in(bob)
    page.goto(reverse("issue-list"))
    return page


def titles(page):
    return page.locator(".row a.title")


def box(page):
    return page.locator("#search")


@with_and_without_scripts
def test_a_search_is_typed_taken_apart_and_put_in_another_order(shelf, has_scripts):
    box(shelf).fill("level:P1 is:open")
    shelf.get_by_role("button", name="Search").click()
    expect(titles(shelf)).to_have_text(["Late table", "Timeout of a check"])

    shelf.get_by_label("Order").select_option("number")
    if not has_scripts:
        shelf.get_by_role("button", name="Sort").click()
    expect(titles(shelf)).to_have_text(["Timeout of a check", "Late table"])

    shelf.get_by_role("link", name="Without level:P1").click()
    expect(titles(shelf)).to_have_count(3)
    expect(box(shelf)).to_have_value("is:open")
    assert "sort=number" in shelf.url


@with_and_without_scripts
def test_facets_narrow_the_list(shelf, has_scripts):
    if not has_scripts:
        shelf.get_by_role("link", name="Facets").click()

    shelf.get_by_role("region", name="Level").get_by_role("link", name=re.compile("^P1")).click()
    expect(titles(shelf)).to_have_count(2)

    expect(box(shelf)).to_have_value("level:P1")
    shelf.get_by_role("link", name="All but P1").click()
    expect(titles(shelf)).to_have_text(["Nulls in customer"])


def test_a_click_with_alt_leaves_a_value_out(shelf):
    level = shelf.get_by_role("region", name="Level").get_by_role("link", name=re.compile("^P1"))

    level.click(modifiers=["Alt"])

    expect(titles(shelf)).to_have_text(["Nulls in customer"])
    expect(box(shelf)).to_have_value("-level:P1")


def test_the_box_offers_fields_and_values(shelf):
    box(shelf).click()
    shelf.keyboard.type("is:open lev")
    expect(shelf.get_by_role("option", name=re.compile("^level:"))).to_be_visible()

    shelf.keyboard.press("Tab")
    expect(shelf.get_by_role("option", name=re.compile("^P0"))).to_be_visible()
    shelf.keyboard.press("ArrowDown")
    shelf.keyboard.press("Enter")
    expect(box(shelf)).to_have_value(re.compile("^is:open level:P[0-9] $"))
    expect(box(shelf)).to_be_focused()
    expect(shelf.get_by_role("listbox", name="What may stand here")).to_be_hidden()

    shelf.keyboard.press("Enter")
    shelf.wait_for_url(re.compile(r"q=is%3Aopen\+level%3AP"))


def test_escape_closes_what_the_box_offers_and_keeps_the_text(shelf):
    box(shelf).click()
    shelf.keyboard.type("lev")
    expect(shelf.locator("#completions [role=option]").first).to_be_visible()

    shelf.keyboard.press("Escape")

    expect(shelf.locator("#completions [role=option]").first).to_be_hidden()
    expect(box(shelf)).to_have_value("lev")
    expect(box(shelf)).to_have_attribute("aria-expanded", "false")


def test_a_title_opens_beside_the_list_and_the_back_button_closes_it(shelf):
    shelf.get_by_role("link", name="Late table").click()
    pane = shelf.get_by_role("region", name="Selected issue")
    expect(pane).to_contain_text("About: Late table")
    assert shelf.url.endswith("?sel=OPS-3")

    shelf.get_by_role("link", name="Timeout of a check").click()
    expect(pane).to_contain_text("About: Timeout of a check")
    shelf.go_back()
    expect(pane).to_contain_text("About: Late table")
    shelf.go_back()
    expect(pane).to_be_hidden()
    shelf.go_forward()
    expect(pane).to_contain_text("About: Late table")


@with_and_without_scripts
def test_an_address_that_selects_an_issue_shows_it_and_close_leads_back(shelf):
    shelf.goto(f"{reverse('issue-list')}?q=is:open&sel=OPS-3")
    pane = shelf.locator("#pane")
    expect(pane).to_contain_text("About: Late table")

    pane.get_by_role("link", name="Close").click()

    expect(pane).to_be_hidden()
    assert "sel=" not in shelf.url and "is" in shelf.url


def test_the_pane_follows_the_keys_and_u_closes_it(shelf):
    shelf.keyboard.press("j")
    shelf.keyboard.press("o")
    pane = shelf.locator("#pane")
    expect(pane).to_contain_text("About: Late table")

    shelf.keyboard.press("j")
    expect(pane).to_contain_text("About: Timeout of a check")
    expect(shelf).to_have_url(re.compile("sel=OPS-2"))

    shelf.keyboard.press("u")
    expect(pane).to_be_hidden()
    expect(titles(shelf).nth(1)).to_be_focused()


def test_what_is_done_in_the_pane_shows_in_the_row(shelf):
    titles(shelf).first.click()
    pane = shelf.locator("#pane")

    pane.get_by_role("button", name="Claim").click()

    expect(shelf.locator("#issue-OPS-3 .assignee")).to_contain_text("Bob Colleague")
    expect(shelf.locator("#issue-OPS-3 .status-cell")).to_contain_text("In progress")
    pane.locator("textarea").fill("Looking into it")
    pane.get_by_role("button", name="Comment", exact=True).click()
    expect(pane.get_by_role("article").filter(has_text="Looking into it").last).to_be_visible()
    assert shelf.url.endswith("?sel=OPS-3")


def test_the_pane_has_buttons_for_fields_of_its_issue_alone(shelf):
    shelf.get_by_role("checkbox", name="Select OPS-1").check()
    titles(shelf).first.click()
    pane = shelf.locator("#pane")
    pane.locator("textarea").fill("Half a thought")

    pane.get_by_role("link", name="Assign…").click()
    shelf.locator("#bulk-assignee").select_option("Bob Colleague")
    expect(pane.locator(".facts")).to_contain_text("Bob Colleague")
    pane.get_by_role("link", name="Level…").click()
    shelf.locator("#bulk-level").select_option("P0")
    expect(pane.locator(".badges")).to_contain_text("P0")
    shelf.keyboard.press("z")

    expect(pane.locator(".badges")).to_contain_text("P1")
    expect(pane.locator("textarea")).to_have_value("Half a thought")
    expect(shelf.locator(".assignee", has_text="Bob Colleague")).to_have_count(1)
    pane.get_by_role("button", name="Resolve", exact=True).click()
    expect(shelf.locator("#messages")).to_contain_text("OPS-3 is resolved.")


def test_escape_leaves_a_field_of_the_pane_before_it_closes_the_pane(shelf):
    titles(shelf).first.click()
    field = shelf.locator("#pane textarea")
    field.fill("Half a thought")

    shelf.keyboard.press("Escape")
    expect(field).to_have_value("Half a thought")
    shelf.keyboard.press("Escape")

    expect(shelf.locator("#pane")).to_be_hidden()


@pytest.mark.parametrize(("language", "edit"), [("en", "Edit"), ("de", "Bearbeiten")])
def test_the_buttons_of_the_pane_stand_in_one_line(shelf, context, live_server, language, edit):
    context.add_cookies([{"name": settings.LANGUAGE_COOKIE_NAME, "value": language, "url": live_server.url}])

    shelf.goto(f"{reverse('issue-list')}?sel=OPS-1")

    buttons = shelf.locator("#pane .quick :is(.button, button:not(.unseen))").all()
    assert len(buttons) == 5
    assert len({button.bounding_box()["y"] for button in buttons}) == 1
    expect(shelf.locator("#pane .pane-tools").get_by_role("link", name=edit, exact=True)).to_be_visible()


@pytest.mark.parametrize(("width", "room"), [(390, 300), (1024, 300), (1440, 380), (1920, 400)])
def test_a_title_has_most_of_the_room_and_a_level_may_have_a_long_name(shelf, ops, width, room):
    level = LevelFactory(space=ops, name="Customer escalation")
    other = UserFactory(name="Maximiliana of Long Acre", member_of=ops)
    long = IssueFactory(space=ops, title="Words " * 40, level=level, assignee=other, seen_count=318)
    shelf.set_viewport_size({"width": width, "height": 800})

    shelf.goto(reverse("issue-list"))

    row = shelf.locator(f"#issue-{long.key}")
    assert row.locator(".title").bounding_box()["width"] >= room
    expect(row.locator(".level")).to_have_attribute("title", "Customer escalation")
    expect(row.get_by_text("Level Customer escalation")).to_have_count(1)
    ends = [row.bounding_box(), row.locator(".time").bounding_box()]
    assert ends[1]["x"] + ends[1]["width"] <= ends[0]["x"] + ends[0]["width"]


def test_a_narrow_page_opens_the_issue_itself(shelf):
    shelf.set_viewport_size({"width": 1024, "height": 800})

    titles(shelf).first.click()

    shelf.wait_for_url("**/issues/OPS-3/")


def test_keys_lead_to_triage_and_back(shelf):
    shelf.keyboard.press("g")
    shelf.keyboard.press("t")
    shelf.wait_for_url("**/triage/**")

    shelf.keyboard.press("g")
    shelf.keyboard.press("i")
    shelf.wait_for_url("**/issues/")


@pytest.mark.parametrize("width", [360, 700, 1024, 1440])
@pytest.mark.parametrize("address", ["/triage/", "/issues/?facets=1&sel=OPS-1"])
def test_nothing_is_wider_than_the_page(shelf, ops, width, address):
    long = IssueFactory(space=ops, title="x" * 300, description="y" * 300)
    long.labels = {"k" * 60: "v" * 60}
    long.save()
    shelf.set_viewport_size({"width": width, "height": 800})

    shelf.goto(address)

    expect(titles(shelf)).to_have_count(4)
    assert shelf.evaluate("document.documentElement.scrollWidth <= innerWidth")
