"""Datadog's own client for Python, as anybody installs it, against a server of ours."""

from datetime import timedelta
from types import SimpleNamespace
from uuid import UUID

import pytest
from django.utils import timezone

from issues.models import Issue
from tests.factories import IssueFactory, TeamFactory, TokenFactory
from tracker.accounts.throttling import TokenThrottle

NOWHERE = "0190a6c4-7b1e-7c3a-9d52-0123456789ab"
KEY = "trk_client"


@pytest.fixture(scope="session")
def datadog():
    """The client and its models. It is large, and so only who asks for it waits for it."""
    from datadog_api_client import ApiClient, Configuration, exceptions
    from datadog_api_client.v2 import models
    from datadog_api_client.v2.api.error_tracking_api import ErrorTrackingApi

    return SimpleNamespace(
        client=lambda **options: ApiClient(Configuration(**options)),
        api=ErrorTrackingApi,
        errors=exceptions,
        models=models,
    )


@pytest.fixture
def connect(datadog, live_server, ops, bob):
    """A function that gives the client's API with the keys of Bob's token, or with these options."""
    TokenFactory(secret=KEY, user=bob, space=ops)
    clients = []

    def connected(**options):
        keys = {"api_key": {"apiKeyAuth": KEY, "appKeyAuth": KEY}}
        clients.append(datadog.client(host=live_server.url, **keys | options))
        return datadog.api(clients[-1])

    yield connected
    # The server keeps a connection to the database for each that a client keeps to it.
    for client in clients:
        client.close()


@pytest.fixture
def issue(ops, bob):
    issue = IssueFactory.build(
        space=ops,
        title="Checkout fails",
        reporter=bob,
        assignee=bob,
        service="shop-web",
        platform="mainframe",
        languages=["go", "cobol"],
        track="trace",
        due_on=timezone.now().date(),
    )
    issue.teams = [TeamFactory(space=ops, name="Payments")]
    issue.save()
    issue.count_sighting(session="s1", user="u1")
    return issue


def is_understood(model):
    """Whether the client took a document, and all within it, for what it is."""
    if getattr(model, "_unparsed", False):
        return False
    inner = getattr(model, "_data_store", {}).values()
    parts = [part for value in inner for part in (value if isinstance(value, list) else [value])]
    return all(is_understood(part) for part in parts)


def kinds(answer):
    return [str(row.get_oneof_instance().type) for row in answer.included]


def search_request(datadog, query, **attributes):
    models, now = datadog.models, timezone.now()
    return models.IssuesSearchRequest(
        data=models.IssuesSearchRequestData(
            type=models.IssuesSearchRequestDataType.SEARCH_REQUEST,
            attributes=models.IssuesSearchRequestDataAttributes(
                query=query,
                _from=int((now - timedelta(hours=1)).timestamp() * 1_000),
                to=int((now + timedelta(hours=1)).timestamp() * 1_000),
                **attributes,
            ),
        )
    )


def state_request(datadog, issue, state):
    models = datadog.models
    return models.IssueUpdateStateRequest(
        data=models.IssueUpdateStateRequestData(
            id=str(issue),
            type=models.IssueUpdateStateRequestDataType.ERROR_TRACKING_ISSUE,
            attributes=models.IssueUpdateStateRequestDataAttributes(state=models.IssueState(state)),
        )
    )


def assignee_request(datadog, person):
    models = datadog.models
    return models.IssueUpdateAssigneeRequest(
        data=models.IssueUpdateAssigneeRequestData(
            id=str(person), type=models.IssueUpdateAssigneeRequestDataType.ASSIGNEE
        )
    )


def test_a_search_is_understood_whole(connect, datadog, issue, bob):
    models = datadog.models
    request = search_request(
        datadog,
        "service:shop-* AND @language:go",
        track=models.IssuesSearchRequestDataAttributesTrack.TRACE,
        order_by=models.IssuesSearchRequestDataAttributesOrderBy.IMPACTED_SESSIONS,
        assignee_ids=[UUID(str(bob.uuid))],
    )

    answer = connect().search_issues(request)

    (result,) = answer.data
    counts = result.attributes
    assert is_understood(answer)
    assert (result.id, counts.total_count, counts.impacted_sessions, counts.impacted_users) == (
        str(issue.uuid), 2, 1, 1,
    )  # fmt: skip
    assert [str(row.get_oneof_instance().type) for row in answer.included] == [
        "issue",
        "case",
        "user",
        "team",
    ]


