"""The rows of `manage.py bootstrap`: made once, and found again whatever became of them meanwhile."""

import hashlib
import hmac
from dataclasses import replace
from datetime import UTC, datetime

from django.conf import settings
from django.contrib.auth.hashers import check_password
from django.core.exceptions import ValidationError

from issues.actor import acting_as, current_actor
from issues.models import Channel, Environment, Issue, Level, Membership, Project, Space, Team
from issues.models.fields import uuid7
from tracker.accounts.models import ApiToken, User, digest_of
from tracker.dialects.ids import hex_of, prefixed, ulid_of

# Their ids are the same at every run, so the time in them is no one's in particular.
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
DOMAIN = "example.com"

SPACES = {"OPS": "Operations", "DATA": "Data platform"}
# handle: name, home space, {space: role}
PEOPLE = {
    "jane": ("Jane Lindqvist", "OPS", {"OPS": "admin", "DATA": "admin"}),
    "sasha": ("Sasha Moreau", "OPS", {"OPS": "member"}),
    "mina": ("Mina Park", "DATA", {"DATA": "member"}),
}
READ_ONLY = ("jane", "OPS")
ROWS = {
    "OPS": [
        (Project, "checkout", {"name": "Checkout"}),
        (Environment, "production", {"name": "production"}),
        (Team, "payments", {"name": "Payments", "handle": "payments", "summary": "Cards, refunds, taxes"}),
        (Channel, "incidents", {"name": "Incidents", "description": "What wakes somebody up"}),
        (
            Level,
            "customer",
            {
                "key": "customer",
                "name": "Customer-facing",
                "description": "Customers see it and write to us about it.",
                "severity": "high",
                "rank": 5,
                "color": "#8B5CF6",
            },
        ),
    ],
    "DATA": [
        (Project, "events", {"name": "Customer events"}),
        (Environment, "warehouse", {"name": "warehouse"}),
        (Team, "quality", {"name": "Data quality", "handle": "data-quality", "summary": "Checks and owners"}),
        (Channel, "alerts", {"name": "Data alerts", "description": "Failed checks of the warehouse"}),
    ],
}
# space, name, reporter, fields
ISSUES = (
    (
        "OPS",
        "rota",
        "jane",
        {
            "title": "Put the on-call rota where everybody finds it",
            "description": "It lives in a spreadsheet that three people can open. "
            "Please move it to the wiki and link it from the pager.",
        },
    ),
    (
        "OPS",
        "runbook",
        "sasha",
        {
            "title": "Runbook: restart order of the checkout services",
            "description": "After the last outage we restarted `cart` before `pricing` and had to do it "
            "again.\n\nThe right order is:\n\n1. `pricing`\n2. `tax`\n3. `cart`\n4. `checkout`",
        },
    ),
    (
        "DATA",
        "owners",
        "mina",
        {
            "title": "Twelve tables have no owner",
            "description": "When a check fails on one of them nobody is told. The list is in the catalogue "
            "under *unowned*; I propose that each team takes the tables it writes.",
        },
    ),
)
# How the other products call a row of this kind, where not by its bare uuid or ULID.
PREFIXES = {
    Space: {"guance": "wksp", "zylon": "org"},
    User: {"guance": "acnt", "zylon": "user"},
    ApiToken: {"guance": "wsak"},
    Channel: {"guance": "chan"},
    Team: {"guance": "group"},
    Level: {"guance": "issl"},
    Issue: {"guance": "issue", "zylon": "issue"},
}


def keyed(name):
    """The HMAC of `name`: the same at every run of this installation and unknown to all others."""
    return hmac.new(settings.SECRET_KEY.encode(), name.encode(), hashlib.sha256)


def secret(name):
    """A password, or what makes a token."""
    return keyed(name).hexdigest()[:32]


def token_secret(handle, space, scope="write"):
    return ApiToken.PREFIX + secret(f"token {handle} {space} {scope}")


def uuid_of(model, name):
    """The uuid by which our row `name` of a model is found at every run."""
    bits = keyed(f"uuid {model._meta.model_name} {name}").digest()[:10]
    return uuid7(EPOCH, int.from_bytes(bits))


def ours(model, name):
    """Our row `name` of a model, or None."""
    return model.objects.filter(uuid=uuid_of(model, name)).first()


def made(model, name, /, **fields):
    """Our row `name` of a model; a new one with `fields` if there is none, else as it is by now."""
    row = ours(model, name)
    if row is None:
        row = model(uuid=uuid_of(model, name), **fields)
        row.save()
    return row


