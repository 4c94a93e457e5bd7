from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("comments", "0002_search")]

    operations = [
        migrations.RemoveIndex("comment", "comment_issue"),
        migrations.AddIndex(
            "comment",
            models.Index("issue", "id", "deleted_at", "is_internal", name="comment_issue"),
        ),
    ]
