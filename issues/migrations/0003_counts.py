import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("issues", "0002_search")]

    operations = [
        migrations.CreateModel(
            name="IssueCount",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("grain", models.PositiveSmallIntegerField()),
                ("project", models.BigIntegerField()),
                ("status", models.CharField(max_length=16)),
                ("level", models.BigIntegerField()),
                ("assignee", models.BigIntegerField()),
                ("tag", models.CharField(blank=True, max_length=64)),
                ("number", models.BigIntegerField()),
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
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("space", "grain", "project", "status", "level", "assignee", "tag"),
                        name="issue_count",
                    )
                ]
            },
        ),
        migrations.CreateModel(
            name="CountDelta",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("grain", models.PositiveSmallIntegerField()),
                ("project", models.BigIntegerField()),
                ("status", models.CharField(max_length=16)),
                ("level", models.BigIntegerField()),
                ("assignee", models.BigIntegerField()),
                ("tag", models.CharField(blank=True, max_length=64)),
                ("number", models.IntegerField()),
                (
                    "space",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="issues.space",
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="issue",
            index=models.Index(
                models.F("space"),
                models.OrderBy(models.F("id"), descending=True),
                condition=models.Q(("deleted_at__isnull", False)),
                name="issue_space_deleted",
            ),
        ),
    ]
