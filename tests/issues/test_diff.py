"""What an edit did to a text: nothing is lost on either side, and no text costs time."""

from difflib import SequenceMatcher

import pytest
from hypothesis import given
from hypothesis import strategies as st

from issues import diff
from issues.diff import GONE, KEPT, LEFT_OUT, NEW, word_diff

TEXTS = st.text(alphabet="ab é,\n", max_size=40)


def side(parts, kind):
    return "".join(text for own, text in parts if own in (KEPT, kind))


@given(TEXTS, TEXTS)
def test_both_texts_can_be_read_from_it(old, new):
    parts = word_diff(old, new)

    assert (side(parts, GONE), side(parts, NEW)) == (old, new)


def test_words_are_compared_and_not_letters():
    parts = word_diff("The reader failed at noon.", "The loader failed at noon.")

    assert parts == [
        (KEPT, "The "), (GONE, "reader"), (NEW, "loader"), (KEPT, " failed at noon."),
    ]  # fmt: skip


def test_far_from_a_change_texts_are_left_out():
    parts = word_diff("a " * 1_000 + "x" + " b" * 1_000, "a " * 1_000 + "y" + " b" * 1_000)

    around = diff.AROUND
    assert [(kind, text if kind != KEPT else len(text)) for kind, text in parts] == [
        (LEFT_OUT, f"{2_000 - around:,}"),
        (KEPT, around),
        (GONE, "x"),
        (NEW, "y"),
        (KEPT, around),
        (LEFT_OUT, f"{2_000 - around:,}"),
    ]


@pytest.mark.parametrize("unit", ["a b ", "a\nb\n", "ab", "\n", "a, "])
def test_no_text_costs_time(unit, monkeypatch):
    costs = []

    def matcher(junk, old, new, **options):
        costs.append(len(old) * len(new))
        return SequenceMatcher(junk, old, new, **options)

    monkeypatch.setattr(diff, "SequenceMatcher", matcher)
    old, new = (unit * 40_000)[:65_535], (unit[::-1] * 40_000)[:65_535]

    word_diff("x" + old, "y" + new)

    assert sum(costs) <= 2 * diff.MOST
