from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("issues", "0008_occurrencehour")]

    operations = [
        migrations.AddIndex("issuelabel", models.Index("issue", "id", "key", "value", name="label_issue"))
    ]
