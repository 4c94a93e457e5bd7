from functools import partial

from django.db import migrations

from comments.query import said
from issues.models.search_document import ERROR, document, said_of

CHUNK = 500


def fill(apps, editor):
    """Make the documents of all issues that are there already."""
    get = apps.get_model
    SearchDocument, comments = get("issues", "SearchDocument"), get("comments", "Comment").objects
    issues = get("issues", "Issue").objects.filter(deleted_at=None).order_by("pk")
    wanted = issues.only("title", "description", *ERROR, "status", "space_id", "assignee_id")
    last = 0
    while found := list(wanted.filter(pk__gt=last)[:CHUNK]):
        last = found[-1].pk
        texts = said_of(found, [partial(said, comments=comments)])
        SearchDocument.objects.bulk_create(SearchDocument(**document(issue, texts)) for issue in found)


class Migration(migrations.Migration):
    dependencies = [
        ("comments", "0001_initial"),
        ("issues", "0002_search"),
    ]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
