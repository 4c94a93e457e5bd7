"""The administration of spaces and what belongs to them, and its read-only views of issues and history."""

from math import floor

import orjson
from django import forms
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import Case, OuterRef, Q, When
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from rest_framework.exceptions import ParseError

from issues import lookups, rows
from issues.administration import (
    AdminForm,
    BoundedPaginator,
    InlineFormSet,
    ReadOnly,
    ScopedAdmin,
    ScopedInline,
    SpaceFilter,
    count_up_to,
    counted,
)
from issues.forms import OPEN, TextField
from issues.limits import TARGETS
from issues.models import (
    Channel,
    Environment,
    HistoryEntry,
    Issue,
    IssueChannel,
    IssueLabel,
    IssueTeam,
    Level,
    Membership,
    Project,
    Space,
    Subscription,
    Team,
)
from issues.parsers import parse
from issues.space_serializers import TargetSerializer
from issues.trail import ACTIONS, SOURCES, shown_actors

# The dark and the light text that may stand on a level's colour, and the least contrast that reads well.
DARK, LIGHT = "#0F1115", "#FFFFFF"
READABLE = 4.5
KINDS = ("webhook", "slack", "email")
EXAMPLE = '[{"kind": "webhook", "url": "https://example.com/hook"}]'
EMPTY = "-"
BLANKED = "(blanked)"
# Characters of a value in a list.
SHOWN = 200


def issues_link(text, **params):
    return format_html('<a href="{}?{}">{}</a>', reverse("issue-list"), urlencode(params), text)


def visible_issues(model_admin, request):
    """The issues that may be counted: those that are not deleted, in the person's spaces."""
    spaces = model_admin.spaces(request)
    issues = Issue.objects.filter(deleted_at=None)
    return issues if spaces is None else issues.filter(space__in=spaces)


# Spaces.


class MemberForm(AdminForm):
    fixed = ("user",)


class MemberInline(ScopedInline):
    model = Membership
    form = MemberForm
    verb = "manage_members"
    fields = ("user", "role", "is_active")
    autocomplete_fields = ("user",)
    verbose_name, verbose_name_plural = "member", "members"

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("user", "space")


class SpaceForm(AdminForm):
    def clean_key(self):
        return self.cleaned_data["key"].upper()


@admin.register(Space)
class SpaceAdmin(ScopedAdmin):
    form = SpaceForm
    space_path = "pk"
    form_fields = {
        "key": {
            "help_text": "Every issue's key begins with it (OPS-42): changing it changes their addresses."
        }
    }
    fields = ("key", "name", "is_reopening", "is_active")
    list_display = ("key", "name", "members", "is_active")
    list_filter = ("is_active",)
    search_fields = ("key", "name")
    inlines = (MemberInline,)

    def get_queryset(self, request):
        members = Membership.objects.filter(space=OuterRef("pk"), is_active=True)
        return super().get_queryset(request).annotate(members=count_up_to(members))

    def has_add_permission(self, request, obj=None):
        return request.user.is_superuser

    def has_retire_permission(self, request):
        return request.user.is_superuser

    def get_readonly_fields(self, request, obj=None):
        # Its own admins would not find a retired space again.
        return () if request.user.is_superuser else ("is_active",)

    @admin.display(description="members")
    def members(self, space):
        return counted(space.members)


class InSpaceAdmin(ScopedAdmin):
    list_filter = (SpaceFilter, "is_active")
    list_select_related = ("space",)
    search_fields = ("name",)


@admin.register(Team)
class TeamAdmin(InSpaceAdmin):
    fields = ("space", "name", "handle", "summary", "is_active")
    list_display = ("name", "handle", "space", "is_active")
    search_fields = ("name", "handle")


@admin.register(Project, Environment)
class ExternalAdmin(InSpaceAdmin):
    fields = ("space", "name", "external_id", "is_active")
    list_display = ("name", "external_id", "space", "is_active")
    search_fields = ("name", "external_id")


