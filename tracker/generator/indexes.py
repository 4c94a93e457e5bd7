"""Indexes and foreign keys of tables that are filled: taken away before, made again after the last row."""

import json
from contextlib import contextmanager

from django.db import connection

from tracker.generator.tables import REPEATED

# (DROP, CREATE) of all that the database makes quicker in one go than row by row. What a row that is there
# already is known by stays, and so do primary keys, which come in their order.
POSTGRES = """
    SELECT format('ALTER TABLE %%s DROP CONSTRAINT %%I', conrelid::regclass, conname),
           format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', conrelid::regclass, conname,
                  pg_get_constraintdef(oid))
    FROM pg_constraint
    WHERE conrelid = ANY(%(tables)s::regclass[])
      AND (contype = 'f' OR contype = 'u' AND NOT conrelid = ANY(%(repeated)s::regclass[]))
    UNION ALL
    SELECT format('DROP INDEX %%s', indexrelid::regclass), pg_get_indexdef(indexrelid)
    FROM pg_index
    WHERE indrelid = ANY(%(tables)s::regclass[])
      AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u'))
"""
SQLITE = """
    SELECT 'DROP INDEX "' || name || '"', sql FROM sqlite_master
    WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN (SELECT value FROM json_each(%s))
"""


@contextmanager
def without_indexes(models):
    """Inside, the tables of `models` have hardly an index and, on PostgreSQL, no foreign key.

    They come back as the catalog describes them, checked against every row. Nobody else uses these tables
    meanwhile.
    """
    with connection.cursor() as cursor:
        found = catalog(cursor, models)
        if connection.vendor == "postgresql":
            # What has been written so far is checked now: a table with checks ahead cannot be altered.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        for drop, _ in found:
            cursor.execute(drop)
        yield
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL maintenance_work_mem = '512MB'")
        for _, create in sorted(found, key=lambda pair: "FOREIGN KEY" in pair[1]):
            cursor.execute(create)


def catalog(cursor, models):
    """[(statement that drops, statement that makes again)]"""
    tables = [model._meta.db_table for model in models]
    if connection.vendor == "postgresql":
        repeated = [model._meta.db_table for model in REPEATED]
        cursor.execute(POSTGRES, {"tables": tables, "repeated": repeated})
    else:
        cursor.execute(SQLITE, [json.dumps(tables)])
    return cursor.fetchall()
