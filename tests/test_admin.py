"""The administration: who enters and sees what, what it writes, and what it refuses."""

import json

import pytest
from django.contrib.admin import site
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, models
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, get_resolver, reverse
from django.utils import timezone

from issues.actor import Actor, acting_as
from issues.models import (
    Channel,
    Environment,
    HistoryEntry,
    Issue,
    Level,
    Membership,
    Project,
    Space,
    Subscription,
    Team,
    TextVersion,
)
from issues.models.base import Audited
from issues.models.history import digest
from issues.templatetags.issues import may_administer
from tests.admin_forms import act, add, admin_url, edit_list, errors_of, form_of, row_url, submit
from tests.factories import (
    ChannelFactory,
    EnvironmentFactory,
    IssueFactory,
    LevelFactory,
    MembershipFactory,
    ProjectFactory,
    SpaceFactory,
    TeamFactory,
    TokenFactory,
    UserFactory,
)
from tracker.accounts.models import ApiToken, User

pytestmark = pytest.mark.django_db

MODELS = sorted(site._registry, key=lambda model: model._meta.label)
CHANGED = (Space, Level, Channel, Team, Project, Environment)
SECRET = "Nobody else's business"


def by_label(models):
    return {"argvalues": models, "ids": [model._meta.model_name for model in models]}


def signed_in(user):
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def root(db):
    """A superuser who is a member of nothing."""
    return UserFactory(name="Root Operator", email="root@example.com", is_superuser=True)


@pytest.fixture
def elsewhere(alice, charlie):
    """A row of each model in a space in which alice is but a member, with the secret in it."""
    space = Space.objects.get(key="DATA")
    MembershipFactory(space=space, user=alice, role="member")
    space.name = SECRET
    space.save()
    issue = IssueFactory(space=space, title=SECRET)
    charlie.name = SECRET
    charlie.save()
    return {
        Space: space,
        Level: LevelFactory(space=space, name=SECRET),
        Channel: ChannelFactory(space=space, name=SECRET, query=SECRET),
        Team: TeamFactory(space=space, name=SECRET),
        Project: ProjectFactory(space=space, name=SECRET),
        Environment: EnvironmentFactory(space=space, name=SECRET),
        Issue: issue,
        HistoryEntry: HistoryEntry.objects.get(issue=issue),
        ApiToken: TokenFactory(space=space, user=charlie, name=SECRET),
        User: charlie,
    }


@pytest.fixture
def here(ops, alice):
    """A row of each model in OPS."""
    issue = IssueFactory(space=ops)
    return {
        Space: ops,
        Level: LevelFactory(space=ops),
        Channel: ChannelFactory(space=ops),
        Team: TeamFactory(space=ops),
        Project: ProjectFactory(space=ops),
        Environment: EnvironmentFactory(space=ops),
        Issue: issue,
        HistoryEntry: HistoryEntry.objects.get(issue=issue),
        ApiToken: TokenFactory(space=ops, user=alice),
        User: alice,
    }


def routes(rows):
    """The address of every page of the administration, with the primary keys of `rows`."""
    resolver = next(r for r in get_resolver().url_patterns if getattr(r, "namespace", None) == "admin")
    found = []
    for entry in resolver.url_patterns:
        if isinstance(entry, URLPattern):
            found += [reverse(f"admin:{entry.name}")] if not entry.pattern.regex.groups else []
            continue
        for page in entry.url_patterns:
            model = page.callback.model_admin.model
            keys = [rows[model].pk] if page.pattern.regex.groups else []
            found.append(reverse(f"admin:{page.name}", args=keys))
    return found


# Who enters.


def test_nobody_is_asked_to_sign_in_at_every_address(here):
    for address in routes(here):
        for response in (Client().get(address), Client().post(address)):
            assert response.status_code == 302, address
            assert response["Location"].startswith("/login/?next=/admin/"), address


@pytest.mark.parametrize("who", ["bob", "vera"])
def test_who_administers_nothing_gets_the_page_of_403(who, here, request):
    client = signed_in(request.getfixturevalue(who))

    for address in routes(here):
        if address == reverse("admin:login"):
            continue
        for response in (client.get(address), client.post(address)):
            assert response.status_code == 403, address
            assert b"You may not do this" in response.content


def test_the_bar_s_filter_knows_who_may_enter(alice, bob, root):
    assert [may_administer(user) for user in (alice, root, bob, AnonymousUser())] == [
        True,
        True,
        False,
        False,
    ]


def test_who_was_an_admin_enters_no_more(alice, ops):
    MembershipFactory(space=ops, role="admin")
    membership = Membership.objects.get(user=alice)
    membership.role = "member"
    membership.save()

    assert signed_in(alice).get("/admin/").status_code == 403


