"""Who may do what: the one table, and the one function that reads it."""

from rest_framework.permissions import BasePermission

from issues.models.base import Audited

VIEWER, MEMBER, ADMIN = ROLES = ("viewer", "member", "admin")

# verb: the least role that may. What is somebody's own is asked as `…_own`.
LEAST = {
    "read": VIEWER,
    "export": VIEWER,
    "subscribe": VIEWER,
    "manage_own_tokens": VIEWER,
    "write": MEMBER,
    "comment": MEMBER,
    "edit_own_comment": MEMBER,
    "delete_own_comment": MEMBER,
    "read_internal": MEMBER,
    "delete": MEMBER,
    "bind_channel": MEMBER,
    "share_view": MEMBER,
    "delete_comment": ADMIN,
    "configure_channels": ADMIN,
    "configure_levels": ADMIN,
    "configure_space": ADMIN,
    "manage_views": ADMIN,
    "manage_members": ADMIN,
    "manage_tokens": ADMIN,
    "redact": ADMIN,
}
# What a token that only reads may do still.
READING = frozenset({"read", "export"})


def allows(user, verb, space_id, token=None):
    """Whether `user`, through `token` if one is given, may do `verb` in the space of this primary key.

    A verb that the table does not know is nobody's ("edit_comment": nobody edits another's).
    """
    role = user.space_roles().get(space_id)
    if role is None or verb not in LEAST:
        return False
    if token is not None and token.scope == "read" and verb not in READING:
        return False
    return ROLES.index(role) >= ROLES.index(LEAST[verb])


def may(request, verb, space_id):
    """`allows` for whoever signed this request in."""
    token = getattr(request, "auth", None)
    return allows(request.user, verb, space_id, token)


def may_change_view(request, view):
    """Whether the person may edit or delete a saved view: their own, and as an admin what a space shares."""
    is_own = view.owner_id == request.user.pk
    if view.space_id is None:
        return is_own
    return may(request, "share_view" if is_own else "manage_views", view.space_id)


def may_administer(user):
    """Whether `user` may enter the administration: superusers, and the admins of at least one space."""
    return user.is_authenticated and (user.is_superuser or ADMIN in user.space_roles().values())


class MayDo(BasePermission):
    """Signed in, and allowed what the view's `verbs` says of the action on the object's space."""

    def has_permission(self, request, view):
        if not request.user.is_authenticated:
            return False
        verb = view.verb()
        token = getattr(request, "auth", None)
        return token is None or token.scope != "read" or verb in READING

    def has_object_permission(self, request, view, row):
        return may(request, view.verb(row), row.home() if isinstance(row, Audited) else row.space_id)
