"""The grammar of queries: a text becomes a tree of conditions, or a QueryError that shows the place.

    query    = [ either ]
    either   = both { "OR" both }
    both     = one { [ "AND" ] one }
    one      = { "NOT" | "-" } ( "(" either ")" | key ":" [ wanted ] | value )
    wanted   = "(" either ")" | "[" value "TO" value "]" | [ ">" | ">=" | "<" | "<=" ] value { "," value }
    value    = phrase in quotes | word, in which * and ? stand for other characters

Within `key:( … )` every value is one of that key. A backslash takes the meaning from any character.
"""

import re

from django.utils.translation import gettext

from issues.language import digits
from issues.limits import QUERY, refusal
from issues.query.tree import ANY, ONE, Group, Key, Not, QueryError, Term, Value, Words

DEPTH = 32
VALUES = 100
WILDCARDS = 8

BINDS = {"OR": 1, "AND": 2}

BLANKS = re.compile(r"\s*")
KEY = re.compile(r"@?([A-Za-z_][\w./-]*):")
JOINT = re.compile(r"(AND|OR)(?=[\s()]|\Z)\s*")
NOT = re.compile(r"NOT(?=[\s()]|\Z)\s*")
MINUS = re.compile(r"-(?=[^\s)])")
# Where values stand, -7d is one.
MINUS_OF_VALUE = re.compile(r"-(?=[^\s)0-9])")
COMPARISON = re.compile(r"[<>]=?")
TO = re.compile(r"\s+TO(?=\s)\s+")
PHRASE = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
# What a word is made of, by where it stands.
FREE = re.compile(r"(?:[^\s()\\]|\\.|\\\Z)+", re.DOTALL)
LISTED = re.compile(r"(?:[^\s(),\\]|\\.|\\\Z)+", re.DOTALL)
BOUND = re.compile(r"(?:[^\s()\]\\]|\\.|\\\Z)+", re.DOTALL)


def parse(text):
    """The tree of a query: Group, Not, Term and Words. QueryError for what is none; linear in the text."""
    return parsed(text)[0]


def operands(text):
    """[(start, end, tree)] of what all must hold of a query; alternatives are one. QueryError."""
    tree, outer = parsed(text)
    if isinstance(tree, Group) and tree.operator == "OR":
        return [(0, len(text), tree)]
    return outer


def parsed(text):
    """(the tree of a query, [(start, end, tree)] of what stands outside of brackets); QueryError."""
    if len(text) > QUERY:
        raise QueryError(gettext("At most {} characters.").format(digits(QUERY)), QUERY, len(text))
    if reason := refusal(text):
        raise QueryError(reason, 0, len(text))
    parser = Parser(text)
    return parser.query(), parser.outer


