"""`manage.py verify_history`: whether the audit trail is whole."""

from django.core.management.base import BaseCommand, CommandError

from issues.models import Space
from issues.models.triggers import missing_triggers
from tracker.verification import Verifier

SHOWN = 20


class Command(BaseCommand):
    """Replay every chain of history and compare the outcome with the rows.

    Prints what was counted. Ends with exit code 1 and a line for each broken chain, which names the first
    entry that does not hold, or what of the row does not.
    """

    help = "Replay the history of every issue and space, and compare the outcome with what is stored."

    def add_arguments(self, parser):
        parser.add_argument("--space", metavar="KEY", help="only this space")

    def handle(self, *, space=None, **options):
        spaces = Space.objects.all() if space is None else Space.objects.filter(key=space.upper())
        if space is not None and not spaces.exists():
            raise CommandError(f"There is no space {space}.")
        verifier = Verifier(spaces)
        problems, broken = [], 0
        for problem in self.problems(verifier, space):
            broken += 1
            problems += [problem][: SHOWN - len(problems)]
        if broken:
            raise CommandError("\n".join([*problems, f"{broken} of {verifier.chains} chains do not hold."]))
        if missing := missing_triggers():
            self.stderr.write(
                f"Triggers that keep it are missing: {', '.join(sorted(missing))}. Run migrate."
            )
        texts, blanked = verifier.texts()
        self.stdout.write(
            f"History holds: {verifier.chains} chains, {verifier.entries} entries, "
            f"{texts} texts, {blanked} of them blanked."
        )

    def problems(self, verifier, space):
        yield from verifier.problems()
        yield from verifier.odd_marks()
        if space is None:
            yield from verifier.strays()
