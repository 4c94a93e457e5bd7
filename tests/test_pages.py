"""The pages, used as a browser without JavaScript uses them: forms are read from a page, changed and sent."""

import re
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from comments.models import Comment
from issues.actor import Actor, acting_as
from issues.forms import label_line
from issues.models import HistoryEntry, Issue, Level
from tests.factories import (
    ChannelFactory,
    CommentFactory,
    IssueFactory,
    LevelFactory,
    MembershipFactory,
    SpaceFactory,
    TeamFactory,
    UserFactory,
)
from tracker.errors import error_response

pytestmark = pytest.mark.django_db
LINE_END = re.compile("\r\n?")
ESCAPED = "multipart/form-data; boundary=b; charset=unicode_escape"
FORBIDDEN = re.compile(r"\sstyle=|<style|<script|\son[a-z]+=|javascript:|\|safe\b|https?://(?!www\.w3\.org)")


class Forms(HTMLParser):
    """The forms of a page as a browser would send them: {path of the action: {name: value}}."""

    def __init__(self, response):
        super().__init__()
        self.here = response.request["PATH_INFO"]
        self.found, self.form, self.area, self.select = {}, {}, None, None
        self.feed(LINE_END.sub("\n", response.content.decode()))

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        name, value = attributes.get("name"), attributes.get("value", "")
        if tag == "form":
            self.form = self.found.setdefault(attributes.get("action") or self.here, {})
        elif tag == "textarea":
            self.area, self.form[name] = name, ""
        elif tag == "select":
            self.select = name
        elif tag == "option" and ("selected" in attributes or self.select not in self.form):
            self.form[self.select] = value
        elif tag == "input" and name and (attributes.get("type") != "checkbox" or "checked" in attributes):
            self.form[name] = value or "on" if attributes.get("type") == "checkbox" else value

    def handle_data(self, data):
        if self.area:
            self.form[self.area] += data

    def handle_endtag(self, tag):
        if tag == "textarea":
            # The parser of HTML drops a first line end, and a form is sent with CR LF.
            text = self.form[self.area].removeprefix("\n")
            self.form[self.area], self.area = LINE_END.sub("\n", text).replace("\n", "\r\n"), None


def form_of(response, action=None):
    return Forms(response).found[action or response.request["PATH_INFO"]]


def url(name, row):
    return reverse(name, args=[getattr(row, "key", None) or row.uuid])


def text_of(response):
    """What the page says, without its tags and with single spaces."""
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def issue_with(space, labels=(), teams=(), channels=(), **fields):
    """An issue with members of its sets."""
    issue = IssueFactory.build(space=space, **fields)
    issue.labels, issue.teams, issue.channels = labels, teams, channels
    issue.save()
    return issue


def escaped(fields):
    """The body of a form of type ESCAPED, in which a lone surrogate can be written."""
    head = '--b\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
    return "".join(head.format(*field) for field in fields.items()) + "--b--\r\n"


def act(user, source="web"):
    return acting_as(lambda: Actor(user=user, source=source))


def actions(issue):
    return list(
        HistoryEntry.objects.filter(issue=issue).order_by("position").values_list("action", flat=True)
    )


@pytest.fixture
def as_bob(client, bob):
    client.force_login(bob)
    return client


@pytest.fixture
def as_vera(client, vera):
    client.force_login(vera)
    return client


# Signing in


def test_person_signs_in_and_is_taken_to_the_page_they_wanted(client, alice):
    alice.set_password("correct horse")
    alice.save()
    page = client.get(reverse("issue-create"), follow=True)

    form = form_of(page, reverse("login")) | {"username": "ALICE@example.com", "password": "correct horse"}
    response = client.post(reverse("login"), form)

    assert response.url == reverse("issue-create")


def test_unknown_person_and_wrong_password_read_the_same(client, alice):
    unknown = client.post(reverse("login"), {"username": "nobody@example.com", "password": "x"})

    wrong = client.post(reverse("login"), {"username": "alice@example.com", "password": "x"})

    assert unknown.status_code == wrong.status_code == 422
    assert text_of(unknown) == text_of(wrong)
    assert "do not belong together" in text_of(wrong)


def test_sign_in_leads_nowhere_else(client, alice):
    alice.set_password("correct horse")
    alice.save()

    form = {"username": "alice@example.com", "password": "correct horse", "next": "https://evil.example/"}
    response = client.post(reverse("login"), form)

    assert response.url == reverse("home")


def test_eleventh_attempt_in_a_minute_is_told_to_wait(client, alice):
    cache.clear()
    attempt = {"username": "alice@example.com", "password": "guess"}

    statuses = [client.post(reverse("login"), attempt).status_code for _ in range(10)]
    response = client.post(reverse("login"), attempt)

    assert statuses == [422] * 10
    assert response.status_code == 429
    assert 0 < int(response["Retry-After"]) <= 60
    assert "Too many attempts" in text_of(response)
    cache.clear()


@pytest.mark.parametrize("name", ["a\x00b", "\\ud800"])
def test_name_that_no_database_takes_is_just_wrong(client, db, name):
    response = client.generic(
        "POST", reverse("login"), escaped({"username": name, "password": name}), ESCAPED
    )

    assert response.status_code == 422


def test_signing_out_is_a_post_and_ends_the_session(as_bob):
    page = as_bob.get(reverse("issue-list"))

    by_link = as_bob.get(reverse("logout"))
    as_bob.post(reverse("logout"), form_of(page, reverse("logout")))

    assert by_link.status_code == 405
    assert as_bob.get(reverse("issue-list")).status_code == 302


def test_root_leads_to_what_waits(client):
    response = client.get("/")

    assert response.url == reverse("triage")


@pytest.mark.parametrize("name", ["issue-detail", "issue-edit"])
def test_nobody_reads_without_signing_in(client, ops, name):
    issue = IssueFactory(space=ops)

    response = client.get(url(name, issue))

    assert response.status_code == 302
    assert urlsplit(response.url).path == reverse("login")


# The list


