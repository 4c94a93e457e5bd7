"""A door is one folder: found, mounted, and known by its addresses wherever an error arises."""

import importlib
import sys

import pytest
from django.test import Client
from django.urls import clear_url_caches

import tracker.urls
from issues.models import HistoryEntry
from tests.calls import done, send
from tests.factories import IssueFactory
from tracker import dialects
from tracker.dialects import doors

DOOR = """
from tracker.dialects.doors import Door


class Acme(Door):
    name = "acme"
    title = "Acme"
    paths = r"/acme(?:/[\\s\\S]*)?"

    def error(self, status, detail, problems):
        return {"wrong": detail, "at": ["/".join(map(str, path)) for path, *_ in problems]}


door = Acme()
"""
URLS = """
from django.urls import path
from rest_framework import serializers

from issues import issue_rows
from issues.serializers import ExactCharField
from tracker.dialects.acme import door
from tracker.dialects.serializers import DoorSerializer, WordField
from tracker.dialects.views import DoorView
from tracker.dialects.vocabulary import Words

STATE = Words(
    dict.fromkeys(["open"], "todo")
    | dict.fromkeys(["acknowledged", "in_progress", "pending"], "doing")
    | dict.fromkeys(["resolved", "closed", "ignored", "excluded"], "done"),
    {"todo": "open", "doing": "in_progress", "done": "closed"},
)


def document(issue):
    return {"ref": issue["id"], "what": issue["title"], "state": STATE.shown[issue["status"]]}


class Change(DoorSerializer):
    names = ("id", "title", "status")
    what = ExactCharField(source="title", max_length=500)
    state = WordField(STATE, source="status")

    def shown(self, issue):
        return document(issue)


class TicketView(DoorView):
    door = door

    def get(self, request, id):
        return self.answer(document(issue_rows.document_of(self.find(id))))

    def patch(self, request, id):
        self.changed(Change, self.find(id))
        return self.get(request, id)


urlpatterns = [path("acme/tickets/<str:id>", TicketView.as_view())]
"""


def remount():
    doors.doors.cache_clear()
    importlib.reload(tracker.urls)
    clear_url_caches()


@pytest.fixture
def acme(tmp_path, monkeypatch):
    """A sixth dialect in a folder of its own."""
    folder = tmp_path / "acme"
    folder.mkdir()
    (folder / "__init__.py").write_text(DOOR)
    (folder / "urls.py").write_text(URLS)
    monkeypatch.setattr(dialects, "__path__", [*dialects.__path__, str(tmp_path)])
    remount()
    yield
    monkeypatch.undo()
    for name in ("tracker.dialects.acme", "tracker.dialects.acme.urls"):
        sys.modules.pop(name, None)
    remount()


def test_a_new_dialect_is_one_folder(acme, api, bob, ops):
    issue = IssueFactory(space=ops, title="Slow", status="pending")
    path = f"/acme/tickets/{issue.uuid}"

    assert done(api(bob).get(path)) == {"ref": str(issue.uuid), "what": "Slow", "state": "doing"}
    done(send(api(bob), "patch", path, {"what": "Slower", "state": "doing", "who": "me"}))

    issue.refresh_from_db()
    assert (issue.title, issue.status) == ("Slower", "pending")
    entry = HistoryEntry.objects.filter(issue=issue).latest("position")
    assert (entry.action, entry.source) == ("title_changed", "acme")


def test_the_errors_of_a_new_dialect_are_its_own(acme, api, bob, ops):
    path = f"/acme/tickets/{IssueFactory(space=ops).uuid}"

    refused = send(api(bob), "patch", path, {"what": "", "state": "gone"})
    others = [Client().get(path), api(bob).get("/acme/x/"), api(bob).get("/acme/%00"), api(bob).post(path)]

    assert refused.status_code == 400
    assert refused.json()["at"] == ["body/what", "body/state"]
    assert [answer.status_code for answer in others] == [401, 404, 404, 405]
    assert all(answer.json().keys() == {"wrong", "at"} for answer in others)


@pytest.mark.parametrize(
    "path", ["/", "/issues/", "/issues/OPS-1/", "/issues/export.csv", "/api/issues/", "/admin/", "/api/v1"]
)
def test_addresses_of_pages_and_of_the_native_api_are_no_doors(path):
    assert doors.door_at(path) is None
