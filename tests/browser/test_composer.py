"""Writing: comments, files, drafts and suggestions, and what happens when two people write at once."""

import base64
import re

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from comments.models import Comment
from issues.models import Draft
from tests.browser.conftest import with_and_without_scripts
from tests.factories import IssueFactory
from tests.issues.test_attachment import PNG

pytestmark = pytest.mark.django_db(transaction=True)

PASTE = """([bytes, name]) => {
    const data = new DataTransfer();
    const content = Uint8Array.from(atob(bytes), (char) => char.charCodeAt(0));
    data.items.add(new File([content], name, {type: "image/png"}));
    const event = new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true});
    document.activeElement.dispatchEvent(event);
}"""


@pytest.fixture
def issue(ops):
    return IssueFactory(space=ops, title="Customer ids are null", description="one\ntwo\nthree\n")


def area(page):
    return page.get_by_label("Comment", exact=True)


def leave(page):
    """Go elsewhere, and stay until the draft is there: Playwright does not hear what a page sends last."""
    page.goto(reverse("issue-list"))
    for _ in range(20):
        if Draft.objects.exists():
            return
        page.reload()


def test_a_pasted_picture_is_in_the_text_and_in_the_comment(on_issue):
    area(on_issue).focus()
    on_issue.keyboard.type("Before")
    on_issue.evaluate(PASTE, [base64.b64encode(PNG).decode(), "screen.png"])
    expect(area(on_issue)).not_to_have_value("Before")
    expect(area(on_issue)).to_have_value(re.compile("/attachments/"))
    on_issue.get_by_role("button", name="Preview").click()
    expect(on_issue.locator(".composer-preview img")).to_be_visible()
    on_issue.get_by_role("button", name="Comment", exact=True).click()

    picture = on_issue.locator(".comment .prose img")
    expect(picture).to_have_attribute("alt", "screen.png")
    assert picture.evaluate("picture => picture.naturalWidth") > 0
    assert len(Comment.objects.get().attachments) == 1


def test_pasted_cells_of_a_spreadsheet_become_a_table(on_issue):
    area(on_issue).focus()
    on_issue.evaluate(
        """() => {
            const data = new DataTransfer();
            data.setData("text/plain", "id\\tname\\n1\\ta|b\\n");
            data.setData("text/html", "<table></table>");
            const event = new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true});
            document.activeElement.dispatchEvent(event);
        }"""
    )

    expect(area(on_issue)).to_have_value("| id | name |\n| --- | --- |\n| 1 | a\\|b |\n")


def test_an_empty_comment_is_asked_for_in_the_preview_too(on_issue):
    on_issue.get_by_role("button", name="Preview").click()
    on_issue.get_by_role("button", name="Comment", exact=True).click()

    expect(area(on_issue)).to_be_focused()


def test_a_file_that_is_refused_says_why(on_issue):
    area(on_issue).focus()
    on_issue.evaluate("document.querySelector('[data-composer]').dataset.most = 10")
    on_issue.evaluate(PASTE, [base64.b64encode(PNG).decode(), "large.png"])

    expect(on_issue.locator(".uploads .error")).to_contain_text("large.png is too large")
    expect(area(on_issue)).to_have_value("")


@with_and_without_scripts
def test_a_draft_survives_leaving_the_page(on_issue, issue, has_scripts):
    area(on_issue).fill("Not yet")
    if has_scripts:
        leave(on_issue)
    else:
        on_issue.get_by_role("button", name="Keep as draft").click()
        expect(on_issue.get_by_text("The draft is kept.")).to_be_visible()
        on_issue.goto(reverse("issue-list"))

    on_issue.goto(issue.get_absolute_url())

    expect(area(on_issue)).to_have_value("Not yet")
    expect(on_issue.get_by_text("Draft saved")).to_be_visible()
    on_issue.get_by_role("button", name="Comment", exact=True).click()
    expect(on_issue.locator(".comment")).to_contain_text("Not yet")
    expect(area(on_issue)).to_have_value("")
    assert not Draft.objects.exists()


def test_a_draft_is_saved_after_a_pause(on_issue):
    on_issue.clock.install()
    area(on_issue).fill("Not yet")
    on_issue.clock.run_for(5_100)

    expect(on_issue.get_by_text("Draft saved")).to_be_visible()
    assert Draft.objects.get().text == "Not yet"


@with_and_without_scripts
def test_a_new_issue_is_kept_too(page, sign_in, ops, bob, has_scripts):
    sign_in(bob)
    page.goto(reverse("issue-create"))
    page.get_by_label("Title").fill("Slow")
    page.get_by_label("Description").fill("Since noon")
    if has_scripts:
        leave(page)
    else:
        page.get_by_role("button", name="Keep as draft").click()

    page.goto(reverse("issue-create"))

    expect(page.get_by_label("Title")).to_have_value("Slow")
    expect(page.get_by_label("Description")).to_have_value("Since noon")


