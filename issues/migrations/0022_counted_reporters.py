from django.db import migrations, models

from issues.models.search_index import install_index


class Migration(migrations.Migration):
    dependencies = [("issues", "0021_tokens_of_values")]

    operations = [
        migrations.RemoveIndex("issue", "issue_reporter"),
        migrations.AddIndex(
            "issue",
            models.Index(
                "reporter",
                models.OrderBy(models.F("id"), descending=True),
                "space",
                "is_anonymous",
                name="issue_reporter",
            ),
        ),
        # The pending list of the text index is shorter.
        migrations.RunPython(
            lambda apps, editor: install_index(editor.connection), migrations.RunPython.noop
        ),
    ]
