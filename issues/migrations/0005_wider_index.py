from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("issues", "0004_list_indexes")]

    operations = [
        migrations.RemoveIndex("issue", "issue_assignee"),
        migrations.AddIndex(
            "issue",
            models.Index(
                "assignee",
                "status",
                models.F("id").desc(),
                "space",
                "project",
                "level",
                name="issue_assignee",
            ),
        ),
    ]
