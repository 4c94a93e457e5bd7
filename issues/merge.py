"""Two edits of one text in one: three-way, line by line."""

from dataclasses import dataclass
from difflib import SequenceMatcher

from issues.diff import common

# Comparing two lists costs about as much as the product of their lengths.
MOST = 250_000


@dataclass(frozen=True, order=True, slots=True)
class Edit:
    """Lines `start` to `end` became `lines`; `side` says by whom: 0 or 1."""

    start: int
    end: int
    side: int
    lines: tuple[str, ...]


def merge(base, theirs, mine):
    """(a text with what both edits of `base` did, the number of places that both changed).

    Of such a place both are in the text, theirs before mine.
    """
    lines, texts = base.splitlines(keepends=True), (theirs, mine)
    edits = sorted(edit for side, text in enumerate(texts) for edit in edits_of(lines, text, side))
    merged, at, overlaps = [], 0, 0
    for group in grouped(edits):
        start, end = group[0].start, max(edit.end for edit in group)
        parts = [patched(lines, start, end, [edit for edit in group if edit.side == side]) for side in (0, 1)]
        sides = {edit.side for edit in group}
        if len(sides) == 1:
            part = parts[sides.pop()]
        elif parts[0] == parts[1]:
            part = parts[0]
        else:
            part, overlaps = [*parts[0], *parts[1]], overlaps + 1
        merged += [*lines[at:start], *part]
        at = end
    return joined([*merged, *lines[at:]]), overlaps


def edits_of(lines, text, side):
    """The Edits that make `text` of `lines`."""
    new = text.splitlines(keepends=True)
    start = common(lines, new)
    end = common(lines[start:][::-1], new[start:][::-1])
    last, last_new = len(lines) - end, len(new) - end
    old_part, new_part = lines[start:last], new[start:last_new]
    if len(old_part) * len(new_part) > MOST:
        return [Edit(start, last, side, tuple(new_part))]
    codes = SequenceMatcher(None, old_part, new_part, autojunk=False).get_opcodes()
    return [
        Edit(start + a, start + b, side, tuple(new_part[c:d]))
        for kind, a, b, c, d in codes
        if kind != "equal"
    ]


def grouped(edits):
    """Lists of Edits, in their order, that concern the same lines."""
    groups = []
    for edit in edits:
        end = max((other.end for other in groups[-1]), default=0) if groups else 0
        # Two that only add at the same place concern each other too.
        if groups and (edit.start < end or (edit.start, edit.end) == (groups[-1][0].start, end)):
            groups[-1].append(edit)
        else:
            groups.append([edit])
    return groups


def patched(lines, start, end, edits):
    """Lines `start` to `end` with these Edits made."""
    found, at = [], start
    for edit in edits:
        found += [*lines[at : edit.start], *edit.lines]
        at = edit.end
    return [*found, *lines[at:end]]


def joined(lines):
    """The text of these lines, of which one that was the last of another text may have no end."""
    *lines, last = lines or [""]
    return "".join(line + "\n" * (line.splitlines() == [line]) for line in lines) + last
