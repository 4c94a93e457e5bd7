"""What holds on every page: usable by everybody, nowhere wider than the window, nothing from elsewhere."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse

from tests.browser.places import places, tell_demo, tell_hostile

pytestmark = pytest.mark.django_db(transaction=True)

SERIOUS = ("serious", "critical")
# A phone, and a window of 1,280 pixels at twice the size.
NARROW = (360, 640)
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(params=["demo", "hostile"])
def told(request, settings, sign_in):
    """Addresses by name of the pages on this data, for a person who is signed in."""
    if request.param == "demo":
        sign_in(tell_demo())
    else:
        alice = request.getfixturevalue("alice")
        tell_hostile(request.getfixturevalue("ops"), alice)
        sign_in(alice)
    return places()


def problems(page):
    found = Axe().run(page).response["violations"]
    return [
        (each["id"], *node["target"]) for each in found if each["impact"] in SERIOUS for node in each["nodes"]
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_page_is_hard_to_use(page, context, live_server, told, theme):
    context.add_cookies([{"name": "theme", "value": theme, "url": live_server.url}])
    found = {}

    for name, address in told.items():
        page.goto(address)
        if problem := problems(page):
            found[name] = problem

    assert found == {}, "\n".join(map(str, found.items()))


def test_no_page_is_wider_than_the_window(page, told):
    found = {}

    for width in NARROW:
        page.set_viewport_size({"width": width, "height": 800})
        for name, address in told.items():
            page.goto(address)
            wider = page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            if wider > 0:
                found[name, width] = wider

    assert found == {}


def test_the_page_of_signing_in_is_usable_by_everybody(page):
    page.goto(reverse("login"))

    assert problems(page) == []
