"""Files on issues and comments."""

import codecs
import hashlib
import re
import unicodedata

import filetype
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext

from issues.limits import ATTACHMENT_QUOTA, ATTACHMENT_SIZE, ATTACHMENTS, NAME, refusal
from issues.models.base import Guarded, GuardedQuerySet, WayRound
from issues.models.fields import uuid7
from issues.models.space import Space

# What a file may be called by its content; nothing that a browser runs is among them.
PICTURES = frozenset({"image/gif", "image/jpeg", "image/png", "image/webp"})
BINARY, TEXT = "application/octet-stream", "text/plain"
OFFICE = "application/vnd.openxmlformats-officedocument"
CONTENT_TYPES = PICTURES | {
    BINARY,
    TEXT,
    "application/gzip",
    "application/pdf",
    "application/zip",
    f"{OFFICE}.presentationml.presentation",
    f"{OFFICE}.spreadsheetml.sheet",
    f"{OFFICE}.wordprocessingml.document",
    "video/mp4",
    "video/webm",
}
HEAD = 8_192
# How a text shows a file.
LINK = re.compile(r"/attachments/([0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})/")
# Controls, marks that are not seen or turn a line around, ends of lines; but for the joiners of letters.
UNSEEN = frozenset({"Cc", "Cf", "Zl", "Zp"})
JOINERS = frozenset("\u200c\u200d")


class AttachmentQuerySet(GuardedQuerySet):
    def taken(self, space_id):
        """The bytes of all files that were ever uploaded to a space: none is ever deleted."""
        return self.filter(space=space_id).aggregate(taken=models.Sum("size"))["taken"] or 0

    def on_nothing(self):
        """Files that are on no issue and no comment."""
        return self.filter(**{row.name: None for row in self.model._meta.related_objects})

    def waiting(self, user, text):
        """What `text` shows of files that this person uploaded while they wrote it, on nothing until now."""
        uuids = set(LINK.findall(text))
        return self.on_nothing().filter(uploaded_by=user, uuid__in=uuids) if uuids else self.none()


class Attachment(Guarded):
    """An uploaded file, stored under a name of our own and typed by its content; it never changes.

    One that is on no issue and no comment is seen by nobody but whoever uploaded it.
    """

    uuid = models.UUIDField(default=uuid7, unique=True, editable=False)
    space = models.ForeignKey(Space, models.PROTECT, related_name="attachments")
    name = models.CharField(max_length=NAME)
    content_type = models.CharField(max_length=100)
    size = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    file = models.FileField(max_length=200)
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = AttachmentQuerySet.as_manager()

    def __str__(self):
        return self.name

    def save(self, *args, **kwargs):
        """Write a new row; ValidationError if its space has no room for it."""
        if not self._state.adding:
            raise WayRound("A file does not change: store another one.")
        with transaction.atomic():
            # Two uploads at once must not both find the last free bytes.
            Space.objects.lock().get(pk=self.space_id)
            if Attachment.objects.taken(self.space_id) + self.size > ATTACHMENT_QUOTA:
                most = spelled(ATTACHMENT_QUOTA)
                raise ValidationError({"file": gettext("The files of a space have at most {}.").format(most)})
            super().save(*args, **kwargs)

    def disown(self):
        """Delete a file that is on nothing: its uploader was the last who could put it on anything."""
        models.QuerySet.update(Attachment.objects.filter(pk=self.pk), uploaded_by=None)

    @classmethod
    def of(cls, upload, *, space, by, name=None):
        """A row, not saved yet, whose file (a Django File) is on the disk; ValidationError if it may not be.

        The same content lies there once, and stays if the row is not saved after all.
        """
        name = check_upload(upload, name)
        sha256, size, content_type = examine(upload)
        place = f"{sha256[:2]}/{sha256}"
        storage = cls._meta.get_field("file").storage
        if not (storage.exists(place) and storage.size(place) == size):
            place = storage.save(place, upload)
        return cls(
            space=space,
            name=name,
            content_type=content_type,
            size=size,
            sha256=sha256,
            file=place,
            uploaded_by=by,
        )

    @classmethod
    def store(cls, upload, *, space, by, name=None):
        """The saved row of an uploaded file; ValidationError if it may not be."""
        attachment = cls.of(upload, space=space, by=by, name=name)
        attachment.save()
        return attachment


def attach(row, files):
    """Save an issue or a comment with these Attachments on it, all or nothing; ValidationError."""
    with transaction.atomic():
        for file in files:
            if file._state.adding:
                file.save()
        if files:
            row.wish("attachments", add=files)
        row.save()


def check_room(uploads, space, owner=None):
    """ValidationError where these files cannot all be kept: asked before a byte of them is written.

    `owner` is the issue or comment, if it is there already, on which they shall be.
    """
    if Attachment.objects.taken(space.pk) + sum(upload.size for upload in uploads) > ATTACHMENT_QUOTA:
        raise ValidationError(
            {"file": gettext("The files of a space have at most {}.").format(spelled(ATTACHMENT_QUOTA))}
        )
    if (len(owner.attachments) if owner else 0) + len(uploads) > ATTACHMENTS:
        raise ValidationError({"file": gettext("At most {} files.").format(ATTACHMENTS)})


def check_upload(upload, name=None):
    """The name under which an uploaded file is kept; ValidationError if it is too large or badly named."""
    if upload.size > ATTACHMENT_SIZE:
        raise ValidationError({"file": gettext("A file has at most {}.").format(spelled(ATTACHMENT_SIZE))})
    return clean_name(getattr(upload, "given_name", upload.name) if name is None else name)


def clean_name(name):
    """The last part of a path, with what cannot be seen in it shown; ValidationError if it is too long."""
    if reason := refusal(name or ""):
        raise ValidationError({"file": gettext("The name: {}").format(reason)})
    last = re.split(r"[/\\]", name or "")[-1]
    shown = "".join(f"[U+{ord(char):04X}]" if is_unseen(char) else char for char in last).strip()
    if len(shown) > NAME:
        raise ValidationError({"file": gettext("The name of a file has at most {} characters.").format(NAME)})
    return shown if shown.strip(".") else "unnamed"


def is_unseen(char):
    return unicodedata.category(char) in UNSEEN and char not in JOINERS


def examine(upload):
    """(SHA-256, size, type by its content) of an uploaded file, read once, a chunk at a time."""
    digest, size, head = hashlib.sha256(), 0, b""
    decoder, is_text = codecs.getincrementaldecoder("utf-8")(), True
    for chunk in upload.chunks():
        digest.update(chunk)
        size += len(chunk)
        head += chunk[: HEAD - len(head)]
        is_text = is_text and goes_on(decoder, chunk)
    is_text = is_text and goes_on(decoder, b"", is_end=True)
    return digest.hexdigest(), size, content_type(head, is_text)


def goes_on(decoder, chunk, is_end=False):
    """Whether another chunk of a file is text still."""
    try:
        decoder.decode(chunk, is_end)
    except UnicodeDecodeError:
        return False
    return b"\0" not in chunk


def content_type(head, is_text):
    """What a file that begins with `head` is; what we do not name is text, or just bytes."""
    found = filetype.guess_mime(head) if head else None
    if found in CONTENT_TYPES:
        return found
    return TEXT if is_text else BINARY


def spelled(size):
    """A limit in bytes as people say it."""
    return f"{size // 1024**3} GiB" if size >= 1024**3 else f"{size // 1024**2} MiB"
