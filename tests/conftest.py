"""The cast, and the one place that lifts the triggers of history: a test's clean-up."""

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.db import connections
from django.test import Client, TransactionTestCase

from issues.models.triggers import lift_triggers
from tests.factories import MembershipFactory, SpaceFactory, TokenFactory

flush = TransactionTestCase._fixture_teardown
# Fixtures of which one is behind every use of the database.
ASKING = {"db", "transactional_db", "live_server"}


def flush_with_history(self):
    """After a test with real transactions Django empties every table, then `post_migrate` refills some."""
    lift_triggers(connections["default"])
    flush(self)


TransactionTestCase._fixture_teardown = flush_with_history


@pytest.fixture(autouse=True)
def quick_passwords(settings):
    """The real hasher is slow on purpose."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(scope="session")
def uploads(tmp_path_factory):
    """Where the files of all tests lie, under names made of their content."""
    return tmp_path_factory.mktemp("uploads")


@pytest.fixture(autouse=True)
def uploads_aside(settings, uploads):
    settings.MEDIA_ROOT = uploads


@pytest.fixture
def production_files(settings, tmp_path):
    """Static files kept and served as in production; the folder in which they lie."""
    settings.STATIC_ROOT = tmp_path / "static"
    kept = {"BACKEND": "tracker.static_files.ManifestStorage"}
    settings.STORAGES = settings.STORAGES | {"staticfiles": kept}
    settings.WHITENOISE_USE_FINDERS = settings.WHITENOISE_AUTOREFRESH = False
    call_command("collectstatic", interactive=False, verbosity=0)
    return settings.STATIC_ROOT


def pytest_collection_modifyitems(config, items):
    """Leave out what the database of this run has not: `@pytest.mark.database("sqlite")`.

    What asks none comes out the same on each, and is a part of the run on SQLite alone.
    """
    vendor = connections["default"].vendor
    others = {item for item in items if vendor not in vendors_of(item)}
    if others:
        config.hook.pytest_deselected(items=list(others))
        items[:] = [item for item in items if item not in others]


def vendors_of(item):
    """The databases on which a test is run."""
    if marker := item.get_closest_marker("database"):
        return marker.args
    asks = item.get_closest_marker("django_db") or ASKING & set(item.fixturenames)
    return ("sqlite", "postgresql") if asks else ("sqlite",)


@pytest.fixture(autouse=True)
def nobody_called_yet():
    """Throttles count in the cache, by primary keys that the next test's rows have again."""
    cache.clear()


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
def api(ops):
    """A function that signs a person in by token: `api(alice).get(…)` is a client of the REST API."""
    clients = {}

    def signed_in(user, scope="write"):
        secret = f"trk_{user.pk}_{scope}"
        if secret not in clients:
            TokenFactory(secret=secret, user=user, space=ops, scope=scope)
            clients[secret] = Client(headers={"authorization": f"Bearer {secret}"})
        return clients[secret]

    return signed_in
