"""Lists of issues that people keep: their own ones, and those that a space shares."""

from urllib.parse import parse_qsl

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import F, Max, Q
from django.urls import reverse
from django.utils.translation import gettext

from issues.limits import NAME, PARAMETERS, QUERY, VIEWS, refusal
from issues.models.base import GuardedQuerySet
from issues.models.space import Space, SpaceRow


def params_of(query):
    """{parameter: value} of a query string; ValueError, with a sentence, where it is none."""
    try:
        pairs = parse_qsl(query, strict_parsing=bool(query), errors="strict", max_num_fields=PARAMETERS)
    except ValueError as error:
        raise ValueError("Parameters as in the address of a list: q=is%3Aopen&sort=level") from error
    params = dict(pairs)
    for name, value in pairs:
        if params[name] != value:
            raise ValueError(gettext("{} is there more than once.").format(name))
        if reason := refusal(name) or refusal(value):
            raise ValueError(reason)
    return params


def check_params(query):
    try:
        params_of(query)
    except ValueError as error:
        raise ValidationError(str(error)) from error


class SavedViewQuerySet(GuardedQuerySet):
    def visible_to(self, user):
        """One's own, and those that are shared in one's spaces."""
        return self.filter(Q(space__in=user.space_roles()) | Q(space=None, owner=user))

    def shown_to(self, user):
        """What is there to choose from: one's own first, then those of each space, in their order."""
        rows = self.visible_to(user).filter(is_active=True).select_related("space", "owner")
        return rows.order_by(F("space__key").asc(nulls_first=True), "position", "id")


class SavedView(SpaceRow):
    """What a list was narrowed to and sorted by, under a name.

    Without a space it is its owner's alone, and then no history tells of it. Shared in a space it is on
    record there from that moment on, and stays there.
    """

    space = models.ForeignKey(Space, models.PROTECT, null=True, blank=True, related_name="saved_views")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="saved_views")
    name = models.CharField(max_length=NAME)
    # The list's parameters as its address has them: q=is%3Aopen&sort=level
    query = models.CharField(max_length=QUERY, blank=True, validators=[check_params])
    # Among the views of the same owner or space. Not history: it says nothing of what a view shows.
    position = models.PositiveIntegerField(default=0, editable=False)

    FIELDS = ("space_id", "owner_id", "name", "query", "is_active")

    objects = SavedViewQuerySet.as_manager()

    class Meta(SpaceRow.Meta):
        ordering = ["position", "id"]
        constraints = [
            # A name is free again when its view is deleted.
            models.UniqueConstraint(
                fields=["space", "name"], condition=Q(is_active=True), name="savedview_shared_name"
            ),
            models.UniqueConstraint(
                fields=["owner", "name"], condition=Q(is_active=True, space=None), name="savedview_own_name"
            ),
        ]

    def __str__(self):
        return self.name

    @property
    def params(self):
        """{parameter: value} of the list."""
        return params_of(self.query)

    def get_absolute_url(self):
        """The list itself, which knows under which name it was opened."""
        return f"{reverse('issue-list')}?{self.query}{'&' if self.query else ''}view={self.uuid}"

    def validate(self, stored, changed):
        if stored is None or stored.space_id is not None:
            super().validate(stored, changed)
        is_back = self.is_active and (stored is None or not stored.is_active)
        if is_back and SavedView.objects.filter(owner=self.owner_id, is_active=True).count() >= VIEWS:
            raise ValidationError(
                {"name": gettext("At most {} views of one person: delete another one first.").format(VIEWS)}
            )

    def insert(self, actor):
        self.position = self.last_position() + 1
        super().insert(actor)

    def derive(self, stored, changed, at):
        """Where it is shared it comes last."""
        if "space_id" not in changed:
            return set()
        self.position = self.last_position() + 1
        return {"position"}

    def announce(self, stored, changed, actor):
        if self.space_id is None:
            return
        if stored is not None and stored.space_id is None:
            # To the space it begins here.
            stored, changed = None, ()
        super().announce(stored, changed, actor)

    def neighbours(self):
        """The views of the same list, this one among them."""
        rows = SavedView.objects.filter(space=self.space_id, is_active=True)
        return rows if self.space_id else rows.filter(owner=self.owner_id)

    def last_position(self):
        return self.neighbours().aggregate(last=Max("position"))["last"] or 0

    @transaction.atomic
    def move(self, by):
        """Put this view `by` places further down its list, or up; at an end nothing happens."""
        rows = sorted(self.neighbours().lock(), key=lambda row: (row.position, row.pk))
        place = rows.index(self)
        rows.insert(max(place + by, 0), rows.pop(place))
        for position, row in enumerate(rows, 1):
            models.QuerySet.update(SavedView.objects.filter(pk=row.pk), position=position)
