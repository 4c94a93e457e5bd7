"""Whatever comes in, the answer is a problem document that says what is wrong, and nothing was written."""

import json
from urllib.parse import quote, urlencode

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from comments.models import Comment
from issues.filters import IssueFilter
from issues.models import HistoryEntry, Issue, Occurrence
from tests.factories import CommentFactory, IssueFactory

pytestmark = pytest.mark.django_db

LIMIT = 2_621_440
WRITES = {
    "create": ("post", "/api/issues/"),
    "replace": ("put", "/api/issues/OPS-1/"),
    "edit": ("patch", "/api/issues/OPS-1/"),
    "bulk": ("post", "/api/issues/bulk/"),
    "sighting": ("post", "/api/issues/OPS-1/occurrences/"),
    "comment": ("post", "/api/issues/OPS-1/comments/"),
    "replace comment": ("put", "/api/comments/{comment}/"),
    "edit comment": ("patch", "/api/comments/{comment}/"),
}
LISTS = {
    "/api/issues/": [*IssueFilter.base_filters, "cursor", "page_size", "sort", "fields", "count"],
    "/api/issues/OPS-1/comments/": ["cursor", "page_size"],
    "/api/issues/OPS-1/history/": ["cursor", "page_size"],
    "/api/history/": ["cursor", "page_size", "space", "issue", "actor", "source", "action", "batch"],
    "/api/spaces/": ["cursor", "page_size", "count"],
    "/api/users/": ["cursor", "page_size", "count", "space", "is_active", "q"],
    **{
        f"/api/{name}/": ["cursor", "page_size", "count", "space", "is_active"]
        for name in ("levels", "channels", "projects", "environments", "teams", "memberships", "tokens")
    },
}
PATHS = (
    "/api/issues/{}/",
    "/api/issues/{}/comments/",
    "/api/issues/{}/history/",
    "/api/comments/{}/",
    "/api/spaces/{}/",
    "/api/levels/{}/",
    "/api/channels/{}/",
    "/api/channels/{}/subscriptions/",
    "/api/channels/{}/subscription/",
    "/api/projects/{}/",
    "/api/memberships/{}/",
    "/api/users/{}/",
    "/api/tokens/{}/",
    "/api/{}",
)
ODD = 'a"b\\c\n'


@pytest.fixture
def comment(ops, bob):
    return CommentFactory(issue=IssueFactory(space=ops, title="Nulls", description="As it was"), author=bob)


@pytest.fixture
def client(api, bob, comment):
    client = api(bob)
    client.raise_request_exception = False
    client.comment = comment
    return client


def send(client, name, body, content_type="application/json", **extra):
    """Send `body` (text, bytes or a value to encode) to a writing endpoint."""
    method, path = WRITES[name]
    if not isinstance(body, str | bytes):
        body = json.dumps(body)
    path = path.format(comment=client.comment.uuid)
    return client.generic(method.upper(), path, body, content_type=content_type, **extra)


def rows():
    counts = [model.objects.count() for model in (Issue, HistoryEntry, Comment, Occurrence)]
    return counts, list(Issue.objects.values()), list(Comment.objects.values())


def problem(response, *statuses):
    """The problem document of `response`, checked in what every one has."""
    assert response.status_code in (statuses or range(400, 500)), response.content[:300]
    assert response["Content-Type"] == "application/problem+json"
    document = response.json()
    assert document["title"] and document["detail"]
    assert document["status"] == response.status_code
    assert document["request_id"] == response["X-Request-ID"]
    return document


def pointers(document):
    return [error.get("pointer", error.get("parameter")) for error in document["errors"]]


# Bodies.

