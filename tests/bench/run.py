"""The bench: every bar of speed, measured at N issues, beside the practical limit and beside 10,000 issues.

    make bench N=1000000    on SQLite in .data/bench/, or in databases of its own beside that of DATABASE_URL
    make bench-smoke        10,000 issues, quickly; exit code 1 where it takes too much
    python -m tests.bench.run 100000 --profile
    python -m tests.bench.run 1000000 --table

What is compared is asked in turns, so that a noisy machine is as noisy for both: read the ratios. Somebody
writes twenty issues a second into both databases while others read.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from contextlib import ExitStack
from functools import partial
from math import exp, log, sqrt

from tests.bench import bars, data, imports
from tests.bench.load import load, request
from tests.bench.servers import LOAD_CORE, served, writing

SMALL = 10_000
REPEATS = 3
# What eight clients get done and what one does is nearly the same, and both go with the disk and the machine:
# they take turns so many times, for so many seconds each.
TURNS, TURN = 60, 0.5
# So many standard errors to both sides of a mean are where it is in nineteen of twenty cases.
LIKELY = 2
REFERENCE = ("list", "page", "label", "get", "create", "create, a title only")
TO_SMALL = ("list", "deep page", "create", *bars.TOTALS, *bars.DOORS)
TO_LIST = ("label", "total, again", *bars.SEARCHES)
# As many as `make run` has. On SQLite each has a page cache of its own, which a commit of another empties.
THREADS = 4
# Seconds, in which each of so many threads is asked at least once; and how often what is quick takes turns.
SOON, TIMES = 0.3, 5
# An answer that the writer's next issue makes stale is measured without one; whoever writes has no rival.
QUIET = ("total, again", "create", "create, a title only")


def main():
    wanted = arguments()
    if wanted.table:
        runs = kept(wanted.count)
        sys.stdout.write("\n".join(bars.beside(*runs) if runs else ["Nothing was measured before."]) + "\n")
        return 0 if runs else 1
    url = data.copy_of(os.environ.get("DATABASE_URL", ""), wanted.count)
    if wanted.profile:
        data.run(url, "-m", "tests.bench.profiles")
        return 0
    # Pages name their static files by what collectstatic knows.
    data.run(url, "manage.py", "collectstatic", "--noinput", "--verbosity", "0")
    small = None
    if wanted.count != SMALL and not wanted.smoke:
        small = data.copy_of(os.environ.get("DATABASE_URL", ""), SMALL)
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {int(LOAD_CORE)} & cores or cores)
    try:
        found = measured(url, small, wanted)
    finally:
        data.drop(url, wanted.count)
        if small:
            data.drop(small, SMALL)
    os.sched_setaffinity(0, cores)
    if not (wanted.smoke or wanted.only):
        found["imports"] = imports.measured()
        found["built"] = data.built(url, wanted.count)
    found |= {"issues": wanted.count, "database": data.scheme(url), "load": os.getloadavg()[0]}
    said = "\n".join(bars.table(found)) + "\n"
    sys.stdout.write(said)
    if not (wanted.only or wanted.smoke):
        name = f"{found['database']}-{wanted.count}"
        (data.DATA / f"result-{name}.json").write_text(json.dumps(found, indent=1))
        (data.DATA / f"table-{name}.md").write_text(said)
    failures = list(bars.misses(found)) if wanted.smoke else []
    sys.stdout.write("".join(f"FAILED {failure}\n" for failure in failures))
    return 1 if failures else 0


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("count", type=int, metavar="N", help="issues; the data set is kept and used again")
    parser.add_argument("--seconds", type=float, default=3, help="for each measurement")
    parser.add_argument("--only", nargs="*", help="names of scenarios")
    parser.add_argument("--smoke", action="store_true", help="quickly, and fail where it takes too much")
    parser.add_argument(
        "--table", action="store_true", help="only print what was measured before, of both databases"
    )
    parser.add_argument(
        "--profile", action="store_true", help="only print where list and get spend their time"
    )
    return parser.parse_args()


def kept(count):
    """What the last runs with so many issues have found, of each database."""
    files = [data.DATA / f"result-{name}-{count}.json" for name in bars.NAMES]
    return [json.loads(file.read_text()) for file in files if file.exists()]


def measured(url, small, wanted):
    """All that is found out by asking servers."""
    here, there = asked(url), small and asked(small)
    found = {"scenarios": {}, **{name: here[name] for name in ("queries", "beside", "weights", "shapes")}}
    found["shapes at 10k"] = there["shapes"] if there else {}
    with ExitStack() as running:
        servers = {name: running.enter_context(served(name, url)) for name in ("product", "reference")}
        servers["threads"] = running.enter_context(served("product", url, THREADS))
        if small:
            for name in ("product", "reference"):
                servers[f"{name} at 10k"] = running.enter_context(served(name, small))
        only = bars.CHECKED if wanted.smoke else wanted.only
        scenarios = [name for name in here["product"] if not only or name in only]
        if small and (not only or "combinations" in only):
            at_10k = servers["product at 10k"], there["combinations"]
            with writing([url, small]):
                found["combinations"] = each_to_small((servers["product"], here["combinations"]), at_10k)
        compare = partial(compared_by_name, servers=servers, here=here, there=there, wanted=wanted)
        found["scenarios"] |= compare(scenarios)
        if wanted.smoke and (costly := bars.costly(found)):
            # What somebody else on the machine did at that moment is not done again.
            sys.stdout.write("".join(f"Measured again: {said}\n" for said in costly.values()))
            again = found | {"scenarios": found["scenarios"] | compare(sorted({"list", *costly}))}
            found["once"] = costly.keys() - bars.costly(again).keys()
        if "create" in scenarios and not wanted.smoke:
            found["at once"] = at_once(servers["threads"], here["product"]["create"])
        if not wanted.smoke:
            found["memory"] = used(servers["threads"], [here["product"][name] for name in scenarios])
    return found


def compared_by_name(names, servers, here, there, wanted):
    """{scenario: what `compared` says of it}: those that read first, with somebody who writes beside them."""
    found = {}
    for is_quiet in (False, True):
        asked_now = [name for name in names if (name in QUIET) is is_quiet]
        with ExitStack() as meanwhile:
            if asked_now and not is_quiet:
                databases = {server.url for server in servers.values()}
                meanwhile.enter_context(writing(list(databases)))
            for name in asked_now:
                targets = targets_of(name, servers, here, there, wanted.smoke)
                found[name] = compared(targets, name in REFERENCE, wanted)
    return found


def used(server, scenarios):
    """The memory of a server's process after all of this was asked, by more clients than it has threads."""
    for requests in scenarios:
        load(server.port, requests, 2 * THREADS, SOON)
    return server.memory()


