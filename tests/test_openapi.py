"""The OpenAPI document is sound, knows every route, and is true of real answers."""

import json
import re
from itertools import chain

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import URLPattern, get_resolver
from jsonschema import Draft202012Validator

from tests.factories import (
    CommentFactory,
    IssueFactory,
    LevelFactory,
    MembershipFactory,
    ProjectFactory,
    SpaceFactory,
    TeamFactory,
    UserFactory,
)
from tests.openapi import as_json_schema, operations, references, resolve, validator
from tracker import docs
from tracker.dialects.doors import doors

pytestmark = pytest.mark.django_db

ISSUES = "/api/issues/"
METHODS = {"get", "put", "post", "delete", "patch"}


@pytest.fixture(scope="module")
def document():
    return json.loads(docs.document())


# A test of the documents of the doors as well.
every_document = pytest.mark.parametrize("name", docs.titles())


@every_document
def test_the_document_is_served_to_everybody_as_what_it_is(client, name):
    response = client.get(docs.schema_address(name))

    assert response.status_code == 200
    assert response["Content-Type"] == "application/vnd.oai.openapi+json"
    assert response.content == docs.document(name)


def test_there_is_no_document_of_what_is_no_door(client):
    assert client.get("/api/schema/nothing/").status_code == 404
    assert client.get("/api/docs/nothing/").status_code == 404


@every_document
def test_the_document_has_the_parts_that_openapi_asks_for(name):
    document = json.loads(docs.document(name))

    assert re.fullmatch(r"3\.0\.\d+", document["openapi"])
    assert document["info"]["title"] and document["info"]["version"]
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(ids) == len(set(ids))
    for path, method, operation in operations(document):
        assert method in METHODS
        assert all(re.fullmatch(r"[1-5]\d\d", status) for status in operation["responses"])
        assert all(response["description"] is not None for response in operation["responses"].values())
        parameters = operation.get("parameters", [])
        places = [(parameter["in"], parameter["name"]) for parameter in parameters]
        assert len(places) == len(set(places))
        assert {name for place, name in places if place == "path"} == set(re.findall(r"{(\w+)}", path))
        assert all(parameter.get("required") for parameter in parameters if parameter["in"] == "path")
        assert all("schema" in parameter for parameter in parameters)


@every_document
def test_every_reference_leads_somewhere_and_every_schema_is_one(name):
    document = json.loads(docs.document(name))

    for reference in set(references(document)):
        assert resolve(document, reference)
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(as_json_schema(schema))
    schemes = {name for *_, operation in operations(document) for name in chain(*operation["security"])}
    assert schemes <= document["components"]["securitySchemes"].keys()


def test_every_native_route_and_method_is_described(document):
    described = {(path, method) for path, method, _ in operations(document)}

    routes = set()
    api = next(entry for entry in get_resolver().url_patterns if getattr(entry, "namespace", None) == "api")
    for pattern in api.url_patterns:
        assert isinstance(pattern, URLPattern)
        path = "/api/" + re.sub(r"<\w+:(\w+)>", r"{\1}", str(pattern.pattern))
        routes |= {(path, method) for method in pattern.callback.actions if method in METHODS}

    assert described == routes


@pytest.mark.parametrize("door", doors().values(), ids=doors())
def test_every_route_and_method_of_a_door_is_described_with_its_errors(door):
    document = json.loads(docs.document(door.name))
    described = {(path, method) for path, method, _ in operations(document)}

    routes = set()
    (urls,) = [
        entry for entry in get_resolver().url_patterns if getattr(entry, "namespace", None) == door.name
    ]
    for pattern in urls.url_patterns:
        if pattern.name != "unknown":
            path = "/" + re.sub(r"<\w+:(\w+)>", r"{\1}", str(pattern.pattern))
            view = pattern.callback.view_class
            routes |= {
                (path, method) for method in METHODS & set(view.http_method_names) if hasattr(view, method)
            }

    assert described == routes
    for path, method, operation in operations(document):
        assert operation["security"] == [{name: [] for name in names} for names in door.sign_in]
        assert {"400", "401", "403", "404", "429", str(door.invalid)} <= operation["responses"].keys()
        for status, response in operation["responses"].items():
            if status >= "400":
                schema = response["content"][door.content_type]["schema"]
                assert schema == {"$ref": "#/components/schemas/Error"}, (path, method, status)


def test_every_operation_needs_a_sign_in_and_says_how_it_fails(document):
    for path, method, operation in operations(document):
        assert {frozenset(scheme) for scheme in operation["security"]} == {
            frozenset({"token"}),
            frozenset({"session"}),
        }
        failures = {"400", "401", "403", "404", "429"}
        if method != "get":
            failures |= {"409", "411", "412", "413", "415", "422"}
        assert failures <= operation["responses"].keys(), (method, path)
        for status in failures:
            content = operation["responses"][status]["content"]
            assert content == {
                "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
            }


