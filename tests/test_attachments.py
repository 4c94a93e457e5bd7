"""Files through the native API and the pages: who may, what comes out, what is on record."""

import re
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from comments.models import Comment, CommentAttachment
from issues.limits import ATTACHMENT_SIZE, ATTACHMENTS, UPLOAD
from issues.models import Attachment, HistoryEntry, Issue, IssueAttachment
from issues.models.attachment import attach
from tests.chains import assert_whole, entries, told
from tests.factories import AttachmentFactory, CommentFactory, IssueFactory, UserFactory
from tests.issues.test_attachment import HTML, PNG, SVG

pytestmark = pytest.mark.django_db

FILES = "/api/attachments/"


@pytest.fixture
def issue(ops):
    return IssueFactory(space=ops)


def upload(content=b"abc", name="log.txt", content_type="text/html"):
    return SimpleUploadedFile(name, content, content_type)


def send(client, file=None, **where):
    return client.post(FILES, where | {"file": file or upload()})


def test_of_what_is_refused_no_byte_is_written(api, bob, issue, settings, monkeypatch):
    attach(
        issue, [Attachment.of(upload(str(n).encode()), space=issue.space, by=bob) for n in range(ATTACHMENTS)]
    )
    before = set(Path(settings.MEDIA_ROOT).rglob("*"))

    too_many = send(api(bob), upload(b"one more"), issue=issue.key)
    monkeypatch.setattr("issues.models.attachment.ATTACHMENT_QUOTA", 30)
    comment = CommentFactory(issue=issue, author=bob)
    no_room = send(api(bob), upload(b"larger than what is left"), comment=comment.uuid)

    assert "At most 20 files." in problem(too_many, 400)
    assert "The files of a space have at most" in problem(no_room, 400)
    assert set(Path(settings.MEDIA_ROOT).rglob("*")) == before


def test_too_many_files_at_once_are_a_form_error_and_the_text_stays(bob, issue):
    client = Client()
    client.force_login(bob)
    files = [upload(name=f"{number}.txt") for number in range(ATTACHMENTS + 1)]

    response = client.post(
        reverse("comment-create", args=[issue.key]), {"content": "My words", "file": files}
    )

    assert response.status_code == 422
    assert "My words" in response.content.decode() and "At most 20 files." in response.content.decode()
    assert not Attachment.objects.exists()


def raw(client, disposition, content=b"abc", issue="OPS-1", **headers):
    """Post a form whose part has these very bytes as its Content-Disposition."""
    body = b"\r\n".join(
        (
            b'--x\r\nContent-Disposition: form-data; name="issue"\r\n',
            issue.encode(),
            b"--x\r\nContent-Disposition: form-data; " + disposition + b"\r\nContent-Type: text/html\r\n",
            content,
            b"--x--\r\n",
        )
    )
    return client.post(FILES, body, content_type="multipart/form-data; boundary=x", headers=headers)


def problem(response, status, pointer=None):
    document = response.json()
    assert (response.status_code, response["Content-Type"]) == (status, "application/problem+json"), document
    if pointer:
        assert [error["pointer"] for error in document["errors"]] == [pointer]
    return document["detail"]


def signed_in(user):
    client = Client()
    client.force_login(user)
    return client


def download_of(attachment):
    return reverse("attachment-download", args=[attachment.uuid])


def body(response):
    return b"".join(response.streaming_content)


# The API.


def test_a_file_comes_onto_an_issue(api, bob, issue):
    response = send(api(bob), upload(PNG, "graph.png"), issue=issue.key)

    document = response.json()
    attachment = Attachment.objects.get()
    assert (response.status_code, response["Location"]) == (201, f"{FILES}{attachment.uuid}/")
    assert document == {
        "id": str(attachment.uuid),
        "name": "graph.png",
        "size": len(PNG),
        "content_type": "image/png",
        "sha256": attachment.sha256,
        "url": f"http://testserver{FILES}{attachment.uuid}/download/",
        "issue": str(issue.uuid),
        "comment": None,
        "uploaded_by": {
            "id": str(bob.uuid),
            "name": "Bob Colleague",
            "email": "bob@example.com",
            "avatar_url": None,
        },
        "created_at": document["created_at"],
    }
    assert api(bob).get(response["Location"]).json() == document
    assert body(api(bob).get(document["url"])) == PNG
    shown = api(bob).get(f"/api/issues/{issue.uuid}/").json()["attachments"]
    assert shown == [{name: document[name] for name in ("id", "name", "size", "content_type")}]
    assert told(issue) == [
        ("attachment_added", "attachments", None, str(attachment.uuid), "", "graph.png"),
    ]
    assert_whole(issue)


