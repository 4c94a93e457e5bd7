"""The native REST API of spaces and of what belongs to them."""

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import PermissionDenied, ValidationError

from issues import keyset, lookups, rows
from issues.counts import open_by
from issues.filters import BadParameter, not_found
from issues.models import (
    Channel,
    Environment,
    Level,
    Membership,
    Project,
    SavedView,
    Space,
    Subscription,
    Team,
)
from issues.policy import may, may_change_view
from issues.serializers import MISSING
from issues.space_serializers import (
    ChannelSerializer,
    EnvironmentSerializer,
    LevelSerializer,
    MembershipSerializer,
    ProjectSerializer,
    SavedViewSerializer,
    SpaceSerializer,
    SubscriptionSerializer,
    TargetSerializer,
    TeamSerializer,
)
from issues.viewsets import PAGING, NativeViewSet, json_response, no_content, paged

SPACE = OpenApiParameter("space", str, description="A space, by key or id.")
IS_ACTIVE = OpenApiParameter("is_active", str, enum=["true", "false"], description="false: what is retired.")
PERSON = OpenApiParameter("user", str, description="Another person, by id or e-mail; only for an admin.")
COUNT = OpenApiParameter("count", str, enum=["exact"], description="Adds the number of all that match.")


def itself(*names):
    """Entries of a table for columns that stand in the document as they are."""
    return {name: ((name,), None) for name in names}


ID = {"id": (("uuid",), None)}
IN_SPACE = {"space": (tuple(f"space__{n}" for n in rows.SPACE), rows.space)}
USER = {"user": (tuple(f"user__{n}" for n in rows.PERSON), rows.person)}
KEPT = itself("is_active", "created_at")


class RowViewSet(NativeViewSet):
    """Rows that are listed and read as TABLE says: {key of the document: (columns, how they make it)}.

    `order` is that of the list, FILTERS its parameters, `manage` the verb of every write.
    """

    TABLE = {}
    FILTERS = ("space", "is_active")
    order = keyset.Order("name", False, False)
    manage = "configure_space"
    lookup_url_kwarg = "id"

    def verb(self, row=None):
        return "read" if self.request.method in ("GET", "HEAD") else self.manage

    @property
    def model(self):
        return self.queryset.model

    def get_queryset(self):
        """What this person sees."""
        return self.of(self.request.user.space_roles())

    def of(self, space_ids):
        """The rows of these spaces."""
        return self.model.objects.filter(space__in=space_ids)

    def with_id(self, id):
        uuid = lookups.as_uuid(id)
        return self.get_queryset().filter(uuid=uuid) if uuid else self.model.objects.none()

    def found(self):
        """The row of the address; Http404 for any that this person does not see."""
        row = self.with_id(self.kwargs["id"]).first()
        if row is None:
            raise Http404
        return row

    def get_object(self):
        row = self.found()
        self.check_object_permissions(self.request, row)
        return row

    def narrowed(self):
        """What this person sees of what the parameters ask for; BadParameter for those that say nothing."""
        found = self.get_queryset()
        if reference := self.parameter("space"):
            space = lookups.find_space(self.request.user, reference)
            if space is None:
                raise not_found("space")
            found = self.of_space(space)
        if is_active := self.parameter("is_active"):
            if is_active not in ("true", "false"):
                raise BadParameter("is_active", "Either true or false.")
            found = found.filter(is_active=is_active == "true")
        return found

    def of_space(self, space):
        """What this person sees of one of their spaces."""
        return self.of([space.pk])

    @extend_schema(parameters=[*PAGING, SPACE, IS_ACTIVE, COUNT])
    def list(self, request):
        self.allow_parameters("cursor", "page_size", "count", *self.FILTERS)
        found = self.narrowed()
        shape = rows.shape_of(self.TABLE, self.order.key)
        return self.page(
            found.values_list(*shape.columns),
            self.order,
            lambda page: self.complete([shape.document(row) for row in page]),
            lambda row: row[: len(self.order.key)],
        )

    def retrieve(self, request, id):
        self.allow_parameters()
        return self.answer(self.with_id(id))

    def document(self, found):
        """The document of the one row in `found`; Http404 where there is none."""
        shape = rows.shape_of(self.TABLE)
        documents = [shape.document(row) for row in found.order_by().values_list(*shape.columns)]
        if not documents:
            raise Http404
        return self.complete(documents)[0]

    def answer(self, found, status=200, **headers):
        return json_response(self.document(found), status, **headers)

    def complete(self, documents):
        """`documents` with what is not in their rows, or not for everybody."""
        return documents

    def respond(self, row, status=200, **headers):
        return self.answer(self.model.objects.filter(pk=row.pk), status, **headers)