def test_list_shows_what_a_person_may_see(as_bob, ops, charlie):
    level = Level.objects.get(key="P1")
    issue = issue_with(
        ops, title="Nulls in <customer>", level=level, labels={"team": "payments", "flaky": ""}
    )
    issue.count_sighting()
    CommentFactory(issue=issue)
    IssueFactory(title="Secret of another space")

    response = as_bob.get(reverse("issue-list"))

    page = text_of(response)
    assert response.status_code == 200
    assert "Nulls in &lt;customer&gt;" in page and "OPS-1" in page and "P1" in page
    assert "team: payments" in page and "flaky" in page and "\u00d72" in page and "1 comment" in page
    assert "Secret" not in page


@pytest.mark.parametrize("count", [1, 30])
def test_list_costs_twelve_queries(as_bob, ops, count, django_assert_max_num_queries):
    for number in range(count):
        issue_with(ops, labels={f"k{number}": "v"}, assignee=UserFactory(member_of=ops))

    with django_assert_max_num_queries(12):
        response = as_bob.get(reverse("issue-list"))

    assert response.status_code == 200


def test_list_of_several_spaces_costs_no_more(as_bob, ops, bob, django_assert_max_num_queries):
    MembershipFactory(user=bob, space__key="DATA")
    IssueFactory(space=ops)

    with django_assert_max_num_queries(12):
        response = as_bob.get(reverse("issue-list"))

    assert response.status_code == 200


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("status=open", ["Open one", "Mine"]),
        ("status=open,acknowledged,in_progress,pending", ["Open one", "Mine"]),
        ("status=resolved", ["Done one"]),
        ("assignee=me", ["Mine"]),
        ("assignee=none", ["Open one", "Done one"]),
        ("level=P0", ["Done one"]),
        ("level=none", ["Open one", "Mine"]),
        ("label=team", ["Open one"]),
        ("label=team:payments", ["Open one"]),
        ("label=team:other", []),
        ("q=done", ["Done one"]),
        ("q=&status=&level=&assignee=me&space=&label=&sort=", ["Mine"]),
        ("space=OPS&sort=number", ["Open one", "Done one", "Mine"]),
    ],
)
def test_list_is_narrowed_by_its_filters(as_bob, ops, bob, query, expected):
    issue_with(ops, title="Open one", labels={"team": "payments"})
    IssueFactory(space=ops, title="Done one", status="resolved", level=Level.objects.get(key="P0"))
    IssueFactory(space=ops, title="Mine", assignee=bob)

    response = as_bob.get(f"{reverse('issue-list')}?{query}")

    shown = {issue["title"] for issue in response.context["issues"]}
    assert shown == set(expected)


def test_filters_keep_what_was_asked_for(as_bob, ops, bob):
    query = f"?q=a+b&status=acknowledged,pending&assignee={bob.uuid}&label=team&sort=-updated"

    response = as_bob.get(reverse("issue-list") + query)

    form = form_of(response, reverse("issue-list"))
    assert form["q"] == "a b" and form["status"] == "acknowledged,pending"
    assert form["assignee"] == str(bob.uuid) and form["label"] == "team" and form["sort"] == "-updated"
    assert [chip.text for chip in response.context["chips"]] == [
        "a",
        "b",
        "status: acknowledged,pending",
        "assignee: Bob Colleague",
        "label: team",
    ]


@pytest.mark.parametrize(
    "query",
    [
        "level=nope",
        "assignee=nobody@example.com",
        "status=maybe",
        "space=DATA",
        "sort=title",
        "cursor=nonsense",
        "cursor=WzAsInoiXQ",
        "frobnicate=1",
    ],
)
def test_bad_parameter_is_explained_on_the_page(as_bob, ops, charlie, query):
    IssueFactory(space=ops)

    response = as_bob.get(f"{reverse('issue-list')}?{query}")

    assert response.status_code == 400
    assert "Show all issues" in text_of(response)
    assert response.context["problem"]


def test_a_query_that_is_too_long_is_explained_on_the_page(as_bob, ops):
    response = as_bob.get(reverse("issue-list"), {"q": "x" * 2_001})

    assert response.status_code == 400
    assert "At most 2,000 characters." in text_of(response)


@pytest.mark.parametrize("sort", ["-number", "number", "-created", "-updated", "level"])
def test_list_is_paged_both_ways(as_bob, ops, monkeypatch, sort):
    monkeypatch.setattr("issues.list_rows.PAGE_SIZE", 3)
    levels = list(Level.objects.order_by("rank"))
    for number in range(8):
        IssueFactory(space=ops, title=f"Number {number}", level=levels[number % 4])
    whole = [row["title"] for row in walk(as_bob, f"?status=open&sort={sort}", "next")]

    last = as_bob.get(reverse("issue-list") + whole_pages(as_bob, f"?status=open&sort={sort}")[-1])
    back = walk(as_bob, last.context["previous"], "previous")

    assert len(whole) == len(set(whole)) == 8
    assert {row["title"] for row in back} == set(whole[:6])


def whole_pages(client, query):
    """The queries of all pages from this one on."""
    queries = [query]
    while following := client.get(reverse("issue-list") + queries[-1]).context["next"]:
        queries.append(following)
    return queries


def walk(client, query, direction):
    rows = []
    while query:
        context = client.get(reverse("issue-list") + query).context
        rows += context["issues"]
        query = context[direction]
    return rows


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("/triage/", "Triage 0"),
        ("/issues/", "All issues"),
        ("/issues/?q=is:open+assignee:me&sort=level", "My work"),
        ("/issues/?q=is:open", "Open issues"),
        ("/levels/", "Levels"),
    ],
)
def test_menu_says_where_one_is(as_bob, ops, address, name):
    page = as_bob.get(address).content.decode()

    (current,) = re.findall(r'<a [^>]*aria-current="page">(.*?)</a>', page)
    assert re.sub(r"<[^>]+>", "", current) == name


def test_empty_lists_say_why(as_bob, ops):
    nothing = text_of(as_bob.get(reverse("issue-list")))

    no_match = text_of(as_bob.get(f"{reverse('issue-list')}?q=zzz"))

    assert "No issues yet" in nothing and "Open the first one" in nothing
    assert "No issue matches" in no_match


def test_person_without_a_space_is_told_whom_to_ask(client):
    client.force_login(UserFactory())

    response = client.get(reverse("issue-list"))

    assert "Ask an administrator" in text_of(response)


