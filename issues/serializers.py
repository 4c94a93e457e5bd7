"""Writes of the native API: checked here, and the schema of its documents."""

from datetime import timedelta

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_naive
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied

from issues import lookups
from issues.limits import BULK, LABEL_KEY, LABEL_VALUE, NAME, TEXT, TITLE
from issues.models import Channel, Issue, Level, Team
from issues.policy import may

MISSING = "There is no such thing here."
# How far a client's clock may be ahead.
AHEAD = timedelta(days=1)


def twin(field):
    """A copy of a declared field that can be bound; `deepcopy` would make it anew from its arguments."""
    copied = object.__new__(type(field))
    vars(copied).update(vars(field))
    if "child" in vars(field):
        copied.child = twin(field.child)
        copied.child.parent = copied
    return copied


class StrictSerializer(serializers.Serializer):
    """Refuses fields that it does not know, and texts that only look like what is asked for."""

    def get_fields(self):
        return {name: twin(field) for name, field in self._declared_fields.items()}

    def to_internal_value(self, data):
        if isinstance(data, dict):
            unknown = {name: ["There is no such field."] for name in data if name not in self.fields}
            if unknown:
                raise serializers.ValidationError(unknown)
        return super().to_internal_value(data)


class ExactCharField(serializers.CharField):
    """A string, and nothing that would have to be made one; kept as it came."""

    def __init__(self, **kwargs):
        super().__init__(**{"trim_whitespace": False} | kwargs)

    def to_internal_value(self, data):
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class TextOrNullField(ExactCharField):
    """A column whose empty text is null in documents."""

    def __init__(self, **kwargs):
        super().__init__(**{"allow_null": True, "allow_blank": True, "required": False} | kwargs)

    def run_validation(self, data=serializers.empty):
        return "" if data is None else super().run_validation(data)

    def to_representation(self, value):
        return value or None


class StrictBooleanField(serializers.BooleanField):
    def to_internal_value(self, data):
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class ReferenceField(serializers.Field):
    """A row named by its id, its key or an object that has its `id`; resolved once the space is known."""

    def __init__(self, document, **kwargs):
        self.document = document
        super().__init__(**{"required": False, "allow_null": True} | kwargs)

    def to_internal_value(self, data):
        if isinstance(data, dict):
            data = data.get("id")
        if not isinstance(data, str) or not 0 < len(data) <= NAME:
            raise serializers.ValidationError("An id or a key, as a string.")
        return data


class BoundedListField(serializers.ListField):
    """A list whose length is checked before its items are: a million bad ones would be a million errors."""

    def to_internal_value(self, data):
        if isinstance(data, list) and len(data) > self.max_length:
            raise serializers.ValidationError(f"At most {self.max_length:,} items.")
        return super().to_internal_value(data)


class ReferenceListField(BoundedListField):
    """Rows named by their ids or by objects that have one."""

    def __init__(self, document, **kwargs):
        self.document = document
        child = ReferenceField(document, allow_null=False)
        super().__init__(**{"child": child, "required": False, "max_length": 1_000} | kwargs)


class SpaceDocument(serializers.Serializer):
    id = serializers.UUIDField()
    key = serializers.CharField()
    name = serializers.CharField()


class PersonDocument(serializers.Serializer):
    id = serializers.UUIDField()
    name = serializers.CharField()
    email = serializers.EmailField(allow_null=True)
    avatar_url = serializers.URLField(allow_null=True)


class NamedDocument(serializers.Serializer):
    id = serializers.UUIDField()
    name = serializers.CharField()


class AttachmentDocument(NamedDocument):
    size = serializers.IntegerField()
    content_type = serializers.CharField()


class LevelDocument(serializers.Serializer):
    id = serializers.UUIDField()
    key = serializers.CharField()
    name = serializers.CharField()
    severity = serializers.ChoiceField(Level.Severity.choices)
    color = serializers.CharField()


class SourceSerializer(StrictSerializer):
    type = TextOrNullField(source="resource_type", max_length=64)
    id = TextOrNullField(source="resource_id", max_length=NAME)
    name = TextOrNullField(source="resource_name", max_length=NAME)
    alert_id = TextOrNullField(max_length=128)


