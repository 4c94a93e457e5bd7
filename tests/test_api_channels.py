"""Channels, their targets and who follows them, through the native API."""

import pytest

from issues.models import Channel, Subscription, TextVersion
from tests.calls import done, names, pointers, send, url
from tests.chains import space_entries
from tests.factories import ChannelFactory, IssueFactory, MembershipFactory, SubscriptionFactory, UserFactory

pytestmark = pytest.mark.django_db

CHANNELS = "/api/channels/"
SECRET = "https://hooks.example.com/T0/secret"
WEBHOOK = {"kind": "webhook", "url": SECRET, "name": "Pager", "secret": "s3cret"}
SLACK = {"kind": "slack", "url": "http://slack.internal:8080/x?y=%20"}
EMAIL = {"kind": "email", "address": "ops@example.com"}
EMPTY = dict.fromkeys(("kind", "name", "url", "address", "secret"))


@pytest.fixture
def channel(ops):
    return ChannelFactory(space=ops, name="Alerts")


def test_a_channel_is_kept_as_it_was_sent(api, alice, ops):
    body = {
        "name": "Alerts",
        "description": " Loud ones ",
        "query": 'is:open  level:P0 "x" ',
        "targets": [WEBHOOK, SLACK, EMAIL | {"url": None}],
    }

    document = done(send(api(alice), "post", CHANNELS, body | {"space": "OPS"}), 201)

    stored = Channel.objects.get(uuid=document["id"])
    assert (stored.description, stored.query) == (body["description"], body["query"])
    assert stored.targets == [WEBHOOK, SLACK, EMAIL]
    assert document["targets"] == [EMPTY | target for target in (WEBHOOK, SLACK, EMAIL)]
    assert (document["is_default"], document["is_active"], document["open_issue_count"]) == (False, True, 0)


def test_what_was_read_can_be_put_back_and_changes_nothing(api, alice, ops, channel):
    done(send(api(alice), "patch", url("channels", channel), {"targets": [WEBHOOK, SLACK, EMAIL]}))
    read, before = done(api(alice).get(url("channels", channel))), len(space_entries(ops))

    put = done(send(api(alice), "put", url("channels", channel), read))

    assert put == read
    assert len(space_entries(ops)) == before


def test_targets_are_for_admins_of_the_space_alone(api, alice, bob, vera, ops, channel):
    done(send(api(alice), "patch", url("channels", channel), {"targets": [WEBHOOK]}))
    MembershipFactory(user=bob, role="admin")
    readers = [api(bob), api(vera), api(alice, "read")]
    addresses = [CHANNELS, url("channels", channel), "/api/history/?page_size=100", "/api/history/?space=OPS"]

    shown = [reader.get(address) for reader in (*readers, api(alice)) for address in addresses[2:]]
    hidden = [reader.get(address) for reader in readers for address in addresses[:2]]

    assert all(b"hooks.example.com" not in response.content for response in shown + hidden)
    assert {done(reader.get(addresses[1]))["targets"] is None for reader in readers} == {True}
    assert done(api(alice).get(addresses[1]))["targets"][0]["url"] == SECRET
    assert TextVersion.objects.filter(text__contains=SECRET).exists()