RAW = {
    "empty array": "[]",
    "text": '"x"',
    "null": "null",
    "number": "5",
    "truncated": '{"title": "x',
    "two documents": "{} {}",
    "trailing comma": '{"title": "x",}',
    "byte order mark": "\ufeff{}",
    "invalid UTF-8": b'{"title": "\xff"}',
    "surrogate in UTF-8": b'{"title": "\xed\xa0\x80"}',
    "UTF-16": '{"title": "x"}'.encode("utf-16"),
    "raw NUL": '{"title": "a\x00b"}',
    "NaN": '{"title": NaN}',
    "Infinity": '{"title": -Infinity}',
    "1e400": '{"title": 1e400}',
    "2**53": '{"title": 9007199254740992}',
    "a long integer": '{"title": ' + "9" * 5_000 + "}",
    "depth 33": '{"title": ' + "[" * 32 + "]" * 32 + "}",
    "100,000 brackets": "[" * 100_000,
    "100,000 objects": '{"a":' * 100_000,
    "2,001 keys": json.dumps({f"k{n}": 1 for n in range(2_001)}),
}


@pytest.mark.parametrize("name", WRITES)
def test_a_body_that_is_no_object_of_json_is_refused(client, name):
    before = rows()

    responses = {what: send(client, name, body) for what, body in RAW.items()}

    for response in responses.values():
        problem(response, 400)
    assert rows() == before


@pytest.mark.parametrize("name", WRITES)
def test_a_body_over_the_limit_is_refused(client, name):
    before = rows()

    response = send(client, name, '{"title": "' + "x" * LIMIT + '"}')

    problem(response, 413)
    assert rows() == before


@pytest.mark.parametrize("name", WRITES)
def test_another_content_type_is_refused(client, name):
    before = rows()
    types = ["text/plain", "multipart/form-data; boundary=x", "multipart/form-data", "", "text/html", "🦉"]

    responses = [send(client, name, "{}", content_type) for content_type in types]

    for response in responses:
        problem(response, 415)
    assert rows() == before


@pytest.mark.parametrize("name", WRITES)
def test_a_multipart_body_over_the_limit_is_refused(client, name):
    body = b'--x\r\nContent-Disposition: form-data; name="title"\r\n\r\n' + b"x" * LIMIT + b"\r\n--x--\r\n"

    response = send(
        client, name, body, "multipart/form-data; boundary=x", headers={"Idempotency-Key": "again"}
    )

    problem(response, 413, 415)


@pytest.mark.parametrize("name", [name for name in WRITES if name.startswith(("create", "bulk", "comment"))])
def test_an_empty_body_is_refused_where_something_is_required(client, name):
    before = rows()

    response = send(client, name, "")

    problem(response, 400)
    assert rows() == before


@pytest.mark.parametrize("name", WRITES)
def test_an_unknown_field_is_refused_by_name(client, name):
    before = rows()

    response = send(client, name, {"titel": "x", "a/b~c": 1, ODD: None})

    assert {"/titel", "/a~1b~0c", f"/{ODD}"} <= set(pointers(problem(response, 400)))
    assert rows() == before


def test_an_unknown_field_of_a_nested_object_is_named_with_its_path(client):
    body = {"title": "x", "source": {"kind": "a"}, "error": {"line": 5}}

    response = send(client, "create", body)

    assert set(pointers(problem(response, 400))) == {"/source/kind", "/error/line"}


