"""Guance's own paths."""

from django.urls import path

from tracker.dialects.guance import attachments, channels, levels, replies, views

urlpatterns = [
    path("api/v1/issue/add", views.AddView.as_view(), name="issue-add"),
    path("api/v1/issue/list", views.ListView.as_view(), name="issue-list"),
    path("api/v1/issue/reply/create", replies.ReplyCreateView.as_view(), name="reply-create"),
    path("api/v1/issue/reply/<str:id>/list", replies.RepliesView.as_view(), name="reply-list"),
    path("api/v1/issue/reply/<str:id>/modify", replies.ReplyModifyView.as_view(), name="reply-modify"),
    path("api/v1/issue/reply/<str:id>/delete", replies.ReplyDeleteView.as_view(), name="reply-delete"),
    path("api/v1/issue/<str:id>/get", views.IssueView.as_view(), name="issue"),
    path("api/v1/issue/<str:id>/modify", views.ModifyView.as_view(), name="issue-modify"),
    path("api/v1/issue/<str:id>/delete", views.DeleteView.as_view(), name="issue-delete"),
    path("api/v1/issue-level/list", levels.LevelListView.as_view(), name="level-list"),
    path("api/v1/issue-level/add", levels.LevelAddView.as_view(), name="level-add"),
    path("api/v1/issue-level/delete", levels.LevelDeleteView.as_view(), name="level-delete"),
    path("api/v1/issue-level/config/get", levels.ConfigView.as_view(), name="level-config"),
    path("api/v1/issue-level/config/set", levels.ConfigSetView.as_view(), name="level-config-set"),
    path("api/v1/issue-level/<str:id>/modify", levels.LevelModifyView.as_view(), name="level-modify"),
    path("api/v1/channel/quick_list", channels.ChannelListView.as_view(), name="channel-list"),
    path("api/v1/channel/add", channels.ChannelAddView.as_view(), name="channel-add"),
    path("api/v1/channel/<str:id>/modify", channels.ChannelModifyView.as_view(), name="channel-modify"),
    path("api/v1/channel/<str:id>/delete", channels.ChannelDeleteView.as_view(), name="channel-delete"),
    path("api/v1/channel/<str:id>/subscribe", channels.SubscribeView.as_view(), name="channel-subscribe"),
    path("api/v1/attachment/upload", attachments.UploadView.as_view(), name="attachment-upload"),
    path("api/v1/attachment/delete", attachments.AttachmentDeleteView.as_view(), name="attachment-delete"),
    path("api/v1/attachment/<str:id>/download", attachments.DownloadView.as_view(), name="attachment"),
]