def test_every_write_takes_a_key_and_writes_of_one_issue_a_version(document):
    for path, method, operation in operations(document):
        headers = {p["name"] for p in operation.get("parameters", []) if p["in"] == "header"}
        expected = set() if method == "get" else {"Idempotency-Key"}
        if path == "/api/issues/{id}/" and method != "get":
            expected.add("If-Match")
        assert headers == expected, (method, path)


@pytest.fixture
def answers(api, alice, bob, charlie, ops):
    """[(method, path of the document, response)] of every operation at work, and of its failures."""
    client, stranger = api(bob), api(charlie)
    level, team, project = LevelFactory(space=ops), TeamFactory(space=ops), ProjectFactory(space=ops)
    bare = IssueFactory(space=ops)
    CommentFactory(issue=bare)
    got = []

    def call(method, path, at=None, body=None, who=client, **headers):
        address = re.sub(r"{id}", str(at), path)
        sent = "" if body is None else json.dumps(body)
        response = who.generic(method, address, sent, content_type="application/json", headers=headers)
        got.append((method.lower(), path.partition("?")[0], response))
        return response

    one, comment = ISSUES + "{id}/", "/api/comments/{id}/"
    body = {
        "title": "x",
        "level": level.key,
        "assignee": alice.email,
        "teams": [str(team.uuid)],
        "project": str(project.uuid),
        "labels": {"a": "b"},
        "fingerprint": "f",
        "due_on": "2026-02-28",
        "status": "closed",
        "resolution": "negated",
        "error": {"languages": ["c"], "is_crash": True},
    }
    issue = call("POST", ISSUES, body=body).json()["id"]
    call("POST", ISSUES, body=body)
    call("POST", ISSUES, body={"title": "x", "is_anonymous": True})
    call("GET", ISSUES)
    call("GET", ISSUES + "?fields=key,error,channels&count=exact&page_size=1")
    call("GET", one, issue)
    call("GET", one, bare.uuid)
    call("PATCH", one, issue, {"title": "y", "add_labels": {"c": ""}})
    call("PUT", one, issue, client.get(f"{ISSUES}{issue}/").json())
    call("POST", one + "occurrences/", issue, {})
    made = call("POST", one + "comments/", issue, {"content": "x"}).json()["id"]
    call("GET", comment, made)
    call("PATCH", comment, made, {"content": "y"})
    call("PUT", comment, made, {"content": "z", "is_internal": True})
    call("GET", one + "comments/", issue)
    call("GET", one + "comments/", bare.uuid)
    attachments, attached = "/api/attachments/", "/api/attachments/{id}/"
    for where in ({"issue": issue}, {"comment": made}, {"issue": issue, "comment": made}):
        response = client.post(attachments, where | {"file": SimpleUploadedFile("a.txt", b"a")})
        got.append(("post", attachments, response))
        if response.status_code == 201:
            call("GET", attached, response.json()["id"])
            call("GET", attached + "download/", response.json()["id"])
    call("GET", comment, made)
    call("DELETE", attached, client.get(one.replace("{id}", issue)).json()["attachments"][0]["id"])
    call("POST", attachments, body={"issue": issue})
    call("DELETE", comment, made)
    call("POST", ISSUES + "bulk/", body={"filter": {}, "set": {"level": None, "add_labels": {"d": "e"}}})
    call("DELETE", one, issue)
    call("POST", one + "restore/", issue)
    call("GET", one + "history/", issue)
    call("GET", "/api/history/?page_size=100")
    configure(call, api(alice), ops, UserFactory(member_of=SpaceFactory(key="OTHER")))
    call("GET", "/api/issues/facets/?q=is:open")
    call("GET", "/api/issues/similar/?title=Disk+full&space=OPS")
    call("GET", "/api/queries/complete/?q=level:&cursor=6")
    for query in ("is:open level:P0", "asignee:me"):
        call("GET", f"/api/queries/explain/?q={query}")
    call("GET", "/api/queries/explain/?q=is:open&issue=OPS-1")
    # What goes wrong.
    call("GET", ISSUES + "?q=asignee:me")
    call("GET", one, "nothing")
    call("PATCH", one, issue, {"titel": "y"})
    call("PATCH", one, issue, {"title": "y"}, **{"If-Match": '"1"'})
    call("PATCH", one, issue, {"level": "P9"})
    call("PATCH", one, issue, {"title": "y"}, who=stranger)
    call("POST", ISSUES, body={"title": "a"}, **{"Idempotency-Key": "k"})
    call("POST", ISSUES, body={"title": "b"}, **{"Idempotency-Key": "k"})
    call("POST", ISSUES, body={"title": "x" * 2_700_000})
    call("PATCH", comment, CommentFactory(issue=bare).uuid, {"content": "y"})
    call("GET", ISSUES + "?sort=title")
    call("GET", ISSUES, who=type(client)())
    return got