def bootstrap():
    """Make what is missing of our rows. ValidationError if somebody else's stand in their place."""
    spaces = {key: made_space(key, name) for key, name in SPACES.items()}
    people = {handle: made_person(handle, *about, spaces) for handle, about in PEOPLE.items()}
    handle, key = READ_ONLY
    made_token(people[handle], handle, spaces[key], key, "read")
    made_rows(ROWS, spaces)
    for key, name, handle, fields in ISSUES:
        actor = replace(current_actor(), user=people[handle])
        with acting_as(lambda actor=actor: actor):
            made(Issue, f"{key} {name}", space=spaces[key], reporter=people[handle], **fields)


def made_rows(wanted, spaces):
    """Make what is missing of {space: [(model, name, fields)]}."""
    at = current_actor().now()
    for key, rows in wanted.items():
        for model, name, fields in rows:
            made(model, f"{key} {name}", space=spaces[key], created_at=at, **fields)


def made_space(key, name):
    if ours(Space, key) is None and Space.objects.filter(key=key).exists():
        raise ValidationError(f"There is a space {key} already, and it is not ours.")
    return made(Space, key, key=key, name=name, created_at=current_actor().now())


def made_person(handle, name, home, roles, spaces):
    """The person with their memberships and, where they have a home space, a token."""
    person = ours(User, handle)
    if person is None:
        email = f"{handle}@{DOMAIN}"
        if User.objects.filter(email__iexact=email).exists():
            raise ValidationError(f"There is a person {email} already, and it is not ours.")
        person = User(uuid=uuid_of(User, handle), email=email, name=name, handle=handle)
        person.is_superuser = handle == "jane"
        person.date_joined = current_actor().now()
        person.set_password(secret(handle))
        person.save()
    for key, role in roles.items():
        at = current_actor().now()
        made(Membership, f"{handle} {key}", space=spaces[key], user=person, role=role, created_at=at)
    if home:
        made_token(person, handle, spaces[home], home, "write")
    return person


def made_token(person, handle, space, key, scope):
    return made(
        ApiToken,
        f"{handle} {key} {scope}",
        user=person,
        space=space,
        name="First steps" if scope == "write" else "Reports",
        scope=scope,
        digest=digest_of(token_secret(handle, key, scope)),
        created_at=current_actor().now(),
    )


def document():
    """Our rows as a client needs them, as they are now; secrets that have been changed are null."""
    found = {model: in_spaces(model) for model in (Project, Environment, Channel, Team, Level)}
    return {
        "spaces": [ids(space) | named(space, "key", "name") for space in our_spaces()],
        "users": [person_document(handle) for handle in PEOPLE],
        "tokens": [token_document(handle, home, "write") for handle, (_, home, _) in PEOPLE.items()]
        + [token_document(*READ_ONLY, "read")],
        "projects": [homed(row, "name", "external_id") for row in found[Project]],
        "environments": [homed(row, "name", "external_id") for row in found[Environment]],
        "channels": [homed(row, "name") for row in found[Channel]],
        "teams": [homed(row, "name", "handle") for row in found[Team]],
        "levels": [level_document(row) for row in [*Level.objects.filter(space=None), *found[Level]]],
        "issues": [issue_document(ours(Issue, f"{key} {name}")) for key, name, _, _ in ISSUES],
    }


def our_spaces():
    return [ours(Space, key) for key in SPACES]


def in_spaces(model):
    return [ours(model, f"{key} {name}") for key, rows in ROWS.items() for of, name, _ in rows if of is model]


def ids(row):
    """The id of a row in every form in which a door may name it."""
    forms = {"id": str(row.uuid), "ulid": ulid_of(row.uuid), "hex": hex_of(row.uuid)}
    prefixes = PREFIXES.get(type(row), {})
    return forms | {door: prefixed(prefix, row.uuid) for door, prefix in prefixes.items()}


def named(row, *names):
    return {name: getattr(row, name) for name in names}


def homed(row, *names):
    return ids(row) | {"space": row.space and row.space.key} | named(row, *names)


def person_document(handle):
    person = ours(User, handle)
    memberships = person.memberships.filter(is_active=True).select_related("space").order_by("pk")
    password = secret(handle)
    return (
        ids(person)
        | named(person, "email", "name", "handle")
        | {
            "password": password if check_password(password, person.password) else None,
            "spaces": [{"key": row.space.key, "role": row.role} for row in memberships],
        }
    )


def token_document(handle, key, scope):
    token, said = ours(ApiToken, f"{handle} {key} {scope}"), token_secret(handle, key, scope)
    return ids(token) | {
        "user": token.user.email,
        "space": token.space.key,
        "scope": token.scope,
        "token": said if token.is_active else None,
    }


def level_document(level):
    """The system's levels have names of their own at the door of Guance."""
    found = homed(level, "key", "name", "severity")
    if level.space is None:
        found["guance"] = f"system_level_{level.key.removeprefix('P')}"
    return found


def issue_document(issue):
    return homed(issue, "key", "number", "title")
