from django.db import migrations

# Totals are counted by indexes alone, which PostgreSQL may do only for pages that a vacuum has seen: of what is
# newer, it looks at each row. Usually one comes when a fifth of the rows is new, which are 200,000 of a million.
TABLES = ("issues_issue", "issues_issuelabel")
NEW = 0.005


def set_share(apps, editor):
    if editor.connection.vendor == "postgresql":
        for table in TABLES:
            editor.execute(f"ALTER TABLE {table} SET (autovacuum_vacuum_insert_scale_factor = {NEW})")


def reset_share(apps, editor):
    if editor.connection.vendor == "postgresql":
        for table in TABLES:
            editor.execute(f"ALTER TABLE {table} RESET (autovacuum_vacuum_insert_scale_factor)")


class Migration(migrations.Migration):
    dependencies = [("issues", "0024_closed_and_regressed")]

    operations = [migrations.RunPython(set_share, reset_share)]