def test_signing_in_and_out_is_the_site_s(alice):
    client = Client()

    assert (
        client.get("/admin/login/", {"next": "/admin/issues/"})["Location"] == "/login/?next=/admin/issues/"
    )
    assert client.get("/admin/login/")["Location"] == "/login/?next=/admin/"
    client.force_login(alice)
    page = client.get("/admin/").content.decode()

    assert 'action="/logout/"' in page
    assert "Tracker administration" in page


def test_django_s_pages_that_know_no_spaces_are_left_out(alice, elsewhere):
    client = signed_in(alice)

    assert client.get(f"/admin/r/1/{elsewhere[Issue].pk}/").status_code == 404
    assert client.get("/admin/password_change/").status_code == 404
    assert not any(model._meta.model_name in ("group", "permission") for model in site._registry)


# Whose rows.


@pytest.mark.parametrize("who", ["alice", "root"])
def test_every_page_opens(who, here, request):
    client = signed_in(request.getfixturevalue(who))
    person = client.get("/admin/").wsgi_request.user

    for model in MODELS:
        if model is User and who == "alice":
            continue
        for address in (admin_url(model), row_url(here[model])):
            assert client.get(address).status_code == 200, address
        may_add = site.get_model_admin(model).has_add_permission(client.get("/admin/").wsgi_request)
        assert client.get(admin_url(model, "add")).status_code == (200 if may_add else 403)
    assert person.is_superuser == (who == "root")


def test_an_admin_meets_nothing_of_another_space(alice, here, elsewhere):
    client = signed_in(alice)

    for address in [*routes(here), *routes(elsewhere)]:
        for response in (client.get(address, follow=True), client.post(address, {"name": "x"}, follow=True)):
            assert response.status_code < 500, address
            assert SECRET not in response.content.decode().replace("&#x27;", "'"), address


@pytest.mark.parametrize("model", **by_label([m for m in MODELS if m is not User]))
def test_a_foreign_row_looks_like_a_missing_one(model, alice, elsewhere):
    client, row = signed_in(alice), elsewhere[model]

    found = {}
    for key in (row.pk, 10**9, 10**30):
        for page in ("change", "history", "delete"):
            address = admin_url(model, page, key)
            for method in ("get", "post"):
                response = getattr(client, method)(address, {"name": "Taken"})
                found.setdefault((page, method), set()).add((response.status_code, response.get("Location")))

    assert all(len(answers) == 1 for answers in found.values()), found
    if isinstance(row, Audited):
        row.refresh_from_db()
        assert str(row) != "Taken"


@pytest.mark.parametrize("model", **by_label(CHANGED))
def test_actions_do_not_reach_a_foreign_row(model, alice, elsewhere):
    act(signed_in(alice), "retire", elsewhere[model])

    elsewhere[model].refresh_from_db()
    assert elsewhere[model].is_active


def test_list_editing_does_not_reach_a_foreign_row(alice, here, elsewhere):
    client, level = signed_in(alice), elsewhere[Level]
    data = form_of(client.get(admin_url(Level)), "changelist-form")
    mine = next(name for name, value in data.items() if value == str(here[Level].pk) and name.endswith("-id"))

    data |= {mine: level.pk, mine.replace("-id", "-rank"): 7, "_save": "Save"}
    response = client.post(admin_url(Level), data)

    assert response.status_code == 200
    level.refresh_from_db()
    assert level.rank == 40


@pytest.mark.parametrize("model", **by_label((Level, Channel, Team, Project, Environment)))
def test_nothing_is_made_in_a_foreign_space(model, alice, elsewhere):
    before = model.objects.count()
    values = {
        "space": elsewhere[Space].pk,
        "name": "Mine",
        "key": "MINE",
        "targets": "[]",
        "color": "#000000",
    }

    response = add(signed_in(alice), model, **values)

    assert "space" in errors_of(response)
    assert model.objects.count() == before


def test_only_superusers_make_and_retire_spaces_and_see_people(alice, bob, ops, root):
    client = signed_in(alice)

    assert client.get(admin_url(Space, "add")).status_code == 403
    assert client.get(admin_url(User)).status_code == 403
    assert client.get(row_url(bob)).status_code == 403
    submit(client, ops, is_active=None)
    act(client, "retire", ops)
    ops.refresh_from_db()
    assert ops.is_active
    act(signed_in(root), "retire", ops)
    ops.refresh_from_db()
    assert not ops.is_active


def choices(client, source, field, term="", **more):
    app, model = source._meta.label_lower.split(".")
    params = {"app_label": app, "model_name": model, "field_name": field, "term": term}
    return client.get(reverse("admin:autocomplete"), params | more)


