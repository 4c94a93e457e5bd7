"""The data sets of the bench: kept in .data/bench/ or beside the database of DATABASE_URL, used as copies."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

BASE = Path(__file__).resolve().parent.parent.parent
DATA = BASE / ".data" / "bench"
# Writes SQLite's log into the file, so that one file is all.
FOLD = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('PRAGMA wal_checkpoint(TRUNCATE)')"


def environment(url):
    """As in production, but for the key from which the generated tokens were made."""
    return os.environ | {
        "DATABASE_URL": url,
        "DJANGO_SETTINGS_MODULE": "tracker.settings",
        "DEBUG": "0",
        "SECRET_KEY": "bench",
        "BASE_URL": "http://127.0.0.1",
        "PYTHONWARNINGS": "ignore",
    }


def run(url, *command, **options):
    """What a Python program says that works on this database."""
    command = [sys.executable, *map(str, command)]
    return subprocess.run(command, cwd=BASE, env=environment(url), check=True, text=True, **options)


def scheme(url):
    return "postgres" if url.startswith("postgres") else "sqlite"


def copy_of(url, count):
    """The URL of a copy of the data set of so many issues, since a run writes; it is built if need be."""
    DATA.mkdir(parents=True, exist_ok=True)
    copy = (postgres_copy if scheme(url) == "postgres" else sqlite_copy)(url, count)
    # What is measured first does not wait for the disk to have written all of it.
    os.sync()
    return copy


def built(url, count):
    """How many seconds it took to build the data set, None if that was not noted."""
    note = DATA / f"built-{scheme(url)}-{count}.json"
    return json.loads(note.read_text()) if note.exists() else None


def sqlite_copy(url, count):
    kept, copy = DATA / f"{count}.sqlite3", DATA / f"run-{count}.sqlite3"
    if not kept.exists():
        fresh = DATA / f"fresh-{count}.sqlite3"
        remove(fresh)
        build(f"sqlite:///{fresh}", count)
        run(url, "-c", FOLD, fresh)
        fresh.rename(kept)
    remove(copy)
    shutil.copyfile(kept, copy)
    return migrated(f"sqlite:///{copy}")


def remove(path):
    for end in ("", "-wal", "-shm"):
        Path(f"{path}{end}").unlink(missing_ok=True)


def postgres_copy(url, count):
    import psycopg

    server = url.rpartition("/")[0]
    kept, fresh, copy = f"bench_{count}", f"bench_fresh_{count}", f"bench_run_{count}"
    with psycopg.connect(url.replace("postgres://", "postgresql://"), autocommit=True) as connection:
        for name in (fresh, copy):
            connection.execute(f"DROP DATABASE IF EXISTS {name}")
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [kept]).fetchone():
            connection.execute(f"CREATE DATABASE {fresh}")
            build(f"{server}/{fresh}", count)
            connection.execute(f"ALTER DATABASE {fresh} RENAME TO {kept}")
        # File by file: by way of its log, the server would be busy with it long afterwards.
        connection.execute(f"CREATE DATABASE {copy} TEMPLATE {kept} STRATEGY FILE_COPY")
    return migrated(f"{server}/{copy}")


def migrated(url):
    """The same URL: what was kept may be older than the code."""
    run(url, "manage.py", "migrate", "--verbosity", "0")
    return url


def drop(url, count):
    """Remove the copy; what is kept stays."""
    if scheme(url) == "sqlite":
        remove(DATA / f"run-{count}.sqlite3")
        return
    import psycopg

    server = url.rpartition("/")[0].replace("postgres://", "postgresql://")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS bench_run_{count} WITH (FORCE)")


def build(url, count):
    began = time.monotonic()
    migrated(url)
    run(url, "manage.py", "generate_issues", count, "--yes")
    took = round(time.monotonic() - began)
    (DATA / f"built-{scheme(url)}-{count}.json").write_text(json.dumps(took))
    sys.stdout.write(f"Built {count:,} issues in {took} s.\n")
