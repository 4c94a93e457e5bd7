"""What Datadog calls things."""

from dataclasses import dataclass, field

from issues.like import UPPER
from tracker.dialects.vocabulary import Words

STATE = Words(
    {
        "open": "OPEN",
        "acknowledged": "ACKNOWLEDGED",
        "in_progress": "ACKNOWLEDGED",
        "pending": "ACKNOWLEDGED",
        "resolved": "RESOLVED",
        "closed": "RESOLVED",
        "ignored": "IGNORED",
        "excluded": "EXCLUDED",
    },
    {
        "OPEN": "open",
        "ACKNOWLEDGED": "acknowledged",
        "RESOLVED": "resolved",
        "IGNORED": "ignored",
        "EXCLUDED": "excluded",
    },
)
# The status of a case, by the state of its issue; it is closed where none stands here.
CASE = {"OPEN": "OPEN", "ACKNOWLEDGED": "IN_PROGRESS"}
CLOSED = "CLOSED"
# By the severity of a level.
PRIORITY = {"critical": "P1", "high": "P2", "medium": "P3", "low": "P4", None: "NOT_DEFINED"}

TRACKS = ("trace", "logs", "rum")
# {order_by: name of an order of windows}
ORDERS = {
    "TOTAL_COUNT": "total",
    "FIRST_SEEN": "first_seen",
    "IMPACTED_SESSIONS": "sessions",
    "PRIORITY": "level",
}
UNKNOWN = "UNKNOWN"


@dataclass(frozen=True)
class Spelled:
    """Words of Datadog's for texts that others write as they like: in any case, or as one of `others`."""

    words: frozenset
    others: dict = field(default_factory=dict)

    def shown(self, text):
        """The word for a text; a client takes no other."""
        text = text.translate(UPPER)
        word = self.others.get(text, text)
        return word if word in self.words else UNKNOWN

    def spellings(self, word):
        return [word, *(text for text, meant in self.others.items() if meant == word)]


PLATFORM = Spelled(
    frozenset(("ANDROID", "BACKEND", "BROWSER", "FLUTTER", "IOS", "REACT_NATIVE", "ROKU")),
    dict.fromkeys(("REACT-NATIVE", "REACT NATIVE"), "REACT_NATIVE"),
)
# {persona: its platforms}; BACKEND has all others, and ALL has all.
PERSONAS = {
    "ALL": (),
    "BROWSER": ("BROWSER",),
    "MOBILE": ("ANDROID", "IOS", "FLUTTER", "REACT_NATIVE"),
    "BACKEND": (),
}
LANGUAGE = Spelled(
    frozenset(
        (
            "BRIGHTSCRIPT", "C", "C_PLUS_PLUS", "C_SHARP", "CLOJURE", "DOT_NET", "ELIXIR", "ERLANG", "GO",
            "GROOVY", "HASKELL", "HCL", "JAVA", "JAVASCRIPT", "JVM", "KOTLIN", "OBJECTIVE_C", "PERL", "PHP",
            "PYTHON", "RUBY", "RUST", "SCALA", "SWIFT", "TERRAFORM", "TYPESCRIPT",
        )
    ),
    {
        "C++": "C_PLUS_PLUS",
        "CPP": "C_PLUS_PLUS",
        "C#": "C_SHARP",
        ".NET": "DOT_NET",
        "DOTNET": "DOT_NET",
        "OBJECTIVE-C": "OBJECTIVE_C",
    },
)  # fmt: skip
