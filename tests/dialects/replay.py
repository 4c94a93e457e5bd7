"""Recorded exchanges: rows that were there, a request and the whole answer, with clock and ids fixed.

A file is `exchanges/<door>/<name>.json`:

    {"what": "a sentence", "given": [{"issue": {"as": "issue", "title": "…"}}, …],
     "before": [request, …], "request": {"method": "GET", "path": "/issues", "headers": {}, "body": {}},
     "response": {"status": 200, "headers": {}, "body": {}}}

`given` rows are made by the factories on top of the cast (`cast.json`), at BEGAN; `"@name"` is the row of
that name. Then come the requests of `before`, an hour later each, and the one that counts, all by Jane unless
their headers say otherwise; `"rate": "0/min"` is how often a token may call. A file without a response is
given the one that came, for somebody to read, and its test fails.
"""

import json
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from uuid import UUID

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from issues.models import Level
from issues.models.sets import SETS
from tests import factories
from tracker.accounts.throttling import Throttle

FOLDER = Path(__file__).parent / "exchanges"
BEGAN = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)
SECRET = "trk_jane"
CAST = json.loads((FOLDER / "cast.json").read_text())


class Clock:
    """What time it is, and so which ids are made, while exchanges are replayed."""

    def __init__(self, monkeypatch):
        self.now, numbers = BEGAN, count(1)
        clock = self

        class Stopped(datetime):
            @classmethod
            def now(cls, tz=None):
                return clock.now.astimezone(tz) if tz else clock.now.replace(tzinfo=None)

        monkeypatch.setattr("django.utils.timezone.datetime", Stopped)
        monkeypatch.setattr("issues.models.fields.secrets", SimpleNamespace(randbits=lambda _: next(numbers)))
        nanoseconds = SimpleNamespace(time_ns=lambda: int(self.now.timestamp()) * 1_000_000_000)
        monkeypatch.setattr("issues.models.fields.time", nanoseconds)
        monkeypatch.setattr("tracker.dialects.guance.uuid4", lambda: UUID(int=0))
        monkeypatch.setattr(Throttle, "timer", lambda throttle: self.now.timestamp())


def files():
    """[(door, path)] of all exchanges."""
    return [(path.parent.name, path) for path in sorted(FOLDER.glob("*/*.json"))]


def replay(exchange, headers, clock):
    """The answer to an exchange's request, as {"status", "headers", "body" or "text"}.

    `headers` sign Jane in at the door.
    """
    rows = {level.key: level for level in Level.objects.filter(space=None)}
    for given in (*CAST, *exchange.get("given", ())):
        make(given, rows)
    client = Client()
    for request in (*exchange.get("before", ()), exchange["request"]):
        clock.now += timedelta(hours=1)
        response = ask(client, request, headers)
        assert request is exchange["request"] or response.status_code < 300, response.content
    return answer(response)


def make(given, rows):
    """Make a row as a file says, `{"issue": {…}}`; `rows` are those that have names."""
    ((kind, said),) = given.items()
    fields = {name: worth(value, rows) for name, value in said.items() if name != "as"}
    if "uuid" in fields:
        fields["uuid"] = UUID(fields["uuid"])
    if kind in ("issue", "level", "channel", "environment", "team", "attachment"):
        fields.setdefault("space", rows["ops"])
    if kind == "attachment":
        fields["content"] = fields["content"].encode()
    sets = {name: fields.pop(name) for name in SETS if name in fields}
    factory = getattr(factories, f"{kind.title()}Factory")
    row = factory.build(**fields) if sets else factory(**fields)
    for name, value in sets.items():
        setattr(row, name, value)
    if sets:
        row.save()
    rows[said.get("as")] = row


def worth(value, rows):
    if isinstance(value, str) and value.startswith("@"):
        return rows[value[1:]]
    if isinstance(value, list):
        return [worth(each, rows) for each in value]
    return value


def ask(client, request, headers):
    headers = request.get("headers", headers)
    if "file" in request:
        upload = SimpleUploadedFile(request["file"]["name"], request["file"]["text"].encode())
        return client.post(request["path"], {"file": upload}, headers=headers)
    body = json.dumps(request["body"]) if "body" in request else request.get("text", "")
    return client.generic(
        request["method"], request["path"], body, content_type="application/json", headers=headers
    )


def answer(response):
    """An answer as files keep it."""
    kept = {"status": response.status_code, "headers": {"Content-Type": response.get("Content-Type")}}
    if response.streaming:
        return kept | {"text": b"".join(response.streaming_content).decode()}
    if response.status_code == 429:
        kept["headers"] |= {name: value for name, value in response.items() if name.startswith("X-RateLimit")}
    if not response.content:
        return {"status": response.status_code, "headers": {}}
    return kept | {"body": response.json()}
