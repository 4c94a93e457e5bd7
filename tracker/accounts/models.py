"""People, their API tokens, and the answers kept for requests that may be repeated."""

import hashlib
import secrets

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from issues.limits import NAME
from issues.models import Membership, Space
from issues.models.base import WayRound
from issues.models.fields import uuid7
from issues.models.space import SpaceRow


class UserQuerySet(models.QuerySet):
    def delete(self):
        raise WayRound("People are deactivated, never deleted: set is_active.")


class UserManager(BaseUserManager.from_queryset(UserQuerySet)):
    def create_user(self, email=None, password=None, **fields):
        user = self.model(email=email and email.lower(), **fields)
        user.set_password(password)
        user.save()
        return user

    def create_superuser(self, email, password=None, **fields):
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, email):
        return self.get(email=email.lower())


class User(AbstractBaseUser, PermissionsMixin):
    """A person: one who signs in, or one who is only known by name from an import."""

    uuid = models.UUIDField(default=uuid7, unique=True, editable=False)
    email = models.EmailField(unique=True, null=True, blank=True)
    name = models.CharField(max_length=NAME)
    handle = models.CharField(max_length=NAME, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    time_zone = models.CharField(max_length=64, default="UTC")
    date_joined = models.DateTimeField(default=timezone.now, editable=False)

    objects = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = ["name"]

    class Meta:
        ordering = ["name", "id"]
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email")]

    def __str__(self):
        return self.name

    def delete(self, *args, **kwargs):
        raise WayRound("People are deactivated, never deleted: set is_active.")

    def space_roles(self):
        """{primary key of a space: role} of this person, asked of the database once per instance."""
        if not hasattr(self, "_space_roles"):
            rows = Membership.objects.filter(user=self, is_active=True, space__is_active=True)
            self._space_roles = dict(rows.values_list("space_id", "role")) if self.is_active else {}
        return self._space_roles


def digest_of(secret):
    return hashlib.sha256(secret.encode()).hexdigest()


class ApiToken(SpaceRow):
    """A key with which a program acts as its user; the secret is shown once and kept as its SHA-256."""

    class Scope(models.TextChoices):
        READ = "read", "Read only"
        WRITE = "write", "Read and write"

    PREFIX = "trk_"

    # The home space: what a dialect that knows only one space means by it.
    space = models.ForeignKey(Space, models.PROTECT, related_name="tokens")
    user = models.ForeignKey(User, models.PROTECT, related_name="tokens")
    name = models.CharField(max_length=NAME)
    scope = models.CharField(max_length=5, choices=Scope, default=Scope.WRITE)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)

    FIELDS = ("space_id", "user_id", "name", "scope", "expires_at", "is_active")

    def __str__(self):
        return self.name

    @classmethod
    def issue(cls, secret=None, **fields):
        """(token, secret): a new token and what its holder has to present."""
        secret = secret or cls.PREFIX + secrets.token_urlsafe(32)
        token = cls(digest=digest_of(secret), **fields)
        token.save()
        return token, secret

    @classmethod
    def find(cls, secret):
        """The live token of this secret with its user, in one indexed query, or None."""
        rows = cls.objects.select_related("user").filter(digest=digest_of(secret))
        token = rows.filter(is_active=True, user__is_active=True).first()
        expired = token and token.expires_at and token.expires_at <= timezone.now()
        return None if expired else token


class IdempotencyKey(models.Model):
    """The answer to a request that its client may send again (`Idempotency-Key`), for a day."""

    user = models.ForeignKey(User, models.PROTECT, related_name="+")
    key = models.CharField(max_length=255)
    # Of method, path and body: the same key with another request is a mistake of the client's.
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(default=0)
    headers = models.JSONField(default=dict)
    body = models.BinaryField(default=bytes)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="idempotency_key_once")]
