"""Replies to issues: comments, and the lines that the product writes of what changed."""

from django.contrib.auth import get_user_model
from django.db.models import CharField, Q, Value
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied

from comments.models import Comment, CommentAttachment
from comments.policy import may_change
from issues import rows
from issues.filters import BadParameter
from issues.limits import PAGE, TEXT
from issues.models import HistoryEntry, Issue
from issues.serializers import ExactCharField
from tracker.dialects import ids
from tracker.dialects.guance import extend as extends
from tracker.dialects.guance.documents import DoneAnswer, RepliesAnswer, ReplyAnswer
from tracker.dialects.guance.serializers import (
    ExtendField,
    FilesField,
    account,
    document_of,
    file_document,
    info,
    present_in,
    seconds,
    serial,
)
from tracker.dialects.guance.views import SIZE, GuanceView, page_info
from tracker.dialects.guance.words import CHANGES, NEVER, NORMAL, STATUS, STATUS_NAMES
from tracker.dialects.ids import prefixed
from tracker.dialects.openapi import parameter
from tracker.dialects.serializers import DoorSerializer

ACTOR = rows.HISTORY.index("actor_id")
# What was done at once has one time, and keys in the order in which it is told.
ORDERINGS = {
    "createAt": ("created_at", "reply_type", "id"),
    "-createAt": ("-created_at", "-reply_type", "-id"),
}


def row(issue, space, uuid, kind, content, person, created, updated, extend):
    """What replies and lines of history have in common."""
    by = account(person)
    return {
        "content": content,
        "createAt": seconds(created),
        "creator": by,
        "deleteAt": NEVER,
        "extend": extend,
        "id": serial(uuid),
        "issueUUID": prefixed("issue", issue.uuid),
        "status": NORMAL,
        "type": kind,
        "updateAt": seconds(updated),
        "updator": by,
        "uuid": prefixed("repim", uuid),
        "workspaceUUID": prefixed("wksp", space.uuid),
    }


def listed(found, person, files, is_modified):
    """A row as lists have it."""
    return found | {
        "attachmentsList": files,
        "creatorInfo": info(person),
        "is_modify": is_modified,
        "latest_modify_time": found["updateAt"],
        "updatorInfo": info(person),
    }


def author_of(comment, issue):
    """The native document of who wrote a comment, None where it would name an anonymous reporter."""
    is_hidden = issue.is_anonymous and comment.author_id == issue.reporter_id
    return None if is_hidden else document_of(comment.author)


def reply_document(comment, issue, space, present):
    """A reply of a Comment; `present` as for `extend.shown`."""
    author, created = author_of(comment, issue), comment.created_at
    extend = extend_of(comment, issue, present)
    updated = comment.edited_at or created
    return row(issue, space, comment.uuid, "reply", comment.content, author, created, updated, extend)


def extend_of(comment, issue, present):
    return extends.shown(extends.own(comment.extensions), None, [], present, issue.is_anonymous)


def files_of(comments):
    """{primary key of a comment: the files on it}"""
    found = {}
    on_them = CommentAttachment.objects.filter(comment__in=comments).select_related("attachment")
    for link in on_them.order_by("pk"):
        file = {"id": link.attachment.uuid, "name": link.attachment.name}
        found.setdefault(link.comment_id, []).append(file_document(file))
    return found


class ReplySerializer(DoorSerializer):
    """A reply; without a comment a new one."""

    issueUUID = ExactCharField(max_length=64)
    content = ExactCharField(max_length=TEXT, allow_blank=True, allow_null=True, required=False)
    extend = ExtendField(required=False, allow_null=True)
    attachmentUuids = FilesField(source="attachments")

    def shown_now(self):
        comment, space = self.instance, self.context["view"].space
        return {
            "content": comment.content,
            "extend": extend_of(comment, comment.issue, present_in(space, [comment.extensions])),
            "attachmentUuids": [file["uuid"] for file in files_of([comment]).get(comment.pk, [])],
        }

    def validate_issueUUID(self, reference):
        if self.instance is not None and ids.parse(reference, "issue") != self.instance.issue.uuid:
            raise serializers.ValidationError("It is a reply to another issue.")
        return reference

    def validate(self, values):
        if values.pop("issueUUID", None) is None:
            raise serializers.ValidationError({"issueUUID": ["This field is required."]}, "required")
        # Null says nothing.
        found = {name: value for name, value in values.items() if value is not None}
        if "content" in found:
            found["content_format"] = Issue.Format.HTML
        if "extend" in found:
            extend = found.pop("extend")
            kept = self.instance.extensions if self.instance else {}
            found["extensions"] = kept | {"guance": {"extend": extend}} if extend or kept else {}
        return found

    def create(self, values):
        return self.update(Comment(issue=self.context["issue"], author=self.context["request"].user), values)


class ReplyView(GuanceView):
    """A call for one reply."""

    verbs = {"POST": "comment", "DELETE": "comment"}

    def comment(self, reference, verb):
        """The comment of this id in the workspace, on which the caller may do `verb`; Http404."""
        uuid = ids.parse(reference, "repim")
        comments = Comment.objects.visible_to(self.request.user).filter(
            issue__space=self.space, is_internal=False
        )
        comment = uuid and comments.filter(uuid=uuid).select_related("issue", "author").first()
        if not comment:
            raise Http404
        if not may_change(self.request, verb, comment.author_id, self.space.pk):
            raise PermissionDenied()
        return comment

    def reply(self, comment, issue):
        present = present_in(self.space, [comment.extensions])
        return self.content(reply_document(comment, issue, self.space, present))


