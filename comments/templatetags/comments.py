"""An issue's timeline and its comment form, for the page that issues make without knowing of comments."""

from datetime import timedelta

from django import template

from comments.forms import CommentForm
from comments.models import Comment
from comments.policy import may_change
from comments.viewsets import COLUMNS, comment_documents, comment_rows
from issues import markdown, rows
from issues.models import HistoryEntry
from issues.policy import may
from issues.views import with_pictures

register = template.Library()

# A timeline of more than MOST entries shows the FIRST and the LAST of them until all are asked for.
MOST, FIRST, LAST = 500, 20, 60
# Comments that the pane beside a list shows.
LATEST = 3
SHOWS = (("All", ""), ("Comments", "comments"), ("Changes", "changes"))
DISPLAYS = ("old_display", "new_display")
# What one person changes within this time is one line.
PAUSE = timedelta(minutes=5)

COMMENT_AT, COMMENT_AUTHOR = COLUMNS.index("created_at"), COLUMNS.index("author_id")
CHANGE_AT, CHANGE_ACTOR = rows.HISTORY.index("created_at"), rows.HISTORY.index("actor_id")


@register.inclusion_tag("comments/_timeline.html", takes_context=True)
def timeline(context, issue):
    """Comments and changes of `issue` in the order of time; `?show=` leaves one of the two."""
    request = context["request"]
    show = request.GET.get("show", "")
    comments = Comment.objects.visible_to(request.user).filter(issue=issue).order_by("id")
    entries = HistoryEntry.objects.visible_to(request.user).filter(issue=issue).order_by("position")
    # That a comment was added is said by the comment.
    entries = entries.exclude(action="comment_added")
    if show == "changes":
        comments = comments.none()
    if show == "comments":
        entries = entries.none()
    first, last, left_out = ends(comments, entries, request.GET.get("timeline") == "all")
    items = dress(request, issue, first + last)
    return {
        "csrf_token": context.get("csrf_token"),
        "may_revert": issue.key if may(request, "write", issue.space_id) else "",
        "first": grouped(items[: len(first)]),
        "last": grouped(items[len(first) :]),
        "left_out": left_out,
        "shows": [(name, value, value == show) for name, value in SHOWS],
        "show": show,
    }


@register.inclusion_tag("comments/_comment_form.html", takes_context=True)
def comment_form(context, issue):
    """The form for a new comment, or the one that could not be saved, where the person may comment."""
    request = context["request"]
    return {
        "form": context.get("comment_form") or CommentForm(),
        "preview": context.get("comment_preview"),
        "issue": issue,
        "csrf_token": context.get("csrf_token"),
        "may_comment": may(request, "comment", issue.space_id),
    }


@register.inclusion_tag("comments/_last_comments.html", takes_context=True)
def last_comments(context, issue):
    """The LATEST comments of `issue` in the order of time, and how many there are before them."""
    request = context["request"]
    comments = Comment.objects.visible_to(request.user).filter(issue=issue).order_by("-id")
    found = list(comment_rows(comments)[: LATEST + 1])
    number = comments.count() if len(found) > LATEST else len(found)
    return {
        "csrf_token": context.get("csrf_token"),
        "issue": issue,
        "items": list(dress_comments(request, issue, found[:LATEST][::-1])),
        "number": number,
        "left_out": number - len(found[:LATEST]),
    }


def ends(comments, entries, is_whole):
    """(first, last, number left out between them): rows as (time, is it a comment, row)."""
    most = None if is_whole else MOST + 1
    found = merged(comments, entries, most)
    if is_whole or len(found) <= MOST:
        return found, [], 0
    last = merged(comments.reverse(), entries.reverse(), LAST)[-LAST:]
    left_out = comments.count() + entries.count() - FIRST - LAST
    return found[:FIRST], last, left_out


def merged(comments, entries, most):
    found = [(row[COMMENT_AT], True, row) for row in comment_rows(comments)[:most]]
    found += [(row[CHANGE_AT], False, row) for row in rows.history(entries)[:most]]
    return sorted(found, key=lambda item: item[0])


def dress(request, issue, found):
    """The documents of `found`, in its order; authors and actors as the pages name them."""
    comments = [row for _, is_comment, row in found if is_comment]
    changes = [row for _, is_comment, row in found if not is_comment]
    dressed = {True: iter(dress_comments(request, issue, comments)), False: iter(dress_changes(changes))}
    return [next(dressed[is_comment]) for _, is_comment, _ in found]


def dress_comments(request, issue, found):
    for row, document in zip(found, comment_documents(found), strict=True):
        author = row[COMMENT_AUTHOR]
        yield document | {
            "is_comment": True,
            "content_html": markdown.safe(document["content_html"]),
            "attachments": with_pictures(document["attachments"]),
            "who": rows.who(document["author"], author),
            "may_edit": may_change(request, "edit", author, issue.space_id),
            "may_delete": may_change(request, "delete", author, issue.space_id),
        }


def dress_changes(found):
    for row, document in zip(found, rows.history_documents(found), strict=True):
        yield document | {"is_comment": False, "who": rows.who(document["actor"], row[CHANGE_ACTOR])}


def grouped(items):
    """`items` with the changes that one person made together in one item, `changes`."""
    found = []
    for item in items:
        if item["is_comment"]:
            found.append(item)
        elif found and joins(found[-1], item):
            add_to(found[-1]["changes"], item)
        else:
            found.append(item | {"changes": [item]})
    return found


def add_to(changes, item):
    """Add a change to those of one line; what was added or removed together is named together."""
    last = changes[-1]
    positions = [*last.get("positions", [last["position"]]), item["position"]]
    if item["action"].endswith(("_added", "_removed")) and last["action"] == item["action"]:
        names = {side: ", ".join(filter(None, (last[side], item[side]))) for side in DISPLAYS}
        changes[-1] = last | names | {"together": last.get("together", 1) + 1, "positions": positions}
    else:
        changes.append(item)


def joins(group, item):
    """Whether a change stands on the line of `group`."""
    if group["is_comment"] or (group["who"], group["source"]) != (item["who"], item["source"]):
        return False
    if group["batch"] == item["batch"]:
        return True
    opening = group["action"] == "created"
    return not opening and item["created_at"] - group["created_at"] < PAUSE
