"""What a door's words mean, and the sticky write: the one way in which any of them writes a field.

Doors know fewer words than the tracker: five ways to be done may all read `resolved`. So what a client writes
is left alone where it only repeats what the door shows; anything else is taken for what it means. Reading a
document and writing it back then changes nothing, in no other door either (contract, section 6.4).
"""

from dataclasses import dataclass

from issues.models.fields import canonical

# The system level that stands for a severity where a door names no level of its own.
LEVELS = {"critical": "P0", "high": "P1", "medium": "P2", "low": "P3"}


@dataclass(frozen=True)
class Words:
    """A door's words for the values of a field: `shown` is {value: word}, `meant` is {word: value}."""

    shown: dict
    meant: dict

    def values(self, word):
        """The values that the door shows as `word`, which is what its filters select."""
        return [value for value, shown in self.shown.items() if shown == word]


def changed(sent, shown):
    """What of the object `sent` is not just what the door shows, {name: value}.

    What a client only repeats is neither parsed nor checked.
    """
    return {
        name: value
        for name, value in sent.items()
        if name not in shown or canonical(value) != canonical(shown[name])
    }