class ErrorSerializer(StrictSerializer):
    type = TextOrNullField(source="error_type", max_length=NAME)
    message = TextOrNullField(source="error_message", max_length=TEXT)
    file_path = TextOrNullField(max_length=1_024)
    function_name = TextOrNullField(max_length=NAME)
    is_crash = StrictBooleanField(required=False)
    languages = BoundedListField(child=ExactCharField(max_length=32), max_length=50, required=False)
    platform = TextOrNullField(max_length=32)
    track = TextOrNullField(max_length=16)
    service = TextOrNullField(max_length=NAME)
    first_version = TextOrNullField(max_length=128)
    last_version = TextOrNullField(max_length=128)


class LabelsField(serializers.DictField):
    def __init__(self, **kwargs):
        child = ExactCharField(max_length=LABEL_VALUE, allow_blank=True)
        super().__init__(**{"child": child, "required": False} | kwargs)

    def to_internal_value(self, data):
        for key in data if isinstance(data, dict) else ():
            if not key.strip() or len(key) > LABEL_KEY:
                raise serializers.ValidationError(f"A key has 1 to {LABEL_KEY} characters: {key[:20]!r}")
        return super().to_internal_value(data)


class MomentField(serializers.DateTimeField):
    """A time with its time zone (RFC 3339)."""

    def to_internal_value(self, data):
        at = super().to_internal_value(data)
        if is_naive(parse_datetime(data)):
            raise serializers.ValidationError("A time needs its time zone: 2026-01-15T10:30:00Z.")
        return at


def space_of(serializer, reference, verb):
    """The space of the row that is written: its own, the one that is named, or that of the token.

    ValidationError for any but a space of the writer's; PermissionDenied where they may not do `verb`.
    """
    return space_and_rows(serializer, reference, verb, {})[0]


def space_and_rows(serializer, reference, verb, wanted):
    """(`space_of`, {name: row or None} of what `wanted`, {name: reference}, names there)."""
    request, row = serializer.context["request"], serializer.instance
    if reference is None and row is not None:
        return row.space, lookups.find_rows([row.space_id], wanted)
    if reference is None:
        reference = request.auth and str(request.auth.space.uuid)
    if reference is None:
        raise serializers.ValidationError({"space": ["This field is required."]}, "required")
    found = lookups.find_rows(request.user.space_roles(), {"space": reference} | wanted)
    space = found["space"]
    if row is not None and space != row.space:
        raise serializers.ValidationError({"space": ["It does not move to another space."]})
    if space is None:
        raise serializers.ValidationError({"space": [MISSING]}, "not_found")
    if not may(request, verb, space.pk):
        raise PermissionDenied()
    return space, found


class IssueChangeSerializer(StrictSerializer):
    """What can be set on one issue or on many at once."""

    status = serializers.ChoiceField(Issue.Status.choices, required=False)
    resolution = serializers.ChoiceField(Issue.Resolution.choices, required=False, allow_null=True)
    level = ReferenceField(LevelDocument)
    assignee = ReferenceField(PersonDocument)
    teams = ReferenceListField(NamedDocument)
    project = ReferenceField(NamedDocument)
    environment = ReferenceField(NamedDocument)
    channels = ReferenceListField(NamedDocument)
    labels = LabelsField()
    add_labels = LabelsField(write_only=True)
    remove_labels = BoundedListField(
        child=ExactCharField(max_length=LABEL_KEY), required=False, write_only=True, max_length=1_000
    )
    is_read = StrictBooleanField(required=False)
    due_on = serializers.DateField(required=False, allow_null=True)

    SINGLE = ("level", "assignee", "project", "environment")
    SEVERAL = {"teams": Team, "channels": Channel}

    def validate(self, values):
        if "labels" in values and values.keys() & {"add_labels", "remove_labels"}:
            raise serializers.ValidationError({"labels": "Either labels, or add_labels and remove_labels."})
        return values

    def wanted(self, values):
        """{name: reference} of the single rows that have to be looked up."""
        wanted = {name: values[name] for name in self.SINGLE if values.get(name) is not None}
        # An assignee who is no member any more may stay.
        if self.keeps_assignee(wanted.get("assignee")):
            del wanted["assignee"]
        return wanted

    def keeps_assignee(self, reference):
        current = reference and self.instance and self.instance.assignee
        return bool(current) and str(current.uuid) == reference.lower()

    def resolve(self, values, space_ids, rows):
        """`values` with rows for references; ValidationError of code `not_found` for unknown ones.

        `rows` are the `wanted` ones of these spaces.
        """
        found = values | rows
        if self.keeps_assignee(values.get("assignee")):
            found["assignee"] = self.instance.assignee
        problems = {name: [MISSING] for name, row in rows.items() if row is None}
        for name, model in self.SEVERAL.items():
            if name in values:
                found[name] = lookups.find_all_in_spaces(model, space_ids, values[name])
                if None in found[name]:
                    problems[name] = {found[name].index(None): [MISSING]}
        if problems:
            raise serializers.ValidationError(problems, "not_found")
        self.refuse_retired(found)
        if "channels" in found:
            found["channels"] = [channel for channel in found["channels"] if not channel.is_default]
        return found

    def refuse_retired(self, found):
        """ValidationError for a row that is retired, unless it is what the issue has already."""
        for name in ("level", "project", "environment", "teams", "channels"):
            rows = found.get(name) or []
            retired = [row for row in (rows if isinstance(rows, list) else [rows]) if not row.is_active]
            if retired:
                present = getattr(self.instance, name, None) if self.instance else None
                kept = present if isinstance(present, dict) else {present and present.pk}
                if any(row.pk not in kept for row in retired):
                    raise serializers.ValidationError({name: ["It is retired."]})


