"""What a page may weigh, compressed as it is sent."""

import gzip
import re

import pytest
from django.test import Client
from django.urls import reverse

from issues.models import Issue
from tests.browser.places import places, tell_demo
from tests.factories import CommentFactory

pytestmark = pytest.mark.django_db

KILOBYTE = 1_000
# Of the page, its scripts and its stylesheets.
LIMITS = (60, 40, 12)
SCRIPT = re.compile(r'<script[^>]* src="(/static/[^"]+)"')
STYLES = re.compile(r'<link rel="stylesheet" href="(/static/[^"]+)"')
MODULE = re.compile(r'(?:import|from) ?"\./([^"]+)";')


class Sent(dict):
    """{address: bytes} of static files as a server sends them to a browser that takes gzip."""

    def __missing__(self, address):
        response = Client().get(address, headers={"accept-encoding": "gzip"})
        self[address] = response.getvalue()
        return self[address]

    def modules(self, address):
        """The addresses of a script and of what it imports, and those import."""
        found = set()
        waiting = {address}
        while waiting:
            one = waiting.pop()
            found.add(one)
            names = MODULE.findall(gzip.decompress(self[one]).decode())
            waiting |= {f"{one.rpartition('/')[0]}/{name}" for name in names} - found
        return found

    def weight(self, addresses):
        return sum(len(self[address]) for address in addresses) / KILOBYTE


def test_every_page_is_light(production_files, client):
    jane = tell_demo()
    client.force_login(jane)
    sent = Sent()
    weights = {}

    for name, address in places(jane).items():
        html = client.get(address).content.decode()
        scripts = set().union(*map(sent.modules, SCRIPT.findall(html)))
        weights[name] = (
            len(gzip.compress(html.encode())) / KILOBYTE,
            sent.weight(scripts),
            sent.weight(STYLES.findall(html)),
        )

    heavy = {
        name: weight
        for name, weight in weights.items()
        if any(value > limit for value, limit in zip(weight, LIMITS, strict=True))
    }
    assert heavy == {}
    assert all(value > 1 for weight in weights.values() for value in weight)


def test_lists_and_issues_ask_little_of_the_database(client, django_assert_max_num_queries):
    client.force_login(tell_demo())
    issue = Issue.objects.filter(deleted_at=None).first()
    CommentFactory.create_batch(100, issue=issue)

    for address in (reverse("issue-list"), issue.get_absolute_url()):
        client.get(address)
        with django_assert_max_num_queries(12):
            client.get(address)