def test_a_file_comes_onto_a_comment(api, bob, issue):
    comment = CommentFactory(issue=issue, author=bob, content="Look")

    response = send(api(bob), comment=str(comment.uuid))

    document = response.json()
    assert (document["issue"], document["comment"]) == (str(issue.uuid), str(comment.uuid))
    shown = api(bob).get(f"/api/comments/{comment.uuid}/").json()
    assert shown["attachments"] == [{name: document[name] for name in ("id", "name", "size", "content_type")}]
    assert shown["edited_at"] is not None
    assert api(bob).get(f"/api/issues/{issue.uuid}/comments/").json()["results"] == [shown]
    *_, entry = entries(issue)
    assert (entry.action, entry.actor, entry.source) == ("comment_edited", bob, "api")
    old, new = told(issue)[-1][2:4]
    assert "attachments" not in old
    assert new == old | {"attachments": [document["id"]]}
    assert_whole(issue)


def test_a_file_is_taken_off_and_stays_on_record(api, bob, issue):
    on_issue = AttachmentFactory(owner=issue)
    comment = CommentFactory(issue=issue, author=bob)
    on_comment = AttachmentFactory(owner=comment)

    responses = [api(bob).delete(f"{FILES}{file.uuid}/") for file in (on_issue, on_comment)]
    gone = [
        api(bob).get(f"{FILES}{file.uuid}/{rest}")
        for file in (on_issue, on_comment)
        for rest in ("", "download/")
    ]

    assert [response.status_code for response in responses] == [204, 204]
    assert {response.status_code for response in gone} == {404}
    assert Attachment.objects.count() == 2
    assert not IssueAttachment.objects.exists() and not CommentAttachment.objects.exists()
    removed, edited = entries(issue)[-2:]
    assert (removed.action, removed.old_display) == ("attachment_removed", "log.txt")
    assert (edited.action, "attachments" in edited.old_value, "attachments" in edited.new_value) == (
        "comment_edited",
        True,
        False,
    )
    assert_whole(issue)


@pytest.mark.parametrize(
    ("where", "status", "pointer"),
    [
        ({}, 400, "/issue"),
        ({"issue": "OPS-1", "comment": "x"}, 400, "/issue"),
        ({"issue": "OPS-2"}, 404, "/issue"),
        ({"issue": "a" * 65}, 400, "/issue"),
        ({"issue": "\0"}, 400, "/issue"),
        ({"comment": "OPS-1"}, 404, "/comment"),
        ({"issue": ["OPS-1", "OPS-1"]}, 400, "/issue"),
        ({"issue": "OPS-1", "name": "x"}, 400, "/name"),
        ({"issue": "OPS-1", "content_type": "text/html"}, 400, "/content_type"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_where_a_file_goes_has_to_be_said_and_be_there(api, bob, issue, where, status, pointer):
    response = send(api(bob), **where)

    problem(response, status, pointer)
    assert not Attachment.objects.exists()


@pytest.mark.parametrize(
    "form", [{}, {"file": "text"}, {"file": [upload(), upload()]}], ids=["none", "text", "two"]
)
def test_a_form_has_one_file(api, bob, issue, form):
    response = api(bob).post(FILES, {"issue": "OPS-1"} | form)

    problem(response, 400, "/file")
    assert not Attachment.objects.exists()


@pytest.mark.parametrize(
    "content_type", ["application/json", "text/plain", "application/x-www-form-urlencoded"]
)
def test_what_is_no_form_is_refused(api, bob, issue, content_type):
    response = api(bob).post(FILES, b'{"issue": "OPS-1"}', content_type=content_type)

    assert "multipart" in problem(response, 415) or content_type in problem(response, 415)


@pytest.mark.parametrize(
    "sent", [b"", b"--x", b"--x\r\n\r\n", b"\xff" * 99, b"--x\r\nContent-Disposition: form-data\r\n\r\n--x--"]
)
@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "k"}], ids=["once", "key"])
@pytest.mark.parametrize(
    "boundary", ["; boundary=x", "; boundary=", "", "; boundary=" + "x" * 300, "; boundary=\x80"]
)
def test_a_broken_form_is_refused(api, bob, issue, sent, boundary, headers):
    response = api(bob).post(FILES, sent, content_type=f"multipart/form-data{boundary}", headers=headers)

    problem(response, 400)


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "k"}], ids=["once", "key"])
def test_too_many_files_at_once_are_refused(api, bob, issue, headers):
    response = api(bob).post(
        FILES, {"issue": "OPS-1", "file": [upload(name=f"{n}") for n in range(21)]}, headers=headers
    )

    problem(response, 400)
    assert not Attachment.objects.exists()


