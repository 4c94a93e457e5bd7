from django.db import migrations
from django.db.models import Q

from issues.models.search_document import MARKS, document

CHUNK = 500
EMPTY = {"languages": [], "due_on": None, "is_crash": False, "is_anonymous": False}


def fill(apps, editor):
    """Put the values of issues that are there already into the tokens of their documents."""
    documents = apps.get_model("issues", "SearchDocument").objects
    nothing = Q(**{column: EMPTY.get(column, "") for column in MARKS})
    issues = apps.get_model("issues", "Issue").objects.filter(~nothing, deleted_at=None).order_by("pk")
    last = 0
    while found := list(issues.filter(pk__gt=last)[:CHUNK]):
        last = found[-1].pk
        for issue in found:
            row = document(issue, {}, ("tokens",))
            documents.filter(pk=issue.pk).update(tokens=row["tokens"])


class Migration(migrations.Migration):
    dependencies = [("issues", "0020_more_counts")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
