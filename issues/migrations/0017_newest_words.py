from django.db import migrations

from issues.models.search_index import TABLE, install_index


def renew(apps, editor):
    """Make the words of the documents anew, with those of their age."""
    if editor.connection.vendor == "postgresql":
        editor.execute("SET LOCAL maintenance_work_mem = '512MB'")
        editor.execute(f"ALTER TABLE {TABLE} DROP COLUMN vector")
        install_index(editor.connection)


class Migration(migrations.Migration):
    dependencies = [("issues", "0016_history_acted")]

    operations = [migrations.RunPython(renew, migrations.RunPython.noop)]
