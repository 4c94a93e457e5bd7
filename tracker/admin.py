"""The administration at /admin/: who enters, how they sign in, and what it looks like as a whole."""

from functools import update_wrapper

from django.contrib.admin import AdminSite
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.urls import reverse

from issues.policy import may_administer

# Django's pages that do what ours do elsewhere, or show any row of any model to whoever knows its number.
LEFT_OUT = {"password_change", "password_change_done", "view_on_site"}


class Choices(AutocompleteJsonView):
    """What may be chosen in a form; each model's admin shows the rows of one's own spaces alone."""

    def has_perm(self, request, obj=None):
        return True

    def get_queryset(self):
        rows = super().get_queryset()
        return rows.filter(is_active=True) if hasattr(rows.model, "is_active") else rows

    def serialize_result(self, obj, to_field_name):
        return {"id": str(obj.pk), "text": self.model_admin.choice(obj)}


class TrackerAdminSite(AdminSite):
    site_title = site_header = "Tracker administration"
    index_title = "Administration"
    # Every route has a name; what has none is the site's own 404.
    final_catch_all_view = False

    def __init__(self, name="admin"):
        super().__init__(name)
        self.disable_action("delete_selected")

    def has_permission(self, request):
        return may_administer(request.user)

    def admin_view(self, view, cacheable=False):
        inner = super().admin_view(view, cacheable)

        def door(request, *args, **kwargs):
            if self.has_permission(request):
                return inner(request, *args, **kwargs)
            if request.user.is_authenticated:
                raise PermissionDenied
            return redirect_to_login(request.get_full_path())

        return update_wrapper(door, view)

    def get_urls(self):
        return [route for route in super().get_urls() if getattr(route, "name", None) not in LEFT_OUT]

    def login(self, request, extra_context=None):
        """The site's own sign-in, which counts attempts."""
        return redirect_to_login(request.GET.get("next") or reverse("admin:index"))

    def autocomplete_view(self, request):
        return Choices.as_view(admin_site=self)(request)
