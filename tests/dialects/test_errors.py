"""Every error of every call at every door, in the product's own shape: also those that no view sees."""

import json

import pytest
from django.core.cache import cache
from django.test import Client
from jsonschema import Draft202012Validator
from rest_framework.views import APIView

from issues.models import HistoryEntry
from tests.factories import TokenFactory
from tests.openapi import as_json_schema
from tests.test_routes import ROUTES, addresses, routes
from tracker.accounts.throttling import TokenThrottle
from tracker.dialects.doors import doors

__all__ = ["addresses"]

pytestmark = pytest.mark.django_db

METHODS = ("get", "post", "put", "patch", "delete")
CALLS = [
    (name, method)
    for name in routes("door")
    for method in METHODS
    if hasattr(ROUTES[name].callback.view_class, method)
    and method in ROUTES[name].callback.view_class.http_method_names
]
WRITES = [(name, method) for name, method in CALLS if method in ("post", "put", "patch")]
# A file comes as a form; what only deletes reads no body.
WITHOUT_JSON = {
    "guance:attachment-upload",
    "guance:issue-delete",
    "guance:reply-delete",
    "guance:channel-delete",
}
WITH_JSON = [(name, method) for name, method in WRITES if name not in WITHOUT_JSON]
# What a viewer may do, though it is no GET.
FOR_VIEWERS = {"guance:issue-list", "datadog:search", "guance:channel-subscribe"}
# Paths below a door's prefix that nothing answers at.
NOWHERE = {
    "qarion": ["/issues/a/b/c", "/issues/{id}/nothing"],
    "zylon": ["/api/v1/app", "/api/v1/app/nothing", "/api/v1/app/issue/", "/api/v1/app/issue/{id}/"],
    "guance": ["/api/v1/issue", "/api/v1/issue/nothing", "/api/v1/channel/", "/api/v1/attachment/a/b"],
    "versori": ["/api/v2/o", "/api/v2/o/nothing", "/api/v2/o/a/issues/", "/api/v2/o/a/b/c"],
    "datadog": [
        "/api/v2/error-tracking",
        "/api/v2/error-tracking/issues",
        "/api/v2/error-tracking/issues/a/",
    ],
}

each_call = pytest.mark.parametrize("name, method", CALLS)
each_write = pytest.mark.parametrize("name, method", WITH_JSON)
each_door = pytest.mark.parametrize("door", doors())


def refused(name, response, *statuses):
    """The document of an error in the shape of the door at which `name` is."""
    door = doors()[name.partition(":")[0]]
    assert response.status_code in statuses, (response.status_code, response.content[:300])
    assert response["Content-Type"].partition(";")[0] == door.content_type
    document = response.json()
    # Whose fault it is, its code says too.
    assert response.status_code >= 500 or "internal" not in json.dumps(document).lower()
    errors = list(Draft202012Validator(as_json_schema(door.problem)).iter_errors(document))
    assert not errors, (document, errors[0].message)
    assert document.keys() <= door.problem["properties"].keys()
    assert "Location" not in response
    return document


@pytest.fixture
def client(ops, alice):
    """A program of an admin's."""
    TokenFactory(secret="trk_sweep", user=alice, space=ops)
    return Client(headers={"authorization": "Bearer trk_sweep"})


def call(client, method, address, body="{}", content_type="application/json", **more):
    sent = "" if method == "get" else body
    return client.generic(method.upper(), address, sent, content_type=content_type, **more)


@each_call
def test_nobody_is_let_in(name, method, addresses):
    refused(name, call(Client(), method, addresses(name)), 401)


@each_call
def test_a_dead_token_is_none(name, method, addresses):
    door = doors()[name.partition(":")[0]]

    for headers in (door.headers("trk_nobody"), {"authorization": "Bearer trk_nobody"}):
        refused(name, call(Client(headers=headers), method, addresses(name)), 401)


@pytest.mark.parametrize("name, method", [each for each in CALLS if each[1] != "get"])
@pytest.mark.parametrize("scope", ["read", "write"])
def test_who_only_reads_may_not_write(name, method, scope, addresses, ops, alice, vera):
    TokenFactory(secret="trk_reader", user=alice if scope == "read" else vera, space=ops, scope=scope)
    entries = HistoryEntry.objects.count()

    response = call(Client(headers={"authorization": "Bearer trk_reader"}), method, addresses(name))

    if (name in FOR_VIEWERS and scope == "write") or name in FOR_VIEWERS - {"guance:channel-subscribe"}:
        assert response.status_code != 403
    else:
        # Where the space stands in the body, that is looked at first.
        door = doors()[name.partition(":")[0]]
        refused(name, response, 403, *([door.invalid] if name == "qarion:issues" else []))
    assert HistoryEntry.objects.count() == entries


@pytest.mark.parametrize("name", [name for name in routes("door") if ROUTES[name].pattern.regex.groups])
def test_what_is_a_stranger_s_is_not_there(name, addresses, charlie):
    TokenFactory(secret="trk_stranger", user=charlie, space=charlie.memberships.get().space)
    client = Client(headers={"authorization": "Bearer trk_stranger"})

    for method in [method for own, method in CALLS if own == name]:
        refused(name, call(client, method, addresses(name)), 404)


