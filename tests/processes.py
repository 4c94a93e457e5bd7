"""Writers beside the test: threads with connections of their own, and processes on the test's database."""

import os
import subprocess
import sys
import threading
from urllib.parse import quote

from django.conf import settings
from django.db import connection, connections


def at_once(count, work):
    """What `work(0)` … `work(count - 1)` return, called at the same time; their first error is raised."""
    start, results, errors = threading.Barrier(count), [None] * count, []

    def run(number):
        try:
            start.wait()
            results[number] = work(number)
        except BaseException as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return results


def database_url():
    """The test's database as `DATABASE_URL` says it."""
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{database['NAME']}"
    login = quote(database["USER"]) + (f":{quote(database['PASSWORD'])}" if database["PASSWORD"] else "")
    return f"postgres://{login}@{database['HOST']}:{database['PORT'] or 5432}/{database['NAME']}"


def start(script, *arguments):
    """A process that runs `script` with the models loaded."""
    program = f"import django\ndjango.setup()\n{script}"
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        cwd=settings.BASE_DIR,
        env=os.environ
        | {"DATABASE_URL": database_url(), "DJANGO_SETTINGS_MODULE": "tracker.settings", "DEBUG": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