def asked(url):
    """What `tests.bench.scenarios` says for this database, its requests as bytes."""
    said = json.loads(data.run(url, "-m", "tests.bench.scenarios", stdout=subprocess.PIPE).stdout)
    for target in ("product", "reference", "combinations"):
        said[target] = {
            name: [request(*each) for each in requests] for name, requests in said[target].items() if requests
        }
    return said


def targets_of(name, servers, here, there, is_smoke):
    """{target: (server, requests)} of a scenario."""
    found = {"product": (servers["product"], here["product"][name])}
    if name in REFERENCE:
        found["reference"] = servers["reference"], here["reference"][name]
    if name in TO_LIST and not is_smoke:
        found["list"] = servers["product"], here["product"]["list"]
    if there and name in TO_SMALL:
        found["product at 10k"] = servers["product at 10k"], there["product"][name]
    if there and name == "list":
        found["reference at 10k"] = servers["reference at 10k"], there["reference"][name]
    if name in bars.DOORS:
        found["list"] = servers["product"], here["product"]["list"]
        if there:
            found["list at 10k"] = servers["product at 10k"], there["product"]["list"]
    return found


def compared(targets, is_crowded, wanted):
    """{target: figures}, the medians of repeats in turns; `is_crowded`: also by 8 clients at once."""
    runs = {name: [] for name in targets}
    repeats, seconds, least = (2, 0.3, 10) if wanted.smoke else (REPEATS, wanted.seconds, 1)
    for server, requests in targets.values():
        # What is read for the first time comes from the disk.
        load(server.port, requests, 1, seconds)
    for repeat in range(repeats):
        for name, (server, requests) in list(targets.items())[:: 1 if repeat % 2 else -1]:
            runs[name].append(figures(server, requests, is_crowded and not wanted.smoke, seconds, least))
    return {
        name: {figure: statistics.median(run[figure] for run in runs[name]) for figure in runs[name][0]}
        for name in targets
    }


def each_to_small(large, small):
    """{combination: times as long as with 10,000 issues}, in turns; either is (server, requests of each)."""
    found = {}
    for name in small[1]:
        both = [(server.port, asked[name]) for server, asked in (large, small)]
        for port, requests in both:
            load(port, requests, 1, SOON)
        ratios = []
        for turn in range(TIMES):
            took = {port: load(port, requests, 1, SOON) for port, requests in both[:: 1 if turn % 2 else -1]}
            ratios.append(took[large[0].port]["p50"] / took[small[0].port]["p50"])
        found[name] = statistics.median(ratios)
    return found


def at_once(server, requests):
    """(ratio, error): how many times as much eight clients get done as one, and how far off that may be."""
    load(server.port, requests, 8, 2 * TURN)

    def gained(turn):
        order = (1, 8) if turn % 2 else (8, 1)
        rates = {clients: load(server.port, requests, clients, TURN)["rate"] for clients in order}
        return log(rates[8] / rates[1])

    gains = [gained(turn) for turn in range(TURNS)]
    ratio = exp(statistics.mean(gains))
    return ratio, ratio * LIKELY * statistics.stdev(gains) / sqrt(TURNS)


def figures(server, requests, is_crowded, seconds, least):
    load(server.port, requests, 1, min(0.2, seconds))
    before = server.cpu()
    one = load(server.port, requests, 1, seconds, least)
    app, database = ((now - was) / one["count"] * 1e6 for now, was in zip(server.cpu(), before, strict=True))
    many = load(server.port, requests, 8, seconds) if is_crowded else one
    return {
        "rate": many["rate"],
        "p50": one["p50"],
        "p95": one["p95"],
        "cpu": app,
        "db": database,
    }


if __name__ == "__main__":
    sys.exit(main())