@pytest.mark.parametrize(
    ("target", "pointer"),
    [
        ({}, "/targets/1/kind"),
        ({"kind": "pigeon"}, "/targets/1/kind"),
        ({"kind": "webhook"}, "/targets/1/url"),
        ({"kind": "webhook", "url": None}, "/targets/1/url"),
        ({"kind": "slack"}, "/targets/1/url"),
        ({"kind": "email"}, "/targets/1/address"),
        ({"kind": "email", "address": "ops"}, "/targets/1/address"),
        ({"kind": "email", "address": "a@example.com\nBcc: b@example.com"}, "/targets/1/address"),
        ({"kind": "email", "address": "a@example.com", "url": SECRET}, "/targets/1/url"),
        ({"kind": "slack", "url": SECRET, "secret": "x"}, "/targets/1/secret"),
        ({"kind": "webhook", "url": SECRET, "address": "a@example.com"}, "/targets/1/address"),
        (WEBHOOK | {"method": "PUT"}, "/targets/1/method"),
        (WEBHOOK | {"name": "two\nlines"}, "/targets/1/name"),
        (WEBHOOK | {"secret": ""}, "/targets/1/secret"),
        (WEBHOOK | {"secret": "x" * 257}, "/targets/1/secret"),
        *(
            (WEBHOOK | {"url": text}, "/targets/1/url")
            for text in (
                "", 5, "example.com", "ftp://example.com", "file:///etc/passwd", "javascript:alert(1)",
                "https://", "https:///x", "https://a b", "https://a\nb", "https://exa\\mple.com",
                "https://x:99999/", "https://[::1", "//example.com", " https://example.com",
                "https://example.com/" + "x" * 2_000,
            )
        ),
        (5, "/targets/1"),
        (None, "/targets/1"),
        ([WEBHOOK], "/targets/1"),
    ],
)  # fmt: skip
def test_a_target_that_does_not_do_is_refused_where_it_stands(api, alice, ops, channel, target, pointer):
    body = {"name": "New", "space": "OPS", "targets": [SLACK, target]}

    made = send(api(alice), "post", CHANNELS, body)
    changed = send(api(alice), "patch", url("channels", channel), {"targets": [SLACK, target]})

    assert pointers(made) == pointers(changed) == [pointer]
    assert not Channel.objects.filter(name="New").exists()
    assert Channel.objects.get(pk=channel.pk).targets == []


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"targets": None}, "/targets"),
        ({"targets": {}}, "/targets"),
        ({"targets": [EMAIL] * 21}, "/targets"),
        ({"query": "x" * 2_001}, "/query"),
        ({"query": None}, "/query"),
        ({"description": "x" * 257}, "/description"),
        ({"name": "All"}, "/name"),
        ({"name": ""}, "/name"),
    ],
)
def test_a_channel_that_does_not_do_is_refused_by_name(api, alice, ops, channel, body, pointer):
    client = api(alice)
    before = len(space_entries(ops))

    response = send(client, "patch", url("channels", channel), body)

    assert pointers(response) == [pointer]
    assert len(space_entries(ops)) == before


def test_a_space_has_so_many_webhooks_and_no_more(api, alice, ops, channel):
    ChannelFactory(space=ops, targets=[WEBHOOK] * 12)
    ChannelFactory(space=ops, targets=[WEBHOOK] * 12, is_active=False)
    ChannelFactory(targets=[WEBHOOK] * 12)

    fits = send(api(alice), "patch", url("channels", channel), {"targets": [SLACK] * 8 + [EMAIL] * 12})
    too_many = send(api(alice), "patch", url("channels", channel), {"targets": [SLACK] * 9})

    assert fits.status_code == 200, fits.content
    assert pointers(too_many) == ["/targets"]


def test_the_default_channel_keeps_its_name_and_stays_and_may_tell_people(api, alice, ops):
    default = ops.channels.get(is_default=True)
    client, address = api(alice), url("channels", default)

    refused = [
        send(client, "patch", address, {"name": "Everything"}),
        send(client, "patch", address, {"is_active": False}),
        send(client, "patch", address, {"query": "is:open"}),
        send(client, "delete", address),
    ]
    told = send(client, "patch", address, {"targets": [EMAIL], "description": "Everything", "name": "All"})
    not_made_another = send(client, "patch", address, {"is_default": False})

    assert [pointers(r) for r in refused] == [["/name"], ["/is_active"], ["/query"], ["/is_active"]]
    assert done(told)["targets"][0]["address"] == "ops@example.com"
    assert done(not_made_another)["is_default"] is True


def test_a_channel_counts_the_open_issues_that_one_sees(api, vera, charlie, ops, channel):
    other = ChannelFactory(space=ops, name="Other")
    for channels, status in (
        ([channel], "open"),
        ([channel, other], "pending"),
        ([channel], "closed"),
        ([], "open"),
    ):
        issue = IssueFactory(space=ops, status=status)
        issue.channels = channels
        issue.save()
    trashed = IssueFactory(space=ops)
    trashed.channels = [channel]
    trashed.trash()
    IssueFactory(space=charlie.memberships.get().space)

    listed = done(api(vera).get(CHANNELS))["results"]

    assert {row["name"]: row["open_issue_count"] for row in listed} == {"All": 3, "Alerts": 2, "Other": 1}
    assert done(api(vera).get(url("channels", channel)))["open_issue_count"] == 2


