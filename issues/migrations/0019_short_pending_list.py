from django.db import migrations

from issues.models.search_index import install_index


class Migration(migrations.Migration):
    dependencies = [("issues", "0018_service_counts")]

    operations = [
        migrations.RunPython(
            lambda apps, editor: install_index(editor.connection), migrations.RunPython.noop
        ),
    ]