@pytest.mark.parametrize(
    ("name", "body", "pointer"),
    [
        ("create", '{"title": "a§b"}', "/title"),
        ("edit", '{"description": "§"}', "/description"),
        ("edit", '{"labels": {"team": "§"}}', "/labels/team"),
        ("edit", '{"labels": {"§": "x"}}', "/labels"),
        ("edit", '{"add_labels": {"team": "§"}}', "/add_labels/team"),
        ("edit", '{"remove_labels": ["a", "§"]}', "/remove_labels/1"),
        ("edit", '{"annotations": {"team": "§"}}', "/annotations/team"),
        ("edit", '{"status": "§"}', "/status"),
        ("edit", '{"level": "§"}', "/level"),
        ("edit", '{"level": {"id": "§"}}', "/level/id"),
        ("edit", '{"assignee": "§"}', "/assignee"),
        ("edit", '{"due_on": "§"}', "/due_on"),
        ("edit", '{"error": {"languages": ["§"]}}', "/error/languages/0"),
        ("edit", '{"source": {"id": "§"}}', "/source/id"),
        ("edit", '{"unknown": [[["§"]]]}', "/unknown/0/0/0"),
        ("edit", '{"§": 1}', ""),
        ("sighting", '{"session": "§"}', "/session"),
        ("comment", '{"content": "§"}', "/content"),
        ("edit comment", '{"content": "§"}', "/content"),
        ("bulk", '{"filter": {"q": "§"}, "set": {"is_read": true}}', "/filter/q"),
        ("bulk", '{"filter": {}, "set": {"status": "§"}}', "/set/status"),
        ("bulk", '{"ids": ["§"], "set": {"is_read": true}}', "/ids/0"),
    ],
)
def test_a_nul_or_a_lone_surrogate_is_refused_where_it_stands(client, name, body, pointer):
    before = rows()
    escapes = [r"\u0000", r"\ud800", r"\udfff", r"\udc00\ud800"]

    responses = [send(client, name, body.replace("§", escape)) for escape in escapes]

    assert [pointers(problem(response, 400)) for response in responses] == [[pointer]] * 4
    assert rows() == before


WRONG = [0, 1.5, True, False, None, "", "x", "5", [], ["x"], [["x"]], {}, {"a": "b"}, {"id": 5}, {"id": {}}]
FIELDS = {
    "title": lambda v: isinstance(v, str) and v != "",
    "description": lambda v: isinstance(v, str),
    "description_format": lambda v: False,
    "status": lambda v: False,
    "resolution": lambda v: v is None,
    "level": lambda v: v is None,
    "assignee": lambda v: v is None,
    "teams": lambda v: v == [],
    "project": lambda v: v is None,
    "environment": lambda v: v is None,
    "channels": lambda v: v == [],
    "labels": lambda v: v in ({}, {"a": "b"}),
    "add_labels": lambda v: v in ({}, {"a": "b"}),
    "remove_labels": lambda v: v in ([], ["x"]),
    "annotations": lambda v: v in ({}, {"a": "b"}),
    "is_read": lambda v: isinstance(v, bool),
    "is_anonymous": lambda v: isinstance(v, bool),
    "due_on": lambda v: v is None,
    "kind": lambda v: v is None or isinstance(v, str),
    "reason": lambda v: False,
    "source": lambda v: v == {},
    "error": lambda v: v == {},
    "fingerprint": lambda v: v is None or isinstance(v, str),
    "space": lambda v: False,
}


@pytest.mark.parametrize("field", FIELDS)
def test_a_value_of_another_type_is_refused_with_its_pointer(client, field):
    before = rows()
    wrong = [value for value in WRONG if not FIELDS[field](value)]

    problems = [problem(send(client, "edit", {field: value}), 400, 404) for value in wrong]

    assert all(pointer.startswith(f"/{field}") for found in problems for pointer in pointers(found))
    assert rows() == before


