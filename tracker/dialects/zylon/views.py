"""Zylon's calls."""

from django.db.models import Q
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import PermissionDenied

from issues import issue_rows, keyset, lookups
from issues.filters import BadParameter
from issues.limits import PAGE, QUERY
from issues.models import Issue, Project
from issues.orders import ORDERS
from issues.paths import any_of
from issues.policy import may
from issues.viewsets import no_content
from tracker.dialects import ids
from tracker.dialects.openapi import parameter
from tracker.dialects.views import LATEST, DoorView, Listing, saying, since, until
from tracker.dialects.zylon import door
from tracker.dialects.zylon.documents import IssueDocument, IssuesDocument
from tracker.dialects.zylon.serializers import NAMES, ChangeSerializer, CreateSerializer, document, people_of
from tracker.dialects.zylon.words import DELETED, OTHER, STATE, TYPES

SIZE = 20
# What decides which issues a list has, and in which order.
NARROWING = (
    "page_order", "states", "type", "created_by", "projects", "start_date", "end_date", "filter_by_text",
)  # fmt: skip
INCLUDED = ("User", "Project")
DIRECTIONS = {"ASC": "number", "DESC": "-number"}
ORGANISATION = OpenApiParameter("x-org", str, OpenApiParameter.HEADER, description="A space: key or id.")


class WithTrash(Listing):
    """What is in the trash, and what else is `in_state`; a few rows that nobody pages through."""

    def __init__(self, in_state, *asked):
        self.in_state = in_state
        super().__init__(*asked)

    @property
    def qs(self):
        trash, others = Issue.objects.in_trash_of(self.user), Issue.objects.visible_to(self.user)
        rows = trash | others.filter(self.in_state)
        return rows.filter(*self.conditions, space__in=self.spaces)

    def total(self):
        return self.qs.order_by().count()

    def page(self, number, size, names, total, order):
        rows = self.qs.order_by(*order.terms()).values_list("pk", flat=True)
        return self.documents(list(rows[(number - 1) * size : number * size]), names)

    def page_by_key(self, order, cursor, size, names):
        page = keyset.page(self.qs.values_list("uuid", "pk"), order, cursor, size, lambda row: row[:1])
        page.rows = self.documents([pk for _, pk in page.rows], names)
        return page

    def documents(self, keys, names):
        found = issue_rows.documents(self.spaces, keys, names, even_deleted=True)
        return [found[key] for key in keys]


class ZylonView(DoorView):
    door = door

    def initial(self, request, *args, **kwargs):
        super().initial(request, *args, **kwargs)
        self.space = self.organisation(request.headers.get("x-org"))

    def organisation(self, reference):
        """The space that `x-org` names by its key or id, or else the token's own."""
        if reference is None:
            return self.home()
        uuid = ids.parse(reference, "org") or ids.parse(reference)
        space = lookups.find_space(self.request.user, str(uuid) if uuid else reference)
        if space is None:
            raise Http404
        return space

    def issue(self, reference):
        return self.find_here(reference, "issue")

    def answer_with(self, issue):
        native = issue_rows.document_of(issue, NAMES)
        return self.answer(document(native, people_of(self.space, [native]), with_project=True))


