"""How often issues were seen in each hour, and by whom: what counts over a window of time are made of."""

from collections import Counter as Tally
from datetime import UTC, date, datetime, timedelta

from django.db import connection, models

from issues.models.insert import write_rows
from issues.models.space import Space
from issues.models.sql import among

# From the year 1, so that none is negative.
HOURS_TO_1970 = (date(1970, 1, 1).toordinal() - 1) * 24
PLACE = 'space_id, hour, issue_id, session, "user"'
START = f"INSERT INTO issues_occurrencehour ({PLACE}, number)"
END = f"ON CONFLICT ({PLACE}) DO UPDATE SET number = issues_occurrencehour.number + excluded.number"


def hour_of(at):
    """The number of the hour in which `at` is."""
    at = at.astimezone(UTC)
    return (at.toordinal() - 1) * 24 + at.hour


def start_of(hour):
    """The moment at which the hour of this number begins."""
    return datetime.fromordinal(hour // 24 + 1).replace(tzinfo=UTC) + timedelta(hours=hour % 24)


def hour_sql(column):
    """`hour_of` a time of the database."""
    if connection.vendor == "postgresql":
        seconds = f"extract(epoch FROM date_trunc('hour', {column} AT TIME ZONE 'UTC'))::bigint"
    else:
        # Without what follows the hour, which SQLite would round.
        seconds = f"strftime('%%s', substr({column}, 1, 13) || ':00')"
    return f"{seconds} / 3600 + {HOURS_TO_1970}"


class OccurrenceHourQuerySet(models.QuerySet):
    def add(self, space, occurrences):
        """Count new Occurrences of issues of one space, whose rows the caller has locked or just made."""
        tally = Tally((hour_of(row.at), row.issue_id, row.session, row.user) for row in occurrences)
        rows = [[space, *place, number] for place, number in tally.items()]
        with connection.cursor() as cursor:
            write_rows(cursor, START, rows, END)

    def differences(self):
        """(primary key of a space, what is wrong) of each hour that does not hold what was seen in it."""
        for space in Space.objects.order_by("pk"):
            sql, parameters = missing([space.pk])
            with connection.cursor() as cursor:
                cursor.execute(sql, parameters)
                for _, hour, issue, session, user, number in cursor.fetchall():
                    of = f"{issue} {session!r} {user!r}"
                    yield space.pk, f"of {space}, {start_of(hour):%Y-%m-%d %H}h ({of}) lacks {number}"

    def repair(self, spaces):
        """Give the hours of these spaces what they lack: also how they are filled at first."""
        spaces = list(dict.fromkeys(spaces))
        sql, parameters = missing(spaces)
        with connection.cursor() as cursor:
            cursor.execute(f"{START} {sql} {END}", parameters)
        self.filter(space__in=spaces, number__lte=0).delete()


class OccurrenceHour(models.Model):
    """So many sightings of an issue in one hour that name the same session and the same user, or none.

    Sessions and users are told apart, since how many there were in two hours is no sum.
    """

    pk = models.CompositePrimaryKey("space_id", "hour", "issue_id", "session", "user")
    space = models.ForeignKey(Space, models.PROTECT, related_name="+", db_index=False)
    hour = models.IntegerField()
    issue = models.ForeignKey("issues.Issue", models.PROTECT, related_name="+", db_index=False)
    session = models.CharField(max_length=128, blank=True)
    user = models.CharField(max_length=128, blank=True)
    number = models.IntegerField()

    objects = OccurrenceHourQuerySet.as_manager()


def missing(spaces):
    """(SQL, parameters) of what the hours of these spaces lack of what was seen in them."""
    home, homes = among("space_id", spaces)
    return (
        f"SELECT {PLACE}, sum(number) AS number FROM (SELECT i.space_id, {hour_sql('o.at')} AS hour, "
        'o.issue_id, o.session, o."user", 1 AS number FROM issues_issue AS i '
        f"JOIN issues_occurrence AS o ON o.issue_id = i.id WHERE i.{home} "
        f"UNION ALL SELECT {PLACE}, -number FROM issues_occurrencehour WHERE {home}) AS found "
        f"GROUP BY {PLACE} HAVING sum(number) <> 0 ORDER BY {PLACE}",
        [*homes, *homes],
    )
