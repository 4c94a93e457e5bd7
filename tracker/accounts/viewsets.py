"""The native REST API of people and of their tokens."""

from django.db.models import Exists, OuterRef, Q
from drf_spectacular.utils import OpenApiParameter, extend_schema

from issues import keyset, rows
from issues.filters import BadParameter
from issues.limits import NAME
from issues.models import Membership
from issues.policy import may
from issues.space_viewsets import COUNT, ID, IN_SPACE, IS_ACTIVE, KEPT, SPACE, USER, RowViewSet, itself
from issues.viewsets import json_response, no_content, paged
from tracker.accounts.models import ApiToken, User
from tracker.accounts.serializers import NewTokenSerializer, TokenSerializer, UserSerializer


class UserViewSet(RowViewSet):
    """The people of one's spaces."""

    serializer_class = UserSerializer
    queryset = User.objects.none()
    TABLE = (
        ID
        | itself("name", "email")
        | {"handle": (("handle",), rows.blank), "avatar_url": ((), lambda: None)}
        | itself("is_active")
    )
    FILTERS = ("space", "is_active", "q")

    def of(self, space_ids):
        shared = Membership.objects.filter(user=OuterRef("pk"), space__in=space_ids, is_active=True)
        return User.objects.filter(Exists(shared))

    def narrowed(self):
        text = self.parameter("q") or ""
        if len(text) > NAME:
            raise BadParameter("q", f"At most {NAME} characters.")
        found = super().narrowed()
        return found.filter(
            Q(name__icontains=text) | Q(handle__icontains=text) | Q(email__icontains=text) if text else Q()
        )

    @paged(
        UserSerializer,
        SPACE,
        IS_ACTIVE,
        COUNT,
        OpenApiParameter("q", str, description="Part of a name, a handle or an e-mail address."),
    )
    def list(self, request):
        return super().list(request)

    @extend_schema(operation_id="api_users_me")
    def me(self, request):
        """Oneself."""
        self.allow_parameters()
        return self.answer(User.objects.filter(pk=request.user.pk))

    def complete(self, documents):
        """With the spaces that this person shares with each."""
        shared = Membership.objects.filter(
            user__uuid__in=[document["id"] for document in documents],
            space__in=self.request.user.space_roles(),
            is_active=True,
        )
        spaces = {document["id"]: [] for document in documents}
        columns = ("user__uuid", "space__uuid", "space__key", "role")
        for user, space, key, role in shared.order_by("space__key").values_list(*columns):
            spaces[user].append({"id": space, "key": key, "role": role})
        return [document | {"spaces": spaces[document["id"]]} for document in documents]


class TokenViewSet(RowViewSet):
    """One's own tokens, the newest first; with `space`, to an admin, all whose home it is."""

    serializer_class = TokenSerializer
    queryset = ApiToken.objects.none()
    TABLE = (
        ID
        | itself("name", "scope")
        | {"space": (("space_id", *IN_SPACE["space"][0]), lambda pk, *space: (pk, rows.space(*space)))}
        | USER
        | itself("expires_at")
        | KEPT
    )
    order = keyset.Order()
    manage = "manage_own_tokens"

    def verb(self, row=None):
        # Also to read: a token that only reads has no business with tokens.
        return self.manage

    def get_queryset(self):
        """One's own, though their home may be left, and those of others that one may revoke."""
        roles = self.request.user.space_roles()
        managed = [space for space in roles if may(self.request, "manage_tokens", space)]
        return ApiToken.objects.filter(Q(user=self.request.user) | Q(space__in=managed))

    def narrowed(self):
        found = super().narrowed()
        return found if self.parameter("space") else found.filter(user=self.request.user)

    def of_space(self, space):
        return self.get_queryset().filter(space=space)

    def complete(self, documents):
        roles = self.request.user.space_roles()
        return [
            document | {"space": space if pk in roles else None}
            for document in documents
            for pk, space in [document["space"]]
        ]

    @extend_schema(responses={201: NewTokenSerializer})
    def create(self, request):
        """Make a token. Its secret is in this answer alone, so a repeated request is refused with 409."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        token, secret = ApiToken.issue(user=request.user, **serializer.validated_data)
        document = self.document(ApiToken.objects.filter(pk=token.pk)) | {"token": secret}
        headers = {"Location": f"{request.path}{token.uuid}/", "Cache-Control": "no-store"}
        return json_response(document, 201, **headers)

    @extend_schema(responses={204: None})
    def destroy(self, request, id):
        """Revoke it; it works no more from now on."""
        token = self.found()
        token.is_active = False
        token.save()
        return no_content()
