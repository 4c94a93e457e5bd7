"""The page of an issue: fields that save themselves, its title, boxes, news, and its keys."""

import re

import pytest
from playwright.sync_api import expect

from issues.actor import Actor, acting_as
from issues.models import Issue, Level
from tests.browser.conftest import with_and_without_scripts
from tests.factories import CommentFactory, IssueFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def issue(ops):
    return IssueFactory(space=ops, title="Ids are null", description="- [ ] look\n- [ ] mend")


def change(issue, person, **fields):
    with acting_as(lambda: Actor(user=person, source="web")):
        for name, value in fields.items():
            setattr(issue, name, value)
        issue.save()


@with_and_without_scripts
def test_level_is_set_beside_the_issue(on_issue, has_scripts):
    on_issue.get_by_label("Level").select_option(label="P1 · High")
    if not has_scripts:
        on_issue.locator(".controls").get_by_role("button", name="Save").click()

    expect(on_issue.locator("#messages")).to_contain_text("aved.")
    expect(on_issue.locator("#issue-badges")).to_contain_text("P1")
    expect(on_issue.locator("#entries")).to_contain_text("set Level none → P1")
    assert Issue.objects.get().level == Level.objects.get(key="P1")


def test_each_field_saves_by_itself(on_issue, issue):
    on_issue.get_by_label("Status", exact=True).select_option("in_progress")
    on_issue.get_by_label("Labels").fill("area: ids")
    on_issue.get_by_label("Labels").press("Enter")
    on_issue.get_by_label("Status", exact=True).select_option("open")

    expect(on_issue.locator("#entries")).to_contain_text("added the label area: ids")
    expect(on_issue.locator("#entries")).to_contain_text("In progress → Open")
    expect(on_issue.locator(".controls").get_by_role("button", name="Save")).to_be_hidden()
    assert Issue.objects.get().labels == {"area": "ids"}


def test_resolution_comes_and_goes_with_the_status(on_issue):
    on_issue.get_by_label("Status", exact=True).select_option("closed")
    on_issue.locator("#id_resolution").select_option("negated")
    expect(on_issue.locator("#rail-facts")).to_contain_text("negated")

    on_issue.get_by_role("button", name="Reopen").click()

    expect(on_issue.locator("#issue-badges")).to_contain_text("Open")
    expect(on_issue.locator("#id_resolution")).to_have_count(0)
    expect(on_issue.get_by_label("Status", exact=True)).to_have_value("open")


def test_change_of_a_field_that_others_changed_is_a_conflict(on_issue, issue, alice):
    change(issue, alice, level=Level.objects.get(key="P0"))

    on_issue.get_by_label("Level").select_option(label="P3 · Low")

    expect(on_issue.get_by_role("alert")).to_contain_text("Alice Owner")
    assert Issue.objects.get().level.key == "P0"
    on_issue.locator(".controls").get_by_role("button", name="Save anyway").click()
    expect(on_issue.locator("#issue-badges")).to_contain_text("P3")


def test_what_is_typed_stays_when_another_field_is_saved(on_issue):
    on_issue.get_by_label("Labels").press_sequentially("half")
    on_issue.evaluate("document.getElementById('id_status').value = 'pending'")
    on_issue.get_by_label("Status", exact=True).dispatch_event("change")

    expect(on_issue.locator("#issue-badges")).to_contain_text("Pending")
    expect(on_issue.get_by_label("Labels")).to_have_value("half")


def test_who_was_signed_out_is_told_that_nothing_is_saved(on_issue, context):
    context.clear_cookies(name="sessionid")

    on_issue.get_by_label("Status", exact=True).select_option("pending")

    expect(on_issue.locator("#messages")).to_contain_text("You have been signed out")
    assert Issue.objects.get().status == "open"


def test_title_is_edited_by_key(on_issue):
    on_issue.keyboard.press("F2")
    on_issue.keyboard.type("Ids are gone")
    on_issue.keyboard.press("Enter")

    expect(on_issue.get_by_role("heading", level=1)).to_have_text("Ids are gone")
    on_issue.keyboard.press("F2")
    on_issue.keyboard.type("Never mind")
    on_issue.keyboard.press("Escape")
    expect(on_issue.get_by_role("heading", level=1)).to_have_text("Ids are gone")
    assert Issue.objects.get().title == "Ids are gone"


@with_and_without_scripts
def test_box_is_ticked(on_issue, bob, issue):
    CommentFactory(issue=issue, author=bob, content="- [x] done")
    on_issue.reload()

    on_issue.locator("#issue-description").get_by_role("checkbox").nth(1).click()
    expect(on_issue.locator("#entries")).to_contain_text("edited the description")
    on_issue.locator(".comment").get_by_role("checkbox").click()

    expect(on_issue.locator("#issue-description").get_by_role("checkbox").nth(1)).to_be_checked()
    expect(on_issue.locator(".comment").get_by_role("checkbox")).not_to_be_checked()
    assert Issue.objects.get().description == "- [ ] look\n- [x] mend"


