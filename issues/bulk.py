"""Changing many issues at once: which ones a page chose, what it wants of them, and how it is done."""

from typing import NamedTuple
from urllib.parse import parse_qsl

from django import forms
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Max
from django.http import Http404, QueryDict
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy, pgettext_lazy

from issues import lookups, undo
from issues.filters import BadParameter, IssueFilter
from issues.forms import ExactForm, LabelsField, LineField, label_tokens, parse_labels
from issues.limits import BULK
from issues.models import BulkRun, Channel, Issue, Space
from issues.policy import may

# A change of more than so many issues is shown before it is made.
SHOWN_FIRST = 20
# Parameters of a list that do not narrow it.
PLACING = ("cursor", "sort", "facets", "sel")
# What is asked for beside the issues themselves, in the order of the bar.
CONTROLS = ("do", "assignee", "status", "level", "channel", "labels")


class Deed(NamedTuple):
    """A button of the bar: what it is called before and after, why it skips some, and what it makes of which.

    `becomes` is the status that issues of the statuses `of` are given, if any.
    """

    name: str
    done: str
    skipped: str = gettext_lazy("already so")
    of: tuple = ()
    becomes: str = ""


DEEDS = {
    "set": Deed(gettext_lazy("Change"), pgettext_lazy("done", "Changed")),
    "claim": Deed(
        gettext_lazy("Claim"),
        pgettext_lazy("done", "Claimed"),
        gettext_lazy("done or yours already"),
        Issue.TODO,
        Issue.Status.IN_PROGRESS,
    ),
    "mine": Deed(
        gettext_lazy("Assign to me"), pgettext_lazy("done", "Assigned"), gettext_lazy("yours already")
    ),
    "resolve": Deed(
        gettext_lazy("Resolve"),
        pgettext_lazy("done", "Resolved"),
        gettext_lazy("done already"),
        Issue.OPEN,
        Issue.Status.RESOLVED,
    ),
    "reopen": Deed(
        gettext_lazy("Reopen"),
        pgettext_lazy("done", "Reopened"),
        gettext_lazy("open already"),
        Issue.DONE,
        Issue.Status.OPEN,
    ),
    "ignore": Deed(
        gettext_lazy("Ignore"),
        pgettext_lazy("done", "Ignored"),
        gettext_lazy("done already"),
        Issue.OPEN,
        Issue.Status.IGNORED,
    ),
    "unlabel": Deed(gettext_lazy("Change"), pgettext_lazy("done", "Changed")),
}


