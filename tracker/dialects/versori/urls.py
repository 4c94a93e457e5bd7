"""Versori's own paths."""

from django.urls import path

from tracker.dialects.versori.views import IssuesView, IssueView

urlpatterns = [
    path("api/v2/o/<str:organisation_id>/issues", IssuesView.as_view(), name="issues"),
    path("api/v2/o/<str:organisation_id>/issues/<str:issue_id>", IssueView.as_view(), name="issue"),
]