@pytest.mark.parametrize("name", [name for name in routes("door") if ROUTES[name].pattern.regex.groups])
def test_what_is_no_id_is_refused(name, addresses, client):
    address = addresses(name).split("/")
    at = next(place for place, part in enumerate(address) if len(part) > 20)

    for address[at] in ("nothing", "%F0%9F%A6%89", "a%20b", "0", "-1", "'", "a" * 300):
        for method in [method for own, method in CALLS if own == name]:
            refused(name, call(client, method, "/".join(address)), 400, 404, 422)


@pytest.mark.parametrize("door, path", [(door, path) for door, paths in NOWHERE.items() for path in paths])
@pytest.mark.parametrize("method", METHODS)
def test_an_unknown_path_is_the_door_s_404(door, path, method, client):
    path = path.replace("{id}", "019bc0de-0000-7000-8000-000000000001")

    for asking in (client, Client(), Client(headers={"accept": "text/html"})):
        refused(door, call(asking, method, path), 404)


@pytest.mark.parametrize("name", routes("door"))
def test_a_method_that_is_not_offered_is_refused(name, addresses, client):
    offered = {method for own, method in CALLS if own == name}

    for method in {*METHODS, "options", "trace", "propfind"} - offered:
        response = call(client, method, addresses(name))
        refused(name, response, 405)
        said = set(response["Allow"].lower().split(", "))
        assert said == offered | ({"head"} if "get" in offered else set())


@pytest.mark.parametrize("name", [name for name, method in CALLS if method == "get"])
def test_what_can_be_got_can_be_asked_for_its_headers_alone(name, addresses, client):
    got, asked = client.get(addresses(name)), client.head(addresses(name))

    assert (asked.status_code, asked.getvalue()) == (got.status_code, b"")
    assert asked["Content-Type"] == got["Content-Type"]


@each_write
def test_another_content_type_is_refused(name, method, addresses, client):
    for kind in ("text/plain", "application/xml", "application/x-www-form-urlencoded", ""):
        refused(name, call(client, method, addresses(name), "a=b", kind), 415)


@each_write
def test_a_body_that_is_no_json_is_refused(name, method, addresses, client):
    for body in ("{", "[1,]", '{"a": NaN}', "\ufeff{}", '{"a": "\\ud800"}', "[" * 99):
        refused(name, call(client, method, addresses(name), body), 400, 422)


@each_write
def test_a_body_that_is_no_object_is_refused(name, method, addresses, client):
    for body in ([], [{}], "text", 7, None, True):
        refused(name, call(client, method, addresses(name), json.dumps(body)), 400, 422)


@each_call
def test_who_calls_too_often_is_told_when_to_come_again(name, method, addresses, client, monkeypatch):
    monkeypatch.setattr(TokenThrottle, "rate", "1/min")
    cache.clear()
    address = addresses(name)
    call(client, method, address)

    response = call(client, method, address)

    refused(name, response, 429)
    assert 0 < int(response["Retry-After"]) <= 60
    for header, value in doors()[name.partition(":")[0]].headers("x").items():
        assert header and value


@each_call
def test_what_goes_wrong_on_our_side_is_said_so(name, method, addresses, client, monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError("a secret of ours")

    monkeypatch.setattr(APIView, "check_permissions", broken)

    document = refused(name, call(client, method, addresses(name)), 500)

    assert "secret" not in json.dumps(document)


@each_call
def test_what_no_view_sees_is_refused_in_the_same_shape(name, method, addresses, client):
    address = addresses(name)
    long = "a" * 5_000

    refused(name, call(client, method, address, SERVER_NAME="bad host", HTTP_HOST="bad host"), 400)
    refused(name, call(client, method, f"{address}?a=1&a=2"), 400)
    refused(name, call(client, method, f"{address}?a={long}"), 400)
    refused(name, call(client, method, f"{address}?a=%FF"), 400)
    refused(name, call(client, method, address, HTTP_X_LONG="a" * 9_000), 400)
    refused(name, call(client, method, address, HTTP_TRANSFER_ENCODING="chunked"), 411)
    refused(name, call(client, method, address, CONTENT_LENGTH="nothing"), 400)
    refused(name, call(client, method, address, CONTENT_LENGTH=str(10**9)), 413)


@each_door
def test_a_nul_in_a_path_is_the_door_s_404(door, client):
    for path in NOWHERE[door]:
        refused(door, client.get(path.rstrip("/") + "/a%00b"), 404)


@each_door
def test_a_door_never_answers_with_a_page(door, addresses):
    names = [name for name in routes("door") if name.startswith(f"{door}:")]
    browser = Client(headers={"accept": "text/html", "authorization": "Bearer trk_nobody"})

    for name in names:
        for method in (*METHODS, "head", "options"):
            response = browser.generic(method.upper(), addresses(name))
            assert not response["Content-Type"].startswith("text/html"), (name, method)
            assert not 300 <= response.status_code < 400
