"""People, memberships and tokens through the native API."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from issues.models import HistoryEntry, Membership
from tests.calls import done, names, pointers, send, url
from tests.chains import space_entries, values
from tests.factories import ChannelFactory, MembershipFactory, SpaceFactory, TokenFactory, UserFactory
from tracker.accounts.models import ApiToken, IdempotencyKey, digest_of

pytestmark = pytest.mark.django_db

USERS, MEMBERSHIPS, TOKENS = "/api/users/", "/api/memberships/", "/api/tokens/"


# People.


def test_a_person_is_shown_with_the_spaces_that_one_shares(api, vera, bob, ops):
    bob.handle = "bobby"
    bob.save()
    MembershipFactory(user=bob, space=SpaceFactory(key="SECRET"))
    shared = MembershipFactory(user=bob, space=SpaceFactory(key="BOTH"), role="admin").space
    MembershipFactory(user=vera, space=shared)
    MembershipFactory(user=bob, space=MembershipFactory(user=vera).space, is_active=False)

    document = done(api(vera).get(f"{USERS}{bob.uuid}/"))

    assert document == {
        "id": str(bob.uuid),
        "name": "Bob Colleague",
        "email": "bob@example.com",
        "handle": "bobby",
        "avatar_url": None,
        "is_active": True,
        "spaces": [
            {"id": str(shared.uuid), "key": "BOTH", "role": "admin"},
            {"id": str(ops.uuid), "key": "OPS", "role": "member"},
        ],
    }


def test_oneself_is_shown_whatever_the_spaces(client, api, vera):
    loner = UserFactory(name="Loner", email=None)
    client.force_login(loner)

    alone, member = done(client.get(f"{USERS}me/")), done(api(vera, "read").get(f"{USERS}me/"))

    assert (alone["name"], alone["email"], alone["handle"], alone["spaces"]) == ("Loner", None, None, [])
    assert [space["key"] for space in member["spaces"]] == ["OPS"]


def test_people_are_found_by_space_state_and_part_of_a_name(api, alice, bob, vera, charlie, ops):
    two = MembershipFactory(user=vera, space=SpaceFactory(key="TWO")).space
    zoe = UserFactory(member_of=two, name="Zoe", email="first.last@example.org", handle="HAL")
    UserFactory(member_of=ops, name="Deactivated", email="gone@example.com", is_active=False)
    MembershipFactory(user__name="Left", space=ops, is_active=False)

    def found(query=""):
        return names(api(vera).get(f"{USERS}?{query}"))

    assert found() == ["Alice Owner", "Bob Colleague", "Deactivated", "Vera Viewer", zoe.name]
    assert found("space=two") == ["Vera Viewer", "Zoe"]
    assert found("is_active=false") == ["Deactivated"]
    assert found("q=LAST%40exam") == found("q=hal") == found("q=zo") == ["Zoe"]
    assert found("q=%25") == found("q=charlie") == []
    assert found("space=OPS&is_active=true&q=o&page_size=1") == ["Alice Owner"]
    assert pointers(api(vera).get(f"{USERS}?q={'x' * 257}")) == ["q"]
    assert pointers(api(vera).get(f"{USERS}?password=x")) == ["password"]
    assert pointers(api(vera).get(f"{USERS}?space=DATA"), 404) == ["space"]


def test_the_list_of_people_costs_the_same_however_many_there_are(api, vera, ops, django_assert_num_queries):
    client = api(vera)
    for _ in range(2):
        with django_assert_num_queries(3):
            found = client.get(f"{USERS}?page_size=100")
        for _ in range(10):
            MembershipFactory(user=UserFactory(member_of=ops))

    assert len(names(found)) == 11


# Memberships.


def test_an_admin_takes_somebody_in_by_id_or_e_mail(api, alice, ops):
    other = MembershipFactory(user=alice, role="viewer").space
    known = [UserFactory(member_of=other) for _ in range(2)]

    by_id = done(send(api(alice), "post", MEMBERSHIPS, {"space": "OPS", "user": known[0].uuid.hex}), 201)
    body = {"space": {"id": str(ops.uuid)}, "user": known[1].email.upper(), "role": "admin"}
    by_email = done(send(api(alice), "post", MEMBERSHIPS, body), 201)

    assert (by_id["user"]["id"], by_id["role"], by_id["space"]["key"]) == (
        str(known[0].uuid),
        "member",
        "OPS",
    )
    assert (by_email["user"]["email"], by_email["role"], by_email["is_active"]) == (
        known[1].email,
        "admin",
        True,
    )
    assert known[1].space_roles()[ops.pk] == "admin"


def test_who_is_not_known_looks_like_who_is_not_there(api, alice, charlie, ops):
    bodies = [
        {"space": "OPS", "user": name}
        for name in (charlie.email, str(charlie.uuid), "nobody@example.com", str(ops.uuid))
    ]

    answers = [send(api(alice), "post", MEMBERSHIPS, body) for body in bodies]

    assert [pointers(response, 404) for response in answers] == [["/user"]] * 4
    assert len({response.json()["detail"] for response in answers}) == 1
    assert not charlie.memberships.filter(space=ops).exists()


def test_who_comes_back_has_the_role_that_is_given_now(api, alice, ops):
    former = MembershipFactory(space=ops, role="admin", is_active=False)

    document = done(send(api(alice), "post", MEMBERSHIPS, {"space": "OPS", "user": former.user.email}), 201)

    assert (document["id"], document["role"], document["is_active"]) == (str(former.uuid), "member", True)
    assert Membership.objects.filter(user=former.user).count() == 1


def test_who_cannot_be_taken_in_is_refused_by_name(api, alice, bob, ops):
    deactivated = MembershipFactory(space=ops, user__is_active=False, is_active=False).user

    answers = [
        send(api(alice), "post", MEMBERSHIPS, {"space": "OPS"} | body)
        for body in (
            {"user": bob.email},
            {"user": deactivated.email},
            {},
            {"user": None},
            {"user": 5},
            {"user": bob.email, "role": "owner"},
            {"user": bob.email, "is_staff": True},
        )
    ]

    assert [pointers(response) for response in answers] == [
        *([["/user"]] * 5),
        ["/role"],
        ["/is_staff"],
    ]


def test_a_role_changes_and_the_rest_of_a_membership_does_not(api, alice, bob, vera, ops):
    membership = bob.memberships.get()
    client, address = api(alice), url("memberships", membership)

    changed = done(send(client, "patch", address, {"role": "viewer"}))
    passed_on = send(client, "patch", address, {"user": vera.email})
    put_back = done(send(client, "put", address, changed))

    assert changed["role"] == "viewer"
    assert pointers(passed_on) == ["/user"]
    assert put_back == changed
    assert type(bob).objects.get(pk=bob.pk).space_roles() == {ops.pk: "viewer"}


def test_who_is_put_out_sees_nothing_more_and_keeps_their_name(api, alice, bob, ops):
    membership, bobs = bob.memberships.get(), api(bob)

    status = send(api(alice), "delete", url("memberships", membership)).status_code

    assert status == 204
    assert bobs.get(f"/api/spaces/{ops.uuid}/").status_code == 404
    assert done(api(alice).get(url("memberships", membership)))["user"]["name"] == "Bob Colleague"
    listed = done(api(alice).get(f"{MEMBERSHIPS}?space=OPS&is_active=true"))["results"]
    assert [row["user"]["name"] for row in listed] == ["Alice Owner"]


@pytest.mark.parametrize(
    ("method", "body", "pointer"),
    [
        ("patch", {"role": "member"}, "/role"),
        ("patch", {"role": "viewer", "is_active": False}, "/role"),
        ("patch", {"is_active": False}, "/is_active"),
        ("delete", None, "/is_active"),
    ],
)
def test_the_last_admin_stays_one(api, alice, bob, ops, method, body, pointer):
    MembershipFactory(space=ops, role="admin", is_active=False)
    MembershipFactory(space=ops, role="admin", user__is_active=False)
    MembershipFactory(role="admin", user=bob)
    client, before = api(alice), len(space_entries(ops))

    response = send(client, method, url("memberships", alice.memberships.get()), body)

    assert pointers(response) == [pointer]
    assert alice.memberships.get().is_admin()
    assert len(space_entries(ops)) == before


def test_an_admin_leaves_where_there_is_another(api, alice, ops):
    MembershipFactory(space=ops, role="admin")

    response = send(api(alice), "patch", url("memberships", alice.memberships.get()), {"role": "viewer"})

    assert done(response)["role"] == "viewer"


def test_an_admin_whose_account_is_deactivated_may_be_put_out(ops):
    membership = MembershipFactory(space=ops, role="admin", user__is_active=False)

    membership.is_active = False
    membership.save()

    assert not Membership.objects.get(pk=membership.pk).is_active


def test_the_list_of_memberships_costs_the_same_however_many_there_are(
    api, vera, ops, django_assert_num_queries
):
    client = api(vera)
    for _ in range(2):
        with django_assert_num_queries(2):
            found = done(client.get(f"{MEMBERSHIPS}?page_size=100"))
        MembershipFactory.create_batch(10, space=ops)

    assert len(found["results"]) == 11


# Tokens.


def bearer(secret):
    return Client(headers={"authorization": f"Bearer {secret}"})


def test_a_new_token_works_and_its_secret_is_shown_once(api, bob, ops):
    ends = timezone.now() + timedelta(days=30)

    body = {"name": "ci", "space": "OPS", "scope": "write", "expires_at": ends.isoformat()}
    made = send(api(bob), "post", TOKENS, body)

    document = done(made, 201)
    secret = document.pop("token")
    token = ApiToken.objects.get(uuid=document["id"])
    assert secret.startswith("trk_") and len(secret) > 40
    assert (token.digest, token.user, token.scope, token.expires_at) == (
        digest_of(secret),
        bob,
        "write",
        ends,
    )
    assert made["Cache-Control"] == "no-store"
    assert bearer(secret).get(made["Location"]).json() == document
    assert (document["name"], document["scope"], document["user"]["id"]) == ("ci", "write", str(bob.uuid))
    everywhere = [api(bob).get(path).content for path in (TOKENS, made["Location"], "/api/history/")]
    assert not any(text in body for body in everywhere for text in (secret.encode(), token.digest.encode()))
    kept = [text for entry in HistoryEntry.objects.all() for text in (entry.new_value, entry.new_display)]
    assert not any(secret in (text or "") or token.digest in (text or "") for text in kept)


def test_a_session_makes_a_token_for_a_space_that_it_names(client, vera, ops):
    client.force_login(vera)

    made = send(client, "post", TOKENS, {"name": "ci", "scope": "read", "space": "OPS"})
    unnamed = send(client, "post", TOKENS, {"name": "ci"})

    secret = done(made, 201)["token"]
    assert bearer(secret).get("/api/issues/").status_code == 200
    assert send(bearer(secret), "post", TOKENS, {"name": "more"}).status_code == 403
    assert pointers(unnamed) == ["/space"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"name": "two\nlines"}, "/name"),
        ({"name": "x" * 257}, "/name"),
        ({"name": None}, "/name"),
        ({"scope": "admin"}, "/scope"),
        ({"scope": None}, "/scope"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "/expires_at"),
        ({"expires_at": "2999-01-01T00:00:00"}, "/expires_at"),
        ({"expires_at": "tomorrow"}, "/expires_at"),
        ({"expires_at": 5}, "/expires_at"),
        ({"user_id": 1}, "/user_id"),
        ({"digest": "x"}, "/digest"),
    ],
)
def test_a_token_that_does_not_do_is_refused_by_name(api, bob, body, pointer):
    client, count = api(bob), ApiToken.objects.count()

    response = send(client, "post", TOKENS, {"name": "ci"} | body)

    assert pointers(response) == [pointer]
    assert ApiToken.objects.count() == count


def test_a_token_s_tokens_do_not_outlive_it(bob, ops):
    ends = timezone.now() + timedelta(days=1)
    TokenFactory(secret="trk_short", user=bob, space=ops, expires_at=ends)
    client, later = bearer("trk_short"), ends + timedelta(seconds=1)

    same = done(send(client, "post", TOKENS, {"name": "a"}), 201)
    sooner = ends - timedelta(hours=1)
    shorter = done(send(client, "post", TOKENS, {"name": "a", "expires_at": sooner.isoformat()}), 201)
    refused = [
        send(client, "post", TOKENS, {"name": "a", "expires_at": at}) for at in (None, later.isoformat())
    ]

    found = ApiToken.objects.in_bulk([same["id"], shorter["id"]], field_name="uuid").values()
    assert sorted(token.expires_at for token in found) == [sooner, ends]
    assert [pointers(response) for response in refused] == [["/expires_at"]] * 2


def test_one_lists_ones_own_and_an_admin_those_of_the_space(api, alice, bob, charlie, ops):
    for person, name in ((alice, "hers"), (bob, "his")):
        TokenFactory(user=person, space=ops, name=name)
    elsewhere = MembershipFactory(user=bob).space
    TokenFactory(user=bob, space=elsewhere, name="elsewhere")
    TokenFactory(user=charlie, space=charlie.memberships.get().space, name="a stranger's")
    clients = api(alice), api(bob)

    lists = [
        sorted(set(names(client.get(f"{TOKENS}?page_size=100{query}"))) - {"a program"})
        for client in clients
        for query in ("", "&space=OPS")
    ]

    assert lists == [["hers"], ["hers", "his"], ["elsewhere", "his"], ["his"]]


def test_a_revoked_token_is_dead_at_once(api, alice, bob, ops):
    TokenFactory(secret="trk_his", user=bob, space=ops)
    token, client = ApiToken.objects.get(digest=digest_of("trk_his")), bearer("trk_his")
    before = client.get("/api/issues/").status_code

    statuses = [send(api(alice), "delete", url("tokens", token)).status_code for _ in range(2)]

    assert (before, statuses, client.get("/api/issues/").status_code) == (200, [204, 204], 401)
    entry = space_entries(ops)[-1]
    assert (entry.action, values(entry), entry.actor) == ("apitoken_retired", (True, False), alice)
    assert names(api(bob).get(f"{TOKENS}?is_active=false")) == [token.name]


def test_an_admin_of_one_space_does_not_reach_tokens_of_another(api, alice, bob):
    elsewhere = MembershipFactory(user=bob).space
    MembershipFactory(user=alice, space=elsewhere, role="member")
    token = TokenFactory(user=bob, space=elsewhere)

    statuses = [send(api(alice), method, url("tokens", token)).status_code for method in ("get", "delete")]

    assert statuses == [404, 404]
    assert ApiToken.objects.get(pk=token.pk).is_active


def test_one_s_own_token_can_be_revoked_though_its_home_was_left(api, bob, ops):
    left = MembershipFactory(user=bob, space=SpaceFactory(key="LEFT"), is_active=False).space
    token = TokenFactory(user=bob, space=left)

    shown = done(api(bob).get(url("tokens", token)))
    status = send(api(bob), "delete", url("tokens", token)).status_code

    assert (shown["space"], status) == (None, 204)
    assert not ApiToken.objects.get(pk=token.pk).is_active


def test_the_list_of_tokens_costs_the_same_however_many_there_are(api, bob, ops, django_assert_num_queries):
    client = api(bob)
    for _ in range(2):
        with django_assert_num_queries(2):
            found = client.get(f"{TOKENS}?page_size=100")
        TokenFactory.create_batch(10, user=bob, space=ops)

    assert len(names(found)) == 11


def test_a_repeated_request_for_a_token_makes_no_other_and_keeps_no_secret(api, bob, ops):
    request = ("post", TOKENS, {"name": "ci"})

    first = send(api(bob), *request, **{"Idempotency-Key": "k"})
    again = send(api(bob), *request, **{"Idempotency-Key": "k"})

    secret = done(first, 201)["token"]
    assert (again.status_code, again["Location"]) == (409, first["Location"])
    assert again["Content-Type"] == "application/problem+json"
    assert again["Idempotency-Replayed"] == "true"
    assert secret not in again.content.decode()
    assert ApiToken.objects.filter(name="ci").count() == 1
    assert bytes(IdempotencyKey.objects.get().body) == b""


def test_another_request_with_the_key_of_a_token_is_a_mistake_still(api, bob, ops):
    send(api(bob), "post", TOKENS, {"name": "ci"}, **{"Idempotency-Key": "k"})

    response = send(api(bob), "post", TOKENS, {"name": "other"}, **{"Idempotency-Key": "k"})

    assert response.status_code == 422


def test_other_answers_are_kept_as_before(api, alice, ops):
    body = {"name": "Alerts", "space": "OPS"}

    answers = [send(api(alice), "post", "/api/channels/", body, **{"Idempotency-Key": "k"}) for _ in range(2)]

    assert answers[0].content == answers[1].content
    assert ChannelFactory._meta.model.objects.filter(name="Alerts").count() == 1