class Parser:
    """Reads a text once from left to right; `outer` are the operands that stand in no brackets."""

    def __init__(self, text):
        self.text, self.at, self.depth, self.values = text, 0, 0, 0
        self.outer = []

    # The text.

    def skip(self, pattern):
        """Whether `pattern` stood here, and was passed over."""
        match = pattern.match(self.text, self.at)
        self.at = match.end() if match else self.at
        return match

    def next(self):
        """The character that stands here, "" at the end."""
        return self.text[self.at : self.at + 1]

    def error(self, message, start=None, end=None, proposal=None):
        """A QueryError of the place where the parser is; at the end of the text, of its last word."""
        start = self.at if start is None else start
        if start < len(self.text):
            return QueryError(message, start, max(end or 0, start + 1), proposal)
        end = len(self.text.rstrip())
        return QueryError(message, end - len(self.text.split()[-1]), end, proposal)

    # The grammar.

    def query(self):
        self.skip(BLANKS)
        if not self.next():
            return Group("AND")
        tree = self.expression()
        if self.next():
            raise self.error(gettext("This bracket closes nothing."), proposal=r"\)")
        return tree

    def expression(self, key=None, least=1):
        """Operands joined by operators that bind at least so strongly: precedence climbing."""
        left = self.one(key)
        while (operator := self.operator()) and BINDS[operator] >= least:
            self.skip(JOINT)
            right = self.expression(key, BINDS[operator] + 1)
            if not (isinstance(left, Group) and left.operator == operator):
                left = Group(operator, [left])
            left.parts.append(right)
        return left

    def operator(self):
        """What joins the operand that ends here to the next one, if there is one."""
        self.skip(BLANKS)
        if self.next() in ("", ")"):
            return None
        joint = JOINT.match(self.text, self.at)
        return joint[1] if joint else "AND"

    def one(self, key):
        is_negated, start = False, self.at
        while self.skip(NOT) or self.skip(MINUS if key is None else MINUS_OF_VALUE):
            is_negated = not is_negated
        part = self.bracket(key) if self.next() == "(" else self.leaf(key)
        part = Not(part) if is_negated else part
        if not self.depth:
            self.outer.append((start, self.at, part))
        return part

    def bracket(self, key):
        start = self.at
        self.depth += 1
        if self.depth > DEPTH:
            raise self.error(gettext("At most {} brackets inside one another.").format(DEPTH))
        self.at += 1
        self.skip(BLANKS)
        if self.next() == ")":
            raise self.error(gettext("Nothing stands in these brackets."), start, self.at + 1)
        tree = self.expression(key)
        if self.next() != ")":
            raise self.error(gettext("This bracket is not closed."), start, start + 1)
        self.at += 1
        self.depth -= 1
        # What stands in brackets is not mixed with what stands around them.
        return Group("AND", [tree]) if isinstance(tree, Group) else tree

    def leaf(self, key):
        start = self.at
        if self.next() in ("", ")"):
            raise self.error(gettext("A word or a condition is missing here."))
        if joint := JOINT.match(self.text, start):
            message = gettext("Something has to stand before {}; as a word, write it in quotes.").format(
                joint[1]
            )
            raise self.error(message, start, joint.end(1), f'"{joint[1]}"')
        if key is not None:
            return self.term(key, start)
        if not (name := self.skip(KEY)):
            return Words(self.value(FREE))
        key = Key(name[1], start, self.at - 1)
        if self.next() == "(":
            return self.bracket(key)
        if not self.next() or self.next() == ")" or self.next().isspace():
            self.count(start)
            return Term(key, ":", (), start, self.at)
        return self.term(key, start)

    def term(self, key, start):
        if self.next() == "[":
            return Term(key, "[", self.bounds(), start, self.at)
        comparison = self.skip(COMPARISON)
        values = self.listed(LISTED)
        if comparison and len(values) > 1:
            raise self.error(
                gettext("Only one value after {}.").format(comparison[0]), values[1].start, self.at
            )
        return Term(key, comparison[0] if comparison else ":", values, start, self.at)

    def bounds(self):
        start = self.at
        self.at += 1
        self.skip(BLANKS)
        first = self.value(BOUND) if self.next() not in ("", "]", "(", ")") else None
        last = self.value(BOUND) if first and self.skip(TO) and self.next() not in ("", "]") else None
        self.skip(BLANKS)
        if last is None or self.next() != "]":
            message = gettext("A range is written [a TO b], with * where it has no end.")
            raise self.error(message, start, self.text.find("]", self.at) + 1 or len(self.text))
        self.at += 1
        return first, last

    def listed(self, word):
        """Values with commas between."""
        values = [self.value(word)]
        while self.next() == ",":
            self.at += 1
            values.append(self.value(word))
        return tuple(values)

    def count(self, start):
        """One more value begins at `start`, or what is a word where no field has its name."""
        self.values += 1
        if self.values > VALUES:
            message = gettext("At most {} words and values; in quotes a sentence counts as one.").format(
                VALUES
            )
            raise self.error(message, start, len(self.text))

    def value(self, word):
        start = self.at
        self.count(start)
        if self.next() == '"':
            phrase = self.skip(PHRASE)
            if not phrase:
                message = gettext("This quote is not closed.")
                raise self.error(message, start, len(self.text), self.text[start:] + '"')
            return Value(unescape(phrase[1])[0], start, self.at, is_quoted=True)
        match = self.skip(word)
        if not match:
            raise self.error(gettext("A value is missing here."), max(start - 1, 0), start)
        text, wild = unescape(match[0])
        if len(wild) > WILDCARDS and text.count(ANY) != len(text):
            raise self.error(gettext("At most {} wildcards in one word.").format(WILDCARDS), start, self.at)
        return Value(text, start, self.at, wild=wild)


def unescape(text):
    """(`text` without its backslashes, the places of the wildcards that had none before them)."""
    letters, wild, is_escaped = [], set(), False
    for letter in text:
        if letter == "\\" and not is_escaped:
            is_escaped = True
            continue
        if letter in (ANY, ONE) and not is_escaped:
            wild.add(len(letters))
        letters.append(letter)
        is_escaped = False
    return "".join(letters) + ("\\" if is_escaped else ""), frozenset(wild)