@pytest.mark.parametrize(
    ("name", "body", "pointer"),
    [
        ("comment", {"content": 5}, "/content"),
        ("comment", {"content": None}, "/content"),
        ("comment", {"content": ""}, "/content"),
        ("comment", {"content": " \n\t"}, "/content"),
        ("comment", {"content": "x", "is_internal": "true"}, "/is_internal"),
        ("comment", {"content": "x", "is_internal": None}, "/is_internal"),
        ("comment", {}, "/content"),
        ("replace comment", {}, "/content"),
        ("edit comment", {"content": None}, "/content"),
        ("sighting", {"at": "yesterday"}, "/at"),
        ("sighting", {"at": 5}, "/at"),
        ("sighting", {"at": "9999-12-31T23:59:59-23:59"}, "/at"),
        ("sighting", {"at": "0001-01-01T00:00:00+23:59"}, "/at"),
        ("sighting", {"session": 5}, "/session"),
        ("create", {}, "/title"),
        ("create", {"title": "two\nlines"}, "/title"),
        ("create", {"title": "two\rlines"}, "/title"),
        ("create", {"title": "  "}, "/title"),
        ("create", {"description": "  \n "}, "/title"),
        ("create", {"title": "x", "space": None}, "/space"),
        ("replace", {}, "/title"),
        ("edit", {"space": "DATA"}, "/space"),
        ("edit", {"due_on": "2026-13-01"}, "/due_on"),
        ("edit", {"due_on": "2026-01-01T00:00:00Z"}, "/due_on"),
        ("edit", {"labels": {"": "x"}}, "/labels"),
        ("edit", {"labels": {}, "add_labels": {"a": ""}}, "/labels"),
        ("edit", {"labels": {"a": None}}, "/labels/a"),
        ("edit", {"labels": {"a": 5}}, "/labels/a"),
        ("edit", {"teams": ["x", 5]}, "/teams/1"),
        ("bulk", {"set": {"is_read": True}}, "/ids"),
        ("bulk", {"ids": [], "set": {"is_read": True}}, "/ids"),
        ("bulk", {"ids": ["x"], "filter": {}, "set": {"is_read": True}}, "/ids"),
        ("bulk", {"filter": {}}, "/set"),
        ("bulk", {"filter": {}, "set": {}}, "/set"),
        ("bulk", {"filter": {}, "set": {"title": "x"}}, "/set/title"),
        ("bulk", {"filter": {}, "set": {"labels": {"": "x"}}}, "/set/labels"),
        ("bulk", {"filter": {}, "set": {"is_read": True}, "dry_run": "yes"}, "/dry_run"),
        ("bulk", {"filter": {"status": 5}, "set": {"is_read": True}}, "/filter/status"),
        ("bulk", {"filter": [], "set": {"is_read": True}}, "/filter"),
        ("bulk", {"filter": {}, "set": []}, "/set"),
    ],
)
def test_a_value_that_does_not_do_is_refused_with_its_pointer(client, name, body, pointer):
    before = rows()

    response = send(client, name, body)

    assert pointer in pointers(problem(response, 400))
    assert rows() == before


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"filter": {"titel": "x"}}, "/filter/titel"),
        ({"filter": {"status": "done"}}, "/filter/status"),
        ({"filter": {"created_after": "yesterday"}}, "/filter/created_after"),
        ({"filter": {"status": "open," * 100_000}}, "/filter/status"),
        ({"filter": {"level": "P1," * 100_000}}, "/filter/level"),
        ({"filter": {"sort": "number"}}, "/filter/sort"),
    ],
)
def test_a_filter_in_a_body_is_refused_with_its_pointer(client, body, pointer):
    before = rows()

    response = send(client, "bulk", body | {"set": {"is_read": True}})

    assert pointers(problem(response, 400)) == [pointer]
    assert rows() == before


# Limits: what fits is taken as it is, one more is refused.

