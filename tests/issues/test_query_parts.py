"""The parts of a query as they are written, and the query with one of them taken out or put in."""

import pytest

from issues.query import QueryError, parts_of, read
from issues.query.parts import excluded, toggled

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("  ", []),
        ("nulls", [("nulls", "")]),
        (" is:open  level:P0,P1 -label:noise ", ["is:open", "level:P0,P1", "-label:noise"]),
        ('"two words" title:"a b"', ['"two words"', 'title:"a b"']),
        ("a AND b AND NOT c", ["a", "b", "NOT c"]),
        ("(a OR b) level:(P0 OR P1) -(x y)", ["(a OR b)", "level:(P0 OR P1)", "-(x y)"]),
        ("a OR b c", ["a OR b c"]),
        ("created:[2026-01-01 TO today] seen:>3", ["created:[2026-01-01 TO today]", "seen:>3"]),
        ("Error: x\\ y z\\", ["Error:", "x\\ y", "z\\"]),
        ("kind:a\\  b", ["kind:a\\ ", "b"]),
        ("(a)(b)", ["(a)", "(b)"]),
    ],
)
def test_parts_are_what_all_must_hold(text, expected):
    parts = parts_of(text)

    texts = [each if isinstance(each, str) else each[0] for each in expected]
    assert [part.text for part in parts] == texts
    for at, part in enumerate(parts):
        assert part.without == " ".join(texts[:at] + texts[at + 1 :])


@pytest.mark.parametrize("text", ["(a", "a OR", "x" * 2_001, "a\x00"])
def test_what_is_no_query_has_no_parts(text):
    with pytest.raises(QueryError):
        parts_of(text)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("state:open", ("status", ("open",), False)),
        ('-label:"a b",c', ("label", ('"a b"', "c"), True)),
        ("seen:>3", (None, (), False)),
        ("-(level:P0)", ("level", ("P0",), True)),
        ("nulls", (None, (), False)),
    ],
)
def test_a_part_tells_the_values_that_it_lists(text, part):
    (found,) = parts_of(text)

    assert (found.field, found.values, found.is_negated) == part


@pytest.mark.parametrize(
    ("text", "with_it", "without_it"),
    [
        ("", "level:P0", "-level:P0"),
        ("a", "a level:P0", "a -level:P0"),
        ("a level:P0 b", "a b", "-level:P0 a b"),
        ("a level:P1", "a level:P1,P0", "a level:P1 -level:P0"),
        ("level:P0,P1 a", "level:P1 a", "-level:P0 level:P1 a"),
        ("-level:P0,P1 a", "-level:P0,P1 a level:P0", "-level:P1 a"),
        ("a OR b", "(a OR b) level:P0", "(a OR b) -level:P0"),
        ("a\\", "a\\\\ level:P0", "a\\\\ -level:P0"),
        ("kind:a\\  level:P1", "kind:a\\  level:P1,P0", "kind:a\\  level:P1 -level:P0"),
    ],
)
def test_a_value_is_put_in_and_taken_out(bob, ops, text, with_it, without_it):
    query, parts = read(text, bob), parts_of(text)

    assert toggled(query, parts, "level:P0", is_joined=True) == with_it
    assert excluded(query, parts, "level:P0") == without_it


def test_where_an_issue_has_many_values_one_more_narrows(bob, ops):
    query, parts = read("label:a", bob), parts_of("label:a")

    assert toggled(query, parts, "label:b", is_joined=False) == "label:a label:b"
