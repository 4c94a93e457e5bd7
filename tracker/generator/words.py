"""Texts of made-up words, whose frequencies fall off as those of a language do, and their renderings."""

from array import array
from bisect import bisect
from itertools import accumulate
from random import Random

VOCABULARY = 40_000
SYLLABLES = (
    "ba", "ce", "di", "fo", "gu", "ka", "le", "mi", "no", "pu", "ra", "se",
    "ti", "vo", "xu", "za", "bre", "cli", "dro", "fla", "gri", "pla", "sto", "tru",
)  # fmt: skip


def vocabulary(count=VOCABULARY):
    """Different words, the commonest first; the same at every call."""
    chance, found = Random(1), {}
    while len(found) < count:
        found["".join(chance.choices(SYLLABLES, k=chance.choice((2, 2, 3, 3, 4))))] = None
    return list(found)


def zipf(count, offset):
    """Cumulative weights of `count` things: the larger `offset`, the more alike are the first ones."""
    return list(accumulate(1 / (rank + offset) for rank in range(count)))


WORDS = vocabulary()
WEIGHTS = zipf(VOCABULARY, 50)
# Every word as often as its weight says, so that drawing one is a look-up.
BITS = 18
URN = [WORDS[bisect(WEIGHTS, WEIGHTS[-1] * (at + 0.5) / 2**BITS)] for at in range(2**BITS)]


def words(chance, count):
    return [URN[drawn >> 32 - BITS] for drawn in array("I", chance.randbytes(4 * count))]


def length(chance, least, most):
    """A number of words: most texts are short, some are long."""
    return least + int((most + 1 - least) * chance.random() ** 2.5)


def title(chance):
    return " ".join(words(chance, chance.randint(3, 9))).capitalize()


def paragraphs(chance, most):
    """(text, rendering) of 5 to `most` words in sentences and paragraphs."""
    sentences, left = [], length(chance, 5, most)
    while left > 0:
        sentences.append(" ".join(words(chance, min(left, chance.randint(4, 14)))).capitalize() + ".")
        left -= 14
    parts = [" ".join(sentences[at : at + 4]) for at in range(0, len(sentences), 4)]
    return "\n\n".join(parts), rendered(parts)


def plain(text):
    """The words of one of our texts as `issues.words` finds them, which takes ten times as long."""
    return text.lower().replace(".", "").replace("\n\n", " ")


def rendered(parts):
    """What `markdown.render` makes of paragraphs of plain words, for which it would take a thousand times as
    long.
    """
    return "\n".join(f"<p>{part}</p>" for part in parts)
