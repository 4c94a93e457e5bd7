"""The native REST API of issues and their history."""

import re
from contextlib import nullcontext

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import transaction
from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied, ValidationError

from issues import issue_rows, keyset, lookups, rows
from issues.counts import total_of
from issues.facets import facet_documents
from issues.filters import ORDERS, BadParameter, IssueFilter
from issues.limits import BULK, TITLE, refusal
from issues.models import HistoryEntry, Issue, Space
from issues.policy import may
from issues.serializers import (
    BulkDocument,
    BulkSerializer,
    FacetsDocument,
    HistorySerializer,
    IssueSerializer,
    ListedIssueSerializer,
    SightingSerializer,
    SimilarDocument,
)
from issues.signals import References, field_name
from issues.similar import similar
from issues.trail import FILTERS, Trail

ETAG = re.compile(r'(?:W/)?"([0-9]{1,18})"\Z')
PAGING = [
    OpenApiParameter("cursor", str, description="Where a page begins, as `next` and `previous` give it."),
    OpenApiParameter("page_size", int, description="1 to 100, 50 by default."),
]
IF_MATCH = OpenApiParameter("If-Match", str, OpenApiParameter.HEADER, description="The ETag that was seen.")


def json_response(document, status=200, **headers):
    return HttpResponse(
        document if isinstance(document, bytes) else rows.dump(document),
        status=status,
        content_type="application/json",
        headers=headers,
    )


def no_content():
    """The answer that has nothing to say, and so no type of it either."""
    response = HttpResponse(status=204)
    del response["Content-Type"]
    return response


class NativeViewSet(viewsets.GenericViewSet):
    """What every view of the native API shares: verbs for the policy, pages by key, bytes out.

    `verbs` names for each action what the policy must allow; GET is `read` without being named.
    """

    verbs = {}
    lookup_value_regex = r"[^/]+"

    def verb(self, row=None):
        return self.verbs.get(self.action, "read" if self.request.method in ("GET", "HEAD") else "write")

    def parameter(self, name):
        return self.request.query_params.get(name)

    def allow_parameters(self, *names):
        for name in self.request.query_params:
            if name not in names:
                raise BadParameter(name, "There is no such parameter.")

    def page(self, queryset, order, documents, key_of):
        """A page of `queryset` (tuples) as a response; `documents(rows)` makes what it shows."""

        def read(cursor, size):
            return keyset.page(queryset, order, cursor, size, key_of)

        return self.paged(read, documents, queryset.order_by().count)

    def paged(self, read, documents=list, count=None):
        """A page as a response: `read(cursor, size)` gives its keyset.Page, `count()` the number of all where
        one may be asked for.
        """
        try:
            size = keyset.page_size(self.parameter("page_size"))
        except ValueError as error:
            raise BadParameter("page_size", str(error)) from error
        try:
            page = read(self.parameter("cursor"), size)
        except keyset.BadCursor as error:
            raise BadParameter("cursor", str(error)) from error
        document = {
            "results": documents(page.rows),
            "next": self.link(page.next),
            "previous": self.link(page.previous),
        }
        if count and (asked := self.parameter("count")):
            if asked != "exact":
                raise BadParameter("count", "Only `exact`.")
            document["count"] = count()
        return json_response(document)

    def link(self, cursor):
        if cursor is None:
            return None
        query = self.request.query_params.copy()
        query["cursor"] = cursor
        return self.request.build_absolute_uri(f"{self.request.path}?{query.urlencode()}")


def paged(serializer, *parameters, **options):
    """The schema of a list: its parameters, and the envelope of its pages."""
    return extend_schema(parameters=[*PAGING, *parameters], responses=serializer(many=True), **options)


