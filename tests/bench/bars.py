"""The bars: what each measured figure has to reach, and the table that says whether it does."""

from dataclasses import dataclass

TOTALS = tuple(
    f"total, {name}"
    for name in ("space", "project", "status", "level", "assignee", "some of five", "all five")
)
# Every other filter of the list, and what a query asks for besides.
OTHERS = tuple(
    f"total, {name}"
    for name in (
        "label and value", "label", "not labelled", "team", "channel", "reporter", "environment",
        "fingerprint", "created after", "created before", "updated after", "updated before",
        "created at any time", "updated at any time", "something or nothing", "unread", "service",
        "error type", "a word",
    )
)  # fmt: skip
# Here the words of a search are rare, middling and common; each alone, narrowed, and in a small space.
WORDS = ("rare", "middling", "common")
SEARCHES = tuple(
    f"search, {word}{where}" for word in WORDS for where in ("", ", status and assignee", ", small space")
)
# The orders of Datadog's search.
ERRORS = tuple(
    f"errors of 24 h, {order}" for order in ("TOTAL_COUNT", "FIRST_SEEN", "IMPACTED_SESSIONS", "PRIORITY")
)
NAMES = {"sqlite": "SQLite", "postgres": "PostgreSQL"}
# The lists of the other products' APIs.
DOORS = tuple(f"door, {name}" for name in ("qarion", "zylon", "guance", "versori"))


@dataclass(frozen=True)
class Bar:
    """`figure(found)` has to be at most `limit`, or at least where `is_least`; None: it was not measured.

    A figure may be (value, error): within the error of its limit, a value is not told from it.
    """

    name: str
    limit: float
    figure: object
    unit: str = "x"
    is_least: bool = False

    def holds(self, value, error=0):
        return value + error >= self.limit if self.is_least else value - error <= self.limit

    def measured(self, found):
        """What is said of it, "" where it was not measured."""
        if (figure := self.figure(found)) is None:
            return ""
        value, error = figure if isinstance(figure, tuple | list) else (figure, 0)
        said = f"{number(value)}{self.unit}" + (f" ± {number(error)}" if error else "")
        return said if self.holds(value, error) else f"{said} **fails**"

    @property
    def text(self):
        return f"{'≥' if self.is_least else '≤'} {number(self.limit)}{self.unit}"


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}" if isinstance(value, float) else str(value)


def of(found, scenario, figure, target="product"):
    return found["scenarios"].get(scenario, {}).get(target, {}).get(figure)


def ratio(one, other):
    return one / other if one is not None and other else None


def to_reference(scenario, size=""):
    """Answers a second, as a share of the reference's."""
    return lambda found: ratio(
        of(found, scenario, "rate", f"product{size}"), of(found, scenario, "rate", f"reference{size}")
    )


def to_small(*scenarios):
    """The time of an answer as a multiple of that with 10,000 issues; the worst of `scenarios`."""
    return lambda found: worst(
        ratio(of(found, name, "p50"), of(found, name, "p50", SMALL)) for name in scenarios
    )


def to_list(*scenarios):
    """The 95th percentile as a multiple of the plain list's; the worst of `scenarios`."""
    return lambda found: worst(
        ratio(of(found, name, "p95"), of(found, name, "p95", "list")) for name in scenarios
    )


def to_native(scenario):
    """The time of an answer as a multiple of the plain list's, both with 10,000 issues."""

    def figure(found):
        size = SMALL if found["scenarios"].get(scenario, {}).get(SMALL) else "product"
        return ratio(
            of(found, scenario, "p50", size), of(found, scenario, "p50", size.replace("product", "list"))
        )

    return figure


def slowest_combination(found):
    return worst(found.get("combinations", {}).values())


def to_page(found):
    return ratio(of(found, "issue page, long", "p50"), of(found, "issue page", "p50"))


def p95(scenario):
    return lambda found: of(found, scenario, "p95")


def queries(scenario):
    return lambda found: found["beside"].get(scenario)


def all_queries(scenario):
    return lambda found: found["queries"].get(scenario)


def weight(page):
    return lambda found: found["weights"].get(page)


def resident(found):
    return found.get("memory", {}).get("resident")


def imports(figure):
    return lambda found: found.get("imports", {}).get(figure)


def worst(values):
    return max((value for value in values if value is not None), default=None)


