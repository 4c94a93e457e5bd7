"""What pages show in more than one place: times, badges, and changes in words."""

from datetime import UTC
from functools import cache
from zoneinfo import ZoneInfo

from django import template
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import mark_safe
from lucide.templatetags.lucide import lucide

from issues import policy
from issues.diff import word_diff
from issues.limits import ATTACHMENT_SIZE
from issues.models import Issue
from issues.models.level import SYSTEM_LEVELS
from issues.policy import allows
from issues.triage import waiting
from issues.views import counted

register = template.Library()

SYSTEM_KEYS = frozenset(row[0] for row in SYSTEM_LEVELS)
# Characters that turn the direction of a line, and so can make a title read as another.
TURNING = {code: f"[U+{code:04X}]" for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}
# The menu counts no further, since it does on every page.
MOST_COUNTED = 99
UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
SENTENCES = {
    "deleted": "moved this issue to the trash",
    "restored": "restored this issue",
    "comment_added": "commented",
    "comment_edited": "edited a comment",
    "comment_deleted": "deleted a comment",
}
RECORD_VERBS = {"created": "made", "retired": "retired", "restored": "brought back"}
# People come and go, and secrets end.
OTHER_VERBS = {
    ("membership", "created"): "added",
    ("membership", "retired"): "removed",
    ("apitoken", "retired"): "revoked",
    ("savedview", "created"): "shared",
    ("savedview", "retired"): "deleted",
    ("invitation", "created"): "sent",
    ("invitation", "retired"): "closed",
    ("invitation", "accepted"): "accepted",
}
KINDS = {"apitoken": "token", "membership": "member", "savedview": "view", "user": "person"}
NAMES = {
    "is_anonymous": "Anonymous reporter",
    "is_read": "Read",
    "is_crash": "Crash",
    "due_on": "Due date",
    "resource_id": "Source id",
    "resource_name": "Source name",
    "resource_type": "Source type",
    "alert_id": "Alert id",
}
# The doors through which changes come: an icon, and a name.
DOORS = {
    "web": ("globe", "web"),
    "api": ("code", "API"),
    "admin": ("shield", "administration"),
    "import": ("import", "import"),
    "command": ("terminal", "command line"),
    "worker": ("cog", "worker"),
    "rule": ("workflow", "rule"),
}


@register.simple_tag
@cache
def source(name):
    """The door through which a change came; that it was the page itself, the icon says alone."""
    icon, label = DOORS.get(name, ("plug", name.capitalize()))
    return format_html(
        '<span class="source" title="Through {label}">{icon} <span{hidden}>via {label}</span></span>',
        label=label,
        icon=lucide(icon, size=14, aria_hidden="true"),
        hidden=mark_safe(' class="unseen"') if name == "web" else "",
    )


@register.simple_tag(takes_context=True)
def ago(context, at):
    """A time as people say it, with the exact one in the reader's zone and in UTC."""
    here = at.astimezone(zone_of(context))
    title = f"{here:%Y-%m-%d %H:%M:%S %Z}"
    if here.utcoffset():
        title += f" · {at.astimezone(UTC):%Y-%m-%d %H:%M:%S UTC}"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', at.isoformat(), title, since(at, timezone.now(), here)
    )


@register.simple_tag(takes_context=True)
def clock(context, at):
    """The time of day of something that has just happened, in the reader's zone."""
    here = at.astimezone(zone_of(context))
    return format_html('<time datetime="{}">{}</time>', at.isoformat(), f"{here:%H:%M}")


def zone_of(context):
    user = getattr(getattr(context, "request", None), "user", None)
    try:
        return ZoneInfo(getattr(user, "time_zone", "") or "UTC")
    except (OSError, ValueError, KeyError):
        return UTC


def since(at, now, here):
    seconds = int((now - at).total_seconds())
    if seconds < -60 or seconds >= 30 * 86_400:
        return f"{here.day} {here:%b %Y}"
    if seconds < 10:
        return "just now"
    size, unit = next(pair for pair in UNITS if seconds >= pair[0])
    return f"{seconds // size} {unit} ago"


@register.simple_tag
def largest_file():
    """The most bytes that an uploaded file may have."""
    return ATTACHMENT_SIZE


@register.filter
def visible(text):
    """A text of one line whose turning characters are shown instead of obeyed."""
    return text.translate(TURNING)


@register.filter
def writes(user):
    """Whether the person may write in any space at all."""
    return any(allows(user, "write", space) for space in user.space_roles())


