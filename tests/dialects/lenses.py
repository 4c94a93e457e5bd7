"""Each door as a client of it sees an issue: read, written and listed; the laws are in `test_laws.py`.

A new door is one more Lens.
"""

from datetime import UTC, datetime

from hypothesis import strategies as st

from tests.calls import done, send
from tracker.dialects.ids import prefixed, ulid_of

# What a field of a document may touch when it is written, by columns of the issue and names of its sets.
STATUS = {"status", "resolution", "resolved_at", "closed_at"}
TITLE = {"title", "is_title_derived"}
# A title that nobody set is the description's first line.
TEXT = {"description", "description_format", "description_rendered", *TITLE}
LEVEL = {"level_id", "level_rank"}

# No database takes NUL, and UTF-8 has no half of a pair.
CHARACTERS = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
ODD = [
    "a\r\nb\n\n",
    " \t x ",
    "<b>&amp;</b>",
    "e\u0301 \u00e9 \u2028\u200f\U0001f989",
    "\\n \\u0041 %s {}",
    "\x85\x1f",
]
TEXTS = st.sampled_from(["", *ODD]) | st.text(CHARACTERS, max_size=20)
LINES = st.sampled_from(["x" * 500, *ODD[1:]]) | st.text(CHARACTERS, max_size=20)
TITLES = LINES.filter(lambda text: text.strip() and not {"\n", "\r"} & set(text))
KEYS = st.sampled_from(["team", " a b ", "x" * 64]) | st.text(CHARACTERS, max_size=9).filter(str.strip)
MAPS = st.dictionaries(KEYS, TEXTS, max_size=4)
MOMENTS = st.datetimes(timezones=st.just(UTC))


def some(**fields):
    """The strategy of documents with any of these fields."""
    return st.fixed_dictionaries({}, optional=fields)


class Lens:
    """The laws ask only this of a door.

    `touched` is {field that is written: what that may touch}, `status` the field for the status, `accepted`
    {field: {value that is taken: what it is shown as}} of the values that are never shown.
    """

    name = status = ""
    touched = {}
    accepted = {}
    creates = True

    def read(self, client, issue):
        """What the door shows of the issue, as its client would send it back."""
        raise NotImplementedError

    def write(self, client, issue, document):
        """Send a document, of which only some fields may be there."""
        raise NotImplementedError

    def documents(self, ground):
        """The strategy of documents that can be written, with values of all fields in `touched`."""
        raise NotImplementedError

    def creations(self, ground):
        """The strategy of documents that create an issue, where the door `creates` any."""
        raise NotImplementedError

    def create(self, client, ground, document):
        """Create an issue."""
        raise NotImplementedError

    def listed(self, client, ground, **parameters):
        """The documents of a list of at least ten issues, with these parameters, as they are shown."""
        raise NotImplementedError

    def selected(self):
        """{parameter: (function of a listed document that tells what it selects by, values to ask for)}"""
        raise NotImplementedError


class Qarion(Lens):
    name, status = "qarion", "status"
    touched = {
        "title": TITLE,
        "description": TEXT,
        "status": STATUS,
        "priority": LEVEL,
        "product_id": {"project_id"},
        # Whom only Datadog's door knows is forgotten where anybody is assigned.
        "assignee_id": {"assignee_id", "extensions"},
    }

    def read(self, client, issue):
        found = done(client.get(f"/issues/{issue.uuid}"))
        found |= {f"{name}_id": found[name] and found[name]["id"] for name in ("product", "assignee")}
        if issue.level_id is None:
            # Who writes `medium` means it, though it was shown for no level at all.
            del found["priority"]
        return found

    def write(self, client, issue, document):
        done(send(client, "patch", f"/issues/{issue.uuid}", document))

    def documents(self, ground):
        return some(
            title=TITLES,
            description=TEXTS,
            status=st.sampled_from(["open", "in_progress", "resolved"]),
            priority=st.sampled_from(["critical", "high", "medium", "low"]),
            product_id=st.sampled_from([None, *(str(row.uuid) for row in ground.projects)]),
            assignee_id=st.sampled_from([None, *(str(person.uuid) for person in ground.members)]),
        )

    def creations(self, ground):
        return st.fixed_dictionaries(
            {"title": TITLES, "space_id": st.just(str(ground.space.uuid))},
            optional={
                "description": TEXTS,
                "priority": st.sampled_from(["critical", "high", "medium", "low"]),
                "product_id": st.sampled_from([None, *(str(row.uuid) for row in ground.projects)]),
                "assignee_id": st.sampled_from([None, *(str(person.uuid) for person in ground.members)]),
                "alert_id": st.none() | st.uuids().map(str),
            },
        )

    def create(self, client, ground, document):
        done(send(client, "post", "/issues", document), 201)

    def listed(self, client, ground, **parameters):
        return done(client.get("/issues", parameters))["items"]

    def selected(self):
        return {
            "status": (lambda row: row["status"], ["open", "in_progress", "resolved"]),
            "priority": (lambda row: row["priority"], ["critical", "high", "medium", "low"]),
            "product_id": (lambda row: row["product"] and row["product"]["id"], []),
            "assignee_id": (lambda row: row["assignee"] and row["assignee"]["id"], []),
        }


