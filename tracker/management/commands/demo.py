"""Fills an empty database with a small team's issues, and says how to sign in."""

import hashlib
import hmac
from datetime import timedelta

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from comments.models import Comment
from issues.actor import Actor, acting_as
from issues.models import Environment, Issue, Level, Membership, Project, Space, Team
from tracker.accounts.models import ApiToken, User

OWNER = "jane@example.com"
PEOPLE = (
    ("jane", "Jane Developer", "admin"),
    ("sasha", "Sasha Oncall", "member"),
    ("mina", "Mina Analyst", "member"),
    ("vik", "Vik Auditor", "viewer"),
)
SPACES = (("OPS", "Operations"), ("DATA", "Data platform"))


def secret(name):
    """A secret that is the same at every run of this installation and unknown to all others."""
    return hmac.new(settings.SECRET_KEY.encode(), name.encode(), hashlib.sha256).hexdigest()[:32]


class Command(BaseCommand):
    help = "Load demo data into an empty database and print how to sign in; a second run changes nothing."

    def add_arguments(self, parser):
        parser.add_argument("--yes", action="store_true", help="also without DEBUG")

    def handle(self, *, yes, **options):
        if not (settings.DEBUG or yes):
            raise CommandError("This makes people with known passwords: say --yes if you mean it.")
        if not Space.objects.exists():
            with transaction.atomic():
                load()
        if User.objects.filter(email=OWNER).exists():
            self.stdout.write(sign_in())


def sign_in():
    """What a newcomer needs to go on."""
    base, token = settings.BASE_URL, ApiToken.PREFIX + secret("token")
    return f"""
  Tracker   {base}/
  Sign in   {OWNER}  {secret("jane")}
  API       {base}/api/docs/
  Token     {token}

  curl {base}/api/issues/ -H 'Authorization: Bearer {token}' \\
    -H 'Content-Type: application/json' -d '{{"space": "OPS", "title": "My first issue"}}'
"""


def load():
    """Two spaces, four people, a token, and issues as a team would have left them."""
    spaces = {key: Space(key=key, name=name) for key, name in SPACES}
    people = {
        handle: User.objects.create_user(
            f"{handle}@example.com", secret(handle), name=name, handle=handle, is_superuser=handle == "jane"
        )
        for handle, name, _ in PEOPLE
    }
    for space in spaces.values():
        space.save()
        for handle, _, role in PEOPLE:
            Membership(space=space, user=people[handle], role=role).save()
    ApiToken.issue(
        ApiToken.PREFIX + secret("token"), user=people["jane"], space=spaces["OPS"], name="First steps"
    )
    rows = {
        "team": Team(space=spaces["OPS"], name="Payments", handle="payments"),
        "project": Project(space=spaces["OPS"], name="Customer events"),
        "environment": Environment(space=spaces["OPS"], name="production"),
    }
    for row in rows.values():
        row.save()
    levels = {level.key: level for level in Level.objects.filter(space=None)}
    for number, story in enumerate(STORIES):
        tell(number, story, spaces[story.get("space", "OPS")], people, levels, rows)


def tell(number, story, space, people, levels, rows):
    """One issue and what became of it, some hours ago."""
    at = timezone.now() - timedelta(hours=7 * (len(STORIES) - number), minutes=13 * number)

    def acting(handle, minutes):
        actor = Actor(
            user=people.get(handle), source=story.get("source", "web"), at=at + timedelta(minutes=minutes)
        )
        return acting_as(lambda: actor)

    issue = Issue(
        space=space,
        title=story["title"],
        description=story["description"],
        level=levels.get(story.get("level")),
        reporter=people.get(story.get("reporter")),
        is_anonymous=story.get("is_anonymous", False),
        service=story.get("service", ""),
    )
    if space.key == "OPS":
        issue.project, issue.environment = rows["project"], rows["environment"]
        issue.teams = [rows["team"]]
    issue.labels = story.get("labels", {})
    with acting(story.get("reporter"), 0):
        issue.save()
    for minutes, handle, what in story.get("then", ()):
        with acting(handle, minutes):
            if isinstance(what, str):
                Comment(issue=issue, author=people[handle], content=what).save()
            else:
                for name, value in what.items():
                    setattr(issue, name, people[value] if name == "assignee" else value)
                issue.save()


STORIES = (
    {
        "title": "Customer ID nulls increased",
        "description": "Seeing **15 %** null rate in `customer_id` since the morning load.\n\n"
        "| hour | null rate |\n| --- | --- |\n| 05:00 | 0.2 % |\n| 06:00 | 14.8 % |\n\n"
        "- [x] loader restarted\n- [ ] backfill",
        "level": "P1",
        "reporter": "mina",
        "labels": {"team": "payments", "flaky": ""},
        "then": [
            (12, "sasha", {"assignee": "sasha", "status": "in_progress"}),
            (31, "sasha", "The upstream export changed a column name. Root cause found, fix is in review."),
            (95, "sasha", {"status": "resolved"}),
        ],
    },
    {
        "title": "TypeError in checkout: cannot read properties of undefined",
        "description": "```python\nTraceback (most recent call last):\n"
        '  File "checkout.py", line 88, in total\n    return cart["items"].sum()\n'
        "TypeError: 'NoneType' object is not subscriptable\n```\n\n"
        "Happens for carts restored from e-mail links.",
        "level": "P0",
        "source": "api",
        "labels": {"team": "payments", "regression": ""},
        "service": "checkout",
        "then": [
            (3, "jane", {"status": "acknowledged"}),
            (5, "jane", "@sasha can you look? Possibly the same as OPS-1."),
        ],
    },
    {
        "title": "Freshness check failed for orders_daily",
        "description": "Last partition is **26 h** old, the promise is 24 h.",
        "level": "P2",
        "source": "api",
        "labels": {"dataset": "orders_daily"},
        "space": "DATA",
        "then": [(40, "mina", {"assignee": "mina"})],
    },
    {
        "title": "Answer quotes a policy that was withdrawn",
        "description": "The assistant cites the travel policy of 2023 as if it still held.",
        "level": "P3",
        "reporter": "vik",
        "is_anonymous": True,
        "labels": {"assistant": ""},
        "then": [(200, "jane", {"status": "pending"})],
    },
    {
        "title": "Disk usage on build-3 above 90 %",
        "description": "The image cache grew by 40 GB overnight.\n\n1. prune images\n2. alert at 80 %",
        "level": "P2",
        "reporter": "sasha",
        "labels": {"host": "build-3"},
        "then": [
            (15, "sasha", "Pruned, 61 % now."),
            (16, "sasha", {"status": "closed"}),
            (900, "jane", {"status": "open"}),
            (901, "jane", "Back at 93 % this morning, so the prune does not run by itself."),
        ],
    },
    {
        "title": "Retries hide a timeout of the tax service",
        "description": "Each checkout waits for three timeouts of 2 s before it falls back.",
        "reporter": "jane",
        "labels": {"team": "payments"},
        "service": "checkout",
    },
)
