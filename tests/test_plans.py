"""What the statements of lists touch: a page costs the same however large the table is.

Nothing is timed. PostgreSQL says of every node of a plan how many rows it really took: of the 10,000 issues
here and all that hangs on them, no node of a page of 50 takes more than ROWS. SQLite does not say so, but
its machine counts the steps it makes: a page takes at most STEPS, of which one that walks or sorts the
table takes several times as many. What only a few issues have shows more than what many have, since without
an index all others are walked by.
"""

import json
import re
from datetime import UTC, datetime, timedelta
from functools import cache
from io import StringIO
from itertools import islice, product

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import QuerySet
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.http import urlencode

from issues import search
from issues.bulk import with_keys
from issues.list_views import handled_last
from issues.models import HistoryEntry, Issue, Project, Space
from issues.trail import Trail
from issues.triage import WAITING, number_waiting
from tests.bench.scenarios import labels
from tests.bench.shapes import READER, queries_of, words_of
from tests.factories import MembershipFactory, SavedViewFactory, UserFactory
from tracker.accounts.models import ApiToken
from tracker.dialects.datadog.words import ORDERS as DATADOG_ORDERS
from tracker.dialects.ids import prefixed, ulid_of
from tracker.generator import ground

ISSUES = 10_000
# By person: who is in some of the spaces, and who is in all fifty, of each of which the first rows are read:
# 2,550 of them, which one node takes, and what it leaves out again.
ROWS = {READER: 3_000, 0: 4_000}
# A walk through all that the first one sees is 39,000 steps, and 71,000 for the second.
STEPS = {READER: 12_000, 0: 18_000}
# Beside them, what is sorted by what its own index does not know.
TWICE_AS_MANY = ("assignee, recently updated", "assignee, open, by level", "a label, recently updated")
# Queries whose facets are counted.
FEW = "q=bazapuno|label=security:{value}|fingerprint={fingerprint}"
MANY = ("created:-900d", "service:*", "comments:>1", "-label:area", "level:P0 OR assignee:me", "is:unread")
# What no index knows, and what only a few of many fields ask for.
MORE = (
    "kind:bug", "service:zzzz", "no:service", "version:1.*", "error.type:ValueError", "platform:backend",
    "language:go", "source:alert", "source.type:host", "fingerprint:abc*", "title:*ba*", "title:zzzz",
    "description:zzzz", "error.message:zzzz", "track:main", "seen:>100", "comments:>7", "comments:0",
    "number:<10", "key:GEN00-5", "due:<today", "has:due", "no:due", "closed:-9d", "closed:<2023-07-05",
    "no:closed", "resolved:<2023-07-05", "has:resolved", "first_seen:<2023-07-05", "first_seen:>2024-01-01",
    "last_seen:<2023-07-05", "created:[2023-08-01 TO 2023-08-02]", "updated:<2023-07-05", "regressed:-9d",
    "is:regressed", "is:read", "is:overdue", "is:crash", "is:anonymous", "is:mine", "reporter:none",
    "reporter:me", "severity:critical", "severity:none", "no:label", "has:label", "label:zz*",
    "label:area OR label:plan", "no:team", "has:team", "no:channel", "has:channel", "no:environment",
    "no:project", "no:level", "no:assignee", "level:P0 OR no:assignee", "space:GEN00 OR is:crash",
    "NOT (is:open is:unread)", "-bazapuno", "ba* OR kind:bug", "bazapuno OR kind:bug", '"ba zapuno"',
    "number:5", "number:(5 OR 7)", "label.area:x*", "label:*:x*", "is:regressed OR bazapuno", "ba*",
    "number:>4900", "number:[10 TO 20]", "key:GEN00-5 OR key:GEN00-7", "is:open -is:open", "-is:done",
    "zatruplavoxx OR number:5", "sort:created (bazapuno OR number:<3)", "bazapuno OR label:plan OR is:mine",
    "ba* -zaracli", "ba* is:open assignee:me", "sort:created ba*", "sort:level (ba* OR is:mine)",
)  # fmt: skip
# What SQLite looks up in a list of all that has some words or values.
LISTED = ("ba* OR kind:bug", "label.area:x*", "is:regressed OR bazapuno", "-bazapuno", "sort:level ba*")
SEPTEMBER = datetime(2024, 9, 1, tzinfo=UTC)
MILLISECONDS = int(SEPTEMBER.timestamp()) * 1_000
# What a browser asks for.
PAGES = (
    "/triage/", "/triage/?label=nothing", "/issues/", "/issues/?q=is:open+is:unassigned", "/issues/?facets=1",
    "/issues/facets/?q=service:zzzz", "/issues/?q=kind:bug&sort=level", "/issues/?assignee=me&sort=-updated",
    "/views/", "/views/menu/", "/dashboard/", "/history/", "/trash/", "/issues/export.csv?q=bazapuno",
)  # fmt: skip
# Tables that grow with the number of issues; of channels the generated ones have none.
WALKED = {
    "issues_issue", "issues_issuelabel", "issues_issueteam", "issues_searchdocument", "issues_historyentry",
    "issues_occurrence", "issues_occurrencehour", "comments_comment",
}  # fmt: skip
# A table, and what a statement calls it.
CALLED = re.compile(r'(?:\bFROM|\bJOIN|,) "?(\w+)"?(?: (?:AS )?"?(\w+)"?)?')

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module", autouse=True)
def queries(django_db_setup, django_db_blocker):
    """The query strings of all shapes, for generated issues that one transaction around all tests holds."""
    with django_db_blocker.unblock(), transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                # Where a test has asked for the server's application, its limit is on every connection.
                cursor.execute("SET LOCAL statement_timeout = 0")
                # Pages of what other tests took back would make a plan for any values cost more.
                cursor.execute("TRUNCATE issues_countdelta")
        call_command("generate_issues", ISSUES, yes=True, stdout=StringIO())
        if connection.vendor == "sqlite":
            with connection.cursor() as cursor:
                # As where nobody analyses the tables, which no installation does by itself.
                cursor.execute("DELETE FROM sqlite_stat1")
                cursor.execute("ANALYZE sqlite_schema")
        # Else PostgreSQL checks all that refers to anything again at the end of every test.
        connection.check_constraints()
        yield queries_of()
        transaction.set_rollback(True)


