from django.db import migrations

from comments.models import CommentCounts


def fill(apps, editor):
    CommentCounts.put(apps.get_model("issues", "Issue").objects.all())


class Migration(migrations.Migration):
    dependencies = [("comments", "0004_search_errors"), ("issues", "0010_shown_in_lists")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
