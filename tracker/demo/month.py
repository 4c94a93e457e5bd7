"""The demo: a month of six people on the ground that bootstrap made, and how it is taken away again."""

from django.db import transaction
from django.utils import timezone
from django.utils.http import urlencode

from issues.actor import Actor, acting_as
from issues.models import (
    Channel,
    Environment,
    Issue,
    LastVisit,
    Level,
    Membership,
    Project,
    SavedView,
    Space,
    Subscription,
    Team,
)
from tracker.accounts.models import ApiToken, User
from tracker.demo import ground
from tracker.demo.ground import made, ours
from tracker.demo.stories import STORIES
from tracker.demo.story import Teller, moment

BEGINNING = "21 08:00"
# When everybody had looked at everything.
LOOKED = "2 18:00"
PEOPLE = {
    "tomas": ("Tomás Rivera", None, {"OPS": "member", "DATA": "member"}),
    "petra": ("Petra Novak", None, {"OPS": "member", "DATA": "member"}),
    "vik": ("Vik Anand", None, {"OPS": "viewer", "DATA": "viewer"}),
}
ROWS = {
    "OPS": [
        (Project, "storefront", {"name": "Storefront"}),
        (Project, "mobile", {"name": "Mobile app"}),
        (Project, "platform", {"name": "Platform"}),
        (Project, "sync", {"name": "Order sync"}),
        (Environment, "staging", {"name": "staging"}),
        (Team, "platform", {"name": "Platform", "handle": "platform", "summary": "Hosts, builds, databases"}),
        (Channel, "security", {"name": "Security", "description": "Advisories, leaks, secrets"}),
    ],
    "DATA": [
        (Project, "warehouse", {"name": "Warehouse"}),
        (Project, "assistant", {"name": "Support assistant"}),
        (Channel, "assistant", {"name": "Assistant", "description": "What people say of its answers"}),
    ],
}
# channel, handle, part
SUBSCRIPTIONS = (
    ("OPS incidents", "sasha", "responsible"),
    ("OPS incidents", "jane", "attention"),
    ("OPS security", "jane", "responsible"),
    ("DATA alerts", "mina", "responsible"),
    ("DATA assistant", "tomas", "responsible"),
    ("DATA assistant", "mina", "participate"),
)
# where it is shared, by whom, name, what it shows
VIEWS = (
    ("OPS", "jane", "Nobody's yet", {"q": "is:open no:assignee", "sort": "level"}),
    ("OPS", "sasha", "Checkout", {"q": "is:open project:Checkout"}),
    ("DATA", "mina", "Warehouse", {"q": "is:open project:Warehouse", "sort": "-updated"}),
    (None, "jane", "My week", {"q": "assignee:me updated:-7d"}),
)


def is_told():
    return ours(User, "vik") is not None


def is_removed():
    spaces = ground.our_spaces()
    return None not in spaces and not any(space.is_active for space in spaces)


@transaction.atomic
def tell():
    """Bootstrap, and what became of it in a month. ValidationError as in bootstrap."""
    now = timezone.now()
    is_fresh = ours(Space, "OPS") is None
    with acting_as(lambda: Actor(source="command", at=moment(BEGINNING, now))):
        ground.bootstrap()
        people = settle(moment(BEGINNING, now))
    # What bootstrap made before has no past of a month.
    stories = [story for story in STORIES if story.fields or is_fresh]
    Teller(now, people).tell(stories, EVENTS)
    look(people, moment(LOOKED, now))


def look(people, at):
    """Let everybody have seen what there was by then, so that what is new to them stands out."""
    for person in people.values():
        issues = Issue.objects.visible_to(person).filter(created_at__lte=at)
        LastVisit.objects.mark(person, issues.values_list("pk", flat=True), at)


def settle(at):
    """Make the rows that bootstrap has not; return the people of both, by handle."""
    spaces = {key: ours(Space, key) for key in ground.SPACES}
    people = {handle: ours(User, handle) for handle in ground.PEOPLE}
    people |= {handle: ground.made_person(handle, *about, spaces) for handle, about in PEOPLE.items()}
    ground.made_rows(ROWS, spaces)
    for channel, handle, kind in SUBSCRIPTIONS:
        row = ours(Channel, channel)
        made(Subscription, f"{handle} {channel}", channel=row, user=people[handle], kind=kind, created_at=at)
    for key, handle, name, params in VIEWS:
        about = {"name": name, "query": urlencode(params), "owner": people[handle], "created_at": at}
        made(SavedView, f"{handle} {name}", space=spaces.get(key), **about)
    return people


def edit(model, name, **fields):
    """What somebody does to one of our rows: a function for `Teller.tell()`."""

    def act():
        row = ours(model, name)
        for field, value in fields.items():
            setattr(row, field, value)
        row.save()

    return act


EVENTS = (
    ("19 10:30", "jane", edit(Membership, "tomas DATA", role="admin")),
    ("16 16:20", "jane", edit(Channel, "OPS incidents", description="What wakes somebody up: P0 and P1")),
    ("12 09:15", "jane", edit(Level, "OPS customer", color="#7C3AED")),
    ("9 11:50", "tomas", edit(Team, "DATA quality", summary="Checks, owners, and who is told")),
    ("6 17:05", "jane", edit(Membership, "petra OPS", is_active=False)),
    ("6 17:06", "jane", edit(Membership, "petra DATA", is_active=False)),
    ("6 17:07", "jane", edit(User, "petra", is_active=False)),
)


def others():
    """Active members of our spaces whom we have not made."""
    ids = [ground.uuid_of(User, handle) for handle in (*ground.PEOPLE, *PEOPLE)]
    members = User.objects.filter(
        is_active=True, memberships__is_active=True, memberships__space__in=ground.our_spaces()
    )
    return list(members.exclude(uuid__in=ids).distinct())


@transaction.atomic
def remove():
    """Put our issues into the trash and retire all the rest, on record; return the people who stay.

    The spaces give up their keys, for others to use. Who is in a space that is not ours stays.
    """
    with acting_as(lambda: Actor(source="command")):
        spaces = ground.our_spaces()
        Issue.objects.filter(space__in=spaces, deleted_at=None).change(deleted_at=timezone.now())
        for space in spaces:
            space.key, space.is_active = f"{space.key[:6]}DEMO", False
            space.save()
        for model in (ApiToken, Membership, SavedView, Channel, Level, Team, Project, Environment):
            for row in model.objects.filter(space__in=spaces, is_active=True):
                # The default channel is never retired by itself.
                if not getattr(row, "is_default", False):
                    row.is_active = False
                    row.save()
        people = [ours(User, handle) for handle in (*ground.PEOPLE, *PEOPLE)]
        return [person for person in people if person is not None and not leave(person)]


def leave(person):
    """Deactivate a person who is in no space any more; return whether they are."""
    if person.space_roles():
        return False
    person.is_active = False
    person.save(update_fields=["is_active"])
    return True
