from django.db import migrations, models

from issues.models.shown import SHOWN_LABELS

COLUMNS = {
    "labels_shown": (
        "text NOT NULL DEFAULT '{}'",
        models.TextField(db_default="{}", default="{}", editable=False),
    ),
    "comment_count": (
        "integer NOT NULL DEFAULT 0 CHECK (comment_count >= 0)",
        models.PositiveIntegerField(db_default=0, default=0, editable=False),
    ),
}


def fill(apps, editor):
    SHOWN_LABELS.write("true", [])


class Migration(migrations.Migration):
    dependencies = [("issues", "0009_channel_name")]

    operations = [
        *(
            migrations.SeparateDatabaseAndState(
                # Django would write a table of SQLite anew for each of them.
                [
                    migrations.RunSQL(
                        f"ALTER TABLE issues_issue ADD COLUMN {name} {sql}", migrations.RunSQL.noop
                    )
                ],
                [migrations.AddField("issue", name, field)],
            )
            for name, (sql, field) in COLUMNS.items()
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
