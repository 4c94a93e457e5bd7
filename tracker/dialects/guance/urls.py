"""Guance's own paths."""

from django.urls import path

from tracker.dialects.guance import views

urlpatterns = [
    path("api/v1/issue/add", views.AddView.as_view(), name="issue-add"),
    path("api/v1/issue/list", views.ListView.as_view(), name="issue-list"),
    path("api/v1/issue/<str:id>/get", views.IssueView.as_view(), name="issue"),
    path("api/v1/issue/<str:id>/modify", views.ModifyView.as_view(), name="issue-modify"),
    path("api/v1/issue/<str:id>/delete", views.DeleteView.as_view(), name="issue-delete"),
]
