"""Signing in."""

from django.contrib.auth.forms import AuthenticationForm

from issues.forms import ExactForm


class LoginForm(ExactForm, AuthenticationForm):
    """Says the same of an unknown person, a wrong password, and what could never be either."""

    error_messages = {
        "invalid_login": "This e-mail address and password do not belong together.",
        "inactive": "This e-mail address and password do not belong together.",
    }

    def clean(self):
        if self.refused:
            raise self.get_invalid_login_error()
        return super().clean()
