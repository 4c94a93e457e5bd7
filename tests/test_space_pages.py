"""The pages of channels, levels, history and trash: what they show, to whom, at what cost."""

import html
import re

import pytest
from django.test import Client
from django.urls import reverse

from issues.actor import Actor, acting_as
from issues.models import Channel, HistoryEntry, Issue, Level, Subscription
from tests.factories import (
    ChannelFactory,
    CommentFactory,
    EnvironmentFactory,
    IssueFactory,
    LevelFactory,
    MembershipFactory,
    ProjectFactory,
    SpaceFactory,
    TeamFactory,
    UserFactory,
)
from tests.test_pages import text_of

pytestmark = pytest.mark.django_db


def signed_in(person):
    client = Client()
    client.force_login(person)
    return client


# Channels


def test_channels_are_listed_with_their_open_issues(ops, bob):
    infra = ChannelFactory(space=ops, name="Infrastructure", description="Hosts and networks")
    issue = IssueFactory(space=ops)
    issue.channels = [infra]
    issue.save()
    IssueFactory(space=ops)
    IssueFactory(space=ops, status="resolved")

    response = signed_in(bob).get(reverse("channel-list"))

    counts = {channel.name: count for channel, count in response.context["rows"]}
    assert counts == {"All": 2, "Infrastructure": 1}
    assert "Hosts and networks" in text_of(response)


def test_channels_of_other_spaces_are_not_there(ops, bob):
    foreign = ChannelFactory(space=SpaceFactory(), name="Elsewhere")
    client = signed_in(bob)

    statuses = [client.get(reverse("channel-detail", args=[id])).status_code for id in (foreign.uuid, "x")]

    assert statuses == [404, 404]
    assert "Elsewhere" not in text_of(client.get(reverse("channel-list")))


@pytest.mark.parametrize("count", [1, 20])
@pytest.mark.parametrize(
    ("name", "queries"), [("channel-list", 7), ("level-list", 6), ("history-list", 14), ("trash", 5)]
)
def test_lists_cost_the_same_however_long_they_are(
    ops, bob, count, name, queries, django_assert_max_num_queries
):
    for number in range(count):
        issue = IssueFactory(space=ops, level=LevelFactory(space=ops))
        issue.channels = [ChannelFactory(space=ops)]
        issue.save()
        if number % 2:
            issue.trash()
    client = signed_in(bob)

    with django_assert_max_num_queries(queries):
        response = client.get(reverse(name))

    assert response.status_code == 200


def test_channel_shows_its_issues_and_its_people(ops, bob, alice):
    infra = ChannelFactory(space=ops, name="Infrastructure")
    Subscription(channel=infra, user=alice, kind="responsible").save()
    inside, outside = IssueFactory(space=ops, title="Inside"), IssueFactory(space=ops, title="Outside")
    inside.channels = [infra]
    inside.save()

    response = signed_in(bob).get(reverse("channel-detail", args=[infra.uuid]))

    said = text_of(response)
    assert "Inside" in said and outside.title not in said
    assert f"{alice.name} · responsible" in said


def test_default_channel_shows_every_issue(ops, bob):
    issue = IssueFactory(space=ops)

    response = signed_in(bob).get(reverse("channel-detail", args=[Channel.objects.get(space=ops).uuid]))

    assert issue.key in text_of(response)


def test_targets_are_for_those_who_configure_them(ops, alice, bob):
    targets = [{"kind": "webhook", "url": "https://hooks.example.com/secret"}]
    channel = ChannelFactory(space=ops, targets=targets)
    address = reverse("channel-detail", args=[channel.uuid])

    seen = {person: text_of(signed_in(person).get(address)) for person in (alice, bob)}

    assert "Told to: webhook" in seen[alice] and "webhook" not in seen[bob]
    assert "hooks.example.com" not in seen[alice] + seen[bob]
    assert "hooks.example.com" not in text_of(signed_in(bob).get(reverse("history-list")))


