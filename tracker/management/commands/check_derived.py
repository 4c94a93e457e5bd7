"""`manage.py check_derived`: whether the tables that follow from others still do."""

from itertools import islice

from django.core.management.base import BaseCommand, CommandError

from comments.mentions import Mention
from comments.models import CommentCounts
from issues.models import OccurrenceHour, SearchDocument
from issues.models.count import Counters
from issues.models.search_index import TextIndex
from issues.models.shown import LEVEL_RANKS, SHOWN_LABELS

# {name: what has `differences()`, which gives (primary key, sentence), and `repair(keys)`}
DERIVED = {
    "search documents": SearchDocument.objects,
    "text index": TextIndex,
    "counters": Counters,
    "hours": OccurrenceHour.objects,
    "labels shown": SHOWN_LABELS,
    "ranks of levels": LEVEL_RANKS,
    "numbers of comments": CommentCounts,
    "mentions": Mention.objects,
}
CHUNK = 500
SHOWN = 20


class Command(BaseCommand):
    """Make every derived row again in memory and compare it with what is stored.

    Prints a line for the first rows that differ, and how many there are. Ends with exit code 1 if there are
    any, unless --repair wrote them anew.
    """

    help = "Compare what is derived from issues and comments with what it is derived from."

    def add_arguments(self, parser):
        parser.add_argument("--repair", action="store_true", help="write what differs anew")

    def handle(self, *, repair=False, **options):
        counts = {name: self.compare(rows, repair) for name, rows in DERIVED.items()}
        said = ", ".join(f"{count} of {name}" for name, count in counts.items())
        if any(counts.values()) and not repair:
            raise CommandError(f"Different from what they should be: {said}. Run with --repair.")
        self.stdout.write(f"{'Repaired' if repair else 'Different'}: {said}.")

    def compare(self, rows, repair):
        """How many rows differ, or did."""
        found, count = rows.differences(), 0
        while some := list(islice(found, CHUNK)):
            for _, sentence in some[: max(SHOWN - count, 0)]:
                self.stdout.write(sentence)
            count += len(some)
            if repair:
                rows.repair([key for key, _ in some])
        return count
