"""Forms of people: signing in, passwords, invitations, their settings and tokens."""

import re
import zoneinfo
from datetime import UTC, datetime, time, timedelta
from functools import cache

from django import forms
from django.contrib.auth import forms as auth_forms
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy, gettext_noop
from django.views.decorators.debug import sensitive_variables

from issues import lookups
from issues.forms import ExactForm, LineField
from issues.language import spoken
from issues.limits import NAME, refusal
from issues.models import Membership, Space
from issues.policy import may
from tracker.accounts.context import LANGUAGES, SWITCHES, THEMES
from tracker.accounts.models import ApiToken, Invitation, User

PASSWORD = 1_024
PASSWORD_HELP = gettext_lazy("At least 10 characters, and not one that everybody uses.")
# What `@handle` in a text can name.
HANDLE = re.compile(r"[^\W_](?:[\w.+-]{0,148}[^\W_])?\Z")
HANDLE_HELP = gettext_noop("Letters and digits, and . _ + - between them; at most 150.")
COMMON_ZONES = (
    "UTC", "America/Los_Angeles", "America/New_York", "America/Sao_Paulo", "Europe/London", "Europe/Berlin",
    "Asia/Kolkata", "Asia/Shanghai", "Asia/Singapore", "Asia/Tokyo", "Australia/Sydney",
)  # fmt: skip
MOST_DAYS = 3_650
COMMON, OTHER = gettext_noop("Common"), gettext_noop("Other")


class LoginForm(ExactForm, auth_forms.AuthenticationForm):
    """Says the same of an unknown person, a wrong password, and what could never be either."""

    error_messages = {
        "invalid_login": gettext_lazy("This e-mail address and password do not belong together."),
        "inactive": gettext_lazy("This e-mail address and password do not belong together."),
    }

    def clean(self):
        if self.refused:
            raise self.get_invalid_login_error()
        return super().clean()


def name_problem(name):
    """Why nobody can be called this, or None."""
    if not name.strip():
        return gettext("A name has at least one letter.")
    return gettext("A name is one line.") if "\n" in name or "\r" in name else None


class NameField(LineField):
    def __init__(self, **kwargs):
        widget = forms.TextInput(attrs={"autocomplete": "name"})
        super().__init__(
            **{"label": gettext_lazy("Name"), "max_length": NAME, "required": True, "widget": widget} | kwargs
        )

    def validate(self, value):
        super().validate(value)
        if problem := name_problem(value):
            raise ValidationError(problem)


class EmailField(forms.EmailField):
    def __init__(self, **kwargs):
        widget = forms.EmailInput(attrs={"autocomplete": "off"})
        super().__init__(**{"label": gettext_lazy("E-mail"), "max_length": 254, "widget": widget} | kwargs)

    def to_python(self, value):
        return super().to_python(value).lower()


class SpaceField(forms.ModelChoiceField):
    def __init__(self, **kwargs):
        shown = {"label": gettext_lazy("Space"), "to_field_name": "key", "empty_label": None}
        super().__init__(Space.objects.none(), **shown | kwargs)

    def offer(self, spaces):
        self.queryset = spaces
        # Read once; the widget would ask the database each time that it looks at its choices.
        self.widget.choices = [(space.key, str(space)) for space in spaces]


