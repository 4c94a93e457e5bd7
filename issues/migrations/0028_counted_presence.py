from django.db import migrations

from issues.models.count import repair


def fill(apps, schema_editor):
    for space in apps.get_model("issues", "Space").objects.order_by("pk").values_list("pk", flat=True):
        repair([space])


class Migration(migrations.Migration):
    """Issues are counted by team, by what they have anything of and by months; all counters are filled here."""

    dependencies = [("issues", "0027_vacuum_sooner")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
