from django.db import migrations

from issues.models.count import repair


def fill(apps, schema_editor):
    # They had other grains.
    for name in ("IssueCount", "CountDelta"):
        apps.get_model("issues", name).objects.all().delete()
    for space in apps.get_model("issues", "Space").objects.order_by("pk").values_list("pk", flat=True):
        repair([space])


class Migration(migrations.Migration):
    """Issues with a tag are counted by their level, too; all counters are filled here."""

    dependencies = [("issues", "0028_counted_presence")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