@with_and_without_scripts
def test_box_of_a_text_that_others_changed_is_not_ticked(on_issue, issue, alice):
    change(issue, alice, description="- [ ] something else")

    on_issue.locator("#issue-description").get_by_role("checkbox").first.click()

    expect(on_issue.get_by_role("alert")).to_contain_text("no box was ticked")
    expect(on_issue.locator("#issue-description")).to_contain_text("something else")


def test_news_are_offered_and_loaded(page, sign_in, bob, alice, issue):
    sign_in(bob)
    page.clock.install()
    page.goto(issue.get_absolute_url())
    change(issue, alice, status="pending")

    page.clock.fast_forward("00:21")
    page.get_by_role("link", name="Show what is new").click()

    expect(page.locator("#issue-badges")).to_contain_text("Pending")
    expect(page.get_by_text("This issue has changed.")).to_have_count(0)
    expect(page.locator("#new")).to_be_visible()


def test_key_leads_to_what_is_new(on_issue, issue, alice):
    CommentFactory(issue=issue, author=alice, content="News")
    on_issue.reload()

    on_issue.keyboard.press("n")

    assert on_issue.url.endswith("#new")


def test_palette_copies_a_name_for_the_branch(page, sign_in, bob, ops, context):
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    IssueFactory(space=ops, title="Prüfung: Kunden-IDs [sind] leer, und zwar seit gestern um zehn Uhr")
    sign_in(bob)
    page.goto("/issues/")

    page.keyboard.press("j")
    page.keyboard.press("Control+k")
    page.keyboard.type("branch")
    page.keyboard.press("Enter")
    expect(page.locator("#messages")).to_contain_text("The branch name is copied.")

    name = page.evaluate("navigator.clipboard.readText()")
    assert name == "ops-1-prufung-kunden-ids-sind-leer-und-zwar-seit-gestern-um"
    page.keyboard.press("?")
    expect(page.locator("#sheet")).not_to_contain_text("branch")


def test_link_is_copied_and_key_leads_back_to_the_list(page, sign_in, bob, issue, context):
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    sign_in(bob)
    page.set_viewport_size({"width": 1024, "height": 800})
    page.goto("/issues/?q=ids")
    page.keyboard.press("j")
    page.keyboard.press("o")
    page.wait_for_url("**/issues/OPS-1/")

    page.keyboard.press("y")
    expect(page.locator("#messages")).to_contain_text("The link is copied.")
    link = page.evaluate("navigator.clipboard.readText()")
    page.keyboard.press("Shift+y")
    expect(page.locator("#messages")).to_contain_text("as Markdown")
    markdown = page.evaluate("navigator.clipboard.readText()")

    assert link == page.url
    assert markdown == f"[OPS-1 Ids are null]({link})"
    page.keyboard.press("u")
    page.wait_for_url("**/issues/?q=ids")


@with_and_without_scripts
def test_long_timeline_is_shown_whole_when_asked_for(on_issue, issue, monkeypatch, has_scripts):
    monkeypatch.setattr("comments.templatetags.comments.MOST", 6)
    monkeypatch.setattr("comments.templatetags.comments.FIRST", 2)
    monkeypatch.setattr("comments.templatetags.comments.LAST", 2)
    for number in range(8):
        CommentFactory(issue=issue, content=f"Remark {number}.")
    on_issue.reload()

    on_issue.get_by_role("link", name="Show 5 more").click()

    expect(on_issue.locator(".comment")).to_have_count(8)
    assert "timeline=all" in on_issue.url


def test_a_thousand_entries_are_light_and_can_all_be_opened(page, sign_in, bob, issue):
    for number in range(250):
        CommentFactory(issue=issue, author=bob, content=f"Remark {number}.")
        change(issue, bob, status=("acknowledged", "in_progress")[number % 2], kind=f"kind {number}")
        change(issue, bob, is_read=not issue.is_read)
    assert issue.history.count() == 1_001
    sign_in(bob)

    page.goto(issue.get_absolute_url())
    expect(page.locator("#entries .entries > li.left-out")).to_have_count(1)
    page.get_by_role("link", name=re.compile("^Show [0-9]+ more$")).click()

    expect(page.locator(".comment")).to_have_count(250, timeout=20_000)
    expect(page.locator("#entries .change")).to_have_count(251)
    area = page.get_by_label("Comment", exact=True)
    area.fill("Answered")
    expect(area).to_have_value("Answered")


def test_similar_issues_are_named_while_the_title_is_typed(page, sign_in, bob, ops):
    IssueFactory(space=ops, title="Vouchers expire in the basket")
    sign_in(bob)
    page.goto("/issues/new/")

    page.get_by_label("Title").press_sequentially("vouchers expire")

    expect(page.get_by_role("link", name="Vouchers expire in the basket")).to_be_visible()
    expect(page.get_by_role("button", name="Check for similar issues")).to_be_hidden()


def test_similar_issues_and_mentions_stand_beside_an_issue(on_issue, ops, issue):
    IssueFactory(space=ops, title="Something else", description="Because of #1")
    IssueFactory(space=ops, title="Ids are null again")

    on_issue.reload()

    rail = on_issue.get_by_role("complementary")
    expect(rail.get_by_role("link", name="Something else")).to_be_visible()
    expect(rail.get_by_role("link", name="Ids are null again")).to_be_visible()
