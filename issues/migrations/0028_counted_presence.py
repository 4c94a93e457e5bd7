from django.db import migrations


class Migration(migrations.Migration):
    """Issues are counted by team, by what they have anything of and by months; 0029 fills the counters."""

    dependencies = [("issues", "0027_vacuum_sooner")]

    operations = []
