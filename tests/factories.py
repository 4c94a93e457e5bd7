"""Rows for tests: what matters to a test is said in it, the rest is made up here."""

import factory
from django.core.files.base import ContentFile
from factory.django import DjangoModelFactory

from comments.models import Comment
from issues.models import (
    Attachment,
    Channel,
    Environment,
    Issue,
    Level,
    Membership,
    Project,
    SavedView,
    Space,
    Subscription,
    Team,
)
from tracker.accounts.models import ApiToken, Invitation, User, digest_of


def made_up(start):
    """One word of letters, another for each row: among real ones may be what a test looks for."""
    places = [26**place for place in range(4)]
    return factory.Sequence(lambda n: start + "".join(chr(ord("a") + n // place % 26) for place in places))


class SpaceFactory(DjangoModelFactory):
    class Meta:
        model = Space

    key = factory.Sequence(lambda n: f"SP{n}")
    name = factory.LazyAttribute(lambda space: f"Space {space.key}")


class UserFactory(DjangoModelFactory):
    """A person; `UserFactory(member_of=space, member_of__role="admin")` joins a space."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    name = made_up("Xq")
    email = factory.Sequence(lambda n: f"person{n}@example.com")

    @factory.post_generation
    def member_of(user, create, space, **kwargs):
        if space:
            Membership(user=user, space=space, role=kwargs.get("role", "member")).save()


class MembershipFactory(DjangoModelFactory):
    class Meta:
        model = Membership

    space = factory.SubFactory(SpaceFactory)
    user = factory.SubFactory(UserFactory)
    role = "member"


class TokenFactory(DjangoModelFactory):
    """A token; `TokenFactory(secret="trk_x")` names what its holder presents."""

    class Meta:
        model = ApiToken

    class Params:
        secret = factory.Sequence(lambda n: f"trk_secret{n}")

    digest = factory.LazyAttribute(lambda token: digest_of(token.secret))
    user = factory.SubFactory(UserFactory)
    space = factory.SubFactory(SpaceFactory)
    name = "a program"


class InvitationFactory(DjangoModelFactory):
    """An invitation; `InvitationFactory(secret="x")` names what its link ends in. It holds while
    `invited_by` is an admin of the space.
    """

    class Meta:
        model = Invitation

    class Params:
        secret = factory.Sequence(lambda n: f"invited{n}")

    digest = factory.LazyAttribute(lambda invitation: digest_of(invitation.secret))
    space = factory.SubFactory(SpaceFactory)
    email = factory.Sequence(lambda n: f"newcomer{n}@example.com")
    invited_by = factory.SubFactory(UserFactory)


class InSpaceFactory(DjangoModelFactory):
    class Meta:
        abstract = True

    space = factory.SubFactory(SpaceFactory)


class IssueFactory(InSpaceFactory):
    class Meta:
        model = Issue

    title = made_up("Qx")


class LevelFactory(InSpaceFactory):
    class Meta:
        model = Level

    key = factory.Sequence(lambda n: f"L{n}")
    name = factory.LazyAttribute(lambda level: f"Level {level.key}")


class ChannelFactory(InSpaceFactory):
    class Meta:
        model = Channel

    name = factory.Sequence(lambda n: f"Channel {n}")


class SubscriptionFactory(DjangoModelFactory):
    class Meta:
        model = Subscription

    channel = factory.SubFactory(ChannelFactory)
    user = factory.SubFactory(UserFactory)


class TeamFactory(InSpaceFactory):
    class Meta:
        model = Team

    name = factory.Sequence(lambda n: f"Team {n}")


class ProjectFactory(InSpaceFactory):
    class Meta:
        model = Project

    name = factory.Sequence(lambda n: f"Project {n}")


class EnvironmentFactory(InSpaceFactory):
    class Meta:
        model = Environment

    name = factory.Sequence(lambda n: f"Environment {n}")


class SavedViewFactory(DjangoModelFactory):
    """A view of its owner alone; `SavedViewFactory(space=space)` is shared."""

    class Meta:
        model = SavedView

    owner = factory.SubFactory(UserFactory)
    name = factory.Sequence(lambda n: f"View {n}")
    query = "q=is%3Aopen"


class CommentFactory(DjangoModelFactory):
    class Meta:
        model = Comment

    issue = factory.SubFactory(IssueFactory)
    author = factory.SubFactory(UserFactory)
    content = made_up("Zx")


class AttachmentFactory(DjangoModelFactory):
    """A file; `AttachmentFactory(owner=issue, content=b"…")` is on an issue or a comment."""

    class Meta:
        model = Attachment

    name = "log.txt"

    @classmethod
    def _create(
        cls, model, content=b"A line of a log\n", owner=None, space=None, by=None, uuid=None, **kwargs
    ):
        space = space or (owner.space if owner._meta.model_name == "issue" else owner.issue.space)
        attachment = model.of(ContentFile(content), space=space, by=by, **kwargs)
        attachment.uuid = uuid or attachment.uuid
        attachment.save()
        if owner is not None:
            owner.wish("attachments", add=[attachment])
            owner.save()
        return attachment
