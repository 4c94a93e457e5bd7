"""The reference gives the answers of the product and writes what holds: else it would measure nothing."""

from io import BytesIO, StringIO

import orjson
import pytest
from django.core.management import call_command
from django.test import Client

from issues.models import HistoryEntry, Issue
from tests.bench.limit_server import Reference
from tests.processes import database_url
from tracker.generator import ground, words

pytestmark = pytest.mark.django_db(transaction=True)
HOST = "testserver"


@pytest.fixture
def product():
    """A client of the product, with 200 issues of three spaces."""
    call_command("generate_issues", 200, spaces=3, people=6, yes=True, stdout=StringIO())
    return Client(headers={"authorization": f"Bearer {ground.token_secret(1)}"})


@pytest.fixture
def ask(product):
    """Asks the reference: (status, headers, document)."""
    reference, said = Reference(database_url()), {}

    def asked(path, body=None, secret=None):
        path, _, query = path.partition("?")
        sent = b"" if body is None else orjson.dumps(body)
        environ = {
            "REQUEST_METHOD": "GET" if body is None else "POST",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_LENGTH": str(len(sent)),
            "wsgi.input": BytesIO(sent),
            "HTTP_HOST": HOST,
            "HTTP_AUTHORIZATION": f"Bearer {secret or ground.token_secret(1)}",
        }
        answer = b"".join(reference(environ, lambda status, headers: said.update(s=status, h=headers)))
        return int(said["s"][:3]), dict(said["h"]), orjson.loads(answer)

    yield asked
    reference.db.connection.close()


def somebody():
    """The person who has most issues that are resolved."""
    return str(Issue.objects.filter(status="resolved").exclude(assignee=None).latest("id").assignee.uuid)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "status=open",
        "status=resolved&assignee={}",
        "label=area",
        "label=flaky",
        f"q={words.WORDS[3]}",
        f"q={words.WORDS[0].upper()}&status=in_progress",
    ],
)
def test_lists_are_equal(product, ask, query):
    path = f"/api/issues/?{query.format(somebody())}"

    ours = product.get(path).json()
    status, _, theirs = ask(path)

    assert status == 200
    assert theirs["results"] == ours["results"]
    assert [*theirs["results"][0]] == [*ours["results"][0]]
    assert [theirs[side] is None for side in ("next", "previous")] == [
        ours[side] is None for side in ("next", "previous")
    ]


def test_the_next_pages_are_equal_and_lead_back(product, ask):
    ours, (*_, theirs) = product.get("/api/issues/").json(), ask("/api/issues/")

    for side in ("next", "next", "previous"):
        ours, (*_, theirs) = product.get(ours[side]).json(), ask(theirs[side].removeprefix(f"http://{HOST}"))

        assert theirs["results"] == ours["results"]


def test_one_issue_is_equal(product, ask):
    for uuid in Issue.objects.filter(space__key="GEN00").values_list("uuid", flat=True)[:40]:
        response = product.get(f"/api/issues/{uuid}/")

        status, headers, document = ask(f"/api/issues/{uuid}/")

        assert (status, headers["ETag"]) == (200, response["ETag"])
        assert document == response.json()


NEW = {
    "space": "GEN00",
    "title": "Login fails after a password reset",
    "description": "Steps:\n\n1. reset\n2. log in\n\nThe **token exchange** answers 500.",
    "level": "P1",
    "labels": {"area": "login", "flaky": ""},
}


@pytest.mark.parametrize("said", [NEW, {"space": "GEN00", "title": "Short"}])
def test_what_it_creates_is_what_the_product_creates(product, ask, said):
    said = said | {"assignee": somebody()} if "level" in said else said

    ours = product.post("/api/issues/", said, "application/json").json()
    status, _, theirs = ask("/api/issues/", said)

    own = {"id", "key", "number", "created_at", "updated_at", "first_seen_at", "last_seen_at"}
    assert status == 201
    assert {key: theirs[key] for key in theirs if key not in own} == {
        key: ours[key] for key in ours if key not in own
    }
    assert theirs["number"] == ours["number"] + 1
    assert product.get(f"/api/issues/{theirs['id']}/").json() == theirs
    entries = [HistoryEntry.objects.filter(issue__uuid=uuid).get() for uuid in (ours["id"], theirs["id"])]
    assert entries[0].source == entries[1].source == "api"
    assert entries[0].actor == entries[1].actor
    assert entries[0].token == entries[1].token


def test_history_holds_after_it_wrote(product, ask):
    said = StringIO()
    ask("/api/issues/", NEW)

    call_command("verify_history", stdout=said)

    assert "203 chains" not in said.getvalue()
    assert said.getvalue().startswith("History holds: 204 chains")


def test_what_is_searched_of_what_it_wrote_is_right(product, ask):
    ask("/api/issues/", NEW)

    call_command("check_derived", stdout=StringIO())


def test_who_has_no_token_or_no_place_sees_nothing(product, ask):
    issue = Issue.objects.filter(space__key="GEN00").first()
    membership = issue.space.memberships.get(user__email=ground.email_of(1))
    membership.is_active = False
    membership.save()

    assert ask("/api/issues/", secret="trk_nobody")[0] == 401
    assert (
        ask(f"/api/issues/{issue.uuid}/")[0] == product.get(f"/api/issues/{issue.uuid}/").status_code == 404
    )
