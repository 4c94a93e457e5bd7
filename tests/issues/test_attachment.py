"""Files: stored under names of our own, typed by what they are, whatever their sender calls them."""

import io
import struct
import unicodedata
import zipfile
import zlib

import pytest
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from issues.limits import ATTACHMENT_SIZE
from issues.models import Attachment, Issue
from issues.models.attachment import CONTENT_TYPES, attach, clean_name
from issues.models.base import WayRound
from issues.models.history import digest
from tests.factories import AttachmentFactory, CommentFactory, IssueFactory

pytestmark = pytest.mark.django_db


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def zipped():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("../../etc/passwd", "x")
    return file.getvalue()


PNG = (
    b"\x89PNG\r\n\x1a\n"
    + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    + chunk(b"IDAT", zlib.compress(b"\0\xff\0\0"))
    + chunk(b"IEND", b"")
)
HTML = b"<!DOCTYPE html><script>alert(1)</script>"
SVG = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"


def upload(content, name="a.bin", content_type="text/html"):
    return SimpleUploadedFile(name, content, content_type)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF" + b"\0" * 40, "image/jpeg"),
        (b"GIF89a\x01\0\x01\0\0\0\0;", "image/gif"),
        (b"GIF89a/*\x01\0*/=1;alert(1)//", "image/gif"),
        (b"RIFF\x24\0\0\0WEBPVP8 " + b"\0" * 30, "image/webp"),
        (b"%PDF-1.4\n%\xe2\xe3", "application/pdf"),
        (zipped(), "application/zip"),
        (b"\x1f\x8b\x08\0\0\0\0\0", "application/gzip"),
        (HTML, "text/plain"),
        (SVG, "text/plain"),
        (b"<?xml version='1.0'?><a/>", "text/plain"),
        (b"alert(1)", "text/plain"),
        (b"\xef\xbb\xbfwith a mark", "text/plain"),
        ("Ünïcode \N{OWL}".encode(), "text/plain"),
        (b"BM is how a bitmap begins", "text/plain"),
        (b"", "text/plain"),
        (HTML + b"\0", "application/octet-stream"),
        (HTML + b"\xff", "application/octet-stream"),
        (HTML + "\N{OWL}".encode()[:2], "application/octet-stream"),
        (HTML.decode().encode("utf-16"), "application/octet-stream"),
        (HTML.decode().encode("utf-7") + b"\x80", "application/octet-stream"),
        (b"MZ\x90\0" + b"\0" * 60, "application/octet-stream"),
        (b"\x7fELF\x02\x01\x01\0", "application/octet-stream"),
        (b"\0\0\1\0\1\0", "application/octet-stream"),
    ],
    ids=lambda value: ascii(value)[:24],
)
@pytest.mark.parametrize("name", ["a.png", "a.html", "a"])
def test_a_file_is_what_its_content_says(ops, content, kind, name):
    attachment = Attachment.store(upload(content, name), space=ops, by=None)

    assert (attachment.content_type, attachment.name) == (kind, name)


def test_text_is_text_wherever_its_chunks_end(ops):
    text = ("\N{OWL}" * 70_000).encode()

    whole = Attachment.store(upload(text), space=ops, by=None)
    broken = Attachment.store(upload(text + b"\xf0"), space=ops, by=None)

    assert (whole.content_type, broken.content_type) == ("text/plain", "application/octet-stream")


@given(st.binary(max_size=300) | st.sampled_from([PNG, SVG, HTML]).map(lambda content: content[1:]))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_of_a_type_that_we_name(ops, content):
    attachment = Attachment.of(upload(content), space=ops, by=None)

    assert attachment.content_type in CONTENT_TYPES
    assert attachment.size == len(content)
    assert attachment.file.open("rb").read() == content


def test_a_file_lies_under_the_name_of_its_content(ops, bob):
    attachment = Attachment.store(upload(b"abc", "../../x.txt"), space=ops, by=bob)

    sha256 = digest("abc")
    assert (attachment.sha256, attachment.size) == (sha256, 3)
    assert attachment.file.name == f"{sha256[:2]}/{sha256}"
    assert attachment.uploaded_by == bob
    assert default_storage.open(attachment.file.name).read() == b"abc"