# Levels.


def luminance(color):
    """The relative luminance of #RRGGBB (WCAG 2.2)."""
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(color, other):
    """The contrast of two colours, from 1 to 21 (WCAG 2.2)."""
    darker, lighter = sorted((luminance(color), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def best_text(color):
    """(contrast, "dark" or "light") of the text that reads better on this colour; never rounded up."""
    best, text = max((contrast(color, DARK), "dark"), (contrast(color, LIGHT), "light"))
    return floor(best * 10) / 10, text


class ColorField(forms.CharField):
    """#RRGGBB, which browsers write in small letters."""

    def to_python(self, value):
        return super().to_python(value).upper()


class LevelForm(AdminForm):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.instance.pk and self.instance.space_id is None:
            for field in self.fields.values():
                field.disabled, field.show_hidden_initial = True, False


@admin.register(Level)
class LevelAdmin(ScopedAdmin):
    form = LevelForm
    verb = "configure_levels"
    form_fields = {
        "color": {"form_class": ColorField, "widget": forms.ColorInput},
        "rank": {"help_text": "The lower, the more urgent: P0 has 0, P1 10, P2 20, P3 30."},
    }
    fields = ("space", "key", "name", "description", "severity", "rank", "color", "is_active")
    list_display = (
        "swatch", "key", "name", "severity", "rank", "is_active", "owner", "contrast", "open_issues",
        "all_issues",
    )  # fmt: skip
    list_display_links = ("key",)
    list_editable = ("rank", "is_active")
    list_filter = (SpaceFilter, "severity", "is_active")
    list_select_related = ("space",)
    search_fields = ("key", "name")

    def get_queryset(self, request):
        issues = visible_issues(self, request).filter(level=OuterRef("pk"))
        return (
            super()
            .get_queryset(request)
            .annotate(open_issues=count_up_to(issues.open()), all_issues=count_up_to(issues))
        )

    def within(self, request, levels):
        spaces = self.spaces(request)
        return levels if spaces is None else levels.filter(Q(space__in=spaces) | Q(space=None))

    def has_view_permission(self, request, obj=None):
        return super().has_view_permission(request, None if obj and obj.space_id is None else obj)

    def has_change_permission(self, request, obj=None):
        is_system = obj is not None and obj.space_id is None
        return not is_system and super().has_change_permission(request, obj)

    def save_model(self, request, level, form, change):
        super().save_model(request, level, form, change)
        best, text = best_text(level.color)
        if "color" in form.changed_data and best < READABLE:
            self.message_user(
                request,
                f"{level.color} is hard to read on: its better text, the {text} one, has a contrast of "
                f"{best}, and {READABLE} is the least. A lighter or a darker shade would do.",
                messages.WARNING,
            )

    def render_change_form(self, request, context, obj=None, **kwargs):
        if obj and obj.space_id is None:
            context["subtitle"] = f"{obj}: the system's levels are the same in every space and do not change"
        return super().render_change_form(request, context, obj=obj, **kwargs)

    @admin.display(description="")
    def swatch(self, level):
        return format_html(
            '<svg class="swatch" width="16" height="16" role="img" aria-label="{0}">'
            '<rect width="16" height="16" rx="4" fill="{0}"/></svg>',
            level.color,
        )

    @admin.display(description="space", ordering="space__key")
    def owner(self, level):
        return level.space or format_html('<span class="quiet">{}</span>', "System (does not change)")

    @admin.display(description="contrast")
    def contrast(self, level):
        best, _ = best_text(level.color)
        verdict = "ok" if best >= READABLE else "too low"
        return format_html('<span class="{}">{} {}</span>', verdict.replace(" ", "-"), best, verdict)

    @admin.display(description="open issues", ordering="open_issues")
    def open_issues(self, level):
        return issues_link(counted(level.open_issues), level=level.uuid, status=OPEN)

    @admin.display(description="all issues", ordering="all_issues")
    def all_issues(self, level):
        return issues_link(counted(level.all_issues), level=level.uuid)


# Channels.


def complaints(errors, place=""):
    """What a serializer complains of, each with its place: "1 url: An address that …"."""
    if isinstance(errors, dict):
        for name, inner in errors.items():
            # A list's are known by their places, which people count from one.
            name = "" if name == "non_field_errors" else name + 1 if isinstance(name, int) else name
            yield from complaints(inner, f"{place} {name}")
    elif isinstance(errors, list):
        for inner in errors:
            yield from complaints(inner, place)
    else:
        yield f"{place.strip()}: {errors}" if place.strip() else str(errors)


class TargetsField(TextField):
    """Who is told, as JSON."""

    def prepare_value(self, value):
        if value is None or isinstance(value, str):
            return value
        return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()

    def to_python(self, value):
        if isinstance(value, list):
            return value
        text = super().to_python(value).strip()
        try:
            targets = parse(text) if text else []
        except ParseError as error:
            raise ValidationError(list(complaints(error.detail))) from error
        if not isinstance(targets, list):
            raise ValidationError(f"A list of targets in brackets: {EXAMPLE}")
        serializer = TargetSerializer(data=targets, many=True, max_length=TARGETS)
        if not serializer.is_valid():
            raise ValidationError(list(complaints(serializer.errors)))
        return serializer.validated_data


class SubscriptionForm(AdminForm):
    fixed = ("user",)


class SubscriptionFormSet(InlineFormSet):
    def clean(self):
        super().clean()
        added = {form: form.cleaned_data.get("user") for form in self.extra_forms if form.is_valid()}
        people = {person.pk for person in added.values() if person}
        known = set(
            lookups.people_of([self.instance.space_id]).filter(pk__in=people).values_list("pk", flat=True)
        )
        for form, person in added.items():
            if person and person.pk not in known:
                form.add_error("user", f"{person} is not a member of the channel's space.")


class SubscriptionInline(ScopedInline):
    model = Subscription
    form = SubscriptionForm
    formset = SubscriptionFormSet
    verb = "configure_channels"
    space_path = "channel__space"
    fields = ("user", "kind", "is_active")
    autocomplete_fields = ("user",)
    verbose_name, verbose_name_plural = "subscriber", "subscribers"

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("user", "channel")


@admin.register(Channel)
class ChannelAdmin(InSpaceAdmin):
    verb = "configure_channels"
    form_fields = {
        "targets": {
            "form_class": TargetsField,
            "widget": forms.Textarea(attrs={"rows": 8, "cols": 80, "spellcheck": "false"}),
            "help_text": f"Who is told of its issues, as JSON. Kinds: {', '.join(KINDS)}. Example: {EXAMPLE}",
        },
        "query": {"widget": forms.TextInput(attrs={"size": 80})},
        "description": {"widget": forms.TextInput(attrs={"size": 80})},
    }
    fields = ("space", "name", "description", "query", "targets", "is_active")
    list_display = ("name", "space", "description", "query", "told", "issues", "is_active")
    inlines = (SubscriptionInline,)

    def get_queryset(self, request):
        everything = Issue.objects.filter(space=OuterRef("space"), deleted_at=None)
        bound = IssueChannel.objects.filter(channel=OuterRef("pk"), issue__deleted_at=None)
        issues = Case(When(is_default=True, then=count_up_to(everything)), default=count_up_to(bound))
        return super().get_queryset(request).annotate(issues=issues)

    def get_readonly_fields(self, request, obj=None):
        fixed = super().get_readonly_fields(request, obj)
        return (*fixed, "is_active") if obj and obj.is_default else fixed

    @admin.display(description="targets")
    def told(self, channel):
        kinds = [target.get("kind", "?") for target in channel.targets if isinstance(target, dict)]
        return ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))

    @admin.display(description="issues", ordering="issues")
    def issues(self, channel):
        return issues_link(counted(channel.issues), channel=channel.uuid)


