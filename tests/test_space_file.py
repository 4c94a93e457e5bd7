"""`export_issues` and `import_issues --format jsonl`: a space moves without loss, and garbage stays out."""

import json
import os
import re
import subprocess
import sys
from contextlib import suppress
from copy import deepcopy
from io import BytesIO, StringIO
from uuid import uuid4

import orjson
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from comments.models import Comment, CommentAttachment
from issues import markdown
from issues.models import (
    Channel,
    HistoryEntry,
    Issue,
    IssueChannel,
    Membership,
    Occurrence,
    Outbox,
    Space,
    TextVersion,
)
from tests.conftest import person
from tests.factories import IssueFactory, LevelFactory, SpaceFactory
from tests.processes import at_once
from tests.spaces import full_space
from tracker import space_export, space_file, space_import
from tracker.accounts.models import User

pytestmark = pytest.mark.django_db

UUID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.fixture
def full(ops, alice, bob, vera):
    full_space(ops, alice, bob, vera)
    return ops


@pytest.fixture(scope="module")
def exported():
    return []


@pytest.fixture
def lines(db, exported):
    """The lines of a full space that is not here, as objects."""
    if not exported:
        with transaction.atomic():
            space = SpaceFactory(key="OPS")
            cast = (("admin", "Alice Owner"), ("member", "Bob Colleague"), ("viewer", "Vera Viewer"))
            full_space(space, *(person(space, role, name) for role, name in cast))
            exported.append(export(space))
            transaction.set_rollback(True)
    return [orjson.loads(line) for line in exported[0].splitlines()]


@pytest.fixture
def run(tmp_path):
    """A function that imports bytes, or lines as objects, and gives what was said of it."""

    def run(data, **options):
        path, said = tmp_path / "in.jsonl", StringIO()
        path.write_bytes(data if isinstance(data, bytes) else b"".join(map(as_line, data)))
        call_command("import_issues", str(path), format="jsonl", stdout=said, **options)
        return said.getvalue()

    return run


@pytest.fixture
def refused(run):
    """A function that gives why bytes or lines are refused, and makes sure that nothing was written."""

    def refused(data, **options):
        before = counts()
        with pytest.raises(CommandError) as refusal:
            run(data, space=options.pop("space", "COPY"), **options)
        assert counts() == before
        said = str(refusal.value)
        assert said.endswith(". Nothing was imported.")
        return said.partition("in.jsonl, ")[2].removesuffix(". Nothing was imported.")

    return refused


def counts():
    models = (Space, User, Issue, Comment, HistoryEntry, TextVersion, Channel, Outbox)
    return [model.objects.count() for model in models]


def as_line(said):
    return json.dumps(said, ensure_ascii=False).encode() + b"\n"


def export(space):
    return b"".join(space_export.lines(space))


def objects(space):
    """The lines of a space as objects."""
    return [orjson.loads(line) for line in export(space).splitlines()]


def of(lines, kind, place=0):
    """One line of a kind, to be changed."""
    return [line for line in lines if line["type"] == kind][place]


def number_of(lines, line):
    return lines.index(line) + 1


def verify():
    said = StringIO()
    call_command("verify_history", stdout=said)
    return said.getvalue()


def anonymised(data, key):
    """An export without what differs in a copy: uuids are numbered as they come, hashes left out."""
    names = {}
    data = UUID.sub(lambda found: b"uuid-%d" % names.setdefault(found[0], len(names)), data)
    data = re.sub(rb'"(previous_)?hash":"[0-9a-f]*"', b"", data)
    return data.replace(b'"key":"%s"' % key.encode(), b"")


# What the file holds.


def test_the_space_of_the_tests_has_a_value_in_every_column(full):
    lines = objects(full)

    for kind in ("issue", "comment", "entry", "occurrence", "attachment", "text"):
        for column in space_file.columns(kind):
            values = {json.dumps(line[column.name]) for line in lines if line["type"] == kind}
            # Two values, or one that nobody left as it is by default.
            assert len(values) > 1 or values - {"null", '""', "false", "{}", "[]"}, (kind, column.name)


