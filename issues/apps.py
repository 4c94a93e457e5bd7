"""The domain: issues and everything whose changes are on record."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class IssuesConfig(AppConfig):
    name = "issues"

    def ready(self):
        from issues import signals

        signals.connect()
        post_migrate.connect(signals.prepare_database, sender=self)
