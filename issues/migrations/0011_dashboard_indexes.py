from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("issues", "0010_shown_in_lists")]

    operations = [
        migrations.AddIndex(
            "issue",
            models.Index(
                "space",
                "resolved_at",
                "created_at",
                "status",
                "deleted_at",
                condition=Q(resolved_at__isnull=False),
                name="issue_space_resolved",
            ),
        ),
        migrations.AddIndex(
            "historyentry",
            models.Index(
                "space", "created_at", "issue", condition=Q(action="regressed"), name="history_regressed"
            ),
        ),
    ]
