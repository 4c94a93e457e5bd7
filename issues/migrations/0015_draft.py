import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("issues", "0014_last_visit"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Draft",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("issue", "New issue"),
                            ("description", "Description"),
                            ("comment", "Comment"),
                        ],
                        max_length=11,
                    ),
                ),
                ("title", models.CharField(blank=True, max_length=500)),
                ("text", models.TextField(blank=True, max_length=65535)),
                ("version", models.BigIntegerField(null=True)),
                ("updated_at", models.DateTimeField()),
                (
                    "issue",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="issues.issue",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="drafts",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("user", "issue", "kind"), name="draft_of_issue"),
                    models.UniqueConstraint(
                        condition=models.Q(("issue", None)), fields=("user", "kind"), name="draft_of_no_issue"
                    ),
                ],
            },
        ),
    ]
