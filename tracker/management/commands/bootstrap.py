"""`manage.py bootstrap`: two spaces with people and tokens, and all their ids, so that a client can start."""

import json

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError, transaction

from tracker.demo import ground


class Command(BaseCommand):
    """Fill a database with what a client needs for its first call, and print it.

    The spaces OPS and DATA; an admin of both and a member of each, with passwords; a write token for each of
    them in their home space and one that only reads; a project, an environment, a channel and a team for
    each space; the levels; three issues. `--json` prints one object with every id in every form: `id`,
    `ulid`, `hex`, and what Guance and Zylon call the row under their names. A second run prints the same
    and changes nothing, also where somebody has changed these rows meanwhile; a password that was changed
    and a token that was revoked are null.
    """

    help = "Make two spaces with people, tokens and a few issues, and print how a client reaches them."

    def add_arguments(self, parser):
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument("--yes", action="store_true", help="also without DEBUG")

    def handle(self, *, yes, **options):
        refuse_in_production(yes)
        fill()
        document = ground.document()
        if not all(space.is_active for space in ground.our_spaces()):
            self.stderr.write("A space of these is retired: nobody reaches what is in it.")
        self.stdout.write(json.dumps(document, indent=2) if options["json"] else summary(document))


def refuse_in_production(yes):
    if not (settings.DEBUG or yes):
        raise CommandError("This makes people with known passwords: say --yes if you mean it.")


def fill():
    try:
        with transaction.atomic():
            ground.bootstrap()
    except ValidationError as error:
        raise CommandError(" ".join(error.messages)) from error
    except IntegrityError as error:
        raise CommandError("Somebody else is filling this database: run it again.") from error


def summary(document):
    """What a person needs to go on."""
    lines = [f"Tracker   {settings.BASE_URL}/"]
    lines += [f"Space     {space['key']:6} {space['name']}" for space in document["spaces"]]
    lines += [
        f"Sign in   {user['email']:20} {user['password'] or '(password changed)'}"
        for user in document["users"]
    ]
    lines += [
        f"Token     {token['user']:20} {token['token'] or '(revoked)'}  {token['space']}, {token['scope']}"
        for token in document["tokens"]
    ]
    return "\n".join([*lines, "All ids    manage.py bootstrap --json"])
