"""The native REST API of files on issues and comments."""

from django.core.exceptions import ValidationError as DjangoValidationError
from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import APIException, NotFound, PermissionDenied, ValidationError
from rest_framework.parsers import MultiPartParser

from comments.attachment_views import MISSING, download
from comments.lookups import find_attachment, find_comment
from comments.models import Comment
from comments.policy import may_attach
from comments.serializers import AttachmentSerializer, UploadSerializer
from issues import lookups, rows
from issues.limits import ATTACHMENT_SIZE
from issues.models import Attachment
from issues.models.attachment import CONTENT_TYPES, attach, check_room, spelled
from issues.serializers import MISSING as NO_SUCH_THING
from issues.viewsets import NativeViewSet, json_response, no_content


class TooLarge(APIException):
    status_code = 413
    default_detail = f"A file has at most {spelled(ATTACHMENT_SIZE)}."


class AttachmentViewSet(NativeViewSet):
    """Files on issues and comments."""

    serializer_class = AttachmentSerializer
    parser_classes = [MultiPartParser]
    queryset = Attachment.objects.none()
    lookup_url_kwarg = "id"

    @extend_schema(request={"multipart/form-data": UploadSerializer}, responses={201: AttachmentSerializer})
    def create(self, request):
        """Put a file on an issue, or on a comment of one's own."""
        serializer = UploadSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        upload = serializer.validated_data["file"]
        owner = self.owner(serializer.validated_data)
        if not may_attach(request, owner):
            raise PermissionDenied()
        if upload.size > ATTACHMENT_SIZE:
            raise TooLarge()
        space = issue_of(owner).space
        try:
            check_room([upload], space, owner)
            attachment = Attachment.of(upload, space=space, by=request.user)
            attach(owner, [attachment])
        except DjangoValidationError as error:
            raise ValidationError({"file": error.messages}) from error
        return self.respond(attachment, owner, 201, Location=f"{request.path}{attachment.uuid}/")

    def owner(self, values):
        """The issue or comment that an upload names."""
        (name,) = values.keys() - {"file"}
        find = lookups.issue_or_404 if name == "issue" else find_comment
        try:
            return find(self.request.user, values[name])
        except Http404 as error:
            raise ValidationError({name: [NO_SUCH_THING]}, "not_found") from error

    def retrieve(self, request, id):
        self.allow_parameters()
        return self.respond(*find_attachment(request.user, id))

    @extend_schema(responses={204: None})
    def destroy(self, request, id):
        """Take a file off its issue or comment; that it was there stays on record."""
        attachment, owner = find_attachment(request.user, id)
        if not may_attach(request, owner):
            raise PermissionDenied()
        owner.wish("attachments", remove=[attachment])
        owner.save()
        return no_content()

    @extend_schema(responses={(200, kind): OpenApiTypes.BINARY for kind in sorted(CONTENT_TYPES)})
    def download(self, request, id):
        """The bytes, typed by what they are."""
        self.allow_parameters()
        response = download(request, find_attachment(request.user, id)[0])
        if response is None:
            raise NotFound(MISSING)
        return response

    def respond(self, attachment, owner, status=200, **headers):
        return json_response(self.document(attachment, owner), status, **headers)

    def document(self, attachment, owner):
        """The document of an attachment on `owner`; what would name an anonymous reporter is left out."""
        issue, by = issue_of(owner), attachment.uploaded_by
        is_hidden = issue.is_anonymous and by is not None and by.pk == issue.reporter_id
        path = f"/api/attachments/{attachment.uuid}/download/"
        return {
            "id": attachment.uuid,
            "name": attachment.name,
            "size": attachment.size,
            "content_type": attachment.content_type,
            "sha256": attachment.sha256,
            "url": self.request.build_absolute_uri(path),
            "issue": issue.uuid,
            "comment": owner.uuid if isinstance(owner, Comment) else None,
            "uploaded_by": None if is_hidden or by is None else rows.person(by.uuid, by.name, by.email),
            "created_at": attachment.created_at,
        }


def issue_of(owner):
    return owner.issue if isinstance(owner, Comment) else owner