LENGTHS = [
    ("create", lambda text: {"title": text}, 500, "/title"),
    ("edit", lambda text: {"title": text}, 500, "/title"),
    ("edit", lambda text: {"description": text}, 65_535, "/description"),
    ("edit", lambda text: {"kind": text}, 64, "/kind"),
    ("edit", lambda text: {"fingerprint": text}, 256, "/fingerprint"),
    ("edit", lambda text: {"labels": {text: ""}}, 64, "/labels"),
    ("edit", lambda text: {"labels": {"a": text}}, 256, "/labels/a"),
    ("edit", lambda text: {"add_labels": {"a": text}}, 256, "/add_labels/a"),
    ("edit", lambda text: {"remove_labels": [text]}, 64, "/remove_labels/0"),
    ("edit", lambda text: {"annotations": {"a": text}}, 256, "/annotations/a"),
    ("edit", lambda text: {"annotations": {text: "a"}}, 64, "/annotations"),
    ("edit", lambda text: {"source": {"type": text}}, 64, "/source/type"),
    ("edit", lambda text: {"source": {"id": text}}, 256, "/source/id"),
    ("edit", lambda text: {"source": {"name": text}}, 256, "/source/name"),
    ("edit", lambda text: {"source": {"alert_id": text}}, 128, "/source/alert_id"),
    ("edit", lambda text: {"error": {"type": text}}, 256, "/error/type"),
    ("edit", lambda text: {"error": {"message": text}}, 65_535, "/error/message"),
    ("edit", lambda text: {"error": {"file_path": text}}, 1_024, "/error/file_path"),
    ("edit", lambda text: {"error": {"function_name": text}}, 256, "/error/function_name"),
    ("edit", lambda text: {"error": {"languages": [text]}}, 32, "/error/languages/0"),
    ("edit", lambda text: {"error": {"platform": text}}, 32, "/error/platform"),
    ("edit", lambda text: {"error": {"track": text}}, 16, "/error/track"),
    ("edit", lambda text: {"error": {"service": text}}, 256, "/error/service"),
    ("edit", lambda text: {"error": {"first_version": text}}, 128, "/error/first_version"),
    ("edit", lambda text: {"error": {"last_version": text}}, 128, "/error/last_version"),
    ("sighting", lambda text: {"session": text}, 128, "/session"),
    ("sighting", lambda text: {"user": text}, 128, "/user"),
    ("sighting", lambda text: {"version": text}, 128, "/version"),
    ("comment", lambda text: {"content": text}, 65_535, "/content"),
    ("edit comment", lambda text: {"content": text}, 65_535, "/content"),
]


@pytest.mark.parametrize(("name", "body", "limit", "pointer"), LENGTHS, ids=[row[3] for row in LENGTHS])
def test_a_text_may_be_as_long_as_its_limit_and_no_longer(client, name, body, limit, pointer):
    # Characters count, not bytes or UTF-16 units.
    at_limit = send(client, name, body("🦉" * limit))

    one_more = send(client, name, body("x" * (limit + 1)))

    assert at_limit.status_code in (200, 201), at_limit.content[:300]
    assert pointers(problem(one_more, 400)) == [pointer]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (lambda n: {"labels": {f"k{i}": "" for i in range(n)}}, "/labels"),
        (lambda n: {"add_labels": {f"k{i}": "" for i in range(n)}}, "/labels"),
        (lambda n: {"annotations": {f"k{i}": "" for i in range(n)}}, "/annotations"),
        (lambda n: {"error": {"languages": ["x"] * n}}, "/error/languages"),
    ],
)
def test_fifty_of_a_kind_fit_and_fifty_one_do_not(client, body, pointer):
    at_limit = send(client, "edit", body(50))

    one_more = send(client, "edit", body(51))

    assert at_limit.status_code == 200, at_limit.content[:300]
    assert pointers(problem(one_more, 400)) == [pointer]


def test_labels_that_are_added_to_others_stop_at_fifty(client):
    send(client, "edit", {"labels": {f"k{n}": "" for n in range(49)}})

    responses = [send(client, "edit", {"add_labels": {name: ""}}) for name in ("the last", "one more")]

    assert responses[0].status_code == 200
    assert pointers(problem(responses[1], 400)) == ["/labels"]


def test_json_may_be_as_deep_as_its_limit(client):
    response = send(client, "edit", '{"titel": ' + "[" * 31 + "]" * 31 + "}")

    assert pointers(problem(response, 400)) == ["/titel"]


@pytest.mark.parametrize("number", ["9007199254740991", "-9007199254740991", "1e308", "0.1"])
def test_a_number_within_the_limits_is_read_and_refused_for_its_type_alone(client, number):
    response = send(client, "edit", f'{{"title": {number}}}')

    assert pointers(problem(response, 400)) == ["/title"]


@pytest.mark.parametrize("field", ["ids", "teams", "channels", "remove_labels", "languages"])
def test_a_list_of_a_million_wrong_items_is_one_error(client, field):
    numbers = "[" + ",".join(["1"] * 1_000_000) + "]"
    name, body = {
        "ids": ("bulk", f'{{"ids": {numbers}, "set": {{"is_read": true}}}}'),
        "languages": ("edit", f'{{"error": {{"languages": {numbers}}}}}'),
    }.get(field, ("edit", f'{{"{field}": {numbers}}}'))

    response = send(client, name, body)

    assert len(problem(response, 400)["errors"]) == 1


