from django.db import migrations, models
from django.db.models import F, Q

NEWEST_FIRST = "space", F("id").desc()


class Migration(migrations.Migration):
    dependencies = [("issues", "0030_updated_by")]

    operations = [
        # Where a list asks for what nobody told or changed, it walked by all other issues.
        migrations.AddIndex(
            "issue",
            models.Index(
                *NEWEST_FIRST,
                condition=Q(reporter=None) | Q(is_anonymous=True),
                name="issue_told_by_nobody",
            ),
        ),
        migrations.AddIndex(
            "issue",
            models.Index(
                *NEWEST_FIRST,
                condition=Q(updated_by=None) | Q(is_anonymous=True, reporter=F("updated_by")),
                name="issue_changed_by_nobody",
            ),
        ),
    ]
