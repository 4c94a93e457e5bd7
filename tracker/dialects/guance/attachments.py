"""Files: uploaded first, and put on an issue or a reply by the call that names them."""

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import transaction
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
        loose = self.loose_file(reference)
        attachment, owner = (loose, None) if loose else self.find_file(reference)
        if owner and not may_attach(request, owner):
            raise PermissionDenied()
        with transaction.atomic():
            if owner:
                owner.wish("attachments", remove=[attachment])
                owner.save()
            attachment.disown()
        return self.content(True)

    def loose_file(self, reference):
        """The file of the caller's own that is on nothing and goes by this id, None for any other."""
        own = Attachment.objects.filter(space=self.space, uploaded_by=self.request.user)
        uuid = ids.parse(reference, "att")
        return uuid and own.filter(uuid=uuid, issue_row=None, comment_row=None).first()


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