@extend_schema_view(
    create=extend_schema(
        responses={
            201: IssueSerializer,
            200: OpenApiResponse(
                IssueSerializer, "The issue of this fingerprint, one more sighting counted."
            ),
        }
    ),
    update=extend_schema(parameters=[IF_MATCH]),
    partial_update=extend_schema(parameters=[IF_MATCH]),
    destroy=extend_schema(parameters=[IF_MATCH]),
)
class IssueViewSet(NativeViewSet):
    """Issues of one's spaces, by uuid or by key (`OPS-42`)."""

    serializer_class = IssueSerializer
    filterset_class = IssueFilter
    queryset = Issue.objects.none()
    lookup_url_kwarg = "id"
    verbs = {"destroy": "delete", "restore": "delete"}

    def get_queryset(self):
        return Issue.objects.visible_to(self.request.user)

    def get_object(self):
        issue = lookups.issue_or_404(self.request.user, self.kwargs["id"], self.action)
        self.check_object_permissions(self.request, issue)
        issue.expected_versions = self.expected_versions()
        return issue

    def expected_versions(self):
        """The versions of `If-Match` (RFC 9110 §13.1.1), None where any will do."""
        header = self.request.headers.get("If-Match")
        if header is None or header.strip() == "*":
            return None
        matches = [ETAG.match(tag.strip()) for tag in header.split(",")]
        return {int(match[1]) for match in matches if match}

    @paged(
        ListedIssueSerializer,
        OpenApiParameter("sort", str, enum=list(ORDERS)),
        OpenApiParameter("fields", str, description="Names of fields, with commas between."),
        OpenApiParameter("count", str, enum=["exact"], description="Adds the number of all that match."),
        filters=True,
    )
    def list(self, request):
        """Newest first; the columns of the list page, or those of `fields`."""
        filters = IssueFilter(request.query_params, request=request)
        filters.check("cursor", "page_size", "sort", "fields", "count")
        order, names = filters.order(), self.wanted_fields()
        return self.paged(
            lambda cursor, size: issue_rows.page(filters, order, cursor, size, names),
            count=lambda: total_of(filters),
        )

    def wanted_fields(self):
        wanted = self.parameter("fields")
        if wanted is None:
            return issue_rows.LISTED
        names = tuple(dict.fromkeys(wanted.split(",")))
        if unknown := [name for name in names if name not in issue_rows.ISSUE]:
            raise BadParameter("fields", f"There is no field {unknown[0][:64]!r}.")
        return names

    @extend_schema(operation_id="api_issues_facets", filters=True, responses=FacetsDocument)
    @action(detail=False)
    def facets(self, request):
        """How many issues of the list have which status, level, assignee, channel, label, project, source."""
        filters = IssueFilter(request.query_params, request=request)
        filters.check()
        return json_response(facet_documents(filters))

    @extend_schema(
        operation_id="api_issues_similar",
        parameters=[
            OpenApiParameter("title", str, description="The title of an issue that may be one already."),
            OpenApiParameter("issue", str, description="Or an issue that is there, by id or key."),
            OpenApiParameter("space", str, description="Only of this space, by key or id."),
        ],
        responses=SimilarDocument,
    )
    @action(detail=False)
    def similar(self, request):
        """Likely duplicates: issues whose titles share rare words with this one."""
        self.allow_parameters("title", "issue", "space")
        issue = self.parameter("issue") and lookups.find_issue(self.get_queryset(), self.parameter("issue"))
        title = issue.title if issue else self.parameter("title")
        if not title or len(title) > TITLE or refusal(title):
            raise BadParameter("title", f"1 to {TITLE} characters, or else `issue`.")
        found = similar(self.roles_in(self.parameter("space")), title, issue and issue.pk)
        return json_response({"results": self.similar_documents(found)})

    def roles_in(self, reference):
        """{space: role} of the user's spaces, or of the one that is named."""
        roles = self.request.user.space_roles()
        if not reference:
            return roles
        space = lookups.find_space(self.request.user, reference)
        if space is None:
            raise BadParameter("space", "There is no such thing here.", "not_found")
        return {space.pk: roles[space.pk]}

    def similar_documents(self, found):
        keys = [pk for pk, *_ in found]
        shown = issue_rows.documents(self.request.user.space_roles(), keys, issue_rows.LISTED)
        return [
            {"issue": shown[pk], "score": score, "words": shared}
            for pk, score, shared in found
            if pk in shown
        ]

    def retrieve(self, request, id):
        self.allow_parameters()
        return answer(issue_rows.document(request.user.space_roles(), id))

    def create(self, request):
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        values = serializer.validated_data
        fingerprint = values.get("fingerprint")
        version = values.get("last_version") or values.get("first_version") or ""
        with transaction.atomic() if fingerprint else nullcontext():
            issue = Issue.sighted(values["space"], fingerprint, version) if fingerprint else None
            if issue is not None:
                return self.respond(issue)
            issue = serializer.save()
        return self.respond(issue, 201, Location=f"{request.path}{issue.uuid}/")

    def update(self, request, id, partial=False):
        issue = self.get_object()
        serializer = self.get_serializer(issue, data=request.data, partial=partial)
        serializer.is_valid(raise_exception=True)
        return self.respond(serializer.save())

    def partial_update(self, request, id):
        return self.update(request, id, partial=True)

    @extend_schema(responses={204: None})
    def destroy(self, request, id):
        """To the trash, from which `restore` brings it back."""
        self.get_object().trash()
        return no_content()

    @extend_schema(request=None, responses=IssueSerializer)
    @action(detail=True, methods=["post"])
    def restore(self, request, id):
        """Bring back a deleted issue."""
        issue = self.get_object()
        issue.restore()
        return self.respond(issue)

    @extend_schema(request=SightingSerializer, responses=IssueSerializer)
    @action(detail=True, methods=["post"])
    def occurrences(self, request, id):
        """Count another sighting, of the last version; what is resolved opens again if its space wants it."""
        issue = self.get_object()
        serializer = SightingSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        issue.count_sighting(**serializer.validated_data)
        return self.respond(issue)

    @extend_schema(request=BulkSerializer, responses=BulkDocument)
    @action(detail=False, methods=["post"])
    def bulk(self, request):
        """Change many issues at once, or see with `dry_run` what would change."""
        serializer = BulkSerializer(data=request.data, context=self.get_serializer_context())
        serializer.is_valid(raise_exception=True)
        values = serializer.validated_data
        issues = self.matched(values)
        spaces = list(issues.order_by().values_list("space_id", flat=True).distinct())
        if not all(may(request, "write", space) for space in spaces):
            raise PermissionDenied()
        matched = issues.count()
        changes, changed = [], 0
        try:
            fields = serializer.fields["set"]
            found = lookups.find_rows(spaces, fields.wanted(values["set"]))
            wanted = fields.resolve(values["set"], spaces, found)
            with transaction.atomic():
                for chunk in issues.chunks(wanted, write=not values["dry_run"]):
                    changed += len(chunk)
                    changes += chunk[: BULK - len(changes)]
        except ValidationError as error:
            raise inside("set", error) from error
        except DjangoValidationError as error:
            raise inside("set", ValidationError(error.message_dict)) from error
        document = {"dry_run": values["dry_run"], "matched": matched, "changed": changed}
        return json_response(document | {"items": bulk_items(changes)})

    def matched(self, values):
        """The issues that a bulk request names; unknown ids are refused with their places."""
        if "filter" in values:
            filters = IssueFilter(values["filter"], request=self.request)
            try:
                filters.check()
                return filters.qs
            except BadParameter as error:
                refused = inside("filter", ValidationError(error.detail))
                refused.more = error.more
                raise refused from error
        ids = [lookups.as_uuid(text) for text in values["ids"]]
        issues = self.get_queryset().filter(uuid__in=[uuid for uuid in ids if uuid])
        known = set(issues.values_list("uuid", flat=True))
        if unknown := {at: ["There is no such issue."] for at, uuid in enumerate(ids) if uuid not in known}:
            raise ValidationError({"ids": unknown}, "not_found")
        return issues

    def respond(self, issue, status=200, **headers):
        return answer(issue_rows.document_of(issue), status, **headers)

    def document(self, issue):
        """The whole document of an issue, as it stands now."""
        return issue_rows.document_of(issue)


