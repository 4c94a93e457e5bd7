"""Renders texts again after the renderer has changed."""

from django.core.management.base import BaseCommand
from django.db.models import Q

from comments.mentions import Mention
from comments.models import Comment
from issues.markdown import RENDERER_VERSION
from issues.models import Issue


class Command(BaseCommand):
    help = "Render the texts again that an older renderer rendered; it is no history."

    def add_arguments(self, parser):
        parser.add_argument("--all", action="store_true", help="also those of the present renderer")

    def handle(self, **options):
        which = Q() if options["all"] else ~Q(renderer_version=RENDERER_VERSION)
        for model in (Issue, Comment):
            changed = model.objects.filter(which).rerender()
            self.stdout.write(f"{changed} {model._meta.verbose_name_plural} look different.")
        Mention.objects.repair([pk for pk, _ in Mention.objects.differences()])
