"""The WSGI application that gunicorn serves."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import connection

from tracker.chunks import with_length

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tracker.settings")

application = with_length(get_wsgi_application())

# Here and not in the settings, since commands may take as long as they need.
if connection.vendor == "postgresql":
    # Compiling a statement of the dashboard takes longer than running it, and starting a second process for
    # one of a few milliseconds likewise.
    connection.settings_dict["OPTIONS"]["options"] += (
        f" -c statement_timeout={settings.STATEMENT_TIMEOUT}s -c jit=off -c parallel_setup_cost=20000"
    )
