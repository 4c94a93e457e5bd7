"""Forms of the pages: they check what a browser posts, set fields of an issue and save it."""

import csv
import re

from django import forms
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import Q

from issues import lookups, markdown, rows
from issues.filters import NEWEST_FIRST
from issues.limits import LABEL_KEY, LABEL_VALUE, LABELS, QUERY, TEXT, TITLE, refusal
from issues.models import HistoryEntry, Issue, Level, Space
from issues.models.base import VersionConflict
from issues.models.sets import show_label
from issues.policy import may

LINE_END = re.compile("\r\n?")
NEWLINES = re.compile("[\r\n]+")
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
OPEN = ",".join(Issue.OPEN)
DONE = ",".join(Issue.DONE)


class ExactForm(forms.Form):
    """A form whose texts are kept as typed; what no database takes is shown replaced, and refused."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.refused = {}
        if self.is_bound:
            self.take(self.data)

    def take(self, data):
        self.data = data.copy()
        for name, values in data.lists():
            if reason := next(filter(None, map(refusal, values)), None):
                self.refused[name] = reason
                self.data.setlist(name, [UNSTORABLE.sub("\ufffd", value) for value in values])

    def clean(self):
        for name, reason in self.refused.items():
            self.add_error(name if name in self.fields else None, reason)
        return super().clean()

    def add_errors(self, error):
        """Show what `save()` refused, at its field if this form has it."""
        if not hasattr(error, "error_dict"):
            self.add_error(None, error)
            return
        for name, errors in error.error_dict.items():
            self.add_error(name if name in self.fields else None, errors)


class LineField(forms.CharField):
    """A text kept as typed; how long it may be only the server says, since browsers count otherwise."""

    def __init__(self, **kwargs):
        super().__init__(**{"strip": False, "required": False} | kwargs)

    def widget_attrs(self, widget):
        return {}


class TextField(LineField):
    """A text of many lines; their ends, which a browser rewrites, come as LF."""

    widget = forms.Textarea

    def __init__(self, **kwargs):
        super().__init__(**{"max_length": TEXT} | kwargs)

    def to_python(self, value):
        return LINE_END.sub("\n", super().to_python(value))


class TitleField(LineField):
    def __init__(self, **kwargs):
        super().__init__(**{"max_length": TITLE} | kwargs)

    def validate(self, value):
        super().validate(value)
        if "\n" in value or "\r" in value:
            raise ValidationError("A title is one line.")


class LevelField(forms.ModelChoiceField):
    def __init__(self, **kwargs):
        super().__init__(
            Level.objects.none(), to_field_name="uuid", required=False, empty_label="No level", **kwargs
        )

    def label_from_instance(self, level):
        return f"{level.name} · {level.get_severity_display()}"


class PersonField(forms.ModelChoiceField):
    def __init__(self, **kwargs):
        people = get_user_model().objects.none()
        super().__init__(people, to_field_name="uuid", required=False, empty_label="Nobody", **kwargs)


class LabelsField(LineField):
    """Labels in one line: `key: value, tag`; one that has a comma stands in quotes."""

    widget = forms.TextInput(attrs={"autocomplete": "off"})

    def __init__(self, **kwargs):
        most = LABELS * (LABEL_KEY + LABEL_VALUE + 6)
        super().__init__(**{"max_length": most, "help_text": "key: value, tag"} | kwargs)


def levels_for(space_ids, present=None):
    """The levels that may be chosen in these spaces, and the one that is there already."""
    return Level.objects.of(space_ids).filter(Q(is_active=True) | Q(pk=present))


def people_for(space_ids, present=None):
    """The people who may be chosen in these spaces, and the one who is there already."""
    members = lookups.people_of(space_ids).values("pk")
    return get_user_model().objects.filter(Q(pk__in=members) | Q(pk=present))


def label_tokens(text):
    """The labels named in a line, as they stand there."""
    found = next(csv.reader([NEWLINES.sub(" ", text)], skipinitialspace=True), [])
    return [token.strip() for token in found if token.strip()]


def label_line(labels):
    """The line that names these labels."""
    tokens = [NEWLINES.sub(" ", show_label(key, value)[1]) for key, value in labels.items()]
    quoted = [
        '"' + token.replace('"', '""') + '"' if "," in token or '"' in token else token for token in tokens
    ]
    return ", ".join(quoted)


def parse_labels(tokens):
    """{key: value} of tokens as they are typed."""
    found = {}
    for token in tokens:
        key, _, value = token.partition(":")
        found[key.strip()] = value.strip()
    return found


def label_changes(labels, text):
    """(labels to add, keys to remove) that turn `labels`, as they were shown, into the line `text`.

    Labels are compared as they were shown, so one that a line cannot say stays as it is.
    """
    shown = {next(iter(label_tokens(label_line({key: value}))), ""): key for key, value in labels.items()}
    tokens = label_tokens(text)
    added = parse_labels(token for token in tokens if token not in shown)
    removed = {key for token, key in shown.items() if token not in tokens}
    return added, removed - added.keys()


def as_edited(text, stored):
    """`text` from a browser with the line ends of `stored`, and `stored` itself if nothing else differs."""
    if markdown.same_but_for_line_ends(text, stored):
        return stored
    return text.replace("\n", "\r\n") if "\r\n" in stored else text


class IssueCreateForm(ExactForm):
    """A new issue in one of the spaces in which the person may write."""

    space = forms.ModelChoiceField(Space.objects.none(), to_field_name="key", empty_label=None)
    title = TitleField(help_text="Left empty, it is the first line of the description.")
    description = TextField(help_text="Markdown")
    level = LevelField()
    assignee = PersonField()
    labels = LabelsField()
    is_anonymous = forms.BooleanField(
        required=False, label="Anonymous", help_text="Nobody will see that you reported this."
    )

    def __init__(self, request, data=None, **kwargs):
        super().__init__(data, **kwargs)
        self.user = request.user
        self.spaces = [pk for pk in request.user.space_roles() if may(request, "write", pk)]
        self.fields["space"].queryset = Space.objects.filter(pk__in=self.spaces)
        self.fields["level"].queryset = levels_for(self.spaces).select_related("space")
        self.fields["assignee"].queryset = people_for(self.spaces)
        self.fields["description"].widget.attrs["rows"] = 12
        if len(self.spaces) > 1:
            self.fields["level"].label_from_instance = level_with_space

    def clean(self):
        values = super().clean()
        if not (values.get("title", "x").strip() or values.get("description", "x").strip()):
            self.add_error("title", "Give a title or a description.")
        space, level, person = (values.get(name) for name in ("space", "level", "assignee"))
        if space and level and level.space_id not in (None, space.pk):
            self.add_error("level", f"It is a level of another space than {space.key}.")
        if space and person and not lookups.people_of([space.pk]).filter(pk=person.pk).exists():
            self.add_error("assignee", f"{person} is not a member of {space.key}.")
        return values

    def save(self):
        """The new issue, or None where `errors` say why not."""
        if not self.is_valid():
            return None
        values = dict(self.cleaned_data)
        labels = parse_labels(label_tokens(values.pop("labels")))
        issue = Issue(reporter=self.user, **values)
        issue.labels = labels
        try:
            issue.save()
        except ValidationError as error:
            self.add_errors(error)
            return None
        return issue


def level_with_space(level):
    name = f"{level.name} · {level.get_severity_display()}"
    return f"{name} ({level.space.key})" if level.space else name


class IssueChangeForm(ExactForm):
    """Changes of an issue by somebody who saw it at `version`.

    A field that others changed since then is a conflict if this person changed it too; then `conflicts`
    holds the history documents of the others' changes, nothing is saved, and sending the form again, with
    the version of now, puts this person's values in place.
    """

    version = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=0, max_value=2**63 - 1)

    def __init__(self, issue, data=None, **kwargs):
        super().__init__(data, **kwargs)
        self.issue = issue
        self.conflicts = []
        self.seen = issue.version

    @property
    def status(self):
        """The HTTP status of a page that shows this form again."""
        return 409 if self.conflicts else 422

    def names(self):
        return [name for name in self.fields if name != "version"]

    def save(self):
        """Whether it is saved; if not, `errors` or `conflicts` say why."""
        if not self.is_valid():
            return self.show_again()
        others = self.changes_since()
        for name in self.names():
            self.take_over(name, others.get(name, []))
        if self.conflicts:
            return False
        self.issue.expected_versions = {self.issue.version}
        try:
            self.issue.save()
        except VersionConflict:
            # Somebody was quicker by a moment: what they changed is looked at as well.
            self.issue.refresh_from_db()
            return self.save()
        except ValidationError as error:
            self.add_errors(error)
            return self.show_again()
        return True

    def show_again(self):
        version = self.cleaned_data.get("version")
        self.seen = self.issue.version if version is None else version
        return False

    def take_over(self, name, entries):
        """Set the field to what was posted, unless this person left it alone and `entries` are others'."""
        value = self.value(name)
        if entries and self.is_same(name, value, entries[0]["old_value"]):
            return
        if entries and value != getattr(self.issue, name):
            self.conflicts += entries
        else:
            setattr(self.issue, name, value)

    def value(self, name):
        return self.cleaned_data[name]

    def is_same(self, name, value, recorded):
        """Whether `value` is what history recorded."""
        return (str(value.uuid) if hasattr(value, "uuid") else value) == recorded

    def changes_since(self):
        """{field: history documents} of what happened after the version that the person saw."""
        version = self.cleaned_data["version"]
        if version is None or version >= self.issue.version:
            return {}
        entries = HistoryEntry.objects.filter(issue=self.issue, version__gt=version, field__in=self.names())
        found = {}
        for document in rows.history_documents(rows.history(entries.order_by("position"))):
            found.setdefault(document["field"], []).append(document)
        return found


