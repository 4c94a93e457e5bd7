"""`make npm-client`: Datadog's own client for Node, against a server on loopback with a database of its own.

python -m tests.dialects.npm_client <folder in which the package is installed>
"""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.error import URLError
from urllib.request import urlopen

BASE = Path(__file__).parents[2]


def main(modules):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with TemporaryDirectory() as folder:
        host = f"http://127.0.0.1:{port}"
        environment = os.environ | {"DATABASE_URL": f"sqlite:///{folder}/tracker.sqlite3", "BASE_URL": host}
        run(environment, "manage.py", "migrate", "--verbosity", "0")
        made = json.loads(run(environment, "manage.py", "bootstrap", "--json").stdout)
        server = [
            sys.executable,
            "-m",
            "gunicorn",
            "tracker.wsgi",
            "--bind",
            f"127.0.0.1:{port}",
            "--log-level",
            "error",
        ]
        with subprocess.Popen(server, cwd=BASE, env=environment) as process:
            try:
                wait_for(f"{host}/healthz")
                return ask(made, host, modules)
            finally:
                process.terminate()


def run(environment, *command):
    command = [sys.executable, *command]
    return subprocess.run(command, cwd=BASE, env=environment, check=True, capture_output=True, text=True)


def wait_for(address):
    for _ in range(100):
        try:
            return urlopen(address)
        except URLError:
            time.sleep(0.1)
    raise RuntimeError("The server did not start.")


def ask(made, host, modules):
    token = next(row for row in made["tokens"] if row["scope"] == "write" and row["space"] == "OPS")
    issue = next(row for row in made["issues"] if row["key"].startswith("OPS-"))
    person = next(row for row in made["users"] if row["email"] == token["user"])
    known = {"HOST": host, "TOKEN": token["token"], "ISSUE": issue["id"], "PERSON": person["id"]}
    script = BASE / "tests/dialects/npm_client.cjs"
    return subprocess.run(
        ["node", script], env=os.environ | known | {"NODE_PATH": modules}, check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
