"""What pages show in more than one place: times, badges, and changes in words."""

import re
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo

from django import template
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import mark_safe
from django.utils.translation import get_language, gettext, gettext_lazy, gettext_noop, ngettext
from lucide.templatetags.lucide import lucide

from issues import language, policy
from issues.diff import word_diff
from issues.limits import ATTACHMENT_SIZE
from issues.models import Issue
from issues.models.level import SYSTEM_LEVELS
from issues.policy import allows
from issues.query.scope import quoted
from issues.triage import number_waiting
from issues.views import no_further
from issues.walks import number_of

register = template.Library()

STATUSES = dict(Issue.Status.choices)
SYSTEM_KEYS = frozenset(row[0] for row in SYSTEM_LEVELS)
SPACE_ASKED = re.compile(r"(?<!\S)space:(\w+)(?!\S)")
# Characters that turn the direction of a line, and so can make a title read as another.
TURNING = {code: f"[U+{code:04X}]" for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}
# The menu counts no further, since it does on every page.
MOST_COUNTED = 99
UNITS = (
    (86_400, gettext_noop("{} d ago")),
    (3_600, gettext_noop("{} h ago")),
    (60, gettext_noop("{} min ago")),
    (1, gettext_noop("{} s ago")),
)
SENTENCES = {
    "deleted": gettext_lazy("moved this issue to the trash"),
    "restored": gettext_lazy("restored this issue"),
    "comment_added": gettext_lazy("commented"),
    "comment_edited": gettext_lazy("edited a comment"),
    "comment_deleted": gettext_lazy("deleted a comment"),
}
# What is put on an issue and taken off: one of them, or several at once.
MEMBER_VERBS = {
    "label_added": (gettext_lazy("added the label"), gettext_lazy("added the labels")),
    "label_removed": (gettext_lazy("removed the label"), gettext_lazy("removed the labels")),
    "team_added": (gettext_lazy("added the team"), gettext_lazy("added the teams")),
    "team_removed": (gettext_lazy("removed the team"), gettext_lazy("removed the teams")),
    "channel_added": (gettext_lazy("added the channel"), gettext_lazy("added the channels")),
    "channel_removed": (gettext_lazy("removed the channel"), gettext_lazy("removed the channels")),
    "attachment_added": (gettext_lazy("added the attachment"), gettext_lazy("added the attachments")),
    "attachment_removed": (gettext_lazy("removed the attachment"), gettext_lazy("removed the attachments")),
}
RECORD_VERBS = {
    "created": gettext_lazy("made"),
    "retired": gettext_lazy("retired"),
    "restored": gettext_lazy("brought back"),
}
# People come and go, and secrets end.
OTHER_VERBS = {
    ("membership", "created"): gettext_lazy("added"),
    ("membership", "retired"): gettext_lazy("removed"),
    ("apitoken", "retired"): gettext_lazy("revoked"),
    ("savedview", "created"): gettext_lazy("shared"),
    ("savedview", "retired"): gettext_lazy("deleted"),
    ("invitation", "created"): gettext_lazy("sent"),
    ("invitation", "retired"): gettext_lazy("closed"),
    ("invitation", "accepted"): gettext_lazy("accepted"),
}
KINDS = {
    "apitoken": gettext_noop("token"),
    "membership": gettext_noop("member"),
    "savedview": gettext_noop("view"),
    "user": gettext_noop("person"),
    **{
        kind: kind
        for kind in (
            gettext_noop("channel"), gettext_noop("environment"), gettext_noop("invitation"),
            gettext_noop("level"), gettext_noop("project"), gettext_noop("space"),
            gettext_noop("subscription"), gettext_noop("team"),
        )
    },
}  # fmt: skip
NAMES = {
    "is_anonymous": gettext_lazy("Anonymous reporter"),
    "is_read": gettext_lazy("Read"),
    "is_crash": gettext_lazy("Crash"),
    "due_on": gettext_lazy("Due date"),
    "resource_id": gettext_lazy("Source id"),
    "resource_name": gettext_lazy("Source name"),
    "resource_type": gettext_lazy("Source type"),
    "alert_id": gettext_lazy("Alert id"),
}
# Names of columns that read as they are called in English.
MARKED = (
    gettext_noop("Age"), gettext_noop("Annotations"), gettext_noop("Assignee"), gettext_noop("Attachments"),
    gettext_noop("Channels"), gettext_noop("Closed at"), gettext_noop("Color"), gettext_noop("Comments"),
    gettext_noop("Description"), gettext_noop("Description format"), gettext_noop("Email"),
    gettext_noop("Environment"), gettext_noop("Error message"), gettext_noop("Error type"),
    gettext_noop("Expires at"), gettext_noop("Extensions"), gettext_noop("External id"),
    gettext_noop("File path"), gettext_noop("Fingerprint"), gettext_noop("First version"),
    gettext_noop("Function name"), gettext_noop("Handle"), gettext_noop("Is active"),
    gettext_noop("Is staff"), gettext_noop("Is superuser"), gettext_noop("Key"), gettext_noop("Kind"),
    gettext_noop("Labels"), gettext_noop("Languages"), gettext_noop("Last version"), gettext_noop("Level"),
    gettext_noop("Name"), gettext_noop("Password"), gettext_noop("Platform"), gettext_noop("Project"),
    gettext_noop("Query"), gettext_noop("Rank"), gettext_noop("Reason"), gettext_noop("Reporter"),
    gettext_noop("Resolution"), gettext_noop("Resolved at"), gettext_noop("Role"), gettext_noop("Scope"),
    gettext_noop("Service"), gettext_noop("Severity"), gettext_noop("Space"), gettext_noop("Status"),
    gettext_noop("Targets"), gettext_noop("Teams"), gettext_noop("Title"), gettext_noop("Track"),
    gettext_noop("User"),
)  # fmt: skip
# Columns whose values are words of ours, kept in English.
WORDED = frozenset({
    "description_format", "reason", "resolution", "role", "scope", "severity", "status",
})  # fmt: skip
VALUES = (
    gettext_noop("critical"), gettext_noop("high"), gettext_noop("medium"), gettext_noop("low"),
    gettext_noop("yes"), gettext_noop("no"),
)  # fmt: skip
# The doors through which changes come: an icon, and a name.
DOORS = {
    "web": ("globe", gettext_lazy("web")),
    "api": ("code", "API"),
    "admin": ("shield", gettext_lazy("administration")),
    "import": ("import", gettext_lazy("import")),
    "command": ("terminal", gettext_lazy("command line")),
    "worker": ("cog", gettext_lazy("worker")),
    "rule": ("workflow", gettext_lazy("rule")),
}


