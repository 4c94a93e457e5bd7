"""The servers that are measured: each one process on a core of its own, and what it uses."""

import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.bench.data import BASE, environment, scheme

SERVER_CORE, LOAD_CORE = "0", "1"
GUNICORN = [
    "--worker-class", "gthread", "--workers", "1", "--keep-alive", "75", "--timeout", "600",
    "--log-level", "warning",
]  # fmt: skip
APPS = {"product": "tracker.wsgi", "reference": "tests.bench.limit_server:reference()"}


@dataclass
class Server:
    """Where one of the two listens, and on which database it works."""

    name: str
    url: str
    port: int
    pid: int

    def workers(self):
        return [
            int(child) for child in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        ]

    def cpu(self):
        """Seconds of CPU that the server has used, and those of PostgreSQL's processes for its database.

        Those of the writer, who is on the same database, do not count.
        """
        return sum(map(seconds, self.workers())), sum(map(seconds, self.backends()))

    def backends(self):
        if scheme(self.url) == "sqlite":
            return []
        import psycopg

        with psycopg.connect(self.url.replace("postgres://", "postgresql://")) as connection:
            rows = connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
                "AND backend_type = 'client backend' AND application_name <> 'writer' "
                "AND pid <> pg_backend_pid()"
            )
            return [pid for (pid,) in rows.fetchall()]

    def memory(self):
        """{megabytes} of the worker: resident, and of these private."""
        (worker,) = self.workers()
        resident = private = 0
        for line in Path(f"/proc/{worker}/smaps").read_text().splitlines():
            name, *rest = line.split()
            if name == "Rss:":
                resident += int(rest[0])
            elif name == "Anonymous:":
                private += int(rest[0])
        return {"resident": resident // 1024, "private": private // 1024}


def seconds(pid):
    """CPU that the threads of a process have used; a process of PostgreSQL may be gone."""
    times = []
    for thread in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with suppress(FileNotFoundError):
            times.append(int(thread.read_text().split()[0]))
    return sum(times) / 1e9


@contextmanager
def served(name, url, threads=1):
    """A running Server."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = ["--threads", str(threads), "--bind", f"127.0.0.1:{port}"]
    command = [sys.executable, "-m", "gunicorn", APPS[name], *GUNICORN, *address]
    if shutil.which("taskset") and os.cpu_count() > 1:
        command = ["taskset", "-c", SERVER_CORE, *command]
    server = subprocess.Popen(command, cwd=BASE, env=environment(url))
    try:
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield Server(name, url, port, server.pid)
    finally:
        server.terminate()
        server.wait()


@contextmanager
def writing(urls):
    """Somebody writes into these databases meanwhile."""
    command = [sys.executable, "-m", "tests.bench.writer"]
    writers = [subprocess.Popen(command, cwd=BASE, env=environment(url)) for url in urls]
    time.sleep(2)
    try:
        yield
        if any(writer.poll() is not None for writer in writers):
            raise RuntimeError("The writer did not write to the end.")
    finally:
        for writer in writers:
            writer.terminate()
        for writer in writers:
            writer.wait()