# Issues.


class StatusFilter(admin.SimpleListFilter):
    title = "status"
    parameter_name = "status"

    def lookups(self, request, model_admin):
        return Issue.Status.choices

    def queryset(self, request, queryset):
        return queryset if self.value() is None else queryset.filter(status=self.value())


class TrashFilter(admin.SimpleListFilter):
    title = "trash"
    parameter_name = "deleted"

    def lookups(self, request, model_admin):
        return [("no", "Not deleted"), ("yes", "Deleted")]

    def queryset(self, request, queryset):
        if self.value() is None:
            return queryset
        return queryset.filter(deleted_at__isnull=self.value() != "yes")


@admin.register(Issue)
class IssueAdmin(ReadOnly, ScopedAdmin):
    """Issues are changed on their pages; who reported an anonymous one stands nowhere here either."""

    paginator = BoundedPaginator
    list_display = (
        "key", "title", "status", "level", "assignee", "reported_by", "is_deleted", "updated_at",
    )  # fmt: skip
    list_filter = (SpaceFilter, StatusFilter, TrashFilter)
    list_select_related = ("space", "level", "assignee", "reporter")
    ordering = ("-id",)
    sortable_by = ()
    search_fields = ("uuid",)
    search_help_text = "By key (OPS-42) or id. Words are searched on the page of all issues."
    fields = (
        "key", "uuid", "title", "space", "status", "resolution", "level", "assigned_to", "reported_by",
        "is_anonymous", "project", "environment", "teams", "labels", "service", "fingerprint", "version",
        "seen_count", "created_at", "updated_at", "resolved_at", "closed_at", "deleted_at",
    )  # fmt: skip
    readonly_fields = fields

    def get_search_results(self, request, queryset, search_term):
        return (lookups.with_reference(queryset, search_term.strip()) if search_term else queryset), False

    def view_on_site(self, issue):
        return issue.get_absolute_url()

    def get_view_on_site_url(self, obj=None):
        # A deleted issue has no page, and a superuser is not for that a member.
        return obj.get_absolute_url() if obj and obj.deleted_at is None else None

    @admin.display(description="reporter")
    def reported_by(self, issue):
        return EMPTY if issue.is_anonymous else issue.reporter or EMPTY

    @admin.display(description="assignee")
    def assigned_to(self, issue):
        return issue.assignee or EMPTY

    @admin.display(description="trash")
    def is_deleted(self, issue):
        return "deleted" if issue.deleted_at else ""

    @admin.display(description="teams")
    def teams(self, issue):
        return ", ".join(
            IssueTeam.objects.filter(issue=issue).order_by("team__name").values_list("team__name", flat=True)
        )

    @admin.display(description="labels")
    def labels(self, issue):
        labels = IssueLabel.objects.filter(issue=issue).order_by("id").values_list("key", "value")
        return ", ".join(f"{key}: {value}" if value else key for key, value in labels)