class BulkForm(ExactForm):
    """What is wanted of issues of these spaces: one deed, or with `set` what was chosen beside it.

    `assignee` is a uuid, `me` or `none`, `level` a uuid or `none`, `channel` a uuid after + or -.
    """

    do = forms.ChoiceField(choices=[(name, deed.name) for name, deed in DEEDS.items()])
    status = forms.ChoiceField(choices=[("", gettext_lazy("Status")), *Issue.Status.choices], required=False)
    assignee = LineField(max_length=64)
    level = LineField(max_length=64)
    channel = LineField(max_length=64)
    labels = LabelsField()

    def __init__(self, user, spaces, data):
        super().__init__(data)
        self.user, self.spaces = user, spaces

    def clean_assignee(self):
        reference = self.cleaned_data["assignee"]
        if reference in ("", "none", "me"):
            return {"": "", "none": None, "me": self.user}[reference]
        person = lookups.find_rows(self.spaces, {"assignee": reference})["assignee"]
        if person is None:
            reason = gettext("There is no such person who is a member of the spaces of all these issues.")
            raise ValidationError(reason)
        return person

    def clean_level(self):
        reference = self.cleaned_data["level"]
        if reference in ("", "none"):
            return reference and None
        level = lookups.find_rows(self.spaces, {"level": reference})["level"]
        return self.of_all_spaces(level)

    def clean_channel(self):
        """(add or remove, the channel)"""
        reference = self.cleaned_data["channel"]
        if not reference:
            return ""
        verb = {"+": "add", "-": "remove"}.get(reference[0])
        channel = verb and lookups.find_in_spaces(Channel, self.spaces, reference[1:])
        if channel and channel.is_default:
            raise ValidationError(gettext("It holds every issue by itself."))
        return verb, self.of_all_spaces(channel, may_be_retired=verb == "remove")

    def of_all_spaces(self, row, may_be_retired=False):
        if row is None:
            raise ValidationError(gettext("There is no such thing here."))
        if row.space_id and set(self.spaces) != {row.space_id}:
            raise ValidationError(
                gettext("It belongs to {}, and some of these issues do not.").format(row.space.key)
            )
        if not (row.is_active or may_be_retired):
            raise ValidationError(gettext("It is retired."))
        return row

    def clean(self):
        values = super().clean()
        if not self.errors and not self.steps():
            self.add_error("labels" if values["do"] == "unlabel" else None, gettext("Choose what to change."))
        return values

    @property
    def deed(self):
        return DEEDS[self.cleaned_data["do"]]

    def steps(self):
        """[(statuses or None for all, what `change()` is to make of the issues that have them)]."""
        values, do, deed = self.cleaned_data, self.cleaned_data["do"], self.deed
        mine = {"assignee": self.user}
        if do == "claim":
            return [(deed.of, mine | {"status": deed.becomes}), (Issue.ACTIVE, mine)]
        if do == "mine":
            return [(None, mine)]
        if deed.becomes:
            return [(deed.of, {"status": deed.becomes})]
        labels = parse_labels(label_tokens(values["labels"]))
        wanted = {"remove_labels": list(labels)} if do == "unlabel" else self.chosen(labels)
        return [(None, wanted)] if any(value != [] for value in wanted.values()) else []

    def said(self):
        """[(field, value)] of what the controls say, in words; nothing for a deed that says it itself."""
        values, do = self.cleaned_data, self.cleaned_data["do"]
        if do == "unlabel":
            return [(gettext("Remove the labels"), values["labels"])]
        if do != "set":
            return []
        found = [
            (gettext("Assignee"), values["assignee"], gettext("Nobody")),
            (gettext("Status"), values["status"] and gettext(Issue.Status(values["status"]).label), ""),
            (gettext("Level"), values["level"], gettext("No level")),
            (gettext("Add the labels"), values["labels"], ""),
        ]
        if values["channel"]:
            verb, channel = values["channel"]
            found.append((gettext("Put into") if verb == "add" else gettext("Take out of"), channel, ""))
        return [(name, str(value or empty)) for name, value, empty in found if value != ""]

    def chosen(self, labels):
        """What the controls say, as `change()` wants it."""
        values = self.cleaned_data
        wanted = {name: values[name] for name in ("assignee", "status", "level") if values[name] != ""}
        if labels:
            wanted["add_labels"] = labels
        if values["channel"]:
            verb, channel = values["channel"]
            wanted[f"{verb}_channels"] = [channel]
        return wanted


def chosen_issues(request):
    """The issues that a list's form names: its boxes, its page, or all that the list's query finds.

    BadParameter for a query that means nothing or a choice of none, Http404 for an issue out of sight.
    """
    if request.POST.get("all"):
        return matching(request, request.POST.get("query", ""))
    keys = request.POST.getlist("issue")
    if request.POST.get("page"):
        keys = request.POST.get("shown", "").split(",")
    keys = {key.upper() for key in keys if key}
    if not keys:
        raise BadParameter("issue", gettext("Select at least one issue."))
    if len(keys) > BULK:
        raise BadParameter("issue", gettext("At most {} at once, or else all that match.").format(BULK))
    issues = with_keys(request.user, keys)
    if issues.count() != len(keys):
        raise Http404
    return issues


def with_keys(user, keys):
    """The issues in sight with these keys."""
    named = {}
    for key in keys:
        if not lookups.KEY.match(key):
            raise Http404
        space, _, number = key.partition("-")
        named.setdefault(space, []).append(int(number))
    spaces = Space.objects.visible_to(user).filter(key__in=named)
    numbers = {space.pk: named[space.key] for space in spaces}
    return Issue.objects.visible_to(user).filter(pk__in=Issue.objects.keys_of(numbers))


def matching(request, query):
    """The issues that a list with this query string shows; BadParameter."""
    params = {name: value for name, value in parse_qsl(query) if name not in PLACING}
    filters = IssueFilter(params, request=request)
    filters.check()
    return filters.qs


