"""Clients generated from the OpenAPI documents that we publish, against a server on loopback."""

import importlib
import subprocess
import sys
from io import BytesIO

import pytest

from issues.models import HistoryEntry, Issue
from tests.factories import IssueFactory, LevelFactory, ProjectFactory, TokenFactory
from tracker.dialects.ids import ulid_of
from tracker.docs import document

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    """A function that generates the client of a door and gives a function that imports its modules."""
    folder = tmp_path_factory.mktemp("clients")
    (folder / "config.yml").write_text("post_hooks: []\n")
    sys.path.insert(0, str(folder))

    def generate(door):
        package = f"{door}_client"
        if not (folder / package).exists():
            (folder / f"{door}.json").write_bytes(document(door))
            options = ["--path", f"{door}.json", "--output-path", package, "--config", "config.yml"]
            command = [sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none", *options]
            said = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
            # What it cannot read it leaves out, and says so.
            assert "WARNING" not in said.stdout + said.stderr, said.stdout
        return lambda module: importlib.import_module(f"{package}.{module}")

    yield generate
    sys.path.remove(str(folder))


@pytest.fixture
def token(ops, bob):
    """A secret of Bob's."""
    TokenFactory(secret="trk_generated", user=bob, space=ops)
    return "trk_generated"


def call(module, name, *arguments, **options):
    """The document that an operation of a generated client answers with, parsed as its own model."""
    response = module(f"api.issues.{name}").sync_detailed(*arguments, **options)
    assert response.status_code < 300, response.content
    assert response.parsed is not None or response.status_code == 204
    return response.parsed


def test_a_generated_client_of_qarion_works_with_an_issue(generated, live_server, token, ops, bob, alice):
    module = generated("qarion")
    models = module("models")
    client = module("client").AuthenticatedClient(base_url=live_server.url, token=token)
    product = ProjectFactory(space=ops, name="Customer Events")

    made = call(
        module,
        "create_issue",
        client=client,
        body=models.CreateRequest(
            title="Order ids doubled",
            space_id=ops.uuid,
            product_id=product.uuid,
            priority=models.CreateRequestPriority.HIGH,
        ),
    )
    listed = call(
        module, "list_issues", client=client, status=models.ListIssuesStatus.OPEN, product_id=product.uuid
    )
    changed = call(
        module,
        "update_issue",
        made.id,
        client=client,
        body=models.PatchedChangeRequest(
            status=models.PatchedChangeRequestStatus.IN_PROGRESS, assignee_id=alice.uuid
        ),
    )
    shown = call(module, "get_issue", made.id, client=client)
    said = call(
        module, "add_comment", made.id, client=client, body=models.CommentRequest(content="Found it.")
    )
    comments = call(module, "list_comments", made.id, client=client)
    history = call(module, "get_history", made.id, client=client)
    call(module, "delete_issue", made.id, client=client)
    gone = module("api.issues.get_issue").sync_detailed(made.id, client=client)

    issue = Issue.objects.get()
    assert (listed.total, listed.items) == (1, [made])
    assert (changed.status.value, changed.assignee.name) == ("in_progress", "Alice Owner")
    assert (said.author.name, comments.items) == ("Bob Colleague", [said])
    assert [item.action.value for item in history.items] == [
        "created", "status_changed", "assignee_changed", "comment_added",
    ]  # fmt: skip
    assert shown == changed
    assert issue.deleted_at and issue.status == "in_progress"
    assert (gone.status_code, type(gone.parsed)) == (404, models.Error)


def test_a_generated_client_of_zylon_works_with_an_issue(generated, live_server, token, ops, alice):
    module = generated("zylon")
    models = module("models")
    client = module("client").AuthenticatedClient(base_url=live_server.url, token=token)
    hidden = IssueFactory(space=ops, reporter=alice, is_anonymous=True, kind="Format")

    made = call(
        module,
        "create_issue",
        client=client,
        body=models.CreateRequest(
            description="The answer left out the terms.",
            resource_type=models.CreateRequestResourceType("Thread"),
            type_=models.CreateRequestType("NoContextUsed"),
        ),
    )
    listed = call(module, "list_issues", client=client, page=1, page_size=20)
    read = call(
        module,
        "replace_issue",
        made.id,
        client=client,
        body=models.ChangeRequest(state=models.ChangeRequestState("InReview"), is_read=True),
    )
    closed = call(
        module,
        "update_issue",
        made.id,
        client=client,
        body=models.PatchedChangeRequest(state=models.PatchedChangeRequestState("Closed")),
    )
    shown = call(module, "get_issue", made.id, client=client)
    call(module, "delete_issue", made.id, client=client)
    gone = module("api.issues.get_issue").sync_detailed(made.id, client=client)

    assert [issue.id for issue in listed.data] == [made.id, f"issue_{hidden.uuid.hex}"]
    assert (made.created_by.name, bool(listed.data[1].created_by)) == ("Bob Colleague", False)
    assert (read.state.value, read.is_read) == ("InReview", True)
    assert (closed.state.value, shown) == ("Closed", closed)
    assert (gone.status_code, gone.parsed.error.code.value) == (404, "not_found")
    written = HistoryEntry.objects.filter(issue__uuid=made.id.removeprefix("issue_"))
    assert {entry.source for entry in written} == {"zylon"}


def test_a_generated_client_of_guance_works_with_an_issue(generated, live_server, token, ops, bob, alice):
    module = generated("guance")
    models = module("models")
    client = module("client").AuthenticatedClient(
        base_url=live_server.url, token=token, prefix="", auth_header_name="DF-API-KEY"
    )
    manager = f"acnt_{alice.uuid.hex}"
    rush = LevelFactory(space=ops, name="Rush hour")

    def content(name, *arguments, **options):
        answer = call(module, name, *arguments, client=client, **options)
        assert (answer.code, answer.success) == (200, True)
        return answer.content

    levels = content("issue_level_list")
    file = content(
        "attachment_upload",
        body=models.UploadRequest(file=module("types").File(BytesIO(b"6.1 s"), "trace.log", "text/plain")),
    )
    made = content(
        "issue_add",
        body=models.CreateRequest(
            name="Checkout is slow",
            level=levels[-1].uuid,
            description="<b>Six</b> seconds",
            status_type=models.CreateRequestStatusType.OPEN,
            extend=models.CreateRequestExtendType0.from_dict({"manager": [manager]}),
            attachment_uuids=[file.uuid],
        ),
    )
    filters = [models.FilterRequest(key=models.FilterRequestKey.CREATOR, value=f"acnt_{bob.uuid.hex}")]
    listed = content("issue_list", body=models.ListRequest(filters=filters, page_size=5))
    changed = content(
        "issue_modify",
        made.uuid,
        body=models.ChangeRequest(status_type=models.ChangeRequestStatusType.WORKING, level=0),
    )
    said = content("issue_reply_create", body=models.ReplyRequest(issue_uuid=made.uuid, content="Found it."))
    replies = content("issue_reply_list", made.uuid, page_index=1)
    shown = content("issue_get", made.uuid)
    content("issue_reply_delete", said.uuid)
    subscribed = content(
        "channel_subscribe",
        content("channel_quick_list")[0].uuid,
        body=models.SubscribeRequest(type_=models.SubscribeRequestType("attention")),
    )
    bytes_of_it = call(module, "attachment_download", file.uuid, client=client)
    content("issue_delete", made.uuid)
    gone = module("api.issues.issue_get").sync_detailed(made.uuid, client=client)
    refused = module("api.issues.issue_level_add").sync_detailed(
        client=client, body=models.LevelRequest(name="Mine", color="#112233")
    )

    issue = Issue.objects.get()
    assert [level.name for level in levels] == ["P0", "P1", "P2", "P3", "Rush hour"]
    assert (made.level, made.creator_info.name) == (f"issl_{rush.uuid.hex}", "Bob Colleague")
    assert (listed.page_info.total_count, listed.data) == (1, [made])
    assert (changed.status_type.value, changed.level) == (15, "system_level_0")
    assert [row.content for row in replies if row.type_.value == "reply"] == ["Found it."]
    assert [info.name for info in shown.manager_infos] == ["Alice Owner"]
    assert [row.file_name for row in shown.attachments] == ["trace.log"]
    assert (subscribed, bytes_of_it.payload.read()) == (True, b"6.1 s")
    assert issue.deleted_at and issue.assignee == alice
    assert (gone.status_code, gone.parsed.error_code.value) == (404, "ft.NotFound")
    assert (refused.status_code, refused.parsed.error_code.value) == (403, "ft.NoPermission")


def test_a_generated_client_of_versori_works_with_an_issue(generated, live_server, token, ops):
    module = generated("versori")
    models = module("models")
    client = module("client").AuthenticatedClient(base_url=live_server.url, token=token)
    organisation = ulid_of(ops.uuid)

    made = call(
        module,
        "create_issue",
        organisation,
        client=client,
        body=models.CreateRequest(
            organisation_id=organisation,
            environment_id="production",
            reason=models.CreateRequestReason("error"),
            title="Orders stopped coming",
            severity=models.CreateRequestSeverity("critical"),
            labels=models.CreateRequestLabels.from_dict({"connector": "shop"}),
        ),
    )
    listed = call(
        module,
        "list_issues",
        organisation,
        client=client,
        first=5,
        status=models.ListIssuesStatus("open"),
        environment_id="production",
    )
    closed = call(
        module,
        "update_issue",
        organisation,
        made.id,
        client=client,
        body=models.PatchedChangeRequest(
            status=models.PatchedChangeRequestStatus("closed"),
            resolution_status=models.PatchedChangeRequestResolutionStatusType1("negated"),
        ),
    )
    shown = call(module, "get_issue", organisation, made.id, client=client)
    gone = module("api.issues.get_issue").sync_detailed(organisation, organisation, client=client)
    wrong = module("api.issues.update_issue").sync_detailed(
        organisation, made.id, client=client, body=models.PatchedChangeRequest(title=" ")
    )

    issue = Issue.objects.get()
    assert (made.id, made.severity.value, made.resolved_at) == (ulid_of(issue.uuid), "high", None)
    assert made.labels.additional_properties == {"connector": "shop"}
    assert listed == [made]
    assert (closed.status.value, closed.resolution_status.value, shown) == ("closed", "negated", closed)
    assert (issue.level.severity, issue.status, issue.resolution) == ("critical", "closed", "negated")
    assert (gone.status_code, gone.parsed.code.value) == (404, "not_found")
    assert (wrong.status_code, [field.field for field in wrong.parsed.fields]) == (400, ["title"])
