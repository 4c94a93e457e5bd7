from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("issues", "0015_draft")]

    operations = [
        migrations.AddIndex(
            "historyentry",
            models.Index(
                "issue",
                "position",
                "created_at",
                condition=Q(
                    action__in=("status_changed", "assignee_changed", "priority_changed"),
                    actor__isnull=False,
                    position__gt=1,
                ),
                name="history_acted",
            ),
        ),
    ]
