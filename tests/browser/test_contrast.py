"""High contrast, as a theme of ours and as colours of the reader's own."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import expect

from tests.browser.places import places, tell_demo
from tests.factories import IssueFactory

pytestmark = pytest.mark.django_db(transaction=True)

LOOKED_AT = ("triage", "issue-list-pane", "issue-detail", "issue-history", "dashboard", "settings-profile")
# 7:1, and 4.5:1 for large texts.
ENHANCED = {"runOnly": {"type": "rule", "values": ["color-contrast-enhanced"]}}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_of_the_theme_stands_out(page, context, live_server, sign_in, scheme):
    context.add_cookies([{"name": "theme", "value": "contrast", "url": live_server.url}])
    page.emulate_media(color_scheme=scheme)
    jane = tell_demo()
    sign_in(jane)
    found = {}

    for name in LOOKED_AT:
        page.goto(places(jane)[name])
        page.wait_for_load_state("networkidle")
        weak = Axe().run(page, options=ENHANCED).response["violations"]
        found[name] = [node["target"] for each in weak for node in each["nodes"]]

    assert {name: nodes for name, nodes in found.items() if nodes} == {}


def test_current_row_and_marked_option_are_seen_in_colours_of_the_reader(page, sign_in, ops, bob):
    IssueFactory(space=ops)
    page.emulate_media(forced_colors="active")
    sign_in(bob)
    page.goto(reverse("issue-list"))

    page.keyboard.press("j")
    page.keyboard.press("Control+k")

    for marked in (page.locator(".row[data-current]"), page.locator("[role=option][aria-selected=true]")):
        expect(marked).to_have_css("outline-style", "solid")
