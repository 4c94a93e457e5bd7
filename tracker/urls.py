"""The site map."""

from django.contrib import admin
from django.urls import include, path, re_path
from django.views.decorators.csrf import csrf_exempt

from comments import viewsets as comments
from comments.attachment_viewsets import AttachmentViewSet
from issues import space_viewsets as spaces
from issues import viewsets as issues
from issues.query_viewsets import QueryViewSet
from tracker import docs, probes
from tracker.accounts import viewsets as accounts
from tracker.dialects import doors
from tracker.dialects.pages import issue_doors
from tracker.errors import error_response

handler400 = "tracker.errors.handler400"
handler403 = "tracker.errors.handler403"
handler404 = "tracker.errors.handler404"
handler500 = "tracker.errors.handler500"

ONE = {"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"}
ONE_KEPT = {"get": "retrieve", "patch": "partial_update"}
LIST = {"get": "list"}


@csrf_exempt
def not_here(request, **parts):
    return error_response(request, 404)


def post(view, action):
    return view.as_view({"post": action}, detail=True)


def rows_of(name, view, one):
    """The addresses of a list that can be added to, and of one of its rows."""
    singular = name.removesuffix("s")
    return (
        path(f"{name}/", view.as_view(LIST | {"post": "create"}), name=f"{singular}-list"),
        path(f"{name}/<str:id>/", view.as_view(one), name=f"{singular}-detail"),
    )


api = [
    path("issues/", issues.IssueViewSet.as_view(LIST | {"post": "create"}), name="issue-list"),
    path("issues/facets/", issues.IssueViewSet.as_view({"get": "facets"}), name="issue-facets"),
    path("issues/similar/", issues.IssueViewSet.as_view({"get": "similar"}), name="issue-similar"),
    path("issues/bulk/", issues.IssueViewSet.as_view({"post": "bulk"}), name="issue-bulk"),
    path("issues/<str:id>/", issues.IssueViewSet.as_view(ONE), name="issue-detail"),
    path("issues/<str:id>/restore/", post(issues.IssueViewSet, "restore"), name="issue-restore"),
    path("issues/<str:id>/occurrences/", post(issues.IssueViewSet, "occurrences"), name="issue-occurrences"),
    path(
        "issues/<str:id>/comments/",
        comments.IssueCommentViewSet.as_view(LIST | {"post": "create"}),
        name="issue-comments",
    ),
    path("issues/<str:id>/history/", issues.IssueHistoryViewSet.as_view(LIST), name="issue-history"),
    path("comments/<str:id>/", comments.CommentViewSet.as_view(ONE), name="comment-detail"),
    path("attachments/", AttachmentViewSet.as_view({"post": "create"}), name="attachment-list"),
    path(
        "attachments/<str:id>/",
        AttachmentViewSet.as_view({"get": "retrieve", "delete": "destroy"}),
        name="attachment-detail",
    ),
    path(
        "attachments/<str:id>/download/",
        AttachmentViewSet.as_view({"get": "download"}),
        name="attachment-download",
    ),
    path("history/", issues.HistoryViewSet.as_view(LIST), name="history-list"),
    path("queries/complete/", QueryViewSet.as_view({"get": "complete"}), name="query-complete"),
    path("queries/explain/", QueryViewSet.as_view({"get": "explain"}), name="query-explain"),
    path("spaces/", spaces.SpaceViewSet.as_view(LIST), name="space-list"),
    path("spaces/<str:id>/", spaces.SpaceViewSet.as_view(ONE_KEPT), name="space-detail"),
    *rows_of("levels", spaces.LevelViewSet, ONE),
    *rows_of("channels", spaces.ChannelViewSet, ONE),
    path(
        "channels/<str:id>/subscriptions/",
        spaces.SubscriptionViewSet.as_view(LIST),
        name="channel-subscriptions",
    ),
    path(
        "channels/<str:id>/subscription/",
        spaces.SubscriptionViewSet.as_view({"get": "retrieve", "put": "update", "delete": "destroy"}),
        name="channel-subscription",
    ),
    *rows_of("projects", spaces.ProjectViewSet, ONE),
    *rows_of("environments", spaces.EnvironmentViewSet, ONE),
    *rows_of("teams", spaces.TeamViewSet, ONE),
    *rows_of("memberships", spaces.MembershipViewSet, ONE),
    *rows_of("views", spaces.SavedViewViewSet, ONE),
    path("users/", accounts.UserViewSet.as_view(LIST), name="user-list"),
    path("users/me/", accounts.UserViewSet.as_view({"get": "me"}), name="user-me"),
    path("users/<str:id>/", accounts.UserViewSet.as_view({"get": "retrieve"}), name="user-detail"),
    *rows_of("tokens", accounts.TokenViewSet, {"get": "retrieve", "delete": "destroy"}),
]

# Programs come first, since they come most often and every pattern before theirs costs them.
urlpatterns = [
    path("api/", include((api, "api"))),
    path("api/schema/", docs.schema, name="api-schema"),
    path("api/schema/<str:name>/", docs.schema, name="api-schema-door"),
    path("api/docs/", docs.DocsView.as_view(), name="api-docs"),
    path("api/docs/<str:name>/", docs.DocsView.as_view(), name="api-docs-door"),
    path("healthz", probes.healthz, name="healthz"),
    path("readyz", probes.readyz, name="readyz"),
    path("", include("tracker.accounts.urls")),
    path("", include("issues.urls")),
    path("issues/<str:key>/doors/", issue_doors, name="issue-doors"),
    path("", include("comments.urls")),
    # After the pages, of which a few have addresses without a slash at the end.
    *doors.urlpatterns(not_here),
    # A line break is a character of a path too; Django cannot reverse past an inline flag such as (?s).
    re_path(r"^api/(?P<path>[\s\S]*)\Z", not_here, name="api-unknown"),
    path("admin/", admin.site.urls),
]
