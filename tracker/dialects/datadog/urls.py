"""Datadog's own paths."""

from django.urls import path

from tracker.dialects.datadog.views import AssigneeView, IssueView, SearchView, StateView

ISSUES = "api/v2/error-tracking/issues"

urlpatterns = [
    path(f"{ISSUES}/search", SearchView.as_view(), name="search"),
    path(f"{ISSUES}/<str:issue_id>", IssueView.as_view(), name="issue"),
    path(f"{ISSUES}/<str:issue_id>/state", StateView.as_view(), name="state"),
    path(f"{ISSUES}/<str:issue_id>/assignee", AssigneeView.as_view(), name="assignee"),
]