def test_people_are_chosen_among_those_of_one_s_own_spaces(alice, bob, elsewhere, root):
    nobody = UserFactory(name="Gone Person", member_of=Space.objects.get(key="OPS"), is_active=False)

    mine = choices(signed_in(alice), Membership, "user").json()["results"]
    everybody = choices(signed_in(root), Membership, "user").json()["results"]

    assert {row["text"] for row in mine} == {
        "Alice Owner · alice@example.com",
        "Bob Colleague · bob@example.com",
    }
    assert str(elsewhere[User].pk) in {row["id"] for row in everybody}
    assert str(nobody.pk) not in {row["id"] for row in everybody}


@pytest.mark.parametrize("source, field", [(Level, "space"), (HistoryEntry, "issue"), (ApiToken, "user")])
def test_no_list_of_choices_shows_a_foreign_row(source, field, alice, elsewhere):
    response = choices(signed_in(alice), source, field)

    assert SECRET not in response.content.decode()
    assert str(elsewhere[Issue]) not in response.content.decode()


def test_a_stranger_is_not_made_a_member_by_number(alice, ops, charlie):
    data = member_rows({"user": charlie.pk, "role": "admin"})

    response = submit(signed_in(alice), ops, **data)

    assert list(errors_of(response)) == ["memberships-1-user"]
    assert not Membership.objects.filter(user=charlie, space=ops).exists()


def member_rows(*added, start=1, prefix="memberships"):
    """What a form sends for rows added to its list of members."""
    data = {f"{prefix}-TOTAL_FORMS": start + len(added)}
    for number, row in enumerate(added, start):
        data |= {f"{prefix}-{number}-{name}": value for name, value in ({"is_active": "on"} | row).items()}
    return data


def test_filters_offer_one_s_own_spaces_alone(alice, ops, elsewhere):
    other = SpaceFactory(key="WEB")
    MembershipFactory(space=other, user=alice, role="admin")
    mine, not_mine = LevelFactory(space=ops, name="Mine"), LevelFactory(space=other, name="The other")
    client = signed_in(alice)

    page = client.get(admin_url(Level), {"space": ops.pk}).content.decode()
    foreign = client.get(admin_url(Level), {"space": elsewhere[Space].pk}).content.decode()

    assert mine.name in page and not_mine.name not in page
    assert f"?space={other.pk}" in page
    assert f"?space={elsewhere[Space].pk}" not in page
    assert mine.name not in foreign and SECRET not in foreign


@pytest.mark.parametrize(
    "model, lookup",
    [
        (ApiToken, "digest__startswith"),
        (ApiToken, "user__password__startswith"),
        (Issue, "reporter"),
        (Issue, "reporter__id__exact"),
        (Issue, "updated_by"),
        (HistoryEntry, "actor"),
        (HistoryEntry, "token__isnull"),
        (Level, "space__tokens__digest__startswith"),
        (Channel, "targets__contains"),
    ],
)
def test_hidden_columns_cannot_be_guessed_by_filtering(model, lookup, root):
    assert signed_in(root).get(admin_url(model), {lookup: "1"}).status_code == 400


def test_passwords_cannot_be_guessed_by_filtering(root):
    assert signed_in(root).get(admin_url(User), {"password__startswith": "md5"}).status_code == 400


# Nothing is deleted.


@pytest.mark.parametrize("model", **by_label(MODELS))
def test_nothing_can_be_deleted(model, here, root):
    client, count = signed_in(root), model.objects.count()

    assert client.get(row_url(here[model], "delete")).status_code == 403
    assert client.post(row_url(here[model], "delete"), {"post": "yes"}).status_code == 403
    act(client, "delete_selected", here[model])

    assert model.objects.count() == count


@pytest.mark.parametrize("prefix, model", [("memberships", Space), ("subscriptions", Channel)])
def test_nothing_can_be_deleted_in_a_list_within_a_form(prefix, model, here, alice, root):
    Subscription(channel=here[Channel], user=alice).save()

    submit(signed_in(root), here[model], **{f"{prefix}-0-DELETE": "on"})

    assert Membership.objects.filter(is_active=True).count() == 1
    assert Subscription.objects.filter(is_active=True).count() == 1


def test_rows_are_retired_and_brought_back(alice, ops):
    rows = [LevelFactory(space=ops), LevelFactory(space=ops)]
    client = signed_in(alice)

    retired = act(client, "retire", *rows)
    after = [Level.objects.get(pk=row.pk).is_active for row in rows]
    act(client, "bring_back", *rows)

    assert "2 retired." in retired.content.decode()
    assert after == [False, False]
    assert [Level.objects.get(pk=row.pk).is_active for row in rows] == [True, True]
    assert LogEntry.objects.filter(user=alice).count() == 4


def test_the_default_channel_is_not_retired_and_takes_no_other_with_it(alice, ops):
    default, other = Channel.objects.get(space=ops, is_default=True), ChannelFactory(space=ops)

    response = act(signed_in(alice), "retire", other, default)
    submit(signed_in(alice), default, is_active=None)

    assert "All: The default channel cannot be retired." in response.content.decode()
    assert not Channel.objects.filter(is_active=False).exists()