SMALL = "product at 10k"
BARS = (
    Bar("list, of the reference's requests/s", 0.40, to_reference("list"), is_least=True),
    Bar("list at 10k, of the reference's requests/s", 0.40, to_reference("list", " at 10k"), is_least=True),
    Bar("list, queries beside sign-in", 3, queries("list"), unit=""),
    Bar("list, first page, to 10k", 1.3, to_small("list")),
    Bar("list, 1,000th page, to 10k", 1.3, to_small("deep page")),
    *(Bar(f"{name}, to 10k", 1.5, to_small(name)) for name in TOTALS),
    Bar("total, the slowest combination of five, to 10k", 1.5, slowest_combination),
    *(Bar(f"{name}, p95", 50, p95(name), unit=" ms") for name in OTHERS),
    Bar("total, two together once more, p95", 50, p95("total, again"), unit=" ms"),
    Bar("get one, of the reference's requests/s", 0.33, to_reference("get"), is_least=True),
    Bar("create, of the reference's requests/s", 0.25, to_reference("create"), is_least=True),
    Bar("create, to 10k", 1.5, to_small("create")),
    Bar("create, 8 clients to one, requests/s", 1, lambda found: found.get("at once"), is_least=True),
    *(Bar(f"{name}, to the list, p95", 5, to_list(name)) for name in SEARCHES),
    Bar("label filter, to the list, p95", 2, to_list("label")),
    Bar("facets of half of the issues, p95", 400, p95("facets"), unit=" ms"),
    Bar("facets of those open, p95", 400, p95("facets, open"), unit=" ms"),
    Bar("facets of a label's, p95", 400, p95("facets, label"), unit=" ms"),
    Bar("facets of a common word's, p95", 400, p95("facets, common word"), unit=" ms"),
    *(Bar(f"{name}, p95", 400, p95(name), unit=" ms") for name in ERRORS),
    *(Bar(f"{name}, to the list at 10k", 2, to_native(name)) for name in DOORS),
    *(Bar(f"{name}, to 10k", 1.5, to_small(name)) for name in DOORS),
    Bar("list page, queries", 12, all_queries("list page"), unit=""),
    Bar("list page, compressed", 60, weight("list page"), unit=" kB"),
    Bar("issue page of 500 entries, queries", 12, all_queries("issue page, long"), unit=""),
    Bar("issue page of 500 entries, compressed", 60, weight("issue page, long"), unit=" kB"),
    Bar("issue page of 500 entries, to one of none", 4, to_page),
    Bar("import on SQLite, issues/s", 2_000, imports("rate"), unit="", is_least=True),
    Bar("import on SQLite, memory at 5 times the file", 1.2, imports("growth")),
    Bar("the web process afterwards", 200, resident, unit=" MB"),
    Bar("building the data set", 900, lambda found: found.get("built"), unit=" s"),
)


def beside(*runs):
    """Lines of Markdown: every bar with what was measured in each of these runs."""
    names = [NAMES[found["database"]] for found in runs]
    lines = [f"| work | bar | {' | '.join(names)} |", f"| --- | --- |{' --- |' * len(runs)}"]
    for bar in BARS:
        measured = [bar.measured(found) for found in runs]
        if any(measured):
            lines.append(f"| {bar.name} | {bar.text} | {' | '.join(measured)} |")
    return lines


def table(found):
    """Lines of Markdown: every bar with what was measured, then the servers' own figures."""
    lines = [f"{found['issues']:,} issues, load {found['load']:.1f}", "", *beside(found)]
    lines += ["", "| scenario | server | req/s | p50 ms | p95 ms | CPU µs | PG µs | queries |"]
    lines.append("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, targets in found["scenarios"].items():
        for target, row in targets.items():
            queries = found["queries"].get(name, "") if target == "product" else ""
            lines.append(
                f"| {name} | {target} | {row['rate']:.0f} | {row['p50']:.2f} | {row['p95']:.2f} "
                f"| {row['cpu']:.0f} | {row['db']:.0f} | {queries} |"
            )
    lines += ["", "| the statement of a list | ms | times that at 10k |", "| --- | --- | --- |"]
    for name, took in found["shapes"].items():
        was = found["shapes at 10k"].get(name)
        lines.append(f"| {name} | {took:.2f} | {f'{took / was:.1f}' if was else ''} |")
    if each := found.get("combinations"):
        lines += ["", "| a total and the first issue | times that at 10k |", "| --- | --- |"]
        lines += [f"| {name} | {times:.2f} |" for name, times in each.items()]
    if memory := found.get("memory"):
        lines += [
            "",
            f"The web process: {memory['resident']} MB resident, {memory['private']} MB of them private.",
        ]
    if (rate := imports("rate")(found)) is not None:
        lines += ["", f"Import: {rate:,.0f} issues/s."]
    return lines


# What a run with --smoke may take at most: CPU, which a busy machine changes less than times, as a multiple
# of the reference's or of the product's own plain list, and queries. CPU is twice what was measured, so that
# only a real step back is caught. Whoever makes the product quicker lowers these.
MOST_CPU = {"list": 5.5, "page": 5.5, "label": 3, "get": 6, "create": 9}
MOST_LISTS = {
    "search, common": 4,
    "search, middling": 4,
    "facets": 5,
    "total, status": 5,
    **dict.fromkeys(DOORS, 4),
}
# Of which such a run measures the time.
CHECKED = {*MOST_CPU, *MOST_LISTS}
MOST_QUERIES = {
    "list": 3,
    "page": 3,
    "label": 2,
    "get": 2,
    "create": 15,
    "list page": 12,
    "issue page": 12,
    "issue page, long": 12,
}
# Kilobytes as they are sent.
MOST_WEIGHT = {"list page": 60, "issue page": 60, "issue page, long": 60}


def cpu(found, scenario, target="product"):
    row = found["scenarios"][scenario][target]
    return row["cpu"] + row["db"]


def misses(found):
    """What takes more than it may; of what did only once, when it was measured twice, nothing is said."""
    yield from (said for name, said in costly(found).items() if name not in found.get("once", ()))
    for name, most in MOST_QUERIES.items():
        if found["queries"][name] > most:
            yield f"{name}: {found['queries'][name]} queries, at most {most}"
    for name, most in MOST_WEIGHT.items():
        if found["weights"][name] > most:
            yield f"{name}: {found['weights'][name]:.0f} kB, at most {most}"


def costly(found):
    """{scenario: what is said of it} of those whose CPU is more than it may be."""
    said = {}
    for name, most in MOST_CPU.items():
        value = cpu(found, name) / cpu(found, name, "reference")
        if value > most:
            said[name] = f"{name}: {value:.1f} times the CPU of the reference, at most {most}"
    for name, most in MOST_LISTS.items():
        value = cpu(found, name) / cpu(found, "list")
        if value > most:
            said[name] = f"{name}: {value:.1f} times the CPU of a plain list, at most {most}"
    return said
