"""Comments through the native API."""

import pytest

from comments.models import Comment
from issues.models import HistoryEntry
from tests.factories import CommentFactory, IssueFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def issue(ops):
    return IssueFactory(space=ops)


def send(client, method, path, body=None):
    return getattr(client, method)(path, body, content_type="application/json")


def comments_of(issue):
    return f"/api/issues/{issue.uuid}/comments/"


def url(comment):
    return f"/api/comments/{comment.uuid}/"


def contents(client, issue, query=""):
    response = client.get(comments_of(issue) + query)
    assert response.status_code == 200, response.content
    return [row["content"] for row in response.json()["results"]]


@pytest.mark.parametrize(
    "content", ["  Why? \r\n\r\n", "\N{OWL} \u202eabc", "\tcode", "a\x7fb", "<script>alert(1)</script>", "0"]
)
def test_a_comment_comes_back_as_it_was_sent(api, bob, issue, content):
    response = send(api(bob), "post", comments_of(issue), {"content": content})

    document = response.json()
    assert response.status_code == 201
    assert response["Location"] == f"/api/comments/{document['id']}/"
    assert api(bob).get(response["Location"]).content == response.content
    assert document["content"] == content
    assert "<script" not in document["content_html"]
    assert document["issue"] == str(issue.uuid)
    assert document["author"] == {
        "id": str(bob.uuid),
        "name": "Bob Colleague",
        "email": "bob@example.com",
        "avatar_url": None,
    }
    assert (document["is_internal"], document["edited_at"]) == (False, None)


def test_a_comment_is_added_to_the_issue_of_a_key_too(api, bob, issue):
    response = send(api(bob), "post", "/api/issues/ops-1/comments/", {"content": "x"})

    assert response.json()["issue"] == str(issue.uuid)


def test_a_comment_moves_its_issue_on_by_one_version(api, bob, issue):
    send(api(bob), "post", comments_of(issue), {"content": "x"})

    document = api(bob).get(f"/api/issues/{issue.uuid}/").json()

    assert (document["version"], document["comment_count"]) == (2, 1)


def test_comments_are_listed_oldest_first_page_by_page(api, bob, issue):
    for n in range(7):
        CommentFactory(issue=issue, author=bob, content=str(n))

    link, pages = f"{comments_of(issue)}?page_size=3", []
    while link:
        page = api(bob).get(link).json()
        pages.append([row["content"] for row in page["results"]])
        last, link = page, page["next"]

    assert pages == [["0", "1", "2"], ["3", "4", "5"], ["6"]]
    before = api(bob).get(last["previous"]).json()
    assert [row["content"] for row in before["results"]] == ["3", "4", "5"]


def test_an_edited_comment_says_so_and_one_put_back_does_not(api, bob, issue):
    comment = CommentFactory(issue=issue, author=bob, content="Before")
    read = api(bob).get(url(comment))

    put_back = send(api(bob), "put", url(comment), read.json())
    entries = HistoryEntry.objects.filter(issue=issue).count()
    edited = send(api(bob), "patch", url(comment), {"content": "After"}).json()

    assert put_back.content == read.content
    assert entries == 2
    assert edited["content"] == "After"
    assert "After" in edited["content_html"]
    assert edited["edited_at"]


def test_a_comment_can_become_internal_and_says_nothing_of_an_edit(api, bob, vera, issue):
    comment = CommentFactory(issue=issue, author=bob)

    document = send(api(bob), "patch", url(comment), {"is_internal": True}).json()

    assert (document["is_internal"], document["edited_at"]) == (True, None)
    assert api(vera).get(url(comment)).status_code == 404


def test_forged_fields_are_ignored(api, bob, alice, issue):
    forged = {
        "content": "x",
        "id": "0190a6c4-7b1e-7c3a-9d52-0123456789ab",
        "issue": "0190a6c4-7b1e-7c3a-9d52-0123456789ab",
        "author": {"id": str(alice.uuid)},
        "created_at": "2001-01-01T00:00:00Z",
        "content_html": "<script>",
    }

    document = send(api(bob), "post", comments_of(issue), forged).json()

    assert document["id"] != forged["id"]
    assert (document["issue"], document["author"]["id"]) == (str(issue.uuid), str(bob.uuid))
    assert document["created_at"] > "2002"
    assert "script" not in document["content_html"]


def test_a_deleted_comment_is_gone_and_no_longer_counts(api, bob, issue):
    comment = CommentFactory(issue=issue, author=bob)

    response = api(bob).delete(url(comment))

    assert (response.status_code, response.content) == (204, b"")
    assert api(bob).get(url(comment)).status_code == 404
    assert api(bob).delete(url(comment)).status_code == 404
    assert send(api(bob), "patch", url(comment), {"content": "x"}).status_code == 404
    assert contents(api(bob), issue) == []
    assert api(bob).get(f"/api/issues/{issue.uuid}/").json()["comment_count"] == 0
    assert Comment.objects.get().deleted_at


def test_internal_comments_are_for_members_alone(api, alice, bob, vera, issue):
    open_one = CommentFactory(issue=issue, author=bob, content="open")
    hidden = CommentFactory(issue=issue, author=bob, content="between us", is_internal=True)

    seen = {
        name: (
            contents(client, issue),
            client.get(url(hidden)).status_code,
            client.get(url(open_one)).status_code,
        )
        for name, client in (
            ("admin", api(alice)),
            ("member", api(bob)),
            ("viewer", api(vera)),
            ("read-only", api(bob, "read")),
        )
    }

    everything, less = (["open", "between us"], 200, 200), (["open"], 404, 200)
    assert seen == {"admin": everything, "member": everything, "viewer": less, "read-only": less}


def test_internal_comments_are_not_counted_for_anybody(api, alice, vera, issue):
    CommentFactory(issue=issue, is_internal=True)
    CommentFactory(issue=issue)

    counts = [
        api(reader).get(f"/api/issues/{issue.uuid}/").json()["comment_count"] for reader in (alice, vera)
    ]

    assert counts == [1, 1]


def test_a_page_after_a_deleted_comment_goes_on(api, bob, issue):
    made = [CommentFactory(issue=issue, author=bob, content=str(n)) for n in range(4)]
    link = api(bob).get(f"{comments_of(issue)}?page_size=2").json()["next"]
    made[1].trash()

    rest = api(bob).get(link).json()["results"]

    assert [row["content"] for row in rest] == ["2", "3"]


def test_an_issue_takes_so_many_comments_and_no_more(api, bob, issue, monkeypatch):
    monkeypatch.setattr("comments.models.COMMENTS", 2)
    for _ in range(2):
        send(api(bob), "post", comments_of(issue), {"content": "x"})

    response = send(api(bob), "post", comments_of(issue), {"content": "x"})

    assert response.status_code == 400
    assert response.json()["errors"][0]["pointer"] == "/content"
    assert Comment.objects.count() == 2
