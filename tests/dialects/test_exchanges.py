"""Every recorded exchange comes out as it was recorded, and together they show all that the pages name."""

import json
import re

import pytest

from tests.dialects.replay import FOLDER, SECRET, Clock, files, replay
from tests.openapi import validator
from tracker.accounts.throttling import TokenThrottle
from tracker.dialects.doors import doors
from tracker.docs import document

pytestmark = pytest.mark.django_db

COVERAGE = FOLDER.parent / "coverage.md"
ROW = re.compile(r"\| `(?P<what>[^`]+)` \| `(?P<shown>[^`]+)` \| (?P<files>[^|]+) \|")


@pytest.mark.parametrize(("door", "path"), files(), ids=lambda part: getattr(part, "stem", part))
def test_the_exchange_comes_out_as_it_was_recorded(door, path, monkeypatch):
    exchange = json.loads(path.read_text())
    if "rate" in exchange:
        monkeypatch.setattr(TokenThrottle, "rate", exchange["rate"])

    found = replay(exchange, doors()[door].headers(SECRET), Clock(monkeypatch))

    if "response" not in exchange:
        path.write_text(json.dumps(exchange | {"response": found}, indent=2, ensure_ascii=False) + "\n")
        pytest.fail("It had no response: the one that came is recorded now, and wants to be read.")
    assert found == exchange["response"]


@pytest.mark.parametrize(("door", "path"), files(), ids=lambda part: getattr(part, "stem", part))
def test_the_recorded_answer_is_as_the_door_s_document_says(door, path):
    exchange = json.loads(path.read_text())
    described = json.loads(document(door))
    request, response = exchange["request"], exchange["response"]

    operation = operation_of(described, request)

    if operation is not None and "body" in response:
        said = operation["responses"][str(response["status"])]["content"]
        schema = said[response["headers"]["Content-Type"].partition(";")[0]]["schema"]
        errors = list(validator(described, schema).iter_errors(response["body"]))
        assert not errors, (errors[0].message, list(errors[0].absolute_path))


def operation_of(described, request):
    """The operation that answers a request; None for what the document knows nothing of."""
    address = request["path"].partition("?")[0]
    for path in sorted(described["paths"], key=lambda path: path.count("{")):
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), address):
            return described["paths"][path].get(request["method"].lower())
    return None


def test_every_door_has_exchanges_and_a_table_of_what_they_show():
    assert {door for door, _ in files()} == {door for door, *_ in rows()} == doors().keys()


def rows():
    """[(door, what, JSON path or text that shows it, [files])] of coverage.md."""
    found, door = [], None
    for line in COVERAGE.read_text().splitlines():
        if line.startswith("## "):
            door = line.removeprefix("## ").casefold()
        elif match := ROW.fullmatch(line):
            found.append((door, match["what"], match["shown"], re.findall(r"[\w-]+", match["files"])))
    return found


@pytest.mark.parametrize(("door", "what", "shown", "names"), rows())
def test_what_the_coverage_names_is_shown_by_its_exchanges(door, what, shown, names):
    for name in names:
        exchange = json.loads((FOLDER / door / f"{name}.json").read_text())
        assert is_shown(exchange, shown), (name, shown)


def is_shown(exchange, shown):
    """Whether an exchange has `METHOD /path/{id}`, `key` or `key=value` in its request or its answer."""
    request = exchange["request"]
    if re.match(r"[A-Z]+ /", shown):
        method, _, path = shown.partition(" ")
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path))
        address = request["path"].partition("?")[0]
        return method == request["method"] and re.fullmatch(pattern, address) is not None
    if shown.startswith("?"):
        return re.search(rf"[?&]{re.escape(shown[1:])}", request["path"]) is not None
    if shown.isdigit():
        return exchange["response"]["status"] == int(shown)
    key, equals, value = shown.partition("=")
    pairs = pairs_of([request.get("body"), exchange["response"].get("body"), request.get("headers")])
    return any(name == key and (not equals or str(said) == value) for name, said in pairs)


def pairs_of(value):
    if isinstance(value, dict):
        for name, inner in value.items():
            for each in inner if isinstance(inner, list) else [inner]:
                yield name, each
            yield from pairs_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from pairs_of(inner)
