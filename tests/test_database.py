"""How connections are opened, and who waits for whom."""

import gc
import sqlite3
import threading
import time
from contextlib import closing, contextmanager

import pytest
from django.conf import settings
from django.db import DatabaseError, IntegrityError, OperationalError, connection, connections, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from issues.models import Issue, Outbox
from issues.models.history import issue_changed
from issues.models.insert import insert_many
from tests.factories import IssueFactory, SpaceFactory
from tests.processes import start
from tracker.db.pragmas import straight_into_file
from tracker.db.sqlite.base import WRITE_LOCKS

only_sqlite = pytest.mark.database("sqlite")
only_postgres = pytest.mark.database("postgresql")
transactional = pytest.mark.django_db(transaction=True)


def ask(question):
    with connection.cursor() as cursor:
        cursor.execute(question)
        return cursor.fetchone()[0]


def lock():
    return WRITE_LOCKS[str(connection.settings_dict["NAME"])]


@contextmanager
def another_process():
    """A connection of our own, past Django, as another process would have it."""
    path = str(connection.settings_dict["NAME"])
    with closing(sqlite3.connect(path, timeout=0.2, isolation_level=None, check_same_thread=False)) as other:
        yield other


@pytest.mark.database("sqlite", "postgresql")
def test_connections_stay_open_and_requests_are_not_transactions():
    default = settings.DATABASES["default"]

    assert (default["CONN_MAX_AGE"], default["ATOMIC_REQUESTS"]) == (None, False)
    assert default["CONN_HEALTH_CHECKS"] is True


PRAGMAS = {
    "journal_mode": "wal",
    "synchronous": 2,
    "foreign_keys": 1,
    "busy_timeout": 20_000,
    "recursive_triggers": 1,
    "temp_store": 2,
}


@only_sqlite
@transactional
def test_sqlite_opens_safe():
    connection.close()

    assert {pragma: ask(f"PRAGMA {pragma}") for pragma in PRAGMAS} == PRAGMAS


@only_sqlite
@pytest.mark.parametrize(("value", "bound"), [(None, None), (True, 1), (False, 0)])
def test_what_is_nothing_or_a_boolean_is_bound_without_an_exception_each_time(value, bound):
    found = sqlite3.adapt(value)

    assert (found, type(found)) == (bound, type(bound))


@only_sqlite
@transactional
def test_a_transaction_begins_with_the_right_to_write():
    with CaptureQueriesContext(connection) as queries, transaction.atomic():
        pass

    assert queries[0]["sql"] == "BEGIN IMMEDIATE"


@only_sqlite
@transactional
def test_a_second_writer_of_another_process_waits():
    SpaceFactory(key="OPS")

    with another_process() as other:
        other.execute("BEGIN IMMEDIATE")
        threading.Timer(0.4, other.execute, ["COMMIT"]).start()
        issue = IssueFactory(space__key="NEW")

    assert issue.number == 1


@only_sqlite
@transactional
def test_a_second_writer_of_this_process_waits():
    order = []

    def write():
        with transaction.atomic():
            order.append("second")
        connections.close_all()

    with transaction.atomic():
        thread = threading.Thread(target=write)
        thread.start()
        thread.join(0.3)
        order.append("first")
    thread.join()

    assert order == ["first", "second"]


@only_sqlite
@transactional
def test_who_waits_too_long_is_told(monkeypatch):
    failures = []

    def write():
        try:
            with transaction.atomic():
                pass
        except OperationalError as error:
            failures.append(str(error))
        connections.close_all()

    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 0.1)
    with transaction.atomic():
        thread = threading.Thread(target=write)
        thread.start()
        thread.join()

    assert failures == ["Waited too long for another write of this process to end."]
    assert not lock().locked()


def commits():
    with transaction.atomic():
        assert lock().locked()


def rolls_back():
    with transaction.atomic():
        transaction.set_rollback(True)


def raises():
    with pytest.raises(RuntimeError), transaction.atomic():
        raise RuntimeError


def raises_inside_a_savepoint():
    with transaction.atomic():
        with pytest.raises(RuntimeError), transaction.atomic():
            raise RuntimeError
        assert lock().locked()


def closes_in_a_transaction():
    with pytest.raises(DatabaseError), transaction.atomic():
        connection.close()
        assert not lock().locked()
        ask("SELECT 1")


def is_interrupted():
    with pytest.raises(KeyboardInterrupt), transaction.atomic():
        raise KeyboardInterrupt


def fails_to_commit():
    def fail():
        raise OperationalError("disk I/O error")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(connections["default"]).__mro__[1], "_commit", lambda self: fail())
        with pytest.raises(OperationalError), transaction.atomic():
            pass


def is_interrupted_in_commit():
    def interrupt(self):
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(connections["default"]).__mro__[1], "_commit", interrupt)
        with pytest.raises(KeyboardInterrupt), transaction.atomic():
            pass


def fails_to_begin():
    with another_process() as other, pytest.MonkeyPatch.context() as patch:
        patch.setitem(connection.settings_dict["OPTIONS"], "timeout", 0.1)
        connection.close()
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(OperationalError, match="locked"), transaction.atomic():
            pass
    connection.close()


def breaks_a_constraint_at_the_end():
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("INSERT INTO issues_counter (space_id, next) VALUES (1000000, 1)")


@only_sqlite
@transactional
@pytest.mark.parametrize(
    "end",
    [
        commits,
        rolls_back,
        raises,
        raises_inside_a_savepoint,
        closes_in_a_transaction,
        is_interrupted,
        fails_to_commit,
        is_interrupted_in_commit,
        fails_to_begin,
        breaks_a_constraint_at_the_end,
    ],
    ids=lambda end: end.__name__,
)
def test_the_lock_of_the_process_is_given_back(end):
    end()

    assert not lock().locked()
    assert IssueFactory().number == 1
    with another_process() as other:
        other.execute("BEGIN IMMEDIATE")


