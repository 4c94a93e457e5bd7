"""`extend`: an object of the client's own that is kept as it came, and what it says that others know too.

Of its managers the first who is a member of the space is the assignee, and the teams are the issue's. Where
these changed elsewhere since, the entries that stood for them are shown as they are now, and all else stays.
So beside the object it is kept which person and teams it stood for.
"""

from django.db.models import Q

from issues import lookups
from issues.models import Channel, Team
from tracker.dialects import ids
from tracker.dialects.ids import prefixed

# How managers are called, as two of the product's pages have it.
MANAGERS = ("manager", "managers")
# Lists of things that the text names; each is shown with whether it `exists`.
NAMED = ("channels", "members")
# What is kept for this door, beside which a file that was read in may have anything.
KEPT = {"extend": dict, "assignee": dict, "teams": list, "declaration": dict}


def own(extensions):
    """What is kept of an issue or a reply that only this door knows."""
    found = extensions.get("guance")
    if not isinstance(found, dict):
        return {}
    return {name: value for name, value in found.items() if isinstance(value, KEPT.get(name, object))}


def keeping(extensions, own_part):
    """`extensions` with this beside what is kept in them for this door."""
    return extensions | {"guance": own(extensions) | own_part}


def entries(extend, *names):
    """The entries of the first of these lists that is there."""
    found = next((extend[name] for name in names if name in extend), None)
    return found if isinstance(found, list) else []


def uuids(extend, name, prefix):
    """The uuids that the entries of a list name, in their order."""
    return [uuid for entry in entries(extend, name) if (uuid := ids.parse(text_of(entry), prefix))]


def managers(kept, assignee, teams):
    """(the managers as they are now, the one of them who is the assignee or None).

    `kept` is what `own` gives; the assignee and the teams are uuids as documents have them.
    """
    if not kept:
        entry = prefixed("acnt", assignee) if assignee else None
        return [*filter(None, [entry]), *(prefixed("group", team) for team in teams)], entry
    found = list(entries(kept.get("extend", {}), *MANAGERS))
    stood = kept.get("assignee", {})
    entry = stood.get("entry")
    if assignee != stood.get("id"):
        fresh = [prefixed("acnt", assignee)] if assignee else []
        place = found.index(entry) if entry in found else None
        found[slice(0, 0) if place is None else slice(place, place + 1)] = fresh
        entry = next(iter(fresh), None)
    known = kept.get("teams", [])
    if teams != known:
        gone = {prefixed("group", team) for team in known if team not in teams}
        found = [each for each in found if not (isinstance(each, str) and each.lower() in gone)]
        found += [prefixed("group", team) for team in teams if team not in known]
    return found, entry


def shown(kept, assignee, teams, present, is_anonymous=False):
    """The object as it is read; `present` are the texts that name something which `exists`."""
    found, _ = managers(kept, assignee, teams)
    if not kept:
        # As most issues are, which come through other doors.
        return {MANAGERS[0]: found} if found else {}
    extend = dict(kept.get("extend", {}))
    if found != entries(extend, *MANAGERS):
        extend[next((name for name in MANAGERS if name in extend), MANAGERS[0])] = found
    for name in NAMED:
        if named := entries(extend, name):
            extend[name] = [with_exists(entry, present) for entry in named]
    if is_anonymous and isinstance(extend.get("extra"), dict):
        # There clients write who it was that they acted for.
        hidden = {"creator", "updator"}
        extend["extra"] = {name: value for name, value in extend["extra"].items() if name not in hidden}
    return extend


def with_exists(entry, present):
    return entry | {"exists": text_of(entry) in present} if isinstance(entry, dict) else entry


def text_of(entry):
    """What an entry of NAMED names, None for nothing."""
    text = entry.get("uuid") if isinstance(entry, dict) else None
    return text if isinstance(text, str) else None


def present(space, extends):
    """The texts in these objects that name a channel, a member or a team of the space."""
    named = {
        text
        for extend in extends
        for name in NAMED
        for entry in entries(extend, name)
        if (text := text_of(entry))
    }
    # Most objects name nothing, and so no queryset is made before something is wanted of it.
    rows = {
        "chan": lambda: Channel.objects.filter(space=space, is_active=True),
        "acnt": lambda: lookups.people_of([space.pk]),
        "group": lambda: Team.objects.filter(space=space, is_active=True),
    }
    found = set()
    for prefix, these in rows.items():
        wanted = {text: uuid for text in named if (uuid := ids.parse(text, prefix))}
        if wanted:
            there = set(these().filter(uuid__in=wanted.values()).order_by().values_list("uuid", flat=True))
            found |= {text for text, uuid in wanted.items() if uuid in there}
    return found


def people(space, texts, issue=None, even_gone=False):
    """{text: person} of the texts that name a member of the space, or the present assignee of `issue`.

    A person is named by an id or by an e-mail address; `even_gone` finds who was a member as well.
    """
    by_uuid = {text: uuid for text in texts if (uuid := ids.parse(text, "acnt"))}
    by_email = {text: text.lower() for text in texts if isinstance(text, str) and "@" in text}
    if not (by_uuid or by_email):
        return {}
    named = Q(uuid__in=by_uuid.values()) | Q(email__in=by_email.values())
    find = lookups.known_people if even_gone else lookups.people_of
    found = list(find([space.pk]).filter(named))
    if issue is not None and issue.assignee:
        found.append(issue.assignee)
    uuids, emails = {person.uuid: person for person in found}, {person.email: person for person in found}
    named = {text: uuids.get(uuid) for text, uuid in by_uuid.items()}
    named |= {text: emails.get(email) for text, email in by_email.items()}
    return {text: person for text, person in named.items() if person}


def teams(space, texts, issue=None, even_gone=False):
    """{text: team} of the texts that name a team of the space, or a retired one: of `issue`, or any."""
    wanted = {text: uuid for text in texts if (uuid := ids.parse(text, "group"))}
    if not wanted:
        return {}
    rows = Team.objects.filter(space=space, uuid__in=wanted.values())
    if not even_gone:
        kept = Q(pk__in=issue.teams) if issue is not None else Q()
        rows = rows.filter(Q(is_active=True) | kept)
    found = {team.uuid: team for team in rows}
    return {text: found[uuid] for text, uuid in wanted.items() if uuid in found}