# History.


class SourceFilter(admin.SimpleListFilter):
    title = "source"
    parameter_name = "source"
    known = SOURCES

    def lookups(self, request, model_admin):
        return [(name, name.replace("_", " ")) for name in self.known]

    def queryset(self, request, queryset):
        return queryset if self.value() is None else queryset.filter(**{self.parameter_name: self.value()})


class ActionFilter(SourceFilter):
    title = "action"
    parameter_name = "action"
    known = ACTIONS


class HistoryList(ChangeList):
    """A page of entries with their documents, made in two statements for all of them."""

    def get_results(self, request):
        super().get_results(request)
        self.result_list = documented(self.result_list)


def documented(entries):
    """The entries as a list, each with its `document`: all that may be shown of it."""
    entries = list(entries)
    found = rows.history(HistoryEntry.objects.filter(pk__in=[entry.pk for entry in entries]))
    documents = {document["id"]: document for document in rows.history_documents(found)}
    for entry in entries:
        entry.document = documents[entry.uuid]
    return entries


def said(document, recorded, which):
    """The old or new value of an entry in words; what was blanked in history says so."""
    value, display = document[f"{which}_value"], document[f"{which}_display"]
    if value is None and rows.is_text(orjson.loads(recorded or "null")):
        return BLANKED
    if isinstance(value, dict) and not display:
        return "\n".join(f"{name}: {plain(part)}" for name, part in value.items())
    return display or ("" if value is None else plain(value))