def test_person_joins_a_channel_changes_their_part_and_leaves(ops, vera):
    channel = ChannelFactory(space=ops)
    client, address = signed_in(vera), reverse("channel-subscribe", args=[channel.uuid])

    client.post(address, {"kind": "attention"})
    client.post(address, {"kind": "responsible"})
    client.post(address)

    actions = HistoryEntry.objects.filter(subject_type="subscription").order_by("position")
    assert [entry.action for entry in actions] == [
        "subscription_created",
        "subscription_changed",
        "subscription_retired",
    ]
    assert not Subscription.objects.get().is_active


def test_leaving_a_channel_that_one_never_joined_leaves_nothing(ops, bob):
    channel = ChannelFactory(space=ops)

    response = signed_in(bob).post(reverse("channel-subscribe", args=[channel.uuid]), {"kind": "boss\x00"})

    assert response.status_code == 302
    assert not Subscription.objects.exists()


# Levels


def test_levels_are_listed_by_urgency_with_their_open_issues(ops, bob):
    urgent = LevelFactory(space=ops, name="Drop everything", rank=5)
    IssueFactory(space=ops, level=urgent)
    IssueFactory(space=ops)

    response = signed_in(bob).get(reverse("level-list"))

    assert [level.name for level, _ in response.context["rows"]] == [
        "P0",
        "Drop everything",
        "P1",
        "P2",
        "P3",
    ]
    assert dict(response.context["rows"])[urgent] == 1
    assert response.context["without"] == 1


def test_level_shows_its_issues(ops, bob):
    p1 = Level.objects.get(key="P1")
    IssueFactory(space=ops, title="Urgent", level=p1)
    IssueFactory(space=ops, title="Other")
    IssueFactory(space=SpaceFactory(), title="Foreign", level=p1)

    said = text_of(signed_in(bob).get(reverse("level-detail", args=[p1.uuid])))

    assert "Urgent" in said and "Other" not in said and "Foreign" not in said


@pytest.mark.parametrize("name", ["channel-detail", "level-detail"])
def test_bad_cursor_is_explained(ops, bob, name):
    row = LevelFactory(space=ops) if name == "level-detail" else ChannelFactory(space=ops)

    response = signed_in(bob).get(reverse(name, args=[row.uuid]), {"cursor": "nonsense"})

    assert response.status_code == 400
    assert "cursor" in text_of(response)


# History


@pytest.fixture
def past(ops, alice, bob):
    """An issue that alice opened through the API and bob closed, a level that alice made."""
    with acting_as(lambda: Actor(user=alice, source="api")):
        issue = IssueFactory(space=ops, title="An issue")
        LevelFactory(space=ops, name="Drop everything")
    with acting_as(lambda: Actor(user=bob, source="web")):
        issue.status = "closed"
        issue.save()
    return issue


def test_history_tells_of_issues_and_of_the_space(past, bob, alice):
    said = text_of(signed_in(bob).get(reverse("history-list")))

    assert f"{past.key} {bob.name} set Status Open → Closed" in said
    assert f"{past.key} {alice.name} opened this issue" in said
    assert f"{alice.name} made the level Drop everything" in said


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("actor=me", ["status_changed"]),
        ("source=api", ["level_created", "created"]),
        ("action=level_created", ["level_created"]),
        ("issue=OPS-1", ["status_changed", "created"]),
        ("space=OPS&action=created", ["created"]),
    ],
)
def test_history_is_narrowed_by_its_filters(past, bob, query, expected):
    response = signed_in(bob).get(f"{reverse('history-list')}?{query}")

    assert [entry["action"] for entry in response.context["entries"]] == expected


@pytest.mark.parametrize(
    "query", ["space=NONE", "actor=nobody", "issue=OPS-99", "colour=red", "cursor=x", "issue=%F0%9F%92%A9"]
)
def test_history_explains_what_is_not_there(past, bob, query):
    response = signed_in(bob).get(f"{reverse('history-list')}?{query}")

    assert response.status_code == 400
    assert "asks for something that is not there" in text_of(response)


