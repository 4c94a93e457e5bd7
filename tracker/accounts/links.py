"""Links that let somebody in: to be handed over or mailed once, and written nowhere."""

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.urls import reverse


def absolute(path):
    """An address as people outside see it; what a request says of its host proves nothing."""
    return settings.BASE_URL.rstrip("/") + path


def password_link(user):
    """A link with which `user` sets a password; it holds for a day, until they sign in or set one."""
    token = default_token_generator.make_token(user)
    return absolute(reverse("password_reset_confirm", args=[user.uuid, token]))


def invitation_link(secret):
    return absolute(reverse("invitation", args=[secret]))