@cache
def client(person):
    return Client(headers={"authorization": f"Bearer {ground.token_secret(person)}"})


def browser(person):
    """The client of this generated person, signed in."""
    page = Client()
    page.force_login(ApiToken.find(ground.token_secret(person)).user)
    return page


def selects(person, path, body=None):
    """The SELECTs with which this generated person is answered."""
    return selects_of(lambda: client(person).get(path) if body is None else posted(person, path, body))


def selects_of(ask):
    """The SELECTs of what a client asks, which are to be answered."""
    with CaptureQueriesContext(connection) as captured:
        response = ask()
        list(response)
    assert response.status_code == 200, response.content
    return [row["sql"] for row in captured if row["sql"].startswith(("SELECT", "WITH", "("))]


def posted(person, path, body):
    return client(person).post(path, json.dumps(body), content_type="application/json")


def rows_of(statement):
    """The rows that the busiest node of a plan took, those included that it left out again."""
    return max(map(taken, nodes(plan_of(statement, "ANALYZE, TIMING OFF, "))))


def plan_of(statement, options=""):
    """PostgreSQL's plan of a statement."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN ({options}FORMAT JSON) {statement.replace('%', '%%')}")
        ((((plan,),),),) = [cursor.fetchall()]
    return plan["Plan"]


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


def scans_of(statement):
    """The steps of a plan that walk through all of a table that grows; on SQLite, or of an index of it, which
    PostgreSQL may do until it has a page.
    """
    if connection.vendor == "postgresql":
        steps = [(node["Node Type"], node.get("Relation Name")) for node in nodes(plan_of(statement))]
        return [step for step in steps if step[0] == "Seq Scan" and step[1] in WALKED]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {statement}")
        steps = [step.split() for *_, step in cursor.fetchall()]
    names = {name for table, alias in CALLED.findall(statement) if table in WALKED for name in (table, alias)}
    return [step for step in steps if step[0] == "SCAN" and step[1] in names]


def touched(statement):
    return rows_of(statement) if connection.vendor == "postgresql" else steps_of(statement)


def most(person, shape=""):
    if connection.vendor == "postgresql":
        return ROWS[person]
    return STEPS[person] * (2 if shape in TWICE_AS_MANY else 1)


def test_a_walk_of_the_table_would_be_noticed():
    walk = "SELECT id FROM issues_issue WHERE title <> 'nothing has it' ORDER BY updated_by_id, id"

    assert touched(walk) > most(READER)


@pytest.mark.parametrize("person", STEPS)
def test_a_page_touches_few_rows(queries, person):
    found = {name: worst_of(person, query) for name, query in queries.items()}

    assert {name: number for name, number in found.items() if number > most(person, name)} == {}


@pytest.mark.database("sqlite")
@pytest.mark.parametrize("person", STEPS)
def test_a_list_that_is_looked_into_takes_no_longer_than_a_look_at_all_issues(person):
    found = {query: worst_of(person, urlencode({"q": query})) for query in LISTED}

    assert {query: number for query, number in found.items() if number > 50 * ISSUES} == {}


@pytest.mark.parametrize(
    ("sort", "by_key", "query", "times"),
    [
        ("-number", "-id", "created_before=2024-09-01T00:00:00Z", {"created_at__lt": SEPTEMBER}),
        ("-number", "-id", "updated_before=2024-09-01T00:00:00Z", {"updated_at__lt": SEPTEMBER}),
        ("number", "id", "created_after=2024-09-01T00:00:00Z", {"created_at__gte": SEPTEMBER}),
    ],
)
def test_a_list_begins_where_the_issues_of_its_times_do(monkeypatch, sort, by_key, query, times):
    """Those beyond are so many that they are passed over, here from the 50th on."""
    monkeypatch.setattr("issues.conjuncts.OF_VALUES", 50)
    issues = Issue.objects.visible_to(ApiToken.find(ground.token_secret(0)).user).filter(**times)
    expected = [str(uuid) for uuid in issues.order_by(by_key).values_list("uuid", flat=True)[:200]]

    with CaptureQueriesContext(connection) as captured:
        pages = list(islice(pages_of(client(0), f"/api/issues/?{query}&sort={sort}&page_size=100"), 2))

    assert [issue["id"] for page in pages for issue in page] == expected
    assert [row["sql"] for row in captured if "(issues_issue.id + 0)" in row["sql"]]


def pages_of(client, path):
    """The pages of a list, from its first one on."""
    while path:
        document = client.get(path).json()
        yield document["results"]
        path = document["next"]


@pytest.mark.parametrize("place", ["", "facets/"])
@pytest.mark.parametrize("person", STEPS)
def test_a_page_and_its_facets_go_along_an_index(queries, person, place):
    shapes = queries | {query: urlencode({"q": query}) for query in (*MORE, *MANY)}
    if place:
        shapes = {
            name: query for name, query in shapes.items() if "sort" not in query and "size" not in query
        }

    found = {
        name: [step for sql in selects(person, f"/api/issues/{place}?{query}") for step in scans_of(sql)]
        for name, query in shapes.items()
    }

    assert scans_of("SELECT id FROM issues_issue WHERE title <> 'nothing has it'")
    assert scans_of("SELECT id FROM issues_issue AS i WHERE title <> 'nothing has it'")
    assert {name: steps for name, steps in found.items() if steps} == {}


@pytest.mark.parametrize("person", STEPS)
def test_lists_of_other_doors_and_what_is_similar_go_along_an_index(person):
    token = ApiToken.find(ground.token_secret(person))
    space, me, word = token.space, token.user.uuid, "bazapuno"
    project = Project.objects.filter(space=space).first().uuid
    versori = f"/api/v2/o/{ulid_of(space.uuid)}/issues"
    asked = [
        *(
            (f"/issues?{query}", None)
            for query in (
                f"space_id={space.uuid}",
                "status=open",
                "size=50&page=3",
                "severity=high",
                f"assignee_id={me}",
                f"product_id={project}",
            )
        ),
        *(
            (f"/api/v1/app/issue?{query}", None)
            for query in (
                "",
                "page_size=50&page=3",
                "states=InReview",
                "type=NoAnswer",
                "type=Other",
                f"created_by={me}",
                f"projects={project}",
                f"filter_by_text={word}",
                f"start_date={MILLISECONDS}",
                f"end_date={MILLISECONDS}",
            )
        ),
        *((f"{versori}?{query}", None) for query in ("first=50", "severity=high", "search_date=lastSeenAt")),
        *(("/api/v1/issue/list", body) for body in ({"pageSize": 50}, {"pageSize": 50, "pageIndex": 5})),
        *(("/api/v1/issue/list", {"filters": [each]}) for each in guance_filters(me)),
        ("/api/v1/issue/list", {"search": word}),
        ("/api/v1/issue/list", {"startTime": MILLISECONDS // 1_000}),
        ("/api/v1/issue/list", {"endTime": MILLISECONDS // 1_000}),
        *((f"/api/issues/?{query}", None) for query in (f"q={word}&sort=relevance", "q=ba*&sort=relevance")),
        *((f"/api/issues/similar/?title={word}+zaracli{query}", None) for query in ("", "&space=GEN00")),
        *(("/api/v2/error-tracking/issues/search", body) for body in errors()),
    ]

    found = {
        f"{path} {body}": [step for sql in selects(person, path, body) for step in scans_of(sql)]
        for path, body in asked
    }

    assert {name: steps for name, steps in found.items() if steps} == {}


@pytest.mark.parametrize("person", STEPS)
def test_pages_go_along_an_index(person):
    user = ApiToken.find(ground.token_secret(person)).user
    for query in ("kind:bug", "service:zzzz", "is:unassigned", "label:area is:mine"):
        SavedViewFactory(owner=user, query=urlencode({"q": query}))
    page = browser(person)

    found = {path: selects_of(lambda path=path: page.get(path)) for path in PAGES}

    scans = {path: [step for sql in found[path] for step in scans_of(sql)] for path in PAGES}
    assert {path: steps for path, steps in scans.items() if steps} == {}


@pytest.mark.parametrize("person", STEPS)
@pytest.mark.parametrize("path", ["/complete/?space=GEN00&word=UTF-", "/complete/?space=GEN00&word=GEN00-"])
def test_what_a_key_begins_with_is_completed_from_few_rows(person, path):
    page = browser(person)

    found = selects_of(lambda: page.get(path))

    assert max(map(touched, found)) <= most(person)


@pytest.mark.parametrize("person", STEPS)
def test_what_was_handled_last_is_found_among_the_newest_entries(person, monkeypatch):
    monkeypatch.setattr("issues.list_views.COUNTED", 50)
    user = ApiToken.find(ground.token_secret(person)).user

    with CaptureQueriesContext(connection) as captured:
        handled = handled_last(user)

    assert handled["at"]
    assert max(touched(row["sql"]) for row in captured) <= most(person)


@pytest.fixture
def claimed():
    """What was nobody's is somebody's, but for the oldest few."""
    nobodys = Issue.objects.filter(assignee=None, status__in=Issue.OPEN)
    others = list(nobodys.order_by("-id").values_list("pk", flat=True))[:-20]
    QuerySet.update(Issue.objects.filter(pk__in=others), assignee=get_user_model().objects.latest("pk"))


@pytest.mark.usefixtures("claimed")
@pytest.mark.parametrize("person", STEPS)
@pytest.mark.parametrize(
    "query",
    [
        WAITING,
        "is:open is:unassigned",
        "status:open no:assignee level:P2,P3",
        "is:open is:unassigned -bazapuno",
        "is:open is:unassigned label:area",
    ],
)
@pytest.mark.parametrize("sort", ["-number", "number", "-created", "-updated", "level"])
def test_the_few_that_wait_are_found_without_a_walk_through_all_that_are_open(sort, query, person):
    found = worst_of(person, urlencode({"q": query, "sort": sort}))

    assert found <= most(person) / 2


@pytest.mark.parametrize("person", STEPS)
def test_few_of_one_status_are_found_without_a_walk_through_all_that_is_nobody_s(person, monkeypatch):
    monkeypatch.setattr("issues.conjuncts.RARE", 100)
    pending = Issue.objects.filter(assignee=None, status="pending").order_by("-id")
    others = list(pending.values_list("pk", flat=True))[:-20]
    QuerySet.update(Issue.objects.filter(pk__in=others), status="open")

    found = worst_of(person, urlencode({"q": "status:pending no:assignee"}))

    assert found <= most(person) / 2


@pytest.mark.parametrize("person", STEPS)
def test_the_few_that_wait_are_counted_without_a_walk_through_all_that_are_open(person):
    user = ApiToken.find(ground.token_secret(person)).user
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM issues_issuecount WHERE assignee = 0")

    with CaptureQueriesContext(connection) as captured:
        number_waiting(user, 99)

    assert max(touched(row["sql"]) for row in captured) <= most(person)


def guance_filters(person):
    """What Guance's list is narrowed by, as it is and negated; no value is nobody."""
    account = prefixed("acnt", person)
    wanted = {"resource": "api", "level": "1", "statusType": "10", "creator": account, "updator": account}
    nobody = {"resource": "", "level": "", "creator": "", "updator": ""}
    for (key, value), is_equal in product([*wanted.items(), *nobody.items()], (True, False)):
        yield {"key": key, "value": value, "equal": is_equal}


