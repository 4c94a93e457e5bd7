"""Comments on issues."""

from django.apps import AppConfig


class CommentsConfig(AppConfig):
    name = "comments"

    def ready(self):
        from comments import mentions, query
        from issues.models.history import issue_changed

        query.connect()
        issue_changed.connect(mentions.follow_descriptions)