def test_history_hides_whom_an_issue_hides(ops, bob, alice):
    with acting_as(lambda: Actor(user=bob)):
        issue = IssueFactory(space=ops, reporter=bob, is_anonymous=True)
        issue.title = "Another title"
        issue.save()

    said = text_of(signed_in(alice).get(reverse("history-list"), {"issue": issue.key}))

    assert said.count("Anonymous changed the title") == 1 and "Anonymous opened this issue" in said
    assert f"{bob.name} changed" not in said and f"{bob.name} opened" not in said


def test_internal_comments_are_not_in_a_viewer_s_history(ops, vera, bob, alice):
    CommentFactory(issue=IssueFactory(space=ops), author=bob, is_internal=True)

    seen = [text_of(signed_in(person).get(reverse("history-list"))) for person in (vera, alice)]

    assert ["commented" in said for said in seen] == [False, True]


def test_journal_of_an_issue_has_every_entry_and_what_proves_it(past, bob):
    response = signed_in(bob).get(reverse("issue-history", args=[past.key]))

    said = text_of(response)
    assert said.index("set Status") < said.index("opened this issue")
    for entry in HistoryEntry.objects.filter(issue=past):
        assert entry.hash in said


def test_history_is_paged(ops, bob, monkeypatch):
    monkeypatch.setattr("issues.views.PAGE_SIZE", 2)
    for _ in range(3):
        IssueFactory(space=ops)
    client = signed_in(bob)
    first = client.get(reverse("history-list"), {"action": "created"})

    second = client.get(reverse("history-list") + first.context["next"])

    found = [[entry["key"] for entry in page.context["entries"]] for page in (first, second)]
    assert found == [["OPS-3", "OPS-2"], ["OPS-1"]]


# Trash


def test_deleted_issue_is_in_the_trash_and_comes_back(ops, bob):
    issue = IssueFactory(space=ops, title="Thrown away")
    issue.trash()
    client = signed_in(bob)
    before = text_of(client.get(reverse("trash")))

    client.post(reverse("issue-restore", args=[issue.key]))

    assert "Thrown away" in before
    assert "The trash is empty" in text_of(client.get(reverse("trash")))
    assert Issue.objects.get().deleted_at is None


def test_address_of_a_deleted_issue_says_who_deleted_it_and_offers_it_back(ops, bob, vera, charlie):
    issue = IssueFactory(space=ops, title="Thrown away")
    with acting_as(lambda: Actor(user=bob)):
        issue.trash()
    address, restore = (reverse(name, args=[issue.key]) for name in ("issue-detail", "issue-restore"))

    pages = {person: signed_in(person).get(address) for person in (bob, vera, charlie)}

    assert {page.status_code for page in pages.values()} == {404}
    assert f"{bob.name} moved this issue to the trash" in text_of(pages[bob])
    assert [restore in page.content.decode() for page in pages.values()] == [True, False, False]
    assert "Thrown away" not in text_of(pages[charlie])


def test_viewer_sees_the_trash_and_restores_nothing(ops, vera):
    IssueFactory(space=ops, title="Thrown away").trash()

    response = signed_in(vera).get(reverse("trash"))

    assert "Thrown away" in text_of(response)
    assert reverse("issue-restore", args=["OPS-1"]) not in response.content.decode()


def test_trash_of_another_space_is_not_there(ops, bob):
    IssueFactory(space=SpaceFactory(), title="Foreign").trash()

    assert "Foreign" not in text_of(signed_in(bob).get(reverse("trash")))


# Every field of an issue


def field_change(issue, field):
    return HistoryEntry.objects.filter(issue=issue, field=field, version=2).get()


def test_rail_changes_all_its_fields_at_once(ops, bob, alice):
    issue = IssueFactory(space=ops, status="resolved")
    project, environment = ProjectFactory(space=ops), EnvironmentFactory(space=ops)
    team, channel = TeamFactory(space=ops), ChannelFactory(space=ops)
    posted = {
        "version": 1,
        "status": "closed",
        "resolution": "negated",
        "level": Level.objects.get(key="P2").uuid,
        "assignee": alice.uuid,
        "labels": "team: payments",
        "project": project.uuid,
        "environment": environment.uuid,
        "of": ["teams", "channels"],
        "teams": [team.uuid],
        "channels": [channel.uuid],
        "due_on": "2026-12-24",
    }

    response = signed_in(bob).post(reverse("issue-update", args=[issue.key]), posted)

    assert response.status_code == 302
    entries = HistoryEntry.objects.filter(issue=issue, version=2)
    assert {entry.field for entry in entries} == {
        "status", "resolution", "level", "assignee", "labels", "project", "environment", "teams",
        "channels", "due_on",
    }  # fmt: skip
    assert len({entry.batch for entry in entries}) == 1


