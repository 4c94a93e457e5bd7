"""The words of a text in one spelling, for writing and reading: the index of searches adds nothing to it.

A word is a run of letters, their marks and digits, by Unicode's compatibility forms and without case. Of
Chinese and Japanese, which are written without blanks, every sign is a word. What is longer than LENGTH is as
many words as it fills, so that no database's limits are met.
"""

import re
import unicodedata

LENGTH = 64
SIGN = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U000323af]")
PLANES = 0x20000  # beyond are Chinese characters, which have no marks


def marks():
    """What may stand on a letter, as the inside of a class of characters: `\\w` leaves it out."""
    found = [code for code in range(PLANES) if unicodedata.category(chr(code))[0] == "M"]
    runs, first = [], 0
    for at, code in enumerate(found):
        if at + 1 == len(found) or found[at + 1] != code + 1:
            runs.append(f"{chr(found[first])}-{chr(code)}")
            first = at + 1
    return "".join(runs)


MARKS = marks()
RUN = re.compile(rf"[\w{MARKS}]+")
WORD = re.compile(rf"[\w{MARKS}]{{1,{LENGTH}}}")
# As many marks on one letter as a word is long, and more of them.
HEAP = re.compile(rf"([{MARKS}]{{{LENGTH}}})(?=[{MARKS}])")
# The same in small ASCII letters, where it is quicker.
PLAIN = re.compile(f"[a-z0-9]{{1,{LENGTH}}}")


def words(text):
    """The words of `text` in their order; linear in the text."""
    text = text.replace("_", " ")
    if text.isascii():
        return PLAIN.findall(text.lower())
    # To normalise a heap of marks takes time by its square.
    text = HEAP.sub(r"\1 ", " ".join(RUN.findall(text)))
    folded = unicodedata.normalize("NFKC", text).casefold()
    folded = unicodedata.normalize("NFKC", folded).replace("_", " ")
    return WORD.findall(SIGN.sub(r" \g<0> ", folded))
