import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import issues.models.fields
import issues.models.saved_view


class Migration(migrations.Migration):
    dependencies = [
        ("issues", "0011_dashboard_indexes"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="SavedView",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("uuid", models.UUIDField(default=issues.models.fields.uuid7, editable=False, unique=True)),
                ("is_active", models.BooleanField(default=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("name", models.CharField(max_length=256)),
                (
                    "query",
                    models.CharField(
                        blank=True, max_length=2000, validators=[issues.models.saved_view.check_params]
                    ),
                ),
                ("position", models.PositiveIntegerField(default=0, editable=False)),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="saved_views",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "space",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="saved_views",
                        to="issues.space",
                    ),
                ),
            ],
            options={
                "ordering": ["position", "id"],
                "abstract": False,
                "base_manager_name": "objects",
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("is_active", True)),
                        fields=("space", "name"),
                        name="savedview_shared_name",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("is_active", True), ("space", None)),
                        fields=("owner", "name"),
                        name="savedview_own_name",
                    ),
                ],
            },
        ),
    ]