def test_rail_saved_without_a_change_leaves_nothing(ops, bob, alice):
    issue = IssueFactory(space=ops, assignee=alice, due_on="2026-12-24", project=ProjectFactory(space=ops))
    issue.teams, issue.labels = [TeamFactory(space=ops)], {"a": "b"}
    issue.save()
    client = signed_in(bob)
    form = client.get(reverse("issue-detail", args=[issue.key])).context["form"]
    posted = {name: form[name].value() or "" for name in form.fields} | {"of": ["teams", "channels"]}

    client.post(reverse("issue-update", args=[issue.key]), posted)

    assert Issue.objects.get().version == 2


def test_unticked_team_is_removed_and_another_s_is_kept(ops, bob, alice):
    issue, mine, theirs = IssueFactory(space=ops), TeamFactory(space=ops), TeamFactory(space=ops)
    issue.teams = [mine]
    issue.save()
    with acting_as(lambda: Actor(user=alice)):
        issue.teams = [mine, theirs]
        issue.save()

    signed_in(bob).post(reverse("issue-update", args=[issue.key]), {"version": 2, "of": "teams"})

    assert set(Issue.objects.get().teams) == {theirs.pk}


def test_reopening_from_the_rail_lets_the_resolution_go(ops, bob):
    issue = IssueFactory(space=ops, status="closed", resolution="negated")
    posted = {"version": 1, "status": "open", "resolution": "negated"}

    response = signed_in(bob).post(reverse("issue-update", args=[issue.key]), posted)

    issue = Issue.objects.get()
    assert (response.status_code, issue.status, issue.resolution) == (302, "open", None)


def test_rows_of_another_space_cannot_be_chosen(ops, bob):
    issue, foreign = IssueFactory(space=ops), SpaceFactory()
    client = signed_in(bob)

    for name, factory in (("project", ProjectFactory), ("teams", TeamFactory), ("channels", ChannelFactory)):
        row = factory(space=foreign)
        response = client.post(reverse("issue-update", args=[issue.key]), {"version": 1, name: row.uuid})
        assert response.status_code == 422, name

    assert Issue.objects.get().version == 1


EDITED = {
    "title": "A title",
    "description": "A text",
    "description_format": "text",
    "kind": "bug",
    "reason": "error",
    "fingerprint": "abc",
    "annotations": "run: 42",
    "resource_type": "table",
    "resource_id": "t-1",
    "resource_name": "orders",
    "alert_id": "a-1",
    "error_type": "KeyError",
    "error_message": "'id'",
    "service": "checkout",
    "file_path": "a.py",
    "function_name": "total",
    "languages": "python, sql",
    "platform": "linux",
    "track": "trace",
    "first_version": "1",
    "last_version": "2",
}


def test_edit_page_changes_every_field_that_is_not_beside_the_issue(ops, bob):
    issue = IssueFactory(space=ops)
    boxes = {"of": ["is_read", "is_anonymous", "is_crash"], "is_read": "on", "is_crash": "on"}

    response = signed_in(bob).post(reverse("issue-edit", args=[issue.key]), EDITED | boxes | {"version": 1})

    assert response.status_code == 302
    issue = Issue.objects.get()
    changed = {entry.field for entry in HistoryEntry.objects.filter(issue=issue, version=2)}
    assert changed == EDITED.keys() | {"is_read", "is_crash"}
    assert (issue.annotations, issue.languages) == ({"run": "42"}, ["python", "sql"])