# Levels.


def test_system_levels_are_shown_and_cannot_be_changed_by_any_post(alice, root):
    level = Level.objects.get(space=None, key="P1")
    before = list(Level.objects.filter(space=None).values().order_by("id"))

    for client in (signed_in(alice), signed_in(root)):
        page = client.get(row_url(level)).content.decode()
        assert "do not change" in page and 'name="_save"' not in page
        assert client.post(row_url(level), {"name": "Mine"}).status_code == 403
        edit_list(client, level, rank="7", is_active=None)
        edit_list(client, level, **{"rank": "7", "name": "Mine", "space": "1"})
        refused = act(client, "retire", level).content.decode()
        assert "do not change" in refused

    assert list(Level.objects.filter(space=None).values().order_by("id")) == before
    assert not HistoryEntry.objects.filter(subject=level.uuid).exists()


def test_the_list_of_levels_goes_by_rank_and_shows_each_colour(alice, ops):
    LevelFactory(space=ops, key="SEV", rank=15, color="#123456")

    page = signed_in(alice).get(admin_url(Level))

    assert [row.key for row in page.context["cl"].result_list] == ["P0", "P1", "SEV", "P2", "P3"]
    assert '<rect width="16" height="16" rx="4" fill="#123456"/>' in page.content.decode()
    assert "style=" not in page.content.decode()


@pytest.mark.parametrize(
    "color, shown", [("#FFFFFF", "18.8 ok"), ("#777777", "4.4 too low"), ("#000000", "21.0 ok")]
)
def test_the_contrast_of_a_level_is_that_of_its_better_text(color, shown, alice, ops):
    LevelFactory(space=ops, color=color)

    assert shown in signed_in(alice).get(admin_url(Level)).content.decode()


def test_a_colour_that_reads_badly_is_saved_with_a_warning(alice, ops):
    level = LevelFactory(space=ops)
    client = signed_in(alice)

    submit(client, level, color="#777777")
    page = client.get(admin_url(Level)).content.decode()

    level.refresh_from_db()
    assert level.color == "#777777"
    assert "#777777 is hard to read on" in page


def test_the_list_of_levels_counts_the_issues_that_one_administers(alice, ops, charlie, root):
    level = Level.objects.get(space=None, key="P0")
    IssueFactory(space=ops, level=level)
    IssueFactory(space=ops, level=level, status="closed")
    IssueFactory(space=ops, level=level).trash()
    IssueFactory(space=Space.objects.get(key="DATA"), level=level)

    def counts(user):
        rows = signed_in(user).get(admin_url(Level)).context["cl"].result_list
        return next((row.open_issues, row.all_issues) for row in rows if row.pk == level.pk)

    assert counts(alice) == (1, 2)
    assert counts(root) == (2, 3)
    page = signed_in(alice).get(admin_url(Level)).content.decode()
    assert f'<a href="/issues/?level={level.uuid}">2</a>' in page


def test_what_others_changed_while_a_form_was_open_stays(alice, ops):
    level = LevelFactory(space=ops, name="Old", rank=40)
    client = signed_in(alice)
    form = form_of(client.get(row_url(level)), "level_form")
    listed = form_of(client.get(admin_url(Level)), "changelist-form")
    theirs = Level.objects.get(pk=level.pk)
    theirs.rank, theirs.name = 5, "Theirs"
    theirs.save()

    client.post(row_url(level), form | {"description": "Mine"})
    client.post(admin_url(Level), listed | {"_save": "Save"})

    level.refresh_from_db()
    assert (level.rank, level.name, level.description) == (5, "Theirs", "Mine")


# What a form refuses.


def test_a_second_level_of_a_key_is_refused_at_the_key(alice, ops):
    LevelFactory(space=ops, key="SEV")
    other = LevelFactory(space=ops, key="OTHER")
    client = signed_in(alice)

    added = add(client, Level, space=ops.pk, key="SEV", name="Again")
    changed = submit(client, other, key="SEV")

    assert (
        errors_of(added) == errors_of(changed) == {"key": ["Level with this Space and Key already exists."]}
    )


def test_a_second_member_is_refused_at_the_person(alice, bob, ops):
    rows = member_rows({"user": bob.pk, "role": "viewer"}, start=2)

    response = submit(signed_in(alice), ops, **rows)

    assert list(errors_of(response)) == ["memberships-2-user"]


