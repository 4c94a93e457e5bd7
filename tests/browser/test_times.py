"""How long ago something was, on a page that stays open."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from tests.factories import IssueFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    ("language", "shown", "later", "last"),
    [("en", "2 min ago", "7 min ago", "1 h ago"), ("de", "vor 2 Min.", "vor 7 Min.", "vor 1 Std.")],
)
def test_times_stay_true(page, context, live_server, sign_in, ops, bob, language, shown, later, last):
    now = timezone.now()
    IssueFactory(space=ops, created_at=now - timedelta(minutes=2, seconds=20))
    context.add_cookies([{"name": settings.LANGUAGE_COOKIE_NAME, "value": language, "url": live_server.url}])
    sign_in(bob)
    page.clock.install(time=now)
    page.goto(f"{reverse('issue-list')}?sort=-created")
    time = page.locator(".row time")
    exact = time.get_attribute("title")

    expect(time).to_have_text(shown)
    page.clock.fast_forward("05:00")
    expect(time).to_have_text(later)
    page.clock.fast_forward("55:00")
    expect(time).to_have_text(last)
    assert time.get_attribute("title") == exact
