"""`manage.py demo`: a small team's month of issues in an empty database, and how to sign in."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError

from issues.models import Space
from tracker.demo import ground, month
from tracker.management.commands.bootstrap import refuse_in_production

FOREIGN = "No demo: this database has spaces of its own."
REMOVED = "No demo: it was taken away from this database, and what is left of it stays on record."


class Command(BaseCommand):
    """Load the demo into an empty database, or onto what bootstrap made, and print how to sign in.

    A second run changes nothing. `--remove` takes the demo away: its issues go to the trash, its people,
    tokens, channels and the like are retired, its spaces too, which are called OPSDEMO and DATADEMO from
    then on; all of it on record, as nothing is ever deleted here. It does not come back after that.
    """

    help = "Load demo data into an empty database and print how to sign in; a second run changes nothing."

    def add_arguments(self, parser):
        parser.add_argument("--remove", action="store_true", help="take the demo away again")
        parser.add_argument("--yes", action="store_true", help="also without DEBUG, or from other members")

    def handle(self, *, yes, remove, **options):
        refuse_in_production(yes)
        self.stdout.write(taken_away(yes) if remove else loaded())


def loaded():
    """Load the demo where it may be; what there is to say afterwards."""
    if month.is_removed():
        return f"\n  Tracker   {settings.BASE_URL}/\n  {REMOVED}\n"
    if ground.ours(Space, "OPS") is None and Space.objects.exists():
        return f"\n  Tracker   {settings.BASE_URL}/\n  {FOREIGN}\n"
    if not month.is_told():
        try:
            month.tell()
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        except IntegrityError as error:
            raise CommandError("Somebody else is filling this database: run it again.") from error
    return sign_in()


def sign_in():
    """What a newcomer needs to go on."""
    base = settings.BASE_URL
    person, token = ground.person_document("jane"), ground.token_document("jane", "OPS", "write")["token"]
    return f"""
  Tracker   {base}/
  Sign in   {person["email"]}  {person["password"] or "(the password was changed)"}
  API       {base}/api/docs/
  Token     {token or "(it was revoked)"}

  curl {base}/api/issues/ -H 'Authorization: Bearer {token or "…"}' \\
    -H 'Content-Type: application/json' -d '{{"space": "OPS", "title": "My first issue"}}'
"""


def taken_away(yes):
    if None in ground.our_spaces() or month.is_removed():
        return "There is no demo to take away."
    if (others := month.others()) and not yes:
        names = ", ".join(person.email or person.name for person in others)
        raise CommandError(f"{names} would lose the spaces of the demo too: say --yes if you mean it.")
    stay = month.remove()
    return "\n".join(
        ["The demo is gone: its issues are in the trash, its spaces and people are retired, on record."]
        + [f"{person.email} stays, being in a space that is not the demo's." for person in stay]
    )
