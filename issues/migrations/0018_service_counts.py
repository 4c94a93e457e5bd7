from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("issues", "0017_newest_words")]

    operations = [
        migrations.AlterField("countdelta", "tag", models.CharField(blank=True, max_length=256)),
        migrations.AlterField("issuecount", "tag", models.CharField(blank=True, max_length=256)),
    ]
