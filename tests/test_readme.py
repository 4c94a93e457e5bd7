"""What the README claims is true."""

import re
import shlex
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands
from django.test import Client

from issues import query
from issues.models import Issue
from tests.factories import EnvironmentFactory, IssueFactory, TokenFactory
from tracker.dialects.doors import doors
from tracker.dialects.ids import ulid_of

README = (settings.BASE_DIR / "README.md").read_text()


def curl_lines():
    """The calls of the README's API section as argument lists, its shell variables filled in."""
    section = README.split("## The REST API in ten lines")[1].split("##")[0]
    values = {
        "$auth": "Authorization: Bearer trk_readme",
        "$json": "Content-Type: application/json",
        "$api": "/api",
    }
    for line in re.findall(r"curl [^;#\n]+?(?:'[^']*'[^;#\n]*)?(?=;|  #|\n)", section):
        for name, value in values.items():
            line = line.replace(name, value)
        yield shlex.split(line)


def perform(client, arguments):
    """Do what curl would do with these arguments."""
    method, data, path, headers, rest = None, None, None, {}, iter(arguments[1:])
    for argument in rest:
        if argument == "-H":
            name, _, value = next(rest).partition(": ")
            headers[name] = value
        elif argument == "-X":
            method = next(rest)
        elif argument == "-d":
            data = next(rest)
        else:
            path = argument
    headers = {name: value for name, value in headers.items() if name != "Content-Type"}
    method = method or ("POST" if data else "GET")
    return client.generic(method, path, data or "", content_type="application/json", headers=headers)


@pytest.mark.django_db
def test_the_ten_lines_of_the_api_work_in_their_order(ops, bob):
    TokenFactory(secret="trk_readme", user=bob, space=ops)
    IssueFactory(space=ops)

    statuses = [perform(Client(), arguments).status_code for arguments in curl_lines()]

    assert statuses == [200, 201, 200, 200, 201, 200, 200, 200, 204, 200]
    assert Issue.objects.get(number=1).labels == {"team": "db"}


def door_rows():
    """[(product, base URL, header, call)] of the README's table of doors."""
    section = README.split("## Other products' APIs")[1].split("## Configuration")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def test_the_table_of_doors_has_all_of_them():
    assert [row[0].partition(",")[0] for row in door_rows()] == [
        "Qarion", "Zylon", "Guance", "Versori", "Datadog",
    ]  # fmt: skip
    assert {row[0].partition(",")[0] for row in door_rows()} == {door.title for door in doors().values()}


@pytest.mark.django_db
@pytest.mark.parametrize("title, base, header, call", door_rows())
def test_a_first_call_of_a_door_finds_an_issue(title, base, header, call, ops, bob):
    TokenFactory(secret="trk_readme", user=bob, space=ops)
    issue = IssueFactory(space=ops)
    door = next(door for door in doors().values() if door.title == title.partition(",")[0])
    values = {"$HOST": "", "$TOKEN": "trk_readme", "$ORG": ulid_of(ops.uuid)}
    for name, value in values.items():
        base, header, call = (text.replace(name, value) for text in (base, header, call))

    response = perform(Client(), shlex.split(call.strip("`")))

    assert response.status_code == 200, response.content
    assert door.address(issue).startswith(base.strip("`"))
    assert set(re.findall(r"`([^`]+)`", header)) == {
        f"{n}: {v}" for n, v in door.headers("trk_readme").items()
    }
    ids = (str(issue.uuid), issue.uuid.hex, ulid_of(issue.uuid))
    assert any(form in response.content.decode() for form in ids)


@pytest.mark.django_db
@pytest.mark.parametrize("door", doors())
def test_the_pages_of_a_door_s_document_are_where_it_says(door, client):
    assert f"`{door}`" in README or f"/api/docs/{door}/" in README
    assert (
        client.get(f"/api/docs/{door}/").status_code == client.get(f"/api/schema/{door}/").status_code == 200
    )


@pytest.mark.django_db
def test_the_queries_it_shows_mean_something(ops, bob):
    issue = IssueFactory(space=ops)
    issue.labels = {"component": "cart"}
    issue.save()
    for name in ("production", "staging"):
        EnvironmentFactory(space=ops, name=name)
    section = README.split("## Searching")[1].split("## ")[0]
    queries = [line.partition("  #")[0].strip() for line in section.splitlines() if line.startswith("    ")]

    words = [query.explain(text, bob) for text in queries]

    assert len(words) == 5 and all(words)


def test_the_variables_it_lists_are_those_that_the_settings_read():
    listed = set(re.findall(r"^\| `([A-Z_]+)` \|", README, re.MULTILINE))

    source = Path(settings.BASE_DIR, "tracker/settings.py").read_text()
    read = set(re.findall(r'env[.a-z_]*\("([A-Z_]+)"', source))

    assert listed == read - {"TEST_DATABASE_NAME"}


def test_the_commands_it_names_exist():
    named = set(re.findall(r"manage\.py (\w+)", README))

    assert named and named <= get_commands().keys()


def test_the_targets_it_names_are_in_the_makefile():
    targets = set(re.findall(r"^(\w+):", Path(settings.BASE_DIR, "Makefile").read_text(), re.MULTILINE))

    assert {"run", "test"} <= targets


def test_the_folders_it_lists_are_all_there_are():
    listed = set(re.findall(r"`(\w+)/`", README.split("## Folders")[1].split("## Licence")[0]))

    there = {path.name for path in settings.BASE_DIR.iterdir() if path.is_dir() and path.name[0] != "."}

    assert there - {"__pycache__", "build"} - {p for p in there if p.endswith("egg-info")} <= listed
