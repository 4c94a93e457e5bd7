"""Comments on issues."""

from django.apps import AppConfig


class CommentsConfig(AppConfig):
    name = "comments"
