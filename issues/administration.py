"""What the pages of the administration share: whose rows they show, and how what `save()` refuses is said."""

import re
from contextlib import contextmanager

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import NON_FIELD_ERRORS, BadRequest, ValidationError
from django.core.paginator import Paginator
from django.db import IntegrityError, models, transaction
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.html import conditional_escape
from django.utils.http import urlencode

from issues.forms import ExactForm, TextField
from issues.models import Space
from issues.policy import allows

PRIMARY_KEY = re.compile(r"[0-9]{1,18}\Z")
ROW_KEY = re.compile(r"form-\d+-id\Z")
# A lookup of Django's own filters, as they write it into an address: `severity__exact`.
LOOKUP = re.compile(r"__(exact|isnull)\Z")
MANY = 1_000


class Refusal(Exception):
    """`save()` refused what a form had let pass: the form's prefix, and the ValidationError."""

    def __init__(self, prefix, error):
        super().__init__(error)
        self.prefix = prefix
        self.error = error


class Shown(forms.Widget):
    """A value that stays what it is, in words."""

    def render(self, name, value, attrs=None, renderer=None):
        return conditional_escape(value)


class AdminForm(ExactForm, forms.ModelForm):
    """A form of one row that writes only what this person changed, and says what `save()` refuses."""

    # References that a row keeps for life.
    fixed = ()
    # Set by the page: what no database takes of what was posted, and what `save()` refused.
    unstorable = {}
    refusal = None

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.instance._state.adding:
            return
        for name in self.fixed:
            self.initial[name] = getattr(self.instance, name)
            self.fields[name] = forms.Field(disabled=True, required=False, widget=Shown)
        for name, field in self.fields.items():
            # The page sends along what it showed, so that what others changed meanwhile is not changed back.
            field.show_hidden_initial = not field.disabled and (
                not self.is_bound or self[name].html_initial_name in self.data
            )

    def take(self, data):
        """The page has looked through what was posted, once for all of its forms."""
        names = {self.add_prefix(name): name for name in self.fields}
        self.refused = {names[name]: reason for name, reason in self.unstorable.items() if name in names}

    def clean(self):
        values = super().clean()
        if self.refusal and self.refusal.prefix == self.prefix:
            self.add_errors(self.refusal.error)
        return values

    def _post_clean(self):
        if not self.instance._state.adding:
            for name in self._meta.fields or ():
                if name not in self.changed_data:
                    self.cleaned_data.pop(name, None)
        super()._post_clean()

    def validate_unique(self):
        super().validate_unique()
        if not self.errors:
            # Django compares only what stands in the form; a row's space stands beside it.
            try:
                self.instance.validate_constraints()
            except ValidationError as error:
                self._update_errors(error)

    def _update_errors(self, errors):
        """Say a clash with another row at the field that can be mended."""
        if hasattr(errors, "error_dict"):
            for error in errors.error_dict.pop(NON_FIELD_ERRORS, ()):
                names = (error.params or {}).get("unique_check", ())
                mendable = [name for name in names if name in self.fields and name != "space"]
                errors.error_dict.setdefault(mendable[-1] if mendable else NON_FIELD_ERRORS, []).append(error)
        super()._update_errors(errors)

    def save(self, commit=True):
        with self.refusing():
            return super().save(commit)

    @contextmanager
    def refusing(self):
        """Turn what a row refuses inside into a Refusal of this form."""
        try:
            yield
        except ValidationError as error:
            raise Refusal(self.prefix, error) from error
        except IntegrityError as error:
            again = ValidationError("Somebody was quicker and made one like this. Look at it, and try again.")
            raise Refusal(self.prefix, again) from error


class OwnRows:
    """A set of forms in which the primary key of a row out of sight is that of no row."""

    def add_fields(self, form, index):
        super().add_fields(form, index)
        form.fields[self.model._meta.pk.name].queryset = self.get_queryset()


