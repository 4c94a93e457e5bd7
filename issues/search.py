"""Where words are searched: the one place that knows how a text is found in an issue and its comments."""

from django.db.models import Q

from issues.like import like

# Functions (user, pattern) -> Q on issues: what else belongs to an issue's text. Apps add theirs.
SOURCES = []


def text_condition(user, text, wild=frozenset()):
    """A Q on issues that holds where a word or phrase stands in what `user` may read of them.

    `wild` are the places in `text` of a `*` or `?` that stands for other characters.
    """
    pattern = like(text, wild, is_part=True)
    condition = Q(title__like=pattern) | Q(description__like=pattern)
    for source in SOURCES:
        condition |= source(user, pattern)
    return condition
