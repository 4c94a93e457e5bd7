"""The audit trail of one's spaces: what it can be narrowed by, and a page of it."""

from django.core.exceptions import FullResultSet
from django.db import connection
from django.db.models import F
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext, gettext_lazy

from issues import keyset, lookups, rows
from issues.filters import BadParameter, not_found
from issues.lookups import stored
from issues.models import HistoryEntry, Issue
from issues.paths import index_hint

NEWEST_FIRST = keyset.Order()
# The entry from which a page begins.
ROW_OF_KEY = "SELECT seen.id FROM issues_historyentry AS seen WHERE seen.uuid = %s"
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
# Of what these name there is an index, or little time.
NARROW = {"issue", "actor", "batch"}


class Trail:
    """The entries that a user sees under filters, {parameter: value}; BadParameter for what is not there."""

    def __init__(self, user, wanted):
        self.user, self.spaces = user, list(user.space_roles())
        self.is_narrow = not NARROW.isdisjoint(wanted)
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
        else:
            self.told = self.told.of_batch(row) if name == "batch" else self.told.filter(**{name: row})
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
        return self.told.filter(space_id__in=self.spaces)

    def page(self, cursor, size):
        """Its keyset.Page of tuples as `rows.history` has them, the newest first; BadCursor."""
        backwards, key = keyset.decode(cursor, NEWEST_FIRST) if cursor else (False, None)
        entries = self.entries
        if not self.is_narrow and 0 < len(self.spaces) <= SPACES:
            ids = RawSQL(*self.ids(backwards, key, size + 1))
            entries = HistoryEntry.objects.filter(pk__in=ids)
        found = keyset.read(rows.history(entries), NEWEST_FIRST, backwards, key, 0, size + 1)
        return keyset.page_of(found, size, backwards, key, lambda row: row[:1])

    def ids(self, backwards, key, most):
        """(SQL, parameters) of the keys of a page, merged from the entries of each space along their index.

        Through those of all spaces, who belongs to quiet ones would walk past what happens in the others.
        """
        conditions = [
            ("space_id = %s", []),
            compiled(self.told),
            (f"id {'>' if backwards else '<'} ({ROW_OF_KEY})", [stored(*key)]) if key else ("", []),
        ]
        where = " AND ".join(sql for sql, _ in conditions if sql)
        known = [value for _, values in conditions for value in values]
        in_order = f"ORDER BY id {'ASC' if backwards else 'DESC'} LIMIT {most}"
        part = f"SELECT id FROM issues_historyentry{index_hint('history_space')} WHERE {where}"
        if connection.vendor == "postgresql":
            # SQLite reads of each part as much as it merges, if parts have no end of their own.
            part = f"SELECT * FROM ({part} {in_order}) AS part"
        parts = " UNION ALL ".join([part] * len(self.spaces))
        return f"SELECT id FROM ({parts} {in_order}) AS page", [
            value for space in self.spaces for value in (space, *known)
        ]


def compiled(entries):
    """(SQL, parameters) of what a queryset of entries asks of each of them."""
    query = entries.query
    try:
        return query.get_compiler("default").compile(query.where)
    except FullResultSet:
        return "", []


def shown_actors(entries):
    """`entries` without what somebody did under an issue's anonymity."""
    return entries.exclude(issue__is_anonymous=True, issue__reporter=F("actor"))