# Addresses, parameters and headers.


@pytest.mark.parametrize("path", LISTS)
def test_an_unknown_parameter_is_refused_by_name(client, path):
    response = client.get(path, {"titel": "x"})

    assert pointers(problem(response, 400)) == ["titel"]


@pytest.mark.parametrize(
    "path",
    ["/api/issues/OPS-1/", "/api/spaces/OPS/", "/api/comments/{comment}/", "/api/issues/OPS-1/history/"],
)
def test_one_row_takes_no_parameters_that_it_does_not_know(client, path):
    response = client.get(path.format(comment=client.comment.uuid), {"fields": "id"})

    assert pointers(problem(response, 400)) == ["fields"]


@pytest.mark.parametrize("path", LISTS)
def test_a_parameter_that_is_no_clean_text_is_refused(client, path):
    escapes = ["%00", "a%00b", "%ff", "%ed%a0%80", "%c3%28"]

    responses = [client.get(f"{path}?{name}={escape}") for name in LISTS[path] for escape in escapes]

    for response in responses:
        problem(response, 400)


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    "query",
    [
        "page_size=5&page_size=6",
        "%00=1",
        "%ff=1",
        "&".join(f"p{n}=1" for n in range(101)),
        "&" * 2_000,
        "&".join("a" * 2_040),
        "cursor=" + "x" * 4_090,
    ],
    ids=[
        "twice",
        "NUL in a name",
        "no UTF-8",
        "101 parameters",
        "2,000 separators",
        "2,040 names",
        "too long",
    ],
)
def test_a_query_string_out_of_bounds_is_refused(client, path, query):
    response = client.get(f"{path}?{query}")

    problem(response, 400)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("page_size", "0"),
        ("page_size", "101"),
        ("page_size", "-1"),
        ("page_size", "5.0"),
        ("page_size", "\u0665"),
        ("page_size", "1e1"),
        ("page_size", ""),
        ("page_size", "9" * 4_000),
        ("sort", "title"),
        ("sort", "assignee__password"),
        ("sort", "--number"),
        ("fields", "password"),
        ("fields", "assignee__password"),
        ("fields", "id,"),
        ("fields", ""),
        ("count", "yes"),
        ("status", "done"),
        ("status", "open,"),
        ("created_after", "yesterday"),
        ("created_after", "2026-01-01"),
        ("created_after", "2026-01-01T00:00:00"),
        ("created_before", "2026-13-01T00:00:00Z"),
        ("updated_after", "0001-01-01T00:00:00+23:59"),
        ("updated_before", "9999-12-31T23:59:59-23:59"),
        ("q", "x" * 2_001),
        ("label", "x" * 2_001),
        ("level", "P1," * 700),
    ],
)
def test_a_parameter_that_means_nothing_is_refused_by_name(client, name, value):
    response = client.get("/api/issues/", {name: value})

    assert pointers(problem(response, 400)) == [name]


@pytest.mark.parametrize("name", ["space", "level", "assignee", "reporter", "team", "project", "environment"])
def test_a_filter_that_names_nothing_is_not_found(client, name):
    values = ["nothing", "'; DROP TABLE", "0190a6c4-7b1e-7c3a-9d52-0123456789ab", "%", "🦉", " "]

    responses = [client.get("/api/issues/", {name: value}) for value in values]

    assert [pointers(problem(response, 404)) for response in responses] == [[name]] * 6


CURSORS = ["x", "🦉", "====", "W10", "bnVsbA", "WzAsMV0", "A" * 1_000, "-_-_", "eyJhIjoxfQ", " ", "a\nb"]


@pytest.mark.parametrize("path", LISTS)
def test_a_cursor_that_no_page_gave_out_is_refused(client, path):
    responses = [client.get(path, {"cursor": cursor}) for cursor in CURSORS]

    assert all(pointers(problem(response, 400)) == ["cursor"] for response in responses)


