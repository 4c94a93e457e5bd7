"""The practical limit: our answers for a few routes, by hand, without ORM and framework, over our tables.

    DATABASE_URL=… gunicorn --worker-class gthread "tests.bench.limit_server:reference()"

It promises nothing: what the product checks, limits, throttles and refuses is not here, and people, levels,
projects and the like are read once, at the start. That is what makes it a limit.
"""

import hashlib
import os
import secrets
import sqlite3
import threading
import time
from datetime import UTC, datetime
from urllib.parse import parse_qsl

import orjson

from issues import markdown
from issues.words import words as words_of

FRAGMENT = orjson.Fragment
JSON = ("Content-Type", "application/json")
PAGE = 50
OPTIONS = orjson.OPT_UTC_Z

SOURCE = ("resource_type", "resource_id", "resource_name", "alert_id")
ERROR = (
    "error_type", "error_message", "file_path", "function_name", "is_crash", "languages", "platform", "track",
    "service", "first_version", "last_version",
)  # fmt: skip
LISTED = (
    "uuid", "space_id", "number", "title", "status", "level_id", "assignee_id", "reporter_id", "is_anonymous",
    "project_id", "environment_id", "kind", "fingerprint", "seen_count", "is_read", "due_on", "version",
    "first_seen_at", "last_seen_at", "created_at", "updated_at", "resolved_at", "closed_at", "labels",
    "comment_count",
)  # fmt: skip
WHOLE = (
    *LISTED, "description", "description_rendered", "description_format", "resolution", "annotations",
    "reason", *SOURCE, *ERROR, "teams", "channels", "attachments",
)  # fmt: skip
TIMES = {name for name in LISTED if name.endswith("_at")}
COMMENTS = (
    "SELECT count(*) FROM comments_comment c WHERE c.issue_id = i.id AND c.deleted_at IS NULL "
    "AND NOT c.is_internal"
)
MEMBERS = {
    "teams": ("issueteam", "team", ("name",)),
    "channels": ("issuechannel", "channel", ("name",)),
    "attachments": ("issueattachment", "attachment", ("name", "size", "content_type")),
}
# The spaces in which a person is somebody.
MINE = (
    "i.deleted_at IS NULL AND i.space_id IN (SELECT m.space_id FROM issues_membership m "
    "JOIN issues_space s ON s.id = m.space_id WHERE m.user_id = ? AND m.is_active AND s.is_active)"
)
SIGN_IN = (
    "SELECT t.user_id, t.expires_at, t.uuid FROM accounts_apitoken t "
    "JOIN accounts_user u ON u.id = t.user_id WHERE t.digest = ? AND t.is_active AND u.is_active"
)
ROLE = "SELECT role FROM issues_membership WHERE user_id = ? AND space_id = ? AND is_active"
# What a new issue has where nobody said anything.
FRESH = {
    "is_title_derived": False, "description_format": "md", "renderer_version": markdown.RENDERER_VERSION,
    "status": "open", "resolution": None, "is_anonymous": False, "project_id": None, "environment_id": None,
    "kind": "", "reason": "manual", **dict.fromkeys(SOURCE, ""), **dict.fromkeys(ERROR, ""),
    "annotations": "{}", "extensions": "{}", "is_crash": False, "languages": "[]", "is_read": False,
    "due_on": None, "fingerprint": "", "seen_count": 1, "version": 1, "resolved_at": None, "closed_at": None,
    "deleted_at": None,
}  # fmt: skip
ENTRY = {
    "subject_type": "", "subject": None, "position": 1, "version": 1, "action": "created", "field": "",
    "old_value": None, "old_display": "", "new_display": "", "is_internal": False, "rule": None,
    "source": "api", "previous_hash": "",
}  # fmt: skip


# The counters of issues with a label, with anything of a kind, and of the month that they are of.
LABEL_GRAIN, HAS_GRAIN, MONTH_GRAINS = 16, 224, (240, 256)