def test_viewer_is_not_offered_a_new_issue(as_vera):
    response = as_vera.get(reverse("issue-list"))

    assert reverse("issue-create") not in response.content.decode()


def test_turning_characters_in_a_title_are_shown(as_bob, ops):
    IssueFactory(space=ops, title="gnp\u202e.exe")

    response = as_bob.get(reverse("issue-list"))

    assert "[U+202E]" in text_of(response) and "\u202e" not in response.content.decode()


# A new issue


def test_new_issue_is_written_as_typed(as_bob, ops, bob):
    level = Level.objects.get(key="P1")
    form = form_of(as_bob.get(reverse("issue-create")))

    response = as_bob.post(
        reverse("issue-create"),
        form
        | {
            "title": " Nulls ",
            "description": "\r\none\r\ntwo  \r\n",
            "level": level.uuid,
            "assignee": bob.uuid,
            "labels": 'team: payments, flaky, "note: a, b"',
        },
    )

    issue = Issue.objects.get()
    assert response.url == url("issue-detail", issue)
    assert (issue.title, issue.description) == (" Nulls ", "\none\ntwo  \n")
    assert (issue.space, issue.status, issue.level, issue.assignee) == (ops, "open", level, bob)
    assert issue.labels == {"team": "payments", "flaky": "", "note": "a, b"}


def test_history_says_who_wrote_through_the_page(as_bob, bob):
    form = form_of(as_bob.get(reverse("issue-create")))

    as_bob.post(reverse("issue-create"), form | {"title": "Nulls"})

    entry = HistoryEntry.objects.get(issue__isnull=False)
    assert (entry.action, entry.actor, entry.source) == ("created", bob, "web")


def test_title_left_empty_comes_from_the_description(as_bob, ops):
    form = form_of(as_bob.get(reverse("issue-create")))

    as_bob.post(reverse("issue-create"), form | {"description": "First line\r\nsecond"})

    assert Issue.objects.get().title == "First line"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": " \t"}, "title"),
        ({"title": "x" * 600}, "title"),
        ({"title": "two\r\nlines"}, "title"),
        ({"title": "a\x00b"}, "title"),
        ({"title": "x", "description": "a\x00b"}, "description"),
        ({"title": "x", "description": "x" * 65_536}, "description"),
        ({"title": "x", "space": "NOPE"}, "space"),
        ({"title": "x", "level": "P1"}, "level"),
        ({"title": "x", "level": "a\x00"}, "level"),
        ({"title": "x", "assignee": "00000000-0000-7000-8000-000000000000"}, "assignee"),
        ({"title": "x", "labels": ", ".join(f"k{n}" for n in range(51))}, "labels"),
        ({"title": "x", "labels": "k" * 65}, "labels"),
        ({"title": "x", "labels": ": value"}, "labels"),
        ({"title": "x", "labels": "k" * 20_000}, "labels"),
    ],
)
def test_bad_input_is_a_form_error_with_the_input_kept(as_bob, ops, changes, field):
    form = form_of(as_bob.get(reverse("issue-create"))) | {"description": ""}

    response = as_bob.post(reverse("issue-create"), form | changes)

    assert response.status_code == 422
    assert field in response.context["form"].errors
    assert "not saved" in text_of(response)
    assert 'aria-invalid="true"' in response.content.decode()
    if field in ("title", "description", "labels"):
        typed = changes[field].replace("\x00", "\ufffd")
        assert form_of(response)[field] in (typed, LINE_END.sub("\n", typed))
    assert not Issue.objects.exists()


def test_lone_surrogate_is_a_form_error(as_bob, ops):
    as_bob.get(reverse("issue-create"))
    fields = {"space": "OPS", "title": r"a\ud800b", "level": r"\udfff"}
    parts = "".join(
        f'--b\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in fields.items()
    )
    type_ = "multipart/form-data; boundary=b; charset=unicode_escape"

    response = as_bob.generic("POST", reverse("issue-create"), parts + "--b--\r\n", type_)

    assert response.status_code == 422
    assert form_of(response)["title"] == "a\ufffdb"


def test_level_and_assignee_have_to_be_of_the_space(as_bob, ops, bob):
    other = MembershipFactory(user=bob, space__key="DATA").space
    level, person = LevelFactory(space=other), UserFactory(member_of=other)
    form = form_of(as_bob.get(f"{reverse('issue-create')}?space=OPS"))

    response = as_bob.post(
        reverse("issue-create"), form | {"title": "x", "level": level.uuid, "assignee": person.uuid}
    )

    assert form["space"] == "OPS"
    assert response.status_code == 422
    assert set(response.context["form"].errors) == {"level", "assignee"}


def test_foreign_level_and_person_are_no_choices(as_bob, ops, charlie):
    level = LevelFactory(space=SpaceFactory())
    form = form_of(as_bob.get(reverse("issue-create"))) | {"title": "x"}

    response = as_bob.post(reverse("issue-create"), form | {"level": level.uuid, "assignee": charlie.uuid})

    assert set(response.context["form"].errors) == {"level", "assignee"}


def test_retired_level_and_deactivated_person_are_no_choices(as_bob, ops):
    LevelFactory(space=ops, name="Retired one", is_active=False)
    UserFactory(member_of=ops, name="Gone Person", is_active=False)

    response = as_bob.get(reverse("issue-create"))

    assert "Retired one" not in text_of(response) and "Gone Person" not in text_of(response)


def test_viewer_may_not_write_an_issue(as_vera):
    page = as_vera.get(reverse("issue-create"))

    response = as_vera.post(reverse("issue-create"), {"space": "OPS", "title": "x"})

    assert page.status_code == response.status_code == 403
    assert not Issue.objects.exists()


def test_writer_of_one_space_cannot_write_into_another_that_they_view(as_bob, ops, bob):
    MembershipFactory(user=bob, space__key="DATA", role="viewer")
    form = form_of(as_bob.get(reverse("issue-create"))) | {"title": "x"}

    response = as_bob.post(reverse("issue-create"), form | {"space": "DATA"})

    assert response.status_code == 422
    assert not Issue.objects.exists()


# The issue page


