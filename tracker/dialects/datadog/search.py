"""What Datadog's search can ask for: fields of queries that it shows in words of its own, and conditions."""

from dataclasses import dataclass, replace

from django.db.models import Case, CharField, Func, Q, Value, When
from django.db.models.functions import Coalesce
from django.db.models.lookups import Exact

from issues.like import is_like, like
from issues.lookups import as_uuid, known_person
from issues.models import Issue, Project, Team
from issues.paths import member_of
from issues.query import fields
from issues.query.scope import PEOPLE, literal
from tracker.dialects.datadog.words import LANGUAGE, PERSONAS, PLATFORM, STATE, UNKNOWN

# Few issues have anything by this name in their extensions, so that few are parsed.
NAMED = like(f'"{Issue.UNKNOWN_ASSIGNEE}":', is_part=True)


class Kept(Func):
    """The uuid of whom only this door knows, out of what it keeps in an issue's extensions."""

    output_field = CharField()
    arity = 1

    def as_sqlite(self, compiler, connection):
        path = f"$.datadog.{Issue.UNKNOWN_ASSIGNEE}"
        return super().as_sql(compiler, connection, template=f"json_extract(%(expressions)s, '{path}')")

    def as_postgresql(self, compiler, connection):
        # A NUL anywhere in the texts of others would be an error.
        json = "replace(%(expressions)s, '\\u0000', '\\u0001')::json"
        path = f"{{datadog,{Issue.UNKNOWN_ASSIGNEE}}}"
        return super().as_sql(compiler, connection, template=f"({json} #>> '{path}')")


KEPT = Coalesce(Case(When(extensions__like=NAMED, then=Kept("extensions"))), Value(""))


class State(fields.Status):
    """A state, which stands for all that is shown as such."""

    def equal(self, value, scope):
        return in_states(self.chosen(value))


class Assignee(fields.Person):
    """Also somebody whom only this door knows, by their uuid."""

    def want(self, term, scope):
        named = tuple(value for value in term.values if not as_uuid(value.text))
        super().want(replace(term, values=named), scope)

    def equal(self, value, scope):
        uuid = as_uuid(value.text)
        return assigned_to(scope.spaces, [uuid]) if uuid else super().equal(value, scope)

    def empty(self, scope):
        return Q(Exact(KEPT, ""), assignee=None)

    def word(self, value, scope):
        return value.text if as_uuid(value.text) else super().word(value, scope)


@dataclass(frozen=True)
class Fallback(fields.Text):
    """A text in whose place another is shown where it is empty."""

    rest: str = ""

    def equal(self, value, scope):
        pattern = like(value.text, value.wild, self.is_part)
        return Q(**{f"{self.column}__like": pattern}) | self.instead(pattern, scope)

    def instead(self, pattern, scope):
        return Q(**{self.column: "", f"{self.rest}__like": pattern})

    def empty(self, scope):
        return Q(**{self.column: "", self.rest: ""})


class FallbackProse(Fallback):
    is_part = True


class Service(Fallback):
    """The name of its project stands for the service of an issue that has none."""

    def instead(self, pattern, scope):
        projects = Project.objects.filter(space__in=scope.spaces, name__like=pattern)
        return Q(service="", project__in=projects.values("pk"))

    def empty(self, scope):
        return Q(service="", project=None)


class Language(fields.Languages):
    """A language, however it is spelled."""

    def equal(self, value, scope):
        if value.wild:
            words = [word for word in sorted(LANGUAGE.words) if is_like(word, value.text, value.wild)]
            return fields.any_of([self.equal(literal(word), scope) for word in words] or [fields.NEVER])
        found, word = [super().equal(value, scope)], LANGUAGE.shown(value.text)
        for text in LANGUAGE.spellings(word) if word != UNKNOWN else ():
            found.append(super().equal(literal(text), scope))
        return fields.any_of(found)


FIELDS = {
    field.name: field
    for field in (
        State("state", "{}", choices=tuple((word, word) for word in STATE.meant)),
        State("issue.state", "{}", choices=tuple((word, word) for word in STATE.meant)),
        Assignee("assignee", "assigned to {}", "assignee", table=PEOPLE, nobody="nobody"),
        Fallback("error.type", "with error {}", "error_type", rest="title"),
        FallbackProse("error.message", "with {} in its error", "error_message", rest="description"),
        Service("service", "of service {}", "service"),
        Language("language", "in language {}", "languages"),
    )
}


def in_states(words):
    """The Q of issues that are shown in one of these states."""
    return Q(status__in=[value for word in words for value in STATE.values(word)])


def assigned_to(spaces, uuids):
    """The Q of issues that one of these people is shown to have."""
    known = [person for uuid in uuids if (person := known_person(spaces, str(uuid)))]
    kept = [Q(Exact(KEPT, str(uuid)), assignee=None) for uuid in uuids]
    return fields.any_of([Q(assignee__in=known), *kept])


def owned_by(space, uuids):
    """The Q of issues of one of these teams."""
    teams = Team.objects.filter(space=space, uuid__in=uuids).values_list("pk", flat=True)
    return member_of("team", teams) if teams else fields.NEVER


def of_track(track):
    """The Q of issues of a track; one without any is of all."""
    return Q(track__like=like(track)) | Q(track="")


def of_persona(persona):
    """The Q of issues of a persona; one without a platform is of all."""
    if persona == "ALL":
        return Q()
    if persona == "BACKEND":
        return ~on_platforms([word for words in PERSONAS.values() for word in words])
    return on_platforms(PERSONAS[persona]) | Q(platform="")


def on_platforms(words):
    spellings = [text for word in words for text in PLATFORM.spellings(word)]
    return fields.any_of([Q(platform__like=like(text)) for text in spellings])