def test_what_save_refuses_is_said_in_the_form_and_nothing_is_written(alice, ops, monkeypatch):
    def refuse(self, stored, changed):
        raise ValidationError({"role": "A space keeps at least one admin."})

    monkeypatch.setattr(Membership, "validate", refuse)
    entries = HistoryEntry.objects.count()

    response = submit(signed_in(alice), ops, name="Renamed", **{"memberships-0-role": "viewer"})

    assert errors_of(response) == {"memberships-0-role": ["A space keeps at least one admin."]}
    assert form_of(response, "space_form")["name"] == "Renamed"
    ops.refresh_from_db()
    assert ops.name == "Operations"
    assert HistoryEntry.objects.count() == entries
    assert not LogEntry.objects.exists()


def test_what_save_refuses_in_a_list_is_said_in_the_row(alice, ops, monkeypatch):
    level = LevelFactory(space=ops, rank=40)

    def refuse(self, stored, changed):
        raise ValidationError({"rank": "Not this one."})

    monkeypatch.setattr(Level, "validate", refuse)

    response = edit_list(signed_in(alice), level, rank="7")

    assert list(errors_of(response).values()) == [["Not this one."]]
    level.refresh_from_db()
    assert level.rank == 40


def test_somebody_who_was_quicker_is_a_form_error(alice, ops, monkeypatch):
    level = LevelFactory(space=ops)

    def clash(self, **kwargs):
        raise IntegrityError

    monkeypatch.setattr(Level, "save", clash)

    response = submit(signed_in(alice), level, name="New")

    assert response.status_code == 200
    assert "Somebody was quicker" in errors_of(response)["__all__"][0]


HUGE = "9" * 5_000
HOSTILE = {
    "name": ["", "x" * 300, "a\x00b", HUGE],
    "key": ["", "x" * 65, "\x00"],
    "rank": ["", "-1", "32768", "1e3", HUGE, str(2**63), "\x00", "①"],
    "color": ["", "red", "#12345", "#1234567", "#GGGGGG", "url(javascript:alert(1))", "\x00"],
    "severity": ["", "urgent", "\x00"],
    "description": ["a\x00b"],
}


@pytest.mark.parametrize("name, value", [(name, value) for name in HOSTILE for value in HOSTILE[name]])
def test_a_form_refuses_what_no_level_may_be_at_its_field(name, value, alice, ops):
    level = LevelFactory(space=ops)

    response = submit(signed_in(alice), level, **{name: value})

    assert response.status_code == 200
    assert list(errors_of(response)) == [name]


@pytest.mark.parametrize("value", HOSTILE["rank"])
def test_list_editing_refuses_what_no_rank_is(value, alice, ops):
    level = LevelFactory(space=ops)

    response = edit_list(signed_in(alice), level, rank=value)

    assert response.status_code == 200
    assert [name.rpartition("-")[2] for name in errors_of(response)] == ["rank"]