def test_issue_page_shows_the_issue(as_bob, ops, alice, bob):
    people = {"assignee": bob, "reporter": alice}
    source = {"resource_type": "table", "resource_name": "customers"}
    sets = {
        "labels": {"team": "payments"},
        "channels": [ChannelFactory(space=ops, name="Data quality")],
        "teams": [TeamFactory(space=ops, name="Night shift")],
    }
    level = Level.objects.get(key="P1")
    issue = issue_with(
        ops, title="Nulls", description="**15 %** more", level=level, **people, **source, **sets
    )
    issue.count_sighting()

    response = as_bob.get(url("issue-detail", issue))

    page = text_of(response)
    assert "<strong>15 %</strong>" in response.content.decode()
    for words in ("Nulls", "OPS-1", "P1", "Alice Owner", "team: payments", "table customers", "2 times"):
        assert words in page
    assert "All, Data quality" in page and "Night shift" in page


def test_issue_is_found_in_any_case_and_by_its_uuid(as_bob, ops):
    issue = IssueFactory(space=ops)

    statuses = [as_bob.get(reverse("issue-detail", args=[r])).status_code for r in ("ops-1", str(issue.uuid))]

    assert statuses == [200, 200]


@pytest.mark.parametrize("reference", ["OPS-999", "nonsense", "OPS-1-2", "OPS-99999999999999999999"])
def test_what_is_not_there_is_404(as_bob, ops, reference):
    response = as_bob.get(reverse("issue-detail", args=[reference]))

    assert response.status_code == 404
    assert "<h1>" in response.content.decode()


def test_stranger_learns_of_nothing(client, ops, charlie, bob):
    comment = CommentFactory(issue=IssueFactory(space=ops), author=bob)
    client.force_login(charlie)

    pages = [client.get(url(name, comment.issue)) for name in ("issue-detail", "issue-edit")]
    changes = [
        client.post(url(name, comment.issue))
        for name in ("issue-edit", "issue-update", "issue-delete", "issue-restore", "comment-create")
    ]
    comments = [client.get(url("comment-edit", comment))]
    comments += [client.post(url(name, comment)) for name in ("comment-edit", "comment-delete")]

    assert {response.status_code for response in pages + changes + comments} == {404}


def test_viewer_reads_and_is_offered_no_change(as_vera, ops, bob):
    issue = IssueFactory(space=ops, title="Nulls", assignee=bob)
    CommentFactory(issue=issue, content="Seen it")

    response = as_vera.get(url("issue-detail", issue))

    page = text_of(response)
    assert "Nulls" in page and "Seen it" in page and "Bob Colleague" in page
    assert set(Forms(response).found) == {reverse("issue-list"), reverse("logout")}
    assert url("issue-edit", issue) not in response.content.decode()


def test_viewer_may_change_nothing(as_vera, ops, vera):
    issue = IssueFactory(space=ops)
    comment = CommentFactory(issue=issue, author=vera)

    responses = [as_vera.get(url("issue-edit", issue))]
    responses += [
        as_vera.post(url(name, issue), {"title": "x", "status": "closed", "content": "x"})
        for name in ("issue-edit", "issue-update", "issue-delete", "comment-create")
    ]
    responses += [
        as_vera.post(url(name, comment), {"content": "x"}) for name in ("comment-edit", "comment-delete")
    ]

    assert {response.status_code for response in responses} == {403}
    assert actions(issue) == ["created", "comment_added"]


@pytest.mark.parametrize("name", ["issue-update", "issue-delete", "issue-restore", "comment-create"])
def test_changes_are_posts(as_bob, ops, name):
    issue = IssueFactory(space=ops)

    response = as_bob.get(url(name, issue))

    assert response.status_code == 405
    assert "<h1>" in response.content.decode() and response["Allow"] == "POST"
    assert actions(issue) == ["created"]


def test_changes_need_the_token_of_the_form(bob, ops):
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(bob)
    issue = IssueFactory(space=ops)

    response = client.post(url("issue-delete", issue))

    assert response.status_code == 403
    assert "load the page again" in text_of(response)


@pytest.mark.parametrize("count", [1, 30])
def test_issue_page_costs_the_same_however_much_happened(as_bob, ops, bob, count, django_assert_num_queries):
    issue = issue_with(ops, labels={"a": "b"}, level=Level.objects.get(key="P1"), assignee=bob, reporter=bob)
    for number in range(count):
        CommentFactory(issue=issue)
        with act(UserFactory(member_of=ops)):
            issue.title = f"Title {number}"
            issue.assignee = UserFactory(member_of=ops)
            issue.save()

    with django_assert_num_queries(12):
        response = as_bob.get(url("issue-detail", issue))

    assert response.status_code == 200


# The timeline


def test_timeline_interleaves_comments_and_changes(as_bob, ops, alice, bob):
    with act(alice, "api"):
        issue = IssueFactory(space=ops, title="Old title")
    CommentFactory(issue=issue, author=bob, content="First remark")
    with act(alice):
        issue.title, issue.status, issue.level = "New title", "in_progress", Level.objects.get(key="P0")
        issue.save()
    CommentFactory(issue=issue, author=bob, content="Second remark")

    page = text_of(as_bob.get(url("issue-detail", issue)))

    timeline = page[page.index("Timeline") :]
    words = [
        "Alice Owner opened this issue", "via API", "First remark", "changed the title Old title → New title",
        "set Status Open → In progress", "set Level none → P0", "Second remark",
    ]  # fmt: skip
    places = [timeline.index(text) for text in words]
    assert places == sorted(places)
    assert timeline.count("Alice Owner") == 2


def test_what_one_save_did_stands_on_one_line(as_bob, ops, alice):
    issue = issue_with(ops, labels={"old": ""})
    with act(alice):
        issue.status, issue.labels = "closed", {"new": ""}
        issue.save()

    response = as_bob.get(url("issue-detail", issue))

    changes = re.findall(r'<li class="change">(.*?)</li>', response.content.decode(), re.S)
    assert len(changes) == 2
    for words in ("Closed", "added the label", "removed the label"):
        assert words in changes[1]


