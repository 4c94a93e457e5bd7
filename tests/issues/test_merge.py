"""Two edits of one text in one."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from issues.merge import merge

TEXTS = st.lists(st.sampled_from(["a", "b", "c", ""]), max_size=8).map("\n".join)


def test_edits_of_different_lines_are_both_there():
    merged = merge("one\ntwo\nthree\nfour\n", "ONE\ntwo\nthree\nfour\n", "one\ntwo\nthree\nFOUR\nfive\n")

    assert merged == ("ONE\ntwo\nthree\nFOUR\nfive\n", 0)


def test_edits_of_neighbouring_lines_do_not_touch():
    assert merge("one\ntwo\n", "ONE\ntwo\n", "one\nTWO\n") == ("ONE\nTWO\n", 0)


def test_of_the_same_line_theirs_comes_before_mine():
    assert merge("a\nb\nc\n", "a\ntheirs\nc\n", "a\nmine\nc\n") == ("a\ntheirs\nmine\nc\n", 1)


def test_what_both_add_at_one_place_is_there_twice_but_the_same_once():
    assert merge("a\n", "a\ntheirs\n", "a\nmine\n") == ("a\ntheirs\nmine\n", 1)
    assert merge("a\n", "a\nboth\n", "a\nboth\n") == ("a\nboth\n", 0)


def test_a_last_line_without_an_end_does_not_run_into_the_next():
    assert merge("one", "theirs", "mine") == ("theirs\nmine", 1)


def test_a_last_line_without_an_end_does_not_run_into_one_that_is_added_after_it():
    assert merge("a\n", "a\na", "b") == ("b\na", 0)


def test_a_line_that_one_deletes_and_the_other_changes_stays():
    assert merge("a\nb\nc\n", "a\nc\n", "a\nB\nc\n") == ("a\nB\nc\n", 1)


def test_texts_too_long_to_compare_are_taken_whole():
    base = "".join(f"{number}\n" for number in range(2_000))

    merged, overlaps = merge(base, f"first\n{base}", base.replace("\n", "!\n"))

    assert overlaps in (0, 1) and merged.startswith("first\n") and "1999!" in merged


@given(TEXTS, TEXTS)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_where_one_changed_nothing_the_other_stands(base, changed):
    assert merge(base, base, changed) == merge(base, changed, base) == (changed, 0)


@given(TEXTS, TEXTS, TEXTS)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_line_that_somebody_wrote_is_lost(base, theirs, mine):
    merged, _ = merge(base, theirs, mine)

    old, lines = {"", *base.split("\n")}, set(merged.split("\n"))
    assert (set(theirs.split("\n")) | set(mine.split("\n"))) - old <= lines
