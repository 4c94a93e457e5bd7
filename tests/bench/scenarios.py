"""What is asked of the servers of one database; `python -m tests.bench.scenarios` says it as JSON.

    {"product": {scenario: [request]}, "reference": {scenario: [request]}, "queries": {scenario: statements
    of the product}, "beside": the same without those that sign in, "weights": {page: its kilobytes as they
    are sent}, "shapes": {list: milliseconds}, "combinations": {what is counted: [request]}}

A request is [method, path, header that signs in, body].
"""

import gzip
import json
import sys
from datetime import timedelta
from itertools import combinations, cycle, islice

TOKENS = 200
DEEP = 50_000
OPEN = "open,acknowledged,in_progress,pending"
# Shares of the issues, as drawn from the generator's words: about .04 %, .8 % and 14 %.
WORDS = {"rare": slice(35_000, 35_020), "middling": slice(1_760, 1_780), "common": slice(45, 50)}
# What an issue may have nothing of.
PRESENT = (
    "assignee", "level", "project", "environment", "label", "team", "channel", "due", "resolved", "version",
    "reporter", "regressed",
)  # fmt: skip
ENTRIES, COMMENTS = 500, 100
SIGN_IN = ("accounts_apitoken", "django_session")


class Scenarios:
    """The requests of every scenario, with the people of the first space in turn."""

    def __init__(self):
        from issues.models import Issue, Membership, Space
        from tracker.generator import ground

        self.space = Space.objects.get(key="GEN00")
        self.small = Space.objects.filter(key__startswith="GEN").latest("key").key
        self.issues = Issue.objects.filter(space=self.space)
        roles = dict(Membership.objects.filter(space=self.space).values_list("user__email", "role"))
        here = [number for number in range(TOKENS) if ground.email_of(number) in roles]
        self.secrets = {number: ground.token_secret(number) for number in here}
        self.readers = cycle(here)
        # The first person is in every space, and asks with many tokens, since each may ask so often a minute.
        self.everywhere = cycle(made_tokens(self.space))
        self.writers = cycle(n for n in here if roles[ground.email_of(n)] != "viewer")
        assigned = self.issues.exclude(assignee=None).order_by("-id")
        pairs = list(dict.fromkeys(assigned.values_list("status", "assignee__uuid")[:5_000]))
        busy = [
            pair for pair in pairs if assigned.filter(status=pair[0], assignee__uuid=pair[1])[60:61].exists()
        ]
        self.pairs = (busy or pairs)[:20]
        self.somebody = assigned.exclude(project=None).exclude(level=None).filter(status="open")[0]

    def get(self, path):
        return ["GET", path, bearer(self.secrets[next(self.readers)]), ""]

    def get_everywhere(self, path):
        return ["GET", path, bearer(next(self.everywhere)), ""]

    def both(self):
        """What the reference can be asked as well; the cursors of the two are different."""
        from issues import keyset

        return {
            "product": self.simple(lambda uuid: keyset.encode(False, (uuid,))) | self.further(),
            "reference": self.simple(str),
        }

    def simple(self, cursor):
        lists = [f"/api/issues/?status={status}&assignee={uuid}" for status, uuid in self.pairs]
        pages = []
        for (status, person), path in zip(self.pairs, lists, strict=True):
            rows = self.issues.filter(status=status, assignee__uuid=person).order_by("-id")
            pages += [f"{path}&cursor={cursor(row.uuid)}" for row in rows[49:50]]
        last = self.issues.latest("id").id
        some = self.issues.filter(id__in=range(1, last, max(last // 1_000, 1)))
        return {
            "list": [self.get(path) for path in lists * 20],
            "page": [self.get(path) for path in (pages or lists) * 20],
            "label": [self.get(f"/api/issues/?label={key}") for key in KEYS * 40],
            "get": [self.get(f"/api/issues/{uuid}/") for uuid in some.values_list("uuid", flat=True)],
            "create": [self.post(self.long()) for _ in range(TOKENS)],
            "create, a title only": [self.post(self.short()) for _ in range(TOKENS)],
        }

    def post(self, said):
        return ["POST", "/api/issues/", bearer(self.secrets[next(self.writers)]), json.dumps(said)]

    def short(self):
        return {
            "space": self.space.key,
            "title": "Login fails after a password reset",
            "level": "P1",
            "assignee": str(self.pairs[0][1]),
        }

    def long(self):
        return self.short() | {
            "description": "Steps: open the app, reset the password, log in again.\n\nExpected: the home "
            "screen. Actual: error 500 in the token exchange; see the log lines below.",
            "labels": {"area": "login", "flaky": ""},
        }

    def further(self):
        """{scenario: requests} that only the product knows."""
        from tracker.generator import words

        facets = f"/api/issues/facets/?space={self.space.key}"
        common = words.WORDS[WORDS["common"]]
        return (
            {
                "deep page": [self.get(self.deep()) for _ in range(TOKENS)],
                "facets": [self.get(facets) for _ in range(TOKENS)],
                "facets, open": [self.get(f"{facets}&status={OPEN}") for _ in range(TOKENS)],
                "facets, label": [self.get(f"{facets}&label={key}") for key in KEYS * 40],
                "facets, common word": [self.get(f"{facets}&q={word}") for word in common * 40],
                "list page": [self.page("/issues/")],
                "issue page": [self.page(self.plain_issue().get_absolute_url())],
                "issue page, long": [self.page(self.long_issue().get_absolute_url())],
            }
            | self.totals()
            | self.searches()
            | self.errors()
            | self.doors()
        )

    def deep(self):
        """A list from the row on that stands DEEP rows deep, or in the middle where there are fewer."""
        from issues import keyset

        rows = self.issues.filter(status="resolved").order_by("-id")
        at = min(DEEP, rows.count() // 2)
        cursor = keyset.encode(False, (rows.values_list("uuid", flat=True)[at],))
        return f"/api/issues/?space={self.space.key}&status=resolved&cursor={cursor}"

    def totals(self):
        own = self.own()
        asked = {name: [query] for name, query in own.items()}
        asked["some of five"] = [*self.some_of_five(2, 3, 4).values()]
        asked["all five"] = ["&".join(own.values())]
        asked |= self.others()
        # What no counter tells is kept for a version of the spaces.
        asked["again"] = ["label=area&q=is:unread"]
        return {
            f"total, {name}": self.total(*islice(cycle(queries), TOKENS)) for name, queries in asked.items()
        }

    def own(self):
        """{name: query string} of each that the counters know, as one issue has it."""
        issue = self.somebody
        return {
            "space": f"space={self.space.key}",
            "project": f"project={issue.project.uuid}",
            "status": f"status={OPEN}",
            "level": f"level={issue.level.key}",
            "assignee": f"assignee={issue.assignee.uuid}",
        }

    def some_of_five(self, *sizes):
        """{combination: query string} of so many of these, as the issue has them, and of none or two; each
        only once.
        """
        own = self.own()
        other = own | {"project": "project=none", "level": "level=P0,P1", "assignee": "assignee=none"}
        names = [each for size in sizes for each in combinations(own, size)]
        asked = {
            "&".join(queries[name] for name in each): f"{', '.join(each)}{words}"
            for queries, words in ((other, "; none or two"), (own, ""))
            for each in names
        }
        return {name: query for query, name in asked.items()}

    def combinations(self):
        """{combination: requests} of each total by itself."""
        asked = self.some_of_five(1, 2, 3, 4, 5)
        return {name: self.total(*[query] * len(asked)) for name, query in asked.items()}

    def others(self):
        """{filter: query strings}, different ones, so that few of the answers were kept."""
        from issues.models import Channel, Environment, Team
        from tracker.generator import ground, lives, words

        def named(parameter, model):
            return [f"{parameter}={uuid}" for uuid in model.objects.values_list("uuid", flat=True)]

        newest = self.issues.order_by("-id")
        days = [f"{at:%Y-%m-%dT%H:00:00Z}" for at in newest.values_list("created_at", flat=True)[:5_000:25]]
        early = [f"{ground.START + timedelta(hours=hour):%Y-%m-%dT%H:00:00Z}" for hour in range(1, 40)]
        ever = [f"{ground.START + timedelta(days=5 * day):%Y-%m-%dT%H:00:00Z}" for day in range(1, TOKENS)]
        people = dict.fromkeys(newest.exclude(reporter=None).values_list("reporter__uuid", flat=True)[:2_000])
        prints = newest.exclude(fingerprint="").values_list("fingerprint", flat=True)[:TOKENS]
        keys = dict.fromkeys(lives.KEYS)
        return {
            "label and value": [f"label={key}:{value}" for key, value in labels()],
            "label": [f"label={key}" for key in keys],
            "not labelled": [f"q=-label:{key}" for key in keys],
            "team": named("team", Team),
            "channel": named("channel", Channel),
            "reporter": [f"reporter={uuid}" for uuid in people],
            "environment": [*named("environment", Environment), "environment=none"],
            "fingerprint": [f"fingerprint={text}" for text in prints],
            "created after": [f"created_after={at}" for at in days],
            "created before": [f"created_before={at}" for at in early],
            "updated after": [f"updated_after={at}" for at in days],
            "updated before": [f"updated_before={at}" for at in early],
            "created at any time": in_turn("created", ever),
            "updated at any time": in_turn("updated", ever),
            "something or nothing": [f"q={sign}:{name}" for name in PRESENT for sign in ("has", "no")],
            "unread": ["q=is:unread"],
            "service": [f"q=service:{name}" for name in (*lives.SERVICES, "none-has-it")],
            "error type": [f"q=error.type:{name}" for name in lives.ERRORS],
            "a word": [f"q={word}" for word in words.WORDS[WORDS["rare"]]],
        }

    def total(self, *queries):
        return [self.get_everywhere(f"/api/issues/?{query}&count=exact&page_size=1") for query in queries]

    def searches(self):
        from tracker.generator import words

        (status, person), found = self.pairs[0], {}
        for name, part in WORDS.items():
            for where, query in (
                ("", ""),
                (", status and assignee", f"&status={status}&assignee={person}"),
                (", small space", f"&space={self.small}"),
            ):
                found[f"search, {name}{where}"] = [
                    self.get_everywhere(f"/api/issues/?q={word}{query}")
                    for word in words.WORDS[part] * (TOKENS // len(words.WORDS[part]))
                ]
        return found

    def errors(self):
        """What was seen on the last day, in each order of Datadog's search."""
        from tracker.dialects.datadog.words import ORDERS
        from tracker.generator.ground import END

        # Neither end is a full hour.
        end = int((END - timedelta(minutes=10)).timestamp()) * 1_000
        found = {}
        for order in ORDERS:
            asked = {"query": "*", "persona": "ALL", "order_by": order, "from": end - 86_400_000, "to": end}
            body = json.dumps({"data": {"type": "search_request", "attributes": asked}})
            found[f"errors of 24 h, {order}"] = [
                ["POST", "/api/v2/error-tracking/issues/search", bearer(next(self.everywhere)), body]
                for _ in range(TOKENS)
            ]
        return found

    def doors(self):
        """The first page of a space's issues at each door: as many rows as ours, with its total."""
        from tracker.dialects.ids import ulid_of

        lists = {
            "qarion": ("GET", f"/issues?space_id={self.space.uuid}&size=50", ""),
            "zylon": ("GET", "/api/v1/app/issue?page_size=50", ""),
            "guance": ("POST", "/api/v1/issue/list", json.dumps({"pageSize": 50})),
            "versori": ("GET", f"/api/v2/o/{ulid_of(self.space.uuid)}/issues?first=50", ""),
        }
        return {
            f"door, {name}": [[method, path, bearer(next(self.everywhere)), body] for _ in range(TOKENS)]
            for name, (method, path, body) in lists.items()
        }

    def page(self, path):
        """A page, for who is signed in as the first person."""
        return ["GET", path, f"Cookie: sessionid={signed_in().cookies['sessionid'].value}", ""]

    def plain_issue(self):
        from issues.actor import Actor, acting_as
        from issues.models import Issue

        with acting_as(lambda: Actor(user=first_person())):
            issue = Issue(space=self.space, title="Nothing has happened yet", description="Just *this*.")
            issue.save()
        return issue

    def long_issue(self):
        """An issue with ENTRIES entries of history, of which COMMENTS are comments."""
        from comments.models import Comment
        from issues.actor import Actor, acting_as

        issue = self.plain_issue()
        with acting_as(lambda: Actor(user=first_person())):
            for at in range(COMMENTS):
                Comment(issue=issue, content=f"Remark {at}: see *above*.").save()
            for at in range(ENTRIES - COMMENTS - 1):
                issue.refresh_from_db()
                issue.status = ("acknowledged", "in_progress")[at % 2]
                issue.save()
        if issue.history.count() != ENTRIES:
            raise RuntimeError(f"{issue.history.count()} entries instead of {ENTRIES}.")
        return issue


KEYS = ("area", "customer", "release", "security", "plan")


def labels():
    """Pairs of labels that issues have: more than a run asks for."""
    from tracker.generator import lives

    return [(key, value) for key, values in zip(lives.KEYS, lives.VALUES, strict=True) for value in values]


def in_turn(name, times):
    """Query strings of lists from these times on and up to them, of which a page is its first rows."""
    ways = cycle(("{0}_after={1}", "{0}_before={1}&sort={0}"))
    return [way.format(name, at) for way, at in zip(ways, times, strict=False)]


def bearer(secret):
    return f"Authorization: Bearer {secret}"


def made_tokens(space):
    """The secrets of tokens of the first person, made where an earlier run has not."""
    from issues.actor import Actor, acting_as
    from tracker.accounts.models import ApiToken, digest_of

    made, user = [f"{ApiToken.PREFIX}bench{number:03}{'0' * 32}" for number in range(TOKENS)], first_person()
    digests = {digest_of(secret) for secret in made}
    known = ApiToken.objects.filter(digest__in=digests).values_list("digest", flat=True)
    with acting_as(lambda: Actor(user=user)):
        for digest in digests - {*known}:
            ApiToken(space=space, user=user, name="Bench", digest=digest).save()
    return made


def first_person():
    from tracker.accounts.models import User
    from tracker.generator import ground

    return User.objects.get(email=ground.email_of(0))


def signed_in():
    from django.test import Client

    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(first_person())
    return client


def measured_once(requests):
    """What `main` says of the first request of each scenario."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    counted, beside, weights = {}, {}, {}
    for name, (first, *_) in requests.items():
        method, path, header, body = first
        key, _, value = header.partition(": ")
        client = Client(headers={key: value, "host": "127.0.0.1"})
        options = {"data": body, "content_type": "application/json"} if body else {}
        client.generic(method, path, **options)
        with CaptureQueriesContext(connection) as captured:
            response = client.generic(method, path, **options)
        if response.status_code >= 300:
            raise RuntimeError(f"{name}: {response.status_code} {response.content[:300]}")
        counted[name] = len(captured)
        beside[name] = sum(not any(table in row["sql"] for table in SIGN_IN) for row in captured)
        if response["Content-Type"].startswith("text/html"):
            weights[name] = len(gzip.compress(response.content)) / 1_000
    return {"queries": counted, "beside": beside, "weights": weights}


def main():
    import django

    django.setup()
    from tests.bench import shapes

    scenarios = Scenarios()
    found = scenarios.both()
    found |= measured_once(found["product"]) | {"shapes": shapes.times()}
    found["combinations"] = scenarios.combinations()
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
