"""Where a page that stays open says what has changed meanwhile."""

from django import template

from issues.list_views import progress_shown
from issues.live import question

register = template.Library()


@register.inclusion_tag("issues/_news.html", takes_context=True)
def list_news(context):
    """The place over a list where news of it will stand."""
    keys = ",".join(issue["key"] for issue in context["issues"])
    return question(context["params"], keys)


@register.inclusion_tag("issues/_progress.html", takes_context=True)
def progress_now(context):
    """How far one has come with triage, for the page that shows it and asks for something else."""
    return progress_shown(context["request"]) | {"is_oob": True}
