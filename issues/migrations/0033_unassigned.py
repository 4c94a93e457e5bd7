from django.db import migrations, models
from django.db.models import F, Q


class Migration(migrations.Migration):
    dependencies = [("issues", "0032_level_beside")]

    operations = [
        # Where little is left that is nobody's, a list of it walked by all that is open.
        migrations.AddIndex(
            "issue",
            models.Index(
                "space",
                F("id").desc(),
                condition=Q(assignee=None, status__in=("open", "acknowledged", "in_progress", "pending")),
                name="issue_unassigned",
            ),
        ),
    ]
