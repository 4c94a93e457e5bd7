"""`manage.py fold_counts`: add to the counters of issues what changes left for them."""

from django.core.management.base import BaseCommand

from issues.models import CountDelta


class Command(BaseCommand):
    """Writers do it now and then by themselves; readers count right without it."""

    help = "Add to the counters of issues what changes left for them."

    def handle(self, **options):
        self.stdout.write(f"{CountDelta.objects.fold()} changes folded.")
