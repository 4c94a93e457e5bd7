"""Safe writes: `ETag` with `If-Match`, and `Idempotency-Key`."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import OperationalError, connection, transaction
from django.test import Client
from django.utils import timezone

from comments.models import Comment
from issues.models import HistoryEntry, Issue
from tests.factories import CommentFactory, IssueFactory
from tracker.accounts.models import IdempotencyKey

ISSUES = "/api/issues/"


def send(client, method, path, body=None, **headers):
    return getattr(client, method)(path, body, content_type="application/json", headers=headers)


def url(issue):
    return f"{ISSUES}{issue.uuid}/"


def problem(response, status):
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    return response.json()


# If-Match.


@pytest.fixture
def issue(ops):
    """An issue at version 3."""
    issue = IssueFactory(space=ops, title="One")
    for title in ("Two", "Three"):
        issue.title = title
        issue.save()
    return issue


STALE = ['"2"', 'W/"2"', '"1", "2"', '"x"', "3", '"03x"', '""', "", '"999999999999999999999"', '"*"', ","]
FRESH = ['"3"', 'W/"3"', '"2", "3"', ' "1" , W/"3" ', "*", " * "]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("tag", "method"), [*((tag, "patch") for tag in FRESH), ('"3"', "put"), ("*", "put"), ('"3"', "delete")]
)
def test_a_write_goes_through_for_a_version_that_stands(api, bob, issue, tag, method):
    response = send(api(bob), method, url(issue), {"title": "Four"}, **{"If-Match": tag})

    assert response.status_code == (204 if method == "delete" else 200)
    assert Issue.objects.get().version == 4
    if method != "delete":
        assert response["ETag"] == '"4"'


@pytest.mark.django_db
@pytest.mark.parametrize("tag", STALE)
def test_a_write_for_another_version_changes_nothing_and_shows_what_stands(api, bob, issue, tag):
    client = api(bob)
    current = client.get(url(issue)).json()
    entries = HistoryEntry.objects.count()

    responses = [
        send(client, method, url(issue), body, **{"If-Match": tag})
        for method, body in (
            ("patch", {"title": "Four"}),
            ("patch", {"title": "Three"}),
            ("patch", {}),
            ("patch", {"add_labels": {"a": "b"}}),
            ("put", current),
            ("put", current | {"title": "Four"}),
            ("delete", None),
        )
    ]

    for response in responses:
        assert problem(response, 412)["current"] == current
    assert client.get(url(issue)).json() == current
    assert HistoryEntry.objects.count() == entries


@pytest.mark.django_db
def test_every_answer_about_one_issue_has_the_tag_of_its_version(api, bob, issue):
    client = api(bob)

    tags = [
        client.get(url(issue))["ETag"],
        send(client, "patch", url(issue), {})["ETag"],
        send(client, "patch", url(issue), {"title": "Four"})["ETag"],
        send(client, "post", f"{url(issue)}occurrences/")["ETag"],
        client.delete(url(issue)) and send(client, "post", f"{url(issue)}restore/")["ETag"],
    ]

    assert tags == ['"3"', '"3"', '"4"', '"4"', '"6"']


@pytest.mark.django_db
def test_a_version_is_of_no_use_to_a_stranger_or_for_what_is_not_there(api, charlie, vera, bob, issue):
    issue_url = url(issue)

    stranger = send(api(charlie), "patch", issue_url, {"title": "x"}, **{"If-Match": '"2"'})
    viewer = send(api(vera), "patch", issue_url, {"title": "x"}, **{"If-Match": '"2"'})
    api(bob).delete(issue_url)
    gone = send(api(bob), "patch", issue_url, {"title": "x"}, **{"If-Match": '"2"'})

    problem(stranger, 404)
    problem(viewer, 403)
    problem(gone, 404)


@pytest.mark.django_db(transaction=True)
def test_of_two_writers_who_saw_the_same_version_one_is_told(api, bob, alice, issue):
    clients, start = [api(bob), api(alice)], Barrier(2)

    def write(client):
        start.wait()
        try:
            return send(client, "patch", url(issue), {"title": str(id(client))}, **{"If-Match": '"3"'})
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as threads:
        responses = list(threads.map(write, clients))

    assert sorted(response.status_code for response in responses) == [200, 412]
    assert Issue.objects.get().version == 4


# Idempotency-Key.


def retryable(issue, comment):
    return {
        "create": ("post", ISSUES, {"title": "x"}),
        "bulk": ("post", f"{ISSUES}bulk/", {"filter": {}, "set": {"is_read": True}}),
        "sighting": ("post", f"{url(issue)}occurrences/", {"session": "s"}),
        "comment": ("post", f"{url(issue)}comments/", {"content": "x"}),
        "edit": ("patch", url(issue), {"title": "x"}),
        "replace": ("put", url(issue), {"title": "x"}),
        "edit comment": ("patch", f"/api/comments/{comment.uuid}/", {"content": "x"}),
        "delete comment": ("delete", f"/api/comments/{comment.uuid}/", None),
        "delete": ("delete", url(issue), None),
    }


def everything():
    return (
        list(Issue.objects.order_by("pk").values()),
        list(Comment.objects.order_by("pk").values()),
        HistoryEntry.objects.count(),
    )


@pytest.mark.django_db
@pytest.mark.parametrize("name", retryable(Issue(), Comment()))
def test_a_repeated_request_gets_the_first_answer_and_does_nothing(api, bob, issue, name):
    request = retryable(issue, CommentFactory(issue=issue, author=bob))[name]
    key = {"Idempotency-Key": "!~k" * 85}

    first = send(api(bob), *request, **key)
    after = everything()
    second = send(api(bob), *request, **key)

    assert first.status_code < 300, first.content
    assert "Idempotency-Replayed" not in first
    assert second["Idempotency-Replayed"] == "true"
    assert (second.status_code, second.content) == (first.status_code, first.content)
    assert [second.get(h) for h in ("Content-Type", "ETag", "Location")] == [
        first.get(h) for h in ("Content-Type", "ETag", "Location")
    ]
    assert everything() == after


@pytest.mark.django_db
def test_a_key_used_for_another_request_is_refused(api, bob, issue):
    key = {"Idempotency-Key": "k"}
    send(api(bob), "post", ISSUES, {"title": "x"}, **key)
    before = everything()

    others = [
        send(api(bob), "post", ISSUES, {"title": "y"}, **key),
        send(api(bob), "post", f"{url(issue)}comments/", {"title": "x"}, **key),
        send(api(bob), "post", f"{ISSUES}?x=1", {"title": "x"}, **key),
        send(api(bob), "patch", url(issue), {"title": "x"}, **key),
    ]

    for response in others:
        problem(response, 422)
    assert everything() == before


@pytest.mark.django_db
def test_a_refused_request_may_be_sent_again(api, bob, vera, issue):
    key = {"Idempotency-Key": "k"}

    refused = [
        problem(send(api(bob), "post", ISSUES, {"titel": "x"}, **key), 400),
        problem(send(api(bob), "post", f"{ISSUES}nothing/comments/", {"content": "x"}, **key), 404),
        problem(send(api(bob), "patch", url(issue), {"title": "x"}, **key, **{"If-Match": '"1"'}), 412),
        problem(send(api(vera), "post", ISSUES, {"title": "x"}, **key), 403),
    ]
    kept = IdempotencyKey.objects.count()
    taken = send(api(bob), "post", ISSUES, {"title": "x"}, **key)

    assert len(refused) == 4
    assert kept == 0
    assert taken.status_code == 201
    assert "Idempotency-Replayed" not in taken


@pytest.mark.django_db
def test_keys_of_two_people_have_nothing_to_do_with_one_another(api, bob, alice, ops):
    responses = [
        send(api(person), "post", ISSUES, {"title": "x"}, **{"Idempotency-Key": "k"})
        for person in (bob, alice)
    ]

    assert [response.json()["key"] for response in responses] == ["OPS-1", "OPS-2"]
    assert [response.json()["reporter"]["name"] for response in responses] == ["Bob Colleague", "Alice Owner"]


@pytest.mark.django_db
def test_a_key_serves_a_day(api, bob, ops):
    key = {"Idempotency-Key": "k"}
    send(api(bob), "post", ISSUES, {"title": "x"}, **key)
    IdempotencyKey.objects.update(created_at=timezone.now() - timedelta(hours=24, seconds=1))

    response = send(api(bob), "post", ISSUES, {"title": "y"}, **key)

    assert (response.status_code, response.json()["key"]) == (201, "OPS-2")
    assert IdempotencyKey.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "é", "a\tb", "\x7f"])
def test_a_key_that_is_none_is_refused(api, bob, ops, key):
    response = send(api(bob), "post", ISSUES, {"title": "x"}, **{"Idempotency-Key": key})

    problem(response, 400)
    assert not Issue.objects.exists()


@pytest.mark.django_db
def test_a_key_on_a_reading_request_means_nothing(api, bob, issue):
    responses = [api(bob).get(url(issue), headers={"Idempotency-Key": "k"}) for _ in range(2)]

    assert [response.status_code for response in responses] == [200, 200]
    assert not IdempotencyKey.objects.exists()


@pytest.mark.django_db
def test_a_key_lets_nobody_in(client, bob, issue):
    answers = [
        send(client, "post", ISSUES, {"title": "x"}, **{"Idempotency-Key": "k"}),
        send(
            Client(), "post", ISSUES, {"title": "x"}, **{"Idempotency-Key": "k", "Authorization": "Bearer x"}
        ),
    ]

    for response in answers:
        problem(response, 401)
    assert not IdempotencyKey.objects.exists()


@pytest.mark.django_db
def test_a_session_may_use_a_key_and_still_needs_its_csrf_token(bob, ops):
    client = Client(enforce_csrf_checks=True)
    client.force_login(bob)

    response = send(client, "post", ISSUES, {"title": "x", "space": "OPS"}, **{"Idempotency-Key": "k"})

    problem(response, 403)
    assert not IdempotencyKey.objects.exists()


@pytest.mark.django_db
def test_a_database_that_is_busy_is_a_problem_document(api, bob, ops, monkeypatch):
    def busy(*args):
        raise OperationalError("database is locked")

    client = api(bob)
    monkeypatch.setattr("tracker.middleware.IdempotencyMiddleware.answer", busy)

    response = send(client, "post", ISSUES, {"title": "x"}, **{"Idempotency-Key": "k"})

    problem(response, 503)


@pytest.mark.django_db
def test_a_statement_that_is_wrong_is_our_fault(api, bob, ops, monkeypatch):
    def misworded(*args):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT nothing FROM nowhere")

    client = api(bob)
    client.raise_request_exception = False
    monkeypatch.setattr("tracker.middleware.IdempotencyMiddleware.answer", misworded)

    response = send(client, "post", ISSUES, {"title": "x"}, **{"Idempotency-Key": "k"})

    problem(response, 500)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("fingerprint", [None, "abc"])
def test_two_requests_at_once_with_one_key_make_one_issue(api, bob, ops, fingerprint):
    client, start = api(bob), Barrier(4)
    body = {"title": "x", "fingerprint": fingerprint}

    def create(_):
        start.wait()
        try:
            return send(client, "post", ISSUES, body, **{"Idempotency-Key": "k"})
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        responses = list(threads.map(create, range(4)))

    assert [response.status_code for response in responses] == [201] * 4
    assert len({response.content for response in responses}) == 1
    assert sorted(response.get("Idempotency-Replayed", "") for response in responses) == ["", *["true"] * 3]
    assert Issue.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_sightings_of_a_new_fingerprint_at_once_make_one_issue(api, bob, ops):
    client, start = api(bob), Barrier(4)

    def create(_):
        start.wait()
        try:
            return send(client, "post", ISSUES, {"title": "x", "fingerprint": "abc"})
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        responses = list(threads.map(create, range(4)))

    assert sorted(response.status_code for response in responses) == [200, 200, 200, 201]
    assert Issue.objects.get().seen_count == 4