def post_in_utf7(client, url, fields):
    """Send a form in UTF-7, the one charset in which a lone surrogate can be spelled."""
    parts = [f'--b\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in fields.items()]
    body = f"{''.join(parts)}--b--\r\n".encode()
    return client.generic("POST", url, body, content_type="multipart/form-data; boundary=b; charset=utf-7")


def test_a_lone_surrogate_is_a_form_error(alice, ops):
    level = LevelFactory(space=ops)
    client = signed_in(alice)
    fields = form_of(client.get(row_url(level)), "level_form")
    fields |= {"name": "+2AA-", "initial-key": "+2AA-", "color": "+ACM-000000"}

    response = post_in_utf7(client, row_url(level), fields)

    assert errors_of(response) == {"name": ["Lone surrogates are not allowed."]}


@pytest.mark.parametrize(
    "name", ["memberships-0-role", "memberships-0-id", "initial-memberships-0-role", "name"]
)
def test_a_lone_surrogate_in_a_list_within_a_form_is_no_500(name, alice, ops):
    client = signed_in(alice)
    fields = form_of(client.get(row_url(ops)), "space_form") | {"key": "", name: "+2AA-"}

    response = post_in_utf7(client, row_url(ops), fields)

    assert response.status_code == 200
    assert "key" in errors_of(response)


@pytest.mark.parametrize(
    "text, reason",
    [
        ("[", "JSON parse error at character 1"),
        ("{}", "A list of targets in brackets"),
        ('["x"]', "1: "),
        ('[{"kind": "email", "address": "a@example.com"}, {"kind": "pigeon"}]', "2 kind: "),
        ('[{"kind": "email"}]', "1 address: "),
        ('[{"kind": "webhook", "url": "javascript:alert(1)"}]', "1 url: "),
        ("[" * 50_000, "nested deeper"),
        ('[{"kind": "email", "to": "\\u0000"}]', "NUL characters"),
        ('[{"kind": "email", "to": "\\ud800"}]', "surrogates"),
        ("[NaN]", "NaN"),
        (f"[{HUGE}]", ""),
    ],
)
def test_targets_that_are_none_are_refused_with_the_reason(text, reason, alice, ops):
    channel = ChannelFactory(space=ops)

    response = submit(signed_in(alice), channel, targets=text)

    assert list(errors_of(response)) == ["targets"]
    assert reason in errors_of(response)["targets"][0]


def test_targets_are_shown_readably_and_kept_as_they_are(alice, ops):
    targets = [{"kind": "webhook", "url": "https://example.com/ä", "name": "Ops room"}]
    channel = ChannelFactory(space=ops, targets=targets)
    client = signed_in(alice)
    entries = HistoryEntry.objects.count()

    shown = form_of(client.get(row_url(channel)), "channel_form")["targets"]
    submit(client, channel)
    submit(client, channel, targets=json.dumps([*targets, {"kind": "email", "address": "a@example.com"}]))

    channel.refresh_from_db()
    assert '\n    "kind": "webhook",\n' in shown
    assert [target["kind"] for target in channel.targets] == ["webhook", "email"]
    assert channel.targets[0] == targets[0]
    assert HistoryEntry.objects.count() == entries + 1


@pytest.mark.parametrize("key", ["abc", "", "-1", "1.5", HUGE, str(2**63), "①", "\x00"])
def test_keys_that_are_none_are_a_bad_request(key, alice, ops):
    level = LevelFactory(space=ops)
    client = signed_in(alice)
    data = form_of(client.get(admin_url(Level)), "changelist-form") | {"_save": "Save"}
    mine = next(name for name, value in data.items() if value == str(level.pk) and name.endswith("-id"))

    assert act(client, "retire", key, model=Level).status_code == 400
    assert client.post(admin_url(Level), data | {mine: key}).status_code == 400


@pytest.mark.parametrize(
    "data",
    [
        {"form-TOTAL_FORMS": "x"},
        {"form-TOTAL_FORMS": HUGE},
        {"form-TOTAL_FORMS": "1999", "form-INITIAL_FORMS": "1999"},
        {"form-INITIAL_FORMS": "0"},
    ],
)
def test_a_list_whose_frame_was_tampered_with_is_no_500(data, alice, ops):
    LevelFactory(space=ops)
    client = signed_in(alice)
    sent = form_of(client.get(admin_url(Level)), "changelist-form") | {"_save": "Save"} | data

    assert client.post(admin_url(Level), sent).status_code < 500


@pytest.mark.parametrize(
    "data",
    [
        {"memberships-TOTAL_FORMS": "x"},
        {"memberships-TOTAL_FORMS": HUGE},
        {"memberships-INITIAL_FORMS": "7"},
        {"memberships-0-id": HUGE},
        {"memberships-0-id": "abc"},
        {"memberships-0-space": "999"},
        {"_saveasnew": "1"},
        {"_to_field": "digest"},
        {"_to_field": "\x00"},
        {"_popup": "1"},
    ],
)
@pytest.mark.parametrize("who", ["alice", "root"])
def test_a_form_whose_frame_was_tampered_with_is_no_500(data, who, alice, ops, request):
    client = signed_in(request.getfixturevalue(who))

    assert submit(client, ops, **data).status_code < 500
    assert Membership.objects.get(user=alice).space == ops


@pytest.mark.parametrize(
    "query", ["p=0", "p=x", f"p={2**70}", "o=99.x.-1", "e=1", "all=", "_popup=1", "q=%22", "q='"]
)
@pytest.mark.parametrize("model", **by_label(MODELS))
def test_addresses_of_lists_are_no_500(query, model, here, root):
    client = signed_in(root)

    assert client.get(f"{admin_url(model)}?{query}", follow=True).status_code in (200, 400)
    assert (
        client.get(f"{admin_url(model, 'add')}?{query}&space=x&rank=x&targets=x", follow=True).status_code
        < 500
    )


# Spaces and people.


def test_a_superuser_makes_a_space_with_its_first_admin(root, bob):
    added = member_rows({"user": bob.pk, "role": "admin"}, start=0)

    response = add(signed_in(root), Space, key="web", name="Web", is_reopening="on", is_active="on", **added)

    assert response.status_code == 302
    space = Space.objects.get(key="WEB")
    assert space.channels.get().is_default
    assert Membership.objects.get(space=space).role == "admin"
    assert {e.source for e in HistoryEntry.objects.filter(space=space)} == {"admin"}
    assert {e.actor for e in HistoryEntry.objects.filter(space=space)} == {root}


def test_a_subscriber_is_a_member_of_the_channel_s_space(root, bob, ops, charlie):
    channel = ChannelFactory(space=ops)
    client = signed_in(root)

    def subscribe(person):
        rows = member_rows({"user": person.pk, "kind": "attention"}, start=0, prefix="subscriptions")
        return submit(client, channel, **rows)

    assert subscribe(bob).status_code == 302
    response = submit(
        client, channel, **member_rows({"user": charlie.pk, "kind": "attention"}, prefix="subscriptions")
    )

    assert "not a member" in errors_of(response)["subscriptions-1-user"][0]
    assert Subscription.objects.get().user == bob


def test_the_person_of_a_membership_stays(alice, bob, ops):
    Membership.objects.get(user=bob)

    submit(signed_in(alice), ops, **{"memberships-1-user": alice.pk, "memberships-1-role": "viewer"})

    assert Membership.objects.get(user=bob).role == "viewer"


def test_a_new_person_has_no_password_yet(root):
    response = add(signed_in(root), User, name="New Person", email="New@Example.com", time_zone="UTC")

    assert response.status_code == 302
    person = User.objects.get(email="new@example.com")
    assert not person.has_usable_password()
    assert not person.is_staff


@pytest.mark.parametrize(
    "values, field",
    [
        ({"email": "ALICE@example.com"}, "email"),
        ({"email": "none"}, "email"),
        ({"name": "x" * 300}, "name"),
        ({"name": "\x00"}, "name"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"time_zone": "../../etc/passwd"}, "time_zone"),
    ],
)
def test_a_person_s_form_refuses_at_the_field(values, field, alice, root):
    good = {"name": "New", "email": "new@example.com", "time_zone": "UTC"}

    assert list(errors_of(add(signed_in(root), User, **good | values))) == [field]


