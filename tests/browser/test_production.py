"""Pages with their static files as production keeps them."""

from urllib.parse import urlsplit

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from tests.factories import IssueFactory

pytestmark = pytest.mark.django_db(transaction=True)


def test_scripts_and_styles_work_as_production_keeps_them(production_files, page, sign_in, ops, bob):
    def serve(route):
        route.fulfill(path=production_files / urlsplit(route.request.url).path.removeprefix("/static/"))

    IssueFactory(space=ops, title="Disk full")
    page.route("**/static/**", serve)
    sign_in(bob)

    page.goto(reverse("issue-list"))
    page.keyboard.press("j")
    page.keyboard.press("Control+k")

    expect(page.get_by_role("option", name="Next theme")).to_be_visible()
    expect(page.locator(".row[data-current]")).to_have_css("display", "grid")