def test_edited_description_shows_what_came_and_went(as_bob, ops, alice):
    issue = IssueFactory(space=ops, description="The <old> text")
    with act(alice):
        issue.description = "The new text"
        issue.save()

    html = as_bob.get(url("issue-detail", issue)).content.decode()

    assert "edited the description" in html
    details = re.search(r"<details class=\"texts\">.*?</details>", html, re.S)[0]
    assert "The <del>&lt;old&gt;</del><ins>new</ins> text" in details


def test_regression_is_told(as_bob, ops):
    issue = IssueFactory(space=ops, status="resolved")
    issue.count_sighting()

    page = text_of(as_bob.get(url("issue-detail", issue)))

    assert "saw this again and set Status Resolved → Open" in page


def test_internal_comment_is_for_members(client, ops, bob, vera, alice):
    issue = IssueFactory(space=ops)
    comment = CommentFactory(issue=issue, content="Between us", is_internal=True)
    comment.content = "Between us all"
    comment.save()

    pages = {}
    for user in (bob, vera):
        client.force_login(user)
        pages[user] = text_of(client.get(url("issue-detail", issue)))

    assert "Between us all" in pages[bob] and "Internal" in pages[bob] and "edited a comment" in pages[bob]
    assert "Between us" not in pages[vera] and "edited a comment" not in pages[vera]


def test_anonymous_reporter_is_named_nowhere(client, ops, alice, bob):
    client.force_login(bob)
    form = form_of(client.get(reverse("issue-create"))) | {"title": "Whistle", "is_anonymous": "on"}
    client.post(reverse("issue-create"), form)
    issue = Issue.objects.get()
    page = client.get(url("issue-detail", issue))
    client.post(url("comment-create", issue), {"content": "More of it"})
    client.post(url("issue-update", issue), form_of(page, url("issue-update", issue)) | {"status": "pending"})
    client.force_login(alice)

    response = client.get(url("issue-detail", issue))

    html = response.content.decode()
    without_choices = re.sub(r"<option.*?</option>", "", html, flags=re.S)
    assert "Bob Colleague" not in without_choices
    assert "Anonymous" in text_of(response) and "More of it" in text_of(response)
    assert "set Status Open → Pending" in text_of(response)


def test_own_comment_under_an_anonymous_issue_can_be_edited(as_bob, ops, bob):
    issue = IssueFactory(space=ops, reporter=bob, is_anonymous=True)
    comment = CommentFactory(issue=issue, author=bob)

    html = as_bob.get(url("issue-detail", issue)).content.decode()

    assert url("comment-edit", comment) in html


def test_long_timeline_shows_its_ends_until_all_is_asked_for(as_bob, ops, monkeypatch, alice):
    monkeypatch.setattr("comments.templatetags.comments.MOST", 20)
    monkeypatch.setattr("comments.templatetags.comments.FIRST", 3)
    monkeypatch.setattr("comments.templatetags.comments.LAST", 4)
    issue = IssueFactory(space=ops)
    for number in range(24):
        CommentFactory(issue=issue, content=f"Remark {number}.")

    ends = text_of(as_bob.get(url("issue-detail", issue)))
    whole = text_of(as_bob.get(url("issue-detail", issue) + "?timeline=all"))

    assert [n for n in range(24) if f"Remark {n}." in ends] == [0, 1, 20, 21, 22, 23]
    assert "Show 18 more" in ends
    assert [n for n in range(24) if f"Remark {n}." in whole] == list(range(24))


def test_old_times_are_told_exactly_in_the_readers_zone(as_bob, ops, bob):
    bob.time_zone = "Asia/Kolkata"
    bob.save()
    at = timezone.now() - timedelta(hours=3)
    with acting_as(lambda: Actor(at=at)):
        issue = IssueFactory(space=ops)

    html = as_bob.get(url("issue-detail", issue)).content.decode()

    assert ">3 h ago</time>" in html
    assert f"{at:%Y-%m-%d %H:%M:%S} UTC" in html and " IST ·" in html


# Small changes


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [("status", "resolved", "Resolved"), ("level", "P0", "P0"), ("assignee", "alice", "Alice Owner")],
)
def test_small_form_saves_its_field_alone(as_bob, ops, alice, bob, field, value, words):
    issue = issue_with(ops, labels={"keep": "me"})
    value = {"P0": Level.objects.get(key="P0").uuid, "alice": alice.uuid}.get(value, value)

    response = as_bob.post(url("issue-update", issue), {"version": 1, field: value})

    assert response.url == url("issue-detail", issue)
    entries = HistoryEntry.objects.filter(issue=issue, version=2, field=field)
    assert [(entry.new_display, entry.actor, entry.source) for entry in entries] == [(words, bob, "web")]
    assert Issue.objects.get().labels == {"keep": "me"}


def test_level_and_assignee_can_be_taken_away(as_bob, ops, bob):
    issue = IssueFactory(space=ops, level=Level.objects.get(key="P0"), assignee=bob)

    as_bob.post(url("issue-update", issue), {"level": "", "assignee": ""})

    issue = Issue.objects.get()
    assert (issue.level, issue.assignee) == (None, None)


def test_retired_level_stays_until_another_is_chosen(as_bob, ops):
    level = LevelFactory(space=ops)
    issue = IssueFactory(space=ops, level=level, assignee=UserFactory(name="Gone Person", is_active=False))
    level.is_active = False
    level.save()

    page = as_bob.get(url("issue-detail", issue))
    form = form_of(page, url("issue-update", issue))
    response = as_bob.post(url("issue-update", issue), form)

    assert (form["level"], form["assignee"]) == (str(level.uuid), str(issue.assignee.uuid))
    assert response.status_code == 302
    assert actions(issue) == ["created"]


@pytest.mark.parametrize(
    "labels",
    [
        {"team": "payments", "flaky": ""},
        {"a,b": "c, d", 'quo"te': '"', "co:lon": "x: y", " edge ": " space ", "lines": "one\r\ntwo\nthree"},
        {"x: y": "", "é": "ü", "two  spaces": "in  side"},
    ],
)
def test_labels_survive_being_sent_back(as_bob, ops, labels):
    issue = issue_with(ops, labels=labels)
    form = form_of(as_bob.get(url("issue-detail", issue)), url("issue-update", issue))

    as_bob.post(url("issue-update", issue), form)

    assert Issue.objects.get().labels == labels
    assert actions(issue) == ["created"]


