"""What the database alone takes for lists of many shapes: what grows with the table shows here first."""

from time import perf_counter

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

REPEATS = 3
# A member of some of the spaces.
READER = 3

# {shape: query string of a list}: every parameter and every order, alone and as they are combined.
SHAPES = {
    "everything": "",
    "one status": "status=open",
    "a rare status": "status=excluded",
    "all open statuses": "status={open}",
    "assignee": "assignee={assignee}",
    "assignee and status": "assignee={assignee}&status={status}",
    "assignee, open": "assignee={assignee}&status={open}",
    "nobody assigned": "assignee=none",
    "nobody assigned, open": "assignee=none&status={open}",
    "reporter": "reporter={reporter}",
    "reporter and status": "reporter={reporter}&status={status}",
    "level": "level=P1",
    "two levels": "level=P0,P1",
    "no level": "level=none",
    "level and status": "level=P0&status=open",
    "level, open": "level=P0,P1&status={open}",
    "project": "project={project}",
    "project and status": "project={project}&status={open}",
    "no project": "project=none",
    "environment": "environment={environment}",
    "environment and status": "environment={environment}&status=open",
    "no environment": "environment=none",
    "team": "team={team}",
    "team and status": "team={team}&status=open",
    "the channel of all issues": "channel={everything}",
    "the channel of all issues, open": "channel={everything}&status={open}",
    "space": "space=GEN00",
    "space and status": "space=GEN00&status=open",
    "space, open": "space=GEN00&status={open}",
    "space and assignee": "space=GEN00&assignee={assignee}",
    "a small space": "space={small}",
    "a small space and status": "space={small}&status=open",
    "a small space, open": "space={small}&status={open}",
    "a small space and level": "space={small}&level=P1",
    "a small space and assignee": "space={small}&assignee=none",
    "a common label": "label=area",
    "a common label, open": "label=area&status={open}",
    "a label with its value": "label=security:{value}",
    "a label in a small space": "space={small}&label=area",
    "no such label": "label=nothing-has-it",
    "fingerprint": "fingerprint={fingerprint}",
    "no such fingerprint": "fingerprint=none",
    "created after": "created_after={created}",
    "created before": "created_before=2023-07-02T00:00:00Z",
    "updated after": "updated_after={updated}",
    "updated before": "updated_before=2023-07-02T00:00:00Z",
    "updated after, recently updated": "updated_after={updated}&sort=-updated",
    "oldest first": "sort=number",
    "recently updated": "sort=-updated",
    "longest quiet": "sort=updated",
    "recently created": "sort=-created",
    "first created": "sort=created",
    "by level": "sort=level",
    "open, recently updated": "status={open}&sort=-updated",
    "open, by level": "status={open}&sort=level",
    "assignee, recently updated": "assignee={assignee}&sort=-updated",
    "assignee, open, by level": "assignee={assignee}&status={open}&sort=level",
    "project, recently updated": "project={project}&sort=-updated",
    "a label, recently updated": "label=area&sort=-updated",
    "space, oldest first": "space=GEN00&sort=number",
    "space, recently updated": "space=GEN00&sort=-updated",
    "space, longest quiet": "space=GEN00&sort=updated",
    "space, recently created": "space=GEN00&sort=-created",
    "space, by level": "space=GEN00&sort=level",
    "space, open, by level": "space=GEN00&status=open&sort=level",
    "space, all open, by level": "space=GEN00&status={open}&sort=level",
    "a small space, recently updated": "space={small}&sort=-updated",
    "a small space, by level": "space={small}&sort=level",
    "a query": "q=is:open+level:P0,P1",
    "a query of mine": "q=is:open+assignee:me",
    "a query with a label": "q=is:open+label:area",
    "a query without a label": "q=is:open+-label:area",
    "a word": "q=bazapuno",
    "a common word of a reporter": "reporter={reporter}&q=zaracli",
    "a common word of a fingerprint, few a page": "fingerprint={fingerprint}&q=zaracli&page_size=10",
}


def queries_of():
    """SHAPES, filled with what issues here have."""
    words = words_of()
    return {name: query.format(**words) for name, query in SHAPES.items()}


def words_of():
    """What issues here have, by the names in SHAPES."""
    from issues.models import Channel, Issue, IssueLabel, IssueTeam, Space
    from tracker.generator import ground

    rows = Issue.objects.filter(space__key="GEN00")
    issue = rows.exclude(project=None).exclude(assignee=None).exclude(environment=None).latest("id")
    words = {
        "open": ",".join(Issue.OPEN),
        "status": issue.status,
        "small": Space.objects.filter(memberships__user__email=ground.email_of(READER)).latest("key").key,
        "created": day(issue.created_at),
        "updated": day(issue.updated_at),
        "fingerprint": Issue.objects.exclude(fingerprint="").latest("id").fingerprint,
        "team": IssueTeam.objects.filter(issue__space__key="GEN00").latest("id").team.uuid,
        "everything": Channel.objects.get(space__key="GEN00", is_default=True).uuid,
        "value": IssueLabel.objects.filter(key="security").exclude(value="").latest("id").value,
    }
    return words | {
        name: getattr(issue, name).uuid for name in ("assignee", "reporter", "project", "environment")
    }


def day(at):
    return f"{at:%Y-%m-%dT00:00:00Z}"


def times():
    """{shape: milliseconds of the statement that selects the page}, for a member of some of the spaces."""
    from tracker.generator import ground

    client = Client(headers={"authorization": f"Bearer {ground.token_secret(READER)}", "host": "127.0.0.1"})
    found = {}
    for name, query in queries_of().items():
        with CaptureQueriesContext(connection) as captured:
            response = client.get(f"/api/issues/?{query}")
        if response.status_code != 200:
            raise RuntimeError(f"{name}: {response.content[:300]}")
        page = max((row["sql"] for row in captured), key=len)
        found[name] = min(time_of(page) for _ in range(REPEATS)) * 1000
    return found


def time_of(statement):
    with connection.cursor() as cursor:
        began = perf_counter()
        cursor.execute(statement)
        cursor.fetchall()
        return perf_counter() - began
