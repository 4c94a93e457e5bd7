"""How files come in from a client, and how they come to lie on the disk."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from django.core.files.storage import FileSystemStorage
from django.core.files.uploadhandler import MemoryFileUploadHandler, TemporaryFileUploadHandler


class WholeName:
    """An upload handler whose files have the name that was sent, where Django's own `name` is cut."""

    def file_complete(self, size):
        upload = super().file_complete(size)
        if upload is not None:
            upload.given_name = self.file_name
        return upload


class MemoryUploadHandler(WholeName, MemoryFileUploadHandler):
    """A small file stays in memory."""


class DiskUploadHandler(WholeName, TemporaryFileUploadHandler):
    """A larger one goes to a temporary file while it comes in."""


class ContentStorage(FileSystemStorage):
    """Files named by their content: one that is there is whole, and would be written again as it is."""

    def get_available_name(self, name, max_length=None):
        return name

    def _save(self, name, content):
        """Write beside the place and move into it, so that a crash leaves nothing there by half."""
        path = Path(self.path(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, beside = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
        try:
            with open(handle, "wb") as file:
                for chunk in content.chunks():
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(beside)
            raise
        for folder in (path.parent, path.parent.parent):
            sync(folder)
        return name


def sync(folder):
    """Make what was named in `folder` last."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
