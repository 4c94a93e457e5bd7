from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("issues", "0003_counts")]

    operations = [
        migrations.RemoveIndex("issue", "issue_level"),
        migrations.AddIndex(
            "issue", models.Index("level", "space", models.F("id").desc(), name="issue_level")
        ),
        migrations.AddIndex(
            "issuelabel", models.Index("space", "key", models.F("issue").desc(), name="label_key")
        ),
    ]