def test_edit_page_saved_without_a_change_leaves_nothing(ops, bob):
    issue = IssueFactory(space=ops, annotations={"a,b": 'c"d', "x": ""}, languages=["c, d"], is_crash=True)
    client = signed_in(bob)
    form = client.get(reverse("issue-edit", args=[issue.key])).context["form"]
    posted = {name: form[name].value() for name in form.fields if form[name].value() not in (None, False)}
    posted |= {"of": ["is_read", "is_anonymous", "is_crash"], "version": 1}

    client.post(reverse("issue-edit", args=[issue.key]), posted)

    assert Issue.objects.get().version == 1


@pytest.mark.parametrize("field", sorted(EDITED.keys() - {"annotations", "languages"}))
def test_bad_values_are_form_errors(ops, bob, field):
    issue = IssueFactory(space=ops)
    client = signed_in(bob)

    for value in ("x" * 70_000, "a\x00b"):
        response = client.post(reverse("issue-edit", args=[issue.key]), {"version": 1, field: value})
        assert response.status_code == 422
        assert field in response.context["form"].errors

    assert Issue.objects.get().version == 1


@pytest.mark.parametrize(
    "annotations", ["k" * 65 + ": v", "k: " + "v" * 257, ", ".join(f"k{n}: v" for n in range(51))]
)
def test_annotations_over_their_limits_are_a_form_error(ops, bob, annotations):
    issue = IssueFactory(space=ops)

    response = signed_in(bob).post(
        reverse("issue-edit", args=[issue.key]), {"version": 1, "annotations": annotations}
    )

    assert response.status_code == 422
    assert "annotations" in response.context["form"].errors


def test_same_annotation_by_two_is_a_conflict_and_another_is_none(ops, bob, alice):
    issue = IssueFactory(space=ops, annotations={"a": "1"})
    with acting_as(lambda: Actor(user=alice)):
        issue.annotations = {"a": "1", "b": "2"}
        issue.save()
    client = signed_in(bob)

    left_alone = client.post(reverse("issue-edit", args=[issue.key]), {"version": 1, "annotations": "a: 1"})
    changed = client.post(reverse("issue-edit", args=[issue.key]), {"version": 1, "annotations": "a: 3"})

    assert (left_alone.status_code, changed.status_code) == (302, 409)
    assert Issue.objects.get().annotations == {"a": "1", "b": "2"}


def test_only_its_reporter_gives_up_anonymity_on_the_page(ops, bob, alice):
    issue = IssueFactory(space=ops, reporter=bob, is_anonymous=True)
    address = reverse("issue-edit", args=[issue.key])

    signed_in(alice).post(address, {"version": 1, "of": "is_anonymous"})
    still = Issue.objects.get().is_anonymous
    signed_in(bob).post(address, {"version": 1, "of": "is_anonymous"})

    assert still and not Issue.objects.get().is_anonymous


# Quick buttons, preview, timeline


def test_claim_takes_the_issue_and_starts_it(ops, bob):
    issue = IssueFactory(space=ops)
    client = signed_in(bob)
    html = client.get(reverse("issue-detail", args=[issue.key])).content.decode()
    form = next(part for part in re.findall(r"<form.*?</form>", html, re.S) if "Claim" in part)
    posted = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))

    client.post(reverse("issue-update", args=[issue.key]), posted)

    issue = Issue.objects.get()
    assert (issue.assignee, issue.status) == (bob, "in_progress")


@pytest.mark.parametrize("name", ["issue-create", "issue-edit", "comment-create", "comment-edit"])
def test_preview_shows_the_text_and_saves_nothing(ops, bob, name):
    issue = IssueFactory(space=ops, description="Before")
    comment = CommentFactory(issue=issue, author=bob)
    args = {"issue-create": [], "comment-edit": [comment.uuid]}.get(name, [issue.key])
    text = {
        "description": "**Bold** <script>",
        "content": "**Bold** <script>",
        "space": "OPS",
        "preview": "1",
    }
    before = HistoryEntry.objects.count()

    response = signed_in(bob).post(reverse(name, args=args), text)

    html = response.content.decode()
    assert response.status_code == 200
    assert "<strong>Bold</strong>" in html and "<script>" not in html
    assert "**Bold**" in html
    assert HistoryEntry.objects.count() == before


