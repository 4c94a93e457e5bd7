from django.db import migrations, models


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
    ]
