"""Forms of the pages: they check what a browser posts, set fields of an issue and save it."""

import csv
import json
import re
from contextlib import suppress
from datetime import date
from itertools import groupby
from uuid import UUID

from django import forms
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import Q, Value
from django.utils.functional import cached_property
from django.utils.text import format_lazy
from django.utils.translation import gettext, gettext_lazy

from issues import lookups, markdown, rows
from issues.clashes import clashes_of
from issues.language import inside, spoken
from issues.limits import (
    ATTACHMENT_SIZE,
    ATTACHMENTS,
    LABEL_KEY,
    LABEL_VALUE,
    LABELS,
    QUERY,
    TEXT,
    TITLE,
    refusal,
)
from issues.models import Channel, HistoryEntry, Issue, Level, Project, Space, Subscription, Team
from issues.models.attachment import Attachment, attach, check_room, check_upload, spelled
from issues.models.base import VersionConflict
from issues.models.rendered import own_links
from issues.models.sets import SETS, show_label
from issues.orders import NEWEST_FIRST, RELEVANCE
from issues.policy import may
from issues.trail import ACTIONS, SOURCES

LINE_END = re.compile("\r\n?")
NEWLINES = re.compile("[\r\n]+")
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
OPEN = ",".join(Issue.OPEN)


class ExactForm(forms.Form):
    """A form whose texts are kept as typed; what no database takes is shown replaced, and refused.

    WORDS is the text that may show files.
    """

    WORDS = None

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

    def attachments(self, space, by, owner=None):
        """Attachments, not saved yet, of the files that came with `file`, and those that wait for the text.

        None where `errors` say why not.
        """
        uploads, text = self.cleaned_data["file"], self.cleaned_data.get(self.WORDS, "")
        try:
            check_room(uploads, space, owner)
            files = [Attachment.of(upload, space=space, by=by) for upload in uploads]
            return files + list(Attachment.objects.waiting(by, text).filter(space=space))
        except ValidationError as error:
            self.add_errors(error)
            return None

    def add_errors(self, error):
        """Show what `save()` refused, at its field if this form has it."""
        if not hasattr(error, "error_dict"):
            self.add_error(None, error)
            return
        for name, errors in error.error_dict.items():
            self.add_error(name if name in self.fields else None, errors)


def preview(form, name, space_id):
    """The text `name` of a bound form as it would be shown if it were saved, as safe HTML."""
    text = LINE_END.sub("\n", form.data.get(name, ""))[:TEXT]
    text_format = form.data.get(f"{name}_format", Issue.Format.MARKDOWN)
    if text_format not in Issue.Format.values:
        text_format = Issue.Format.TEXT
    return markdown.safe(markdown.render(text, text_format, own_links(space_id, text)))


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
        super().__init__(**{"label": gettext_lazy("Title"), "max_length": TITLE} | kwargs)

    def validate(self, value):
        super().validate(value)
        if "\n" in value or "\r" in value:
            raise ValidationError(gettext("A title is one line."))