class IssueSerializer(IssueChangeSerializer):
    """An issue, as it is written; `rows.py` reads."""

    id = serializers.UUIDField(source="uuid", read_only=True)
    key = serializers.CharField(read_only=True)
    number = serializers.IntegerField(read_only=True)
    space = ReferenceField(SpaceDocument, allow_null=False)
    title = ExactCharField(max_length=TITLE, required=False)
    description = ExactCharField(max_length=TEXT, allow_blank=True, required=False)
    description_html = serializers.CharField(read_only=True)
    description_format = serializers.ChoiceField(Issue.Format.choices, required=False)
    reporter = PersonDocument(read_only=True, allow_null=True)
    is_anonymous = StrictBooleanField(required=False)
    annotations = LabelsField()
    kind = TextOrNullField(max_length=64)
    reason = serializers.ChoiceField(Issue.Reason.choices, required=False)
    source = SourceSerializer(required=False)
    error = ErrorSerializer(required=False)
    fingerprint = TextOrNullField(max_length=NAME)
    seen_count = serializers.IntegerField(read_only=True)
    first_seen_at = serializers.DateTimeField(read_only=True)
    last_seen_at = serializers.DateTimeField(read_only=True)
    comment_count = serializers.IntegerField(read_only=True)
    attachments = AttachmentDocument(many=True, read_only=True)
    version = serializers.IntegerField(read_only=True)
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)
    resolved_at = serializers.DateTimeField(read_only=True, allow_null=True)
    closed_at = serializers.DateTimeField(read_only=True, allow_null=True)

    def validate_title(self, title):
        if "\n" in title or "\r" in title:
            raise serializers.ValidationError("A title is one line.")
        return title

    def validate_is_anonymous(self, is_anonymous):
        changes = self.instance is not None and self.instance.is_anonymous != is_anonymous
        if changes and self.instance.reporter_id != self.context["request"].user.pk:
            raise serializers.ValidationError("Whether they are named is for the reporter to say.")
        return is_anonymous

    def validate(self, values):
        values = super().validate(values)
        space, rows = space_and_rows(self, values.pop("space", None), "write", self.wanted(values))
        is_left_out = self.instance is not None and not self.partial and "title" not in values
        # Without a title the description's first line is one.
        texts = [values.get(name, getattr(self.instance, name, "")) for name in ("title", "description")]
        if is_left_out or not any(text.strip() for text in texts):
            raise serializers.ValidationError({"title": ["This field is required."]}, "required")
        for name in ("source", "error"):
            values |= values.pop(name, {})
        return self.resolve(values, [space.pk], rows) | {"space": space}

    def create(self, values):
        return self.assign(Issue(reporter=self.context["request"].user), values)

    def update(self, issue, values):
        return self.assign(issue, values)

    def assign(self, issue, values):
        """Set what was sent and save it."""
        values = dict(values)
        labels = {"add": values.pop("add_labels", {}), "remove": values.pop("remove_labels", [])}
        if any(labels.values()):
            issue.wish("labels", **labels)
        for name, value in values.items():
            setattr(issue, name, value)
        issue.save()
        return issue