class Versori(Lens):
    name, status = "versori", "status"
    touched = {
        "title": TITLE,
        "message": TEXT,
        "reason": {"reason"},
        "labels": {"labels", "labels_shown"},
        "annotations": {"annotations"},
        "severity": LEVEL,
        "status": STATUS,
        "resolutionStatus": STATUS,
        "resolvedAt": {"resolved_at"},
    }
    accepted = {"severity": {"critical": "high"}}

    def path(self, space):
        return f"/api/v2/o/{ulid_of(space.uuid)}/issues"

    def read(self, client, issue):
        return done(client.get(f"{self.path(issue.space)}/{ulid_of(issue.uuid)}"))

    def write(self, client, issue, document):
        done(send(client, "patch", f"{self.path(issue.space)}/{ulid_of(issue.uuid)}", document))

    def documents(self, ground):
        seconds = MOMENTS.map(lambda at: f"{at.isoformat()[:19]}Z")
        return some(
            title=TITLES,
            message=TEXTS,
            reason=st.sampled_from(["error", "manual"]),
            labels=MAPS,
            annotations=MAPS,
            severity=st.sampled_from(["critical", "high", "medium", "low"]),
            status=st.sampled_from(["open", "acked", "resolved", "closed"]),
            resolutionStatus=st.sampled_from(["resolved", "negated", "ignored"]),
            resolvedAt=st.none() | seconds,
        )

    def creations(self, ground):
        ids = st.sampled_from(["shop", "prod"]) | st.text(CHARACTERS, min_size=1, max_size=128)
        return st.fixed_dictionaries(
            {
                "organisationId": st.just(ulid_of(ground.space.uuid)),
                "environmentId": ids | st.just(ulid_of(ground.environments[0].uuid)),
                "reason": st.sampled_from(["error", "manual"]),
                "title": TITLES,
                "severity": st.sampled_from(["critical", "high", "medium", "low"]),
            },
            optional={"projectId": ids, "message": TEXTS, "labels": MAPS, "annotations": MAPS},
        )

    def create(self, client, ground, document):
        done(send(client, "post", self.path(ground.space), document), 201)

    def listed(self, client, ground, **parameters):
        return done(client.get(self.path(ground.space), parameters))

    def selected(self):
        return {
            "status": (lambda row: row["status"], ["open", "acked", "resolved", "closed"]),
            "severity": (lambda row: row.get("severity"), ["high", "medium", "low"]),
            "project_id": (lambda row: row["projectId"], []),
            "environment_id": (lambda row: row["environmentId"], []),
        }