def test_a_file_over_the_limit_is_too_large(api, bob, issue):
    refused = send(api(bob), upload(b"x" * (ATTACHMENT_SIZE + 1)), issue="OPS-1")
    largest = send(api(bob), upload(b"x" * ATTACHMENT_SIZE), issue="OPS-1")

    assert "20 MiB" in problem(refused, 413)
    assert largest.status_code == 201
    assert Attachment.objects.count() == 1


@pytest.mark.parametrize("path", [FILES, "/issues/OPS-1/attach/", "/login/"])
def test_a_form_over_the_limit_is_refused_before_it_is_read(client, path):
    response = client.post(
        path, b"x", content_type="multipart/form-data; boundary=x", CONTENT_LENGTH=str(UPLOAD + 1)
    )

    assert response.status_code == 413
    assert str(UPLOAD) in response.content.decode()


def test_no_more_than_twenty_files_of_an_issue(api, bob, issue):
    for number in range(20):
        AttachmentFactory(owner=issue, name=f"{number}")

    response = send(api(bob), issue="OPS-1")

    assert "20" in problem(response, 400, "/file")
    assert Attachment.objects.count() == 20


def test_a_full_space_takes_no_more(api, bob, issue, monkeypatch):
    monkeypatch.setattr("issues.models.attachment.ATTACHMENT_QUOTA", 2)

    response = send(api(bob), issue="OPS-1")

    problem(response, 400, "/file")
    assert not Attachment.objects.exists()


@pytest.mark.parametrize("size", [3, 3_000_000])
def test_a_repeated_upload_is_one_upload(api, bob, issue, size):
    def once(content):
        return api(bob).post(
            FILES, {"issue": "OPS-1", "file": upload(content)}, headers={"Idempotency-Key": "k"}
        )

    first, again, other = once(b"a" * size), once(b"a" * size), once(b"b" * size)

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again["Idempotency-Replayed"] == "true"
    assert other.status_code == 422
    assert Attachment.objects.count() == 1


def test_a_repeated_upload_may_have_another_boundary(api, bob, issue):
    first = raw(api(bob), b'name="file"; filename="a.txt"', **{"Idempotency-Key": "k"})
    again = api(bob).post(
        FILES, {"issue": "OPS-1", "file": upload(b"abc", "a.txt")}, headers={"Idempotency-Key": "k"}
    )

    assert first.status_code == 201, first.content
    assert again.content == first.content


def test_json_routes_refuse_a_form_with_a_key_too(api, bob, issue):
    response = api(bob).post(
        "/api/issues/OPS-1/occurrences/", {"file": upload()}, headers={"Idempotency-Key": "k"}
    )

    problem(response, 415)


# Hostile names and types.

NAMES = [
    b'"../../../etc/passwd"',
    b'"/etc/passwd"',
    rb'"C:\\Windows\\win.ini"',
    '"annexe\u202etxt.exe"'.encode(),
    b'"a\x00b.txt"',
    rb'"say \"hi\".txt"',
    b'"a%0d%0aSet-Cookie: x=y.txt"',
    b'"a;b=c.html"',
    b'"<script>alert(1)</script>.svg"',
    '"\N{OWL}.txt"'.encode(),
    b'"' + b"x" * 255 + b'"',
    b"\"a\"; filename*=UTF-8''b%0d%0aX-Evil%3A%201.txt",
    b"\"a\"; filename*=UTF-8''%ed%a0%80.txt",
]


