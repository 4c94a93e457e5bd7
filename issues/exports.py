"""Lists to take away: every match of a list page as a file, streamed in flat memory; and one issue."""

import csv
import io
import re
from html import escape
from itertools import islice

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import StreamingHttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from issues import issue_rows, rows
from issues.filters import BadParameter, IssueFilter
from issues.list_views import issue_list
from issues.models import Issue
from issues.models.history import plain
from issues.models.sets import show_label
from issues.policy import may
from issues.views import find

CHUNK = 500
MARKDOWN = "text/markdown; charset=utf-8"
COLUMNS = (
    "key", "title", "status", "level", "severity", "assignee", "reporter", "project", "environment", "labels",
    "seen_count", "comment_count", "created_at", "updated_at", "resolved_at", "url",
)  # fmt: skip
TIMES = ("created_at", "updated_at", "resolved_at")
NAMED = ("assignee", "reporter", "project", "environment")
# What the columns are made from.
DOCUMENT = tuple(name for name in COLUMNS if name in issue_rows.ISSUE)
# Columns of the Markdown table, and what of `cells` fills them.
MARKDOWN_COLUMNS = {
    "Title": "title",
    "Level": "level",
    "Status": "status",
    "Assignee": "assignee",
    "Labels": "labels",
    "Seen": "seen_count",
    "Created": "created_at",
}
MARKUP = re.compile(r"([\\`*_{}\[\]|~#])")
# Cells that a spreadsheet would compute (OWASP, "CSV Injection"), also behind what some of them skip.
FORMULA = re.compile("[\\s\"'\ufeff]*[=+\\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")


@login_required
@require_GET
def issue_export(request):
    """The list as CSV; its parameters narrow and sort as on the page."""
    return export(request, DOCUMENT, lambda found: csv_response("issues", COLUMNS, map(cells, found)))


@login_required
@require_GET
def issue_export_json(request):
    """The list as a JSON array of the documents that the API lists."""
    return export(request, issue_rows.LISTED, lambda found: download("issues.json", json_parts(found)))


@login_required
@require_GET
def issue_export_markdown(request):
    """The list as a table to paste where people write."""
    address = f"{absolute(reverse('issue-list'))}?{request.GET.urlencode()}".removesuffix("?")
    return export(
        request, DOCUMENT, lambda found: download("issues.md", markdown_parts(address, found), MARKDOWN)
    )


@login_required
@require_GET
def issue_json(request, key):
    """One issue as the document that the API gives."""
    issue = find(request, key, "export")
    return download(f"{issue.key}.json", [rows.dump(issue_rows.document_of(issue))])


@login_required
@require_GET
def issue_csv(request, key):
    """One issue as the line that it is in the CSV of a list."""
    issue = find(request, key, "export")
    return csv_response(issue.key, COLUMNS, [cells(issue_rows.document_of(issue, DOCUMENT))])


def export(request, names, answer):
    """`answer` of the documents (with these names) that match; the list's own page where it would say 400."""
    params = {name: value for name, value in request.GET.items() if value}
    try:
        return answer(documents(request, params, names))
    except BadParameter:
        return issue_list(request)


def documents(request, params, names):
    """An iterator over what the parameters match, with one statement for CHUNK of them; BadParameter."""
    spaces = [space for space in request.user.space_roles() if may(request, "export", space)]
    filters = IssueFilter(params, request=request, spaces=spaces)
    filters.check("cursor", "sort", "view")
    order = filters.order()
    # Read now, since what is wrong in a parameter has to be said before the answer begins.
    return every_document(issue_rows.page(filters, order, None, CHUNK, names), filters, order, names)


def every_document(page, filters, order, names):
    yield from page.rows
    while page.next:
        page = issue_rows.page(filters, order, page.next, CHUNK, names)
        yield from page.rows


def absolute(path):
    """The address of a path of ours."""
    return f"{settings.BASE_URL.rstrip('/')}{path}"


def cells(issue):
    """The values of COLUMNS of an issue document."""
    level = issue["level"] or {}
    names = {name: (issue[name] or {}).get("name") for name in NAMED}
    labels = issue_rows.labels_of(issue)
    times = {name: issue_rows.moment(issue[name]) for name in TIMES if issue[name]}
    own = {
        "level": level.get("key"),
        "severity": level.get("severity"),
        "labels": ", ".join(show_label(key, value)[1] for key, value in labels.items()),
        "url": absolute(reverse("issue-detail", args=[issue["key"]])),
    }
    return [(issue | names | times | own)[name] for name in COLUMNS]


def csv_response(name, header, lines):
    """A download `name.csv` of an iterable of lines, each an iterable of values; None is an empty cell.

    Every cell is quoted, and one that a spreadsheet would take for a formula begins with an apostrophe. It
    begins with a byte order mark, without which Excel reads UTF-8 as something else.
    """
    return download(f"{name}.csv", csv_parts(header, lines), "text/csv; charset=utf-8")


def csv_parts(header, lines):
    yield "\ufeff" + csv_text([header])
    lines = iter(lines)
    while some := list(islice(lines, CHUNK)):
        yield csv_text(some)


def csv_text(lines):
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows(map(cell, line) for line in lines)
    return text.getvalue()


def cell(value):
    """What stands in the file for a value: times in RFC 3339, nothing that a spreadsheet computes."""
    text = "" if value is None else str(plain(value))
    return f"'{text}" if not isinstance(value, int) and FORMULA.match(text) else text


def json_parts(found):
    """A JSON array of documents, some at a time."""
    separator = b"["
    while some := list(islice(found, CHUNK)):
        yield separator + b",\n".join(map(rows.dump, some))
        separator = b",\n"
    yield b"[]" if separator == b"[" else b"]"


def markdown_parts(address, found):
    """A Markdown table of documents of issues under the address of their list, some at a time."""
    columns = ["Issue", *MARKDOWN_COLUMNS]
    yield f"Issues of <{address}>\n\n{markdown_row(columns)}{markdown_row(['---'] * len(columns))}"
    while some := list(islice(found, CHUNK)):
        yield "".join(map(markdown_line, some))


def markdown_line(issue):
    said = dict(zip(COLUMNS, cells(issue), strict=True))
    said |= {"status": Issue.Status(said["status"]).label, "created_at": f"{said['created_at']:%Y-%m-%d}"}
    texts = [as_markdown(said[name]) for name in MARKDOWN_COLUMNS.values()]
    return markdown_row([f"[{said['key']}]({said['url']})", *texts])


def markdown_row(texts):
    return f"| {' | '.join(texts)} |\n"


def as_markdown(value):
    """A value as one line of Markdown that shows it as it is."""
    return "" if value is None else MARKUP.sub(r"\\\1", escape(" ".join(str(value).split()), quote=False))


def download(name, parts, content_type="application/json"):
    """A file that the browser keeps, named with the day."""
    stem, dot, ending = name.partition(".")
    file_name = f"{stem}-{timezone.now():%Y-%m-%d}{dot}{ending}"
    return StreamingHttpResponse(
        parts,
        content_type=content_type,
        headers={
            "Content-Disposition": f'attachment; filename="{file_name}"',
            "X-Content-Type-Options": "nosniff",
        },
    )
