"""The project as an app: it brings the commands and what joins issues and comments."""

from django.apps import AppConfig


class TrackerConfig(AppConfig):
    name = "tracker"
