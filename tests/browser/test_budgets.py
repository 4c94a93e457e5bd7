"""What a page may weigh, compressed as it is sent."""

import gzip
import re

import pytest
from django.contrib.staticfiles import finders
from django.urls import reverse

from issues.models import Issue
from tests.browser.places import places, tell_demo
from tests.factories import CommentFactory

pytestmark = pytest.mark.django_db

KILOBYTE = 1_000
MODULE = re.compile(r'^import .*?"\./(?P<name>[^"]+)";', re.MULTILINE)


def sent(content):
    return len(gzip.compress(content, 9))


def static_file(path):
    with open(finders.find(path), "rb") as file:
        return file.read()


def modules(name, known=()):
    """The module of this name and what it imports."""
    found = {*known, name}
    for other in MODULE.findall(static_file(f"js/{name}").decode()):
        if other not in found:
            found |= modules(other, found)
    return found


def addresses(html, pattern):
    return re.findall(pattern, html.decode())


def test_every_page_is_light(client, settings):
    client.force_login(tell_demo())
    weights = {}

    for name, address in places().items():
        html = client.get(address).content
        scripts = addresses(html, r'<script[^>]* src="/static/([^"]+)"')
        own = set().union(*(modules(path.removeprefix("js/")) for path in scripts if path.startswith("js/")))
        others = [path for path in scripts if not path.startswith("js/")]
        styles = addresses(html, r'<link rel="stylesheet" href="/static/([^"]+)"')
        weights[name] = (
            sent(html) / KILOBYTE,
            sum(sent(static_file(path)) for path in (*others, *(f"js/{name}" for name in own))) / KILOBYTE,
            sum(sent(static_file(path)) for path in styles) / KILOBYTE,
        )

    heavy = {
        name: weight
        for name, weight in weights.items()
        if any(value > limit for value, limit in zip(weight, (60, 40, 20), strict=True))
    }
    assert heavy == {}


def test_lists_and_issues_ask_little_of_the_database(client, django_assert_max_num_queries):
    client.force_login(tell_demo())
    issue = Issue.objects.filter(deleted_at=None).first()
    CommentFactory.create_batch(100, issue=issue)

    for address in (reverse("issue-list"), issue.get_absolute_url()):
        client.get(address)
        with django_assert_max_num_queries(12):
            client.get(address)