@pytest.mark.parametrize("name", NAMES, ids=lambda value: ascii(value)[:30])
def test_a_hostile_name_does_nothing(api, bob, issue, uploads, name):
    response = raw(api(bob), b'name="file"; filename=' + name, HTML)

    assert response.status_code == 201, response.content
    document = response.json()
    assert document["content_type"] == "text/plain"
    assert not set(document["name"]) & set("/\\\0\r\n\u202e")
    place = Path(Attachment.objects.get().file.path)
    assert place.name == document["sha256"] and place.parent.parent == uploads
    answer = api(bob).get(document["url"])
    assert body(answer) == HTML
    assert answer["Content-Disposition"].startswith("attachment; filename")
    assert answer["Content-Disposition"].isascii() and not re.search(
        r"[\x00-\x1f]", answer["Content-Disposition"]
    )
    assert not answer.has_header("X-Evil") and not answer.has_header("Set-Cookie")
    page = signed_in(bob).get("/issues/OPS-1/").content.decode()
    assert "<script>" not in page


@pytest.mark.parametrize("length", [257, 900])
def test_a_name_that_is_too_long_is_refused_and_not_cut(api, bob, issue, length):
    # Django cuts the `name` of an uploaded file, so the test sends one that is none.
    long = ContentFile(b"abc", name="y" * length)

    response = api(bob).post(FILES, {"issue": "OPS-1", "file": long})
    page = signed_in(bob).post("/issues/OPS-1/attach/", {"file": long})

    assert "256" in problem(response, 400, "/file")
    assert page.status_code == 422
    assert "256 characters" in page.content.decode()
    assert not Attachment.objects.exists()


@pytest.mark.parametrize(
    "name", [b'"' + b"x" * 5_000 + b'"', b'"\xff\xfe.txt"', b"\"a\"; filename*=nonsense''x.txt"], ids=ascii
)
def test_a_header_that_is_none_is_refused(api, bob, issue, name):
    response = raw(api(bob), b'name="file"; filename=' + name)

    problem(response, 400)
    assert not Attachment.objects.exists()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (HTML, "text/plain; charset=utf-8"),
        (SVG, "text/plain; charset=utf-8"),
        (HTML + b"\0", "application/octet-stream"),
    ],
)
@pytest.mark.parametrize("door", ["page", "api"])
def test_nothing_runs_in_a_browser(api, bob, issue, content, kind, door):
    file = AttachmentFactory(owner=issue, name="a.html", content=content)

    if door == "page":
        response = signed_in(bob).get(download_of(file))
    else:
        response = api(bob).get(f"{FILES}{file.uuid}/download/")

    assert body(response) == content
    assert response["Content-Type"] == kind
    assert response["Content-Length"] == str(len(content))
    assert response["Content-Disposition"] == 'attachment; filename="a.html"'
    assert response["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert response["Cross-Origin-Resource-Policy"] == "same-origin"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Cache-Control"] == "private, max-age=86400, immutable"


def test_a_name_in_another_script_comes_back(bob, issue):
    file = AttachmentFactory(owner=issue, name="Übersicht \N{OWL}; x.txt")

    response = signed_in(bob).get(download_of(file))

    assert response["Content-Disposition"] == (
        "attachment; filename*=utf-8''%C3%9Cbersicht%20%F0%9F%A6%89%3B%20x.txt"
    )


def test_what_a_browser_has_is_not_sent_again(bob, issue):
    client, file = signed_in(bob), AttachmentFactory(owner=issue)
    tag = client.get(download_of(file))["ETag"]

    again = client.get(download_of(file), headers={"If-None-Match": tag})
    other = client.get(download_of(file), headers={"If-None-Match": '"x"'})

    assert (again.status_code, again.content, again["ETag"]) == (304, b"", f'"{file.sha256}"')
    assert other.status_code == 200


def test_a_file_that_is_not_on_the_disk_is_said_to_be_missing(api, bob, issue):
    file = AttachmentFactory(owner=issue, content=b"soon gone")
    lost = Attachment(space=issue.space, name="x", size=1, content_type="text/plain", sha256="0" * 64)
    lost.save()
    issue.wish("attachments", add=[lost])
    issue.save()
    Path(file.file.path).unlink()

    for attachment in (file, lost):
        page = signed_in(bob).get(download_of(attachment))
        answer = api(bob).get(f"{FILES}{attachment.uuid}/download/")

        assert page.status_code == 404
        assert "The file of this attachment is not here" in page.content.decode()
        assert "not here" in problem(answer, 404)
    assert signed_in(bob).get("/issues/OPS-1/").status_code == 200


