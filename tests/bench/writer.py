"""Somebody who writes while others read: twenty new issues a second, until told to stop."""

import os
import time

import django

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tracker.settings")
    django.setup()

    from issues.models import Issue, Space

    space = Space.objects.get(key="GEN00")
    while True:
        Issue(space=space, title="Somebody writes", description="While others *read*.").save()
        time.sleep(0.05)
