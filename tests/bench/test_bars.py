"""What the bench says of figures: which bar holds, which fails, and what a quick run refuses."""

import pytest

from tests.bench import bars


def figures(**changes):
    return {"rate": 100.0, "p50": 2.0, "p95": 3.0, "cpu": 900.0, "db": 100.0} | changes


@pytest.fixture
def found():
    """A run in which every scenario costs the same everywhere."""
    names = {*bars.MOST_CPU, *bars.MOST_LISTS, "list"}
    return {
        "issues": 1_000_000,
        "database": "sqlite",
        "load": 0.5,
        "scenarios": {name: {"product": figures(), "reference": figures()} for name in names},
        "queries": dict(bars.MOST_QUERIES),
        "beside": {"list": 2},
        "weights": dict(bars.MOST_WEIGHT),
        "shapes": {"everything": 1.0},
        "shapes at 10k": {"everything": 0.5},
    }


def test_a_bar_that_holds_and_one_that_does_not(found):
    found["scenarios"]["list"]["product"] = figures(rate=39.0)
    found["scenarios"]["facets"] = {"product": figures(p95=399.0)}

    lines = bars.table(found)

    assert "| list, of the reference's requests/s | ≥ 0.4x | 0.39x **fails** |" in lines
    assert "| facets of half of the issues, p95 | ≤ 400 ms | 399 ms |" in lines


@pytest.mark.parametrize(("error", "failed"), [(0.02, ""), (0.005, " **fails**")])
def test_what_is_as_near_to_its_bar_as_it_may_be_off_holds(found, error, failed):
    found["at once"] = 0.99, error

    line = f"| create, 8 clients to one, requests/s | ≥ 1x | 0.99x ± {error}{failed} |"

    assert line in bars.table(found)


def test_what_was_not_measured_is_no_row(found):
    assert not [line for line in bars.table(found) if "import" in line]


def test_runs_on_both_databases_stand_beside_each_other(found):
    other = {**found, "database": "postgres", "built": 901}

    lines = bars.beside(found, other)

    assert lines[0] == "| work | bar | SQLite | PostgreSQL |"
    assert "| building the data set | ≤ 900 s |  | 901 s **fails** |" in lines


def test_the_worst_of_several_counts(found):
    found["scenarios"]["deep page"] = {"product": figures(p50=2.8), bars.SMALL: figures()}

    assert "| list, 1,000th page, to 10k | ≤ 1.3x | 1.4x **fails** |" in bars.table(found)


def test_each_combination_of_a_total_counts_by_itself(found):
    found["combinations"] = {"level": 1.1, "status, level": 1.6}

    lines = bars.table(found)

    assert "| total, the slowest combination of five, to 10k | ≤ 1.5x | 1.6x **fails** |" in lines
    assert "| status, level | 1.60 |" in lines


def test_a_quick_run_names_what_takes_too_much(found):
    found["scenarios"]["get"]["product"] = figures(cpu=90_000.0)
    found["queries"]["list"], found["weights"]["list page"] = 50, 61.0

    failures = list(bars.misses(found))

    assert [failure.partition(":")[0] for failure in failures] == ["get", "list", "list page"]


def test_what_takes_too_much_only_once_is_not_named(found):
    found["scenarios"]["get"]["product"] = figures(cpu=90_000.0)
    found["scenarios"]["page"]["product"] = figures(cpu=90_000.0)
    found["once"] = {"page"}

    failures = list(bars.misses(found))

    assert [failure.partition(":")[0] for failure in failures] == ["get"]


def test_a_quick_run_that_is_well_says_nothing(found):
    assert list(bars.misses(found)) == []
