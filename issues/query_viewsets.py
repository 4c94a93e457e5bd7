"""The native REST API of the query language: what may be written next, and what a query means."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers

from issues.filters import BadParameter, not_found
from issues.limits import QUERY
from issues.lookups import with_reference
from issues.models import Issue
from issues.query import QueryError, complete, read
from issues.viewsets import NativeViewSet, json_response

ISSUE = OpenApiParameter("issue", str, description="An issue's key or id: why does the query find it?")
Q = OpenApiParameter("q", str, description="A query, or the beginning of one.")


class ProposalSerializer(serializers.Serializer):
    text = serializers.CharField(help_text="What to put in place of the characters from `start` to `end`.")
    kind = serializers.ChoiceField(["field", "operator", "value", "keyword"])
    detail = serializers.CharField(allow_blank=True)


class CompletionSerializer(serializers.Serializer):
    start = serializers.IntegerField()
    end = serializers.IntegerField()
    items = ProposalSerializer(many=True)


class QueryErrorSerializer(serializers.Serializer):
    message = serializers.CharField()
    start = serializers.IntegerField()
    end = serializers.IntegerField()
    proposal = serializers.CharField(allow_null=True)


class ExplanationSerializer(serializers.Serializer):
    words = serializers.CharField(allow_null=True, help_text="What the query asks for.")
    sort = serializers.CharField(allow_null=True, help_text="The order that it asks for.")
    why = serializers.ListField(
        child=serializers.CharField(),
        allow_null=True,
        help_text="The parts of the query, as they are written, that hold of the issue that is named.",
    )
    error = QueryErrorSerializer(allow_null=True, help_text="Why it means nothing.")


class QueryViewSet(NativeViewSet):
    """The query language, for whoever writes a query."""

    def text(self):
        return self.parameter("q") or ""

    def cursor(self, text):
        """Where the cursor stands: at the end, if nothing is said."""
        cursor = self.parameter("cursor") or str(len(text))
        if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 6 and int(cursor) <= len(text)):
            raise BadParameter("cursor", f"A whole number from 0 to {len(text)}.")
        return int(cursor)

    @extend_schema(
        operation_id="api_queries_complete",
        parameters=[Q, OpenApiParameter("cursor", int, description="Characters before the cursor.")],
        responses=CompletionSerializer,
    )
    def complete(self, request):
        """What may stand at the cursor: fields, operators and values of one's spaces."""
        self.allow_parameters("q", "cursor")
        text = self.text()
        if len(text) > QUERY:
            raise BadParameter("q", f"At most {QUERY} characters.")
        return json_response(complete(text, self.cursor(text), request.user))

    @extend_schema(operation_id="api_queries_explain", parameters=[Q, ISSUE], responses=ExplanationSerializer)
    def explain(self, request):
        """A query in words, and why it finds an issue; or what is wrong with it and where."""
        self.allow_parameters("q", "issue")
        document = dict.fromkeys(("words", "sort", "why", "error"))
        issue = self.issue()
        try:
            query = read(self.text(), request.user)
        except QueryError as error:
            names = ("message", "start", "end", "proposal")
            return json_response(document | {"error": {name: getattr(error, name) for name in names}})
        why = issue and query.why(issue)
        return json_response(document | {"words": query.words, "sort": query.sort, "why": why})

    def issue(self):
        """The issue that is named, if one is."""
        if (reference := self.parameter("issue")) is None:
            return None
        issues = Issue.objects.visible_to(self.request.user)
        if (issue := with_reference(issues, reference).first()) is None:
            raise not_found("issue")
        return issue
