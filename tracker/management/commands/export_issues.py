"""`manage.py export_issues`: write a space into a file, with its past."""

import os
import sys
from contextlib import suppress
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from issues.models import Space
from tracker import space_export


class Command(BaseCommand):
    """Write a space as JSON lines that `import_issues --format jsonl` reads, in this or another installation.

    The file holds the settings of the space, its levels, channels, teams, projects and environments, the
    people whom its issues name, and every issue, those in the trash too, with comments, sightings, history
    and the texts of its history. It is of one moment, and the same space gives the same bytes.

    Not in it: uploaded files (their names are; copy MEDIA_ROOT), memberships and subscriptions, passwords
    and API tokens, the history of the space itself, kept answers of the API, and news not yet delivered.

    It is as secret as the database: reporters whom the tracker keeps anonymous stand in it, and so do
    internal comments and the addresses to which channels tell their news.
    """

    help = "Write a space with its issues and their past as JSON lines; as secret as the database."

    def add_arguments(self, parser):
        parser.add_argument("space", metavar="SPACE", help="its key")
        parser.add_argument("--output", metavar="FILE", help="the standard output otherwise")

    def handle(self, *, space, output, **options):
        with space_export.snapshot():
            found = Space.objects.filter(key=space.upper()).first()
            if found is None:
                raise CommandError(f"There is no space {space}.")
            lines = space_export.lines(found)
            if output in (None, "-"):
                sys.stdout.buffer.writelines(lines)
                return
            try:
                count, size = write(Path(output), lines)
            except OSError as error:
                raise CommandError(f"{output} cannot be written: {error.strerror}.") from error
        self.stdout.write(f"{found.key}: {count:,} lines, {size:,} bytes.")


def write(path, lines):
    """(lines, bytes) written; the file is there whole or not at all, and for its owner alone."""
    unfinished = path.with_name(f"{path.name}.part")
    count = 0
    try:
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            for line in lines:
                file.write(line)
                count += 1
            file.flush()
            os.fsync(file.fileno())
            size = file.tell()
        unfinished.replace(path)
    except BaseException:
        with suppress(OSError):
            unfinished.unlink()
        raise
    return count, size
