"""The project as an app: it brings the commands, the administration, and what joins issues and comments."""

from django.apps import AppConfig
from django.contrib.admin import apps


class TrackerConfig(AppConfig):
    default = True
    name = "tracker"


class TrackerAdminConfig(apps.AdminConfig):
    default = False
    default_site = "tracker.admin.TrackerAdminSite"

    def ready(self):
        super().ready()
        from django.contrib import admin
        from django.contrib.auth.models import Group

        # What somebody may do is a matter of their spaces, not of groups.
        admin.site.unregister(Group)
