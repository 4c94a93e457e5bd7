"""The bar under a list that changes the selected issues, and the buttons that revert single changes."""

from functools import cache

from django import template
from django.db.models import CharField, F, IntegerField, Value
from django.utils.html import format_html
from lucide.templatetags.lucide import lucide

from issues import lookups, undo
from issues.bulk import DEEDS, SHOWN_FIRST
from issues.models import Channel, Issue, Level
from issues.policy import may
from issues.templatetags.issues import name_of

register = template.Library()

TEXT, NUMBER = CharField(), IntegerField()


@register.inclusion_tag("issues/_bulk_bar.html", takes_context=True)
def bulk_bar(context):
    """The bar under a list of `issues`, narrowed by the query string `query`, of which there are `count`."""
    request = context["request"]
    spaces = [pk for pk in request.user.space_roles() if may(request, "write", pk)]
    issues = context.get("issues") or []
    return {
        "csrf_token": context.get("csrf_token"),
        "is_there": bool(spaces and issues),
        "statuses": Issue.Status.choices,
        "offers": offers(spaces) if spaces and issues else {},
        "keys": ",".join(issue["key"] for issue in issues),
        "query": context.get("query", ""),
        "count": context.get("count") if context.get("next") or context.get("previous") else None,
        "next": request.get_full_path(),
        "shown_first": SHOWN_FIRST,
    }


@register.simple_tag
def becomes(do):
    """Attributes of a deed's button: the status that it gives, and to issues of which."""
    deed = DEEDS[do]
    return format_html(' data-of="{}" data-becomes="{}"', " ".join(deed.of), deed.becomes)


def offers(spaces):
    """{kind: [(uuid, name)]} of the levels, people and channels of these spaces, in one statement."""
    is_one = len(spaces) == 1
    kinds = {
        "level": (Level.objects.of(spaces).filter(is_active=True), F("space__key"), F("rank")),
        "person": (lookups.people_of(spaces), lookups.sign(), Value(0, NUMBER)),
        "channel": (
            Channel.objects.filter(space__in=spaces, is_active=True, is_default=False),
            F("space__key"),
            Value(0, NUMBER),
        ),
    }
    rows = [
        queryset.order_by().values_list(Value(kind, TEXT), "uuid", "name", sign, rank)
        for kind, (queryset, sign, rank) in kinds.items()
    ]
    found = sorted(rows[0].union(*rows[1:]), key=lambda row: (row[4], row[2].casefold(), row[3] or ""))
    offered = {kind: [row[1:4] for row in found if row[0] == kind] for kind in kinds}
    people = lookups.told_apart(offered["person"]).items()
    return {
        kind: [(uuid, name if is_one or not space else f"{name} ({space})") for uuid, name, space in rows]
        for kind, rows in offered.items()
    } | {"person": list(people)}


@register.inclusion_tag("issues/_revert.html")
def revert(key, entry):
    """A button that reverts what a history document of the issue `key` tells, where that can be done."""
    also = entry.get("positions", ())[1:]
    return {
        "key": key,
        "position": entry.get("positions", (entry["position"],))[0],
        "also": ",".join(map(str, also)),
        "is_there": undo.is_revertible(entry),
        "name": name_of(entry["field"] or ""),
        "icon": icon(),
    }


@register.filter
def is_of(entry, person):
    """Whether a history document is of a change by this person (a uuid) that can be undone with its batch."""
    is_own = bool(entry["actor"]) and entry["actor"]["id"] == person
    return is_own and bool(entry["issue"] and entry["batch"]) and undo.is_revertible(entry)


@cache
def icon():
    """Drawn once: a long timeline has hundreds."""
    return lucide("undo-2", size=13, aria_hidden="true")
