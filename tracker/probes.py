"""What a load balancer asks: alive, and able to take a write."""

import shutil

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpResponse

from issues.models.triggers import missing_triggers


def healthz(request):
    """The process answers; it touches nothing."""
    return HttpResponse("ok\n", content_type="text/plain")


def readyz(request):
    """200 where a change could be taken and put on record now, else 503; no details for strangers."""
    is_ready = all(check() for check in (is_writable, is_migrated, has_triggers, has_room))
    text, status = ("ready\n", 200) if is_ready else ("not ready\n", 503)
    return HttpResponse(text, status=status, content_type="text/plain")


def is_writable():
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return True
    except DatabaseError:
        return False


def is_migrated():
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


def has_triggers():
    return not missing_triggers()


def has_room():
    usage = shutil.disk_usage(settings.BASE_DIR)
    return usage.free > usage.total * 0.05 or usage.free > 2**30
