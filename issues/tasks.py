"""Boxes of task lists (`- [ ]`): buttons for who may edit the text, and ticked where they stand in it."""

import re
from itertools import count

from django.db import transaction
from django.utils.html import format_html
from django.utils.safestring import mark_safe
from django.utils.translation import gettext

from issues import markdown
from issues.models.history import digest

# A box as `markdown.render` leaves it: no attribute of another tag can read like this.
BOX = r'<input(?: (?:aria-label|checked|disabled|type)="[A-Za-z]*")+>'
# What may be a box in a text; one in a block of code is none, which only the renderer knows.
ITEM = re.compile(r"^[ \t>]*(?:(?:[-+*]|\d{1,9}[.)])[ \t>]+)+\[([ xX])\] +", re.MULTILINE)
# The number of an item behind its box, between signs that no keyboard has.
NUMBERED = re.compile(rf"{BOX}\s*(?:\ue000(\d+)\ue001)?")


def seen(text):
    """What stands for a text in a form, so that one that has changed since is noticed."""
    return digest(text)[:16]


def with_buttons(html, form):
    """Safe HTML with its boxes as buttons of the form with this id; their values are 1, 2, …"""
    numbers = count(1)

    def button(box):
        return format_html(
            '<button type="submit" form="{0}" id="{0}-{1}" name="box" value="{1}" class="box" role="checkbox"'
            ' aria-checked="{2}" aria-label="{3}"></button>',
            form,
            next(numbers),
            "true" if "checked" in box[0] else "false",
            gettext("Done"),
        )

    return mark_safe(re.sub(BOX, button, html)) if "<input" in html else html  # noqa: S308


def toggled(text, number):
    """Markdown with its box of this number, from 1, ticked or cleared; LookupError if there is none."""
    items = list(ITEM.finditer(text))
    marked, end = [], 0
    for at, item in enumerate(items):
        marked += [text[end : item.end()], f"\ue000{at}\ue001"]
        end = item.end()
    boxes = NUMBERED.findall(markdown.render("".join(marked) + text[end:]))
    if not (0 < number <= len(boxes) and boxes[number - 1]):
        raise LookupError(number)
    place = items[int(boxes[number - 1])].start(1)
    return f"{text[:place]}{'x' if text[place] == ' ' else ' '}{text[place + 1 :]}"


def tick(row, data):
    """Toggle the box that a form names by `box` in the text of an issue or comment, seen as `seen` says.

    Returns whether it is saved; it is not where the text has changed since, or has no such box.
    """
    text, number = getattr(row, row.WORDS), data.get("box", "")
    if seen(text) != data.get("seen") or not re.fullmatch(r"[0-9]{1,5}", number):
        return False
    try:
        changed = toggled(text, int(number))
    except LookupError:
        return False
    with transaction.atomic():
        row.lock()
        is_there = row.deleted_at is None and getattr(row, f"{row.WORDS}_format") == "md"
        if not is_there or getattr(row, row.WORDS) != text:
            return False
        setattr(row, row.WORDS, changed)
        row.save(update_fields=[row.WORDS])
    return True