class IssuesView(ZylonView):
    """`/api/v1/app/issue`"""

    @extend_schema(
        operation_id="list_issues",
        parameters=[
            ORGANISATION,
            parameter("page", int),
            parameter("page_size", int, description=f"{SIZE} by default, {PAGE} at most."),
            parameter("page_order", enum=list(DIRECTIONS)),
            *(parameter(name) for name in ("after", "before")),
            *(parameter(name, int) for name in ("first", "last")),
            parameter("total_count", bool, description="Whether to tell the number of all; true by default."),
            parameter("states", description=f"Of {', '.join((*STATE.meant, DELETED))}; commas between."),
            parameter("type", description=f"Of {', '.join(TYPES)}; commas between."),
            parameter("created_by", description="Ids, with commas between."),
            parameter("projects", description="Ids, with commas between."),
            *(parameter(name, int, description="Milliseconds.") for name in ("start_date", "end_date")),
            parameter("filter_by_text"),
            parameter("include", description=f"Of {', '.join(INCLUDED)}; commas between."),
        ],
        responses=IssuesDocument,
    )
    def get(self, request):
        with_project = "Project" in self.words("include", INCLUDED)
        with_total = self.word("total_count", ("true", "false"), "true") == "true"
        size = min(self.number("page_size", SIZE), PAGE)
        if self.space is None:
            raise Http404
        listing = self.listing()
        total = listing.total()
        rows, after, before = self.page(listing, size, total)
        people = people_of(self.space, rows)
        return self.answer(
            {
                "data": [document(row, people, with_project) for row in rows],
                "has_next_page": after is not None,
                "has_previous_page": before is not None,
                "next_cursor": after,
                "previous_cursor": before,
            }
            | ({"total_count": total} if with_total else {})
        )

    def page(self, listing, size, total):
        """(native documents, cursor of the next page, cursor of the previous one)"""
        order = ORDERS[DIRECTIONS[self.word("page_order", DIRECTIONS, "DESC")]]
        cursor, most = self.cursor()
        size = min(self.number(most, size), PAGE)
        if cursor:
            try:
                page = listing.page_by_key(order, cursor, size, NAMES)
            except keyset.BadCursor as error:
                raise BadParameter("after", str(error)) from error
            return page.rows, page.next, page.previous
        number = self.number("page", 1)
        rows = listing.page(number, size, NAMES, total, order)
        after = keyset.encode(False, [rows[-1]["id"]]) if rows and number * size < total else None
        # Before a page past the end is the last one.
        key = [rows[0]["id"]] if rows else ()
        before = keyset.encode(True, key) if number > 1 and total else None
        return rows, after, before

    def cursor(self):
        """(the cursor that leads to the page or None, the parameter that says how many follow it)"""
        asked = self.request.query_params
        if after := asked.get("after"):
            return after, "first"
        if before := asked.get("before"):
            return before, "last"
        if "last" in asked and not asked.keys() & {"first", "page"}:
            return keyset.encode(True), "last"
        return None, "first"

    def listing(self):
        asked = self.request.query_params
        states = self.words("states", (*STATE.meant, DELETED))
        in_state = Q(status__in=[value for word in states for value in STATE.values(word)])
        conditions = [in_state] if states and DELETED not in states else []
        if types := self.words("type", TYPES):
            named = Q(kind__in=[kind for kind in types if kind != OTHER])
            conditions.append(named | ~Q(kind__in=TYPES[:-1]) if OTHER in types else named)
        if people := self.references("created_by", "user"):
            known = [lookups.known_person([self.space.pk], str(uuid)) for uuid in people if uuid]
            conditions.append(Q(reporter__in=[pk for pk in known if pk], is_anonymous=False))
        if projects := self.references("projects", "project"):
            rows = Project.objects.filter(space=self.space, uuid__in=[uuid for uuid in projects if uuid])
            conditions.append(any_of("project", list(rows.values_list("pk", flat=True))))
        for name, condition in (("start_date", since), ("end_date", until)):
            if (at := self.milliseconds(name)) is not None:
                conditions.append(condition(at))
        if text := self.parameter("filter_by_text"):
            if len(text) > QUERY:
                raise BadParameter("filter_by_text", f"At most {QUERY:,} characters.")
            conditions.append(saying(self.space, text))
        narrowed = door.name, sorted((name, asked[name]) for name in NARROWING if name in asked)
        asked = self.request.user, [self.space.pk], conditions, narrowed
        return WithTrash(in_state, *asked) if DELETED in states else Listing(*asked)

    @extend_schema(
        operation_id="create_issue",
        parameters=[ORGANISATION],
        request=CreateSerializer,
        responses=IssueDocument,
    )
    def post(self, request):
        if self.space is None or not may(request, "write", self.space.pk):
            raise PermissionDenied()
        return self.answer_with(self.checked(CreateSerializer).save())

    def words(self, name, known):
        """The words of a list with commas between; BadParameter for one that is not `known`."""
        found = [word for word in (self.parameter(name) or "").split(",") if word]
        if unknown := [word for word in found if word not in known]:
            raise BadParameter(name, f"{unknown[0][:64]!r} is not one of {', '.join(known)}.")
        return found

    def word(self, name, known, default):
        return (self.words(name, known) or [default])[0]

    def references(self, name, prefix):
        """The uuids of a list of ids, None for what is no id."""
        return [
            ids.parse(text, prefix) or ids.parse(text)
            for text in (self.parameter(name) or "").split(",")
            if text
        ]

    def milliseconds(self, name):
        text = self.parameter(name)
        if text is None:
            return None
        is_number = text.isascii() and text.isdigit() and len(text) <= 16
        if not (is_number and int(text) <= LATEST):
            raise BadParameter(name, "Milliseconds since 1970.")
        return int(text)


class IssueView(ZylonView):
    """`/api/v1/app/issue/{id}`"""

    verbs = {"DELETE": "delete"}

    @extend_schema(operation_id="get_issue", parameters=[ORGANISATION], responses=IssueDocument)
    def get(self, request, id):
        return self.answer_with(self.issue(id))

    @extend_schema(
        operation_id="replace_issue",
        parameters=[ORGANISATION],
        request=ChangeSerializer,
        responses=IssueDocument,
    )
    def put(self, request, id):
        if isinstance(request.data, dict):
            request.data.setdefault("is_read", False)
        return self.patch(request, id)

    @extend_schema(
        operation_id="update_issue",
        parameters=[ORGANISATION],
        request=ChangeSerializer,
        responses=IssueDocument,
    )
    def patch(self, request, id):
        issue = self.issue(id)
        is_deleting = isinstance(request.data, dict) and request.data.get("state") == DELETED
        if is_deleting and not may(request, "delete", issue.space_id):
            raise PermissionDenied()
        return self.answer_with(self.changed(ChangeSerializer, issue))

    @extend_schema(operation_id="delete_issue", parameters=[ORGANISATION], responses={204: None})
    def delete(self, request, id):
        self.issue(id).trash()
        return no_content()