class SQLite:
    """A connection for each thread, with the pragmas of the product."""

    def __init__(self, url):
        self.path = url.removeprefix("sqlite:///")
        self.local = threading.local()
        self.writing = threading.Lock()

    @property
    def connection(self):
        if not hasattr(self.local, "connection"):
            made = sqlite3.connect(self.path, isolation_level=None, timeout=20, cached_statements=256)
            made.executescript(
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-65536; "
                "PRAGMA mmap_size=1073741824; PRAGMA temp_store=MEMORY; PRAGMA foreign_keys=ON;"
            )
            self.local.connection = made
        return self.local.connection

    def rows(self, sql, values=()):
        return self.connection.execute(sql, values).fetchall()

    execute = rows

    def __enter__(self):
        self.writing.acquire()
        self.connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind, *error):
        try:
            self.connection.execute("ROLLBACK" if kind else "COMMIT")
        finally:
            self.writing.release()

    def column(self, name):
        if name in TIMES:
            return f"replace(i.{name}, ' ', 'T') || 'Z'"
        if name == "labels":
            inner = "SELECT key, value FROM issues_issuelabel WHERE issue_id = i.id ORDER BY id"
            return f"(SELECT json_group_object(key, value) FROM ({inner}))"
        if name == "comment_count":
            return f"({COMMENTS})"
        if name in MEMBERS:
            through, member, columns = MEMBERS[name]
            inner = (
                f"SELECT r.uuid AS id, {', '.join(f'r.{column}' for column in columns)} "
                f"FROM issues_{through} m JOIN issues_{member} r ON r.id = m.{member}_id "
                "WHERE m.issue_id = i.id ORDER BY m.id"
            )
            pairs = ", ".join(f"'{column}', {column}" for column in ("id", *columns))
            return f"(SELECT json_group_array(json_object({pairs})) FROM ({inner}))"
        return f"i.{name}"

    search = (
        "issues_search JOIN issues_issue i ON i.id = issues_search.rowid",
        "issues_search.rowid",
        "issues_search MATCH ?",
    )

    @staticmethod
    def words(wanted):
        """What the index of words is asked for: the word, and the status that a list is narrowed by."""
        word = f"{{title description comments internal}} : {wanted['q'].lower()}"
        status = wanted.get("status", "").replace("_", "")
        return f"{word} AND tokens : t{status}" if status else word

    @staticmethod
    def moment(at):
        return at.strftime("%Y-%m-%d %H:%M:%S.%f")

    @staticmethod
    def uuid(text):
        return text.replace("-", "")


class PostgreSQL:
    """A connection for each thread; statements are prepared at their first use."""

    def __init__(self, url):
        self.url = url.replace("postgres://", "postgresql://")
        self.local = threading.local()
        self.prepared = {}

    @property
    def connection(self):
        if not hasattr(self.local, "connection"):
            import psycopg

            options = "-c timezone=UTC"
            made = psycopg.connect(self.url, autocommit=True, prepare_threshold=0, options=options)
            self.local.connection = made
        return self.local.connection

    def execute(self, sql, values=()):
        own = self.prepared.get(sql) or self.prepared.setdefault(sql, sql.replace("?", "%s"))
        return self.connection.execute(own, values)

    def rows(self, sql, values=()):
        return self.execute(sql, values).fetchall()

    def __enter__(self):
        self.connection.execute("BEGIN")

    def __exit__(self, kind, *error):
        self.connection.execute("ROLLBACK" if kind else "COMMIT")

    def column(self, name):
        if name == "uuid":
            return "i.uuid::text"
        if name == "labels":
            inner = "SELECT key, value FROM issues_issuelabel WHERE issue_id = i.id ORDER BY id"
            return f"(SELECT coalesce(json_object_agg(key, value), '{{}}')::text FROM ({inner}) l)"
        if name == "comment_count":
            return f"({COMMENTS})"
        if name in MEMBERS:
            through, member, columns = MEMBERS[name]
            pairs = ", ".join(f"'{column}', r.{column}" for column in columns)
            array = f"json_agg(json_build_object('id', r.uuid, {pairs}) ORDER BY m.id)"
            return (
                f"(SELECT coalesce({array}, '[]')::text FROM issues_{through} m "
                f"JOIN issues_{member} r ON r.id = m.{member}_id WHERE m.issue_id = i.id)"
            )
        return f"i.{name}"

    search = (
        "issues_searchdocument s JOIN issues_issue i ON i.id = s.issue_id", "s.issue_id",
        "s.vector @@ ?::tsquery",
    )  # fmt: skip

    @staticmethod
    def words(wanted):
        word, status = wanted["q"].lower(), wanted.get("status", "").replace("_", "")
        query = f"('{word}' | '!{word}')"
        return f"{query} & '=t{status}'" if status else query

    @staticmethod
    def moment(at):
        return at

    @staticmethod
    def uuid(text):
        return text