# Who may.


def addresses(file):
    return (f"{FILES}{file.uuid}/", f"{FILES}{file.uuid}/download/")


def test_strangers_and_nobody_see_nothing(api, bob, charlie, issue):
    file = AttachmentFactory(owner=issue, name="Secret.txt")

    for client, missing in ((signed_in(charlie), (404, 404, 404)), (Client(), (401, 401, 302))):
        got = [client.get(path) for path in (*addresses(file), download_of(file))]
        assert tuple(response.status_code for response in got) == missing
        assert not any(b"Secret" in response.content for response in got)
    assert api(charlie).delete(f"{FILES}{file.uuid}/").status_code == 404
    assert problem(send(api(charlie), issue="OPS-1"), 404, "/issue")
    assert signed_in(charlie).post(reverse("attachment-remove", args=[file.uuid])).status_code == 404
    assert Attachment.objects.count() == 1


@pytest.mark.parametrize("who", ["viewer", "read-only token"])
def test_who_only_reads_downloads_and_changes_nothing(api, bob, vera, issue, who):
    file = AttachmentFactory(owner=issue)
    client = api(vera) if who == "viewer" else api(bob, "read")

    reads = [client.get(path).status_code for path in addresses(file)]
    writes = [send(client, issue="OPS-1").status_code, client.delete(f"{FILES}{file.uuid}/").status_code]

    assert (reads, writes) == ([200, 200], [403, 403])
    assert (Attachment.objects.count(), IssueAttachment.objects.count()) == (1, 1)


def test_a_viewer_s_page_offers_no_way_to_attach(vera, issue):
    file = AttachmentFactory(owner=issue)
    client = signed_in(vera)

    page = client.get("/issues/OPS-1/").content.decode()
    posts = [
        client.post("/issues/OPS-1/attach/", {"file": upload()}),
        client.post(reverse("attachment-remove", args=[file.uuid])),
    ]

    assert download_of(file) in page
    assert "Attach files" not in page and "Remove" not in page
    assert [response.status_code for response in posts] == [403, 403]
    assert IssueAttachment.objects.count() == 1


def test_files_of_internal_comments_are_for_members(api, alice, bob, vera, issue):
    file = AttachmentFactory(
        owner=CommentFactory(issue=issue, author=bob, is_internal=True), name="Secret.txt"
    )

    seen = {
        who: [client.get(path).status_code for path in (*addresses(file), download_of(file))]
        for who, client in (
            ("alice", signed_in(alice)),
            ("vera", signed_in(vera)),
            ("read", api(bob, "read")),
        )
    }

    assert seen["alice"] == [200, 200, 200]
    assert seen["vera"] == [404, 404, 404]
    assert seen["read"][:2] == [404, 404]
    assert b"Secret" not in signed_in(vera).get("/issues/OPS-1/").content


def test_files_of_what_is_deleted_are_gone_with_it(bob, issue):
    comment = CommentFactory(issue=issue, author=bob)
    on_comment, on_issue = AttachmentFactory(owner=comment), AttachmentFactory(owner=issue)
    client = signed_in(bob)
    comment.trash()
    without_comment = [client.get(download_of(file)).status_code for file in (on_comment, on_issue)]

    Issue.objects.get(pk=issue.pk).trash()
    in_trash = client.get(download_of(on_issue)).status_code
    Issue.objects.get(pk=issue.pk).restore()

    assert (without_comment, in_trash) == ([404, 200], 404)
    assert client.get(download_of(on_issue)).status_code == 200


def test_nobody_attaches_to_another_s_comment(api, alice, bob, issue):
    comment = CommentFactory(issue=issue, author=UserFactory(member_of=issue.space))
    file = AttachmentFactory(owner=comment)

    for user in (alice, bob):
        assert send(api(user), comment=str(comment.uuid)).status_code == 403
        assert api(user).delete(f"{FILES}{file.uuid}/").status_code == 403

    assert CommentAttachment.objects.count() == Attachment.objects.count() == 1


def test_a_file_on_nothing_is_nobody_s(api, bob, ops):
    file = AttachmentFactory(space=ops)

    assert {api(bob).get(path).status_code for path in addresses(file)} == {404}


