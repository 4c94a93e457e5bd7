"""What the statements of lists touch: a page costs the same however large the table is.

Nothing is timed. PostgreSQL says of every node of a plan how many rows it really took: of the 10,000 issues
here and all that hangs on them, no node of a page of 50 takes more than ROWS. SQLite does not say so, but
its machine counts the steps it makes: a page takes at most STEPS, of which one that walks or sorts the
table takes several times as many. What only a few issues have shows more than what many have, since without
an index all others are walked by.
"""

from functools import cache
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.bench.shapes import READER, SHAPES, queries_of
from tracker.generator import ground

ISSUES = 10_000
ROWS = 2_000
STEPS = 25_000
# Somebody who is in all spaces, and somebody who is in some.
PEOPLE = (0, READER)
# What touches too much still; whoever makes it touch less has to strike it out here.
SLOW = {
    "sqlite": {
        "a common label", "a common label, open", "a label in a small space", "a label, recently updated",
        "a query", "a query with a label", "a query without a label", "a word", "all open statuses",
        "by level", "everything", "fingerprint", "first created", "level", "level, open", "longest quiet",
        "no level", "no project", "no such fingerprint", "nobody assigned", "nobody assigned, open",
        "oldest first", "one status", "open, by level", "open, recently updated", "project",
        "project and status", "project, recently updated", "recently created", "recently updated",
        "space and assignee", "team", "two levels",
    },
    "postgresql": {
        "a label, recently updated", "a query without a label", "a rare status", "a word", "by level",
        "environment", "first created", "level", "longest quiet", "no level", "nobody assigned, open",
        "open, by level", "open, recently updated", "project", "project and status",
        "project, recently updated", "recently created", "recently updated", "team and status",
        "two levels",
    },
}  # fmt: skip

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module", autouse=True)
def queries(django_db_setup, django_db_blocker):
    """The query strings of all shapes, for generated issues that one transaction around all tests holds."""
    with django_db_blocker.unblock(), transaction.atomic():
        call_command("generate_issues", ISSUES, yes=True, stdout=StringIO())
        yield queries_of()
        transaction.set_rollback(True)


@cache
def client(person):
    return Client(headers={"authorization": f"Bearer {ground.token_secret(person)}"})


def selects(person, path):
    """The SELECTs with which this generated person is answered."""
    with CaptureQueriesContext(connection) as captured:
        response = client(person).get(path)
    assert response.status_code == 200, response.content
    return [row["sql"] for row in captured if row["sql"].startswith("SELECT")]


def rows_of(statement):
    """The rows that the busiest node of a plan took, those included that it left out again."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement.replace('%', '%%')}")
        ((((plan,),),),) = [cursor.fetchall()]
    return max(map(taken, nodes(plan["Plan"])))


def nodes(plan):
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


def taken(node):
    left_out = sum(number for name, number in node.items() if name.startswith("Rows Removed by"))
    return (node["Actual Rows"] + left_out) * node["Actual Loops"]


def steps_of(statement):
    """How many instructions of its machine SQLite carries out, counted in hundreds."""
    hundreds = 0

    def count():
        nonlocal hundreds
        hundreds += 1

    connection.connection.set_progress_handler(count, 100)
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            cursor.fetchall()
    finally:
        connection.connection.set_progress_handler(None, 0)
    return hundreds * 100


def touched(statement):
    return rows_of(statement) if connection.vendor == "postgresql" else steps_of(statement)


def most():
    return ROWS if connection.vendor == "postgresql" else STEPS


def test_a_walk_of_the_table_would_be_noticed():
    walk = "SELECT id FROM issues_issue WHERE title = 'nothing has it' ORDER BY updated_by_id, id"

    assert touched(walk) > most()


def shape(name):
    slow = pytest.mark.xfail(strict=True, raises=AssertionError, reason="It touches too much still.")
    return pytest.param(name, marks=slow if name in SLOW[connection.vendor] else ())


@pytest.mark.parametrize("name", map(shape, SHAPES))
def test_a_page_touches_few_rows(queries, name):
    statements = [each for person in PEOPLE for each in selects(person, f"/api/issues/?{queries[name]}")]

    worst = max(statements, key=touched)

    assert touched(worst) <= most(), worst
