"""Zylon's own paths."""

from django.urls import path

from tracker.dialects.zylon.views import IssuesView, IssueView

urlpatterns = [
    path("api/v1/app/issue", IssuesView.as_view(), name="issues"),
    path("api/v1/app/issue/<str:id>", IssueView.as_view(), name="issue"),
]