class IssueEditForm(IssueChangeForm):
    """The texts of an issue."""

    title = TitleField()
    description = TextField()

    def __init__(self, issue, data=None):
        initial = {"title": issue.title, "description": issue.description}
        super().__init__(issue, data, initial=initial)
        self.fields["description"].widget.attrs["rows"] = 20

    def clean(self):
        values = super().clean()
        if not (values.get("title", "x").strip() or values.get("description", "x").strip()):
            self.add_error("title", "An issue needs a title or a description.")
        return values

    def value(self, name):
        value = super().value(name)
        return as_edited(value, self.issue.description) if name == "description" else value

    def is_same(self, name, value, recorded):
        if name == "description" and recorded is not None:
            return markdown.same_but_for_line_ends(value, recorded)
        return super().is_same(name, value, recorded)


class IssueUpdateForm(IssueChangeForm):
    """What stands beside an issue; only what is posted is changed."""

    status = forms.ChoiceField(choices=Issue.Status.choices)
    level = LevelField()
    assignee = PersonField()
    labels = LabelsField()

    def __init__(self, issue, data=None, labels=None):
        initial = {
            "status": issue.status,
            "level": issue.level and issue.level.uuid,
            "assignee": issue.assignee and issue.assignee.uuid,
            "labels": label_line(labels or {}),
        }
        super().__init__(issue, data, initial=initial)
        self.fields["level"].queryset = levels_for([issue.space_id], issue.level_id)
        self.fields["assignee"].queryset = people_for([issue.space_id], issue.assignee_id)
        if data is not None:
            self.fields = {n: field for n, field in self.fields.items() if n in data or n == "version"}

    def take_over(self, name, entries):
        if name != "labels":
            super().take_over(name, entries)
            return
        labels = self.issue.labels
        added, removed = label_changes(labels_before(labels, entries), self.cleaned_data["labels"])
        # Others may change other labels at the same time.
        clashing = {key for key, value in added.items() if labels.get(key) != value} | removed & labels.keys()
        self.conflicts += [entry for entry in entries if label_of(entry)["key"] in clashing]
        self.issue.wish("labels", add=added, remove=removed)


