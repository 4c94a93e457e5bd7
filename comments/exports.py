"""One issue to take away, with what people said of it, as Markdown."""

import re
from itertools import islice

from django.contrib.auth.decorators import login_required
from django.urls import reverse
from django.views.decorators.http import require_safe

from comments.models import Comment
from issues import issue_rows
from issues.exports import CHUNK, MARKDOWN, absolute, as_markdown, download
from issues.models import Issue
from issues.models.sets import show_label
from issues.rows import who
from issues.views import find

BACKTICKS = re.compile("`+")
COLUMNS = ("author_id", "author__name", "content", "content_format", "is_internal", "created_at")


@login_required
@require_safe
def issue_markdown(request, key):
    """The issue with its facts, its description and the comments that this person sees."""
    issue = find(request, key, "export")
    comments = Comment.objects.visible_to(request.user).filter(issue=issue).order_by("id")
    return download(f"{issue.key}.md", parts(issue, comments.values_list(*COLUMNS).iterator(CHUNK)), MARKDOWN)


def parts(issue, comments):
    facts = "".join(f"- {name}: {said}\n" for name, said in facts_of(issue) if said)
    yield f"# {issue.key} {as_markdown(issue.title)}\n\n{facts}"
    if issue.description:
        yield f"\n## Description\n\n{text_of(issue.description, issue.description_format)}\n"
    heading = "\n## Comments\n"
    while some := list(islice(comments, CHUNK)):
        yield heading + "".join(said_by(issue, *row) for row in some)
        heading = ""


def facts_of(issue):
    """[(name, Markdown)] of what stands beside an issue."""
    labels, teams, channels, everything, files = issue_rows.sets_of(issue)
    reporter = "Anonymous" if issue.is_anonymous else issue.reporter
    named = [
        ("Status", issue.get_status_display()),
        ("Level", issue.level and issue.level.key),
        ("Assignee", issue.assignee),
        ("Reporter", reporter),
        ("Project", issue.project),
        ("Environment", issue.environment),
        ("Labels", ", ".join(show_label(key, value)[1] for key, value in labels.items())),
        ("Teams", ", ".join(row["name"] for row in teams)),
        ("Channels", ", ".join(row["name"] for row in everything + channels)),
        ("Due", issue.due_on),
        ("Seen", issue.seen_count),
        ("Created", at(issue.created_at)),
        ("Changed", at(issue.updated_at)),
        ("Resolved", issue.resolved_at and at(issue.resolved_at)),
    ]
    links = [f"[{as_markdown(file['name'])}]({address_of(file)})" for file in files]
    return [
        ("Address", f"<{absolute(issue.get_absolute_url())}>"),
        *((name, as_markdown(value)) for name, value in named),
        ("Files", ", ".join(links)),
    ]


def address_of(file):
    return absolute(reverse("attachment-download", args=[file["id"]]))


def said_by(issue, author, name, content, content_format, is_internal, created_at):
    """A comment; whom the issue hides is not named."""
    is_hidden = author is None or (issue.is_anonymous and author == issue.reporter_id)
    by = who(None if is_hidden else {"name": name}, author)
    internal = " · internal" if is_internal else ""
    said = text_of(content, content_format)
    return f"\n### {as_markdown(by)} · {at(created_at)}{internal}\n\n{said}\n"


def at(moment):
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def text_of(text, text_format):
    """What somebody wrote; what is no Markdown stands in a fence that it cannot leave."""
    if text_format == Issue.Format.MARKDOWN:
        return text
    longest = max(map(len, BACKTICKS.findall(text)), default=0)
    fence = "`" * max(longest + 1, 3)
    return f"{fence}{'html' if text_format == Issue.Format.HTML else ''}\n{text}\n{fence}"
