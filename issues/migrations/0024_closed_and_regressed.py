from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("issues", "0023_next_release")]

    operations = [
        migrations.AddIndex(
            "issue",
            models.Index(
                "space",
                models.OrderBy(models.F("closed_at"), descending=True),
                condition=models.Q(closed_at__isnull=False),
                name="issue_space_closed",
            ),
        ),
        migrations.AddIndex(
            "historyentry",
            models.Index(
                "space",
                models.OrderBy(models.F("issue"), descending=True),
                "created_at",
                condition=models.Q(action="regressed"),
                name="history_regressed_issue",
            ),
        ),
    ]
