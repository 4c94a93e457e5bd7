"""The audit trail of one's spaces: what it can be narrowed by, and a page of it."""

from django.db import connection
from django.db.models import Exists, OuterRef
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext, gettext_lazy

from issues import keyset, lookups, rows
from issues.filters import BadParameter, not_found
from issues.lookups import stored
from issues.models import HistoryEntry, Issue
from issues.models.history import EVERYDAY, USUAL
from issues.models.sql import among, asked_of_each, where_of
from issues.paths import index_hint

NEWEST_FIRST = keyset.Order()
# The entry from which a page begins.
ROW_OF_KEY = "SELECT seen.id FROM issues_historyentry AS seen WHERE seen.uuid = %s"
# Of what is rare: {filter: (its values that are not, an index of all others, what it says of them)}.
RARE = {
    "action": (EVERYDAY, "history_rare", f"NOT (action IN {EVERYDAY})"),
    "source": (USUAL, "history_source", f"NOT (source IN {USUAL})"),
}
# Of so many spaces each is a part of the statement; with more, hardly an entry is of none of them.
SPACES = 200
SOURCES = (
    "web", "api", "admin", "import", "command", "worker", "rule",
    "qarion", "zylon", "guance", "versori", "datadog",
)  # fmt: skip
# What history calls the changes that are looked for, and what people do.
ACTIONS = {
    "created": gettext_lazy("Issue opened"),
    "status_changed": gettext_lazy("Status changed"),
    "priority_changed": gettext_lazy("Level set"),
    "assignee_changed": gettext_lazy("Assignee changed"),
    "title_changed": gettext_lazy("Title edited"),
    "description_changed": gettext_lazy("Description edited"),
    "label_added": gettext_lazy("Label added"),
    "label_removed": gettext_lazy("Label removed"),
    "comment_added": gettext_lazy("Comment added"),
    "comment_edited": gettext_lazy("Comment edited"),
    "comment_deleted": gettext_lazy("Comment deleted"),
    "attachment_added": gettext_lazy("File attached"),
    "attachment_removed": gettext_lazy("File removed"),
    "deleted": gettext_lazy("Issue deleted"),
    "restored": gettext_lazy("Issue restored"),
    "regressed": gettext_lazy("Issue regressed"),
    "level_created": gettext_lazy("Level made"),
    "level_changed": gettext_lazy("Level edited"),
    "level_retired": gettext_lazy("Level retired"),
    "level_restored": gettext_lazy("Level brought back"),
    "channel_created": gettext_lazy("Channel made"),
    "channel_changed": gettext_lazy("Channel edited"),
    "channel_retired": gettext_lazy("Channel retired"),
    "team_created": gettext_lazy("Team made"),
    "project_created": gettext_lazy("Project made"),
    "environment_created": gettext_lazy("Environment made"),
    "invitation_created": gettext_lazy("Somebody invited"),
    "invitation_changed": gettext_lazy("Invitation accepted"),
    "user_created": gettext_lazy("Superuser made"),
    "user_changed": gettext_lazy("Person edited"),
    "password_changed": gettext_lazy("Password changed"),
    "password_link_made": gettext_lazy("Password link made"),
    "membership_created": gettext_lazy("Member added"),
    "membership_changed": gettext_lazy("Role changed"),
    "membership_retired": gettext_lazy("Member removed"),
    "apitoken_created": gettext_lazy("Token made"),
    "apitoken_retired": gettext_lazy("Token revoked"),
    "savedview_created": gettext_lazy("View shared"),
    "savedview_changed": gettext_lazy("View edited"),
    "savedview_retired": gettext_lazy("View deleted"),
    "space_changed": gettext_lazy("Space edited"),
}
FILTERS = ("space", "issue", "actor", "source", "action", "batch")
# Of these there is little.
NARROW = {"issue", "batch"}