def test_a_search_includes_what_the_client_asks_for(connect, datadog, issue):
    models = datadog.models
    request = search_request(datadog, "*", persona=models.IssuesSearchRequestDataAttributesPersona.ALL)
    included = models.SearchIssuesIncludeQueryParameterItem

    answer = connect().search_issues(request, include=[included.ISSUE, included.ISSUE_ASSIGNEE])

    assert kinds(answer) == ["issue", "user"]


def test_an_issue_is_understood_whole(connect, issue, bob):
    answer = connect().get_issue(str(issue.uuid))

    attributes, relations = answer.data.attributes, answer.data.relationships
    assert is_understood(answer)
    assert (attributes.error_type, attributes.service, str(attributes.state)) == (
        "Checkout fails", "shop-web", "OPEN",
    )  # fmt: skip
    assert (str(attributes.platform), [str(word) for word in attributes.languages]) == (
        "UNKNOWN", ["GO", "UNKNOWN"],
    )  # fmt: skip
    assert (relations.assignee.data.id, len(relations.team_owners.data)) == (str(bob.uuid), 1)
    assert len(answer.included) == 3


def test_a_state_is_put(connect, datadog, issue):
    answer = connect().update_issue_state(str(issue.uuid), state_request(datadog, issue.uuid, "RESOLVED"))

    issue.refresh_from_db()
    case = answer.included[0].get_oneof_instance()
    assert is_understood(answer)
    assert (str(answer.data.attributes.state), issue.status, str(case.attributes.status)) == (
        "RESOLVED", "resolved", "CLOSED",
    )  # fmt: skip


def test_an_assignee_is_put_and_taken_off(connect, datadog, issue, alice):
    api = connect()

    known = api.update_issue_assignee(str(issue.uuid), assignee_request(datadog, alice.uuid))
    assert Issue.objects.get().assignee == alice
    unknown = api.update_issue_assignee(str(issue.uuid), assignee_request(datadog, NOWHERE))
    assert api.delete_issue_assignee(str(issue.uuid)) is None

    assert is_understood(known) and is_understood(unknown)
    assert unknown.data.relationships.assignee.data.id == NOWHERE
    assert "assignee" not in api.get_issue(str(issue.uuid)).data.relationships
    assert Issue.objects.get().extensions == {}


def test_refusals_are_the_client_s_own_exceptions(connect, datadog, issue):
    api, errors = connect(), datadog.errors
    wrong = {"apiKeyAuth": KEY, "appKeyAuth": "trk_wrong"}

    with pytest.raises(errors.NotFoundException) as unknown:
        api.get_issue(NOWHERE)
    with pytest.raises(errors.ApiException) as malformed:
        api.get_issue("nonsense")
    with pytest.raises(errors.UnauthorizedException):
        connect(api_key=wrong).get_issue(str(issue.uuid))

    assert unknown.value.body == {"errors": ["issue not found"]}
    assert (malformed.value.status, malformed.value.body) == (400, {"errors": ["issue id is not an uuid"]})


def test_a_bearer_token_signs_in_as_well(connect, issue):
    answer = connect(api_key={}, access_token=KEY).get_issue(str(issue.uuid))

    assert answer.data.id == str(issue.uuid)


def test_a_client_that_calls_too_often_waits_as_long_as_it_is_told(connect, datadog, issue, monkeypatch):
    monkeypatch.setattr(TokenThrottle, "rate", "1/s")
    request = search_request(
        datadog, "*", persona=datadog.models.IssuesSearchRequestDataAttributesPersona.ALL
    )
    hasty, patient = connect(), connect(enable_retry=True)

    with pytest.raises(datadog.errors.ApiException) as refused:
        # Within a second, however slow the machine is.
        for _ in range(20):
            hasty.search_issues(request)
    answer = patient.search_issues(request)

    assert (refused.value.status, refused.value.body) == (429, {"errors": ["Too many requests"]})
    assert refused.value.headers["X-RateLimit-Name"]
    assert [row.id for row in answer.data] == [str(issue.uuid)]
