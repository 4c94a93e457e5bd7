"""Whatever the OpenAPI document of a door allows is answered as the document says (schemathesis)."""

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.factories import (
    AttachmentFactory,
    ChannelFactory,
    CommentFactory,
    IssueFactory,
    LevelFactory,
    TokenFactory,
)
from tracker.dialects.doors import doors
from tracker.dialects.ids import ulid_of
from tracker.docs import schema_address
from tracker.wsgi import application

pytestmark = pytest.mark.django_db

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
MODES = [schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE]


@pytest.fixture(autouse=True)
def connection_kept():
    """A server closes its connection after a request; this one is the test's."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


def operations(door):
    """All of them; those that delete come last, so that the others find what they ask for."""
    schema = schemathesis.openapi.from_wsgi(schema_address(door), application)
    found = [operation.ok() for operation in schema.get_all_operations()]
    return sorted(found, key=lambda operation: "delete" in operation.label.lower())


@pytest.mark.parametrize("door", doors())
def test_whatever_the_document_allows_is_answered_as_it_says(door, ops, bob, alice):
    TokenFactory(secret="trk_any", user=alice, space=ops)
    issue = IssueFactory(space=ops, reporter=bob)
    known = ids_of(issue)
    for operation in operations(door):
        ask(operation, known, {"organisation_id": ulid_of(ops.uuid)})


def ask(operation, ids, others):
    """`others` are {name: value} of what in a path is no id of an issue."""
    strategies = st.one_of([operation.as_strategy(generation_mode=mode) for mode in MODES])

    @settings(max_examples=15, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=strategies, known=st.sampled_from([None, *ids]))
    def answered(case, known):
        if known and case.path_parameters:
            case.path_parameters = {name: others.get(name, known) for name in case.path_parameters}
        case.call_and_validate(checks=CHECKS, headers={"Authorization": "Bearer trk_any"})

    answered()


def ids_of(issue):
    """The issue as the doors call it, and a level, a channel, a reply and a file beside it."""
    others = {
        "issl": LevelFactory(space=issue.space),
        "chan": ChannelFactory(space=issue.space),
        "repim": CommentFactory(issue=issue, author=issue.reporter),
        "att": AttachmentFactory(owner=issue),
    }
    found = [f"{prefix}_{row.uuid.hex}" for prefix, row in others.items()]
    return [str(issue.uuid), f"issue_{issue.uuid.hex}", ulid_of(issue.uuid), *found]