@only_sqlite
@transactional
def test_the_lock_is_given_back_when_a_thread_ends_without_a_word():
    def begin():
        transaction.set_autocommit(False)
        with transaction.atomic():
            Issue.objects.count()
        connections.close_all()

    thread = threading.Thread(target=begin)
    thread.start()
    thread.join()

    assert not lock().locked()


@only_sqlite
@transactional
def test_reading_waits_for_nobody_and_takes_no_lock(ops, bob, api):
    IssueFactory(space=ops)
    reader = api(bob)
    reader.get("/api/issues/")

    with another_process() as other:
        other.execute("BEGIN IMMEDIATE")
        with CaptureQueriesContext(connection) as queries:
            answers = [
                reader.get(path).status_code
                for path in (
                    "/api/issues/",
                    "/api/issues/OPS-1/",
                    "/api/issues/OPS-1/comments/",
                    "/api/spaces/",
                )
            ]
        free = not lock().locked()
        other.execute("COMMIT")

    assert answers == [200] * 4
    assert free and not any("BEGIN" in query["sql"] for query in queries)


@only_sqlite
@transactional
def test_what_fills_a_database_goes_past_its_log_where_nobody_else_has_it_open():
    # Whoever came before may still be about to close the file.
    for _ in range(100):
        with straight_into_file():
            alone = ask("PRAGMA journal_mode")
        if alone == "truncate":
            break
        gc.collect()
        time.sleep(0.1)
    with another_process() as other:
        other.execute("SELECT count(*) FROM issues_issue")
        with straight_into_file():
            beside = ask("PRAGMA journal_mode")

    assert (alone, beside, ask("PRAGMA journal_mode")) == ("truncate", "wal", "wal")


@only_postgres
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("synchronous_commit", "on"),
        ("fsync", "on"),
        ("full_page_writes", "on"),
        ("transaction_isolation", "read committed"),
    ],
)
def test_postgresql_is_told_to_keep_what_it_says(name, value):
    assert ask(f"SHOW {name}") == value


@only_postgres
@pytest.mark.django_db
@pytest.mark.parametrize("table", ["issues_issue", "issues_issuelabel"])
def test_vacuum_comes_long_before_a_fifth_of_the_rows_is_new(table):
    options = ask(f"SELECT reloptions FROM pg_class WHERE relname = '{table}'")

    assert "autovacuum_vacuum_insert_scale_factor=0" in options


@only_postgres
@transactional
def test_a_quiet_connection_is_taken_for_usable_without_a_statement():
    connection.ensure_connection()
    before = activity()

    assert connection.is_usable()
    assert activity() == before


@only_postgres
@transactional
def test_a_connection_that_the_server_closed_is_not_usable():
    connection.ensure_connection()
    pid = ask("SELECT pg_backend_pid()")
    with another_session() as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])

    assert not connection.is_usable()
    connection.close()
    assert ask("SELECT 1") == 1


def activity():
    """When the server last heard of our connection."""
    pid = connection.connection.info.backend_pid
    with another_session() as other:
        return other.execute("SELECT query_start FROM pg_stat_activity WHERE pid = %s", [pid]).fetchone()


@contextmanager
def another_session():
    import psycopg

    with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": None}) as other:
        yield other


@only_postgres
@transactional
@pytest.mark.parametrize(("module", "timeout"), [("tracker.wsgi", "10s"), ("tracker.urls", "0")])
def test_only_the_web_process_has_statements_ended_that_take_long(module, timeout):
    script = (
        f"import {module}\nfrom django.db import connection\n"
        "print(connection.cursor().execute('SHOW statement_timeout').fetchone()[0])"
    )

    said, complaints = start(script).communicate()

    assert (said.strip(), complaints) == (timeout, "")


@only_postgres
@transactional
@pytest.mark.parametrize("address", ["/api/issues/", "/issues/"])
def test_a_statement_that_is_ended_is_answered_as_a_busy_database(address, bob, monkeypatch):
    client = Client(raise_request_exception=False)
    client.force_login(bob)
    slow = "SET LOCAL statement_timeout = '20ms'; SELECT pg_sleep(5)"
    monkeypatch.setattr("issues.filters.IssueFilter.check", lambda *args: ask(slow))

    response = client.get(address)

    assert response.status_code == 503
    assert "The database is busy" in response.content.decode()


@only_postgres
@pytest.mark.django_db
def test_what_follows_from_a_new_issue_is_sent_to_postgresql_without_waiting_for_each_answer():
    from psycopg.pq import PipelineStatus

    issue = Issue(space=SpaceFactory(), title="Login fails")
    issue.wish("labels", add={"area": "login"})
    waited = []

    def watch(execute, sql, *rest):
        if sql.startswith("INSERT") and connection.connection.pgconn.pipeline_status == PipelineStatus.OFF:
            waited.append(sql.split()[2])
        return execute(sql, *rest)

    with connection.execute_wrapper(watch):
        issue.save()

    assert waited == ['"issues_issue"']


@transactional
def test_what_the_database_refuses_of_what_follows_from_a_new_issue_undoes_it():
    space = SpaceFactory()

    def follow(sender, changes, batch, **kwargs):
        insert_many([Outbox(space=space, issue=changes[0].row, batch=batch, version=1, created_at=None)])

    issue_changed.connect(follow)
    try:
        with pytest.raises(IntegrityError):
            Issue.objects.create(space=space, title="Login fails")
    finally:
        issue_changed.disconnect(follow)

    assert not Issue.objects.exists()
    assert Issue.objects.create(space=space, title="Login fails again").number == 1
