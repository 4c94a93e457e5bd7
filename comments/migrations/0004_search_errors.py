from functools import partial

from django.db import migrations

from comments.query import said
from issues.models.search_document import ERROR, document, said_of

CHUNK = 500


def fill(apps, editor):
    """Put the errors of issues that are there already into their documents."""
    get = apps.get_model
    documents, comments = get("issues", "SearchDocument").objects, get("comments", "Comment").objects
    issues = get("issues", "Issue").objects.exclude(**dict.fromkeys(ERROR, "")).filter(deleted_at=None)
    last = 0
    while found := list(issues.filter(pk__gt=last).order_by("pk")[:CHUNK]):
        last = found[-1].pk
        texts = said_of(found, [partial(said, comments=comments)])
        for issue in found:
            row = document(issue, texts, ("comments",))
            documents.filter(pk=issue.pk).update(comments=row["comments"])


class Migration(migrations.Migration):
    dependencies = [
        ("comments", "0003_wider_index"),
        ("issues", "0008_occurrencehour"),
    ]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