class Trail:
    """The entries that a user sees under filters, {parameter: value}; BadParameter for what is not there."""

    def __init__(self, user, wanted):
        self.user, self.spaces, self.actor = user, list(user.space_roles()), None
        self.is_narrow = not NARROW.isdisjoint(wanted)
        named = (name for name, (usual, *_) in RARE.items() if wanted.get(name) not in (None, *usual))
        self.rare = next(named, None)
        self.told = HistoryEntry.objects.told_to(user)
        for name, value in wanted.items():
            if name not in FILTERS:
                raise BadParameter(name, gettext("There is no such parameter."))
            self.narrow(name, value)

    def narrow(self, name, value):
        if name in ("source", "action"):
            self.told = self.told.filter(**{name: value})
            return
        row = self.named(name, value)
        if row is None:
            raise not_found(name)
        if name == "space":
            self.spaces = [row.pk]
        elif name == "actor":
            self.actor = row
        else:
            self.told = self.told.of_batch(row) if name == "batch" else self.told.filter(issue=row)
        if name in ("actor", "batch"):
            # What somebody did under an issue's anonymity is not found by what else they did either.
            self.told = shown_actors(self.told)

    def named(self, name, value):
        """What a filter names, or None."""
        if name == "space":
            return lookups.find_space(self.user, value)
        if name == "issue":
            return lookups.with_reference(Issue.objects.visible_to(self.user), value).first()
        if name == "batch":
            return lookups.as_uuid(value)
        return self.user if value == "me" else lookups.find_person(list(self.user.space_roles()), value)

    @property
    def entries(self):
        found = self.told.filter(space_id__in=self.spaces)
        return found.filter(actor=self.actor) if self.actor else found

    def page(self, cursor, size):
        """Its keyset.Page of tuples as `rows.history` has them, the newest first; BadCursor."""
        backwards, key = keyset.decode(cursor, NEWEST_FIRST) if cursor else (False, None)
        entries = rows.history(self.next(size + 1, key, backwards))
        found = keyset.read(entries, NEWEST_FIRST, backwards, key, 0, size + 1)
        return keyset.page_of(found, size, backwards, key, lambda row: row[:1])

    def next(self, most, key=None, backwards=False):
        """`entries`, of which `most` are enough: the newest ones, or those from beyond a key on."""
        if self.spaces and not self.is_narrow and (self.actor or len(self.spaces) <= SPACES):
            return HistoryEntry.objects.filter(pk__in=RawSQL(*self.ids(backwards, key, most)))
        return self.entries

    def ids(self, backwards, key, most):
        """(SQL, parameters) of a page's keys, along the index of actors, or merged along that of spaces or of
        what is rare in them.

        Along that of all entries, who belongs to quiet spaces would walk past what happens in the others.
        """
        where, known = where_of(self.told)
        where = f" AND {asked_of_each(where)}" if where else ""
        if key:
            where += f" AND id {'>' if backwards else '<'} ({ROW_OF_KEY})"
            known = [*known, stored(*key)]
        if self.actor and self.rare:
            # Not along the index of actors: most of what somebody does is usual.
            where, known = f"{where} AND actor_id + 0 = %s", [*known, self.actor.pk]
        find = of_actor if self.actor and not self.rare else of_spaces
        return find(self, where, known, backwards, f"LIMIT {most}")


def of_spaces(trail, where, known, backwards, limit):
    """(SQL, parameters) of the keys of the entries of a trail's spaces."""
    in_order = f"ORDER BY id {'ASC' if backwards else 'DESC'} {limit}"
    index = "history_space"
    if trail.rare:
        _, index, rare = RARE[trail.rare]
        where = f" AND {rare}{where}"
    part = f"SELECT id FROM issues_historyentry{index_hint(index)} WHERE space_id = %s{where}"
    if connection.vendor == "postgresql":
        # SQLite reads of each part as much as it merges, if parts have no end of their own.
        part = f"SELECT * FROM ({part} {in_order}) AS part"
    parts = " UNION ALL ".join([part] * len(trail.spaces))
    return f"SELECT id FROM ({parts} {in_order}) AS page", [
        value for space in trail.spaces for value in (space, *known)
    ]


def of_actor(trail, where, known, backwards, limit):
    """The same of what the trail's actor did in any of them.

    PostgreSQL is to take no other index. That of spaces it does not see behind the CASE; and the order is the
    actor's as well, of whom it does not know that a range has only one: else it would walk along the keys of
    all entries where many of them are the actor's.
    """
    actor, (among_spaces, spaces) = trail.actor.pk, among("space_id", trail.spaces)
    down, up = ("ASC", "DESC") if backwards else ("DESC", "ASC")
    if connection.vendor == "postgresql":
        own, values = f"actor_id BETWEEN %s AND %s AND CASE WHEN {among_spaces} THEN true END", [actor, actor]
        in_order = f"actor_id {up}, id {down}"
    else:
        own, values, in_order = f"actor_id = %s AND {among_spaces}", [actor], f"id {down}"
    source = f"issues_historyentry{index_hint('history_actor')}"
    sql = f"SELECT id FROM {source} WHERE {own}{where} ORDER BY {in_order} {limit}"
    return sql, [*values, *spaces, *known]


def shown_actors(entries):
    """`entries` without what somebody did under an issue's anonymity."""
    anonymous = Issue.objects.filter(pk=OuterRef("issue"), is_anonymous=True, reporter=OuterRef("actor"))
    return entries.exclude(Exists(anonymous.order_by()))
