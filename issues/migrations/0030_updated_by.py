from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("issues", "0029_counted_levels")]

    operations = [
        # What a client asks for by who changed it last was looked for among all issues.
        migrations.AddIndex(
            "issue",
            models.Index(
                "updated_by",
                models.OrderBy(models.F("id"), descending=True),
                "space",
                "is_anonymous",
                "reporter",
                name="issue_updated_by",
            ),
        ),
    ]
