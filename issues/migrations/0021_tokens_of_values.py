from django.db import migrations
from django.db.models import Q

from issues.models.search_document import document

CHUNK = 500
TEXTS = (
    "kind", "service", "platform", "track", "error_type", "resource_type", "resource_name", "resource_id",
    "alert_id", "first_version", "last_version",
)  # fmt: skip
NOTHING = dict.fromkeys(TEXTS, "") | {
    "languages": [],
    "due_on": None,
    "is_crash": False,
    "is_anonymous": False,
}


def fill(apps, editor):
    """Put the values of issues that are there already into the tokens of their documents."""
    documents = apps.get_model("issues", "SearchDocument").objects
    issues = apps.get_model("issues", "Issue").objects.filter(~Q(**NOTHING), deleted_at=None).order_by("pk")
    last = 0
    while found := list(issues.filter(pk__gt=last)[:CHUNK]):
        last = found[-1].pk
        for issue in found:
            row = document(issue, {}, ("tokens",))
            documents.filter(pk=issue.pk).update(tokens=row["tokens"])


class Migration(migrations.Migration):
    dependencies = [("issues", "0020_more_counts")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
