"""The pages of issues, below /issues/."""

from django.urls import path

from issues import views

urlpatterns = [
    path("", views.issue_list, name="issue-list"),
    path("new/", views.issue_create, name="issue-create"),
    path("<str:key>/", views.issue_detail, name="issue-detail"),
    path("<str:key>/edit/", views.issue_edit, name="issue-edit"),
    path("<str:key>/update/", views.issue_update, name="issue-update"),
    path("<str:key>/delete/", views.issue_delete, name="issue-delete"),
    path("<str:key>/restore/", views.issue_restore, name="issue-restore"),
]
