"""`make npm-client`: Datadog's own client for Node, against a server on loopback with a database of its own.

python -m tests.dialects.npm_client <folder in which the package is installed>
"""

import json
import os
import subprocess
import sys
from tempfile import TemporaryDirectory

from tests.bench.data import BASE, run
from tests.bench.servers import served


def main(modules):
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/tracker.sqlite3"
        run(url, "manage.py", "migrate", "--verbosity", "0")
        said = run(url, "manage.py", "bootstrap", "--json", "--yes", stdout=subprocess.PIPE).stdout
        with served("product", url) as server:
            return ask(json.loads(said), f"http://127.0.0.1:{server.port}", modules)


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
