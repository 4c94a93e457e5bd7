"""How tests of the native API call it, and what they ask of its answers."""

import json


def send(client, method, path, body=None, **headers):
    """The response to a request with `body` as JSON; nothing is asked of it."""
    sent = "" if body is None else json.dumps(body)
    return client.generic(method.upper(), path, sent, content_type="application/json", headers=headers)


def done(response, status=200):
    """The document of an answer of this status, None where it has none."""
    assert response.status_code == status, response.content
    return response.json() if response.content else None


def pointers(response, status=400):
    """Which fields or parameters a refusal of this status names."""
    assert response.status_code == status, response.content
    return [error.get("pointer", error.get("parameter")) for error in response.json()["errors"]]


def names(response):
    return [row["name"] for row in done(response)["results"]]


def url(folder, row):
    return f"/api/{folder}/{row.uuid}/"
