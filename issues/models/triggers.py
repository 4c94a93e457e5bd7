"""What keeps history append-only whichever way somebody comes: triggers of the database."""

from django.db import connection as default_connection

HISTORY, TEXTS = "issues_historyentry", "issues_textversion"
KEPT = "history is append-only"

SQLITE = {
    "history_no_update": f"BEFORE UPDATE ON {HISTORY}",
    "history_no_delete": f"BEFORE DELETE ON {HISTORY}",
    "text_only_blanked": f"BEFORE UPDATE ON {TEXTS} WHEN NEW.text <> '' OR NEW.sha256 <> OLD.sha256 "
    "OR NEW.space_id <> OLD.space_id",
    "text_no_delete": f"BEFORE DELETE ON {TEXTS}",
}
POSTGRES = {
    "history_no_update": f"BEFORE UPDATE OR DELETE ON {HISTORY} FOR EACH ROW",
    "history_no_truncate": f"BEFORE TRUNCATE ON {HISTORY} FOR EACH STATEMENT",
    "text_only_blanked": f"BEFORE UPDATE ON {TEXTS} FOR EACH ROW WHEN (NEW.text <> '' "
    "OR NEW.sha256 <> OLD.sha256 OR NEW.space_id <> OLD.space_id)",
    "text_no_delete": f"BEFORE DELETE ON {TEXTS} FOR EACH ROW",
    "text_no_truncate": f"BEFORE TRUNCATE ON {TEXTS} FOR EACH STATEMENT",
}


def install_triggers(connection=default_connection):
    """Make the triggers that are missing; a second time changes nothing."""
    missing = wanted(connection).keys() - installed_triggers(connection)
    if not missing:
        return
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "CREATE OR REPLACE FUNCTION keep_history() RETURNS trigger LANGUAGE plpgsql AS "
                f"$$ BEGIN RAISE EXCEPTION '{KEPT}'; END $$"
            )
        for name in sorted(missing):
            when = wanted(connection)[name]
            if connection.vendor == "postgresql":
                cursor.execute(f"CREATE TRIGGER {name} {when} EXECUTE FUNCTION keep_history()")
            else:
                cursor.execute(f"CREATE TRIGGER {name} {when} BEGIN SELECT RAISE(ABORT, '{KEPT}'); END")


def installed_triggers(connection=default_connection):
    """The names of our triggers that are there and enabled."""
    query = (
        "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'"
        if connection.vendor == "postgresql"
        else "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        return {name for (name,) in cursor.fetchall()} & wanted(connection).keys()


def missing_triggers(connection=default_connection):
    """The names of triggers that should be there and are not."""
    return wanted(connection).keys() - installed_triggers(connection)


def lift_triggers(connection=default_connection):
    """Take the triggers away: for a test's clean-up, which `post_migrate` ends by putting them back."""
    with connection.cursor() as cursor:
        for name in installed_triggers(connection):
            table = HISTORY if name.startswith("history") else TEXTS
            on = f" ON {table}" if connection.vendor == "postgresql" else ""
            cursor.execute(f"DROP TRIGGER {name}{on}")


def wanted(connection):
    return POSTGRES if connection.vendor == "postgresql" else SQLITE
