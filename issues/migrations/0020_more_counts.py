from django.db import migrations


class Migration(migrations.Migration):
    """Issues are counted by environment, kind and flags as well; a later one fills all counters."""

    dependencies = [("issues", "0019_short_pending_list")]

    operations = []