class ListedIssueSerializer(IssueSerializer):
    """An issue in a list: the columns of the list page, or those of `fields`."""


class SightingSerializer(StrictSerializer):
    """Another sighting of an issue."""

    at = MomentField(required=False)
    session = ExactCharField(max_length=128, allow_blank=True, required=False)
    user = ExactCharField(max_length=128, allow_blank=True, required=False)
    version = ExactCharField(max_length=128, allow_blank=True, required=False)

    def validate_at(self, at):
        if at > timezone.now() + AHEAD:
            raise serializers.ValidationError("It has not been yet.")
        return at


class BulkSerializer(StrictSerializer):
    """Which issues to change (`ids`, or the parameters of a list as `filter`), and what to set."""

    ids = BoundedListField(child=ExactCharField(max_length=64), required=False, max_length=BULK, min_length=1)
    # A filter with nothing in it means every issue, a parameter with nothing in it is a slip.
    filter = serializers.DictField(child=ExactCharField(), required=False, allow_empty=True)
    set = IssueChangeSerializer()
    dry_run = StrictBooleanField(required=False, default=False)

    def validate(self, values):
        if ("ids" in values) == ("filter" in values):
            raise serializers.ValidationError({"ids": ["Give either ids or a filter."]})
        if not values["set"]:
            raise serializers.ValidationError({"set": ["Nothing to set."]})
        return values


class BulkChangeDocument(serializers.Serializer):
    field = serializers.CharField()
    old = serializers.JSONField(allow_null=True)
    new = serializers.JSONField(allow_null=True)


class BulkItemDocument(serializers.Serializer):
    id = serializers.UUIDField()
    key = serializers.CharField()
    changes = BulkChangeDocument(many=True)


class BulkDocument(serializers.Serializer):
    dry_run = serializers.BooleanField()
    matched = serializers.IntegerField()
    changed = serializers.IntegerField()
    items = BulkItemDocument(many=True, help_text="The first 1,000 issues that change.")


class FacetDocument(serializers.Serializer):
    name = serializers.CharField()
    count = serializers.IntegerField()
    is_at_least = serializers.BooleanField(
        help_text="Whether there may be more: where no counter tells, the newest 5,000 issues are counted."
    )
    query = serializers.CharField(help_text="What narrows a list to it; with a - it is left out.")


class FacetsDocument(serializers.Serializer):
    """The values that issues have, the most frequent first; at most 20 of each."""

    status = FacetDocument(many=True)
    level = FacetDocument(many=True)
    assignee = FacetDocument(many=True)
    channel = FacetDocument(many=True)
    label = FacetDocument(many=True)
    project = FacetDocument(many=True)
    source = FacetDocument(many=True)
    is_partial = serializers.BooleanField(
        help_text="Whether any was counted among the newest issues alone; older ones may have other values."
    )


class SimilarIssueDocument(serializers.Serializer):
    issue = ListedIssueSerializer()
    score = serializers.FloatField(help_text="How much both titles share, up to 1; a rare word weighs more.")
    words = serializers.ListField(child=serializers.CharField(), help_text="The words that both have.")


class SimilarDocument(serializers.Serializer):
    results = SimilarIssueDocument(many=True, help_text="At most 10, the likeliest first.")


class HistorySerializer(serializers.Serializer):
    """An entry of the audit trail; null is what was blanked, and what would name an anonymous reporter."""

    id = serializers.UUIDField()
    issue = serializers.UUIDField(allow_null=True)
    subject_type = serializers.CharField(allow_null=True)
    subject = serializers.UUIDField(allow_null=True)
    position = serializers.IntegerField()
    version = serializers.IntegerField()
    action = serializers.CharField()
    field = serializers.CharField(allow_null=True)
    old_value = serializers.JSONField(allow_null=True)
    new_value = serializers.JSONField(allow_null=True)
    old_display = serializers.CharField()
    new_display = serializers.CharField()
    actor = NamedDocument(allow_null=True)
    token = serializers.UUIDField(allow_null=True)
    source = serializers.CharField()
    request_id = serializers.CharField(allow_null=True)
    batch = serializers.UUIDField(allow_null=True)
    created_at = serializers.DateTimeField()
    hash = serializers.CharField(allow_null=True)
