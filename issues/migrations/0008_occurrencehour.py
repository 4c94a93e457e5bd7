import django.db.models.deletion
from django.db import migrations, models

from issues.models.occurrence_hour import OccurrenceHour


def fill(apps, schema_editor):
    for space in apps.get_model("issues", "Space").objects.order_by("pk").values_list("pk", flat=True):
        OccurrenceHour.objects.repair([space])


class Migration(migrations.Migration):
    dependencies = [("issues", "0007_extensions")]

    operations = [
        migrations.CreateModel(
            name="OccurrenceHour",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "space_id",
                        "hour",
                        "issue_id",
                        "session",
                        "user",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("hour", models.IntegerField()),
                ("session", models.CharField(blank=True, max_length=128)),
                ("user", models.CharField(blank=True, max_length=128)),
                ("number", models.IntegerField()),
                (
                    "issue",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="issues.issue",
                    ),
                ),
                (
                    "space",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="issues.space",
                    ),
                ),
            ],
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