def test_label_is_added_changed_and_removed_by_typing(as_bob, ops):
    issue = issue_with(ops, labels={"team": "payments", "flaky": "", "note": "a, b"})

    as_bob.post(url("issue-update", issue), {"version": 1, "labels": 'team: search, new, "note: a, b"'})

    assert Issue.objects.get().labels == {"team": "search", "note": "a, b", "new": ""}


@pytest.mark.parametrize(
    "data",
    [
        {"status": "nonsense"},
        {"level": "P0"},
        {"assignee": "alice"},
        {"labels": "k" * 65},
        {"status": "a\x00"},
    ],
)
def test_wrong_choice_shows_the_issue_again(as_bob, ops, data):
    issue = IssueFactory(space=ops)

    response = as_bob.post(url("issue-update", issue), {"version": 1} | data)

    assert response.status_code == 422
    assert "not saved" in text_of(response)
    assert actions(issue) == ["created"]


@pytest.mark.parametrize("version", ["-1", "x", "9" * 30, "1\x00"])
def test_nonsense_for_a_version_is_a_form_error(as_bob, ops, version):
    issue = IssueFactory(space=ops)

    response = as_bob.post(url("issue-update", issue), {"version": version, "status": "closed"})

    assert response.status_code == 422


# Editing texts

TEXTS = [
    "one\ntwo\n", "one\r\ntwo\r\n", "one\r\ntwo\nthree\r", "lone\rCR", "\nleading", "\r\n\r\nleading two",
    "trailing  \nspaces \t ", "", "no end", "\n", "&amp; <b> &#13; \u2028 \x85", " ",
]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_saving_an_issue_without_typing_changes_nothing(as_bob, ops, text):
    issue = IssueFactory(space=ops, title=" Kept  as it is ", description=text)
    form = form_of(as_bob.get(url("issue-edit", issue)))

    response = as_bob.post(url("issue-edit", issue), form)

    stored = Issue.objects.get()
    assert response.url == url("issue-detail", issue)
    assert (stored.description, stored.title, stored.version) == (text, " Kept  as it is ", 1)
    assert actions(issue) == ["created"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one\ntwo", "one\ntwo\nmore"),
        ("one\r\ntwo", "one\r\ntwo\r\nmore"),
        ("one", "one\nmore"),
        ("", "\nmore"),
    ],
)
def test_edited_text_keeps_the_line_ends_that_it_had(as_bob, ops, text, expected):
    issue = IssueFactory(space=ops, title="x", description=text)
    form = form_of(as_bob.get(url("issue-edit", issue)))

    as_bob.post(url("issue-edit", issue), form | {"description": form["description"] + "\r\nmore"})

    assert Issue.objects.get().description == expected
    assert actions(issue) == ["created", "description_changed"]


def test_text_of_full_length_fits_though_browsers_count_line_ends_twice(as_bob, ops):
    issue = IssueFactory(space=ops, title="x", description="a\n" * 32_767)
    form = form_of(as_bob.get(url("issue-edit", issue)))

    response = as_bob.post(url("issue-edit", issue), form | {"description": "b" + form["description"]})

    assert response.status_code == 302
    assert Issue.objects.get().description == "b" + "a\n" * 32_767


def test_refusal_of_the_model_is_a_form_error(as_bob, ops):
    issue = IssueFactory(space=ops, title="x", description="a\r\n" * 20_000)
    form = form_of(as_bob.get(url("issue-edit", issue)))

    response = as_bob.post(url("issue-edit", issue), form | {"description": "a\r\n" * 25_000})

    assert response.status_code == 422
    assert "description" in response.context["form"].errors


@pytest.mark.parametrize("title", ["", "x" * 501, "two\nlines", "nul\x00"])
def test_bad_title_keeps_what_was_typed(as_bob, ops, title):
    issue = IssueFactory(space=ops, description="")
    form = form_of(as_bob.get(url("issue-edit", issue))) | {"title": title}

    response = as_bob.post(url("issue-edit", issue), form)

    assert response.status_code == 422
    assert "title" in response.context["form"].errors
    assert actions(issue) == ["created"]


# Two people at once


def test_change_of_the_same_field_is_a_conflict_until_it_is_sent_again(as_bob, ops, alice):
    issue = IssueFactory(space=ops, level=Level.objects.get(key="P2"))
    form = form_of(as_bob.get(url("issue-detail", issue)), url("issue-update", issue))
    mine = {"version": form["version"], "level": Level.objects.get(key="P3").uuid}
    with act(alice):
        issue.level = Level.objects.get(key="P1")
        issue.save()

    conflict = as_bob.post(url("issue-update", issue), mine)
    kept = form_of(conflict, url("issue-update", issue))
    again = as_bob.post(url("issue-update", issue), {"version": kept["version"], "level": kept["level"]})

    assert conflict.status_code == 409
    assert "Alice Owner set Level P2 → P1" in text_of(conflict)
    assert kept["level"] == str(mine["level"])
    assert again.status_code == 302
    assert Issue.objects.get().level.key == "P3"


def test_change_of_another_field_is_no_conflict(as_bob, ops, alice):
    issue = IssueFactory(space=ops)
    with act(alice):
        issue.status = "pending"
        issue.save()

    response = as_bob.post(
        url("issue-update", issue), {"version": 1, "level": Level.objects.get(key="P1").uuid}
    )

    issue = Issue.objects.get()
    assert response.status_code == 302
    assert (issue.status, issue.level.key) == ("pending", "P1")


def test_same_change_by_both_is_no_conflict(as_bob, ops, alice):
    issue = IssueFactory(space=ops)
    with act(alice):
        issue.status = "closed"
        issue.save()

    response = as_bob.post(url("issue-update", issue), {"version": 1, "status": "closed"})

    assert response.status_code == 302
    assert actions(issue).count("status_changed") == 1