def errors():
    """Searches of Datadog for a day and for a month, in each of its orders."""
    end = ground.END - timedelta(minutes=10)
    for days, order, query in product(
        (1, 30), DATADOG_ORDERS, ("*", "service:api", "bazapuno", "-label:area")
    ):
        start, stop = (int(at.timestamp()) * 1_000 for at in (end - timedelta(days=days), end))
        asked = {"query": query, "persona": "ALL", "order_by": order, "from": start, "to": stop}
        yield {"data": {"type": "search_request", "attributes": asked}}


@pytest.mark.parametrize(
    "query",
    ["", "?search_date=createdAt", "?search_date=lastSeenAt", "?search_date=lastSeenAt&severity=high"],
)
def test_a_page_of_versori_touches_few_rows_in_each_of_its_orders(queries, query):
    space = ApiToken.find(ground.token_secret(READER)).space

    found = [touched(sql) for sql in selects(READER, f"/api/v2/o/{ulid_of(space.uuid)}/issues{query}")]

    assert max(found) <= most(READER)


@pytest.mark.parametrize("person", STEPS)
def test_facets_of_few_issues_touch_few_rows(queries, person):
    found = {query: worst_of(person, query, "facets/") for query in FEW.format(**words_of()).split("|")}

    assert {query: number for query, number in found.items() if number > most(person)} == {}