@register.inclusion_tag("_side.html", takes_context=True)
def side(context):
    """The menu beside every page: lists of issues, the person's spaces, and what else there is."""
    request = context["request"]
    here, query = request.path, request.GET.get("q", "")

    def place(name, route, query_there="", keys="", count=""):
        address = reverse(route) + (f"?{urlencode({'q': query_there})}" if query_there else "")
        is_current = here == reverse(route) and (route != "issue-list" or query == query_there)
        return {"name": name, "address": address, "keys": keys, "count": count, "is_current": is_current}

    waits = counted(waiting(request.user), MOST_COUNTED)
    return {
        "issues": [
            place("Triage", "triage", keys="g t", count=waits),
            place("My work", "issue-list", "is:open assignee:me", "g m"),
            place("All issues", "issue-list", keys="g i"),
            place("Open issues", "issue-list", "is:open"),
            place("Unassigned", "issue-list", "is:open is:unassigned"),
        ],
        "spaces": [
            place(name, "issue-list", f"is:open space:{key}") | {"key": key}
            for _, key, name in request.user.spaces()
        ],
        "places": [
            place(name, route, keys=keys)
            for name, route, keys in (
                ("Dashboard", "dashboard", "g d"),
                ("People", "people", ""),
                ("Channels", "channel-list", ""),
                ("Levels", "level-list", ""),
                ("History", "history-list", ""),
                ("Trash", "trash", ""),
            )
        ],
    }


@register.inclusion_tag("issues/_first_run.html", takes_context=True)
def first_run(context):
    """Where to begin, for somebody who is in a space and sees no issue at all."""
    request = context["request"]
    roles = request.user.space_roles()
    keys = [key for pk, key, _ in request.user.spaces() if allows(request.user, "write", pk)]
    return {
        "is_empty": roles and not Issue.objects.visible_to(request.user).exists(),
        "address": request.build_absolute_uri(reverse("api:issue-list")),
        "space": keys[0] if keys else None,
    }


@register.filter
def may_administer(user):
    """Whether the administration is open to the person."""
    return policy.may_administer(user)


@register.filter
def several(number):
    """`number` in words for a count of sightings: once, 12 times."""
    return "once" if number == 1 else f"{number:,} times"


@register.inclusion_tag("issues/_level.html")
def level_badge(level):
    return {"level": level, "shape": level_shape(level)}


@register.filter
def level_shape(level):
    """The class by which a level, or none, gets its colour and its shape."""
    key = level and (level["key"] if isinstance(level, dict) else level.key)
    return key.lower() if key in SYSTEM_KEYS else ("other" if key else "none")


@register.inclusion_tag("issues/_status.html")
def status_badge(status):
    return {"status": status, "name": Issue.Status(status).label}


@register.inclusion_tag("issues/_change.html")
def change(entry):
    """What a history document says, to be read after a name: "set Level P2 → P1"."""
    action, field = entry["action"], entry["field"] or ""
    subject, _, verb = action.rpartition("_")
    return {
        "sentence": opening(entry) if action == "created" else SENTENCES.get(action),
        "comment": comment_of(entry) if action == "comment_edited" else None,
        "kind": kind_of(field, verb),
        "is_regressed": action == "regressed" and field == "status",
        "subject": subject,
        "together": entry.get("together", 1),
        "name": name_of(field),
        "old": entry["old_display"],
        "new": entry["new_display"],
        "texts": texts_of(entry),
    }


def opening(entry):
    """How an issue began: with how many files, since these have no entries of their own."""
    files = len(entry["new_value"].get("attachments", ()))
    return "opened this issue" + (f" with {files} file{'s' if files > 1 else ''}" if files else "")


@register.inclusion_tag("issues/_record_change.html")
def record_change(entry):
    """What a history document of a space's own chain says, to be read after a name."""
    _, _, verb = entry["action"].rpartition("_")
    kind = entry["subject_type"]
    if kind == "invitation" and entry["field"] == "accepted_at":
        verb = "accepted"
    return {
        "verb": OTHER_VERBS.get((kind, verb)) or RECORD_VERBS.get(verb, "changed"),
        "is_set": bool(entry["field"]) and verb not in (*RECORD_VERBS, "accepted"),
        "field": name_of(entry["field"] or ""),
        "has_values": bool(entry["old_display"] or entry["new_display"]),
        "old": entry["old_display"],
        "new": entry["new_display"],
        "kind": KINDS.get(kind, kind),
        "subject": entry["name"] or entry["new_display"],
    }


@register.inclusion_tag("issues/_change_texts.html")
def change_texts(entry):
    """What an edit did to a description and the like, to be opened; a title's texts stand in the line."""
    texts = () if entry["field"] == "title" else texts_of(entry)
    is_whole = texts and None not in (texts[0], texts[1])
    return {
        "name": "Comment" if entry["field"] == "comments" else name_of(entry["field"] or ""),
        "texts": texts,
        "parts": word_diff(*texts) if is_whole else None,
    }


def texts_of(entry):
    """The old and the new text of a change (None: blanked); () if it is of no text."""
    if entry["action"] == "comment_edited":
        texts = tuple(side["content"] for side in (entry["old_value"], entry["new_value"]))
        # Where it is the same, a file came or went, or the comment became internal.
        return () if texts[0] == texts[1] is not None else texts
    return (entry["old_value"], entry["new_value"]) if entry["field"] in Issue.TEXTS else ()


def kind_of(field, verb):
    if field == "title":
        return "title"
    if field in Issue.TEXTS:
        return "text"
    return verb if verb in ("added", "removed") else "set"


def name_of(field):
    return NAMES.get(field) or field.replace("_", " ").capitalize()


def comment_of(entry):
    return (entry["new_value"] or {}).get("comment")
