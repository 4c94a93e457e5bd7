"""The native REST API of comments."""

from django.db.models import TextField
from django.db.models.expressions import RawSQL
from drf_spectacular.utils import extend_schema

from comments.lookups import find_comment
from comments.models import Comment
from comments.policy import verb_on
from comments.serializers import CommentSerializer
from issues import keyset, lookups, rows
from issues.viewsets import NativeViewSet, json_response, no_content, paged

COLUMNS = (
    "uuid", "issue__uuid", "content", "content_rendered", "author__uuid", "author__name", "author__email",
    "is_internal", "created_at", "edited_at", "author_id", "issue__is_anonymous", "issue__reporter_id",
    "attachments_json",
)  # fmt: skip


def comment_rows(comments):
    """A queryset of comments as tuples for `comment_documents`."""
    files = rows.rows_as_json(
        rows.FILE,
        "comments_commentattachment AS m JOIN issues_attachment AS r ON r.id = m.attachment_id",
        "m.comment_id = comments_comment.id",
        "m.id",
    )
    return comments.annotate(attachments_json=RawSQL(files, (), TextField())).values_list(*COLUMNS)  # noqa: S611


def comment_documents(found):
    """Documents of rows of `comment_rows`; an anonymous reporter's comments have no author."""
    return [
        {
            "id": row[0],
            "issue": row[1],
            "content": row[2],
            "content_html": row[3],
            "author": None if row[11] and row[10] == row[12] else rows.person(*row[4:7]),
            "is_internal": row[7],
            "attachments": rows.members(row[13]),
            "created_at": row[8],
            "edited_at": row[9],
        }
        for row in found
    ]


class CommentResponses:
    def respond(self, comment, status=200, **headers):
        found = comment_rows(Comment.objects.filter(pk=comment.pk))
        return json_response(comment_documents(found)[0], status, **headers)


class IssueCommentViewSet(CommentResponses, NativeViewSet):
    """The comments of one issue, oldest first; internal ones for members alone."""

    serializer_class = CommentSerializer
    queryset = Comment.objects.none()
    verbs = {"create": "comment"}

    @paged(CommentSerializer)
    def list(self, request, id):
        self.allow_parameters("cursor", "page_size")
        issue = lookups.issue_or_404(request.user, id)
        comments = Comment.objects.visible_to(request.user).filter(issue=issue)
        order = keyset.Order(id_descending=False)
        return self.page(comment_rows(comments), order, comment_documents, lambda row: row[:1])

    @extend_schema(responses={201: CommentSerializer})
    def create(self, request, id):
        issue = lookups.issue_or_404(request.user, id)
        self.check_object_permissions(request, issue)
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        comment = Comment(issue=issue, author=request.user, **serializer.validated_data)
        comment.save()
        return self.respond(comment, 201, Location=f"/api/comments/{comment.uuid}/")


class CommentViewSet(CommentResponses, NativeViewSet):
    """One comment: its author may edit and delete it, an admin may delete it."""

    serializer_class = CommentSerializer
    queryset = Comment.objects.none()
    lookup_url_kwarg = "id"
    verbs = {"partial_update": "edit", "update": "edit", "destroy": "delete"}

    def verb(self, row=None):
        verb = self.verbs.get(self.action)
        if verb is None:
            return "read"
        user = self.request.user
        return verb_on(verb, user.pk if row is None else row.author_id, user)

    def get_object(self):
        comment = find_comment(self.request.user, self.kwargs["id"])
        self.check_object_permissions(self.request, comment)
        return comment

    def retrieve(self, request, id):
        self.allow_parameters()
        return self.respond(self.get_object())

    def update(self, request, id, partial=False):
        comment = self.get_object()
        serializer = self.get_serializer(comment, data=request.data, partial=partial)
        serializer.is_valid(raise_exception=True)
        for name, value in serializer.validated_data.items():
            setattr(comment, name, value)
        comment.save()
        return self.respond(comment)

    def partial_update(self, request, id):
        return self.update(request, id, partial=True)

    @extend_schema(responses={204: None})
    def destroy(self, request, id):
        self.get_object().trash()
        return no_content()