def test_an_anonymous_reporter_s_files_do_not_name_them(api, alice, bob, ops):
    issue = IssueFactory(space=ops, reporter=bob, is_anonymous=True)
    files = [AttachmentFactory(owner=issue, by=user, name=f"{user}") for user in (bob, alice)]

    documents = [api(alice).get(f"{FILES}{file.uuid}/").json()["uploaded_by"] for file in files]

    assert (documents[0], documents[1]["name"]) == (None, "Alice Owner")


# The pages.


def test_files_are_attached_on_the_page(bob, issue):
    files = [upload(PNG, "graph.png"), upload(HTML, "page.png"), upload(b"\0", "dump")]

    response = signed_in(bob).post("/issues/OPS-1/attach/", {"file": files})

    assert (response.status_code, response["Location"]) == (302, "/issues/OPS-1/#attachments")
    page = signed_in(bob).get("/issues/OPS-1/").content.decode()
    graph, false, dump = Attachment.objects.order_by("pk")
    assert f'<img src="{download_of(graph)}" alt="" loading="lazy">' in page
    assert page.count('loading="lazy"') == 1
    assert all(f'<a href="{download_of(file)}"' in page for file in (graph, false, dump))
    added = entries(issue)[1:]
    assert [(e.action, e.actor, e.source, e.new_display) for e in added] == [
        ("attachment_added", bob, "web", name) for name in ("graph.png", "page.png", "dump")
    ]
    assert {e.version for e in added} == {2}
    assert_whole(issue)


def test_a_picture_loads_where_it_is_shown(bob, issue):
    file = AttachmentFactory(owner=issue, content=PNG, name="graph.png")

    page = signed_in(bob).get("/issues/OPS-1/")
    picture = signed_in(bob).get(download_of(file))

    assert "img-src 'self'" in page["Content-Security-Policy"]
    assert picture["Content-Type"] == "image/png"
    assert body(picture) == PNG


def test_a_text_shows_a_picture_that_is_here(bob, issue):
    file = AttachmentFactory(owner=issue, content=PNG, name="graph.png")
    issue.description = f"![graph]({download_of(file)})"
    issue.save()

    page = signed_in(bob).get("/issues/OPS-1/").content.decode()

    assert f'<img alt="graph" src="{download_of(file)}"' in page


def test_a_file_is_removed_on_the_page(bob, issue):
    comment = CommentFactory(issue=issue, author=bob)
    files = [AttachmentFactory(owner=owner) for owner in (issue, comment)]
    page = signed_in(bob).get("/issues/OPS-1/").content.decode()
    removals = [reverse("attachment-remove", args=[file.uuid]) for file in files]

    responses = [signed_in(bob).post(removal) for removal in removals]

    assert all(f'action="{removal}"' in page for removal in removals)
    assert [response["Location"] for response in responses] == ["/issues/OPS-1/", comment.get_absolute_url()]
    assert not IssueAttachment.objects.exists() and not CommentAttachment.objects.exists()


def test_no_file_chosen_is_said(bob, issue):
    response = signed_in(bob).post("/issues/OPS-1/attach/", {})

    page = response.content.decode()
    assert response.status_code == 422
    assert "Choose a file." in page and '<details class="attach" open>' in page


def test_a_comment_comes_with_files(bob, issue):
    response = signed_in(bob).post(
        reverse("comment-create", args=["OPS-1"]),
        {"content": "Look", "file": [upload(PNG, "a.png"), upload(b"x", "b.txt")], "resolve": "1"},
    )

    comment = Comment.objects.get()
    assert response["Location"] == comment.get_absolute_url()
    assert [row.attachment.name for row in comment.attachment_rows.order_by("pk")] == ["a.png", "b.txt"]
    assert [entry.action for entry in entries(issue)] == ["created", "comment_added", "status_changed"]
    assert len(told(issue)[0][3]["attachments"]) == 2
    page = signed_in(bob).get("/issues/OPS-1/").content.decode()
    assert "a.png" in page and "b.txt" in page
    assert_whole(issue)