class Zylon(Lens):
    name, status = "zylon", "state"
    touched = {"description": TEXT, "type": {"kind"}, "state": STATUS, "is_read": {"is_read"}}

    TYPES = ("NoAnswer", "Inaccurate", "NoContextUsed", "Format", "Other")

    def read(self, client, issue):
        return done(client.get(f"/api/v1/app/issue/issue_{issue.uuid.hex}"))

    def write(self, client, issue, document):
        # In a PUT a flag that is left out is false.
        verb = "put" if "is_read" in document else "patch"
        done(send(client, verb, f"/api/v1/app/issue/issue_{issue.uuid.hex}", document))

    def documents(self, ground):
        return some(
            description=TEXTS,
            type=st.sampled_from(self.TYPES),
            state=st.sampled_from(["NotReviewed", "InReview", "Closed"]),
            is_read=st.booleans(),
        )

    def creations(self, ground):
        project = f"project_{ground.projects[0].uuid.hex}"
        config = {"thread_id": "t-2", "reported_interaction_id": "i-2"}
        return st.fixed_dictionaries(
            {"resource_type": st.just("Thread"), "type": st.sampled_from(self.TYPES)},
            optional={
                "description": TEXTS,
                "anonymous": st.booleans(),
                "project_id": st.just(project),
                "config": st.just(config),
            },
        )

    def create(self, client, ground, document):
        done(send(client, "post", "/api/v1/app/issue", document))

    def listed(self, client, ground, **parameters):
        return done(client.get("/api/v1/app/issue", parameters))["data"]

    def selected(self):
        return {
            "states": (lambda row: row["state"], ["NotReviewed", "InReview", "Closed"]),
            "type": (lambda row: row["type"], self.TYPES),
        }


class Guance(Lens):
    name, status = "guance", "statusType"
    touched = {
        "name": TITLE,
        "level": LEVEL,
        "description": TEXT,
        "statusType": STATUS,
        "extend": {"extensions", "assignee_id", "teams", "channels"},
    }

    STATUSES = (10, 15, 20, 25, 30)
    SYSTEM = tuple(f"system_level_{number}" for number in range(4))

    def read(self, client, issue):
        return done(client.get(f"/api/v1/issue/issue_{issue.uuid.hex}/get"))["content"]

    def write(self, client, issue, document):
        done(send(client, "post", f"/api/v1/issue/issue_{issue.uuid.hex}/modify", document))

    def fields(self, ground):
        """Its own name is shorter than titles are, and what it describes is never nothing."""
        own = [prefixed("issl", level.uuid) for level in ground.levels if level.space_id]
        return {
            "name": TITLES.filter(lambda text: len(text) <= 256),
            "level": st.sampled_from(["", *self.SYSTEM, *own]),
            "description": TEXTS.filter(bool),
            "statusType": st.sampled_from(self.STATUSES),
            "extend": st.fixed_dictionaries(
                {},
                optional={
                    "manager": st.sampled_from(self.managers(ground)),
                    "managers": st.sampled_from(self.managers(ground)),
                    "members": st.just([{"type": "@", "uuid": "acnt_x", "exists": False}]),
                    "channels": st.sampled_from(self.channels(ground)),
                    "text": TEXTS,
                    "linkList": st.just([{"name": "", "link": "https://example.com"}]),
                    "other": st.just({"deep": [1, None, {"a": 1.5}]}),
                },
            ),
        }

    def managers(self, ground):
        people = [prefixed("acnt", person.uuid) for person in ground.members]
        teams = [prefixed("group", team.uuid) for team in ground.teams]
        return [
            [],
            people,
            people[:1] * 2,
            [ground.members[0].email],
            ["nobody@example.com", people[1]],
            ["group_x"],
            teams,
            [teams[1], people[1].upper().replace("ACNT", "acnt"), None, {"uuid": people[0]}],
        ]

    def channels(self, ground):
        """Some that are there, as the door shows them, and some that are not."""
        found = [{"type": "#", "uuid": prefixed("chan", row.uuid), "exists": True} for row in ground.channels]
        nowhere = {"type": "#", "uuid": "chan_x", "exists": False}
        return [[], found, found[:1], found * 2, [nowhere, "#"]]

    def documents(self, ground):
        return some(**self.fields(ground))

    def creations(self, ground):
        required = ("name", "level", "description")
        fields = self.fields(ground)
        return st.fixed_dictionaries(
            {name: fields.pop(name) for name in required},
            optional=fields | {"resourceType": st.just("event"), "resourceUUID": TEXTS},
        )

    def create(self, client, ground, document):
        done(send(client, "post", "/api/v1/issue/add", document))

    def listed(self, client, ground, **parameters):
        filters = [{"key": key, "value": value, "equal": True} for key, value in parameters.items()]
        body = {"pageSize": 100, "filters": filters}
        return done(send(client, "post", "/api/v1/issue/list", body))["content"]["data"]

    def selected(self):
        return {
            "statusType": (lambda row: row["statusType"], self.STATUSES),
            "level": (lambda row: row["level"], self.SYSTEM),
        }


