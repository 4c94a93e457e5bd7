from django.db import migrations

# A total of what came in the last days looks at each of the rows that no vacuum has seen yet. With a share of
# the table, those would be the more the larger it is; so it is a number, a thousand unless the server says
# otherwise, and as pages that were seen are passed by, a vacuum has little to do.
TABLES = ("issues_issue", "issues_issuelabel")
BEFORE, AFTER = 0.005, 0


def set_share(share):
    def operation(apps, editor):
        if editor.connection.vendor == "postgresql":
            for table in TABLES:
                editor.execute(f"ALTER TABLE {table} SET (autovacuum_vacuum_insert_scale_factor = {share})")

    return operation


class Migration(migrations.Migration):
    dependencies = [("issues", "0026_rare_history")]

    operations = [migrations.RunPython(set_share(AFTER), set_share(BEFORE))]
