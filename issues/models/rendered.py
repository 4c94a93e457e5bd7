"""Rows with a text that people write: it is rendered when it is written, and stored beside itself."""

import re

from django.apps import apps
from django.db import models

from issues import markdown
from issues.models.base import Audited, GuardedQuerySet

NUMBER = re.compile(r"(?<![\w&#/])#([0-9]{1,9})\b")
MOST_NUMBERS = 500


def own_links(space_id, text):
    """{number: address} of the issues of the space that `text` names as `#42`, where they exist."""
    numbers = list(dict.fromkeys(map(int, NUMBER.findall(text))))[:MOST_NUMBERS] if "#" in text else []
    if not numbers:
        return {}
    issues = apps.get_model("issues", "Issue").objects.filter(space=space_id, number__in=numbers)
    found = issues.filter(deleted_at=None).order_by().values_list("number", "space__key")
    return {number: f"/issues/{key}-{number}/" for number, key in found}


class RenderedQuerySet(GuardedQuerySet):
    def rerender(self):
        """Render the texts again: with a newer renderer, or since `#42` exists by now.

        It is no history, for nothing was said anew. Returns how many rows look different.
        """
        changed = 0
        for row in self.order_by("pk").iterator(500):
            before = row.rendered_html, row.renderer_version
            columns = row.render()
            if before != (row.rendered_html, row.renderer_version):
                changed += 1
                same_text = self.model.objects.filter(pk=row.pk, **{row.WORDS: getattr(row, row.WORDS)})
                models.QuerySet.update(same_text, **{name: getattr(row, name) for name in columns})
        return changed


class Rendered(Audited):
    """A row whose column WORDS is rendered: `<WORDS>_format` says from what, `<WORDS>_rendered` keeps it."""

    renderer_version = models.PositiveSmallIntegerField(default=0, editable=False)

    class Meta(Audited.Meta):
        abstract = True

    WORDS = ""
    _rendering = None

    @property
    def rendered_html(self):
        """The stored rendering, safe to print."""
        return markdown.safe(getattr(self, f"{self.WORDS}_rendered"))

    def prepare(self, names):
        if names & {self.WORDS, f"{self.WORDS}_format"}:
            self.rendering()

    def render(self, numbers=None):
        """Set the rendering; the names of its columns. `numbers` is what `#42` links to, if that is known."""
        setattr(self, f"{self.WORDS}_rendered", self.rendering(numbers))
        self.renderer_version = markdown.RENDERER_VERSION
        return {f"{self.WORDS}_rendered", "renderer_version"}

    def rendering(self, numbers=None):
        """The text as safe HTML; what `prepare()` made serves under the lock."""
        source = getattr(self, self.WORDS), getattr(self, f"{self.WORDS}_format")
        if self._rendering is None or self._rendering[0] != source:
            numbers = own_links(self.home(), source[0]) if numbers is None else numbers
            self._rendering = source, markdown.render(*source, numbers)
        return self._rendering[1]