def test_a_cursor_of_another_list_is_refused(client, ops):
    IssueFactory.create_batch(2, space=ops)
    cursor = client.get("/api/issues/?page_size=1").json()["next"].partition("cursor=")[2].partition("&")[0]

    responses = [
        client.get(f"/api/issues/?cursor={cursor}&sort=updated"),
        client.get(f"/api/spaces/?cursor={cursor}"),
        client.get(f"/api/issues/?cursor={cursor[:-4]}AAAA"),
    ]

    assert all(pointers(problem(response, 400)) == ["cursor"] for response in responses)


IDS = [
    "0",
    "1",
    "OPS-0",
    "OPS-99999999999999999999",
    "OPS-1x",
    "OPS-\u0661",
    "ops-1 ",
    "%00",
    "%ff",
    "%0a",
    "OPS-1%0a",
    "%2e%2e",
    "%F0%9F%A6%89",
    "' OR 1=1 --",
    "0190a6c4-7b1e-7c3a-9d52-0123456789a",
    "0190a6c4-7b1e-7c3a-9d52-0123456789ag",
    "{0190a6c4-7b1e-7c3a-9d52-0123456789}",
    "urn:0190a6c47b1e7c3a9d520123456789ab",
    "x" * 3_000,
]


@pytest.mark.parametrize("path", PATHS)
def test_an_address_of_nothing_is_not_found(client, path):
    responses = [client.get(path.format(text if "%" in text else quote(text))) for text in IDS]

    for response in responses:
        problem(response, 404)


@pytest.mark.parametrize("method", ["get", "post", "put", "delete", "options"])
def test_an_unknown_address_is_a_problem_for_everybody(method):
    client = Client(enforce_csrf_checks=True)
    paths = ["/api/issues", "/api/", "/api/nothing/", "/api/nothing%0a/x", "/api/%0a%0a"]

    responses = [getattr(client, method)(path) for path in paths]

    for response in responses:
        problem(response, 404)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("delete", "/api/issues/"),
        ("put", "/api/issues/"),
        ("options", "/api/issues/"),
        ("trace", "/api/issues/"),
        ("post", "/api/issues/OPS-1/"),
        ("get", "/api/issues/OPS-1/restore/"),
        ("get", "/api/issues/OPS-1/occurrences/"),
        ("post", "/api/history/"),
        ("delete", "/api/history/"),
        ("post", "/api/issues/OPS-1/history/"),
        ("delete", "/api/issues/OPS-1/comments/"),
        ("post", "/api/comments/{comment}/"),
        ("post", "/api/spaces/"),
        ("delete", "/api/spaces/OPS/"),
        ("post", "/api/schema/"),
        ("post", "/api/docs/"),
    ],
)
def test_a_method_that_is_not_offered_is_refused_with_those_that_are(client, method, path):
    response = getattr(client, method)(path.format(comment=client.comment.uuid))

    problem(response, 405)
    assert response["Allow"]


@pytest.mark.parametrize(
    "extra",
    [
        {"HTTP_HOST": "evil.example"},
        {"HTTP_HOST": "a b"},
        {"HTTP_HOST": ""},
        {"HTTP_X_LONG": "x" * 8_193},
        {"CONTENT_TYPE": "x" * 8_193},
        {"CONTENT_LENGTH": "²"},
        {"CONTENT_LENGTH": "-1"},
        {"CONTENT_LENGTH": "five"},
        {"CONTENT_LENGTH": "9" * 5_000},
        {f"HTTP_X_{n}": "1" for n in range(101)},
    ],
    ids=lambda extra: "{}={:.20}".format(*next(iter(extra.items()))),
)
def test_a_header_out_of_bounds_is_refused(client, extra):
    response = client.get("/api/issues/", **extra)

    problem(response, 400)


def test_a_body_in_chunks_is_refused_rather_than_taken_for_empty(client):
    response = send(client, "edit", {"title": "x"}, HTTP_TRANSFER_ENCODING="chunked")

    problem(response, 411)


