"""Qarion's own paths."""

from django.urls import path

from tracker.dialects.qarion.views import CommentsView, HistoryView, IssuesView, IssueView

urlpatterns = [
    path("issues", IssuesView.as_view(), name="issues"),
    path("issues/<str:id>", IssueView.as_view(), name="issue"),
    path("issues/<str:id>/comments", CommentsView.as_view(), name="comments"),
    path("issues/<str:id>/history", HistoryView.as_view(), name="history"),
]
