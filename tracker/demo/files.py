"""The files of the demo: a log, two tables, and pictures that are drawn here, so that none is kept in Git."""

import math
import struct
import zlib

WIDTH, HEIGHT = 720, 320
LEFT, RIGHT, TOP, BOTTOM = 56, 20, 24, 40
PAPER, GRID, INK = (255, 255, 255), (228, 231, 236), (102, 112, 133)
# Digits of 3 by 5 dots, a row of dots for each hexadecimal digit.
DIGITS = dict(
    zip(
        "0123456789.",
        ["75557", "26227", "71747", "71717", "55711", "74717", "74757", "71111", "75757", "75717", "00002"],
        strict=True,
    )
)


class Picture:
    """Pixels of three bytes, on which lines, bars and numbers are drawn."""

    def __init__(self):
        self.rows = [bytearray(PAPER * WIDTH) for _ in range(HEIGHT)]

    def fill(self, left, top, right, bottom, color):
        for row in self.rows[max(top, 0) : bottom]:
            row[3 * left : 3 * right] = bytes(color) * (right - left)

    def tint(self, x, y, color, share):
        """Mix `share` of a colour into one pixel."""
        if 0 <= x < WIDTH and 0 <= y < HEIGHT and share > 0:
            row, share = self.rows[y], min(share, 1)
            row[3 * x : 3 * x + 3] = bytes(
                round(old + (new - old) * share)
                for old, new in zip(row[3 * x : 3 * x + 3], color, strict=True)
            )

    def number(self, text, right, top):
        """A number whose last digit ends at `right`, in dots of 2 pixels."""
        for place, digit in enumerate(reversed(text)):
            for y, dots in enumerate(DIGITS[digit]):
                for x in range(3):
                    if int(dots, 16) >> (2 - x) & 1:
                        at = right - 8 * (place + 1) + 2 * x
                        self.fill(at, top + 2 * y, at + 2, top + 2 * y + 2, INK)

    def png(self):
        def chunk(kind, data):
            return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

        head = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
        pixels = zlib.compress(b"".join(b"\0" + row for row in self.rows), 9)
        return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def frame(most, step, names):
    """(picture, function from a value to its height) with a grid up to `most` and numbers at both axes."""
    picture = Picture()

    def height(value):
        return HEIGHT - BOTTOM - value / most * (HEIGHT - TOP - BOTTOM)

    for number in range(int(most / step) + 1):
        y = round(height(number * step))
        picture.fill(LEFT, y, WIDTH - RIGHT, y + 1, GRID if number else INK)
        picture.number(f"{number * step:g}", LEFT - 8, y - 5)
    for place, name in enumerate(names):
        x = LEFT + (place + 0.5) / len(names) * (WIDTH - LEFT - RIGHT)
        picture.number(name, round(x) + 4 * len(name), HEIGHT - BOTTOM + 12)
    return picture, height


def line_chart(values, most, step, names, color):
    """A PNG of one line with a tint below it."""
    picture, height = frame(most, step, names)
    span = WIDTH - LEFT - RIGHT

    def at(x):
        place = min(max(x / span, 0), 1) * (len(values) - 1)
        first = min(int(place), len(values) - 2)
        return height(values[first] + (values[first + 1] - values[first]) * (place - first))

    for x in range(span):
        y, slope = at(x), at(x + 0.5) - at(x - 0.5)
        half = 1.2 * math.hypot(1, slope)
        for row in range(round(y), HEIGHT - BOTTOM):
            picture.tint(LEFT + x, row, color, 0.12)
        for row in range(int(y - half) - 1, int(y + half) + 2):
            picture.tint(LEFT + x, row, color, half + 0.5 - abs(row - y))
    return picture.png()


def bar_chart(values, most, step, names, color, marked):
    """A PNG of bars, those from `marked` on in full colour."""
    picture, height = frame(most, step, names)
    pale = tuple(255 - (255 - part) * 2 // 5 for part in color)
    room = (WIDTH - LEFT - RIGHT) / len(values)
    for place, value in enumerate(values):
        left, right = (round(LEFT + room * (place + share)) for share in (0.18, 0.82))
        picture.fill(left, round(height(value)), right, HEIGHT - BOTTOM, color if place >= marked else pale)
    return picture.png()


NULL_RATES = (0.2, 0.2, 0.3, 0.2, 0.2, 0.2, 14.8, 15.2, 15.1, 14.9)


def nulls_png():
    return bar_chart(NULL_RATES, 20, 5, [str(hour) for hour in range(10)], (217, 74, 56), 6)


def nulls_csv():
    rows = [78_113, 80_420, 79_001, 80_644, 81_204, 79_930, 80_117, 82_358, 83_011, 82_790]
    lines = [
        f"{hour:02}:00,{count},{round(count * rate / 100)},{rate}"
        for hour, (count, rate) in enumerate(zip(rows, NULL_RATES, strict=True))
    ]
    return "\n".join(["hour,rows,nulls,percent", *lines, ""]).encode()


def lag_png():
    minutes = [
        0.1,
        0.1,
        0.2,
        1.4,
        3.1,
        5.0,
        7.2,
        9.1,
        10.9,
        11.3,
        9.0,
        6.4,
        4.2,
        2.9,
        1.6,
        0.7,
        0.2,
        0.1,
        0.1,
    ]
    return line_chart(minutes, 12, 3, ["12.30", "13.00", "13.30", "14.00"], (99, 91, 216))


def cost_png():
    days = [402, 415, 398, 407, 391, 220, 214, 409, 417, 404, 412, 410, 226, 1240]
    return bar_chart(days, 1500, 500, [str(day) for day in range(1, 15)], (14, 132, 128), 13)


def checkout_log():
    orders = ((7, "c-48213"), (19, "c-48219"), (23, "c-44790"), (41, "c-48230"))
    lines = []
    for second, cart in orders:
        lines.append(f"09:38:{second:02}.114 INFO  checkout.views review cart={cart} from=mail")
        lines.append(f"09:38:{second:02}.131 DEBUG checkout.store cart={cart} age=31d lines=none")
        lines.append(f"09:38:{second:02}.140 ERROR checkout.totals 'NoneType' object is not subscriptable")
        lines.append(f"09:38:{second:02}.141 INFO  checkout.views answered 500 in 27 ms")
    return "\n".join([*lines, ""]).encode()


def refunds_csv():
    lines = [
        f"{order},{parcels},{returned}.90,{total}.70,refused"
        for order, parcels, returned, total in (
            (510233, 3, 24, 131),
            (510871, 2, 59, 88),
            (511004, 2, 12, 47),
            (511960, 4, 35, 210),
            (512118, 3, 80, 164),
            (512733, 2, 19, 52),
        )
    ]
    return "\n".join(["order,parcels,to_refund,asked_for,answer", *lines, ""]).encode()
