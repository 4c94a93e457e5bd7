"""What the database alone takes for lists of many shapes: what grows with the table shows here first."""

from time import perf_counter

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

REPEATS = 3


def queries_of():
    """{shape: query string of a list}"""
    from issues.models import Issue

    issue = Issue.objects.filter(space__key="GEN00", project__isnull=False, assignee__isnull=False).latest(
        "id"
    )
    return {
        "everything": "",
        "one status": "status=open",
        "all open statuses": "status=open,acknowledged,in_progress,pending",
        "assignee": f"assignee={issue.assignee.uuid}",
        "assignee and status": f"assignee={issue.assignee.uuid}&status={issue.status}",
        "reporter": f"reporter={issue.reporter.uuid}",
        "level": "level=P1",
        "project": f"project={issue.project.uuid}",
        "space": "space=GEN00",
        "space and status": "space=GEN00&status=open",
        "a common label": "label=area",
        "recently updated": "sort=-updated",
        "space, recently updated": "space=GEN00&sort=-updated",
        "by level": "sort=level",
        "space, by level": "space=GEN00&sort=level",
        "space, open, by level": "space=GEN00&status=open&sort=level",
        "a word": "q=bazapuno",
    }


def times():
    """{shape: milliseconds of the statement that selects the page}, for a member of some of the spaces."""
    from tracker.generator import ground

    client = Client(headers={"authorization": f"Bearer {ground.token_secret(3)}", "host": "127.0.0.1"})
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
