"""Charts as templates draw them: where their marks stand in an SVG, and the same numbers as a table.

Across, places are parts of the width in %, so that a chart fits a phone as well as a wide screen and its
texts keep their size; down, they are pixels of a plot of fixed height. All are texts, since a template would
write a number as people of a language do.
"""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from issues.language import digits

HEIGHT, TOP = 180, 8
# The width in which lines are drawn, which are stretched to that of the plot.
WIDE = 1_000
# At most so many ticks above zero, and so many names below a plot.
TICKS, NAMES = 4, 6
MINUTE, HOUR, DAY = 60, 3_600, 86_400
UNITS = ((DAY, "d"), (HOUR, "h"), (MINUTE, "min"), (1, "s"))
WAITS = (*(MINUTE * n for n in (1, 2, 5, 10, 15)), *(HOUR * n for n in (1, 2, 3, 6)), DAY)
# More marks than these are smaller.
DENSE = 31
# Of a line as long as a phone allows, what the name of a part needs at least, and for each letter.
NAMED, LETTER = 0.06, 0.027
# No bar takes more of a plot, nor more of its own room.
BROAD, ROOM = 0.12, 0.6


class Cell(NamedTuple):
    """A value of a table: as it is, as people read it if they read it otherwise, and where it leads."""

    value: object
    text: str = ""
    href: str = ""

    @property
    def shown(self):
        if self.text or self.value is None:
            return self.text or "—"
        return digits(self.value) if isinstance(self.value, int) else self.value


class Mark(NamedTuple):
    """What stands for a number, in the middle of its days: a point at (x, y), or a bar from y down."""

    href: str
    text: str
    x: str
    y: str
    left: str
    width: str
    height: str


@dataclass
class Series:
    """Numbers of one kind, None where there is none, and (address, text) of each.

    `kind` is how they look, a class of the style, and `is_square` the shape of their points.
    """

    name: str
    kind: str
    numbers: list
    said: list
    is_square: bool = False
    marks: list = field(default_factory=list)
    line: str = ""


@dataclass
class Plot:
    """Series over days as lines, or as bars, and a Series behind them with an axis of its own.

    `left` and `right` are [(y, text)] of the axes, `below` is what `names_below` gives, and `columns` are
    Marks as wide as their days, for whoever misses the points.
    """

    series: list
    left: list
    below: list
    columns: list
    behind: Series | None = None
    area: str = ""
    right: list = field(default_factory=list)
    has_bars: bool = False

    height = HEIGHT
    whole_height = HEIGHT + 22
    wide = WIDE

    @property
    def legend(self):
        """The Series that are told apart by their looks."""
        return [] if self.has_bars else [*self.series, *filter(None, [self.behind])]

    @property
    def is_dense(self):
        return len(self.series[0].numbers) > DENSE


class Bar(NamedTuple):
    """A bar of a list, and its part of all bars in one line; `row` is what its name is a badge of."""

    name: str
    cell: Cell
    width: str
    row: object
    left: str
    part: str
    is_named: bool


@dataclass
class Chart:
    """One chart: `slug` names it in addresses, `about` says what its numbers mean.

    It has a `plot`, or `bars`, which `is_stacked` shows in one line as well, and which count issues, or
    what `has_sightings` says. Its table has `columns`,
    [(name, unit)], and `rows` of Cells, of which the first names the row; without any, `nothing` is said.
    """

    slug: str
    title: str
    about: str
    nothing: str
    columns: list
    rows: list
    plot: Plot | None = None
    bars: list = field(default_factory=list)
    is_stacked: bool = False
    has_sightings: bool = False


def plotted(names, series, columns=(), behind=None, is_wait=False, has_bars=False):
    """The Plot of Series over days with these names; with `is_wait` the numbers are seconds.

    `columns` are (address, text) of the days.
    """
    most = max((number for each in series for number in each.numbers if number is not None), default=0)
    scale = wait_ticks(most) if is_wait else ticks(most)
    for each in series:
        draw(each, scale[-1], min(BROAD * len(names), ROOM) if has_bars else 1)
    left = [(height_of(tick, scale[-1]), lasting(tick) if is_wait else digits(tick)) for tick in scale]
    whole = [marked(address, 0, n, len(names), HEIGHT) for n, address in enumerate(columns)]
    plot = Plot(series, left, names_below(names), whole, has_bars=has_bars)
    if behind:
        scale = ticks(max(behind.numbers))
        draw(behind, scale[-1])
        plot.behind, plot.area = behind, area_of(behind.numbers, scale[-1])
        plot.right = [(height_of(tick, scale[-1]), digits(tick)) for tick in scale]
    return plot


