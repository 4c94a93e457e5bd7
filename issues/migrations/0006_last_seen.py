from django.db import migrations, models

DELETED = models.Index(
    "space",
    models.F("id").desc(),
    condition=models.Q(deleted_at__isnull=False),
    name="issue_space_deleted",
)


class Migration(migrations.Migration):
    dependencies = [("issues", "0005_wider_index")]

    operations = [
        migrations.AddIndex(
            "issue",
            models.Index(
                "space",
                models.F("last_seen_at").desc(),
                models.F("id").desc(),
                name="issue_space_seen",
            ),
        ),
        # Of several indexes that begin with a space SQLite takes the youngest: for what is deleted that has to
        # be the one that holds nothing else.
        migrations.RemoveIndex("issue", "issue_space_deleted"),
        migrations.AddIndex("issue", DELETED),
    ]
