"""The sets of an issue (labels, teams, channels, attachments): wished for, then compared under its lock."""

from dataclasses import dataclass, field

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext

from issues.limits import ATTACHMENTS, LABEL_KEY, LABEL_VALUE, LABELS, refusal
from issues.models.base import Guarded, WayRound
from issues.models.history import Member
from issues.models.insert import insert_many


@dataclass(slots=True)
class Wish:
    """What a set shall become: `replace` it as a whole, or `add` to it and `remove` from it."""

    replace: dict | None = None
    add: dict = field(default_factory=dict)
    remove: frozenset = frozenset()

    def then(self, add, remove):
        """This wish and, after it, another one for single members."""
        kept = {key: value for key, value in self.add.items() if key not in remove}
        return Wish(self.replace, kept | add, self.remove - add.keys() | remove)

    def apply(self, stored):
        base = stored if self.replace is None else self.replace
        return {key: value for key, value in (base | self.add).items() if key not in self.remove}


class MemberQuerySet(models.QuerySet):
    """Rows that only their issue's save writes."""

    def refuse(self, *args, **kwargs):
        raise WayRound("A member of a set changes with its issue: assign the set and save().")

    update = bulk_update = bulk_create = delete = refuse


class MemberRow(Guarded):
    """A row of a set's table."""

    objects = MemberQuerySet.as_manager()

    class Meta(Guarded.Meta):
        abstract = True

    def save(self, *args, **kwargs):
        raise WayRound("A member of a set changes with its issue: assign the set and save().")


class IssueLabel(MemberRow):
    """A key and a value on an issue; a plain tag is a key with an empty value."""

    issue = models.ForeignKey("issues.Issue", models.PROTECT, related_name="label_rows", db_index=False)
    space = models.ForeignKey("issues.Space", models.PROTECT, related_name="+", db_index=False)
    key = models.CharField(max_length=LABEL_KEY)
    value = models.CharField(max_length=LABEL_VALUE, blank=True)

    class Meta(MemberRow.Meta):
        constraints = [models.UniqueConstraint(fields=["issue", "key"], name="label_once")]
        indexes = [
            models.Index("space", "key", models.F("issue").desc(), name="label_key"),
            models.Index("space", "key", "value", models.F("issue").desc(), name="label_search"),
        ]


class IssueTeam(MemberRow):
    """A team that owns an issue."""

    issue = models.ForeignKey("issues.Issue", models.PROTECT, related_name="team_rows", db_index=False)
    team = models.ForeignKey("issues.Team", models.PROTECT, related_name="issue_rows", db_index=False)

    class Meta(MemberRow.Meta):
        constraints = [models.UniqueConstraint(fields=["issue", "team"], name="team_once")]
        indexes = [models.Index("team", models.F("issue").desc(), name="team_search")]


class IssueChannel(MemberRow):
    """A channel that a rule or a hand put an issue into; the default one holds all without rows."""

    issue = models.ForeignKey("issues.Issue", models.PROTECT, related_name="channel_rows", db_index=False)
    channel = models.ForeignKey("issues.Channel", models.PROTECT, related_name="issue_rows", db_index=False)
    is_manual = models.BooleanField(default=True)

    class Meta(MemberRow.Meta):
        constraints = [models.UniqueConstraint(fields=["issue", "channel"], name="issue_channel_once")]
        indexes = [models.Index("channel", models.F("issue").desc(), name="issue_channel_search")]


class IssueAttachment(MemberRow):
    """A file on an issue."""

    issue = models.ForeignKey("issues.Issue", models.PROTECT, related_name="attachment_rows", db_index=False)
    attachment = models.OneToOneField("issues.Attachment", models.PROTECT, related_name="issue_row")

    class Meta(MemberRow.Meta):
        indexes = [models.Index("issue", "id", name="issue_attachment")]


class RelatedSet:
    """A set of rows of the same space, wished for as rows or primary keys, known by primary key."""

    def __init__(self, name, through, most=1_000, owner="issue"):
        self.name, self.through, self.most, self.owner = name, through, most, owner
        self.member = name.removesuffix("s")

    def form(self, wish):
        """The wished members as {primary key: None}."""
        return {getattr(row, "pk", row): None for row in wish}

    form_keys = form

    def stored(self, owner_ids):
        """{owner: {member: value}} as the table has it."""
        found = {pk: {} for pk in owner_ids}
        rows = self.through.objects.filter(**{f"{self.owner}__in": owner_ids}).order_by("pk")
        for owner, key in rows.values_list(f"{self.owner}_id", f"{self.member}_id"):
            found[owner][key] = None
        return found

    def members(self, issue, old, new):
        """What entries say of a change from `old` to `new`; ValidationError for a row of another space."""
        rows = self.rows(old.keys() ^ new.keys(), issue)
        added = [self.entry("added", new_row=rows[key]) for key in new if key not in old]
        return added + [self.entry("removed", old_row=rows[key]) for key in old if key not in new]

    def rows(self, keys, issue):
        if not all(type(key) is int and 0 < key < 2**63 for key in keys):
            raise ValidationError({self.name: gettext("There is no such row.")})
        rows = self.related_model.objects.in_bulk(keys) if keys else {}
        if any(key not in rows or rows[key].space_id != issue.home() for key in keys):
            raise ValidationError({self.name: gettext("It belongs to another space.")})
        return rows

    def entry(self, verb, old_row=None, new_row=None):
        show = [(str(row.uuid), str(row)) if row else (None, "") for row in (old_row, new_row)]
        return Member(f"{self.member}_{verb}", self.name, show[0][0], show[1][0], show[0][1], show[1][1])

    def validate(self, new):
        if len(new) > self.most:
            raise ValidationError({self.name: gettext("At most {}.").format(self.most)})

    def row(self, issue, key, value, actor):
        return self.through(**{f"{self.owner}_id": issue.pk, f"{self.member}_id": key})

    def put(self, diffs, actor):
        """Write (issue, old, new) of many issues: one DELETE per removed member, one INSERT for all."""
        gone, fresh = {}, []
        for issue, old, new in diffs:
            for key in old:
                if key not in new or new[key] != old[key]:
                    gone.setdefault(key, []).append(issue.pk)
            fresh += [
                self.row(issue, key, value, actor)
                for key, value in new.items()
                if key not in old or old[key] != value
            ]
        for key, issues in gone.items():
            rows = self.through.objects.filter(**{f"{self.owner}__in": issues, self.key_column: key})
            models.QuerySet.delete(rows)
        insert_many(fresh)

    @property
    def key_column(self):
        return f"{self.member}_id"

    @property
    def related_model(self):
        return self.through._meta.get_field(self.member).related_model