class FilesInput(forms.FileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Any number of files at once: a list of uploads."""

    widget = FilesInput

    def __init__(self, **kwargs):
        help_text = format_lazy(
            gettext_lazy("Up to {number} files of {size} each."),
            number=ATTACHMENTS,
            size=spelled(ATTACHMENT_SIZE),
        )
        super().__init__(
            **{"label": gettext_lazy("Files"), "required": False, "help_text": help_text} | kwargs
        )

    def clean(self, data, initial=None):
        uploads = data or []
        if self.required and not uploads:
            raise ValidationError(gettext("Choose a file."))
        if len(uploads) > ATTACHMENTS:
            raise ValidationError(gettext("At most {} files.").format(ATTACHMENTS))
        for upload in uploads:
            try:
                check_upload(upload)
            except ValidationError as error:
                raise ValidationError([f"{upload.name}: {text}" for text in error.messages]) from error
        return uploads


class LevelField(forms.ModelChoiceField):
    def __init__(self, **kwargs):
        super().__init__(
            Level.objects.none(),
            label=gettext_lazy("Level"),
            to_field_name="uuid",
            required=False,
            empty_label=gettext_lazy("No level"),
            **kwargs,
        )

    def label_from_instance(self, level):
        return severe(level)


class PersonChoices(forms.models.ModelChoiceIterator):
    def __iter__(self):
        yield "", self.field.empty_label
        people = self.queryset.values_list("uuid", "name", lookups.sign())
        yield from lookups.told_apart(people).items()


class PersonField(forms.ModelChoiceField):
    iterator = PersonChoices

    def __init__(self, **kwargs):
        people = get_user_model().objects.none()
        super().__init__(
            people,
            label=gettext_lazy("Assignee"),
            to_field_name="uuid",
            required=False,
            empty_label=gettext_lazy("Nobody"),
            **kwargs,
        )


class RowField(forms.ModelChoiceField):
    """A row of the issue's space: its project, its environment."""

    def __init__(self, **kwargs):
        super().__init__(Project.objects.none(), to_field_name="uuid", required=False, **kwargs)


class RowsField(forms.ModelMultipleChoiceField):
    """Rows of the issue's space: its teams, its channels."""

    widget = forms.CheckboxSelectMultiple

    def __init__(self, **kwargs):
        super().__init__(Team.objects.none(), to_field_name="uuid", required=False, **kwargs)


class LabelsField(LineField):
    """Labels in one line: `key: value, tag`; one that has a comma stands in quotes."""

    widget = forms.TextInput(attrs={"autocomplete": "off"})

    def __init__(self, **kwargs):
        most = LABELS * (LABEL_KEY + LABEL_VALUE + 6)
        super().__init__(
            **{
                "label": gettext_lazy("Labels"),
                "max_length": most,
                "help_text": gettext_lazy("key: value, tag"),
            }
            | kwargs
        )


def levels_for(space_ids, present=None):
    """The levels that may be chosen in these spaces, and the one that is there already."""
    return Level.objects.of(space_ids).filter(Q(is_active=True) | Q(pk=present))


def people_for(space_ids, present=None):
    """The people who may be chosen in these spaces, and the one who is there already."""
    members = lookups.people_of(space_ids).values("pk")
    return get_user_model().objects.filter(Q(pk__in=members) | Q(pk=present))


def rows_for(issue, name):
    """The rows that may be the issue's `name` (project, teams, …), and those that are already."""
    if name in SETS:
        kind = SETS[name]
        model = kind.related_model
        present = kind.through.objects.filter(issue=issue.pk).values(f"{kind.member}_id")
    else:
        model = Issue._meta.get_field(name).related_model
        present = [pk for pk in [getattr(issue, f"{name}_id")] if pk]
    rows = model.objects.filter(Q(space=issue.space_id, is_active=True) | Q(pk__in=present))
    return rows.filter(is_default=False) if model is Channel else rows


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


def word_line(words):
    """The line that names these words."""
    return label_line(dict.fromkeys(words, ""))


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

    WORDS = "description"

    space = forms.ModelChoiceField(
        Space.objects.none(), label=gettext_lazy("Space"), to_field_name="key", empty_label=None
    )
    title = TitleField(help_text=gettext_lazy("Left empty, it is the first line of the description."))
    description = TextField(label=gettext_lazy("Description"), help_text="Markdown")
    level = LevelField()
    assignee = PersonField()
    labels = LabelsField()
    is_anonymous = forms.BooleanField(
        required=False,
        label=gettext_lazy("Anonymous"),
        help_text=gettext_lazy("Nobody will see that you reported this."),
    )
    file = FilesField()

    def __init__(self, request, data=None, files=None, **kwargs):
        super().__init__(data, files, **kwargs)
        self.user = request.user
        self.spaces = [pk for pk in request.user.space_roles() if may(request, "write", pk)]
        self.fields["space"].queryset = Space.objects.filter(pk__in=self.spaces)
        self.fields["level"].queryset = levels_for(self.spaces).select_related("space")
        self.fields["assignee"].queryset = people_for(self.spaces)
        self.fields["description"].widget.attrs["rows"] = 12
        self.fields["title"].widget.attrs["autofocus"] = True
        if len(self.spaces) > 1:
            self.fields["level"].label_from_instance = level_with_space

    def clean(self):
        values = super().clean()
        if not (values.get("title", "x").strip() or values.get("description", "x").strip()):
            self.add_error("title", gettext("Give a title or a description."))
        space, level, person = (values.get(name) for name in ("space", "level", "assignee"))
        if space and level and level.space_id not in (None, space.pk):
            self.add_error("level", gettext("It is a level of another space than {}.").format(space.key))
        waiting = Attachment.objects.waiting(self.user, values.get("description", ""))
        if space and waiting.exclude(space=space).exists():
            reason = gettext("A file in it was added in another space than {}: add it again.")
            self.add_error("description", reason.format(space.key))
        if space and person and not lookups.people_of([space.pk]).filter(pk=person.pk).exists():
            self.add_error(
                "assignee",
                gettext("{person} is not a member of {space}.").format(person=person, space=space.key),
            )
        return values

    def save(self):
        """The new issue, or None where `errors` say why not."""
        if not self.is_valid():
            return None
        values = dict(self.cleaned_data)
        labels = parse_labels(label_tokens(values.pop("labels")))
        del values["file"]
        issue = Issue(reporter=self.user, **values)
        issue.labels = labels
        files = self.attachments(issue.space, self.user)
        if files is None:
            return None
        try:
            attach(issue, files)
        except ValidationError as error:
            self.add_errors(error)
            return None
        return issue


class AttachForm(ExactForm):
    """Files for an issue that is there."""

    file = FilesField(required=True)

    def __init__(self, *args):
        # The form of a comment on the same page has files too.
        super().__init__(*args, auto_id="attach_%s")

    def save(self, issue, by):
        """Whether the files are on the issue; if not, `errors` say why."""
        files = self.attachments(issue.space, by, issue) if self.is_valid() else None
        if files is None:
            return False
        try:
            attach(issue, files)
        except ValidationError as error:
            self.add_errors(error)
        return not self.errors


def severe(level):
    return f"{level.name} · {gettext(level.get_severity_display())}"


def level_with_space(level):
    name = severe(level)
    return f"{name} ({level.space.key})" if level.space else name


class ChangeForm(ExactForm):
    """What somebody changes who saw an issue at `version`; shown again, the form says `seen` as its version.

    A field that others changed since then is a conflict if this person changed it too; then `conflicts`
    holds the history documents of the others' changes, nothing is saved, and sending the form again, with
    the version of now, puts this person's values in place.
    """

    version = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=0, max_value=2**63 - 1)

    def __init__(self, version, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.conflicts, self.seen, self.left_alone = [], version, set()
        with suppress(ValidationError):
            posted = self.fields["version"].clean(self.data.get("version"))
            self.seen = version if posted is None else posted

    @property
    def status(self):
        """The HTTP status of a page that shows this form again."""
        return 409 if self.conflicts else 422

    @property
    def said_by_others(self):
        """[(who, their conflicting changes, when the last of them was)], in the order of time."""
        by_actor = groupby(self.conflicts, lambda entry: entry["actor"] and entry["actor"]["name"])
        found = [(who, list(entries)) for who, entries in by_actor]
        return [(who, entries, entries[-1]["created_at"]) for who, entries in found]

    def posted(self, but=()):
        """[(name, value)] of what was sent to be sent again, `but` for these fields.

        What others changed and this person left alone is not among it, or it would be set back.
        """
        left_out = {"version", "csrfmiddlewaretoken", *self.left_alone, *but}
        pairs = [(name, value) for name, values in self.data.lists() for value in values]
        # A box that is not ticked is named by `of`.
        return [(name, value) for name, value in pairs if (value if name == "of" else name) not in left_out]

    @property
    def mine(self):
        return self.posted()

    @property
    def theirs(self):
        """What is left to save where the others' values stand."""
        return self.posted(clash.name for clash in self.clashes)


class IssueChangeForm(ChangeForm):
    """Changes of an issue.

    LINES are the fields of which a form shows all in one line, with what makes the line.
    """

    LINES = {}

    def __init__(self, issue, data=None, **kwargs):
        super().__init__(issue.version, data, **kwargs)
        self.issue = issue

    def names(self):
        return [name for name in self.fields if name != "version"]

    def labels(self):
        """{field: what people call it within a sentence}"""
        return {name: inside(self[name].label) for name in self.names()}

    def keep_posted(self):
        """Change what was posted and nothing else; `of` names the boxes that may be there unticked."""
        if self.is_bound:
            posted = {"version", *self.data, *self.data.getlist("of")}
            self.fields = {name: field for name, field in self.fields.items() if name in posted}

    def save(self):
        """Whether it is saved; if not, `errors` or `conflicts` say why."""
        if not self.is_valid():
            return False
        others = self.changes_since()
        for name in self.names():
            self.take_over(name, others.get(name, []))
        if self.conflicts:
            self.seen = self.issue.version
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
            return False
        return True

    @cached_property
    def clashes(self):
        """The fields that this person and others changed, as pages offer them; [] where there are none."""
        return clashes_of(self)

    def take_over(self, name, entries):
        """Set the field to what was posted, unless this person left it alone and `entries` are others'."""
        value = self.value(name)
        if entries and self.is_same(name, value, entries[0]["old_value"]):
            self.left_alone.add(name)
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


def column(name, label=None):
    """A one-line field for a column of the issue, as long as that may be."""
    most = Issue._meta.get_field(name).max_length
    return LineField(max_length=most, label=label)


class IssueEditForm(IssueChangeForm):
    """The texts of an issue, and all the fields that do not stand beside it."""

    LINES = {"annotations": label_line, "languages": word_line}

    title = TitleField()
    description = TextField(label=gettext_lazy("Description"))
    description_format = forms.ChoiceField(
        label=gettext_lazy("Written in"), choices=spoken(Issue.Format.choices)
    )
    kind = column("kind", gettext_lazy("Kind"))
    reason = forms.ChoiceField(label=gettext_lazy("Reason"), choices=spoken(Issue.Reason.choices))
    fingerprint = column("fingerprint", gettext_lazy("Fingerprint"))
    annotations = LabelsField(
        label=gettext_lazy("Annotations"), help_text=gettext_lazy("key: value, other: value")
    )
    is_read = forms.BooleanField(label=gettext_lazy("Read"), required=False)
    is_anonymous = forms.BooleanField(label=gettext_lazy("Anonymous reporter"), required=False)
    resource_type = column("resource_type", gettext_lazy("Type"))
    resource_id = column("resource_id", gettext_lazy("Id"))
    resource_name = column("resource_name", gettext_lazy("Name"))
    alert_id = column("alert_id", gettext_lazy("Alert"))
    error_type = column("error_type", gettext_lazy("Type"))
    error_message = TextField(label=gettext_lazy("Message"))
    service = column("service", gettext_lazy("Service"))
    file_path = column("file_path", gettext_lazy("File"))
    function_name = column("function_name", gettext_lazy("Function"))
    languages = LineField(label=gettext_lazy("Languages"), max_length=2_000, help_text="python, sql")
    platform = column("platform", gettext_lazy("Platform"))
    track = column("track", gettext_lazy("Track"))
    first_version = column("first_version", gettext_lazy("First version"))
    last_version = column("last_version", gettext_lazy("Last version"))
    is_crash = forms.BooleanField(label=gettext_lazy("Crash"), required=False)

    GROUPS = (
        (
            gettext_lazy("Details"),
            ("kind", "reason", "fingerprint", "annotations", "is_read", "is_anonymous"),
        ),
        (gettext_lazy("Source"), ("resource_type", "resource_name", "resource_id", "alert_id")),
        (
            gettext_lazy("Error"),
            (
                "error_type", "error_message", "service", "file_path", "function_name", "languages",
                "platform", "track", "first_version", "last_version", "is_crash",
            ),
        ),
    )  # fmt: skip

    def __init__(self, issue, data=None, user=None):
        initial = {name: getattr(issue, name) for name in self.base_fields if name != "version"}
        initial |= {"annotations": label_line(issue.annotations), "languages": word_line(issue.languages)}
        super().__init__(issue, data, initial=initial)
        self.user = user
        self.fields["description"].widget.attrs["rows"] = 20
        self.fields["error_message"].widget.attrs["rows"] = 4
        if issue.reporter_id != (user and user.pk):
            # Whether they are named is for the reporter to say.
            del self.fields["is_anonymous"]
        self.keep_posted()

    def take_draft(self, draft):
        """Show the texts of a draft; what others wrote since it was begun is a conflict when it is sent."""
        self.initial |= {"title": draft.title or self.initial["title"], "description": draft.text}
        self.seen = self.issue.version if draft.version is None else draft.version

    def groups(self):
        """(heading, bound fields, whether there is something to see) of the fields beside the texts."""
        for heading, names in self.GROUPS:
            fields = [self[name] for name in names if name in self.fields]
            shown = [name for name in names if name not in ("reason", "is_read") and self.initial.get(name)]
            yield heading, fields, bool(shown or any(field.errors for field in fields))

    def clean(self):
        values = super().clean()
        if not (values.get("title", "x").strip() or values.get("description", "x").strip()):
            self.add_error("title", gettext("An issue needs a title or a description."))
        return values

    def value(self, name):
        value = super().value(name)
        if name in ("description", "error_message"):
            return as_edited(value, getattr(self.issue, name))
        if name == "languages":
            stored = self.issue.languages
            return stored if value == word_line(stored) else label_tokens(value)
        return value

    def is_same(self, name, value, recorded):
        if name in ("description", "error_message") and recorded is not None:
            return markdown.same_but_for_line_ends(value, recorded)
        return super().is_same(name, value, recorded)

    def take_over(self, name, entries):
        if name == "annotations":
            self.take_over_annotations(entries)
            return
        super().take_over(name, entries)
        if name == "description" and self.user:
            files = Attachment.objects.waiting(self.user, self.issue.description)
            self.issue.wish("attachments", add=list(files.filter(space=self.issue.space_id)))

    def take_over_annotations(self, entries):
        seen = json.loads(entries[0]["old_value"] or "{}") if entries else self.issue.annotations
        added, removed = label_changes(seen, self.cleaned_data["annotations"])
        if not (added or removed):
            return
        kept = {key: value for key, value in self.issue.annotations.items() if key not in removed}
        if entries:
            self.conflicts += entries
            self.data["annotations"] = label_line(kept | added)
        else:
            self.issue.annotations = kept | added


class IssueUpdateForm(IssueChangeForm):
    """What stands beside an issue; only what is posted is changed."""

    LINES = {"labels": label_line}

    status = forms.ChoiceField(label=gettext_lazy("Status"), choices=spoken(Issue.Status.choices))
    resolution = forms.ChoiceField(
        label=gettext_lazy("Resolution"),
        choices=[("", gettext_lazy("None")), *spoken(Issue.Resolution.choices)],
        required=False,
    )
    level = LevelField()
    assignee = PersonField()
    labels = LabelsField()
    project = RowField(label=gettext_lazy("Project"), empty_label=gettext_lazy("None"))
    environment = RowField(label=gettext_lazy("Environment"), empty_label=gettext_lazy("None"))
    teams = RowsField(label=gettext_lazy("Teams"))
    channels = RowsField(label=gettext_lazy("Channels"))
    due_on = forms.DateField(
        label=gettext_lazy("Due"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        input_formats=["%Y-%m-%d"],
    )

    SETS = ("teams", "channels")
    ROWS = ("project", "environment", *SETS)
    # {field: (key that leads to it, what the key does)}
    KEYS = {
        "assignee": ("a", gettext_lazy("Assign")),
        "level": ("p", gettext_lazy("Set the level")),
        "status": ("s", gettext_lazy("Set the status")),
        "labels": ("l", gettext_lazy("Label")),
    }

    def __init__(self, issue, data=None, labels=None, members=None):
        """`members` are the uuids of the issue's teams and channels, {set: [uuid]}, to be shown."""
        initial = {
            "status": issue.status,
            "resolution": issue.resolution or "",
            "level": issue.level and issue.level.uuid,
            "assignee": issue.assignee and issue.assignee.uuid,
            "labels": label_line(labels or {}),
            "project": issue.project and issue.project.uuid,
            "environment": issue.environment and issue.environment.uuid,
            "due_on": issue.due_on,
        }
        super().__init__(issue, data, initial=initial | (members or {}))
        self.fields["level"].queryset = levels_for([issue.space_id], issue.level_id)
        self.fields["assignee"].queryset = people_for([issue.space_id], issue.assignee_id)
        for name in self.ROWS:
            self.fields[name].queryset = rows_for(issue, name)
        for name, (key, deed) in self.KEYS.items():
            known = {"data-keys": key, "data-group": gettext("Change"), "data-name": deed}
            self.fields[name].widget.attrs.update(known)
        self.keep_posted()
        if not self.is_bound:
            self.offer_rows()
            if issue.status not in Issue.DONE:
                del self.fields["resolution"]

    def offer_rows(self):
        """Read what the fields of people and rows offer, in one statement for all of them."""
        fields = {name: self.fields[name] for name in ("assignee", *self.ROWS)}
        offers = [
            field.queryset.order_by().values_list(
                Value(name), "uuid", "name", Value("") if name in self.ROWS else lookups.sign()
            )
            for name, field in fields.items()
        ]
        rows = sorted(offers[0].union(*offers[1:], all=True), key=lambda row: row[2].casefold())
        for name, field in fields.items():
            none = [] if name in self.SETS else [("", field.empty_label)]
            own = [row for kind, *row in rows if kind == name]
            shown = [row[:2] for row in own] if name in self.ROWS else lookups.told_apart(own).items()
            field.choices = [*none, *shown]

    def value(self, name):
        value = super().value(name)
        return None if name == "resolution" and value == "" else value

    def is_same(self, name, value, recorded):
        if isinstance(value, date):
            value = value.isoformat()
        return super().is_same(name, value, recorded)

    def take_over(self, name, entries):
        if name == "labels":
            self.take_over_labels(entries)
        elif name in self.SETS:
            self.take_over_members(name, entries)
        elif name == "resolution" and "status" in self.changed_data and name not in self.changed_data:
            # It was shown with the status of before, and goes as that goes.
            pass
        else:
            super().take_over(name, entries)

    def take_over_labels(self, entries):
        labels = self.issue.labels
        added, removed = label_changes(labels_before(labels, entries), self.cleaned_data["labels"])
        # Others may change other labels at the same time.
        clashing = {key for key, value in added.items() if labels.get(key) != value} | removed & labels.keys()
        clashes = [entry for entry in entries if label_of(entry)["key"] in clashing]
        if clashes:
            # What others did beside it stands, whatever the person decides.
            kept = {key: value for key, value in labels.items() if key not in removed}
            self.data["labels"] = label_line(kept | added)
            self.conflicts += clashes
        self.issue.wish("labels", add=added, remove=removed)

    def take_over_members(self, name, entries):
        """Add and remove what this person did, and leave what others did meanwhile."""
        known = dict(self.fields[name].queryset.values_list("uuid", "pk"))
        present = getattr(self.issue, name)
        seen = members_before({uuid for uuid, pk in known.items() if pk in present}, entries)
        posted = {row.uuid for row in self.cleaned_data[name]}
        added, removed = (
            [known[uuid] for uuid in uuids & known.keys()] for uuids in (posted - seen, seen - posted)
        )
        self.issue.wish(name, add=added, remove=removed)
        if entries:
            # As with labels, what others did stands.
            there = {uuid for uuid, pk in known.items() if pk in present}
            self.data.setlist(name, map(str, (there | posted - seen) - (seen - posted)))


def members_before(uuids, entries):
    """What the members of a set were before these entries, oldest first."""
    uuids = set(uuids)
    for entry in reversed(entries):
        if entry["old_value"] is None:
            uuids.discard(UUID(entry["new_value"]))
        else:
            uuids.add(UUID(entry["old_value"]))
    return uuids


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
    """What is searched for and in which order; what it means, `IssueFilter` checks."""

    q = forms.CharField(label=gettext_lazy("Search issues"), max_length=QUERY)
    sort = forms.ChoiceField(label=gettext_lazy("Order"))
    use_required_attribute = False

    def __init__(self, params):
        super().__init__(initial=params, auto_id="list_%s")
        offer(self, "sort", self.orders("sort:" in params.get("q", "")))

    def orders(self, is_searched):
        """The choices of an order; what is searched for may give one itself."""
        is_said = is_searched or self.initial.get("sort") == NEWEST_FIRST
        return [
            *([("", gettext("As searched"))] if is_searched else []),
            (NEWEST_FIRST if is_said else "", gettext("Newest first")),
            ("number", gettext("Oldest first")),
            ("-created", gettext("Last opened first")),
            ("-updated", gettext("Last changed first")),
            ("updated", gettext("Longest unchanged first")),
            ("level", gettext("Most urgent first")),
            *([(RELEVANCE, gettext("Best match first"))] if self.initial.get("q") else []),
        ]


def offer(form, name, choices):
    """Offer `choices` for a filter, and what the address says already."""
    value = form.initial.get(name, "")
    known = any(value == choice for choice, _ in choices)
    form.fields[name].choices = choices if known else [*choices, (value, value)]


class HistoryListForm(forms.Form):
    """The filters of the audit trail as controls; what they mean, a Trail checks."""

    space = forms.ChoiceField(label=gettext_lazy("Space"))
    actor = forms.ChoiceField(label=gettext_lazy("Who"))
    source = forms.ChoiceField(label=gettext_lazy("Through"))
    action = forms.ChoiceField(label=gettext_lazy("What"))
    issue = forms.CharField(
        label=gettext_lazy("Issue"), widget=forms.TextInput(attrs={"placeholder": "OPS-42"})
    )
    use_required_attribute = False

    def __init__(self, params, spaces, people):
        super().__init__(initial=params, auto_id="filter_%s")
        offer(self, "space", [("", gettext("All spaces")), *spaces])
        offer(self, "actor", [("", gettext("Anybody")), ("me", gettext("Me")), *people])
        offer(self, "source", [("", gettext("Any door")), *((name, name) for name in SOURCES)])
        offer(self, "action", [("", gettext("Anything")), *ACTIONS.items()])


class SubscriptionForm(ExactForm):
    """The part that a person takes in a channel."""

    kind = forms.ChoiceField(label=gettext_lazy("My part"), choices=spoken(Subscription.Kind.choices))