def test_field_left_alone_does_not_undo_what_others_did(as_bob, ops, alice):
    issue = IssueFactory(space=ops, title="Old", description="one\ntwo")
    form = form_of(as_bob.get(url("issue-edit", issue)))
    with act(alice):
        issue.description = "one\ntwo\nthree"
        issue.save()

    response = as_bob.post(url("issue-edit", issue), form | {"title": "New"})

    issue = Issue.objects.get()
    assert response.status_code == 302
    assert (issue.title, issue.description) == ("New", "one\ntwo\nthree")


def test_both_edit_the_description(as_bob, ops, alice):
    issue = IssueFactory(space=ops, title="x", description="one")
    form = form_of(as_bob.get(url("issue-edit", issue))) | {"description": "mine\r\nall"}
    with act(alice):
        issue.description = "theirs"
        issue.save()

    conflict = as_bob.post(url("issue-edit", issue), form)
    kept = form_of(conflict)
    again = as_bob.post(url("issue-edit", issue), kept)

    assert conflict.status_code == 409
    assert "Alice Owner edited the description" in text_of(conflict)
    assert kept["description"] == "theirs\r\nmine\r\nall"
    assert again.status_code == 302
    assert Issue.objects.get().description == "theirs\nmine\nall"


def test_anonymous_reporter_is_not_named_by_a_conflict(as_bob, ops, alice):
    issue = IssueFactory(space=ops, reporter=alice, is_anonymous=True)
    with act(alice):
        issue.status = "pending"
        issue.save()

    response = as_bob.post(url("issue-update", issue), {"version": 1, "status": "closed"})

    note = re.search(r'role="alert".*?</div>', response.content.decode(), re.S)[0]
    assert "Alice" not in note and "Somebody set" in " ".join(re.sub("<[^>]+>", " ", note).split())


def test_different_labels_may_change_at_once(as_bob, ops, alice):
    issue = issue_with(ops, labels={"team": "payments", "flaky": ""})
    with act(alice):
        issue.labels = {"team": "payments", "theirs": "1"}
        issue.save()

    response = as_bob.post(
        url("issue-update", issue), {"version": 1, "labels": "team: payments, flaky, mine"}
    )

    assert response.status_code == 302
    assert Issue.objects.get().labels == {"team": "payments", "theirs": "1", "mine": ""}


def test_same_label_is_a_conflict(as_bob, ops, alice):
    issue = issue_with(ops, labels={"team": "payments"})
    with act(alice):
        issue.labels = {"team": "search"}
        issue.save()

    response = as_bob.post(url("issue-update", issue), {"version": 1, "labels": "team: billing"})

    assert response.status_code == 409
    assert form_of(response, url("issue-update", issue))["labels"] == "team: billing"
    assert Issue.objects.get().labels == {"team": "search"}


def test_change_in_the_moment_between_is_noticed(as_bob, ops, alice, monkeypatch):
    issue = IssueFactory(space=ops)
    save, seen = Issue.save, []

    def save_late(self, **kwargs):
        if not seen:
            seen.append(self)
            with act(alice):
                other = Issue.objects.get()
                other.status = "pending"
                save(other)
        return save(self, **kwargs)

    monkeypatch.setattr(Issue, "save", save_late)

    response = as_bob.post(url("issue-update", issue), {"version": 1, "status": "closed"})

    assert response.status_code == 409
    assert Issue.objects.get().status == "pending"


# Trash


def test_deleted_issue_comes_back_by_undo(as_bob, ops, bob):
    issue = IssueFactory(space=ops)

    page = as_bob.post(url("issue-delete", issue), follow=True)
    gone = as_bob.get(url("issue-detail", issue))
    back = as_bob.post(url("issue-restore", issue), form_of(page, url("issue-restore", issue)), follow=True)

    assert "OPS-1 is in the trash." in text_of(page) and "Undo" in text_of(page)
    assert gone.status_code == 404
    assert "OPS-1 is back." in text_of(back)
    assert actions(issue) == ["created", "deleted", "restored"]


def test_messages_reach_people_behind_a_proxy_that_asks_for_a_password(as_bob, ops):
    issue = IssueFactory(space=ops)
    basic = {"authorization": "Basic Ym9iOnNlY3JldA=="}

    page = as_bob.post(url("issue-delete", issue), follow=True, headers=basic)

    assert f"{issue.key} is in the trash." in text_of(page)


def test_viewer_restores_nothing(as_vera, ops):
    issue = IssueFactory(space=ops)
    issue.trash()

    response = as_vera.post(url("issue-restore", issue))

    assert response.status_code == 403


# Comments


def test_comment_is_written_and_shown(as_bob, ops, bob):
    issue = IssueFactory(space=ops)
    form = form_of(as_bob.get(url("issue-detail", issue)), url("comment-create", issue))

    response = as_bob.post(url("comment-create", issue), form | {"content": "one\r\n**two** "})

    comment = Comment.objects.get()
    entry = HistoryEntry.objects.get(action="comment_added")
    assert response.url == f"{url('issue-detail', issue)}#comment-{comment.uuid}"
    assert (comment.content, comment.author, comment.is_internal) == ("one\n**two** ", bob, False)
    assert (entry.actor, entry.source) == (bob, "web")
    assert f'id="comment-{comment.uuid}"' in as_bob.get(url("issue-detail", issue)).content.decode()


def test_comment_can_be_internal(as_bob, ops):
    issue = IssueFactory(space=ops)

    as_bob.post(url("comment-create", issue), {"content": "Between us", "is_internal": "on"})

    assert Comment.objects.get().is_internal


def test_comment_and_resolve(as_bob, ops):
    issue = IssueFactory(space=ops)

    as_bob.post(url("comment-create", issue), {"content": "Fixed", "resolve": "1"})

    assert Issue.objects.get().status == "resolved"
    assert actions(issue)[:3] == ["created", "comment_added", "status_changed"]


def test_what_a_comment_resolved_is_undone_and_the_comment_stays(as_bob, ops):
    issue = IssueFactory(space=ops)
    fixed = {"content": "Fixed", "resolve": "1"}

    response = as_bob.post(url("comment-create", issue), fixed, follow=True)
    (undo,) = re.findall(r'action="(/batches/[^"]+)"', response.content.decode())
    as_bob.post(undo)

    assert "OPS-1 is resolved." in text_of(response)
    assert Issue.objects.get().status == "open"
    assert Comment.objects.get().content == "Fixed"