class Datadog(Lens):
    """It has no document to write: its state and its assignee are calls of their own."""

    name, status = "datadog", "state"
    touched = {"state": STATUS, "assignee": {"assignee_id", "extensions"}}
    creates = False

    STATES = ("OPEN", "ACKNOWLEDGED", "RESOLVED", "IGNORED", "EXCLUDED")
    ISSUES = "/api/v2/error-tracking/issues"

    def shown(self, issue):
        somebody = issue.get("relationships", {}).get("assignee")
        state = issue["attributes"]["state"]
        return {"id": issue["id"], "state": state, "assignee": somebody and somebody["data"]["id"]}

    def read(self, client, issue):
        return self.shown(done(client.get(f"{self.ISSUES}/{issue.uuid}"))["data"])

    def write(self, client, issue, document):
        path = f"{self.ISSUES}/{issue.uuid}"
        if "state" in document:
            data = {"id": str(issue.uuid), "type": "error_tracking_issue"}
            data["attributes"] = {"state": document["state"]}
            done(send(client, "put", f"{path}/state", {"data": data}))
        if document.get("assignee"):
            data = {"id": document["assignee"], "type": "assignee"}
            done(send(client, "put", f"{path}/assignee", {"data": data}))
        elif "assignee" in document:
            done(send(client, "delete", f"{path}/assignee"), 204)

    def documents(self, ground):
        people = [str(person.uuid) for person in ground.members]
        return some(
            state=st.sampled_from(self.STATES),
            assignee=st.sampled_from([None, *people]) | st.uuids().map(str),
        )

    def listed(self, client, ground, **parameters):
        query = " ".join(f"{name}:{value}" for name, value in parameters.items()) or "*"
        asked = {"query": query, "from": 0, "to": 4_102_444_800_000, "persona": "ALL"}
        data = {"type": "search_request", "attributes": asked}
        found = done(send(client, "post", f"{self.ISSUES}/search", {"data": data}))
        issues = {row["id"]: row for row in found.get("included", ()) if row["type"] == "issue"}
        return [self.shown(issues[row["id"]]) for row in found["data"]]

    def selected(self):
        return {"state": (lambda row: row["state"], self.STATES)}


LENSES = {lens.name: lens for lens in (Qarion(), Versori(), Zylon(), Guance(), Datadog())}


def states(ground):
    """The strategy of issues, {column or set: value}, as the other doors and the page may leave them."""
    return st.fixed_dictionaries(
        {
            "title": TITLES | st.just(""),
            "description": TEXTS,
            "description_format": st.sampled_from(["md", "html", "text"]),
            "status": st.sampled_from(ground.statuses),
            "resolution": st.sampled_from([None, "resolved", "negated", "ignored", "next_release"]),
            "resolved_at": st.none() | st.datetimes(datetime(2000, 1, 1), timezones=st.just(UTC)),
            "level": st.sampled_from([None, *ground.levels]),
            "assignee": st.sampled_from([None, *ground.members, *ground.gone]),
            "reporter": st.sampled_from([None, *ground.members, *ground.gone]),
            "is_anonymous": st.booleans(),
            "teams": st.lists(st.sampled_from(ground.teams), unique=True),
            "channels": st.lists(st.sampled_from(ground.channels), unique=True),
            "project": st.sampled_from([None, *ground.projects]),
            "environment": st.sampled_from([None, *ground.environments]),
            "kind": st.sampled_from(["", "Format", "bug"]),
            "reason": st.sampled_from(["error", "manual"]),
            "resource_type": st.sampled_from(["", "Thread", "alert"]),
            "alert_id": st.sampled_from(["", "0190a6c4-7b1e-7c3a-9d52-0123456789ab"]),
            "labels": MAPS,
            "annotations": MAPS,
            "extensions": st.sampled_from([{}, ground.extensions]),
            "is_read": st.booleans(),
        }
    )
