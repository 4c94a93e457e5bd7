"""A real browser on a live server: Debian's Chromium, driven by Playwright."""

import os
import re
import shutil
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.test import Client

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
LAUNCH = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
# Playwright's loop runs in the thread of the test, which is the only one to use its connection.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    if not CHROMIUM:
        if os.environ.get("CI"):
            pytest.fail("There is no Chromium: install Debian's package `chromium`.")
        pytest.skip("there is no Chromium on this machine: install Debian's package `chromium`")
    return browser_type_launch_args | {
        "executable_path": CHROMIUM,
        "args": LAUNCH,
    }


@pytest.fixture
def has_scripts():
    """Whether the browser runs scripts; `with_and_without_scripts` asks for both."""
    return True


with_and_without_scripts = pytest.mark.parametrize(
    "has_scripts", [True, False], ids=["scripts", "no scripts"]
)


@pytest.fixture
def browser_context_args(browser_context_args, has_scripts, live_server):
    return browser_context_args | {
        "java_script_enabled": has_scripts,
        "base_url": live_server.url,
        "viewport": {"width": 1440, "height": 900},
    }


@pytest.fixture
def page(page, live_server):
    """A page that complains of nothing: no error on its console, no other host asked."""
    complaints = []
    home = urlsplit(live_server.url).netloc
    page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "request",
        lambda asked: urlsplit(asked.url).netloc not in (home, "") and complaints.append(asked.url),
    )
    page.set_default_timeout(10_000)
    yield page
    # That a page is refused is what some tests are about.
    expected = re.compile(r"Failed to load resource.*(400|403|404|409|412|422|429)")
    assert [text for text in complaints if not expected.search(text)] == []


@pytest.fixture
def sign_in(context, live_server):
    """Signs a person in without the form."""

    def signed_in(user):
        client = Client()
        client.force_login(user)
        cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}])

    return signed_in


@pytest.fixture
def on_issue(page, sign_in, bob, issue):
    """Bob looks at the `issue` of the module."""
    sign_in(bob)
    page.goto(issue.get_absolute_url())
    return page