def test_every_column_of_an_issue_is_in_the_file_or_follows_from_others():
    said = {field.name for kind in ("issue", "comment") for field in space_file.columns(kind)}

    for kind in ("issue", "comment"):
        model, left_out = space_file.KINDS[kind]
        names = {field.name for field in model._meta.concrete_fields}
        assert names - said <= left_out
        assert set(model.FIELDS) <= {field.attname for field in space_file.columns(kind)}


def test_the_same_space_gives_the_same_bytes(full):
    assert export(full) == export(full)


def test_the_command_writes_a_file_for_its_owner_alone(full, tmp_path):
    said = StringIO()

    call_command("export_issues", "ops", output=str(tmp_path / "ops.jsonl"), stdout=said)

    data = (tmp_path / "ops.jsonl").read_bytes()
    assert data == export(full)
    assert (tmp_path / "ops.jsonl").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["ops.jsonl"]
    assert said.getvalue() == f"OPS: {len(data.splitlines())} lines, {len(data):,} bytes.\n"


def test_the_command_writes_to_the_standard_output(full, monkeypatch):
    out = BytesIO()
    monkeypatch.setattr(sys, "stdout", type("Out", (), {"buffer": out})())

    call_command("export_issues", "OPS")

    assert out.getvalue() == export(full)


@pytest.mark.parametrize(
    "space, output, reason",
    [
        ("NONE", "x.jsonl", "There is no space NONE."),
        ("OPS", "missing/x.jsonl", "cannot be written: No such file or directory."),
    ],
)
def test_an_export_that_cannot_be_says_why(ops, tmp_path, space, output, reason):
    with pytest.raises(CommandError, match=reason):
        call_command("export_issues", space, output=str(tmp_path / output))


def test_an_export_that_fails_leaves_no_file(full, tmp_path, monkeypatch):
    monkeypatch.setattr(space_export, "texts", lambda space: 1 / 0)
    (tmp_path / "ops.jsonl").write_text("yesterday's")

    with pytest.raises(ZeroDivisionError):
        call_command("export_issues", "OPS", output=str(tmp_path / "ops.jsonl"))

    assert [path.read_text() for path in tmp_path.iterdir()] == ["yesterday's"]


def test_what_is_nobody_s_business_is_not_in_the_file(full, alice):
    alice.set_password("correct horse battery")
    alice.save()

    data = export(full)

    assert alice.password.encode() not in data
    assert b"correct horse" not in data and b"hunter2" not in data
    assert b"membership" not in data and b"is_superuser" not in data


def test_an_export_costs_the_same_statements_for_more_issues(full, django_assert_num_queries):
    with CaptureQueriesContext(connection) as few:
        export(full)
    for _ in range(7):
        IssueFactory(space=full)

    with django_assert_num_queries(len(few)):
        export(full)


@pytest.mark.django_db(transaction=True)
def test_an_export_is_of_one_moment_and_keeps_nobody_waiting(full):
    with space_export.snapshot():
        lines = space_export.lines(Space.objects.get())
        before = [next(lines)]
        at_once(1, lambda _: IssueFactory(space=full, title="Written meanwhile"))
        before += lines
    now = export(full)

    assert b"Written meanwhile" not in b"".join(before)
    assert b"Written meanwhile" in now


# Into another installation.

FRESH = """
import sys, django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
call_command("import_issues", sys.argv[1], format="jsonl")
call_command("export_issues", "OPS", output=sys.argv[2])
call_command("verify_history")
"""