class RowsFormSet(OwnRows, forms.BaseModelFormSet):
    pass


class InlineFormSet(OwnRows, forms.BaseInlineFormSet):
    pass


class Scoped:
    """Whose rows a page shows: a superuser's all, else those of the spaces in which one may do `verb`."""

    verb = "configure_space"
    # From a row to its space.
    space_path = "space"
    form = AdminForm
    formfield_overrides = {models.TextField: {"form_class": TextField}}
    # {column: keyword arguments of its form field}
    form_fields = {}
    view_on_site = False

    def spaces(self, request):
        """The primary keys of those spaces; None means all of them."""
        user = request.user
        if user.is_superuser:
            return None
        return [pk for pk in user.space_roles() if allows(user, self.verb, pk)]

    def may(self, request, row=None):
        """Whether the person may do `verb` to `row`, or to any row at all."""
        user = request.user
        if row is None or user.is_superuser:
            return self.spaces(request) != []
        return allows(user, self.verb, row.home())

    def get_queryset(self, request):
        return self.within(request, super().get_queryset(request))

    def within(self, request, rows):
        spaces = self.spaces(request)
        return rows if spaces is None else rows.filter(**{f"{self.space_path}__in": spaces})

    def has_view_permission(self, request, obj=None):
        return self.may(request, obj)

    def has_add_permission(self, request, obj=None):
        return self.may(request, obj)

    def has_change_permission(self, request, obj=None):
        return self.may(request, obj)

    def has_delete_permission(self, request, obj=None):
        return False

    def has_module_permission(self, request):
        return self.has_view_permission(request)

    def formfield_for_dbfield(self, db_field, request, **kwargs):
        field = super().formfield_for_dbfield(
            db_field, request, **self.form_fields.get(db_field.name, {}) | kwargs
        )
        if field and isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget = field.widget.widget
        return field

    def formfield_for_foreignkey(self, db_field, request, **kwargs):
        rows = self.admin_site.get_model_admin(db_field.related_model).get_queryset(request)
        kwargs |= {"queryset": rows.filter(is_active=True), "required": True}
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


def told(request, form):
    """A class of forms that know what this page knows of what was posted."""
    form.unstorable = getattr(request, "unstorable", {})
    form.refusal = getattr(request, "refusal", None)
    return form


class ScopedInline(Scoped, admin.TabularInline):
    extra = 0
    formset = InlineFormSet

    def get_formset(self, request, obj=None, **kwargs):
        formset = super().get_formset(request, obj, **kwargs)
        told(request, formset.form)
        return formset


