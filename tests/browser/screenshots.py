"""`make screenshots`: every page in both themes at three widths, in .data/screenshots/.

It is the demo that is shown, or what FILES hold if there are any.
"""

import pytest
from django.conf import settings

from tests.browser.places import FILES, places, tell_demo, tell_imported

pytestmark = pytest.mark.django_db(transaction=True)

FOLDER = settings.DATA_DIR / "screenshots"
WIDTHS = (1440, 1024, 390)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_screenshots(page, context, live_server, sign_in, theme):
    context.add_cookies([{"name": "theme", "value": theme, "url": live_server.url}])
    jane = tell_imported() if FILES else tell_demo()
    sign_in(jane)

    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        for name, address in places(jane).items():
            page.goto(address)
            page.wait_for_load_state("networkidle")
            page.screenshot(path=FOLDER / f"{name}-{theme}-{width}.png", full_page=True)
