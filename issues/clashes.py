"""What two people changed of an issue at once, as it is offered to the second of them."""

from dataclasses import dataclass
from datetime import date

from django import forms
from django.utils.translation import gettext

from issues import markdown
from issues.diff import word_diff
from issues.limits import TEXT
from issues.merge import merge

# The texts of many lines, which are merged; of every other field one value or the other is chosen.
MERGED = frozenset({"description", "error_message"})


@dataclass(frozen=True, slots=True)
class Clash:
    """A field in two values: `mine` and `theirs` as they are sent and, `…_shown`, as they are read.

    Of a text, `merged` has both edits, theirs before mine in the places, `overlaps` many, that both changed;
    `mine_diff` and `theirs_diff` say what each did.
    """

    name: str
    label: str
    mine: str
    theirs: str
    mine_shown: str
    theirs_shown: str
    merged: str | None = None
    overlaps: int = 0
    mine_diff: list | None = None
    theirs_diff: list | None = None


def clashes_of(form):
    """The Clashes of an IssueChangeForm with `conflicts`, in the order of its fields."""
    names = {entry["field"] for entry in form.conflicts}
    return [clash_of(form, name) for name in form.names() if name in names]


def clash_of(form, name):
    bound, field = form[name], form.fields[name]
    mine, theirs = form.cleaned_data[name], getattr(form.issue, name)
    if name in MERGED:
        base = next(entry["old_value"] for entry in form.conflicts if entry["field"] == name)
        return text_clash(name, bound.label, base, mine, theirs)
    if name in form.LINES:
        mine, theirs = form.data[name], form.LINES[name](theirs)
    sides = [sent(mine), sent(theirs)]
    return Clash(name, bound.label, *sides, shown(field, mine), shown(field, theirs))


def text_clash(name, label, base, mine, theirs):
    """The Clash of a text that this person saw as `base`, None where that has been blanked since."""
    mine, theirs = markdown.unified(mine), markdown.unified(theirs)
    if base is None:
        return Clash(name, label, mine, theirs, mine, theirs, merged=mine)
    base = markdown.unified(base)
    merged, overlaps = merge(base, theirs, mine)
    if len(merged) > TEXT:
        merged = mine
    diffs = [word_diff(base, text) for text in (mine, theirs)]
    return Clash(name, label, mine, theirs, mine, theirs, merged, overlaps, *diffs)


def sent(value):
    """A value as a form sends it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return value.isoformat()
    return "" if value is None else str(getattr(value, "uuid", value))


def shown(field, value):
    """A value as people read it."""
    if isinstance(value, bool):
        return gettext("Yes") if value else gettext("No")
    if value is None or value == "":
        return gettext("None")
    if isinstance(field, forms.ChoiceField) and not isinstance(field, forms.ModelChoiceField):
        return str(dict(field.choices).get(value, value))
    return str(value)
