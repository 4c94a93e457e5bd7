"""`manage.py create_owner`: the first person of an installation, and the space that they run."""

import sys

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from issues.models import Membership, Space
from tracker.accounts.forms import account_problem
from tracker.accounts.links import password_link
from tracker.accounts.models import User, join


class Command(BaseCommand):
    """Make a superuser without a password, and print the link with which they set one.

    With --space they are its admin; the space is made if it is not there. An address that has an account
    already is refused; --again gives the superuser of that address a fresh link. Asks for what is missing
    where somebody sits at the terminal. Ends with exit code 1 and one sentence if it cannot.
    """

    help = "Make the first owner, and print a link with which they set their password."

    def add_arguments(self, parser):
        parser.add_argument("--email")
        parser.add_argument("--name", help="what people read")
        parser.add_argument("--space", metavar="OPS", help="the key of a space of which they are admin")
        parser.add_argument("--space-name", metavar="NAME", help="the name of that space if it is new")
        parser.add_argument("--again", action="store_true", help="a fresh link for an owner who is there")

    def handle(self, *, email, name, space, space_name, again, **options):
        email = (email or ask("E-mail: ", "--email")).strip().lower()
        user = User.objects.filter(email=email).first()
        if user is not None and not again:
            raise CommandError(f"{email} has an account already; --again gives its owner a fresh link.")
        if again and (user is None or not (user.is_superuser and user.is_active)):
            raise CommandError(f"{email} is no active superuser.")
        if user is None:
            name = name or ask("Name: ", "--name")
            if problem := account_problem(email, name):
                raise CommandError(problem)
        try:
            with transaction.atomic():
                user = user or User.objects.create_superuser(email, name=name)
                if space:
                    give(space.upper(), space_name, user)
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from error
        self.stdout.write(f"\n  {user.name} sets a password here, once and within a day:\n")
        self.stdout.write(f"\n  {password_link(user)}\n")


def ask(prompt, option):
    """What somebody types at the terminal; CommandError where nobody sits."""
    if not sys.stdin.isatty():
        raise CommandError(f"{option} is missing.")
    return input(prompt)


def give(key, name, user):
    """Make the person admin of the space of this key, which is made if it is not there."""
    space = Space.objects.filter(key=key).first()
    if space is None:
        space = Space(key=key, name=name or key)
        space.save()
    membership = join(space, user, Membership.Role.ADMIN)
    membership.role = Membership.Role.ADMIN
    membership.save()
