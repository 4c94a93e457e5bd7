"""The pages of issues and of what a space has beside them."""

from django.urls import path

from issues import dashboard_views, exports, list_views, live, saved_views, space_views, views

urlpatterns = [
    path("", list_views.home, name="home"),
    path("triage/", list_views.triage, name="triage"),
    path("issues/", list_views.issue_list, name="issue-list"),
    path("issues/facets/", list_views.issue_facets, name="issue-facets"),
    path("issues/complete/", list_views.issue_complete, name="issue-complete"),
    path("issues/export.csv", exports.issue_export, name="issue-export"),
    path("issues/export.json", exports.issue_export_json, name="issue-export-json"),
    path("issues/export.md", exports.issue_export_markdown, name="issue-export-markdown"),
    path("issues/changes/", live.issue_changes, name="issue-changes"),
    path("issues/new/", views.issue_create, name="issue-create"),
    path("issues/help/", list_views.query_help, name="query-help"),
    path("issues/<str:key>/", views.issue_detail, name="issue-detail"),
    path("issues/<str:key>/edit/", views.issue_edit, name="issue-edit"),
    path("issues/<str:key>/update/", views.issue_update, name="issue-update"),
    path("issues/<str:key>/attach/", views.issue_attach, name="issue-attach"),
    path("issues/<str:key>/delete/", views.issue_delete, name="issue-delete"),
    path("issues/<str:key>/restore/", views.issue_restore, name="issue-restore"),
    path("issues/<str:key>/history/", views.issue_history, name="issue-history"),
    path("dashboard/", dashboard_views.dashboard, name="dashboard"),
    path("dashboard/export.csv", dashboard_views.dashboard_export, name="dashboard-export"),
    path("views/", saved_views.view_list, name="view-list"),
    path("views/menu/", saved_views.view_menu, name="view-menu"),
    path("views/<str:id>/", saved_views.view_detail, name="view-detail"),
    path("views/<str:id>/edit/", saved_views.view_edit, name="view-edit"),
    path("views/<str:id>/update/", saved_views.view_update, name="view-update"),
    path("views/<str:id>/delete/", saved_views.view_delete, name="view-delete"),
    path("views/<str:id>/restore/", saved_views.view_restore, name="view-restore"),
    path("views/<str:id>/move/", saved_views.view_move, name="view-move"),
    path("channels/", space_views.channel_list, name="channel-list"),
    path("channels/<str:id>/", space_views.channel_detail, name="channel-detail"),
    path("channels/<str:id>/subscribe/", space_views.channel_subscribe, name="channel-subscribe"),
    path("levels/", space_views.level_list, name="level-list"),
    path("levels/<str:id>/", space_views.level_detail, name="level-detail"),
    path("history/", space_views.history_list, name="history-list"),
    path("trash/", space_views.trash, name="trash"),
]