@pytest.mark.parametrize("content", ["", " \r\n ", "x" * 65_536, "nul\x00"])
def test_bad_comment_is_kept_in_its_form(as_bob, ops, content):
    issue = IssueFactory(space=ops)

    response = as_bob.post(
        url("comment-create", issue), {"content": content, "is_internal": "on", "resolve": "1"}
    )

    form = form_of(response, url("comment-create", issue))
    assert response.status_code == 422
    assert form["content"] == content.replace("\x00", "\ufffd") and form["is_internal"]
    assert actions(issue) == ["created"]


@pytest.mark.parametrize("text", [text for text in TEXTS if text.strip()])
def test_saving_a_comment_without_typing_changes_nothing(as_bob, ops, bob, text):
    comment = CommentFactory(issue=IssueFactory(space=ops), author=bob, content=text)
    form = form_of(as_bob.get(url("comment-edit", comment)))

    response = as_bob.post(url("comment-edit", comment), form)

    assert response.status_code == 302
    assert Comment.objects.get().content == text
    assert actions(comment.issue) == ["created", "comment_added"]


def test_edited_comment_says_so(as_bob, ops, bob):
    comment = CommentFactory(issue=IssueFactory(space=ops), author=bob, content="one\r\ntwo")

    as_bob.post(url("comment-edit", comment), {"content": "one\r\ntwo\r\nthree"})

    page = text_of(as_bob.get(url("issue-detail", comment.issue)))
    assert Comment.objects.get().content == "one\r\ntwo\r\nthree"
    assert "· edited" in page and "edited a comment" in page


def test_nobody_edits_the_comment_of_another(client, ops, alice, bob):
    comment = CommentFactory(issue=IssueFactory(space=ops), author=bob)
    client.force_login(alice)

    response = client.post(url("comment-edit", comment), {"content": "changed"})

    assert response.status_code == 403


@pytest.mark.parametrize(("who", "status"), [("alice", 302), ("bob", 302), ("mina", 403), ("vera", 403)])
def test_comment_is_deleted_by_its_author_and_by_admins(client, ops, alice, bob, vera, who, status):
    comment = CommentFactory(issue=IssueFactory(space=ops), author=bob, content="Take it back")
    people = {"alice": alice, "bob": bob, "vera": vera, "mina": UserFactory(member_of=ops)}
    client.force_login(people[who])

    response = client.post(url("comment-delete", comment))
    page = text_of(client.get(url("issue-detail", comment.issue)))

    assert response.status_code == status
    assert ("Take it back" in page) == (status == 403)
    assert ("deleted a comment" in page) == (status == 302)


def test_viewer_finds_no_internal_comment_by_its_address(as_vera, ops, vera):
    comment = CommentFactory(issue=IssueFactory(space=ops), author=vera, is_internal=True)

    response = as_vera.get(url("comment-edit", comment))

    assert response.status_code == 404


# Every page


@pytest.mark.parametrize(
    "address",
    [
        "/issues/",
        "/issues/facets/",
        "/issues/new/",
        "/issues/OPS-1/",
        "/history/",
        "/complete/?space=OPS&word=@jane",
    ],
)
def test_people_of_one_name_are_told_apart_wherever_one_is_chosen(as_bob, ops, bob, address):
    by_mail, by_handle, by_id = (
        UserFactory(member_of=ops, name="Jane Doe", **fields)
        for fields in ({"email": "jane@example.com"}, {"email": None, "handle": "jd"}, {"email": None})
    )
    for person in (by_mail, by_handle, by_id):
        IssueFactory(space=ops, assignee=person)

    html = as_bob.get(address).content.decode()

    signs = "jane@example.com", "jd", by_id.uuid.hex[-8:]
    assert [html.count(f">Jane Doe ({sign})<") for sign in signs] == [1, 1, 1]
    assert f"Bob Colleague ({bob.email}" not in html


@pytest.mark.parametrize("status", [400, 403, 404, 429, 500, 503])
def test_error_page_needs_neither_person_nor_database(status, django_assert_num_queries):
    request = HttpRequest()
    request.path = "/issues/"

    with django_assert_num_queries(0):
        response = error_response(request, status)

    assert response.status_code == status
    assert "<h1>" in response.content.decode()


def test_error_page_asks_nothing_for_whoever_is_not_signed_in(client, ops, django_assert_num_queries):
    with django_assert_num_queries(0):
        response = client.get("/nowhere/")

    assert response.status_code == 404


def test_pages_have_one_heading_and_a_label_for_every_control(client, ops, bob):
    issue = IssueFactory(space=ops)
    comment = CommentFactory(issue=issue, author=bob)
    client.force_login(bob)
    addresses = [
        reverse("issue-list"),
        reverse("issue-create"),
        url("issue-detail", issue),
        url("issue-edit", issue),
    ]

    for address in [*addresses, url("comment-edit", comment), "/nowhere/"]:
        html = client.get(address).content.decode()
        controls = re.findall(r"<(?:input|select|textarea)\b[^>]*>", html)
        ids = [re.search(r'\bid="([^"]*)"', tag) for tag in controls if 'type="hidden"' not in tag]

        assert html.count("<h1") == 1, address
        assert all(found and f'for="{found[1]}"' in html for found in ids), address
        assert len(re.findall(r'\bid="', html)) == len(set(re.findall(r'\bid="([^"]*)"', html))), address
        assert '<a class="skip" href="#main">' in html and '<main id="main"' in html


def test_templates_need_no_exception_from_the_content_security_policy():
    templates = [
        path for path in Path(settings.BASE_DIR, "templates").rglob("*.html") if path.name != "api_docs.html"
    ]

    for path in templates:
        text = path.read_text()

        assert not re.search(
            r"\sstyle=|<style|<script(?! (type=.module. )?src=)|\s(hx-)?on[a-z:-]+=|javascript:|js:|\|safe\b"
            r"|hx-trigger=\"[^\"]*\[|https?://(?!www\.w3\.org)",
            text,
        ), path


def test_line_of_labels_reads_back():
    assert label_line({"a": "b", "c": "", "d,e": 'f"g'}) == 'a: b, c, "d,e: f""g"'
