from django.db import migrations, models
from django.db.models import F


class Migration(migrations.Migration):
    dependencies = [("issues", "0031_by_nobody")]

    operations = [
        # A list of two levels in many spaces, of which few issues have all that is asked besides, read the
        # rows of all others on its way.
        migrations.RemoveIndex("issue", "issue_level"),
        migrations.AddIndex(
            "issue",
            models.Index(
                "level", "space", F("id").desc(), "status", "assignee", "project", name="issue_level"
            ),
        ),
    ]