@pytest.mark.parametrize("person", STEPS)
def test_facets_of_many_issues_touch_the_newest_of_them(person, monkeypatch):
    monkeypatch.setattr("issues.facets.MOST_COUNTED", 50)

    found = {query: worst_of(person, f"q={query}", "facets/") for query in MANY}

    # In each of many spaces, a few issues of some time are sorted.
    assert {query: number for query, number in found.items() if number > 3 * most(person)} == {}


@pytest.mark.database("postgresql")
def test_the_newest_issues_of_many_spaces_are_merged_where_they_are_many(monkeypatch):
    """Of each space, only those are read that are among the newest of all."""
    monkeypatch.setattr("issues.facets.MOST_COUNTED", 50)
    monkeypatch.setattr("issues.walks.MERGED", 10)

    found = worst_of(0, "q=comments:>1", "facets/")

    assert found < 500


@pytest.mark.parametrize("person", STEPS)
@pytest.mark.parametrize(
    "query",
    ["number:>4900", "number:<3", "-number:>3", "-(number:>3 OR is:done)", "key:GEN00-5 OR key:GEN00-7"],
)
def test_issues_are_found_by_their_numbers(person, query):
    found = worst_of(person, urlencode({"q": query}))

    assert found <= most(person)


@pytest.mark.parametrize("person", STEPS)
@pytest.mark.parametrize("place", ["", "facets/"])
@pytest.mark.parametrize(
    "query",
    [
        "zatruplavoxx OR number:5",
        "key:GEN00-5 OR label:plan:nothing OR ba-zapuno",
        "is:open (is:unassigned OR level:P0) (label:plan:nothing OR key:GEN00-5)",
    ],
)
def test_each_of_several_conditions_is_looked_for_by_its_own_index(person, place, query):
    found = worst_of(person, urlencode({"q": query}), place)

    assert found <= most(person)