def test_people_without_an_address_are_several(root):
    for name in ("First", "Second"):
        add(signed_in(root), User, name=name, email="", time_zone="UTC")

    assert User.objects.filter(email=None).count() == 2


def test_nobody_shuts_themselves_out(root):
    client = signed_in(root)

    for response in (submit(client, root, is_superuser=None), submit(client, root, is_active=None)):
        assert "ask another superuser" in errors_of(response)["__all__"][0]
    act(client, "retire", root)

    root.refresh_from_db()
    assert root.is_active and root.is_superuser


def test_a_deactivated_person_is_out_at_once(root, bob):
    theirs = signed_in(bob)

    act(signed_in(root), "retire", bob)

    assert theirs.get("/issues/").status_code == 302
    assert User.objects.get(pk=bob.pk).name == "Bob Colleague"


# Secrets, anonymity, history.


def walk(client, rows):
    """The text of every page of the administration."""
    pages = [client.get(address, follow=True).content.decode() for address in routes(rows)]
    pages += [client.get(row_url(entry)).content.decode() for entry in HistoryEntry.objects.all()]
    return "\n".join(pages)


@pytest.mark.parametrize("who", ["alice", "root"])
def test_no_page_shows_a_secret_or_its_digest(who, here, request):
    token = here[ApiToken]
    user = request.getfixturevalue(who)
    user.set_password("correct horse")
    user.save()

    text = walk(signed_in(user), here)

    assert token.name in text
    assert token.digest not in text
    assert User.objects.get(pk=user.pk).password not in text


def test_a_token_is_revoked_and_not_otherwise_changed(alice, here):
    token, client = here[ApiToken], signed_in(alice)

    assert client.get(admin_url(ApiToken, "add")).status_code == 403
    assert client.post(row_url(token), {"name": "x", "scope": "write"}).status_code == 403
    act(client, "bring_back", token)
    act(client, "revoke", token)

    token.refresh_from_db()
    assert not token.is_active
    entry = HistoryEntry.objects.get(subject=token.uuid, action="apitoken_retired")
    assert (entry.source, entry.actor) == ("admin", alice)


@pytest.mark.parametrize("who", ["alice", "root"])
def test_an_anonymous_reporter_is_named_on_no_page(who, here, ops, request):
    hidden = UserFactory(name="Hidden Reporter", email="hidden@example.com")
    with acting_as(lambda: Actor(user=hidden, source="web")):
        issue = IssueFactory(space=ops, title="Anonymous tip", reporter=hidden, is_anonymous=True)
        issue.status = "acknowledged"
        issue.save()
    client = signed_in(request.getfixturevalue(who))
    rows = here | {Issue: issue, HistoryEntry: HistoryEntry.objects.get(issue=issue, position=2)}
    # The list of people is no place where it would be a secret that they exist.
    pages = [address for address in routes(rows) if "/accounts/user/" not in address]

    text = "\n".join(client.get(address, follow=True).content.decode() for address in pages)
    for entry in HistoryEntry.objects.filter(issue=issue):
        text += client.get(row_url(entry)).content.decode()
    found = client.get(admin_url(HistoryEntry), {"q": "hidden@example.com"})

    assert "Anonymous tip" in text
    assert "Hidden" not in text and "hidden@" not in text and str(hidden.uuid) not in text
    assert not found.context["cl"].result_list


