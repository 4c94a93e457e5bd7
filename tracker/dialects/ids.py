"""Ids as the doors write them: one UUID as text, as 32 hex, as a ULID, or as 32 hex behind a prefix."""

import re
from uuid import UUID

from issues.lookups import as_uuid

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# 26 characters of 5 bits hold 130; a first one above 7 would be more than the 128 of a UUID.
ULID = re.compile(r"[0-7ILO][0-9A-TV-Z]{25}", re.IGNORECASE | re.ASCII)
# What Python's own base 32 calls these digits; I and L are read as 1, O as 0.
DIGITS = str.maketrans(CROCKFORD + "ILO", "0123456789ABCDEFGHIJKLMNOPQRSTUV" + "110")


def hex_of(uuid):
    """32 hexadecimal digits."""
    return uuid.hex


def ulid_of(uuid):
    """The 26 characters of the same 128 bits as a ULID."""
    return "".join(CROCKFORD[uuid.int >> shift & 31] for shift in range(125, -1, -5))


def prefixed(prefix, uuid):
    """`issue_0190a6c4…`: the 32 hex behind the word for their kind; of a UUID or of its text."""
    return f"{prefix}_{str(uuid).replace('-', '')}"


def parse(text, prefix=None):
    """The UUID that `text` spells as a uuid, as 32 hex or as a ULID, in either case; None if it spells none.

    With `prefix` only that prefix with 32 hex behind it spells one.
    """
    if not isinstance(text, str):
        return None
    if prefix is not None:
        head, _, digits = text.partition("_")
        return as_uuid(digits) if head == prefix and len(digits) == 32 else None
    if ULID.fullmatch(text):
        return UUID(int=int(text.upper().translate(DIGITS), 32))
    return as_uuid(text)