def draw(series, most, room=1):
    """Give a series its marks and its line, which has gaps where there are no numbers."""
    numbers, count = series.numbers, len(series.numbers)
    series.marks = [
        marked(address, number, n, count, most, room)
        for n, (number, address) in enumerate(zip(numbers, series.said, strict=True))
        if number is not None
    ]
    series.line = "".join(
        f"M{across(n, count)} {height_of(one, most)}L{across(n + 1, count)} {height_of(other, most)}"
        for n, (one, other) in enumerate(pairwise(numbers))
        if one is not None and other is not None
    )


def marked(address, number, n, count, most, room=1):
    """The Mark of the number of the days `n` of `count`, whose bar takes a part of the room that it has."""
    y = height_of(number, most)
    left, width = percent((n + (1 - room) / 2) / count), percent(room / count)
    return Mark(*address, percent((n + 0.5) / count), y, left, width, f"{HEIGHT - float(y):.1f}")


def area_of(numbers, most):
    """The path of an area, level at its ends, so that a single day has one too."""
    heights = [height_of(number, most) for number in numbers]
    top = "".join(f"L{across(n, len(heights))} {y}" for n, y in enumerate(heights))
    return f"M0 {HEIGHT}L0 {heights[0]}{top}L{WIDE} {heights[-1]}L{WIDE} {HEIGHT}Z"


def barred(names, cells, rows=None):
    """[Bar] of names and Cells, the longest as wide as there is room."""
    numbers = [cell.value for cell in cells]
    most, total, before = max(numbers, default=0) or 1, sum(numbers) or 1, 0
    bars = []
    for name, cell, row in zip(names, cells, rows or names, strict=True):
        part = cell.value / total
        is_named = part >= NAMED + LETTER * len(name)
        bars.append(
            Bar(name, cell, percent(cell.value / most), row, percent(before / total), percent(part), is_named)
        )
        before += cell.value
    return bars


def across(n, count):
    return f"{(n + 0.5) / count * WIDE:.1f}"


def height_of(number, most):
    return f"{HEIGHT - number / most * (HEIGHT - TOP):.1f}"


def percent(part):
    return f"{part * 100:.2f}%"


def ticks(most):
    """A few round numbers from 0 to at least `most`."""
    return up_to(
        most, next(n * 10**size for size in range(18) for n in (1, 2, 5) if n * 10**size * TICKS >= most)
    )


def wait_ticks(most):
    """The same of seconds: whole minutes, hours or days."""
    step = next((step for step in WAITS if step * TICKS >= most), None)
    return up_to(most, step) if step else [tick * DAY for tick in ticks(-(-most // DAY))]


def up_to(most, step):
    return list(range(0, (max(-(-most // step), 1)) * step + 1, step))


def lasting(seconds):
    """A time of so many seconds as people say it, in its two largest units: 2 d 4 h."""
    at = next((at for at, (size, _) in enumerate(UNITS) if seconds >= size), None)
    if at is None:
        return "0"
    parts, left = [], seconds
    for size, unit in UNITS[at : at + 2]:
        times, left = divmod(left, size)
        parts += [f"{digits(times)} {unit}"] if times else []
    return " ".join(parts)


def names_below(names):
    """[(x, anchor, name, whether a phone leaves it out)] of a few of the names, the last one among them."""
    count = len(names)
    step = -(-count // NAMES)
    found = []
    for n in range((count - 1) % step, count, step):
        at = (n + 0.5) / count
        # What would hang out of the plot stands inside of it.
        anchor = "start" if at < 0.06 else "end" if at > 0.94 else "middle"
        found.append((percent(at), anchor, names[n], (count - 1 - n) // step % 2 == 1))
    return found