@pytest.mark.parametrize("order", ["level", "updated"])
def test_what_a_busy_person_has_is_sorted_where_little_of_it_is_asked_for(order, monkeypatch):
    """By level, one would walk through the issues of all others until there is a page of them."""
    monkeypatch.setattr("issues.conjuncts.OF_VALUES", 100)

    found = worst_of(0, urlencode({"q": f"assignee:me level:P0,P1 label:area sort:{order}"}))

    assert found <= most(0) / 2


@pytest.mark.parametrize("person", STEPS)
@pytest.mark.parametrize(
    "query",
    [
        "is:open -is:open",
        "-(is:open OR is:done)",
        "status:resolved (status:open label:area OR status:pending label:plan)",
    ],
)
def test_what_contradicts_itself_is_not_looked_for(person, query):
    statements = selects(person, f"/api/issues/?{urlencode({'q': query})}")

    assert [sql for sql in statements if "issues_issue" in sql] == []


@pytest.mark.database("postgresql")
@pytest.mark.parametrize("query", ["status=open", "assignee={assignee}&status={open}"])
def test_a_list_that_is_asked_for_again_is_not_planned_again(query):
    """PostgreSQL plans it five times, and keeps a plan that costs no more for any values than for these."""
    query = query.format(**words_of())

    path = f"/api/issues/?{query}&count=exact"
    for _ in range(12):
        selects(READER, path)
    planned = plans()

    selects(READER, path)

    assert plans() == planned != (None,)


