"""The cast, and the one place that lifts the triggers of history: a test's clean-up."""

import pytest
from django.db import connections
from django.test import Client, TransactionTestCase

from issues.models.triggers import lift_triggers
from tests.factories import MembershipFactory, SpaceFactory, TokenFactory

flush = TransactionTestCase._fixture_teardown


def flush_with_history(self):
    """After a test with real transactions Django empties every table, then `post_migrate` refills some."""
    lift_triggers(connections["default"])
    flush(self)


TransactionTestCase._fixture_teardown = flush_with_history


def person(space, role, name):
    email = f"{name.split()[0].lower()}@example.com"
    return MembershipFactory(space=space, role=role, user__name=name, user__email=email).user


@pytest.fixture
def ops(db):
    """A space."""
    return SpaceFactory(key="OPS", name="Operations")


@pytest.fixture
def alice(ops):
    """An admin of OPS."""
    return person(ops, "admin", "Alice Owner")


@pytest.fixture
def bob(ops):
    """A member of OPS."""
    return person(ops, "member", "Bob Colleague")


@pytest.fixture
def vera(ops):
    """A viewer of OPS."""
    return person(ops, "viewer", "Vera Viewer")


@pytest.fixture
def charlie(db):
    """A stranger: an admin of another space."""
    return person(SpaceFactory(key="DATA", name="Data"), "admin", "Charlie Stranger")


@pytest.fixture
def api(client, ops):
    """A function that signs a person in by token: `api(alice).get(…)` is a client of the REST API."""
    def signed_in(user, scope="write"):
        secret = f"trk_{user.pk}_{scope}"
        TokenFactory(secret=secret, user=user, space=ops, scope=scope)
        return Client(headers={"authorization": f"Bearer {secret}"})

    return signed_in
