from django.db import migrations, models
from django.db.models import F, Q

EVERYDAY = (
    "created", "status_changed", "assignee_changed", "priority_changed", "label_added", "comment_added",
)  # fmt: skip
USUAL = ("web", "api", "import")


class Migration(migrations.Migration):
    dependencies = [("issues", "0025_seen_by_vacuum")]

    operations = [
        migrations.AddIndex("historyentry", index)
        for index in (
            models.Index(
                "space", "action", F("id").desc(), condition=~Q(action__in=EVERYDAY), name="history_rare"
            ),
            models.Index(
                "space", "source", F("id").desc(), condition=~Q(source__in=USUAL), name="history_source"
            ),
        )
    ]