def label_of(entry):
    return entry["new_value"] or entry["old_value"]


def labels_before(labels, entries):
    """What `labels` were before these entries, oldest first."""
    labels = dict(labels)
    for entry in reversed(entries):
        old = entry["old_value"]
        if old is None:
            labels.pop(label_of(entry)["key"], None)
        else:
            labels[old["key"]] = old["value"]
    return labels


class IssueListForm(forms.Form):
    """The filters of the list as controls; what they mean, `IssueFilter` checks."""

    q = forms.CharField(label="Text", max_length=QUERY, widget=forms.TextInput(attrs={"type": "search"}))
    status = forms.ChoiceField()
    level = forms.ChoiceField()
    assignee = forms.ChoiceField()
    space = forms.ChoiceField()
    label = forms.CharField(widget=forms.TextInput(attrs={"placeholder": "key or key:value"}))
    sort = forms.ChoiceField(
        choices=[
            (NEWEST_FIRST, "Newest first"),
            ("number", "Oldest first"),
            ("-updated", "Last changed first"),
            ("updated", "Longest unchanged first"),
            ("level", "Most urgent first"),
        ]
    )
    use_required_attribute = False

    def __init__(self, params, spaces, levels, people):
        super().__init__(initial={"sort": NEWEST_FIRST} | params, auto_id="filter_%s")
        self.choose(
            "status", [("", "Any status"), (OPEN, "All open"), (DONE, "All done"), *Issue.Status.choices]
        )
        self.choose("level", [("", "Any level"), *levels, ("none", "No level")])
        self.choose("assignee", [("", "Anybody"), ("me", "Me"), ("none", "Nobody"), *people])
        self.choose("space", [("", "All spaces"), *spaces])
        self.choose("sort", self.fields["sort"].choices)
        if len(spaces) < 2 and "space" not in params:
            del self.fields["space"]

    def choose(self, name, choices):
        """Offer `choices`, and what the address says already."""
        value = self.initial.get(name, "")
        known = any(value == choice for choice, _ in choices)
        self.fields[name].choices = choices if known else [*choices, (value, value)]
