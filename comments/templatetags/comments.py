"""An issue's timeline and its comment form, for the page that issues make without knowing of comments."""

from datetime import timedelta

from django import template
from django.db.models import Count, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_noop

from comments.forms import CommentForm
from comments.mentions import Mention
from comments.models import Comment
from comments.policy import may_change
from comments.viewsets import COLUMNS, comment_documents, comment_rows
from issues import markdown, rows, tasks
from issues.issue_rows import documents
from issues.models import HistoryEntry
from issues.policy import may
from issues.views import with_pictures

register = template.Library()

# A timeline of more than MOST entries shows the FIRST and the LAST of them until all are asked for.
MOST, FIRST, LAST = 500, 20, 60
# Comments that the pane beside a list shows.
LATEST = 3
SHOWS = (
    (gettext_noop("All"), ""),
    (gettext_noop("Comments"), "comments"),
    (gettext_noop("Changes"), "changes"),
)
# So many places where an issue is mentioned are shown, the newest.
MENTIONS = 50
DISPLAYS = ("old_display", "new_display")
# What one person changes within this time is one line.
PAUSE = timedelta(minutes=5)

COMMENT_AT, COMMENT_AUTHOR = COLUMNS.index("created_at"), COLUMNS.index("author_id")
CHANGE_AT, CHANGE_ACTOR = rows.HISTORY.index("created_at"), rows.HISTORY.index("actor_id")


@register.inclusion_tag("comments/_timeline.html", takes_context=True)
def timeline(context, issue):
    """Comments and changes of `issue` in the order of time; `?show=` leaves one of the two.

    What is new since the person's last visit, `issue.visited_at`, begins with the item that `is_first_new`.
    """
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
    has_news = mark_new(items, getattr(issue, "visited_at", None))
    return {
        "csrf_token": context.get("csrf_token"),
        "may_revert": issue.key if may(request, "write", issue.space_id) else "",
        "address": issue.get_absolute_url(),
        "has_news": has_news,
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
    may_comment = may(request, "comment", issue.space_id)
    form, draft = context.get("comment_form"), None
    if form is None:
        form = CommentForm(initial={"content": issue.draft_text or ""})
        draft = issue.draft_updated_at and {"updated_at": issue.draft_updated_at}
    return {
        "form": form,
        "draft": draft,
        "user": request.user,
        "preview": context.get("comment_preview"),
        "issue": issue,
        "csrf_token": context.get("csrf_token"),
        "may_comment": may_comment,
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


@register.inclusion_tag("comments/_mentions.html", takes_context=True)
def mentions(context, issue):
    """Where other issues and their comments link to `issue`, as far as the person may read them."""
    user, places = context["request"].user, {}
    found = Mention.objects.of(issue, user).values_list("issue", "comment__uuid")[:MENTIONS]
    for pk, comment in found:
        places.setdefault(pk, []).append(comment)
    shown = documents(user.space_roles(), list(places), ("key", "title", "status")) if places else {}
    return {"mentions": [(shown[pk], comments) for pk, comments in places.items() if pk in shown]}


def ends(comments, entries, is_whole):
    """(first, last, number left out between them): rows as (time, is it a comment, row)."""
    comments, entries = (
        list(rows if is_whole else cut(rows, of))
        for rows, of in ((comment_rows(comments), comments), (rows.history(entries), entries))
    )
    found = [(row[COMMENT_AT], True, row) for row in comments]
    found += [(row[CHANGE_AT], False, row) for row in entries]
    found.sort(key=lambda item: item[0])
    total = sum(some[0][-1] for some in (comments, entries) if some and not is_whole)
    if total <= MOST:
        return found, [], 0
    return found[:FIRST], found[-LAST:], total - FIRST - LAST


def cut(rows, queryset):
    """The `rows` of a queryset, each with their number at its end: all, or both ends if they are too many."""
    number = queryset.order_by().values("issue").annotate(number=Count("pk")).values("number")
    first, last = queryset.values("pk")[:FIRST], queryset.reverse().values("pk")[:LAST]
    is_shown = Q(total__lte=MOST) | Q(pk__in=first) | Q(pk__in=last)
    return rows.annotate(total=Coalesce(Subquery(number), 0)).filter(is_shown)


def dress(request, issue, found):
    """The documents of `found`, in its order; authors and actors as the pages name them."""
    comments = [row for _, is_comment, row in found if is_comment]
    changes = [row for _, is_comment, row in found if not is_comment]
    dressed = {
        True: iter(dress_comments(request, issue, comments)),
        False: iter(dress_changes(request, changes)),
    }
    return [next(dressed[is_comment]) for _, is_comment, _ in found]


def dress_comments(request, issue, found):
    for row, document in zip(found, comment_documents(found), strict=True):
        author = row[COMMENT_AUTHOR]
        may_edit = may_change(request, "edit", author, issue.space_id)
        html = markdown.safe(document["content_html"])
        yield document | {
            "is_comment": True,
            "is_mine": author == request.user.pk,
            "content_html": tasks.with_buttons(html, f"tasks-{document['id']}") if may_edit else html,
            "seen": tasks.seen(document["content"]) if may_edit and "<input" in html else "",
            "attachments": with_pictures(document["attachments"]),
            "who": rows.who(document["author"], author),
            "may_edit": may_edit,
            "may_delete": may_change(request, "delete", author, issue.space_id),
        }


def dress_changes(request, found):
    for row, document in zip(found, rows.history_documents(found), strict=True):
        yield document | {
            "is_comment": False,
            "is_mine": row[CHANGE_ACTOR] == request.user.pk,
            "who": rows.who(document["actor"], row[CHANGE_ACTOR]),
        }


def mark_new(items, since):
    """Mark the first item that others made after `since`; whether there is one."""
    new = (item for item in items if since and item["created_at"] > since and not item["is_mine"])
    first = next(new, None)
    if first is not None:
        first["is_first_new"] = True
    return first is not None


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
    if item.get("is_first_new") or group["is_comment"]:
        return False
    if any(group[name] != item[name] for name in ("who", "actor", "source")):
        return False
    if group["batch"] == item["batch"]:
        return True
    opening = group["action"] == "created"
    return not opening and item["created_at"] - group["created_at"] < PAUSE
