"""The size of everything that comes in, and the words that refuse more."""

from django.utils.translation import gettext

TITLE = 500
NAME = 256
TEXT = 65_535
QUERY = 2_000
LABELS = 50
LABEL_KEY = 64
LABEL_VALUE = 256
JSON_DEPTH = 32
JSON_KEYS = 2_000
JSON_INTEGER = 2**53
QUERY_STRING = 4_096
PARAMETERS = 100
HEADER = 8_192
HEADERS = 100
PAGE = 100
BULK = 1_000
READ = 5_000
COMMENTS = 10_000
ATTACHMENTS = 20
ATTACHMENT_SIZE = 20 * 1024**2
ATTACHMENT_QUOTA = 10 * 1024**3
UPLOAD = 100 * 1024**2
TARGETS = 20
WEBHOOKS = 20
EXTENSIONS = 262_144
VIEWS = 100


def refusal(text):
    """Why `text` cannot be stored on every database, or None: NUL and lone surrogates have no place there."""
    if "\x00" in text:
        return gettext("NUL characters are not allowed.")
    try:
        text.encode()
    except UnicodeEncodeError:
        return gettext("Lone surrogates are not allowed.")
    return None