def test_a_comment_is_edited_with_another_file(bob, issue):
    comment = CommentFactory(issue=issue, author=bob, content="Look")
    AttachmentFactory(owner=comment, name="one")

    signed_in(bob).post(
        reverse("comment-edit", args=[comment.uuid]), {"content": "Look", "file": upload(name="two")}
    )

    assert [row.attachment.name for row in comment.attachment_rows.order_by("pk")] == ["one", "two"]
    assert [entry.action for entry in entries(issue)][-2:] == ["comment_edited", "comment_edited"]
    page = signed_in(bob).get("/issues/OPS-1/").content.decode()
    assert "Comment: what changed" not in page


def test_a_new_issue_comes_with_files(bob, ops):
    response = signed_in(bob).post(
        "/issues/new/", {"space": "OPS", "title": "x", "file": [upload(name="a"), upload(name="b")]}
    )

    issue = Issue.objects.get()
    assert response.status_code == 302
    assert len(issue.attachments) == 2
    (entry,) = entries(issue)
    assert all(str(file.uuid) in entry.new_value for file in Attachment.objects.all())
    assert_whole(issue)


@pytest.mark.parametrize(
    ("path", "good", "bad"),
    [
        ("/issues/new/", {"space": "OPS", "title": "Typed"}, {"title": "", "description": ""}),
        ("/issues/OPS-1/comments/", {"content": "Typed"}, {"content": " "}),
        ("/issues/OPS-1/comments/", {"content": "Typed"}, {"content": "Typed", "preview": "1"}),
        ("/issues/OPS-1/attach/", {}, {"file": [upload(), ContentFile(b"abc", name="y" * 300)]}),
        ("/issues/OPS-1/comments/", {"content": "Typed"}, {"file": upload(b"x" * (ATTACHMENT_SIZE + 1))}),
        ("/issues/new/", {"space": "OPS", "title": "Typed"}, {"file": upload(b"x" * (ATTACHMENT_SIZE + 1))}),
    ],
    ids=["issue", "comment", "preview", "name", "large on a comment", "large on an issue"],
)
def test_a_form_that_is_refused_stores_nothing_and_says_so(bob, issue, path, good, bad):
    before = HistoryEntry.objects.count()

    response = signed_in(bob).post(path, {"file": upload(b"fresh")} | good | bad)

    page = response.content.decode()
    assert response.status_code == (200 if "preview" in bad else 422)
    assert "Choose the files again." in page
    assert not good.keys() - bad.keys() or "Typed" in page or "title" in bad
    assert not Attachment.objects.exists()
    assert HistoryEntry.objects.count() == before


@pytest.mark.parametrize("limit", ["quota", "files"])
def test_what_only_saving_finds_out_is_shown_with_the_text_kept(bob, issue, monkeypatch, limit):
    comment = CommentFactory(issue=issue, author=bob)
    if limit == "quota":
        monkeypatch.setattr("issues.models.attachment.ATTACHMENT_QUOTA", 1)
        say, count = "have at most", 0
    else:
        count = 19
        for number in range(count):
            AttachmentFactory(owner=comment, name=f"{number}")
        say = "At most 20 files"

    response = signed_in(bob).post(
        reverse("comment-edit", args=[comment.uuid]),
        {"content": "Typed", "file": [upload(), upload(name="b")]},
    )

    page = response.content.decode()
    assert response.status_code == 422
    assert say in page and "Typed" in page and "Choose the files again." in page
    assert Attachment.objects.count() == count
    assert Comment.objects.get().content != "Typed"


def test_a_page_s_broken_form_is_a_bad_request(bob, issue):
    response = signed_in(bob).post(
        "/issues/OPS-1/attach/", b"--x", content_type="multipart/form-data; boundary="
    )

    assert response.status_code == 400


def test_files_cost_a_page_no_queries(bob, issue, django_assert_num_queries):
    comment = CommentFactory(issue=issue, author=bob)
    client = signed_in(bob)
    client.get("/issues/OPS-1/")
    paths = ("/issues/OPS-1/", "/api/issues/OPS-1/comments/")
    with CaptureQueriesContext(connection) as queries:
        [client.get(path) for path in paths]
    few = len(queries)
    for number in range(5):
        AttachmentFactory(owner=issue, name=f"{number}")
        AttachmentFactory(owner=comment, name=f"{number}")
        AttachmentFactory(owner=CommentFactory(issue=issue, author=bob))
    # The first look at what is new is written down.
    client.get("/issues/OPS-1/")

    with django_assert_num_queries(few):
        answers = [client.get(path) for path in paths]

    assert all(response.status_code == 200 for response in answers)
