from django.db import migrations, models

from issues.models.count import repair


def fill(apps, schema_editor):
    for space in apps.get_model("issues", "Space").objects.order_by("pk").values_list("pk", flat=True):
        repair([space])


class Migration(migrations.Migration):
    dependencies = [("issues", "0017_newest_words")]

    operations = [
        migrations.AlterField("countdelta", "tag", models.CharField(blank=True, max_length=256)),
        migrations.AlterField("issuecount", "tag", models.CharField(blank=True, max_length=256)),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