class ScopedAdmin(Scoped, admin.ModelAdmin):
    """Pages of one model: nothing is deleted, rows are retired and brought back."""

    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    actions = ("retire", "bring_back")

    def get_urls(self):
        return [route for route in super().get_urls() if route.name]

    def choice(self, row):
        """What a row is called where it can be chosen."""
        return str(row)

    def lookup_allowed(self, lookup, value, request=None):
        """Only what the page offers as a filter: any other would let people guess hidden columns."""
        filters = self.get_list_filter(request)
        return LOOKUP.sub("", lookup) in {getattr(entry, "parameter_name", entry) for entry in filters}

    def get_readonly_fields(self, request, obj=None):
        has_space = obj is not None and self.space_path == "space"
        return (*super().get_readonly_fields(request, obj), *(("space",) if has_space else ()))

    def get_changeform_initial_data(self, request):
        spaces = self.spaces(request)
        only = {"space": spaces[0]} if spaces and len(spaces) == 1 else {}
        return only | super().get_changeform_initial_data(request)

    def get_form(self, request, obj=None, change=False, **kwargs):
        return told(request, super().get_form(request, obj, change, **kwargs))

    def get_changelist_form(self, request, **kwargs):
        return told(request, super().get_changelist_form(request, form=self.form, **kwargs))

    def get_changelist_formset(self, request, **kwargs):
        most = self.list_max_show_all
        return super().get_changelist_formset(
            request, formset=RowsFormSet, max_num=most, absolute_max=most, **kwargs
        )

    def changeform_view(self, request, *args, **kwargs):
        return self.with_refusals(super().changeform_view, request, *args, **kwargs)

    def changelist_view(self, request, extra_context=None):
        keys = request.POST.getlist(ACTION_CHECKBOX_NAME)
        keys += [value for name, value in request.POST.items() if ROW_KEY.match(name)]
        if not all(PRIMARY_KEY.match(key) for key in keys):
            raise BadRequest
        return self.with_refusals(super().changelist_view, request, extra_context)

    def with_refusals(self, view, request, *args, **kwargs):
        """The answer of `view`; where `save()` refuses a row nothing is written, and the forms say why."""
        posted = ExactForm(request.POST)
        request.POST, request.unstorable = posted.data, posted.refused
        try:
            return view(request, *args, **kwargs)
        except Refusal as refusal:
            request.refusal = refusal
            return view(request, *args, **kwargs)

    def save_model(self, request, obj, form, change):
        with form.refusing():
            self.keep(request, obj)

    def keep(self, request, row):
        """Write a row; ValidationError for what it may not become."""
        row.save()

    def history_view(self, request, object_id, extra_context=None):
        """The row's entries in the history of its space."""
        row = self.get_object(request, object_id)
        if row is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        return redirect(f"{reverse('admin:issues_historyentry_changelist')}?{urlencode({'q': row.uuid})}")

    # Actions.

    def has_retire_permission(self, request):
        return self.has_change_permission(request)

    @admin.action(description="Retire selected", permissions=["retire"])
    def retire(self, request, queryset):
        self.set_active(request, queryset, False, "retired")

    @admin.action(description="Bring back selected", permissions=["retire"])
    def bring_back(self, request, queryset):
        self.set_active(request, queryset, True, "brought back")

    def set_active(self, request, queryset, is_active, done):
        """Retire rows or bring them back: all of them, or none where one refuses."""
        row = None
        try:
            with transaction.atomic():
                # In one order, so that two people's actions do not wait for each other.
                rows = [row for row in queryset.order_by("pk") if row.is_active != is_active]
                for row in rows:
                    row.is_active = is_active
                    self.keep(request, row)
                    self.log_change(request, row, [{"changed": {"fields": ["active"]}}])
        except ValidationError as error:
            self.message_user(
                request, f"{row}: {' '.join(error.messages)} Nothing was changed.", messages.ERROR
            )
        else:
            self.message_user(request, f"{len(rows)} {done}.", messages.SUCCESS)


class ReadOnly:
    """Pages that show rows and change none."""

    actions = None

    def has_add_permission(self, request, obj=None):
        return False

    def has_change_permission(self, request, obj=None):
        return False


class SpaceFilter(admin.SimpleListFilter):
    """One of the spaces that the person administers."""

    title = "space"
    parameter_name = "space"

    def lookups(self, request, model_admin):
        return list(
            model_admin.admin_site.get_model_admin(Space).get_queryset(request).values_list("pk", "name")
        )

    def queryset(self, request, queryset):
        if self.value() is None:
            return queryset
        known = [pk for pk, _ in self.lookup_choices if str(pk) == self.value()]
        return queryset.filter(space__in=known)


class CountUpTo(models.Subquery):
    """How many rows a sliced subquery has: counted no further than the slice goes."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) AS found)"
    output_field = models.IntegerField()


def count_up_to(rows):
    """An annotation: the number of `rows`, which name their OuterRef; one more than MANY means many."""
    return CountUpTo(rows.order_by().values("pk")[: MANY + 1])


def counted(number):
    return f"{number:,}" if number <= MANY else f"more than {MANY:,}"


class BoundedPaginator(Paginator):
    """Pages of a table too large to be counted: the first hundred of them."""

    @cached_property
    def count(self):
        return self.object_list[: 100 * self.per_page].count()
