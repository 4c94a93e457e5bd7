from django.db import migrations

from issues.models.count import repair


def fill(apps, schema_editor):
    for space in apps.get_model("issues", "Space").objects.order_by("pk").values_list("pk", flat=True):
        repair([space])


class Migration(migrations.Migration):
    """Issues are counted by environment, kind and flags as well."""

    dependencies = [("issues", "0019_short_pending_list")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