@register.simple_tag
def source(name):
    """The door through which a change came; that it was the page itself, the icon says alone."""
    return source_in(name, get_language())


@cache
def source_in(name, code):
    icon, label = DOORS.get(name, ("plug", name.capitalize()))
    return format_html(
        '<span class="source" title="{through}">{icon} <span{hidden}>{via}</span></span>',
        through=gettext("Through {}").format(label),
        via=gettext("via {}").format(label),
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
    return written(context, at, "%H:%M")


@register.simple_tag(takes_context=True)
def exact(context, at):
    """A time to the second, in the reader's zone."""
    return written(context, at, "%Y-%m-%d %H:%M:%S")


def written(context, at, form):
    here = at.astimezone(zone_of(context))
    return format_html('<time datetime="{}">{}</time>', at.isoformat(), here.strftime(form))


def zone_of(context):
    user = getattr(getattr(context, "request", None), "user", None)
    try:
        return ZoneInfo(getattr(user, "time_zone", "") or "UTC")
    except (OSError, ValueError, KeyError):
        return UTC


def since(at, now, here):
    seconds = int((now - at).total_seconds())
    if seconds < -60 or seconds >= 30 * 86_400:
        return language.day(here)
    if seconds < 10:
        return gettext("just now")
    size, words = next(pair for pair in UNITS if seconds >= pair[0])
    return language.say(words).format(seconds // size)


@register.simple_tag
def largest_file():
    """The most bytes that an uploaded file may have."""
    return ATTACHMENT_SIZE


@register.filter
def visible(text):
    """A text of one line whose turning characters are shown instead of obeyed."""
    return text.translate(TURNING)


@register.filter
def day(date):
    """A day as people of the page's language write it."""
    return language.day(date)


@register.filter
def heading(facet):
    """What a facet is called."""
    return name_of(facet)


@register.filter
def inside(name):
    """What something is called, inside of a sentence."""
    return language.inside(name)


@register.filter
def writes(user):
    """Whether the person may write in any space at all."""
    return any(allows(user, "write", space) for space in user.space_roles())


@register.inclusion_tag("_side.html", takes_context=True)
def side(context):
    """The menu beside every page: lists of issues, and what else there is."""
    request = context["request"]
    here, query = request.path, request.GET.get("q", "")

    def place(name, route, query_there="", keys="", count=""):
        address = reverse(route) + (f"?{urlencode({'q': query_there})}" if query_there else "")
        is_current = here == reverse(route) and (route != "issue-list" or query == query_there)
        return {"name": name, "address": address, "keys": keys, "count": count, "is_current": is_current}

    waits = no_further(number_waiting(request.user, MOST_COUNTED), MOST_COUNTED)
    return {
        "issues": [
            place(gettext("Triage"), "triage", keys="g t", count=waits),
            place(gettext("My work"), "issue-list", "is:open assignee:me", "g m"),
            place(gettext("All issues"), "issue-list", keys="g i"),
            place(gettext("Open issues"), "issue-list", "is:open"),
            place(gettext("Unassigned"), "issue-list", "is:open is:unassigned"),
        ],
        "places": [
            place(name, route, keys=keys)
            for name, route, keys in (
                (gettext("Dashboard"), "dashboard", "g d"),
                (gettext("People"), "people", ""),
                (gettext("Channels"), "channel-list", ""),
                (gettext("Levels"), "level-list", ""),
                (gettext("History"), "history-list", ""),
                (gettext("Trash"), "trash", ""),
            )
        ],
    }


@register.inclusion_tag("_spaces.html", takes_context=True)
def space_menu(context):
    """The person's spaces, of which that of the list or of the issue on the page is the current one."""
    request = context["request"]
    issue = request.resolver_match.kwargs.get("key", "") if request.resolver_match else ""
    asked = SPACE_ASKED.search(request.GET.get("q", ""))
    here = asked[1] if asked else request.GET.get("space") or issue.rpartition("-")[0]
    spaces = [
        {
            "key": key,
            "name": name,
            "address": f"{reverse('issue-list')}?{urlencode({'q': f'is:open space:{key}'})}",
        }
        for _, key, name in request.user.spaces()
    ]
    return {"spaces": spaces, "current": next((row for row in spaces if row["key"] == here.upper()), None)}


@register.inclusion_tag("issues/_first_run.html", takes_context=True)
def first_run(context):
    """Where to begin, for somebody who is in a space and sees no issue at all."""
    request = context["request"]
    roles = request.user.space_roles()
    keys = [key for pk, key, _ in request.user.spaces() if allows(request.user, "write", pk)]
    return {
        "is_empty": roles and not number_of(roles, [], 1),
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
    return ngettext("once", "{} times", number).format(language.digits(number))


@register.filter
def as_query(value, field):
    """The query that finds what has this value of a field; of a label, (key, its value)."""
    key, of_key = value if isinstance(value, tuple) else (value, "")
    return urlencode({"q": f"{field}:{quoted(f'{key}:{of_key}' if of_key else key)}"})


@register.filter
def lately(number):
    return ngettext("once in the last 24 hours", "{} times in the last 24 hours", number).format(
        language.digits(number)
    )


@register.filter
def seen(number):
    return language.say(gettext_noop("Seen {}")).format(several(number))


@register.filter
def files(number):
    return ngettext("{} file", "{} files", number).format(number)


@register.filter
def comments(number):
    return ngettext("{} comment", "{} comments", number).format(number)


@register.filter
def comments_word(number):
    """What stands after the number of comments where that is shown by itself."""
    return ngettext("comment", "comments", number)


@register.inclusion_tag("issues/_level.html")
def level_badge(level):
    shape = level_shape(level)
    severity = level and (level["severity"] if isinstance(level, dict) else level.severity)
    return {"level": level, "shape": shape, "severity": language.say(severity) if severity else ""}


@register.filter
def level_shape(level):
    """The class by which a level, or none, gets its colour and its shape."""
    key = level and (level["key"] if isinstance(level, dict) else level.key)
    return key.lower() if key in SYSTEM_KEYS else ("other" if key else "none")


@register.inclusion_tag("issues/_status.html")
def status_badge(status):
    return {"status": status, "name": language.say(STATUSES[status])}


@register.inclusion_tag("issues/_change.html")
def change(entry):
    """What a history document says, to be read after a name: "set Level P2 → P1"."""
    action, field = entry["action"], entry["field"] or ""
    verb = action.rpartition("_")[2]
    return {
        "sentence": opening(entry) if action == "created" else SENTENCES.get(action),
        "comment": comment_of(entry) if action == "comment_edited" else None,
        "kind": kind_of(field, verb),
        "set": set_words(entry, is_regressed=action == "regressed" and field == "status"),
        "verb": member_verb(action, entry.get("together", 1)),
        "name": name_of(field),
        "old": shown(entry, "old"),
        "new": shown(entry, "new"),
        "texts": texts_of(entry),
    }


def opening(entry):
    """How an issue began: with how many files, since these have no entries of their own."""
    files = len(entry["new_value"].get("attachments", ()))
    if not files:
        return gettext("opened this issue")
    return ngettext("opened this issue with {} file", "opened this issue with {} files", files).format(files)


def set_words(entry, is_regressed):
    words = gettext("set {name} <b>{old}</b> → <b>{new}</b>")
    if is_regressed:
        words = gettext("saw this again and set {name} <b>{old}</b> → <b>{new}</b>")
    name = name_of(entry["field"] or "")
    return format_html(words, name=name, old=shown(entry, "old"), new=shown(entry, "new"))


def member_verb(action, number):
    one, many = MEMBER_VERBS.get(action, ("", ""))
    return one if number == 1 else many


def shown(entry, side):
    """The value before or after a change as a page says it: words of ours in its language."""
    display, field = entry[f"{side}_display"], entry["field"] or ""
    if not display:
        return gettext("none")
    if field.endswith("_at"):
        # A file that was imported may say anything.
        with suppress(ValueError):
            return f"{datetime.fromisoformat(display):%Y-%m-%d %H:%M} UTC"
    is_part = field == "kind" and entry["subject_type"] == "subscription"
    return gettext(display) if field in WORDED or field.startswith("is_") or is_part else display


@register.inclusion_tag("issues/_record_change.html")
def record_change(entry):
    """What a history document of a space's own chain says, to be read after a name."""
    _, _, verb = entry["action"].rpartition("_")
    kind = entry["subject_type"]
    if kind == "invitation" and entry["field"] == "accepted_at":
        verb = "accepted"
    return {
        "verb": OTHER_VERBS.get((kind, verb)) or RECORD_VERBS.get(verb) or gettext("changed"),
        "is_set": bool(entry["field"]) and verb not in (*RECORD_VERBS, "accepted"),
        "field": name_of(entry["field"] or ""),
        "has_values": bool(entry["old_display"] or entry["new_display"]),
        "old": shown(entry, "old"),
        "new": shown(entry, "new"),
        "kind": gettext(KINDS.get(kind, kind)),
        "subject": entry["name"] or entry["new_display"],
    }


@register.inclusion_tag("issues/_change_texts.html")
def change_texts(entry):
    """What an edit did to a description and the like, to be opened; a title's texts stand in the line."""
    texts = () if entry["field"] == "title" else texts_of(entry)
    is_whole = texts and None not in (texts[0], texts[1])
    return {
        "name": gettext("Comment") if entry["field"] == "comments" else name_of(entry["field"] or ""),
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
    return NAMES.get(field) or (field and gettext(field.replace("_", " ").capitalize()))


def comment_of(entry):
    return (entry["new_value"] or {}).get("comment")