class ChannelSet(RelatedSet):
    def row(self, issue, key, value, actor):
        return IssueChannel(issue_id=issue.pk, channel_id=key, is_manual=actor.rule is None)

    def rows(self, keys, issue):
        rows = super().rows(keys, issue)
        if any(channel.is_default for channel in rows.values()):
            raise ValidationError({self.name: gettext("The default channel holds every issue by itself.")})
        return rows


class AttachmentSet(RelatedSet):
    def rows(self, keys, issue):
        """The files; each is on one issue or comment and nowhere else."""
        rows = super().rows(keys, issue)
        for relation in self.related_model._meta.related_objects if rows else ():
            elsewhere = relation.related_model.objects.filter(attachment__in=rows)
            if relation.related_model is self.through:
                elsewhere = elsewhere.exclude(**{self.owner: issue.pk})
            if elsewhere.exists():
                raise ValidationError({self.name: gettext("It belongs to another issue or comment.")})
        return rows

    def validate(self, new):
        if len(new) > self.most:
            raise ValidationError({self.name: gettext("At most {} files.").format(self.most)})


class LabelSet(RelatedSet):
    """Labels: a dict of values by key, or just keys."""

    key_column = "key"

    def form(self, wish):
        return dict(wish) if isinstance(wish, dict) else dict.fromkeys(wish, "")

    def form_keys(self, wish):
        return set(wish)

    def stored(self, issue_ids):
        found = {pk: {} for pk in issue_ids}
        rows = self.through.objects.filter(issue__in=issue_ids).order_by("pk")
        for issue, key, value in rows.values_list("issue_id", "key", "value"):
            found[issue][key] = value
        return found

    def members(self, issue, old, new):
        entries = []
        for key in [*new, *(key for key in old if key not in new)]:
            before, after = (show_label(key, labels.get(key)) for labels in (old, new))
            if before != after:
                verb = "added" if key not in old else "removed" if key not in new else "changed"
                entries.append(Member(f"label_{verb}", self.name, before[0], after[0], before[1], after[1]))
        return entries

    def validate(self, new):
        if len(new) > LABELS:
            raise ValidationError({self.name: gettext("At most {} labels.").format(LABELS)})
        for key, value in new.items():
            for text, most in ((key, LABEL_KEY), (value, LABEL_VALUE)):
                if not isinstance(text, str):
                    raise ValidationError({self.name: gettext("Keys and values of labels are strings.")})
                if len(text) > most:
                    raise ValidationError(
                        {
                            self.name: gettext("At most {most} characters: {text}…").format(
                                most=most, text=text[:20]
                            )
                        }
                    )
                if reason := refusal(text):
                    raise ValidationError({self.name: reason})
            if not key.strip():
                raise ValidationError({self.name: gettext("A label needs a key.")})

    def row(self, issue, key, value, actor):
        return IssueLabel(issue_id=issue.pk, space_id=issue.space_id, key=key, value=value)


def show_label(key, value):
    """(value for history, text for people) of a label, (None, "") where there is none."""
    if value is None:
        return None, ""
    return {"key": key, "value": value}, f"{key}: {value}" if value else key


SETS = {
    row.name: row
    for row in (
        LabelSet("labels", IssueLabel),
        RelatedSet("teams", IssueTeam),
        ChannelSet("channels", IssueChannel),
        AttachmentSet("attachments", IssueAttachment, ATTACHMENTS),
    )
}


class SetAttribute:
    """`issue.labels`: reading gives what is wished or stored, assigning keeps the wish until `save()`."""

    def __init__(self, kind):
        self.kind, self.name = kind, kind.name

    def __get__(self, row, owner=None):
        if row is None:
            return self
        stored = {} if row.pk is None else self.kind.stored([row.pk])[row.pk]
        wish = row.wishes().get(self.name)
        return wish.apply(stored) if wish else stored

    def __set__(self, row, value):
        row.wishes()[self.name] = Wish(replace=self.kind.form(value))

    def wish(self, row, add=(), remove=()):
        before = row.wishes().get(self.name, Wish())
        row.wishes()[self.name] = before.then(self.kind.form(add), frozenset(self.kind.form_keys(remove)))
