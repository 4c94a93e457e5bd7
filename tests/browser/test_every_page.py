"""What holds on every page: usable by everybody, nowhere wider than the window, nothing from elsewhere."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.urls import reverse

from tests.browser.places import FILES, places, tell_demo, tell_hostile, tell_imported

pytestmark = pytest.mark.django_db(transaction=True)

SERIOUS = ("serious", "critical")
# Beside the light one; what a theme changes are colours alone.
THEMES = ("dark", "contrast")
CONTRAST = """async (theme) => {
    document.documentElement.dataset.theme = theme;
    return await axe.run({runOnly: ["color-contrast"]});
}"""
WIDE = {"width": 1440, "height": 900}
# A window of 1,280 pixels at twice the size, and a phone.
NARROW = (640, 360)
# Pages that say what is wrong.
REFUSED = {"issue-list-mistake": 400, "not-found": 404}
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# How far one may scroll to the left, and what one cannot even scroll to on the right.
BEYOND = """() => {
    scrollTo(-9999, 0);
    const shown = [...document.querySelectorAll("body *")].filter((element) => element.checkVisibility());
    const lost = shown.filter((element) => element.getBoundingClientRect().right > innerWidth);
    return [-scrollX, ...lost.map((element) => element.outerHTML.slice(0, 80))].filter(Boolean);
}"""


@pytest.fixture(params=["demo", "hostile", *(["imported"] if FILES else [])])
def told(request, sign_in):
    """Addresses by name of the pages on this data, for a person who is signed in."""
    if request.param == "demo":
        person = tell_demo()
    elif request.param == "imported":
        person = tell_imported()
    else:
        person = request.getfixturevalue("alice")
        tell_hostile(request.getfixturevalue("ops"), person)
    sign_in(person)
    return places(person)


def problems(page):
    """What is hard to use on the page in the light theme, then in the others."""
    page.evaluate("document.documentElement.dataset.theme = 'light'")
    # It would put what stylesheets import into inline ones to read it, which the page refuses.
    found = {"light": Axe().run(page, options={"preload": False}).response}
    found |= {theme: page.evaluate(CONTRAST, theme) for theme in THEMES}
    return [
        (theme, each["id"], *node["target"])
        for theme, answer in found.items()
        for each in answer["violations"]
        if each["impact"] in SERIOUS
        for node in each["nodes"]
    ]


def wider(page):
    """By how much the page is wider than each narrow window for which it is too wide."""
    found = []
    for width in NARROW:
        page.set_viewport_size({"width": width, "height": 800})
        found += [(width, more) for more in [page.evaluate(WIDER)] if more > 0]
    page.set_viewport_size(WIDE)
    return found


def test_every_page_is_usable_by_everybody_and_fits_every_window(page, told):
    # Or else colours would be on their way from theme to theme.
    page.emulate_media(reduced_motion="reduce")
    found = {}

    for name, address in told.items():
        response = page.goto(address)
        assert response.status == REFUSED.get(name, 200)
        if problem := problems(page) + wider(page):
            found[name] = problem

    assert found == {}, "\n".join(map(str, found.items()))


def test_longer_words_of_another_language_fit_every_window(page, context, live_server, sign_in):
    context.add_cookies([{"name": settings.LANGUAGE_COOKIE_NAME, "value": "de", "url": live_server.url}])
    jane = tell_demo()
    sign_in(jane)
    found, spoken = {}, set()

    for name, address in places(jane).items():
        page.goto(address)
        spoken.add(page.locator("html").get_attribute("lang"))
        if problem := wider(page):
            found[name] = problem

    assert (spoken, found) == ({"de"}, {})


@pytest.mark.parametrize("width", [1440, 390])
def test_what_is_written_from_right_to_left_fits_the_window(page, sign_in, width):
    jane = tell_demo()
    sign_in(jane)
    page.set_viewport_size({"width": width, "height": 900})
    found = {}

    for name in ("issue-list-facets", "issue-list-pane", "issue-detail", "dashboard"):
        page.goto(places(jane)[name])
        page.evaluate("document.documentElement.dir = 'rtl'")
        for menu in page.locator("details[data-menu]:visible").all():
            menu.evaluate("menu => menu.open = true")
            found[name, menu.inner_text()] = page.evaluate(BEYOND)
            menu.evaluate("menu => menu.open = false")

    assert len(found) > 4
    assert not any(found.values()), found


@pytest.mark.browser_context_args(is_mobile=True, has_touch=True, viewport={"width": 360, "height": 800})
@pytest.mark.parametrize("language", ["en", "de"])
def test_every_page_fits_a_phone_that_is_touched(page, context, live_server, sign_in, language):
    context.add_cookies([{"name": settings.LANGUAGE_COOKIE_NAME, "value": language, "url": live_server.url}])
    jane = tell_demo()
    sign_in(jane)
    found = {}

    for name, address in places(jane).items():
        page.goto(address)
        # A phone shows as much as the widest thing needs.
        found[name] = page.evaluate("innerWidth")

    assert {name: width for name, width in found.items() if width != 360} == {}


def test_the_page_of_signing_in_is_usable_by_everybody(page):
    page.emulate_media(reduced_motion="reduce")
    page.goto(reverse("login"))

    assert problems(page) + wider(page) == []
