"""People, their invitations and API tokens, and the answers kept for requests that may be repeated."""

import hashlib
import secrets
from dataclasses import replace
from datetime import timedelta
from functools import cache, partial
from itertools import islice
from operator import itemgetter

import orjson
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import connection, models, transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_noop

from issues.actor import acting_as, current_actor
from issues.limits import NAME
from issues.models import Membership, Space
from issues.models.base import GuardedQuerySet, WayRound
from issues.models.fields import instance_of, uuid7
from issues.models.history import Change, Member, record_changed
from issues.models.space import SpaceRow


class UserQuerySet(models.QuerySet):
    def update(self, **fields):
        if fields.keys() & {*User.FIELDS, "password"}:
            raise WayRound("update() leaves no history: save() each person.")
        return super().update(**fields)

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
    """A person: one who signs in, or one who is only known by name from an import.

    People belong to no space, so what changes of FIELDS, and that a password changed, is on record in the
    chain of every space of which they are a member at that moment. Whoever is saved as no longer active
    loses their memberships, tokens and drafts with it.
    """

    uuid = models.UUIDField(default=uuid7, unique=True, editable=False)
    email = models.EmailField(unique=True, null=True, blank=True)
    name = models.CharField(max_length=NAME)
    handle = models.CharField(max_length=NAME, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    time_zone = models.CharField(max_length=64, default="UTC")
    date_joined = models.DateTimeField(default=timezone.now, editable=False)

    FIELDS = ("name", "email", "handle", "is_active", "is_staff", "is_superuser")
    TEXTS = frozenset()

    objects = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = ["name"]

    class Meta:
        ordering = [Lower("name"), "id"]
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email")]

    def __str__(self):
        return self.name

    def save(self, *args, update_fields=None, **kwargs):
        # People sign in with the lower case, and nobody shares the empty address.
        self.email = self.email.lower() if self.email else None
        names = {*self.FIELDS, "password"}
        names = names if update_fields is None else names.intersection(update_fields)
        if self._state.adding:
            self.insert(*args, **kwargs)
            return
        if not names:
            super().save(*args, update_fields=update_fields, **kwargs)
            return
        # Django keeps the raw password until it is saved; without one it only hashes the same anew.
        is_hashed_anew = update_fields is not None and self._password is None and self.has_usable_password()
        with transaction.atomic():
            # Rows before their spaces before the person: the order in which all others lock them.
            leaving = self.lock_rows() if "is_active" in names and not self.is_active else []
            spaces = self.lock_spaces()
            stored = User.objects.select_for_update(no_key=True).get(pk=self.pk)
            changed = [name for name in self.FIELDS if name in names]
            changed = [name for name in changed if getattr(self, name) != getattr(stored, name)]
            members = []
            if "password" in names and self.password != stored.password and not is_hashed_anew:
                members = [Member("password_changed", "password")]
            if changed or members:
                self.announce(spaces, stored, changed, members)
            # Told while they are members still, and before the row says that they are gone: what may not
            # end, as the membership of a last admin, is seen to end.
            for row in leaving if "is_active" in changed else ():
                row.is_active = False
                row.save()
            if "is_active" in changed:
                self.drafts.all().delete()
            super().save(*args, update_fields=update_fields, **kwargs)

    def delete(self, *args, **kwargs):
        raise WayRound("People are deactivated, never deleted: set is_active.")

    def insert(self, *args, **kwargs):
        """Write a new person: in no space yet, and so on record only where they are a superuser."""
        with transaction.atomic():
            spaces = self.lock_spaces() if self.is_superuser else []
            super().save(*args, **kwargs)
            made = Member("user_created", "", new_value={"is_superuser": True}, new_display=self.name)
            self.announce(spaces, self, members=[made])

    def lock_rows(self):
        """The memberships and tokens that end with this person's account, locked."""
        return [row for rows in (self.memberships, self.tokens) for row in rows.filter(is_active=True).lock()]

    def lock_spaces(self):
        """The primary keys of the spaces that this person concerns, in their order, all locked.

        They are those of which they are a member, and all where they are a superuser, or were.
        """
        if self.is_superuser or User.objects.filter(pk=self.pk, is_superuser=True).exists():
            return [pk for (pk,) in Space.objects.lock().values_list("pk")]
        rows = [rows.filter(is_active=True) for rows in (self.memberships, self.tokens)]
        spaces = Space.objects.filter(Q(pk__in=rows[0].values("space")) | Q(pk__in=rows[1].values("space")))
        locked = [pk for (pk,) in spaces.lock().values_list("pk")]
        # Asked again, since somebody may have left while this waited for the lock.
        return list(rows[0].filter(space__in=locked).order_by("space").values_list("space", flat=True))

    def announce(self, spaces, stored, changed=(), members=()):
        """Put a change of this person on record in the chains of these spaces, which are locked."""
        actor, batch = current_actor(), uuid7()
        at = actor.now()
        for space in spaces:
            change = Change(self, stored, list(changed), members=list(members), at=at)
            record_changed.send(User, change=change, space=space, actor=actor, batch=batch)

    def record(self, action):
        """Put on record that something was done for this person that changes nothing of them."""
        with transaction.atomic():
            self.announce(self.lock_spaces(), self, members=[Member(action, "")])

    def deactivate(self):
        """End the account: no sign-in, no membership, no token; name, past and assigned issues stay.

        Raises ValidationError, with nothing changed, where a membership may not end (the last admin's).
        """
        before, self.is_active = self.is_active, False
        try:
            self.save(update_fields=["is_active"])
        except BaseException:
            self.is_active = before
            raise

    def space_roles(self):
        """{primary key of a space: role} of this person, asked of the database once per instance."""
        if not hasattr(self, "_space_roles"):
            rows = Membership.objects.filter(user=self, is_active=True, space__is_active=True)
            columns = ("space_id", "role", "space__key", "space__name", "created_at")
            found = list(rows.values_list(*columns)) if self.is_active else []
            self._space_roles = {space: role for space, role, *_ in found}
            self._spaces = sorted(((pk, key, name) for pk, _, key, name, _ in found), key=itemgetter(1))
            self._joined = {space: at for space, *_, at in found}
        return self._space_roles

    def spaces(self):
        """[(primary key, key, name)] of the spaces of whoever signed in by a page, read with their roles."""
        self.space_roles()
        return self._spaces

    def joined(self):
        """{primary key of a space: when they first joined it} of the same, read with their roles too."""
        self.space_roles()
        return self._joined


def digest_of(secret):
    return hashlib.sha256(secret.encode()).hexdigest()


class ApiToken(SpaceRow):
    """A key with which a program acts as its user; the secret is shown once and kept as its SHA-256."""

    class Scope(models.TextChoices):
        READ = "read", gettext_noop("Read only")
        WRITE = "write", gettext_noop("Read and write")

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
        """The live token of this secret with its space, its user and their roles, in one query, or None."""
        models_of, sql = sign_in()
        with connection.cursor() as cursor:
            cursor.execute(sql, [digest_of(secret)])
            row = cursor.fetchone()
        if row is None:
            return None
        *values, roles = row
        values = iter(values)
        token, user, home = (
            partial(instance_of, model, names, tuple(islice(values, len(names))))
            for model, names in models_of.items()
        )
        token, token.user = token(), user()
        # Only doors ask for it, so that it is made when they do.
        cls.space.field.set_cached_value(token, SimpleLazyObject(home))
        if token.expires_at and token.expires_at <= timezone.now():
            return None
        token.user._space_roles = {int(space): role for space, role in orjson.loads(roles or "{}").items()}
        return token


@cache
def sign_in():
    """({model: its columns}, SQL) of `ApiToken.find`, with which every call begins."""
    found = {
        ApiToken: columns_of(ApiToken, {"digest", "created_at"}),
        User: columns_of(User, {"password", "last_login", "date_joined"}),
        Space: columns_of(Space, {"created_at"}),
    }
    columns = ", ".join(
        f"{table}.{name}" for table, names in zip("tuh", found.values(), strict=True) for name in names
    )
    collect = "json_object_agg" if connection.vendor == "postgresql" else "json_group_object"
    roles = f"CAST({collect}(m.space_id, m.role) AS text)"
    sql = (
        f"SELECT {columns}, (SELECT {roles} FROM issues_membership AS m "
        "JOIN issues_space AS s ON s.id = m.space_id "
        "WHERE m.user_id = u.id AND m.is_active AND s.is_active) "
        "FROM accounts_apitoken AS t JOIN accounts_user AS u ON u.id = t.user_id "
        "JOIN issues_space AS h ON h.id = t.space_id "
        "WHERE t.digest = %s AND t.is_active AND u.is_active"
    )
    return found, sql


def columns_of(model, left_out):
    return tuple(field.attname for field in model._meta.concrete_fields if field.attname not in left_out)


class InvitationQuerySet(GuardedQuerySet):
    def holding(self):
        """Those that can be accepted: not used, expired or withdrawn, by somebody who may still invite."""
        inviter = Membership.objects.filter(
            user=OuterRef("invited_by"),
            space=OuterRef("space"),
            role=Membership.Role.ADMIN,
            is_active=True,
            user__is_active=True,
        )
        return self.filter(
            Exists(inviter),
            is_active=True,
            accepted_at=None,
            expires_at__gt=timezone.now(),
            space__is_active=True,
        )


def in_a_week():
    return timezone.now() + timedelta(days=7)


class Invitation(SpaceRow):
    """A link with which the person of one address may join a space, once; kept as its SHA-256."""

    space = models.ForeignKey(Space, models.PROTECT, related_name="invitations")
    email = models.EmailField()
    role = models.CharField(max_length=10, choices=Membership.Role, default=Membership.Role.MEMBER)
    invited_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    expires_at = models.DateTimeField(default=in_a_week)
    accepted_at = models.DateTimeField(null=True, blank=True)

    FIELDS = ("space_id", "email", "role", "invited_by_id", "expires_at", "accepted_at", "is_active")

    objects = InvitationQuerySet.as_manager()

    class Meta(SpaceRow.Meta):
        ordering = ["email", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(role__in=["viewer", "member", "admin"]), name="invitation_role"
            )
        ]

    def __str__(self):
        return f"{self.email} ({self.get_role_display()})"

    @classmethod
    def issue(cls, *, space, email, **fields):
        """(invitation, secret): a new invitation, in place of older ones to the same address."""
        secret = secrets.token_urlsafe(32)
        invitation = cls(space=space, email=email.lower(), digest=digest_of(secret), **fields)
        with transaction.atomic():
            cls.withdraw_all(space, email)
            invitation.save()
        return invitation, secret

    @classmethod
    def withdraw_all(cls, space, email):
        """Withdraw what is open for this address in this space."""
        open_ones = cls.objects.filter(space=space, email=(email or "").lower(), accepted_at=None)
        with transaction.atomic():
            for invitation in open_ones.filter(is_active=True).lock():
                invitation.withdraw()

    def withdraw(self):
        self.is_active = False
        self.save(update_fields=["is_active"])

    def accept(self, person):
        """Make `person`, who may be a new row, a member; whether the invitation still held.

        It is locked meanwhile, so that of two who come with it only one gets in. IntegrityError if the new
        person's address has an account by now.
        """
        actor = replace(current_actor(), user=person)
        with transaction.atomic(), acting_as(lambda: actor):
            invitation = Invitation.objects.filter(pk=self.pk).holding().lock().first()
            if invitation is None:
                return False
            if person._state.adding:
                person.save()
            join(invitation.space, person, invitation.role)
            invitation.accepted_at = actor.now()
            invitation.save()
        return True


def join(space, person, role):
    """The person's Membership of the space, live from now on; who has one keeps the role they have."""
    membership = Membership.objects.filter(space=space, user=person).first()
    if membership is None:
        membership = Membership(space=space, user=person, role=role)
    elif not membership.is_active:
        membership.is_active, membership.role = True, role
    membership.save()
    return membership


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
