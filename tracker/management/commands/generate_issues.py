"""`manage.py generate_issues`: fill an empty database with any number of issues, to measure with."""

from collections import Counter as Tally
from itertools import accumulate
from random import Random
from time import monotonic

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.db.models import Max

from issues.models import Issue, OccurrenceHour, Space
from issues.models.count import repair
from tracker.accounts.models import User
from tracker.db.pragmas import pragmas, straight_into_file
from tracker.generator import ground, lives, tables
from tracker.generator.indexes import without_indexes
from tracker.workers import PROCESSES, in_order

CHUNK = 1_000


class Command(BaseCommand):
    """Fill a database with issues, their labels, comments, sightings and history.

    The same rows come at every run with the same numbers and seed (but for the ids of the entries about
    spaces and people). Half of the issues are in the first space. The rows go past `save()`, as nothing else
    may: into spaces of their own, with the history that `save()` would have written, so that
    `verify_history` holds, and with counters and hours filled at the end; nobody is told of them. Refused
    without DEBUG or --yes, and where these spaces or people are there already.
    """

    help = "Fill an empty database with made-up issues and their history, to measure with."

    def add_arguments(self, parser):
        parser.add_argument("count", type=int, metavar="N", help="how many issues")
        parser.add_argument("--spaces", type=int, default=50, help="1 to 99")
        parser.add_argument("--people", type=int, default=200)
        parser.add_argument("--seed", type=int, default=1)
        beside = "that prepare rows beside the writer"
        parser.add_argument("--processes", type=int, default=PROCESSES, help=beside)
        parser.add_argument("--yes", action="store_true", help="also without DEBUG")

    def handle(self, *, count, spaces, people, seed, processes, yes, **options):
        if not (settings.DEBUG or yes):
            raise CommandError("This makes people with known passwords: say --yes if you mean it.")
        if count < 0 or not 1 <= spaces <= 99 or people < 1:
            raise CommandError("At least no issues, one person, and 1 to 99 spaces.")
        refuse_doubles(spaces)
        began = monotonic()
        homes = ground.lay(spaces, people, seed)
        # All of it is there in the end, or nothing but the ground.
        written = Tally()
        # Digests go into indexes at random places, so that these are kept in memory meanwhile.
        fast = pragmas(cache_size=-500_000)
        with fast, straight_into_file(), transaction.atomic(), without_indexes(lives.TABLES):
            chunks = chunks_of(count, len(homes), seed)
            for chunk, rows in in_order(lives.prepare, chunks, homes, processes):
                tables.write(rows, by_space(homes, chunk.after))
                written.update({model._meta.db_table: len(found) for model, found in rows.items()})
        for home in homes:
            repair([home.pk])
            OccurrenceHour.objects.repair([home.pk])
        tables.settle()
        for name, number in written.items():
            self.stdout.write(f"{number:>10,} {name}")
        self.stdout.write(
            f"{monotonic() - began:.0f} s. Sign in as {ground.email_of(0)}, {ground.password()}"
        )


def refuse_doubles(spaces):
    """CommandError where a space or a person stands in the place of ours."""
    taken = Space.objects.filter(key__in=[ground.key_of(number) for number in range(spaces)]).first()
    if taken:
        raise CommandError(f"There is a space {taken.key} already.")
    if User.objects.filter(email=ground.email_of(0)).exists():
        raise CommandError(f"There is a person {ground.email_of(0)} already.")


def by_space(homes, numbers):
    return {homes[home].pk: number + 1 for home, number in numbers.items()}


def chunks_of(count, spaces, seed):
    """The Chunks of so many issues, the places of all of which follow from the seed."""
    chance, numbers = Random(f"places {seed}"), Tally()
    key = (Issue.objects.aggregate(Max("pk"))["pk__max"] or 0) + 1
    # The smallest of 50 holds one issue in a thousand.
    shares = list(accumulate((rank + 1) ** -1.3 for rank in range(spaces - 1)))
    weights = [1, *(1 + share / shares[-1] for share in shares)]
    for place, first in enumerate(range(0, count, CHUNK)):
        size = min(CHUNK, count - first)
        places, after = [], {}
        for serial, home in enumerate(chance.choices(range(spaces), cum_weights=weights, k=size), first):
            numbers[home] += 1
            after[home] = numbers[home]
            places.append((key + serial, serial, home, numbers[home]))
        yield lives.Chunk(seed, place, places, count, after)