class NewPassword(ExactForm):
    """The two fields of a new password."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        first, second = self.fields["new_password1"], self.fields["new_password2"]
        first.help_text, second.help_text = PASSWORD_HELP, ""
        second.label = gettext("New password, again")
        for field in (first, second):
            field.validators.append(at_most)

    @sensitive_variables()
    def save(self):
        """Set the password and nothing else, over what others changed meanwhile."""
        self.user.set_password(self.cleaned_data["new_password1"])
        self.user.save(update_fields=["password"])
        return self.user


def at_most(password):
    if len(password) > PASSWORD:
        raise ValidationError(gettext("At most {} characters.").format(PASSWORD))


class SetPasswordForm(NewPassword, auth_forms.SetPasswordForm):
    """A new password for somebody who came by a link, and so may not have been alone in their account."""

    keep_tokens = forms.BooleanField(
        required=False,
        label=gettext_lazy("Keep my API tokens"),
        help_text=gettext_lazy("Otherwise they are revoked: whoever had your account may have made one."),
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if not (self.user and self.user.tokens.filter(is_active=True).exists()):
            del self.fields["keep_tokens"]

    @sensitive_variables()
    def save(self):
        with transaction.atomic():
            if not self.cleaned_data.get("keep_tokens"):
                for token in self.user.tokens.filter(is_active=True):
                    token.is_active = False
                    token.save()
            return super().save()


class PasswordChangeForm(NewPassword, auth_forms.PasswordChangeForm):
    """A new password for somebody who knows the old one."""

    field_order = ["old_password", "new_password1", "new_password2"]


class JoinForm(NewPassword, auth_forms.SetPasswordForm):
    """The account of somebody new, who was invited; `user` is the row that it fills in, unsaved."""

    name = NameField(label=gettext_lazy("Your name"))
    field_order = ["name", "new_password1", "new_password2"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["new_password1"].label = gettext("Password")
        self.fields["new_password2"].label = gettext("Password, again")

    @sensitive_variables()
    def fill(self):
        self.user.name = self.cleaned_data["name"]
        return self.set_password_and_save(self.user, "new_password1", commit=False)


class PasswordResetForm(ExactForm):
    email = EmailField(widget=forms.EmailInput(attrs={"autocomplete": "username"}))


class InvitationForm(ExactForm):
    """Whom to invite into which of the spaces whose members the person manages."""

    space = SpaceField()
    email = EmailField()
    role = forms.ChoiceField(
        label=gettext_lazy("Role"), choices=spoken(Membership.Role.choices), initial=Membership.Role.MEMBER
    )

    def __init__(self, request, data=None, **kwargs):
        super().__init__(data, **kwargs)
        self.user = request.user
        managed = [pk for pk in request.user.space_roles() if may(request, "manage_members", pk)]
        self.fields["space"].offer(Space.objects.filter(pk__in=managed))

    def clean(self):
        values = super().clean()
        space, email = values.get("space"), values.get("email")
        if space and email:
            member = Membership.objects.filter(space=space, user__email=email, is_active=True)
            if member.filter(user__is_active=True).exists():
                self.add_error(
                    "email",
                    gettext("{person} is a member of {space} already.").format(person=email, space=space.key),
                )
        return values

    def save(self):
        """(invitation, secret), or None where `errors` say why not."""
        if not self.is_valid():
            return None
        try:
            return Invitation.issue(invited_by=self.user, **self.cleaned_data)
        except ValidationError as error:
            self.add_errors(error)
            return None


class RoleForm(ExactForm):
    role = forms.ChoiceField(label=gettext_lazy("Role"), choices=spoken(Membership.Role.choices))


@cache
def zones():
    """Choices of time zones: common ones, then all by continent."""
    known = zoneinfo.available_timezones() - {"Factory", "localtime"} | {"UTC"}
    groups = {COMMON: [name for name in COMMON_ZONES if name in known]}
    for name in sorted(known - set(COMMON_ZONES), key=lambda name: ("/" not in name, name)):
        area = name.partition("/")[0] if "/" in name else OTHER
        groups.setdefault(area, []).append(name)
    return [(gettext_lazy(area), [(name, name) for name in names]) for area, names in groups.items()]


class ProfileForm(ExactForm):
    """What people say of themselves, and how their browser shows pages."""

    name = NameField()
    handle = LineField(
        label=gettext_lazy("Handle"),
        max_length=NAME,
        help_text=gettext_lazy("Others mention you with @ and this."),
        widget=forms.TextInput(),
    )
    time_zone = forms.ChoiceField(label=gettext_lazy("Time zone"), choices=zones)
    theme = forms.ChoiceField(
        label=gettext_lazy("Theme"), choices=THEMES, help_text=gettext_lazy("In this browser only.")
    )
    language = forms.ChoiceField(
        label=gettext_lazy("Language"),
        choices=LANGUAGES,
        required=False,
        help_text=gettext_lazy("In this browser only."),
    )
    shortcuts = forms.BooleanField(
        required=False,
        label=gettext_lazy("Keys"),
        help_text=gettext_lazy("One key does a thing; in this browser only."),
    )
    advance = forms.BooleanField(
        required=False,
        label=gettext_lazy("On to the next"),
        help_text=gettext_lazy(
            "After an issue of a list is claimed, resolved or ignored, keys are about the next one; "
            "in this browser only."
        ),
    )

    def __init__(self, user, browser, data=None):
        initial = {"name": user.name, "handle": user.handle, "time_zone": user.time_zone}
        switches = {name: browser[name] == "on" for name in SWITCHES}
        super().__init__(data, initial=initial | browser | switches)
        self.user = user

    def clean_handle(self):
        handle = self.cleaned_data["handle"]
        if not handle or handle == self.user.handle:
            return handle
        if not HANDLE.match(handle):
            raise ValidationError(gettext(HANDLE_HELP))
        others = lookups.people_of(self.user.space_roles()).exclude(pk=self.user.pk)
        if others.filter(handle__iexact=handle).exists():
            raise ValidationError(gettext("Somebody else in your spaces has this handle."))
        return handle

    def save(self):
        """Whether it is saved; if not, `errors` say why."""
        if not self.is_valid():
            return False
        names = ["name", "handle", "time_zone"]
        for name in names:
            setattr(self.user, name, self.cleaned_data[name])
        self.user.save(update_fields=names)
        return True


class TokenForm(ExactForm):
    """A new token of the person who asks."""

    name = NameField(
        help_text=gettext_lazy("What will use it."), widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    scope = forms.ChoiceField(
        label=gettext_lazy("May"), choices=spoken(ApiToken.Scope.choices), initial=ApiToken.Scope.READ
    )
    space = SpaceField(
        label=gettext_lazy("Home space"),
        help_text=gettext_lazy(
            "Where its issues go if a program names no space. It reaches all your spaces."
        ),
    )
    expires = forms.ChoiceField(
        label=gettext_lazy("Expires"),
        choices=[
            ("30", gettext_lazy("In 30 days")),
            ("90", gettext_lazy("In 90 days")),
            ("365", gettext_lazy("In a year")),
            ("on", gettext_lazy("On a date")),
            ("never", gettext_lazy("Never")),
        ],
        initial="90",
    )
    expires_on = forms.DateField(
        required=False,
        label=gettext_lazy("Date"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        input_formats=["%Y-%m-%d"],
        help_text=gettext_lazy("Its last day."),
    )

    def __init__(self, user, data=None):
        super().__init__(data)
        self.user = user
        self.fields["space"].offer(Space.objects.visible_to(user))

    def clean(self):
        values = super().clean()
        if values.get("expires") == "on" and "expires_on" not in self.errors:
            today = timezone.now().astimezone(self.zone()).date()
            day = values.get("expires_on")
            if day is None:
                self.add_error("expires_on", gettext("Which date?"))
            elif not today <= day <= today + timedelta(days=MOST_DAYS):
                self.add_error("expires_on", gettext("A date from today on, within ten years."))
        return values

    def zone(self):
        try:
            return zoneinfo.ZoneInfo(self.user.time_zone)
        except (OSError, ValueError, KeyError):
            return UTC

    def expires_at(self):
        expires = self.cleaned_data["expires"]
        if expires == "never":
            return None
        if expires != "on":
            return timezone.now() + timedelta(days=int(expires))
        day = self.cleaned_data["expires_on"] + timedelta(days=1)
        return datetime.combine(day, time(), self.zone())

    def save(self):
        """(token, secret), or None where `errors` say why not."""
        if not self.is_valid():
            return None
        fields = {name: self.cleaned_data[name] for name in ("name", "scope", "space")}
        try:
            return ApiToken.issue(user=self.user, expires_at=self.expires_at(), **fields)
        except ValidationError as error:
            self.add_errors(error)
            return None


def account_problem(email, name):
    """Why no account can have this address and name, or None."""
    if problem := refusal(name) or name_problem(name):
        return problem
    try:
        User(email=email, name=name).clean_fields(exclude=["password"])
    except ValidationError as error:
        return "; ".join(f"{field}: {reasons[0]}" for field, reasons in error.message_dict.items())
    return None