class RecordViewSet(RowViewSet):
    """Rows of a space: made, changed, and retired where others would delete."""

    def create(self, request):
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        row = serializer.save()
        return self.respond(row, 201, Location=f"{request.path}{row.uuid}/")

    def update(self, request, id, partial=False):
        serializer = self.get_serializer(self.get_object(), data=request.data, partial=partial)
        serializer.is_valid(raise_exception=True)
        return self.respond(serializer.save())

    def partial_update(self, request, id):
        return self.update(request, id, partial=True)

    @extend_schema(responses={204: None})
    def destroy(self, request, id):
        """Retire it: it stays where it is named, and is not given out any more."""
        row = self.get_object()
        row.is_active = False
        row.save()
        return no_content()


class SpaceViewSet(RecordViewSet):
    """The spaces of which one is a member, by id or by key (`OPS`)."""

    serializer_class = SpaceSerializer
    queryset = Space.objects.none()
    TABLE = ID | itself("key", "name", "is_reopening") | {"role": (("pk",), None)} | itself("created_at")
    FILTERS = ()
    order = keyset.Order("key", False, False)

    def of(self, space_ids):
        return Space.objects.filter(pk__in=space_ids)

    def with_id(self, id):
        space = lookups.find_space(self.request.user, id)
        return Space.objects.filter(pk=space.pk) if space else Space.objects.none()

    @paged(SpaceSerializer, COUNT)
    def list(self, request):
        return super().list(request)

    def complete(self, documents):
        roles = self.request.user.space_roles()
        return [document | {"role": roles[document["role"]]} for document in documents]


class LevelViewSet(RecordViewSet):
    """The levels of one's spaces and those of the system, the most urgent first."""

    serializer_class = LevelSerializer
    queryset = Level.objects.none()
    TABLE = (
        ID
        | IN_SPACE
        | itself("key", "name", "description", "severity", "rank", "color")
        | {"is_system": (("space_id",), lambda space: space is None)}
        | KEPT
    )
    order = keyset.Order("rank", False, False, int)
    manage = "configure_levels"

    def of(self, space_ids):
        return Level.objects.of(space_ids)

    def get_object(self):
        if self.found().space_id is None:
            raise PermissionDenied("The system's levels are the same everywhere and do not change.")
        return super().get_object()

    def complete(self, documents):
        levels = Level.objects.filter(uuid__in=[document["id"] for document in documents])
        keys, counts = dict(levels.values_list("uuid", "pk")), open_by(self.request.user, "level")
        return [d | {"open_issue_count": counts.get(keys[d["id"]], 0)} for d in documents]


class ChannelViewSet(RecordViewSet):
    """The channels of one's spaces."""

    serializer_class = ChannelSerializer
    queryset = Channel.objects.none()
    TABLE = (
        ID
        | IN_SPACE
        | itself("name", "description", "query", "is_default")
        | {"targets": (("space_id", "targets"), lambda space, targets: (space, targets))}
        | KEPT
    )
    manage = "configure_channels"

    def complete(self, documents):
        """Targets for those who configure them; the default channel holds every issue without a row."""
        channels = Channel.objects.filter(uuid__in=[document["id"] for document in documents])
        in_space, in_channel = (open_by(self.request.user, kind) for kind in ("space", "channel"))
        counts = {
            uuid: in_space.get(space, 0) if is_default else in_channel.get(pk, 0)
            for uuid, pk, space, is_default in channels.values_list("uuid", "pk", "space", "is_default")
        }
        return [
            document
            | {
                "targets": self.shown_targets(*document["targets"]),
                "open_issue_count": counts[document["id"]],
            }
            for document in documents
        ]

    def shown_targets(self, space, targets):
        if not may(self.request, self.manage, space):
            return None
        return [{name: target.get(name) for name in TargetSerializer().fields} for target in targets]


