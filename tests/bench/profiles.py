"""Where a list and a get spend their time: without a server, by own time."""

import cProfile
import pstats
from io import BytesIO
from time import process_time

import django
from django.core.handlers.wsgi import WSGIHandler

TIMES = 300
SHOWN = 15


def print_profiles():
    from issues.models import Issue
    from tracker.generator import ground

    issue = Issue.objects.filter(space__key="GEN00", status="resolved").exclude(assignee=None).latest("id")
    handler = WSGIHandler()
    for path in (
        f"/api/issues/?status=resolved&assignee={issue.assignee.uuid}",
        f"/api/issues/{issue.uuid}/",
    ):
        path, _, query = path.partition("?")
        environs = [
            {
                "REQUEST_METHOD": "GET",
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "SERVER_NAME": "127.0.0.1",
                "SERVER_PORT": "80",
                "SERVER_PROTOCOL": "HTTP/1.1",
                "HTTP_HOST": "127.0.0.1",
                "REMOTE_ADDR": "127.0.0.1",
                "HTTP_AUTHORIZATION": f"Bearer {ground.token_secret(number % 200)}",
                "wsgi.input": BytesIO(),
                "wsgi.url_scheme": "http",
            }
            for number in range(TIMES)
        ]
        ask(handler, environs[:20])
        began = process_time()
        ask(handler, environs)
        each = (process_time() - began) / TIMES
        profile = cProfile.Profile()
        profile.runcall(ask, handler, environs)
        stats = pstats.Stats(profile)
        stats.stream.write(f"\n{path}?{query}: {each * 1e6:.0f} µs of CPU without the profiler\n")
        stats.sort_stats("tottime").print_stats(SHOWN)


def ask(handler, environs):
    statuses = set()
    for environ in environs:
        response = handler(dict(environ), lambda status, headers: statuses.add(status))
        b"".join(response)
        response.close()
    if statuses != {"200 OK"}:
        raise RuntimeError(statuses)


if __name__ == "__main__":
    django.setup()
    print_profiles()
