"""The addresses to which forms about comments go."""

from django.urls import path

from comments import attachment_views, exports, views

urlpatterns = [
    path("issues/<str:key>.md", exports.issue_markdown, name="issue-markdown"),
    path("issues/<str:key>/comments/", views.comment_create, name="comment-create"),
    path("issues/<str:key>/comments/draft/", views.comment_draft, name="comment-draft"),
    path("comments/<str:id>/edit/", views.comment_edit, name="comment-edit"),
    path("comments/<str:id>/tick/", views.comment_tick, name="comment-tick"),
    path("comments/<str:id>/delete/", views.comment_delete, name="comment-delete"),
    path("attachments/", attachment_views.attachment_upload, name="attachment-upload"),
    path("attachments/<str:id>/", attachment_views.attachment_download, name="attachment-download"),
    path("attachments/<str:id>/remove/", attachment_views.attachment_remove, name="attachment-remove"),
]
