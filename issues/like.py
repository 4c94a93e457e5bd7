"""Texts compared by pattern, alike in Python and on both databases.

Letters of ASCII match in either case, all others as they are: more SQLite's LIKE cannot do.
"""

import re
from fnmatch import translate

from django.db.models import CharField, Lookup, TextField

# fnmatch knows a third wildcard, in square brackets.
LITERAL = {"*": "[*]", "?": "[?]", "[": "[[]"}
UPPER = {code: code - 32 for code in range(ord("a"), ord("z") + 1)}


@CharField.register_lookup
@TextField.register_lookup
class Like(Lookup):
    """`column__like=pattern`, with a pattern of `like()`."""

    lookup_name = "like"
    prepare_rhs = False

    def as_sql(self, compiler, connection):
        column, parameters = self.process_lhs(compiler, connection)
        return f"{column} LIKE %s ESCAPE '\\'", (*parameters, self.rhs)

    def as_postgresql(self, compiler, connection):
        column, parameters = self.process_lhs(compiler, connection)
        return f'UPPER({column} COLLATE "C") LIKE %s', (*parameters, self.rhs.translate(UPPER))


def like(text, wild=frozenset(), is_part=False):
    """The pattern of LIKE for `text`, whose `*` and `?` at the places `wild` stand for other characters.

    With `is_part` it may stand anywhere within the column.
    """
    parts = []
    for at, letter in enumerate(text):
        if at in wild:
            parts.append("%" if letter == "*" else "_")
        else:
            parts.append(f"\\{letter}" if letter in "\\%_" else letter)
    pattern = "".join(parts)
    return f"%{pattern}%" if is_part else pattern


def is_like(text, pattern, wild=frozenset()):
    """Whether the column `text` is LIKE `like(pattern, wild)`; linear, whatever the wildcards."""
    return like_test(pattern, wild)(text) is not None


def like_test(pattern, wild=frozenset()):
    """A function of a text whose answer is true of those that are LIKE `like(pattern, wild)`."""
    glob = "".join(letter if at in wild else LITERAL.get(letter, letter) for at, letter in enumerate(pattern))
    return re.compile(translate(glob), re.IGNORECASE | re.ASCII).match
