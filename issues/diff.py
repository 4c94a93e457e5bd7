"""What an edit did to a text, as people read it: lines that stayed, and words that came and went."""

import re
from difflib import SequenceMatcher
from itertools import groupby

from issues.language import digits

# Comparing two lists costs about as much as the product of their lengths.
MOST = 40_000
WORDS = re.compile(r"\s+|\w+|[^\w\s]")
KEPT, GONE, NEW, LEFT_OUT = "kept", "gone", "new", "left out"
# So many unchanged characters are shown before and after a change.
AROUND = 240


def word_diff(old, new):
    """[(kind, text)] with kinds kept, gone, new and left out: `old` without the new is `old`, and back.

    Only the stretch that differs is compared, by lines and then by words; one that is too large to compare
    goes and comes as a whole. What is left out in the middle of long unchanged stretches has the number
    of its characters as its text.
    """
    start = common(old, new)
    end = common(old[start:][::-1], new[start:][::-1])
    head, tail = old[:start], old[len(old) - end :]
    # A change begins and ends between words.
    while head and head[-1].isalnum():
        head = head[:-1]
    while tail and tail[0].isalnum():
        tail = tail[1:]
    middle = compare(old[len(head) : len(old) - len(tail)], new[len(head) : len(new) - len(tail)])
    return list(shortened(joined([(KEPT, head), *middle, (KEPT, tail)])))


def common(one, other):
    """The length of what two texts begin with alike."""
    least, most = 0, min(len(one), len(other))
    while least < most:
        half = (least + most + 1) // 2
        if one[:half] == other[:half]:
            least = half
        else:
            most = half - 1
    return least


def compare(old, new):
    lines = [text.splitlines(keepends=True) for text in (old, new)]
    for kind, before, after in matched(*lines):
        before, after = "".join(before), "".join(after)
        if kind == "equal":
            yield KEPT, before
        else:
            yield from compare_words(before, after)


def compare_words(old, new):
    for kind, before, after in matched(WORDS.findall(old), WORDS.findall(new)):
        if kind == "equal":
            yield KEPT, "".join(before)
        else:
            yield GONE, "".join(before)
            yield NEW, "".join(after)


def matched(old, new):
    """(kind, part of `old`, part of `new`) as difflib matches two lists, or both whole if they are long."""
    if len(old) * len(new) > MOST:
        return [("replace", old, new)]
    codes = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return [(kind, old[a:b], new[c:d]) for kind, a, b, c, d in codes]


def joined(parts):
    """The parts without empty ones; between two that stayed, all that went comes before all that came."""
    parts = [part for part in parts if part[1]]
    for is_kept, run in groupby(parts, lambda part: part[0] == KEPT):
        run = list(run)
        for kind in (KEPT,) if is_kept else (GONE, NEW):
            text = "".join(text for own, text in run if own == kind)
            if text:
                yield kind, text


def shortened(parts):
    parts = list(parts)
    for at, (kind, text) in enumerate(parts):
        if kind != KEPT or len(text) <= 2 * AROUND + 80:
            yield kind, text
            continue
        before, after = AROUND * (at > 0), AROUND * (at < len(parts) - 1)
        if before:
            yield KEPT, text[:before]
        yield LEFT_OUT, digits(len(text) - before - after)
        if after:
            yield KEPT, text[-after:]