def test_a_space_that_moves_is_the_same_there_to_the_byte(full, tmp_path):
    (tmp_path / "out.jsonl").write_bytes(export(full))

    there = subprocess.run(
        [sys.executable, "-c", FRESH, str(tmp_path / "out.jsonl"), str(tmp_path / "back.jsonl")],
        cwd=settings.BASE_DIR,
        env=os.environ
        | {
            "DATABASE_URL": f"sqlite:///{tmp_path}/there.sqlite3",
            "MEDIA_ROOT": str(tmp_path / "media"),
            "DJANGO_SETTINGS_MODULE": "tracker.settings",
            "DEBUG": "1",
        },
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert there.returncode == 0, there.stderr
    assert "Every hash of its history is that of the file." in there.stdout
    assert "Uploads to be copied into MEDIA_ROOT still: 2." in there.stdout
    assert "Nobody is a member of OPS yet." in there.stdout
    assert "History holds" in there.stdout
    assert (tmp_path / "back.jsonl").read_bytes() == export(full)


# Into a second space of the same installation.


def test_a_copy_is_the_same_but_for_its_uuids(full, run):
    said = run(export(full), space="copy")

    copy = Space.objects.get(key="COPY")
    assert anonymised(export(copy), "COPY") == anonymised(export(full), "OPS")
    assert "COPY: 5 issues, 3 comments" in said
    assert "Chains sealed anew for it: 5;" in said
    assert verify().startswith("History holds")


def test_a_copy_shares_no_row_but_people_and_the_system_s_levels(full, run):
    run(export(full), space="COPY")

    copied = objects(Space.objects.get(key="COPY"))
    mine = {line["uuid"] for line in objects(full) if "uuid" in line and line["type"] != "person"}
    theirs = {line["uuid"] for line in copied if "uuid" in line and line["type"] != "person"}
    assert not mine & theirs
    assert of(copied, "header")["system_levels"] == of(objects(full), "header")["system_levels"]


def test_texts_are_rendered_with_the_links_of_the_copy(full, run):
    run(export(full), space="COPY")

    issue, comment = (
        Issue.objects.get(space__key="COPY", number=1),
        Comment.objects.filter(issue__space__key="COPY")[0],
    )
    assert 'href="/issues/COPY-2/"' in issue.description_rendered
    assert issue.renderer_version == comment.renderer_version == markdown.RENDERER_VERSION
    assert comment.content_rendered == "<p>I have looked into it</p>"


def test_the_next_issue_takes_the_next_number_and_is_on_record(full, run):
    run(export(full), space="COPY")

    copy = Space.objects.get(key="COPY")
    assert IssueFactory(space=copy).number == 6
    issue = Issue.objects.get(space=copy, number=2)
    issue.title = "Changed here"
    issue.save()
    assert verify().startswith("History holds")


def test_nobody_is_told_of_what_is_imported(full, run):
    before = Outbox.objects.count()

    run(export(full), space="COPY")

    assert Outbox.objects.count() == before


def test_an_import_gives_nobody_a_way_in(full, run, alice):
    run(export(full), space="COPY")

    assert not Membership.objects.filter(space__key="COPY").exists()


def test_the_admin_that_is_named_gets_in(full, run, alice):
    run(export(full), space="COPY", admin="alice@example.com")

    assert [row.user for row in Membership.objects.filter(space__key="COPY")] == [alice]


def test_it_is_the_same_where_other_processes_read_an_issue_each_and_its_sightings_one_by_one(
    full, run, monkeypatch
):
    monkeypatch.setattr(space_import, "LINES", 1)

    run(export(full), space="COPY")

    copy = Space.objects.get(key="COPY")
    assert anonymised(export(copy), "COPY") == anonymised(export(full), "OPS")
    call_command("check_derived", stdout=StringIO())


def test_an_empty_space_is_filled_and_keeps_what_it_has(full, run):
    space = SpaceFactory(key="COPY", name="My own")
    default = space.channels.get()

    run(export(full), space="COPY")

    space.refresh_from_db()
    assert space.name == "My own"
    assert space.channels.get(is_default=True).uuid == default.uuid
    assert space.issues.count() == 5
    assert verify().startswith("History holds")


def test_an_empty_space_makes_an_empty_space(ops, run):
    run(export(ops), space="COPY")

    assert Space.objects.get(key="COPY").name == ops.name
    assert verify().startswith("History holds")


def test_a_second_import_says_that_the_space_is_not_empty(full, run, refused):
    run(export(full), space="COPY")

    assert refused(export(full)) == "line 1: the space COPY is here already and not empty"
    assert refused(export(full), space=None) == "line 1: the space OPS is here already and not empty"


def test_a_space_with_nothing_but_a_deleted_issue_is_not_empty(full, refused):
    IssueFactory(space=SpaceFactory(key="COPY")).trash()

    assert refused(export(full)) == "line 1: the space COPY is here already and not empty"


def test_a_text_that_is_blanked_in_the_file_is_blanked_here(full, run):
    run(export(full), space="COPY")

    text = TextVersion.objects.get(space__key="COPY", text="")
    assert (text.blanked_by.name, text.blanked_why) == ("Alice Owner", "Secret")


def test_rows_of_the_space_are_on_its_own_record(full, run):
    run(export(full), space="COPY")

    chain = HistoryEntry.objects.filter(space__key="COPY", issue=None)
    said = set(chain.values_list("action", "source"))
    assert {("level_created", "import"), ("team_created", "import"), ("channel_created", "import")} <= said
    assert not IssueChannel.objects.filter(channel__space__key="COPY", is_manual=False, issue__number=1)


# People.


def renamed(lines, old, new):
    return [orjson.loads(orjson.dumps(line).replace(old.encode(), new.encode())) for line in lines]


def test_a_person_is_known_by_e_mail_under_another_uuid(full, run, bob):
    lines = resealed(renamed(objects(full), str(bob.uuid), str(uuid4())))

    run(lines, space="COPY")

    assert Issue.objects.get(space__key="COPY", number=1).assignee == bob
    assert verify().startswith("History holds")


def test_a_person_who_is_not_here_is_made_and_cannot_sign_in(full, run):
    strange = renamed(objects(full), "bob@example.com", "new@example.com")
    lines = resealed(renamed(strange, str(User.objects.get(email="bob@example.com").uuid), str(uuid4())))

    run(lines, space="COPY")

    made = User.objects.get(email="new@example.com")
    assert not made.has_usable_password()
    assert (made.name, made.is_staff, made.is_superuser) == ("Bob Colleague", False, False)
    assert Issue.objects.get(space__key="COPY", number=1).assignee == made


def test_two_people_of_the_file_do_not_become_one(full, refused, alice, bob):
    lines = objects(full)
    line = next(line for line in lines if line.get("email") == "bob@example.com")
    line |= {"uuid": str(uuid4()), "email": "ALICE@example.com"}
    lines.sort(key=lambda said: said is line)
    lines.insert(2, lines.pop())

    said = refused(lines)

    assert "two people of the file are one here, alice@example.com" in said


# What is refused.


def resealed(lines):
    """Lines whose chains are sealed anew, as a clever forger would."""
    space, issue, previous = of(lines, "header")["space"]["uuid"], None, ""
    for line in lines:
        if line["type"] == "issue":
            issue, previous = line["uuid"], ""
        if line["type"] == "entry":
            sealed = HistoryEntry(**space_file.read("entry", line))
            actor = line["actor"] and space_file.as_reference("", line["actor"])
            sealed.seal(previous, *map(space_file.as_reference, "..", (space, issue)), actor)
            line["previous_hash"], line["hash"] = previous, sealed.hash
            previous = sealed.hash
    return lines


def test_a_file_that_is_sealed_anew_as_it_was_is_the_same(full):
    assert resealed(objects(full)) == objects(full)


@pytest.mark.parametrize(
    "column", ["new_display", "actor", "created_at", "source", "batch", "hash", "version"]
)
def test_an_entry_that_was_tampered_with_is_named(lines, refused, column):
    entry = of(lines, "entry", 2)
    other = {
        "actor": of(lines, "person", 1)["uuid"],
        "created_at": "2020-01-01T00:00:00Z",
        "batch": str(uuid4()),
        "version": entry["version"] + 1,
        "hash": "0" * 64,
    }
    entry[column] = other.get(column, "x")

    said = refused(lines)

    assert said == (
        f"line {number_of(lines, entry)}: OPS-1 entry {entry['position']} ({entry['action']}): "
        "hash does not match"
    )


def test_an_entry_that_is_gone_is_missed(lines, refused):
    gone = of(lines, "entry", 1)
    place = number_of(lines, gone)
    lines.remove(gone)

    assert refused(lines).startswith(f"line {place}: OPS-1 entry 3")
    assert refused(lines).endswith("entry 2 is missing")


def test_a_row_that_its_history_does_not_tell_of_is_refused_though_every_hash_is_right(lines, refused):
    of(lines, "issue", 1)["title"] = "Something else"

    assert refused(lines).endswith("its history does not hold: COPY-2: its title is not what history says")


def test_a_forged_value_is_refused_though_it_was_sealed_anew(lines, refused):
    entry = next(line for line in lines if line.get("field") == "status")
    entry["new_value"] = '"open"'

    assert "COPY-2: its" in refused(resealed(lines))


@pytest.mark.parametrize(
    "kind, values, reason",
    [
        ("issue", {"description": "forged"}, "OPS-1: its description is not what history says"),
        ("issue", {"version": 99}, "OPS-1: its row is at version 99"),
        ("issue", {"created_at": "2020-01-01T00:00:00Z"}, "OPS-1: its created_at is not what history says"),
        ("issue", {"assignee": None}, "OPS-1: its assignee is not what history says"),
        ("issue", {"labels": {}}, "OPS-1: its labels are not what history says"),
        ("issue", {"teams": []}, "OPS-1: its teams are not what history says"),
        ("issue", {"channels": []}, "OPS-1: its channels are not what history says"),
        ("issue", {"attachments": []}, "OPS-1: its attachments are not what history says"),
        ("comment", {"content": "forged"}, "is not what history says"),
        ("comment", {"attachments": []}, "is not what history says"),
        ("comment", {"deleted_at": "2026-01-01T00:00:00Z"}, "is not what history says"),
    ],
)
def test_a_file_as_it_came_is_refused_where_a_row_is_not_what_history_says(
    lines, refused, kind, values, reason
):
    of(lines, kind).update(values)

    assert reason in refused(lines, space=None)


def test_a_text_that_history_names_is_missed(lines, refused):
    title = next(line for line in lines if line.get("text") == of(lines, "issue")["title"])
    lines.remove(title)
    of(lines, "end")["lines"] -= 1

    assert "its text is missing" in refused(lines, space=None)


def test_a_text_that_was_blanked_off_the_record_is_refused(lines, refused):
    of(lines, "text").update(text="", blanked_at="2026-01-01T00:00:00Z")

    assert "its text was blanked off the record" in refused(lines, space=None)


def test_what_is_counted_and_searched_of_an_import_is_right(lines, run):
    run(lines)

    call_command("check_derived", stdout=StringIO())
    assert verify().startswith("History holds")


def changed(kind, place=0, **values):
    def change(lines):
        line = of(lines, kind, place)
        line.update(values)
        return line

    return change


def without(kind, name):
    def change(lines):
        del of(lines, kind)[name]
        return of(lines, kind)

    return change


def twice(kind, behind=None, **values):
    """Put a copy of the first line of a kind, changed, behind the last of it or of another one."""

    def change(lines):
        copy = of(lines, kind) | values
        last = max(index for index, line in enumerate(lines) if line["type"] == (behind or kind))
        lines.insert(last + 1, copy)
        return copy

    return change


NOWHERE = "0190a6c4-7b1e-7c3a-9d52-0123456789ab"


@pytest.mark.parametrize(
    "change, reason",
    [
        (changed("issue", title=7), "title: not a text"),
        (changed("issue", title=""), "title: there is none"),
        (changed("issue", title="a\nb"), "title: A title is one line"),
        (changed("issue", title="x" * 501), "title: At most 500 characters"),
        (changed("issue", title="a\0b"), "NUL characters are not allowed"),
        (changed("issue", extensions={"a": ["\0"]}), "NUL characters are not allowed"),
        (changed("issue", extensions=[]), "extensions: An object"),
        (changed("issue", annotations={"a": 1}), "annotations: Strings of at most 256"),
        (changed("issue", languages=[1]), "languages: A list of names"),
        (changed("issue", status="lost"), "status: 'lost' is not one of open"),
        (changed("issue", status="closed", resolution="ignored"), "resolution: it does not fit the status"),
        (changed("issue", is_crash=1), "is_crash: neither true nor false"),
        (changed("issue", number=True), "number: not a whole number"),
        (changed("issue", number=1.0), "number: not a whole number"),
        (changed("issue", number=0), "number: not from 1 to 999999999"),
        (changed("issue", number=10**12), "number: not from 1 to 999999999"),
        (changed("issue", seen_count=-1), "seen_count: From 0 to"),
        (changed("issue", seen_count=2**63), "seen_count: From 0 to"),
        (changed("issue", version=None), "version: This may not be null"),
        (changed("issue", due_on="2026-02-30"), "due_on: not a date"),
        (changed("issue", due_on=20260101), "due_on: not a date"),
        (changed("issue", created_at="yesterday"), "created_at: not a time in UTC"),
        (changed("issue", created_at="2026-01-01T00:00:00"), "created_at: not a time in UTC"),
        (changed("issue", created_at=0), "created_at: not a time in UTC"),
        (changed("issue", uuid="x"), "uuid: not a uuid"),
        (changed("issue", uuid=None), "uuid: This may not be null"),
        (changed("issue", level=NOWHERE), f"level: the file has no level {NOWHERE}"),
        (changed("issue", level=[]), "level: not a uuid"),
        (changed("issue", assignee=NOWHERE), f"assignee: the file has no person {NOWHERE}"),
        (changed("issue", updated_by=NOWHERE), f"updated_by: the file has no person {NOWHERE}"),
        (changed("issue", project=NOWHERE), f"project: the file has no project {NOWHERE}"),
        (changed("issue", labels=[]), "labels: not an object"),
        (changed("issue", labels={"a": 1}), "labels: Keys and values of labels are strings."),
        (changed("issue", labels={"x" * 65: ""}), "labels: At most 64 characters"),
        (changed("issue", teams={}), "teams: not a list"),
        (changed("issue", teams=[NOWHERE] * 2), "teams: one is there twice"),
        (changed("issue", attachments=[str(uuid4()) for _ in range(21)]), "attachments: At most 20"),
        (changed("issue", teams=[NOWHERE]), f"teams: the file has no team {NOWHERE}"),
        (changed("issue", channels=[NOWHERE]), "channels: not objects with id and is_manual"),
        (
            changed("issue", channels=[{"id": NOWHERE, "is_manual": True}]),
            "channels: the file has no channel",
        ),
        (changed("issue", attachments=[NOWHERE]), "attachments: the file has no attachment"),
        (changed("issue", more=1), "more: there is no such field"),
        (without("issue", "kind"), "kind: it is missing"),
        (without("comment", "attachments"), "attachments: it is missing"),
        (changed("comment", content="x" * 65_536), "content: At most 65535 characters"),
        (changed("comment", issue=99), "issue: the comment is not of the issue above"),
        (changed("entry", issue=99), "issue: the entry is not of the issue above"),
        (changed("occurrence", issue="1"), "issue: the occurrence is not of the issue above"),
        (changed("entry", actor=NOWHERE), f"actor: the file has no person {NOWHERE}"),
        (changed("entry", position=7), "entry 1 is missing"),
        (changed("entry", position=2**64), "position: not a whole number"),
        (changed("entry", source="x" * 17), "source: At most 16 characters"),
        (changed("text", text="x"), "text: not what its sha256 says"),
        (changed("text", sha256=7), "sha256: not a text"),
        (changed("attachment", file="../../secret"), "file: no path of an upload"),
        (changed("attachment", file="/etc/passwd"), "file: no path of an upload"),
        (changed("attachment", content_type="text/html\nX-Y: z"), "content_type: not of its form"),
        (changed("attachment", sha256="x"), "sha256: not of its form"),
        (changed("attachment", uploaded_by=NOWHERE), "uploaded_by: the file has no person"),
        (changed("level", rank=-1), "rank: From 0 to 32767"),
        (changed("level", color="red"), "color: #RRGGBB"),
        (changed("level", key=""), "key: This may not be blank."),
        (changed("person", email="x"), "email: Enter a valid email address"),
        (changed("person", name=" "), "name: a person needs one"),
        (changed("person", is_superuser=True), "is_superuser: there is no such field"),
        (changed("header", version=2), "it is no file of the format tracker-space, version 1"),
        (changed("header", format="x"), "it is no file of the format tracker-space, version 1"),
        (changed("header", space=[]), "space: not an object"),
        (changed("header", system_levels={"P9": NOWHERE}), "system_levels: there is no level 'P9' here"),
        (changed("header", type="head"), "there is no type 'head'"),
        (changed("issue", type="space"), "there is no type 'space'"),
        (changed("issue", type=["issue"]), "it is no object with a type"),
        (changed("end", lines=3), "lines: some are missing or too many"),
        (twice("header"), "a header comes first, and once"),
        (twice("end"), "it comes after the end"),
        (twice("person"), "two people of the file are one here"),
        (twice("team"), "uuid: an earlier line has it"),
        (twice("text"), "sha256: not after the one before"),
        (twice("issue", "occurrence", number=99, attachments=[]), "uuid: an earlier line has it"),
        (twice("issue", "occurrence", uuid=NOWHERE, attachments=[]), "number: an earlier issue has it"),
        (twice("comment"), "uuid: an earlier line has it"),
        (twice("comment", "entry"), "no comment comes after a line of the type entry"),
        (twice("level", "issue"), "no level comes after a line of the type issue"),
        (twice("entry"), "issue: the entry is not of the issue above"),
    ],
)
def test_a_line_with_something_wrong_in_it_is_named(lines, refused, change, reason):
    line = change(lines)

    said = refused(lines)

    place = max(index for index, other in enumerate(lines, 1) if other is line)
    assert said.startswith(f"line {place}: ")
    assert reason in said


@pytest.mark.parametrize("kind", ["issue", "comment", "entry", "occurrence"])
def test_a_uuid_that_is_there_twice_is_named(lines, refused, kind):
    of(lines, kind, 1)["uuid"] = of(lines, kind, 0)["uuid"]

    assert "uuid: an earlier line has it" in refused(resealed(lines))


@pytest.mark.parametrize(
    "line, reason",
    [
        (b"[" * 1_000_000 + b"\n", "JSON is nested deeper than 64"),
        (b'{"type":' + b'{"a":' * 500 + b"1" + b"}" * 501 + b"\n", "JSON is nested deeper than 64"),
        (b'{"type": "person", "uuid": "\xff"}\n', "it is not UTF-8"),
        (b'{"type": "person", "uuid": "\\ud800"}\n', "it is not JSON"),
        (b'{"type": "person", "uuid": NaN}\n', "it is not JSON"),
        (b'{"type": "person", "uuid": 1e999}\n', "it is not JSON"),
        (b"\n", "it is not JSON"),
        (b"7\n", "it is no object with a type"),
        (b"{}\n", "it is no object with a type"),
        (b'{"type": "person"', "the file ends in the middle of it"),
        (b'{"type": "' + b"x" * space_file.LINE + b'"}\n', "it is longer than 8388608 bytes"),
        (b"\x00\n", "it is not JSON"),
    ],
)
@pytest.mark.parametrize("after", [0, 1])
def test_a_line_that_is_none_is_named(ops, refused, line, reason, after):
    lines = export(ops).splitlines(keepends=True)

    assert refused(b"".join([*lines[:after], line])) == f"line {after + 1}: {reason}"


def test_a_line_that_names_its_type_twice_is_refused(full, refused):
    whole = export(full).replace(b'{"type":"issue",', b'{"type":"issue","type":"comment",', 1)
    place = [line[:15] for line in whole.splitlines()].index(b'{"type":"issue"') + 1

    assert refused(whole) == f"line {place}: type: it is there twice"


def test_the_type_of_a_line_may_stand_anywhere_in_it(full, run):
    lines = [dict(reversed(line.items())) for line in objects(full)]

    run("".join(f"{json.dumps(line)}\n" for line in lines).encode(), space="COPY")

    assert Space.objects.get(key="COPY").issues.count() == 5


def test_the_first_of_two_wrong_lines_is_named_also_where_other_processes_read(lines, refused, monkeypatch):
    monkeypatch.setattr(space_import, "LINES", 1)
    of(lines, "issue")["title"] = ""
    place = lines.index(of(lines, "issue")) + 1
    lines[-2]["type"] = "nonsense"

    assert refused(lines) == f"line {place}: title: there is none"


def test_an_empty_file_is_refused(ops, refused):
    assert refused(b"") == "line 1: the file is cut off: it has no end"


def test_a_file_that_was_cut_off_is_refused_wherever_it_was(full, refused):
    lines = export(full).splitlines(keepends=True)

    for length in (1, 5, len(lines) // 2, len(lines) - 1):
        assert refused(b"".join(lines[:length])) == f"line {length}: the file is cut off: it has no end"


def test_a_file_that_lost_a_line_is_refused(full, refused):
    lines = [line for line in objects(full) if line["type"] != "occurrence"]

    assert refused(lines) == f"line {len(lines)}: lines: some are missing or too many"


def test_rows_that_clash_with_those_of_the_space_are_refused(full, refused):
    SpaceFactory(key="COPY").channels.create(name=full.channels.filter(is_default=False)[0].name)

    assert "the database refuses this or a line shortly before" in refused(export(full))


def test_the_channel_that_holds_everything_is_no_member_of_a_set(lines, refused):
    default = lines[0]["default_channel"]["uuid"]
    of(lines, "issue")["channels"] = [{"id": default, "is_manual": True}]

    assert "the default channel holds every issue by itself" in refused(lines)


def test_a_file_belongs_to_one_issue_or_comment(lines, refused):
    of(lines, "comment")["attachments"] = of(lines, "issue")["attachments"]

    assert "attachments: one belongs to an earlier issue or comment" in refused(lines)


def test_a_value_of_history_that_names_nothing_is_refused(lines, refused):
    entry = of(lines, "entry")
    entry["new_value"] = entry["new_value"].replace(of(lines, "issue")["project"], NOWHERE)

    assert f"project: the file has no project {NOWHERE}" in refused(resealed(lines))


@pytest.mark.parametrize(
    "value", ["{", "[" * 100 + "]" * 100, "[[]]", '{"level": {}}', '{"teams": [[]]}', "7"]
)
def test_a_value_of_history_that_is_none_is_refused(lines, refused, value):
    of(lines, "entry")["new_value"] = value

    assert refused(resealed(lines)).startswith("line ")


def test_a_level_of_another_space_is_none_of_the_file(lines, refused):
    of(lines, "issue")["level"] = str(LevelFactory().uuid)

    assert "level: the file has no level" in refused(lines)


@pytest.mark.parametrize("key", ["x", "A-B", "WAYTOOLONGKEY", "1A"])
def test_a_key_that_is_none_is_refused(full, refused, key):
    assert refused(export(full), space=key).startswith("line 1: key: ")


def test_a_file_that_is_not_there_is_said_so(ops, tmp_path):
    with pytest.raises(CommandError, match=r"cannot be read: No such file or directory\."):
        call_command("import_issues", str(tmp_path / "none"), format="jsonl")


def test_github_needs_a_space(ops, tmp_path):
    with pytest.raises(CommandError, match=r"Say into which space: --space KEY\."):
        call_command("import_issues", str(tmp_path / "none"), format="github")


def test_an_admin_who_is_not_here_is_said_so(ops, run):
    with pytest.raises(CommandError, match=r"There is no x@y\.z to be admin"):
        run(export(ops), space="COPY", admin="x@y.z")


def test_it_is_read_from_the_standard_input_too(full, monkeypatch):
    data = BytesIO(export(full))
    monkeypatch.setattr(sys, "stdin", type("In", (), {"buffer": data})())

    call_command("import_issues", "-", format="jsonl", space="COPY", stdout=StringIO())

    assert Space.objects.get(key="COPY").issues.count() == 5


ODD = st.sampled_from([
    None, True, 0, -1, 1.5, 2**31, 2**63, 2**64, 1e300, "", "x", "\0", "é" * 300, "x" * 70_000,
    [], {}, [[]], [None], {"a": 1}, {"comment": 1}, {"sha256": []}, NOWHERE,
    "2026-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z",
    "{}", "null", '""', '{"comment": []}', '{"sha256": 7}', "created", "comments", "issue", "entry",
])  # fmt: skip


@example(where=0.99, what=0.0, value="x", reseal=True)
@given(where=st.floats(0, 1), what=st.floats(0, 1), value=ODD, reseal=st.booleans())
@hypothesis_settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_whatever_stands_in_a_line_is_taken_whole_or_refused_whole(lines, run, where, what, value, reseal):
    lines = deepcopy(lines)
    line = lines[int(where * (len(lines) - 1))]
    name = sorted(line)[int(what * (len(line) - 1))]
    line[name] = value
    before = counts()
    if reseal:
        with suppress(space_file.Refused, LookupError, TypeError, AttributeError):
            resealed(lines)

    try:
        with transaction.atomic():
            run(lines, space="COPY")
            assert verify().startswith("History holds")
            transaction.set_rollback(True)
    except CommandError as refusal:
        assert str(refusal).endswith("Nothing was imported.")

    assert counts() == before
    assert not CommentAttachment.objects.filter(comment__issue__space__key="COPY").exists()
    assert not Occurrence.objects.filter(issue__space__key="COPY").exists()
