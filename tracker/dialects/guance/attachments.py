"""Files: uploaded first, and put on an issue or a reply by the call that names them."""

from django.core.exceptions import ValidationError as DjangoValidationError
from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.parsers import MultiPartParser

from comments.attachment_views import download
from comments.attachment_viewsets import TooLarge
from comments.lookups import find_attachment
from comments.models import Comment
from comments.policy import may_attach
from issues.limits import ATTACHMENT_SIZE
from issues.models import Attachment
from issues.models.attachment import CONTENT_TYPES, check_room
from issues.serializers import ExactCharField
from tracker.dialects import ids
from tracker.dialects.guance.documents import DoneAnswer, FileAnswer
from tracker.dialects.guance.serializers import file_document
from tracker.dialects.guance.views import GuanceView


class AttachmentView(GuanceView):
    def find_file(self, reference):
        """(the attachment of this id, the issue or comment that it is on); Http404.

        What is internal, or of another workspace, is unknown here.
        """
        uuid = ids.parse(reference, "att")
        if uuid is None:
            raise Http404
        attachment, owner = find_attachment(self.request.user, str(uuid))
        is_internal = isinstance(owner, Comment) and owner.is_internal
        if is_internal or attachment.space_id != self.space.pk:
            raise Http404
        return attachment, owner


class UploadSerializer(serializers.Serializer):
    """One file, under any name."""

    file = serializers.FileField()


class UploadView(GuanceView):
    """`/api/v1/attachment/upload`"""

    parser_classes = [MultiPartParser]

    @extend_schema(
        operation_id="attachment_upload",
        request={"multipart/form-data": UploadSerializer},
        responses=FileAnswer,
    )
    def post(self, request):
        uploads = [upload for _, files in request.FILES.lists() for upload in files]
        if len(uploads) != 1:
            raise ValidationError({"file": ["One file, under any name."]})
        (upload,) = uploads
        if upload.size > ATTACHMENT_SIZE:
            raise TooLarge()
        try:
            check_room([upload], self.space)
            attachment = Attachment.store(upload, space=self.space, by=request.user)
        except DjangoValidationError as error:
            raise ValidationError({"file": error.messages}) from error
        return self.content(file_document({"id": attachment.uuid, "name": attachment.name}))


class DeleteSerializer(serializers.Serializer):
    attachmentUUID = ExactCharField(max_length=64)


class AttachmentDeleteView(AttachmentView):
    """`/api/v1/attachment/delete`"""

    @extend_schema(operation_id="attachment_delete", request=DeleteSerializer, responses=DoneAnswer)
    def post(self, request):
        reference = self.checked(DeleteSerializer).validated_data["attachmentUUID"]
        if self.is_loose(reference):
            # Nobody sees it, and nothing is ever deleted.
            return self.content(True)
        attachment, owner = self.find_file(reference)
        if not may_attach(request, owner):
            raise PermissionDenied()
        owner.wish("attachments", remove=[attachment])
        owner.save()
        return self.content(True)

    def is_loose(self, reference):
        """Whether it is a file of the caller's own that is on nothing."""
        own = Attachment.objects.filter(space=self.space, uploaded_by=self.request.user)
        uuid = ids.parse(reference, "att")
        return own.filter(uuid=uuid, issue_row=None, comment_row=None).exists() if uuid else False


class DownloadView(AttachmentView):
    """`/api/v1/attachment/{uuid}/download`"""

    @extend_schema(
        operation_id="attachment_download",
        responses={(200, kind): OpenApiTypes.BINARY for kind in sorted(CONTENT_TYPES)} | {304: None},
    )
    def get(self, request, id):
        response = download(request, self.find_file(id)[0])
        if response is None:
            raise Http404
        return response
