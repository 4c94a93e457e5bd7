import django.db.models.deletion
from django.db import migrations, models

from comments.mentions import LINK, chunked, mentioned


def fill(apps, editor):
    """Write down what the texts that are there mention."""
    mentions = apps.get_model("comments", "Mention")
    issues = apps.get_model("issues", "Issue").objects.filter(description_rendered__contains=LINK)
    comments = apps.get_model("comments", "Comment").objects.filter(content_rendered__contains=LINK)
    put(
        mentions,
        ((pk, None, html) for pk, html in issues.values_list("pk", "description_rendered").iterator()),
    )
    put(mentions, comments.values_list("issue", "pk", "content_rendered").iterator())


def put(mentions, texts):
    for some in chunked(texts):
        mentions.objects.bulk_create(
            mentions(issue_id=issue, comment_id=comment, key=key)
            for issue, comment, html in some
            for key in sorted(mentioned(html))
        )


class Migration(migrations.Migration):
    dependencies = [("comments", "0005_counts"), ("issues", "0014_last_visit")]

    operations = [
        migrations.CreateModel(
            name="Mention",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.CharField(max_length=32)),
                (
                    "comment",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="comments.comment",
                    ),
                ),
                (
                    "issue",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="issues.issue"
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        models.F("key"), models.OrderBy(models.F("id"), descending=True), name="mention_key"
                    )
                ],
            },
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
