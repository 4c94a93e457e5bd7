"""The spaces, people and everything else that generated issues refer to: few rows, saved like any others."""

from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from uuid import UUID

from django.db import transaction

from issues.actor import Actor, acting_as
from issues.models import Channel, Environment, Level, Membership, Project, Space, Team
from issues.models.fields import uuid7
from tracker.accounts.models import ApiToken, User, digest_of
from tracker.demo.ground import secret
from tracker.generator.words import zipf

# Three years, the same at every run.
START = datetime(2023, 7, 1, tzinfo=UTC)
END = datetime(2026, 7, 1, tzinfo=UTC)

FIRST = (
    "Ada", "Amir", "Bela", "Chen", "Dana", "Emil", "Fatou", "Goran", "Hana", "Ivo",
    "Jana", "Kofi", "Lena", "Mateo", "Nora", "Olga", "Pavel", "Rosa", "Sami", "Tess",
)  # fmt: skip
LAST = ("Berg", "Costa", "Diaz", "Eriksen", "Fischer", "Haas", "Ito", "Kowalski", "Larsen", "Moreau")
PROJECTS = ("Checkout", "Search", "Mobile app", "Reports")
ENVIRONMENTS = ("production", "staging", "test")
TEAMS = ("Platform", "Product", "Support")
CHANNELS = ("Incidents", "Customers")
SEVERITIES = (("outage", "critical", 5), ("annoyance", "low", 25))


@dataclass(frozen=True, slots=True)
class Named:
    """What an issue or an entry says of a row that it refers to."""

    pk: int
    uuid: UUID
    name: str
    rank: int = 0


@dataclass(frozen=True, slots=True)
class Home:
    """A space as its issues know it; whoever is first in `people` does most."""

    pk: int
    uuid: UUID
    key: str
    people: list[Named]
    levels: list[Named]
    projects: list[Named]
    environments: list[Named]
    teams: list[Named]


def password():
    """What the first person signs in with."""
    return secret("generated 0")


def key_of(number):
    return f"GEN{number:02}"


def token_secret(number):
    """What the program of person `number` presents."""
    return ApiToken.PREFIX + secret(f"generated {number}")


def email_of(number):
    return f"person{number}@generated.example.com"


def lay(spaces, people, seed):
    """Make the ground; the Homes of the spaces, in the order of their numbers."""
    chance = Random(f"ground {seed}")

    def made(model, **fields):
        row = model(uuid=uuid7(START, chance.getrandbits(80)), **fields)
        row.save()
        return row

    with acting_as(lambda: Actor(at=START)), transaction.atomic():
        persons = [made_person(made, number) for number in range(people)]
        members = [set(range(people)), *({0} for _ in range(1, spaces))]
        for number in range(1, people):
            for space in chance.choices(range(spaces), cum_weights=zipf(spaces, 3), k=chance.randint(1, 5)):
                members[space].add(number)
        homes = [made_home(made, chance, at, persons, sorted(members[at])) for at in range(spaces)]
        for number, person in enumerate(persons):
            made(
                ApiToken,
                space_id=homes[0].pk,
                user=person,
                name="Measurements",
                digest=digest_of(token_secret(number)),
                created_at=START,
            )
    return homes


def made_person(made, number):
    name = f"{FIRST[number % len(FIRST)]} {LAST[number // len(FIRST) % len(LAST)]}"
    return made(
        User,
        email=email_of(number),
        name=name,
        handle=f"person{number}",
        date_joined=START,
        # Whoever looks at the pages signs in as the first; hashing takes too long for all of them.
        password=hashed(number) if number == 0 else "!",
    )


def hashed(number):
    person = User()
    person.set_password(secret(f"generated {number}"))
    return person.password


def made_home(made, chance, number, persons, members):
    space = made(Space, key=key_of(number), name=f"Generated {number}", created_at=START)
    own = {"space": space, "created_at": START}
    actors = []
    for member in members:
        role = "admin" if member == 0 else chance.choices(("member", "viewer"), (9, 1))[0]
        made(Membership, user=persons[member], role=role, **own)
        actors += (
            []
            if role == "viewer"
            else [Named(persons[member].pk, persons[member].uuid, persons[member].name)]
        )
    chance.shuffle(actors)
    for name in CHANNELS:
        made(Channel, name=name, **own)
    levels = [
        made(Level, key=key, name=key.capitalize(), severity=severity, rank=rank, **own)
        for key, severity, rank in SEVERITIES
    ]
    rows = [*Level.objects.filter(space=None).order_by("-rank"), *levels]
    return Home(
        space.pk,
        space.uuid,
        space.key,
        actors,
        [Named(row.pk, row.uuid, row.name, row.rank) for row in rows],
        [named(made(Project, name=name, **own)) for name in PROJECTS],
        [named(made(Environment, name=name, **own)) for name in ENVIRONMENTS],
        [named(made(Team, name=name, handle=name.lower(), **own)) for name in TEAMS],
    )


def named(row):
    return Named(row.pk, row.uuid, row.name)