def plain(value):
    if value is None:
        return BLANKED
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def in_short(document, recorded, which):
    """The same in a list: of a whole row its name, of a long text its beginning."""
    value = document[f"{which}_value"]
    if isinstance(value, dict):
        named = [value[name] for name in ("title", "content", "key", "name") if value.get(name)]
        text = document[f"{which}_display"] or (named[0] if named else "")
    else:
        text = said(document, recorded, which)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]} …"


@admin.register(HistoryEntry)
class HistoryAdmin(ReadOnly, ScopedAdmin):
    """Who changed what; what would name an anonymous reporter is left out, as everywhere."""

    paginator = BoundedPaginator
    list_display = ("created_at", "about", "action", "old", "new", "who", "source")
    list_filter = (SpaceFilter, SourceFilter, ActionFilter)
    list_select_related = ("issue__space",)
    ordering = ("-id",)
    sortable_by = ()
    search_fields = ("uuid",)
    search_help_text = "By an issue's key (OPS-42), a person's e-mail address, or the id of anything."
    fields = (
        "created_at", "space", "about", "action", "field", "old_text", "new_text", "who", "source",
        "request", "position", "version", "uuid", "sealed",
    )  # fmt: skip
    readonly_fields = fields

    def may(self, request, row=None):
        return super().may(request, row and row.space)

    def get_changelist(self, request, **kwargs):
        return HistoryList

    def get_object(self, request, object_id, from_field=None):
        entry = super().get_object(request, object_id, from_field)
        return entry and documented([entry])[0]

    def history_view(self, request, object_id, extra_context=None):
        return self.change_view(request, object_id)

    def get_search_results(self, request, queryset, search_term):
        term = search_term.strip()
        return (self.named(request, queryset, term) if term else queryset), False

    def named(self, request, entries, term):
        """The entries of the issue, the person or the row that `term` names."""
        uuid = lookups.as_uuid(term)
        issue = lookups.with_reference(self.within(request, Issue.objects.all()), term).first()
        if issue is not None:
            return entries.filter(issue=issue)
        person = get_user_model().objects.filter(Q(uuid=uuid) if uuid else Q(email__iexact=term)).first()
        if person is not None:
            return shown_actors(entries.filter(actor=person))
        return entries.filter(issue=None, subject=uuid) if uuid else entries.none()

    @admin.display(description="about")
    def about(self, entry):
        if entry.issue is None:
            return entry.subject_type
        return format_html('<a href="{}">{}</a>', entry.issue.get_absolute_url(), entry.issue.key)

    @admin.display(description="by")
    def who(self, entry):
        return (entry.document["actor"] or {}).get("name", EMPTY)

    @admin.display(description="old")
    def old(self, entry):
        return in_short(entry.document, entry.old_value, "old")

    @admin.display(description="new")
    def new(self, entry):
        return in_short(entry.document, entry.new_value, "new")

    @admin.display(description="old")
    def old_text(self, entry):
        return said(entry.document, entry.old_value, "old") or EMPTY

    @admin.display(description="new")
    def new_text(self, entry):
        return said(entry.document, entry.new_value, "new") or EMPTY

    @admin.display(description="request")
    def request(self, entry):
        return entry.document["request_id"] or EMPTY

    @admin.display(description="hash")
    def sealed(self, entry):
        return entry.document["hash"] or EMPTY
