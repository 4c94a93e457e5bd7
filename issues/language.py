"""How pages say numbers, days and the labels of choices in the language of their reader.

What is stored and what programs read is English: the labels of models are marked for catalogues, and
translated where a page shows them.
"""

from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache

from django.utils.dates import MONTHS_3
from django.utils.formats import number_format
from django.utils.translation import get_language, gettext, gettext_lazy, override

# Languages that write the names of things with a capital letter wherever they stand.
CAPITAL = ("de",)


# The language that `speaking` says. Django knows it as well, but a look there costs more than the rest.
spoken_now = ContextVar("spoken_now", default=None)


@contextmanager
def speaking(code):
    """Within it everything is said in this language."""
    with override(code):
        token = spoken_now.set(code)
        try:
            yield
        finally:
            spoken_now.reset(token)


def say(text):
    """A text of ours as `gettext` translates it, for what a page says hundreds of times."""
    code = spoken_now.get()
    return gettext(text) if code is None else said_in(code, text)


@lru_cache(maxsize=4_096)
def said_in(code, text):
    return gettext(text)


def digits(value):
    """A whole number with its digits in groups."""
    return number_format(value, force_grouping=True) if value >= 1_000 else str(value)


def share(part):
    """A part of a whole in per cent."""
    return gettext("{}%").format(number_format(round(part * 100, 1), decimal_pos=1))


def day(date):
    """A day, as 5 Jan 2026."""
    return gettext("{day} {month} {year}").format(day=date.day, month=month(date), year=date.year)


def month(date):
    return str(MONTHS_3[date.month]).title()


def inside(name):
    """What something is called at the beginning, as it is called inside of a sentence."""
    return name if get_language() in CAPITAL else name.lower()


def spoken(choices):
    """[(value, label)] of the choices of a model, for a form."""
    return [(value, gettext_lazy(label)) for value, label in choices]
