"""What rows of a space have in common: levels and channels, whose history says who made and changed them."""

from django.db.models import Max, Min

from issues.models import HistoryEntry
from tracker.dialects.guance.serializers import account, document_of, seconds, serial
from tracker.dialects.guance.words import NEVER, NORMAL
from tracker.dialects.ids import prefixed


class Records:
    """Who made these rows of one model and who changed them last, looked up once for all of them."""

    def __init__(self, space, rows):
        chain = HistoryEntry.objects.filter(space=space, issue=None)
        told = chain.filter(subject__in=[row.uuid for row in rows]).order_by().values_list("subject")
        ends = list(told.annotate(Min("position"), Max("position")))
        wanted = {position for _, *both in ends for position in both}
        entries = chain.filter(position__in=wanted).select_related("actor").order_by() if wanted else ()
        at = {entry.position: entry for entry in entries}
        self.space = space
        self.ends = {subject: (at[first], at[last]) for subject, first, last in ends}

    def document(self, row, prefix):
        """The keys that a level and a channel share."""
        first, last = self.ends.get(row.uuid, (None, None))
        return {
            "createAt": seconds(row.created_at),
            "creator": account(document_of(first and first.actor)),
            "deleteAt": NEVER,
            "description": row.description,
            "id": serial(row.uuid),
            "name": row.name,
            "status": NORMAL,
            "updateAt": seconds(row.created_at if last is first else last.created_at),
            "updator": account(document_of(last and last.actor)),
            "uuid": prefixed(prefix, row.uuid),
            "workspaceUUID": prefixed("wksp", self.space.uuid),
        }
