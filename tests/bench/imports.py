"""How fast `import_issues` takes what `export_issues` wrote, and whether memory grows with the file."""

import statistics
import subprocess
import time

from tests.bench import data

# The larger file is read so many times, as all else is measured.
COUNTS, REPEATS = (20_000, 100_000), 3
# Says at last how many kilobytes it took at most, with the largest of the processes that it started.
IMPORT = """
import resource, sys
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", "import_issues", "--format", "jsonl", sys.argv[1]])
of = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN
print(sum(resource.getrusage(who).ru_maxrss for who in of))
"""


def measured(counts=COUNTS):
    """{rate: issues a second of the larger file, growth: its memory as a multiple of the smaller one's}; the
    median of the repeats. On SQLite, whichever database the rest is measured on.
    """
    few, many = counts
    small, *large = found = [taken(few), *(taken(many) for _ in range(REPEATS))]
    rate, megabytes = (statistics.median(each[name] for each in large) for name in ("rate", "megabytes"))
    return {"files": found, "rate": rate, "growth": megabytes / small["megabytes"]}


def taken(count):
    """Import the file of so many issues into a fresh database: {issues, seconds, rate, megabytes}."""
    file, fresh = exported(count), data.DATA / "import.sqlite3"
    data.remove(fresh)
    url = f"sqlite:///{fresh}"
    data.migrated(url)
    try:
        began = time.monotonic()
        said = data.run(url, "-c", IMPORT, file, stdout=subprocess.PIPE).stdout
        took = time.monotonic() - began
    finally:
        data.remove(fresh)
    if f" {count} issues" not in said:
        raise RuntimeError(said)
    return {
        "issues": count,
        "seconds": took,
        "rate": count / took,
        "megabytes": int(said.split()[-1]) / 1024,
    }


def exported(count):
    """The path of a file with a space of so many generated issues, kept for the next run."""
    kept, fresh = data.DATA / f"import-{count}.jsonl", data.DATA / "export.sqlite3"
    if not kept.exists():
        data.remove(fresh)
        url = f"sqlite:///{fresh}"
        data.migrated(url)
        data.run(url, "manage.py", "generate_issues", count, "--spaces", 1, "--yes", stdout=subprocess.PIPE)
        data.run(url, "manage.py", "export_issues", "GEN00", "--output", kept)
        data.remove(fresh)
    return kept