def plans():
    """How often the prepared statements of lists and their numbers were planned for some values alone."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(custom_plans) FROM pg_prepared_statements "
            "WHERE statement ~ 'issues_issue\\.number|sum\\(number\\)'"
        )
        return cursor.fetchone()


@pytest.mark.parametrize("person", STEPS)
def test_a_total_without_a_counter_touches_few_rows(person):
    """What is deleted is taken off, and found by itself."""
    key, value = labels()[-1]

    assert worst_of(person, f"label={key}:{value}&count=exact&page_size=1") <= most(person)


@pytest.mark.parametrize("person", STEPS)
@pytest.mark.parametrize(
    "query",
    [
        "assignee:me label:area",
        "label:area label:security:{value}",
        "is:unread label:security:{value}",
        "regressed:* -label:area",
        "created:[2024-09-01 TO 2024-09-07] is:unread",
        "-label:security:{value}",
        "no:regressed",
        "-fingerprint:{fingerprint} is:open",
    ],
)
def test_a_total_of_several_conditions_goes_along_the_index_that_leaves_the_fewest(queries, query, person):
    text = query.format(**words_of())

    # Before, it is counted whether a label is rare.
    assert worst_of(person, urlencode({"q": text, "count": "exact", "page_size": 1})) <= 2 * most(person)


@pytest.mark.parametrize("person", STEPS)
def test_a_page_of_the_trash_touches_few_rows(person):
    user = ApiToken.find(ground.token_secret(person)).user
    with CaptureQueriesContext(connection) as captured:
        list(Issue.objects.in_trash_of(user).order_by("-pk")[:51])

    assert touched(captured[-1]["sql"]) <= most(person)


@pytest.fixture
def entry():
    """An entry that both see, of the small space of one of them."""
    space = Space.objects.get(key=words_of()["small"])
    return HistoryEntry.objects.filter(space=space, action="status_changed").select_related("issue")[0]


@pytest.mark.parametrize("person", STEPS)
def test_a_page_of_the_trail_touches_few_rows_narrowed_by_each_of_its_filters(entry, person):
    wanted = {
        "": {}, "space": {"space": words_of()["small"]}, "issue": {"issue": str(entry.issue.uuid)},
        "batch": {"batch": str(entry.batch)}, "me": {"actor": "me"}, "another": {"actor": ground.email_of(5)},
        "action": {"action": "comment_added"}, "source": {"source": entry.source},
        "both": {"actor": "me", "action": "status_changed"}, "rare": {"action": "deleted"},
        "what I did rarely": {"actor": "me", "action": "restored"}, "a rare source": {"source": "worker"},
    }  # fmt: skip

    pages = {name: f"/api/history/?{urlencode(query)}" for name, query in wanted.items()}
    found = {name: max(map(touched, selects(person, path))) for name, path in pages.items()}

    assert {name: number for name, number in found.items() if number > most(person)} == {}


@pytest.mark.database("postgresql")
@pytest.mark.parametrize("person", STEPS)
def test_statistics_do_not_lead_the_trail_of_somebody_along_another_index(person):
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE issues_historyentry")

    found = selects(person, "/api/history/?actor=me&action=status_changed")

    assert max(map(touched, found)) <= most(person)


@pytest.mark.parametrize("person", STEPS)
@pytest.mark.parametrize(
    "query",
    ["", "action=text_redacted", "actor=me&action=deleted", "source=zylon", "actor=me", "space={small}"],
)
def test_the_trail_goes_along_an_index(query, person):
    path = f"/api/history/?{query.format(**words_of())}"

    assert [step for sql in selects(person, path) for step in scans_of(sql)] == []


def test_a_page_of_the_trail_does_not_walk_past_what_happened_elsewhere(entry):
    """The newest entries are all of other spaces: those of the small one are the oldest of all."""
    seen = HistoryEntry.objects.filter(space=entry.space).order_by("-id")
    elsewhere = HistoryEntry.objects.filter(id__gt=seen[0].id).count()
    user = UserFactory()
    MembershipFactory(space=entry.space, user=user, role="viewer")

    with CaptureQueriesContext(connection) as captured:
        page = Trail(user, {"action": "created"}).page(None, 50)

    assert elsewhere > 0
    assert [row[0] for row in page.rows] == [
        entry.uuid for entry in seen.filter(action="created")[: len(page.rows)]
    ]
    assert max(touched(row["sql"]) for row in captured) <= most(READER)


@pytest.mark.database("postgresql")
@pytest.mark.parametrize(("word", "is_few", "asked"), [("topen", False, 1), ("tnothing", True, 2)])
def test_what_many_issues_have_is_known_to_be_common_without_being_counted(word, is_few, asked):
    found = search.index().source(True, (), (), [[word]], is_narrow=False)

    with CaptureQueriesContext(connection) as captured:
        told = search.no_more_than(100, found)

    assert (told, len(captured)) == (is_few, asked)
    assert captured[0]["sql"].startswith("EXPLAIN")


def worst_of(person, query, place=""):
    """What the busiest of the statements that answer a list touches."""
    return max(map(touched, selects(person, f"/api/issues/{place}?{query}")))


@pytest.mark.parametrize("person", STEPS)
def test_issues_that_are_named_by_their_keys_are_found_by_them(person):
    user = ApiToken.find(ground.token_secret(person)).user
    some = Issue.objects.visible_to(user).select_related("space").order_by("-id")[:50]
    keys = {issue.key for issue in some}

    with CaptureQueriesContext(connection) as captured:
        found = with_keys(user, keys).count()

    assert found == len(keys) == 50
    assert max(touched(row["sql"]) for row in captured) <= most(person) / 2
