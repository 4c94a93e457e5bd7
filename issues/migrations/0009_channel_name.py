from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("issues", "0008_occurrencehour")]

    operations = [
        migrations.RemoveConstraint(model_name="channel", name="channel_name"),
        migrations.AddConstraint(
            model_name="channel",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_active", True)), fields=("space", "name"), name="channel_name"
            ),
        ),
    ]
