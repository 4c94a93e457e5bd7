"""Somebody who writes while others read: twenty new issues a second, until told to stop."""

import random
import time

import django

if __name__ == "__main__":
    django.setup()

    from django.db import connection

    from issues.models import Issue, Space
    from tracker.generator import words

    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET application_name = 'writer'")
    space, chance = Space.objects.get(key="GEN00"), random.Random(0)
    while True:
        # In the words of all others, of which a search would else find fewer and fewer among the newest.
        description, _ = words.paragraphs(chance, 120)
        Issue(space=space, title=words.title(chance), description=description).save()
        time.sleep(0.05)
