import django.db.models.deletion
from django.db import migrations, models

from issues.models.search_document import RowOfIssue
from issues.models.search_index import drop_index, install_index


class Migration(migrations.Migration):
    """The table and its index; what is written so far comes into it with the comments' own migration."""

    dependencies = [
        ("issues", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="SearchDocument",
            fields=[
                (
                    "issue",
                    RowOfIssue(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="issues.issue",
                    ),
                ),
                ("title", models.TextField()),
                ("description", models.TextField()),
                ("comments", models.TextField()),
                ("internal", models.TextField()),
                ("tokens", models.TextField()),
            ],
        ),
        migrations.RunPython(
            lambda apps, editor: install_index(editor.connection),
            lambda apps, editor: drop_index(editor.connection),
        ),
    ]
