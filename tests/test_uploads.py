"""Files that go up while a text is being written, before it is sent."""

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from comments.models import Comment
from issues.limits import ATTACHMENT_SIZE, ATTACHMENTS
from issues.models import Attachment, Issue
from tests.factories import AttachmentFactory, IssueFactory, MembershipFactory, SpaceFactory
from tests.issues.test_attachment import PNG
from tests.test_pages import form_of, text_of, url

pytestmark = pytest.mark.django_db


@pytest.fixture
def issue(ops):
    return IssueFactory(space=ops, title="Broken")


@pytest.fixture
def as_bob(client, bob):
    client.force_login(bob)
    return client


def send(client, content=PNG, name="screen.png", space="OPS"):
    file = SimpleUploadedFile(name, content, "image/png")
    return client.post(reverse("attachment-upload"), {"space": space, "file": file})


def test_the_answer_shows_the_file_and_its_uploader_sees_it(as_bob, ops, bob):
    response = send(as_bob)

    file = Attachment.objects.get()
    assert (response.status_code, file.uploaded_by, file.space) == (201, bob, ops)
    assert response.content.decode() == f"![screen.png](/attachments/{file.uuid}/)"
    assert as_bob.get(url("attachment-download", file)).status_code == 200


def test_what_is_no_picture_is_a_link(as_bob):
    response = send(as_bob, b"a log", "of [today].log")

    assert response.content.decode().startswith(r"[of \[today\].log](/attachments/")


def test_nobody_else_sees_it(as_bob, client, alice):
    send(as_bob)
    client.force_login(alice)

    assert client.get(url("attachment-download", Attachment.objects.get())).status_code == 404


def test_the_comment_that_shows_it_has_it(as_bob, issue, client, alice):
    text = send(as_bob).content.decode()

    as_bob.post(url("comment-create", issue), {"content": f"Look:\n{text}"})
    client.force_login(alice)

    assert list(Comment.objects.get().attachments) == [Attachment.objects.get().pk]
    assert client.get(url("attachment-download", Attachment.objects.get())).status_code == 200


def test_an_edited_comment_has_it_too(as_bob, bob, issue):
    as_bob.post(url("comment-create", issue), {"content": "Look:"})
    comment, text = Comment.objects.get(), send(as_bob).content.decode()

    as_bob.post(url("comment-edit", comment), {"content": f"Look:\n{text}"})

    assert len(Comment.objects.get().attachments) == 1


def test_a_new_issue_has_what_its_description_shows(as_bob):
    text = send(as_bob).content.decode()

    as_bob.post(reverse("issue-create"), {"space": "OPS", "title": "x", "description": text})

    assert len(Issue.objects.get().attachments) == 1


def test_an_edited_issue_has_what_its_description_shows(as_bob, issue):
    text = send(as_bob).content.decode()
    form = form_of(as_bob.get(url("issue-edit", issue)))

    response = as_bob.post(url("issue-edit", issue), form | {"description": text})

    assert response.status_code == 302
    assert len(Issue.objects.get().attachments) == 1


def test_a_file_of_another_space_is_refused_in_words(as_bob, bob, ops):
    MembershipFactory(space=SpaceFactory(key="DATA"), user=bob)
    text = send(as_bob).content.decode()

    response = as_bob.post(reverse("issue-create"), {"space": "DATA", "title": "x", "description": text})

    assert response.status_code == 422
    assert "A file in it was added in another space than DATA: add it again." in text_of(response)
    assert not Issue.objects.exists()


def test_another_s_file_is_not_taken_by_naming_it(as_bob, issue, alice, ops):
    file = AttachmentFactory(space=ops, by=alice)

    as_bob.post(url("comment-create", issue), {"content": f"/attachments/{file.uuid}/"})

    assert not Comment.objects.get().attachments
    assert as_bob.get(url("attachment-download", file)).status_code == 404


def test_a_file_that_nobody_owns_any_more_is_not_taken(as_bob, issue, ops):
    file = AttachmentFactory(space=ops, by=None)

    as_bob.post(url("comment-create", issue), {"content": f"/attachments/{file.uuid}/"})

    assert not Comment.objects.get().attachments


def test_more_files_than_a_comment_may_have_are_refused(as_bob, issue, ops, bob):
    files = [AttachmentFactory(space=ops, by=bob, content=b"%d" % n) for n in range(ATTACHMENTS + 1)]
    text = "\n".join(f"/attachments/{file.uuid}/" for file in files)

    response = as_bob.post(url("comment-create", issue), {"content": text})

    assert response.status_code == 422
    assert f"At most {ATTACHMENTS}" in text_of(response)
    assert not Comment.objects.exists()


def test_a_file_that_is_too_large_is_refused_in_words(as_bob):
    response = send(as_bob, b"x" * (ATTACHMENT_SIZE + 1))

    assert response.status_code == 422
    assert re.search("A file has at most 20 MiB.", response.content.decode())
    assert not Attachment.objects.exists()


@pytest.mark.parametrize("space", ["", "NONE", "nul\x00", "DATA"])
def test_a_space_that_is_not_theirs_is_refused(as_bob, charlie, space):
    response = send(as_bob, space=space)

    assert response.status_code == 422
    assert not Attachment.objects.exists()


def test_no_file_is_refused(as_bob):
    response = as_bob.post(reverse("attachment-upload"), {"space": "OPS"})

    assert (response.status_code, response.content.decode()) == (422, "Choose a file.")


def test_viewers_upload_nothing(client, vera):
    client.force_login(vera)

    assert send(client).status_code == 422
    assert not Attachment.objects.exists()