def reference():
    return Reference(os.environ["DATABASE_URL"])


class Reference:
    """The WSGI application."""

    def __init__(self, url):
        self.db = (SQLite if url.startswith("sqlite") else PostgreSQL)(url)
        self.columns = {names: ", ".join(map(self.db.column, names)) for names in (LISTED, WHOLE)}
        self.remember()

    def remember(self):
        """What issues refer to, as the JSON that shows it."""
        rows = self.db.rows

        def named(table):
            found = rows(f"SELECT id, uuid, name FROM {table}")
            return {
                pk: FRAGMENT(orjson.dumps({"id": dashed(uuid), "name": name})) for pk, uuid, name in found
            }

        people = rows("SELECT id, uuid, name, email FROM accounts_user")
        self.people = {
            pk: FRAGMENT(orjson.dumps({"id": dashed(uuid), "name": name, "email": email, "avatar_url": None}))
            for pk, uuid, name, email in people
        }
        self.person_ids = {dashed(uuid): pk for pk, uuid, _, _ in people}
        self.person_uuids = {pk: dashed(uuid) for pk, uuid, _, _ in people}
        levels = rows("SELECT id, uuid, key, name, severity, color, rank, space_id FROM issues_level")
        self.levels = {
            row[0]: FRAGMENT(
                orjson.dumps(
                    dict(
                        zip(
                            ("id", "key", "name", "severity", "color"),
                            (dashed(row[1]), *row[2:6]),
                            strict=True,
                        )
                    )
                )
            )
            for row in levels
        }
        self.level_keys = {(row[7], row[2]): (row[0], dashed(row[1]), row[6]) for row in levels}
        spaces = rows("SELECT id, uuid, key, name FROM issues_space")
        self.spaces = {
            pk: FRAGMENT(orjson.dumps({"id": dashed(uuid), "key": key, "name": name}))
            for pk, uuid, key, name in spaces
        }
        self.space_keys = {pk: key for pk, _, key, _ in spaces}
        self.space_ids = {key: (pk, dashed(uuid)) for pk, uuid, key, _ in spaces}
        defaults = rows("SELECT space_id, uuid, name FROM issues_channel WHERE is_default")
        self.default_channels = {space: {"id": dashed(uuid), "name": name} for space, uuid, name in defaults}
        self.projects, self.environments = named("issues_project"), named("issues_environment")

    def __call__(self, environ, start_response):
        try:
            status, body, headers = self.answer(environ)
        except (KeyError, ValueError, TypeError, orjson.JSONDecodeError):
            status, body, headers = "400 Bad Request", b"{}", []
        start_response(status, [JSON, ("Content-Length", str(len(body))), *headers])
        return [body]

    def answer(self, environ):
        user, token = self.sign_in(environ.get("HTTP_AUTHORIZATION", ""))
        if user is None:
            return "401 Unauthorized", b"{}", []
        *_, last = path = environ["PATH_INFO"].strip("/").split("/")
        if len(path) == 3:
            return self.get(user, last)
        if environ["REQUEST_METHOD"] == "POST":
            body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
            return self.create(user, token, orjson.loads(body))
        return self.list(user, dict(parse_qsl(environ["QUERY_STRING"])), environ)

    def sign_in(self, header):
        digest = hashlib.sha256(header.removeprefix("Bearer ").encode()).hexdigest()
        for user, expires_at, token in self.db.rows(SIGN_IN, [digest]):
            if expires_at is None:
                return user, token
        return None, None

    def list(self, user, wanted, environ):
        source, key, conditions, values = "issues_issue i", "i.id", [MINE], [user]
        if "q" in wanted:
            # One word, in the order of the index of words.
            source, key, condition = self.db.search
            conditions.append(condition)
            values.append(self.db.words(wanted))
        if "label" in wanted:
            # In the order of the label's own index, so that a common one stops at the fiftieth.
            source = "issues_issuelabel l JOIN issues_issue i ON i.id = l.issue_id"
            conditions.append(
                "l.key = ? AND l.space_id IN (SELECT space_id FROM issues_membership WHERE user_id = ?)"
            )
            values += [wanted["label"], user]
        if "status" in wanted:
            conditions.append("i.status = ?")
            values.append(wanted["status"])
        if "assignee" in wanted:
            conditions.append("i.assignee_id = ?")
            values.append(self.person_ids[wanted["assignee"]])
        backwards, _, cursor = wanted.get("cursor", "").rpartition("~")
        if cursor:
            conditions.append(
                f"{key} {'>' if backwards else '<'} (SELECT id FROM issues_issue WHERE uuid = ?)"
            )
            values.append(self.db.uuid(cursor))
        rows = self.db.rows(
            f"SELECT {self.columns[LISTED]} FROM {source} WHERE {' AND '.join(conditions)} "
            f"ORDER BY {key} {'ASC' if backwards else 'DESC'} LIMIT {PAGE + 1}",
            values,
        )
        has_more, rows = len(rows) > PAGE, rows[:PAGE]
        if backwards:
            rows.reverse()
        has_next, has_previous = (True, has_more) if backwards else (has_more, bool(cursor))
        here = f"http://{environ['HTTP_HOST']}{environ['PATH_INFO']}?"
        here += "".join(f"{name}={value}&" for name, value in wanted.items() if name != "cursor") + "cursor="
        results = [self.listed(row) for row in rows]
        document = {
            "results": results,
            "next": f"{here}{results[-1]['id']}" if rows and has_next else None,
            "previous": f"{here}b~{results[0]['id']}" if rows and has_previous else None,
        }
        return "200 OK", orjson.dumps(document, option=OPTIONS), []

    def listed(self, row):
        (
            uuid, space, number, title, status, level, assignee, reporter, is_anonymous, project, environment,
            kind, fingerprint, seen_count, is_read, due_on, version, first_seen_at, last_seen_at, created_at,
            updated_at, resolved_at, closed_at, labels, comment_count,
        ) = row  # fmt: skip
        return {
            "id": dashed(uuid),
            "key": f"{self.space_keys[space]}-{number}",
            "number": number,
            "space": self.spaces[space],
            "title": title,
            "status": status,
            "level": self.levels.get(level),
            "assignee": self.people.get(assignee),
            "reporter": None if is_anonymous else self.people.get(reporter),
            "is_anonymous": bool(is_anonymous),
            "project": self.projects.get(project),
            "environment": self.environments.get(environment),
            "labels": FRAGMENT(labels),
            "kind": kind or None,
            "fingerprint": fingerprint or None,
            "seen_count": seen_count,
            "first_seen_at": first_seen_at,
            "last_seen_at": last_seen_at,
            "comment_count": comment_count,
            "is_read": bool(is_read),
            "due_on": due_on,
            "version": version,
            "created_at": created_at,
            "updated_at": updated_at,
            "resolved_at": resolved_at,
            "closed_at": closed_at,
        }

    def get(self, user, uuid):
        rows = self.db.rows(
            f"SELECT {self.columns[WHOLE]} FROM issues_issue i WHERE i.uuid = ? AND {MINE}",
            [self.db.uuid(uuid), user],
        )
        if not rows:
            return "404 Not Found", b"{}", []
        document = self.whole(rows[0])
        tag = ("ETag", f'"{document["version"]}"')
        return "200 OK", orjson.dumps(document, option=OPTIONS), [tag]

    def whole(self, row):
        said = dict(zip(WHOLE[len(LISTED) :], row[len(LISTED) :], strict=True))
        error = {name.removeprefix("error_"): said[name] or None for name in ERROR}
        channels = [self.default_channels[row[1]], *members(said["channels"])]
        return self.listed(row[: len(LISTED)]) | {
            "description": said["description"],
            "description_html": said["description_rendered"],
            "description_format": said["description_format"],
            "resolution": said["resolution"],
            "teams": members(said["teams"]),
            "channels": channels,
            "annotations": FRAGMENT(said["annotations"]),
            "reason": said["reason"],
            "source": {name.removeprefix("resource_"): said[name] or None for name in SOURCE},
            "error": error | {"is_crash": bool(said["is_crash"]), "languages": FRAGMENT(said["languages"])},
            "attachments": members(said["attachments"]),
        }

    def create(self, user, token, said):
        now = datetime.now(UTC)
        at = self.db.moment(now)
        space, space_uuid = self.space_ids[said["space"]]
        title, description = said["title"], said.get("description", "")
        labels, level = said.get("labels", {}), said.get("level")
        if not (title.strip() and len(title) <= 500 and "\n" not in title and len(description) <= 65_535):
            raise ValueError
        level_pk, level_uuid, rank = self.level_keys[None, level] if level else (None, None, 1000)
        assignee = said.get("assignee")
        if self.db.rows(ROLE, [user, space])[0][0] == "viewer":
            raise ValueError
        html = markdown.render(description)
        uuid = uuid7()
        document = {
            "title": {"sha256": sha256(title)},
            "description_format": "md",
            "status": "open",
            "reporter": self.person_uuids[user],
            "reason": "manual",
        }
        if description:
            document["description"] = {"sha256": sha256(description)}
        if level:
            document["level"] = level_uuid
        if assignee:
            document["assignee"] = assignee
        if labels:
            document["labels"] = labels
        issue = FRESH | {
            "uuid": self.db.uuid(uuid),
            "space_id": space,
            "title": title,
            "description": description,
            "description_rendered": html,
            "level_id": level_pk,
            "level_rank": rank,
            "labels_shown": orjson.dumps(labels or {}).decode(),
            "assignee_id": assignee and self.person_ids[assignee],
            "reporter_id": user,
            "updated_by_id": user,
            **dict.fromkeys(("created_at", "updated_at", "first_seen_at", "last_seen_at"), at),
        }
        with self.db:
            ((after,),) = self.db.rows(
                "UPDATE issues_counter SET next = next + 1 WHERE space_id = ? RETURNING next", [space]
            )
            issue["number"] = after - 1
            ((pk,),) = self.insert("issues_issue", issue, ending=" RETURNING id")
            if labels:
                own = {"issue_id": pk, "space_id": space}
                rows = [own | {"key": key, "value": value} for key, value in labels.items()]
                self.insert("issues_issuelabel", *rows)
            self.insert(
                "issues_occurrence",
                {"uuid": self.db.uuid(uuid7()), "issue_id": pk, "at": at, "session": "", "user": "",
                 "version": "", "track": ""},
            )  # fmt: skip
            hour = (now.toordinal() - 1) * 24 + now.hour
            self.insert(
                "issues_occurrencehour",
                {"space_id": space, "hour": hour, "issue_id": pk, "session": "", "user": "", "number": 1},
            )
            for text in filter(None, (title, description)):
                words = {"space_id": space, "sha256": sha256(text), "text": text, "blanked_why": ""}
                self.insert("issues_textversion", words, ending=" ON CONFLICT DO NOTHING")
            document |= {"number": issue["number"], "created_at": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")}
            batch = uuid7()
            entry = ENTRY | {
                "uuid": uuid7(),
                "new_value": canonical(document),
                "token": dashed(token),
                "request_id": secrets.token_hex(16),
                "batch": batch,
                "created_at": document["created_at"],
            }
            chained = entry | {"space": space_uuid, "issue": uuid, "actor": self.person_uuids[user]}
            del chained["previous_hash"]
            self.insert(
                "issues_historyentry",
                entry
                | {name: self.db.uuid(entry[name]) for name in ("uuid", "token", "batch")}
                | {"space_id": space, "issue_id": pk, "actor_id": user, "created_at": at}
                | {"hash": sha256(canonical(chained))},
            )
            texts = {"title": title, "description": description, "comments": "", "internal": ""}
            tokens = f"s{space} topen u{issue['assignee_id'] or 0}"
            said_in_words = {name: " ".join(words_of(text)) for name, text in texts.items()}
            self.insert("issues_searchdocument", {"issue_id": pk, **said_in_words, "tokens": tokens})
            place = {"space_id": space, "grain": 0, "project": 0, "status": "open", "level": level_pk or 0}
            place |= {"assignee": issue["assignee_id"] or 0, "tag": "", "number": 1}
            had = [name for name, value in (("label", labels), ("description", description)) if value]
            tags = [(LABEL_GRAIN, key) for key in labels]
            tags += [(HAS_GRAIN, name) for name in (*had, "reporter")]
            months = [(grain, document["created_at"][:7]) for grain in MONTH_GRAINS]
            tagged = place | {"assignee": 0}
            deltas = [place, *(tagged | {"grain": grain, "tag": tag} for grain, tag in tags)]
            deltas += [tagged | {"level": 0, "grain": grain, "tag": month} for grain, month in months]
            self.insert("issues_countdelta", *deltas)
            self.insert(
                "issues_outbox",
                {
                    "space_id": space,
                    "issue_id": pk,
                    "batch": self.db.uuid(batch),
                    "version": 1,
                    "created_at": at,
                },
            )
        shown = issue | {
            "uuid": uuid,
            "labels": orjson.dumps(labels),
            "comment_count": 0,
            **dict.fromkeys(MEMBERS, "[]"),
            **dict.fromkeys(
                ("created_at", "updated_at", "first_seen_at", "last_seen_at"), document["created_at"]
            ),
        }
        body = orjson.dumps(self.whole([shown[name] for name in WHOLE]), option=OPTIONS)
        return "201 Created", body, [("ETag", '"1"'), ("Location", f"/api/issues/{uuid}/")]

    def insert(self, table, row, *more, ending=""):
        columns, places = ", ".join(f'"{name}"' for name in row), f"({', '.join('?' * len(row))})"
        values = [value for each in (row, *more) for value in each.values()]
        run = self.db.rows if "RETURNING" in ending else self.db.execute
        sql = f"INSERT INTO {table} ({columns}) VALUES {', '.join([places] * (len(more) + 1))}{ending}"
        return run(sql, values)


def dashed(uuid):
    """The usual form of a uuid, whether it is its 32 digits (SQLite), one of psycopg's or itself."""
    uuid = str(uuid)
    return uuid if len(uuid) != 32 else f"{uuid[:8]}-{uuid[8:12]}-{uuid[12:16]}-{uuid[16:20]}-{uuid[20:]}"


def members(text):
    rows = orjson.loads(text)
    for row in rows:
        row["id"] = dashed(row["id"])
    return rows


def uuid7():
    bits = time.time_ns() // 1_000_000 << 80 | secrets.randbits(80)
    digits = f"{bits & ~(0xF << 76) & ~(0x3 << 62) | 0x7 << 76 | 0x2 << 62:032x}"
    return dashed(digits)


def canonical(value):
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()
