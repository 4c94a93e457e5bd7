from django.db import migrations

from issues.models.fields import ExactJSONField


class Migration(migrations.Migration):
    dependencies = [("issues", "0006_last_seen")]

    operations = [
        migrations.AddField(model, "extensions", ExactJSONField(blank=True, default=dict))
        for model in ("space", "level", "channel")
    ]