def test_a_list_costs_the_same_however_many_there_are(api, vera, ops, django_assert_num_queries):
    client = api(vera)
    ChannelFactory(space=ops)
    for _ in range(2):
        with django_assert_num_queries(5):
            found = client.get(f"{CHANNELS}?page_size=100")
        for _ in range(10):
            issue = IssueFactory(space=ops)
            issue.channels = [ChannelFactory(space=ops)]
            issue.save()

    assert len(names(found)) == 12


# Who follows.


def mine(channel):
    return f"{url('channels', channel)}subscription/"


def followers(client, channel):
    rows = done(client.get(f"{url('channels', channel)}subscriptions/?page_size=100"))["results"]
    return [(row["user"]["email"], row["kind"]) for row in rows]


def test_one_follows_a_channel_changes_ones_part_and_leaves(api, vera, channel):
    client = api(vera)

    none_yet = client.get(mine(channel)).status_code
    first = done(send(client, "put", mine(channel), {"kind": "attention"}))
    again = done(send(client, "put", mine(channel), {"kind": "responsible"}))
    seen = followers(client, channel)
    left = send(client, "delete", mine(channel)).status_code
    twice = send(client, "delete", mine(channel)).status_code
    back = done(send(client, "put", mine(channel), {"kind": "participate"}))

    assert (none_yet, left, twice) == (404, 204, 404)
    assert first["user"]["email"] == "vera@example.com"
    assert (first["id"], first["kind"], again["kind"]) == (again["id"], "attention", "responsible")
    assert seen == [("vera@example.com", "responsible")]
    assert (back["id"], back["kind"]) == (first["id"], "participate")
    assert Subscription.objects.count() == 1


def test_an_admin_lets_another_follow_and_stops_them(api, alice, bob, vera, channel):
    body = {"kind": "responsible", "user": bob.email}

    by_admin = done(send(api(alice), "put", mine(channel), body))
    by_oneself = done(send(api(bob), "put", mine(channel), body | {"user": {"id": str(bob.uuid)}}))
    by_another = send(api(vera), "put", mine(channel), body)
    stopped_by_another = send(api(vera), "delete", f"{mine(channel)}?user={bob.email}")
    stopped = send(api(alice), "delete", f"{mine(channel)}?user={bob.uuid}")

    assert by_admin == by_oneself
    assert (by_another.status_code, stopped_by_another.status_code) == (403, 403)
    assert stopped.status_code == 204
    assert followers(api(vera), channel) == []


@pytest.mark.parametrize(
    ("body", "pointer", "status"),
    [
        ({}, "/kind", 400),
        ({"kind": "boss"}, "/kind", 400),
        ({"kind": None}, "/kind", 400),
        ({"kind": "attention", "user": "nobody@example.com"}, "/user", 404),
        ({"kind": "attention", "user": "charlie@example.com"}, "/user", 404),
        ({"kind": "attention", "user": None}, "/user", 400),
        ({"kind": "attention", "usr": "x"}, "/usr", 400),
    ],
)
def test_a_part_that_does_not_do_is_refused_by_name(api, alice, charlie, channel, body, pointer, status):
    response = send(api(alice), "put", mine(channel), body)

    assert pointers(response, status) == [pointer]
    assert not Subscription.objects.exists()


def test_nobody_follows_a_retired_channel_anew(api, vera, channel):
    channel.is_active = False
    channel.save()

    response = send(api(vera), "put", mine(channel), {"kind": "attention"})

    assert response.status_code == 400
    assert "retired" in response.json()["detail"]


def test_who_left_the_space_follows_no_more(api, vera, ops, channel):
    leaver = UserFactory(member_of=ops)
    gone = UserFactory(member_of=ops, is_active=False)
    for person in (leaver, gone, vera):
        SubscriptionFactory(channel=channel, user=person)
    membership = leaver.memberships.get()
    membership.is_active = False
    membership.save()

    assert followers(api(vera), channel) == [("vera@example.com", "participate")]


def test_the_followers_come_in_pages_that_cost_the_same(api, vera, ops, channel, django_assert_num_queries):
    people = [UserFactory(member_of=ops) for _ in range(5)]
    for person in people:
        SubscriptionFactory(channel=channel, user=person)
    client, path = api(vera), f"{url('channels', channel)}subscriptions/?page_size=2"

    seen, address = [], path
    while address:
        with django_assert_num_queries(3):
            page = done(client.get(address))
        seen += [row["user"]["id"] for row in page["results"]]
        address = page["next"]

    assert seen == [str(person.uuid) for person in people]
    assert pointers(client.get(f"{path}&kind=attention")) == ["kind"]