def answer(document, status=200, **headers):
    """The whole document of an issue, with its ETag."""
    return json_response(document, status, ETag=f'"{document["version"]}"', **headers)


def inside(name, error):
    """`error` as one of what stands under `name`."""
    error.detail = {name: error.detail}
    return error


def bulk_items(changes):
    """What each Change does, as people's programs read it."""
    names = References(changes)
    spaces = Space.objects.in_bulk({change.row.space_id for change in changes})
    return [
        {
            "id": change.row.uuid,
            "key": f"{spaces[change.row.space_id].key}-{change.row.number}",
            "changes": [
                {
                    "field": field_name(change.row, name),
                    "old": names.display(change.stored, name) or None,
                    "new": names.display(change.row, name) or None,
                }
                for name in change.changed
            ]
            + [
                {"field": member.field, "old": member.old_display or None, "new": member.new_display or None}
                for member in change.members
            ],
        }
        for change in changes
    ]


class IssueHistoryViewSet(NativeViewSet):
    """The history of one issue, from its creation on."""

    serializer_class = HistorySerializer
    queryset = HistoryEntry.objects.none()

    @paged(HistorySerializer)
    def list(self, request, id):
        self.allow_parameters("cursor", "page_size")
        issue = lookups.issue_or_404(request.user, id)
        entries = HistoryEntry.objects.visible_to(request.user).filter(issue=issue)
        order = keyset.Order(id_descending=False)
        return self.page(rows.history(entries), order, rows.history_documents, lambda row: row[:1])


class HistoryViewSet(NativeViewSet):
    """The audit trail of one's spaces, newest first."""

    serializer_class = HistorySerializer
    queryset = HistoryEntry.objects.none()

    @paged(HistorySerializer, *(OpenApiParameter(name, str) for name in FILTERS))
    def list(self, request):
        self.allow_parameters("cursor", "page_size", *FILTERS)
        wanted = {name: value for name in FILTERS if (value := self.parameter(name))}
        found = Trail(request.user, wanted)
        return self.paged(found.page, rows.history_documents)
