"""Somebody who writes while others read: twenty new issues a second, until told to stop."""

import time

import django

if __name__ == "__main__":
    django.setup()

    from django.db import connection

    from issues.models import Issue, Space

    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET application_name = 'writer'")
    space = Space.objects.get(key="GEN00")
    while True:
        Issue(space=space, title="Somebody writes", description="While others *read*.").save()
        time.sleep(0.05)