class SubscriptionViewSet(NativeViewSet):
    """Who follows a channel, and in what part."""

    serializer_class = SubscriptionSerializer
    queryset = Subscription.objects.none()
    verbs = {"update": "subscribe", "destroy": "subscribe"}
    TABLE = ID | USER | itself("kind", "created_at")

    def channel(self):
        channel = lookups.find_in_spaces(Channel, self.request.user.space_roles(), self.kwargs["id"])
        if channel is None:
            raise Http404
        self.check_object_permissions(self.request, channel)
        return channel

    def of(self, channel):
        """The subscriptions of those who are members still."""
        people = lookups.people_of([channel.space_id])
        return Subscription.objects.filter(channel=channel, is_active=True, user__in=people)

    @paged(SubscriptionSerializer, COUNT)
    def list(self, request, id):
        self.allow_parameters("cursor", "page_size", "count")
        return self.page(
            self.of(self.channel()).values_list(*self.shape.columns),
            keyset.Order(id_descending=False),
            lambda page: [self.shape.document(row) for row in page],
            lambda row: row[:1],
        )

    def retrieve(self, request, id):
        """One's own."""
        self.allow_parameters()
        return self.answer(self.channel(), request.user)

    def update(self, request, id):
        """Follow the channel, or let another follow it."""
        channel = self.channel()
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        if not channel.is_active:
            raise ValidationError("The channel is retired.")
        person = self.person(channel, serializer.validated_data.get("user"))
        row = Subscription.of(channel, person)
        row.kind, row.is_active = serializer.validated_data["kind"], True
        row.save()
        return self.answer(channel, person)

    @extend_schema(parameters=[PERSON], responses={204: None})
    def destroy(self, request, id):
        """Follow the channel no more."""
        self.allow_parameters("user")
        channel = self.channel()
        row = self.of(channel).filter(user=self.person(channel, self.parameter("user"))).first()
        if row is None:
            raise Http404
        row.is_active = False
        row.save()
        return no_content()

    def person(self, channel, reference):
        """The member whom `reference` names, oneself without one; only an admin speaks for others."""
        if reference is None:
            return self.request.user
        person = lookups.find_person([channel.space_id], reference)
        if person is None:
            raise ValidationError({"user": [MISSING]}, "not_found")
        if person != self.request.user and not may(self.request, "configure_channels", channel.space_id):
            raise PermissionDenied()
        return person

    @property
    def shape(self):
        return rows.shape_of(self.TABLE, ("uuid",))

    def answer(self, channel, person):
        found = self.of(channel).filter(user=person).order_by().values_list(*self.shape.columns).first()
        if found is None:
            raise Http404
        return json_response(self.shape.document(found))


class TeamViewSet(RecordViewSet):
    """The teams of one's spaces."""

    serializer_class = TeamSerializer
    queryset = Team.objects.none()
    TABLE = ID | IN_SPACE | itself("name") | {"handle": (("handle",), rows.blank)} | itself("summary") | KEPT


class ProjectViewSet(RecordViewSet):
    """The projects of one's spaces."""

    serializer_class = ProjectSerializer
    queryset = Project.objects.none()
    TABLE = ID | IN_SPACE | itself("name", "external_id") | KEPT


class EnvironmentViewSet(ProjectViewSet):
    """The environments of one's spaces."""

    serializer_class = EnvironmentSerializer
    queryset = Environment.objects.none()


class MembershipViewSet(RecordViewSet):
    """Who may do what in one's spaces, in the order in which they joined."""

    serializer_class = MembershipSerializer
    queryset = Membership.objects.none()
    TABLE = ID | IN_SPACE | USER | itself("role") | KEPT
    order = keyset.Order(id_descending=False)
    manage = "manage_members"


class SavedViewViewSet(RecordViewSet):
    """One's own views and those that one's spaces share, in the order in which they were saved."""

    serializer_class = SavedViewSerializer
    queryset = SavedView.objects.none()
    TABLE = (
        ID
        | IN_SPACE
        | {"owner": (tuple(f"owner__{n}" for n in rows.PERSON), rows.person)}
        | itself("name", "query")
        | KEPT
    )
    order = keyset.Order(id_descending=False)
    manage = "share_view"

    def get_queryset(self):
        return SavedView.objects.visible_to(self.request.user)

    def get_object(self):
        view = self.found()
        if not may_change_view(self.request, view):
            raise PermissionDenied()
        return view
