"""JSON from strangers: its size, depth and numbers are bounded before and while it is parsed."""

import json
import re

from django.http import UnreadablePostError
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from issues.limits import JSON_DEPTH, JSON_INTEGER, JSON_KEYS, refusal

STRINGS = re.compile(r'"(?:[^"\\]|\\.)*+"?', re.DOTALL)


class StrictJSONParser(BaseParser):
    """Parses a body of JSON (RFC 8259) or refuses it with 400 and the place or the limit."""

    media_type = "application/json"

    def parse(self, stream, media_type=None, parser_context=None):
        try:
            text = stream.read().decode()
        except UnicodeDecodeError as error:
            raise ParseError(f"The body is not UTF-8 at byte {error.start}.") from error
        except UnreadablePostError as error:
            raise ParseError("The body ended early.") from error
        return parse(text)


def parse(text):
    """The value of a JSON text; ParseError for anything that is none or is over a limit."""
    if depth(text) > JSON_DEPTH:
        raise ParseError(f"JSON is nested deeper than {JSON_DEPTH}.")
    if text.count(":") > JSON_KEYS and len(STRINGS.sub("", text)) and keys(text) > JSON_KEYS:
        raise ParseError(f"JSON has more than {JSON_KEYS} keys.")
    unfit = []
    try:
        value = json.loads(
            text,
            parse_int=lambda digits: integer(digits, unfit),
            parse_float=lambda digits: number(digits, unfit),
            parse_constant=lambda name: refused(f"{name} is not JSON.", unfit),
        )
    except json.JSONDecodeError as error:
        raise ParseError(f"JSON parse error at character {error.pos}: {error.msg}.") from error
    # What no database takes can stand in JSON only escaped.
    if (unfit or "\\u" in text) and (unclean := find_unclean(value)):
        raise ParseError(unclean)
    return value


def depth(text):
    """The deepest nesting of brackets outside strings, in one pass."""
    level = deepest = 0
    for bracket in re.findall(r"[\[\]{}]", STRINGS.sub("", text)):
        level += 1 if bracket in "[{" else -1
        deepest = max(deepest, level)
    return deepest


def keys(text):
    return STRINGS.sub("", text).count(":")


class Unfit(str):
    """Stands in a parsed value for a number that is none, and says why, until its place is known."""


def refused(reason, unfit):
    unfit.append(reason)
    return Unfit(reason)


def integer(digits, unfit):
    if len(digits) > 17 or abs(int(digits)) >= JSON_INTEGER:
        return refused(f"The number {digits[:20]} is out of range.", unfit)
    return int(digits)


def number(digits, unfit):
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        return refused(f"The number {digits[:20]} is out of range.", unfit)
    return value


def find_unclean(value):
    """What is wrong with the first part of `value` that cannot be kept, nested as it is; or None."""
    if isinstance(value, Unfit):
        return [str(value)]
    if isinstance(value, str):
        reason = refusal(value)
        return reason and [reason]
    if isinstance(value, dict):
        for key, inner in value.items():
            if reason := refusal(key):
                return [f"A key: {reason}"]
            if unclean := find_unclean(inner):
                return {key: unclean}
    if isinstance(value, list):
        for index, inner in enumerate(value):
            if unclean := find_unclean(inner):
                return {index: unclean}
    return None
