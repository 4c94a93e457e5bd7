"""The administration of people and their API tokens."""

from zoneinfo import available_timezones

from django.contrib import admin
from django.core.exceptions import ValidationError

from issues.administration import AdminForm, ReadOnly, ScopedAdmin, SpaceFilter
from issues.models import Membership
from tracker.accounts.forms import HANDLE, HANDLE_HELP
from tracker.accounts.models import ApiToken, User


class UserForm(AdminForm):
    def clean_email(self):
        email = self.cleaned_data["email"]
        others = User.objects.exclude(pk=self.instance.pk)
        if email and others.filter(email__iexact=email).exists():
            raise ValidationError("Somebody has this address already.")
        return email and email.lower()

    def clean_time_zone(self):
        zone = self.cleaned_data["time_zone"]
        if zone not in available_timezones():
            raise ValidationError("A name such as Europe/Berlin, or UTC.")
        return zone

    def clean_handle(self):
        handle = self.cleaned_data["handle"]
        if handle and handle != self.instance.handle and not HANDLE.match(handle):
            raise ValidationError(HANDLE_HELP)
        return handle


@admin.register(User)
class UserAdmin(ScopedAdmin):
    """People: superusers add and deactivate them, admins choose among those of their spaces."""

    form = UserForm
    form_fields = {"is_superuser": {"help_text": "Sets up every space here, and adds people."}}
    fields = ("name", "email", "handle", "time_zone", "is_active", "is_superuser")
    list_display = ("name", "email", "handle", "is_active", "is_superuser", "date_joined")
    list_filter = ("is_active", "is_superuser")
    search_fields = ("name", "email", "handle")
    space_path = ""

    def may(self, request, row=None):
        return request.user.is_superuser

    def within(self, request, people):
        spaces = self.spaces(request)
        if spaces is None:
            return people
        return people.filter(pk__in=Membership.objects.filter(space__in=spaces).values("user"))

    def choice(self, person):
        return f"{person.name} · {person.email}" if person.email else person.name

    def keep(self, request, person):
        """Write a person; a new one has no password yet, and nobody shuts themselves out."""
        if person.pk == request.user.pk and not (person.is_active and person.is_superuser):
            raise ValidationError("You cannot take this right from yourself: ask another superuser.")
        if person._state.adding:
            person.set_unusable_password()
        person.save()


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnly, ScopedAdmin):
    """Tokens are made on their holder's page; here they are seen, never the secret, and revoked."""

    verb = "manage_tokens"
    fields = readonly_fields = (
        "name", "user", "space", "scope", "created_at", "expires_at", "is_active",
    )  # fmt: skip
    list_display = fields
    list_filter = (SpaceFilter, "scope", "is_active")
    list_select_related = ("user", "space")
    ordering = ("-id",)
    search_fields = ("name", "user__name", "user__email")
    actions = ("revoke",)

    def has_retire_permission(self, request):
        return self.may(request)

    @admin.action(description="Revoke selected", permissions=["retire"])
    def revoke(self, request, queryset):
        self.set_active(request, queryset, False, "revoked")