def configure(call, admin, ops, stranger):
    """Every operation on spaces and on what belongs to them, by an admin and, where one may, by a member."""
    for path in ("/api/spaces/", "/api/users/", "/api/users/me/", "/api/levels/?space=OPS"):
        call("GET", path)
    call("GET", "/api/spaces/{id}/", "OPS")
    call("PATCH", "/api/spaces/{id}/", "OPS", {"name": "Operations!", "is_reopening": False}, admin)
    call("GET", "/api/users/{id}/", admin.get("/api/users/me/").json()["id"])
    targets = [
        {"kind": "webhook", "url": "https://example.com/x", "secret": "s"},
        {"kind": "email", "address": "a@example.com", "name": "All"},
    ]
    MembershipFactory(user=stranger, space=ops, is_active=False)
    bodies = {
        "levels": {"key": "HOT", "name": "Hot"},
        "channels": {"name": "Alerts", "targets": targets},
        "projects": {"name": "Events", "external_id": "p-1"},
        "environments": {"name": "production"},
        "teams": {"name": "Data", "handle": "@data"},
        "views": {"name": "Urgent", "query": "q=is%3Aopen"},
        "memberships": {"user": stranger.email, "role": "viewer"},
        "tokens": {"name": "ci", "scope": "read", "expires_at": "2999-01-01T00:00:00Z"},
    }
    for name, body in bodies.items():
        many, one = f"/api/{name}/", f"/api/{name}/{{id}}/"
        made = call("POST", many, None, body | {"space": "OPS"}, admin).json()
        shown = call("GET", one, made["id"], who=admin).json()
        call("GET", f"{many}?count=exact&is_active=true", who=admin)
        call("GET", many)
        if name != "tokens":
            call("PATCH", one, made["id"], {"is_active": False}, admin)
            call("PUT", one, made["id"], shown, admin)
        if name == "channels":
            for method, send in (("PUT", {"kind": "responsible"}), ("GET", None)):
                call(method, one + "subscription/", made["id"], send)
            call("GET", one, made["id"])
            call("GET", one + "subscriptions/", made["id"])
            call("DELETE", one + "subscription/", made["id"])
        call("DELETE", one, made["id"], who=admin)
    call("POST", "/api/levels/", None, {"key": "a b", "rank": "1"}, admin)
    call("POST", "/api/channels/", None, {"name": "x", "targets": [{"kind": "slack"}]}, admin)


def test_every_answer_is_as_the_document_says(document, answers):
    for method, path, response in answers:
        operation = document["paths"][path][method]
        described = operation["responses"][str(response.status_code)]
        content_type = response.get("Content-Type", "").partition(";")[0]
        if response.status_code == 204:
            assert "content" not in described
            continue
        schema = described["content"][content_type]["schema"]
        if schema.get("format") == "binary":
            assert b"".join(response.streaming_content) == b"a"
            continue
        errors = list(validator(document, schema).iter_errors(response.json()))
        assert not errors, (method, path, errors[0].message, list(errors[0].absolute_path))


def test_every_operation_was_at_work(document, answers):
    at_work = {(path, method) for method, path, response in answers if response.status_code < 300}

    assert at_work == {(path, method) for path, method, _ in operations(document)}


def test_what_was_read_may_be_written_back_by_the_document(document, answers, api, bob):
    writes = validator(document, {"$ref": "#/components/schemas/IssueRequest"})

    read = [
        response.json() for method, path, response in answers if path == ISSUES + "{id}/" and method == "get"
    ]

    for shown in read[:2]:
        assert not list(writes.iter_errors(shown))


@pytest.mark.parametrize(
    ("body", "is_right"),
    [
        ({"title": "x", "level": "P1", "assignee": None, "teams": ["a"], "labels": {"a": ""}}, True),
        ({"level": {"id": "x"}}, True),
        ({"level": 5}, False),
        ({"labels": {"a": 5}}, False),
        ({"status": "done"}, False),
        ({"title": None}, False),
        ({"resolution": None, "kind": None, "due_on": None}, True),
    ],
)
def test_the_document_knows_a_right_body_from_a_wrong_one(document, body, is_right):
    errors = list(validator(document, {"$ref": "#/components/schemas/PatchedIssueRequest"}).iter_errors(body))

    assert (not errors) is is_right


@every_document
def test_the_page_of_the_document_runs_under_its_policy(client, name):
    page = client.get("/api/docs/" if name == docs.NATIVE else f"/api/docs/{name}/")
    text = page.content.decode()
    sources = re.findall(r'<script src="([^"]+)"></script>', text)

    assert page.status_code == 200
    policy = page["Content-Security-Policy"]
    assert "unsafe" not in policy and "default-src 'self'" in policy
    assert len(sources) == text.count("<script") == 3
    assert "<style" not in text and " style=" not in text
    assert not re.search(r"\son\w+=", text)
    assert all(source.startswith("/") for source in sources)
    script = client.get(sources[-1])
    assert script.status_code == 200
    assert script["Content-Type"].startswith(("application/javascript", "text/javascript"))
    assert docs.schema_address(name) in script.content.decode()
