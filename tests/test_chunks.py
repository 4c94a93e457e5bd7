"""Bodies in chunks, as they come to the server that the README starts."""

import json
import os
import socket
import subprocess
import sys
import time
from http.client import HTTPConnection

import pytest
from django.conf import settings

from issues.models import Issue
from tests.factories import IssueFactory, TokenFactory
from tests.processes import database_url

pytestmark = pytest.mark.django_db(transaction=True)

PART = (
    b'--line\r\nContent-Disposition: form-data; name="issue"\r\n\r\nOPS-1\r\n'
    b'--line\r\nContent-Disposition: form-data; name="file"; filename="log.txt"\r\n'
    b"Content-Type: text/plain\r\n\r\n%s\r\n--line--\r\n"
)


@pytest.fixture
def connect(tmp_path):
    """A connection to a gunicorn on the test's database."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--worker-class", "gthread", "--threads", "2", "--bind", f"127.0.0.1:{port}"]
    server = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "tracker.wsgi", *options],
        cwd=settings.BASE_DIR,
        env=os.environ | {"DATABASE_URL": database_url(), "MEDIA_ROOT": str(tmp_path), "DEBUG": "1"},
        stderr=subprocess.DEVNULL,
    )
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.1)
    yield lambda: HTTPConnection("127.0.0.1", port, timeout=30)
    server.terminate()
    server.wait()


@pytest.fixture
def post(connect, ops, bob):
    """A function that posts pieces of a body, each as a chunk: (status, what JSON the answer is)."""
    TokenFactory(secret="trk_chunks", user=bob, space=ops)

    def send(path, *pieces, content_type="application/json"):
        headers = {"Authorization": "Bearer trk_chunks", "Content-Type": content_type}
        connection = connect()
        connection.request("POST", path, iter(pieces), headers, encode_chunked=True)
        response = connection.getresponse()
        return response.status, json.loads(response.read())

    return send


def test_a_body_in_chunks_is_read_whole(post):
    status, issue = post("/api/issues/", b'{"space": "OPS", "ti', b'tle": "Disk', b' full"}')

    assert (status, issue["title"]) == (201, "Disk full")
    assert Issue.objects.get().title == "Disk full"


def test_a_file_in_chunks_is_read_whole(post, ops):
    IssueFactory(space=ops)
    file = b"a line of a log\n" * 200_000
    body = PART % file

    status, attachment = post(
        "/api/attachments/",
        *(body[at : at + 70_000] for at in range(0, len(body), 70_000)),
        content_type="multipart/form-data; boundary=line",
    )

    assert (status, attachment["size"]) == (201, len(file))


def test_a_body_in_chunks_has_the_limits_of_others(post):
    status, problem = post("/api/issues/", *[b" " * 2**20] * 12)

    assert (status, problem["status"]) == (413, 413)
