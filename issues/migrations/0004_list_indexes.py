from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("issues", "0003_counts")]

    operations = [
        # SQLite takes a part of an index only for a condition that is spelt like its own.
        migrations.RemoveIndex("issue", "issue_fingerprint"),
        migrations.AddIndex(
            "issue",
            models.Index("space", "fingerprint", models.F("id").desc(), name="issue_fingerprint"),
        ),
        migrations.AddIndex(
            "issue", models.Index("space", "level_rank", models.F("id").desc(), name="issue_space_rank")
        ),
        migrations.RemoveIndex("issue", "issue_level"),
        migrations.AddIndex(
            "issue", models.Index("level", "space", models.F("id").desc(), name="issue_level")
        ),
        migrations.AddIndex(
            "issuelabel", models.Index("space", "key", models.F("issue").desc(), name="label_key")
        ),
    ]