def spaces_of(request, issues):
    """The spaces of issues; PermissionDenied where the person may not write."""
    spaces = list(issues.order_by().values_list("space", flat=True).distinct())
    if not all(may(request, "write", space) for space in spaces):
        raise PermissionDenied
    return spaces


def change(keys, steps, batch=None, write=True):
    """The Changes of these issues, at most 1,000 by primary key, of which all are made or none.

    ValidationError for what an issue may not have; without `write` nothing is made.
    """
    changes = []
    with transaction.atomic():
        issues = Issue.objects.filter(pk__in=keys)
        if write:
            list(issues.lock().values_list("pk"))
        for statuses, wanted in steps:
            part = issues.filter(status__in=statuses) if statuses else issues
            for chunk in part.chunks(wanted, write, batch):
                changes += chunk
    return changes


def begin(request, issues, posted, query, following):
    """A BulkRun that is to change all these issues."""
    until = issues.aggregate(Max("pk"))["pk__max"] or 0
    return BulkRun.objects.create(
        user=request.user, query=query, posted=posted, until=until, total=issues.count(), next=following
    )


def begin_undo(request, source, keys, following):
    """A BulkRun that is to undo the part of the batch `source` that is of these issues."""
    return BulkRun.objects.create(
        user=request.user, undoes=source, until=max(keys), total=len(keys), next=following
    )


def go_on(request, run):
    """Do the next part of a BulkRun of this person, and note it there."""
    with transaction.atomic():
        run = BulkRun.objects.select_for_update().get(pk=run.pk)
        if run.finished_at:
            return run
        try:
            with transaction.atomic():
                keys, changed = undo_part(request, run) if run.undoes else change_part(request, run)
            run.seen, run.changed = run.seen + len(keys), run.changed + changed
            run.last = keys[-1] if keys else run.until
        except (ValidationError, BadParameter) as error:
            run.problem, keys = reason(error), []
        if len(keys) < BULK or run.last >= run.until:
            run.finished_at = timezone.now()
        run.save()
    return run


def reason(error):
    """What a ValidationError, Django's or REST's, says in one line."""
    found = error.detail if isinstance(error, BadParameter) else getattr(error, "message_dict", None)
    if found is None:
        return " ".join(error.messages)
    return " ".join(f"{name.capitalize()}: {text}" for name, texts in found.items() for text in texts)


def change_part(request, run):
    """(primary keys of the issues that were looked at, how many changed)"""
    issues = matching(request, run.query).filter(pk__gt=run.last, pk__lte=run.until)
    keys = list(issues.order_by("pk").values_list("pk", flat=True)[:BULK])
    if not keys:
        return [], 0
    form = BulkForm(request.user, spaces_of(request, Issue.objects.filter(pk__in=keys)), posted_of(run))
    if not form.is_valid():
        raise ValidationError([text for texts in form.errors.values() for text in texts])
    return keys, number_of(change(keys, form.steps(), run.uuid))


def undo_part(request, run):
    keys = sorted(key for key in may_undo(request, run.undoes) if run.last < key <= run.until)[:BULK]
    return keys, len(undo.undo(run.undoes, keys, run.uuid).changes) if keys else 0


def posted_of(run):
    """What was asked for, as the browser sent it."""
    return QueryDict(run.posted)


def number_of(changes):
    """Of how many issues these Changes are."""
    return len({change.row.pk for change in changes})


def may_undo(request, batch):
    """The issues in sight that a batch changed and this person may set back.

    These are the person's own batch, or any where they are an admin. Http404 where the batch changed nothing
    in sight, PermissionDenied where all of it is another's.
    """
    makers = undo.makers_of(batch)
    seen = in_sight(request.user, makers)
    if not seen:
        raise Http404
    allowed = [
        key
        for key, space in seen
        if may(request, "write", space)
        and (makers[key] == request.user.pk or may(request, "configure_space", space))
    ]
    if not allowed:
        raise PermissionDenied
    return allowed


def in_sight(user, keys):
    """[(primary key, space)] of those of these issues that the user sees."""
    keys, found = sorted(keys), []
    for start in range(0, len(keys), BULK):
        issues = Issue.objects.visible_to(user).filter(pk__in=keys[start : start + BULK])
        found += issues.order_by("pk").values_list("pk", "space_id")
    return found