def test_what_the_server_did_not_get_stays_in_the_browser(on_issue, context):
    on_issue.clock.install()
    area(on_issue).fill("Not yet")
    on_issue.route("**/comments/draft/", lambda route: route.fulfill(status=404))
    on_issue.clock.run_for(5_100)
    expect(on_issue.get_by_text("The server cannot be reached.")).to_be_visible()
    on_issue.unroute("**/comments/draft/")

    on_issue.reload()

    expect(area(on_issue)).to_have_value("Not yet")
    expect(on_issue.get_by_text("Draft saved")).to_be_visible()


def test_what_was_sent_does_not_come_back_into_the_composer(on_issue):
    on_issue.clock.install()
    area(on_issue).fill("Said once, and **loudly**")
    on_issue.route("**/comments/draft/", lambda route: route.fulfill(status=404))
    on_issue.clock.run_for(5_100)
    expect(on_issue.get_by_text("The server cannot be reached.")).to_be_visible()
    on_issue.get_by_role("button", name="Comment", exact=True).click()
    expect(on_issue.locator(".comment")).to_contain_text("Said once, and loudly")

    on_issue.reload()

    expect(on_issue.locator(".comment")).to_have_count(1)
    expect(area(on_issue)).to_have_value("")


def test_nothing_is_sent_and_nothing_lost_without_a_network(on_issue, context):
    area(on_issue).fill("Still here")
    context.set_offline(True)

    on_issue.get_by_role("button", name="Comment", exact=True).click()

    expect(on_issue.locator("#messages")).to_contain_text("The server does not answer")
    expect(area(on_issue)).to_have_value("Still here")
    context.set_offline(False)
    on_issue.get_by_role("button", name="Comment", exact=True).click()
    expect(on_issue.locator(".comment")).to_contain_text("Still here")


def test_keys_send_a_comment_and_resolve_with_it(on_issue):
    area(on_issue).fill("First")
    area(on_issue).press("Control+Enter")
    expect(on_issue.locator(".comment")).to_contain_text("First")

    area(on_issue).fill("Second")
    area(on_issue).press("Control+Shift+Enter")
    expect(on_issue.locator(".badges .status")).to_contain_text("Resolved")


def test_r_quotes_what_is_selected(on_issue):
    on_issue.evaluate("getSelection().selectAllChildren(document.querySelector('.description .prose'))")
    on_issue.keyboard.press("r")
    on_issue.keyboard.type("Why?")

    expect(area(on_issue)).to_have_value("> one\n> two\n> three\n\nWhy?")


def test_tools_mark_the_selection_and_can_be_undone(on_issue):
    area(on_issue).fill("one two")
    area(on_issue).press("Control+a")
    area(on_issue).press("Control+b")
    expect(area(on_issue)).to_have_value("**one two**")
    on_issue.keyboard.press("Control+z")
    expect(area(on_issue)).to_have_value("one two")

    area(on_issue).press("Control+a")
    on_issue.get_by_role("button", name="Task list").click()
    expect(area(on_issue)).to_have_value("- [ ] one two")
    area(on_issue).press("End")
    on_issue.keyboard.press("Enter")
    on_issue.keyboard.type("three")
    expect(area(on_issue)).to_have_value("- [ ] one two\n- [ ] three")


def test_people_and_issues_are_suggested(on_issue, alice):
    area(on_issue).focus()
    on_issue.keyboard.type("Ask @ali")
    option = on_issue.get_by_role("option", name="@Alice.Owner")
    expect(option).to_have_attribute("aria-selected", "true")
    on_issue.keyboard.press("Enter")
    on_issue.keyboard.type("about #cust")
    expect(on_issue.get_by_role("option", name="OPS-1")).to_be_visible()
    on_issue.keyboard.press("Tab")

    expect(area(on_issue)).to_have_value("Ask @Alice.Owner about OPS-1 ")
    expect(on_issue.get_by_role("listbox", name="Suggestions")).to_be_hidden()


def test_escape_puts_suggestions_away(on_issue):
    area(on_issue).focus()
    on_issue.keyboard.type("@")
    expect(on_issue.get_by_role("listbox", name="Suggestions")).to_be_visible()
    on_issue.keyboard.press("Escape")

    expect(on_issue.get_by_role("listbox", name="Suggestions")).to_be_hidden()
    expect(area(on_issue)).to_be_focused()
    expect(area(on_issue)).to_have_value("@")


def test_a_comment_beside_the_list_leaves_no_draft(page, sign_in, issue, bob):
    sign_in(bob)
    page.goto(f"{reverse('issue-list')}?sel={issue.key}")
    area(page).fill("Said **here**")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator(".composer-preview strong")).to_have_text("here")
    page.keyboard.press("Control+Enter")

    expect(area(page)).to_have_value("")
    expect(page.locator(".pane-comments .prose strong")).to_have_text("here")
    page.goto(issue.get_absolute_url())
    expect(area(page)).to_have_value("")
    assert not Draft.objects.exists()


def test_keys_comment_and_resolve_beside_the_list(page, sign_in, issue, bob):
    sign_in(bob)
    page.goto(f"{reverse('issue-list')}?sel={issue.key}")
    area(page).fill("Fixed")
    area(page).press("Control+Shift+Enter")

    expect(page.locator(".pane-issue .badges .status")).to_contain_text("Resolved")
    expect(area(page)).to_have_value("")
