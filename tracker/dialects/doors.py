"""Which doors there are: every package beside this module that has a `door`, as Django finds commands."""

import re
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from django.http import HttpResponse
from django.urls import include, path, re_path, reverse

from issues.rows import dump
from tracker import dialects


class Door:
    """A product's issue API: its name, its addresses and its errors. Each package makes one of its own.

    `name` is that of its package and the namespace of its URLs, and so the source of what is written through
    it; `paths` is a pattern of all addresses below its prefixes, served or not; `invalid` is the status with
    which a request is refused that says something wrong.
    """

    name = title = paths = ""
    invalid = 400
    content_type = "application/json"
    # For its OpenAPI document: the schema of an error; how one signs in, {name: security scheme}, and which
    # of these together do.
    problem = {"type": "object"}
    schemes = {"token": {"type": "http", "scheme": "bearer"}}
    sign_in = (("token",),)

    def error(self, status, detail, problems):
        """The document of an error; `problems` are [(path, text, code)] of what was wrong in a request."""
        raise NotImplementedError

    def failure(self, status, detail, problems=(), headers=None):
        """An error as a response in the product's own shape."""
        return HttpResponse(
            dump(self.error(status, detail, problems)),
            status=status,
            content_type=self.content_type,
            headers=headers,
        )

    def secrets(self, headers):
        """The secrets in headers of the product's own, that of the token that acts first; None without any.

        `Authorization: Bearer` signs in at every door.
        """
        return None

    def headers(self, secret):
        """The headers by which somebody with the secret of a token signs in."""
        return {"Authorization": f"Bearer {secret}"}

    def address(self, issue):
        """Where the document of an issue is."""
        raise NotImplementedError

    def rate(self, throttle):
        """The headers that tell a client how often it may call, from a Throttle that has been asked."""
        return {}

    def owns(self, path):
        return re.fullmatch(self.paths, path) is not None


class Native(Door):
    """Our own API, which has no folder here."""

    name = "api"
    title = "Tracker"

    def address(self, issue):
        return reverse("api:issue-detail", args=[issue.uuid])


def apis():
    """{name: Door} of our own API and of all doors."""
    return {Native.name: Native(), **doors()}


@cache
def doors():
    """{name: Door}"""
    packages = sorted(module.name for module in iter_modules(dialects.__path__) if module.ispkg)
    found = [import_module(f"{dialects.__name__}.{package}").door for package in packages]
    return {door.name: door for door in found}


def door_at(path):
    """The Door to which an address belongs, None for any other."""
    return next((door for door in doors().values() if door.owns(path)), None)


def urlpatterns(not_here):
    """The addresses of all doors, each in a namespace of its own; `not_here` is a view for the rest below."""
    found = []
    for door in doors().values():
        urls = import_module(f"{dialects.__name__}.{door.name}.urls").urlpatterns
        rest = re_path(rf"^{door.paths.removeprefix('/')}\Z", not_here, name="unknown")
        found.append(path("", include(([*urls, rest], door.name))))
    return found