def test_history_shows_old_and_new_and_texts_unless_they_are_blanked(alice, ops):
    issue = IssueFactory(space=ops, title="First words", description="")
    for text in ("Leaked secret", "Harmless"):
        issue.description = text
        issue.save()
    client = signed_in(alice)

    before = client.get(admin_url(HistoryEntry)).content.decode()
    blank(ops, "Leaked secret", alice)
    after = client.get(admin_url(HistoryEntry)).content.decode()

    assert "Leaked secret" in before and "Harmless" in before
    assert "Leaked secret" not in after and "(blanked)" in after and "Harmless" in after


def blank(space, text, by):
    rows = TextVersion.objects.filter(space=space, sha256=digest(text))
    models.QuerySet.update(rows, text="", blanked_at=timezone.now(), blanked_by=by, blanked_why="test")


def test_history_is_found_by_issue_person_and_row(alice, bob, ops):
    issue, level = IssueFactory(space=ops), LevelFactory(space=ops, name="Wanted")
    with acting_as(lambda: Actor(user=bob, source="api")):
        IssueFactory(space=ops, title="By Bob")
    client = signed_in(alice)

    def found(**params):
        return [
            entry.action for entry in client.get(admin_url(HistoryEntry), params).context["cl"].result_list
        ]

    assert found(q=issue.key) == found(q=str(issue.uuid)) == ["created"]
    assert found(q="bob@example.com") == found(q=str(bob.uuid)) == ["created"]
    assert found(q=str(level.uuid)) == ["level_created"]
    assert found(q="nothing") == found(source="datadog") == []
    assert set(found(action="level_created")) == {"level_created"}
    assert client.get(row_url(level, "history"))["Location"].endswith(f"?q={level.uuid}")


def test_history_and_issues_are_read_only(alice, here):
    client = signed_in(alice)

    for model in (HistoryEntry, Issue):
        assert client.get(admin_url(model, "add")).status_code == 403
        assert client.post(row_url(here[model]), {"title": "x", "status": "closed"}).status_code == 403
        assert 'name="_save"' not in client.get(row_url(here[model])).content.decode()
        act(client, "retire", here[model])

    assert Issue.objects.get().status == "open"


def test_deleted_issues_are_marked(alice, ops):
    issue = IssueFactory(space=ops)
    issue.trash()
    client = signed_in(alice)

    assert "deleted" in client.get(admin_url(Issue)).content.decode().partition("result_list")[2]
    assert not client.get(admin_url(Issue), {"deleted": "no"}).context["cl"].result_list
    assert "View on site" not in client.get(row_url(issue)).content.decode()


# Cost.


def grow(space, alice):
    LevelFactory(space=space)
    channel = ChannelFactory(space=space, targets=[{"kind": "email"}])
    Subscription(channel=channel, user=alice).save()
    TeamFactory(space=space)
    ProjectFactory(space=space)
    EnvironmentFactory(space=space)
    user = UserFactory(member_of=space)
    TokenFactory(space=space, user=user)
    with acting_as(lambda: Actor(user=user, source="web")):
        IssueFactory(
            space=space, reporter=user, assignee=user, description="words", level=Level.objects.first()
        )


@pytest.mark.parametrize("model", **by_label(MODELS))
def test_a_list_costs_the_same_with_more_rows(model, ops, root, django_assert_num_queries):
    client = signed_in(root)
    grow(ops, root)
    client.get(admin_url(model))
    with count_queries() as few:
        client.get(admin_url(model))
    for key in ("AAA", "BBB", "CCC"):
        grow(SpaceFactory(key=key), root)
        grow(ops, root)

    with django_assert_num_queries(len(few)):
        client.get(admin_url(model))

    assert len(few) <= 9


def count_queries():
    return CaptureQueriesContext(connection)


@pytest.mark.parametrize("model", **by_label((Space, Channel)))
def test_a_form_costs_the_same_with_more_people(model, ops, root, alice, django_assert_num_queries):
    row = ops if model is Space else ChannelFactory(space=ops)
    client = signed_in(root)

    def join():
        user = UserFactory(member_of=ops)
        if model is Channel:
            Subscription(channel=row, user=user).save()

    join()
    client.get(row_url(row))
    with count_queries() as few:
        client.get(row_url(row))
    join()
    join()

    with django_assert_num_queries(len(few)):
        client.get(row_url(row))


def test_large_tables_are_counted_no_further_than_a_hundred_pages(ops, root):
    IssueFactory(space=ops)
    client = signed_in(root)

    with count_queries() as queries:
        client.get(admin_url(HistoryEntry))
        client.get(admin_url(Issue))

    counts = [query["sql"] for query in queries if "COUNT(" in query["sql"]]
    assert len(counts) == 2
    assert all("LIMIT 5000" in sql for sql in counts)