@pytest.mark.parametrize("name", ["issue-create", "issue-edit", "comment-create"])
def test_preview_of_nothing_is_no_error(ops, bob, name):
    issue = IssueFactory(space=ops)

    args = [] if name == "issue-create" else [issue.key]
    response = signed_in(bob).post(reverse(name, args=args), {"preview": ""})

    assert response.status_code == 200


@pytest.mark.parametrize(
    ("show", "comments", "changes"), [("", True, True), ("comments", True, False), ("changes", False, True)]
)
def test_timeline_shows_what_is_asked_for(ops, bob, show, comments, changes):
    issue = IssueFactory(space=ops)
    CommentFactory(issue=issue, content="A remark", author=bob)

    said = text_of(signed_in(bob).get(reverse("issue-detail", args=[issue.key]), {"show": show}))

    assert ("A remark" in said, "opened this issue" in said) == (comments, changes)


def test_what_was_added_together_is_named_together(ops, bob):
    issue = IssueFactory(space=ops)
    with acting_as(lambda: Actor(user=bob)):
        issue.labels = {"a": "1", "b": ""}
        issue.save()
        issue.labels = {}
        issue.save()

    said = text_of(signed_in(bob).get(reverse("issue-detail", args=[issue.key])))

    assert "added the labels a: 1, b , removed the labels a: 1, b " in said


def test_edited_comment_shows_what_came_and_went(ops, bob):
    comment = CommentFactory(issue=IssueFactory(space=ops), content="The old words", author=bob)
    comment.content = "The new words"
    comment.save()

    html = signed_in(bob).get(comment.get_absolute_url()).content.decode()

    assert "The <del>old</del><ins>new</ins> words" in html


def test_menu_lists_the_spaces_of_the_person_alone(ops, bob):
    SpaceFactory(key="FAR", name="Far away")
    MembershipFactory(user=bob, space__key="DATA", space__name="Data platform")

    said = text_of(signed_in(bob).get(reverse("level-list")))

    assert "DATA Data platform" in said and "OPS" in said and "Far away" not in said


@pytest.mark.parametrize(
    ("address", "current"),
    [
        ("/issues/?q=is:open+space:DATA", "Data platform"),
        ("/issues/?q=-space:DATA", "All spaces"),
        ("/issues/?space=DATA", "Data platform"),
        ("/issues/OPS-1/", "Operations"),
        ("/people/", "All spaces"),
    ],
)
def test_menu_of_spaces_marks_that_of_the_page(ops, bob, address, current):
    IssueFactory(space=ops)
    MembershipFactory(user=bob, space__key="DATA", space__name="Data platform")

    page = signed_in(bob).get(address).content.decode()

    menu = re.search(r"<summary[^>]*><span[^>]*>Space .*?</details>", page, re.DOTALL)[0]
    assert re.findall(r'class="name">([^<]+)<', menu) == [current]
    marked = re.search(r'<a href="([^"]+)" aria-current="true">(.*?)</a>', menu)
    assert marked[2].endswith(current)
    assert signed_in(bob).get(html.unescape(marked[1])).status_code == 200


def test_who_is_in_one_space_has_no_menu_of_them(ops, bob):
    response = signed_in(bob).get(reverse("issue-list"))

    assert "All spaces" not in text_of(response)


def test_nobody_counts_beyond_a_thousand_what_no_counter_tells(ops, bob, monkeypatch):
    monkeypatch.setattr("issues.views.COUNTED", 2)
    for _ in range(3):
        IssueFactory(space=ops)

    told, counted = (signed_in(bob).get(reverse("issue-list"), {"q": q}) for q in ("is:open", "created:-1d"))

    assert (told.context["count"], counted.context["count"]) == ("3", "2+")


def test_person_of_no_space_has_empty_pages(db):
    client = signed_in(UserFactory())

    for name in ("channel-list", "level-list", "history-list", "trash"):
        assert client.get(reverse(name)).status_code == 200
