"""Qarion's calls."""

from uuid import UUID

from django.db.models import Q
from django.http import Http404
from django.shortcuts import redirect
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import PermissionDenied

from comments.models import Comment
from comments.viewsets import comment_documents, comment_rows
from issues import issue_rows, lookups, rows
from issues.filters import BadParameter
from issues.limits import PAGE
from issues.models import HistoryEntry, Level
from issues.paths import any_of
from issues.policy import may
from issues.viewsets import no_content
from tracker.dialects.openapi import parameter
from tracker.dialects.qarion import door
from tracker.dialects.qarion.documents import (
    CommentDocument,
    CommentsDocument,
    HistoryDocument,
    IssueDocument,
    IssuesDocument,
)
from tracker.dialects.qarion.serializers import (
    NAMES,
    ChangeSerializer,
    CommentSerializer,
    CreateSerializer,
    comment_document,
    document,
    history_items,
)
from tracker.dialects.qarion.words import PRIORITY, STATUS
from tracker.dialects.views import BadId, DoorView, Listing

SIZE = 20
FILTERS = ("space_id", "product_id", "assignee_id", "status", "priority")
PAGES = [
    parameter("page", int, description="From 1 on."),
    parameter("size", int, description=f"{SIZE} by default, {PAGE} at most."),
]


class QarionView(DoorView):
    door = door

    def document(self, issue):
        return document(issue_rows.document_of(issue, NAMES))

    def paged(self, read, total):
        """Qarion's page: `read(number, size)` gives its items."""
        number, size = self.number("page", 1), min(self.number("size", SIZE), PAGE)
        return self.answer({"items": read(number, size), "total": total, "page": number, "size": size})

    def uuid(self, name):
        """The uuid of a parameter, None where it is not there."""
        text = self.request.query_params.get(name)
        if text is None:
            return None
        if (uuid := lookups.as_uuid(text)) is None:
            raise BadParameter(name, "Not a uuid.")
        return str(uuid)

    def word(self, name, words):
        """The values that a parameter selects with one of these Words, None where it is not there."""
        word = self.request.query_params.get(name)
        if word is not None and word not in words.meant:
            raise BadParameter(name, f"One of {', '.join(words.meant)}.")
        return None if word is None else words.values(word)


class IssuesView(QarionView):
    """`/issues`"""

    def dispatch(self, request, *args, **kwargs):
        if wants_page(request):
            return redirect("issue-list")
        return super().dispatch(request, *args, **kwargs)

    @extend_schema(
        operation_id="list_issues",
        parameters=[
            *(parameter(name, UUID) for name in ("space_id", "product_id", "assignee_id")),
            parameter("status", enum=list(STATUS.meant)),
            parameter("priority", enum=list(PRIORITY.meant)),
            *PAGES,
        ],
        responses=IssuesDocument,
    )
    def get(self, request):
        listing = self.listing()
        total = listing.total() if listing.spaces else 0
        return self.paged(
            lambda number, size: [document(row) for row in listing.page(number, size, NAMES, total)], total
        )

    def listing(self):
        """The issues that all six filters leave; a row that the caller does not know leaves none."""
        asked = self.request.query_params
        spaces, conditions = list(self.request.user.space_roles()), []
        if reference := self.uuid("space_id"):
            space = lookups.space_key(self.request.user, reference)
            spaces = [space] if space else []
        if statuses := self.word("status", STATUS):
            conditions.append(Q(status__in=statuses))
        if severities := self.word("priority", PRIORITY):
            levels = Level.objects.of(spaces).filter(severity__in=[s for s in severities if s])
            none = [None] if None in severities else []
            conditions.append(any_of("level", [*levels.values_list("pk", flat=True), *none]))
        if reference := self.uuid("product_id"):
            product = lookups.find_in_spaces(lookups.Project, spaces, reference)
            conditions.append(Q(project=product.pk, space=product.space_id) if product else None)
        if reference := self.uuid("assignee_id"):
            person = lookups.known_person(spaces, reference)
            conditions.append(Q(assignee=person) if person else None)
        if None in conditions:
            spaces, conditions = [], []
        asked = sorted((name, asked[name]) for name in FILTERS if name in asked)
        return Listing(self.request.user, spaces, conditions, (door.name, asked))

    @extend_schema(operation_id="create_issue", request=CreateSerializer, responses={201: IssueDocument})
    def post(self, request):
        issue = self.checked(CreateSerializer).save()
        return self.answer(self.document(issue), 201)

    def check_space(self, space):
        if space is None:
            raise Http404
        if not may(self.request, "write", space.pk):
            raise PermissionDenied()


class IssueView(QarionView):
    """`/issues/{id}`"""

    verbs = {"DELETE": "delete"}

    def dispatch(self, request, *args, **kwargs):
        if wants_page(request) and lookups.KEY.match(kwargs["id"]):
            return redirect("issue-detail", kwargs["id"])
        return super().dispatch(request, *args, **kwargs)

    @extend_schema(operation_id="get_issue", responses=IssueDocument)
    def get(self, request, id):
        return self.answer(self.document(self.issue(id)))

    def issue(self, reference):
        if lookups.as_uuid(reference) is None:
            raise BadId("id", "Not a uuid.")
        return self.find(reference)

    @extend_schema(operation_id="update_issue", request=ChangeSerializer, responses=IssueDocument)
    def patch(self, request, id):
        return self.answer(self.document(self.changed(ChangeSerializer, self.issue(id))))

    @extend_schema(operation_id="delete_issue", responses={204: None})
    def delete(self, request, id):
        self.issue(id).trash()
        return no_content()


class CommentsView(IssueView):
    """`/issues/{id}/comments`"""

    http_method_names = ["get", "head", "post"]
    verbs = {"POST": "comment"}
    dispatch = QarionView.dispatch

    @extend_schema(operation_id="list_comments", parameters=PAGES, responses=CommentsDocument)
    def get(self, request, id):
        comments = Comment.objects.visible_to(request.user).filter(issue=self.issue(id), is_internal=False)

        def read(number, size):
            found = comment_rows(comments.order_by("id"))[(number - 1) * size : number * size]
            return [comment_document(row) for row in comment_documents(found)]

        return self.paged(read, comments.order_by().count())

    @extend_schema(operation_id="add_comment", request=CommentSerializer, responses={201: CommentDocument})
    def post(self, request, id):
        issue = self.issue(id)
        content = self.checked(CommentSerializer).validated_data["content"]
        comment = Comment(issue=issue, author=request.user, content=content)
        comment.save()
        found = comment_rows(Comment.objects.filter(pk=comment.pk))
        return self.answer(comment_document(comment_documents(found)[0]), 201)


class HistoryView(IssueView):
    """`/issues/{id}/history`"""

    http_method_names = ["get", "head"]
    dispatch = QarionView.dispatch

    @extend_schema(operation_id="get_history", responses=HistoryDocument)
    def get(self, request, id):
        entries = HistoryEntry.objects.filter(issue=self.issue(id)).public().order_by("position")
        documents = rows.history_documents(list(rows.history(entries)))
        levels = Level.objects.visible_to(request.user).values_list("uuid", "severity")
        severities = {str(uuid): severity for uuid, severity in levels}
        return self.answer({"items": list(history_items(documents, severities))})


def wants_page(request):
    """Whether it is a browser with an address that lacks its slash."""
    is_typed = "Authorization" not in request.headers and request.method in ("GET", "HEAD")
    return is_typed and request.headers.get("Accept", "").startswith("text/html")