def test_the_same_content_lies_there_once(ops, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path

    first, second = (Attachment.store(upload(b"abc", name), space=ops, by=None) for name in ("a", "b"))

    assert first.file.name == second.file.name
    assert first.uuid != second.uuid
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [digest("abc")]


def test_a_file_that_was_cut_off_is_written_again(ops, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    place = Attachment.store(upload(b"abc"), space=ops, by=None).file.name
    (tmp_path / place).write_bytes(b"a")

    Attachment.store(upload(b"abc"), space=ops, by=None)

    assert (tmp_path / place).read_bytes() == b"abc"


def test_a_write_that_fails_leaves_nothing(ops, settings, tmp_path, monkeypatch):
    settings.MEDIA_ROOT = tmp_path

    def full(handle):
        raise OSError("No space left on device")

    monkeypatch.setattr("issues.uploads.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        Attachment.store(upload(b"abc"), space=ops, by=None)

    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert not Attachment.objects.exists()


def test_a_file_does_not_change_and_does_not_go(ops):
    attachment = AttachmentFactory(space=ops)
    attachment.content_type = "text/html"

    for way in (
        attachment.save,
        attachment.delete,
        lambda: Attachment.objects.update(content_type="text/html"),
        lambda: Attachment.objects.all().delete(),
    ):
        with pytest.raises(WayRound):
            way()

    assert Attachment.objects.get().content_type == "text/plain"


# Limits.


def test_a_file_is_so_large_and_no_larger(ops):
    largest = Attachment.store(upload(b"x" * ATTACHMENT_SIZE), space=ops, by=None)

    with pytest.raises(ValidationError, match="at most 20 MiB"):
        Attachment.store(upload(b"x" * (ATTACHMENT_SIZE + 1)), space=ops, by=None)

    assert largest.size == ATTACHMENT_SIZE
    assert Attachment.objects.count() == 1


def test_a_space_has_room_for_so_much_and_no_more(ops, charlie, monkeypatch):
    monkeypatch.setattr("issues.models.attachment.ATTACHMENT_QUOTA", 1024**2)
    AttachmentFactory(space=ops, content=b"x" * 1024**2)
    other = charlie.memberships.get().space

    with pytest.raises(ValidationError, match="at most 1 MiB"):
        AttachmentFactory(space=ops, content=b"y")

    assert AttachmentFactory(space=other, content=b"y").space == other
    assert Attachment.objects.filter(space=ops).count() == 1


def test_an_issue_has_twenty_files_and_no_more(ops):
    issue = IssueFactory(space=ops)
    files = [Attachment.of(upload(b"abc", f"{n}"), space=ops, by=None) for n in range(21)]

    with pytest.raises(ValidationError, match="At most 20 files"):
        attach(issue, files)

    assert not Attachment.objects.exists()
    assert Issue.objects.get().version == 1


def test_a_file_is_in_one_place(ops):
    issue = IssueFactory(space=ops)
    comment = CommentFactory(issue=issue)
    file = AttachmentFactory(owner=comment)

    for owner in (issue, IssueFactory(space=ops), CommentFactory(issue=issue)):
        owner.wish("attachments", add=[file])
        with pytest.raises(ValidationError, match="another issue or comment"):
            owner.save()

    assert list(comment.attachments) == [file.pk]


# Names.


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("log.txt", "log.txt"),
        ("../../etc/passwd", "passwd"),
        ("/etc/passwd", "passwd"),
        (r"C:\Windows\system32\cmd.exe", "cmd.exe"),
        (r"..\..\boot.ini", "boot.ini"),
        ("a/b\\c.txt", "c.txt"),
        ("annexe\u202etxt.exe", "annexe[U+202E]txt.exe"),
        ("a\u2066b\u200e\u061c.txt", "a[U+2066]b[U+200E][U+061C].txt"),
        ("a\r\nSet-Cookie: b=c", "a[U+000D][U+000A]Set-Cookie: b=c"),
        ("a\tb\x7f\u2028", "a[U+0009]b[U+007F][U+2028]"),
        ('say "hi"; filename=x', 'say "hi"; filename=x'),
        (
            "\N{OWL}\N{WOMAN}\u200d\N{PERSONAL COMPUTER}.png",
            "\N{OWL}\N{WOMAN}\u200d\N{PERSONAL COMPUTER}.png",
        ),
        ("<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"),
        ("", "unnamed"),
        (None, "unnamed"),
        ("..", "unnamed"),
        ("folder/", "unnamed"),
        (" \u3000 ", "unnamed"),
        ("x" * 256, "x" * 256),
    ],
    ids=lambda value: ascii(value)[:24],
)
def test_a_name_is_the_last_part_with_nothing_hidden(name, kept):
    assert clean_name(name) == kept


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("a\0.txt", "NUL"),
        ("a\ud800", "surrogates"),
        ("x" * 257, "256"),
        ("x" * 5_000, "256"),
        ("\x01" * 40, "256"),
    ],
    ids=lambda value: ascii(value)[:12],
)
def test_a_name_that_cannot_be_kept_is_refused(ops, name, reason):
    with pytest.raises(ValidationError, match=reason) as refused:
        Attachment.store(ContentFile(b"x"), space=ops, by=None, name=name)

    assert list(refused.value.message_dict) == ["file"]
    assert not Attachment.objects.exists()


@given(st.text() | st.text("./\\\0\r\n\"'\u202e;=%"))
@settings(max_examples=300, deadline=None)
def test_any_name_is_made_harmless_or_refused(name):
    try:
        kept = clean_name(name)
    except ValidationError:
        return

    assert 0 < len(kept) <= 256
    assert not set(kept) & set("/\\")
    assert kept.strip(".") and kept == kept.strip()
    assert not any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in kept)
    assert not set(kept) & {chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}
    assert clean_name(kept) == kept