class ReplyCreateView(ReplyView):
    """`/api/v1/issue/reply/create`"""

    @extend_schema(operation_id="issue_reply_create", request=ReplySerializer, responses=ReplyAnswer)
    def post(self, request):
        reference = request.data.get("issueUUID") if isinstance(request.data, dict) else None
        issue = self.named_issue(reference)
        context = {"request": request, "view": self, "issue": issue}
        serializer = ReplySerializer(data=request.data, context=context)
        serializer.is_valid(raise_exception=True)
        return self.reply(serializer.save(), issue)

    def named_issue(self, reference):
        """The issue that a body names; ValidationError, None where it names none at all."""
        if reference is None:
            return None
        try:
            return self.issue(reference)
        except Http404 as error:
            raise serializers.ValidationError(
                {"issueUUID": ["There is no such issue."]}, "not_found"
            ) from error


class ReplyModifyView(ReplyView):
    """`/api/v1/issue/reply/{uuid}/modify`"""

    @extend_schema(operation_id="issue_reply_modify", request=ReplySerializer, responses=ReplyAnswer)
    def post(self, request, id):
        comment = self.changed(ReplySerializer, self.comment(id, "edit"))
        return self.reply(comment, comment.issue)


class ReplyDeleteView(ReplyView):
    """`/api/v1/issue/reply/{uuid}/delete`"""

    @extend_schema(operation_id="issue_reply_delete", responses={200: DoneAnswer})
    def delete(self, request, id):
        self.comment(id, "delete").trash()
        return self.content(True)

    @extend_schema(operation_id="issue_reply_delete_by_post", request=None, responses=DoneAnswer)
    def post(self, request, id):
        return self.delete(request, id)


class RepliesView(GuanceView):
    """`/api/v1/issue/reply/{issue}/list`"""

    @extend_schema(
        operation_id="issue_reply_list",
        parameters=[
            parameter("ordering", enum=list(ORDERINGS)),
            parameter("pageIndex", int, description="From 1 on."),
            parameter("pageSize", int, description=f"{SIZE} by default, {PAGE} at most."),
        ],
        responses=RepliesAnswer,
    )
    def get(self, request, id):
        issue = self.issue(id)
        number, size = self.number("pageIndex", 1), min(self.number("pageSize", SIZE), PAGE)
        order = request.query_params.get("ordering", "createAt")
        if order not in ORDERINGS:
            raise BadParameter("ordering", f"One of {', '.join(ORDERINGS)}.")
        comments = Comment.objects.visible_to(request.user).filter(issue=issue, is_internal=False)
        changes = HistoryEntry.objects.filter(issue=issue, is_internal=False, action__in=CHANGES)
        changes = changes.exclude(UNSEEN)
        total = comments.order_by().count() + changes.count()
        keys = keys_of(comments, "reply").union(keys_of(changes, "change"), all=True)
        keys = list(keys.order_by(*ORDERINGS[order])[(number - 1) * size : number * size])
        found = self.replies(comments, keys, issue) | self.changes(changes, keys, issue)
        content = [found[uuid] for *_, uuid, _ in keys]
        return self.content(content, pageInfo=page_info(len(keys), number, size, total))

    def replies(self, comments, keys, issue):
        """{uuid: reply} of the comments on this page."""
        wanted = [uuid for *_, uuid, kind in keys if kind == "reply"]
        found = list(comments.filter(uuid__in=wanted).select_related("author")) if wanted else []
        files = files_of(found) if found else {}
        present = present_in(self.space, [comment.extensions for comment in found])
        return {
            comment.uuid: listed(
                reply_document(comment, issue, self.space, present),
                author_of(comment, issue),
                files.get(comment.pk, []),
                comment.edited_at is not None,
            )
            for comment in found
        }

    def changes(self, entries, keys, issue):
        """{uuid: line} of the entries of history on this page."""
        wanted = [uuid for *_, uuid, kind in keys if kind == "change"]
        found = list(rows.history(entries.filter(uuid__in=wanted))) if wanted else []
        documents = rows.history_documents(found)
        actors = {entry["actor"]["id"] for entry in documents if entry["actor"]}
        people = get_user_model().objects.filter(uuid__in=actors) if actors else ()
        people = {str(user.uuid): document_of(user) for user in people}
        return {
            entry["id"]: listed(*change_document(entry, by[ACTOR], issue, self.space, people), [], False)
            for entry, by in zip(documents, found, strict=True)
        }


def change_document(entry, actor, issue, space, people):
    """(line of a native entry, who did it); `actor` is their primary key, whether they are hidden or not."""
    person = people.get(str(entry["actor"]["id"])) if entry["actor"] else None
    old, new = (value_of(entry, side) for side in ("old", "new"))
    line = f"{rows.who(entry['actor'], actor)} {CHANGES[entry['action']].format(old=old, new=new)}."
    at = entry["created_at"]
    return row(issue, space, entry["id"], "change", line, person, at, at, {}), person


def value_of(entry, side):
    """One side of an entry in the words of the product."""
    if entry["field"] == "status":
        return STATUS_NAMES[STATUS.shown[entry[f"{side}_value"]]]
    return entry[f"{side}_display"] or "none"


def keys_of(queryset, kind):
    kind = Value(kind, CharField())
    return queryset.order_by().annotate(reply_type=kind).values_list("created_at", "id", "uuid", "reply_type")


def unseen():
    """The Q of changes of a status that are none in the words of the product."""
    found = Q(pk__in=())
    for word in STATUS.meant:
        alike = [f'"{status}"' for status in STATUS.values(word)]
        found |= Q(action="status_changed", old_value__in=alike, new_value__in=alike)
    return found


UNSEEN = unseen()