def test_a_content_length_over_the_limit_is_refused(client):
    response = client.get("/api/issues/", CONTENT_LENGTH="9" * 15)

    problem(response, 413)


def test_a_request_id_that_does_not_do_is_replaced(client):
    given_ids = ["x" * 65, "a b", "é", "", "<script>", "a\n"]

    responses = [client.get("/api/issues/", headers={"X-Request-ID": given_id}) for given_id in given_ids]

    for given_id, response in zip(given_ids, responses, strict=True):
        assert response.status_code == 200
        assert response["X-Request-ID"] not in ("", given_id)


# Debugging makes no difference.


@pytest.mark.parametrize("debug", [True, False])
def test_errors_are_the_same_with_debugging_on_and_off(client, settings, debug):
    settings.DEBUG = debug

    responses = [
        client.get("/api/nothing/"),
        client.get("/api/nothing%0a/x"),
        client.get("/api/issues/%ff/"),
        client.get("/api/issues/?" + "&".join("a" * 2_040)),
        client.get("/api/issues/", HTTP_HOST="evil.example"),
        client.get("/api/issues/", CONTENT_LENGTH="²"),
        client.post("/api/issues/", b"x" * (LIMIT + 1), content_type="application/json"),
        client.post(
            "/api/issues/",
            b"x" * (LIMIT + 1),
            content_type="multipart/form-data; boundary=x",
            headers={"Idempotency-Key": "k"},
        ),
        client.post("/api/issues/", "[" * 100_000, content_type="application/json"),
    ]

    statuses = [problem(response)["status"] for response in responses]
    assert statuses == [404, 404, 404] + [400] * 3 + [413, 400, 400]


# Anything.

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
NAMES = st.sampled_from(
    [*FIELDS, "content", "is_internal", "at", "session", "user", "version", "ids", "filter", "set"]
)
BODIES = ANYTHING | st.dictionaries(NAMES, ANYTHING, max_size=6)
QUICK = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.parametrize("name", WRITES)
@QUICK
@given(body=BODIES)
def test_any_json_gets_an_answer(client, name, body):
    response = send(client, name, json.dumps(body))

    assert response.status_code < 500
    assert response["Content-Type"] in ("application/json", "application/problem+json")
    response.json()


@pytest.mark.parametrize("path", LISTS)
@QUICK
@given(data=st.data(), text=st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_any_text_as_any_parameter_gets_an_answer(client, path, data, text):
    name = data.draw(st.sampled_from(LISTS[path]))

    response = client.get(f"{path}?{urlencode({name: text})}")

    assert response.status_code < 500
    response.json()


@pytest.mark.parametrize("path", PATHS)
@QUICK
@given(text=st.binary(min_size=1, max_size=40))
def test_any_bytes_in_an_address_get_an_answer(client, path, text):
    response = client.get(path.format(quote(text, safe="")))

    assert response.status_code < 500
    response.json()


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ('{"space": "OPS", "title": "a", "due_on": 1e400}', "/due_on"),
        ('{"space": "OPS", "title": "a", "due_on": 99999999999999999999}', "/due_on"),
        ('{"space": "OPS", "title": "a", "error": {"languages": [NaN]}}', "/error/languages/0"),
        ('{"space": "OPS", "title": "a", "add_labels": {"": "x"}}', "/add_labels"),
    ],
)
def test_the_field_at_fault_is_named(client, ops, body, pointer):
    response = client.post("/api/issues/", body, content_type="application/json")

    assert response.status_code == 400
    assert [error["pointer"] for error in response.json()["errors"]] == [pointer]


def test_a_sighting_needs_its_time_zone(client, ops):
    issue = IssueFactory(space=ops)

    response = client.post(
        f"/api/issues/{issue.uuid}/occurrences/",
        {"at": "2020-01-01T00:00:00"},
        content_type="application/json",
    )

    assert response.status_code == 400
    assert response.json()["errors"][0]["pointer"] == "/at"
