"""The text index over search documents: FTS5 on SQLite, GIN over a tsvector on PostgreSQL."""

from django.db import DatabaseError, transaction
from django.db import connection as default_connection

TABLE, INDEX = "issues_searchdocument", "issues_search"
COLUMNS = ("title", "description", "comments", "internal", "tokens")

NAMES = ", ".join(COLUMNS)
OLD, NEW = (", ".join(f"{row}.{name}" for name in ("issue_id", *COLUMNS)) for row in ("old", "new"))
FORGET = f"INSERT INTO {INDEX} ({INDEX}, rowid, {NAMES}) VALUES ('delete', {OLD});"
LEARN = f"INSERT INTO {INDEX} (rowid, {NAMES}) VALUES ({NEW});"
# The tokenizer parts words at whatever is an ASCII character and neither letter nor digit, so ours come
# through whole. Lengths of columns would serve a ranking that we do not use.
SQLITE = (
    f"CREATE VIRTUAL TABLE IF NOT EXISTS {INDEX} USING fts5 ({NAMES}, content='{TABLE}', "
    "content_rowid='issue_id', tokenize='ascii', columnsize=0)",
    f"CREATE TRIGGER IF NOT EXISTS search_insert AFTER INSERT ON {TABLE} BEGIN {LEARN} END",
    f"CREATE TRIGGER IF NOT EXISTS search_delete AFTER DELETE ON {TABLE} BEGIN {FORGET} END",
    f"CREATE TRIGGER IF NOT EXISTS search_update AFTER UPDATE ON {TABLE} BEGIN {FORGET} {LEARN} END",
)


def array(column, mark=""):
    """SQL of an array of the words of a column, with a mark before each that no word has."""
    text = f"'{mark}' || replace({column}, ' ', ' {mark}')" if mark else column
    return f"CASE {column} WHEN '' THEN '{{}}' ELSE string_to_array({text}, ' ') END"


# Words of titles stand there a second time, marked, so that titles can be searched alone.
MARKED = (
    ("title", ""),
    ("title", "~"),
    ("description", ""),
    ("comments", ""),
    ("internal", "!"),
    ("tokens", "="),
)
# Issues of a like age stand in a block of their numbers, and a block has a word: where many issues say
# something, the newest of them are found without a look at the others. The sizes are powers of two.
BLOCKS = {9: "#", 12: "##"}
ALL_BLOCKS = ", ".join(f"'{mark}' || (issue_id >> {size})" for size, mark in BLOCKS.items())
ALL_WORDS = " || ".join([*(array(*marked) for marked in MARKED), f"ARRAY[{ALL_BLOCKS}]"])
# The planner takes a rare word for a common one unless it counts many.
POSTGRES = (
    f"ALTER TABLE {TABLE} ADD COLUMN IF NOT EXISTS vector tsvector NOT NULL "
    f"GENERATED ALWAYS AS (array_to_tsvector({ALL_WORDS})) STORED",
    f"ALTER TABLE {TABLE} ALTER COLUMN vector SET STATISTICS 1000",
    f"CREATE INDEX IF NOT EXISTS {INDEX} ON {TABLE} USING gin (vector)",
    # Each search reads all documents (in kB) that are not in the index's order yet.
    f"ALTER INDEX {INDEX} SET (gin_pending_list_limit = 256)",
)


DROP_SQLITE = (
    *(f"DROP TRIGGER search_{event}" for event in ("insert", "delete", "update")),
    f"DROP TABLE {INDEX}",
)


def install_index(connection=default_connection):
    """Make what is missing of the index; a second time changes nothing.

    A migration that makes the table of documents anew takes the triggers with it, and ends with this.
    """
    with connection.cursor() as cursor:
        for statement in POSTGRES if connection.vendor == "postgresql" else SQLITE:
            cursor.execute(statement)


def drop_index(connection=default_connection):
    """Take away what does not go with the table."""
    with connection.cursor() as cursor:
        for statement in () if connection.vendor == "postgresql" else DROP_SQLITE:
            cursor.execute(statement)


class TextIndex:
    """The index as something that follows from its documents. PostgreSQL sees to that by itself."""

    @staticmethod
    def differences():
        if default_connection.vendor != "sqlite":
            return
        try:
            with transaction.atomic(), default_connection.cursor() as cursor:
                cursor.execute(f"INSERT INTO {INDEX} ({INDEX}, rank) VALUES ('integrity-check', 1)")
        except DatabaseError:
            yield None, "the text index does not fit the search documents"

    @staticmethod
    def repair(keys):
        with default_connection.cursor() as cursor:
            cursor.execute(f"INSERT INTO {INDEX} ({INDEX}) VALUES ('rebuild')")
