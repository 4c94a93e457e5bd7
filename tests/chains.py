"""What tests ask of history: what an issue's entries say, and whether its chain is whole."""

import json

from issues.models import HistoryEntry, Issue, Space


def entries(issue):
    return list(HistoryEntry.objects.filter(issue=issue).order_by("position"))


def actions(issue):
    return [entry.action for entry in entries(issue)]


def told(issue, after=1):
    """(action, field, old, new, shown old, shown new) of the entries after position `after`."""
    return [
        (entry.action, entry.field, *values(entry), entry.old_display, entry.new_display)
        for entry in entries(issue)[after:]
    ]


def values(entry):
    """(old, new) of an entry, out of their JSON."""
    return tuple(None if text is None else json.loads(text) for text in (entry.old_value, entry.new_value))


def row(issue):
    """Everything that is stored of an issue: its columns and its sets."""
    stored = Issue.objects.get(pk=issue.pk)
    columns = {field.attname: getattr(stored, field.attname) for field in Issue._meta.concrete_fields}
    return columns | {name: getattr(stored, name) for name in ("labels", "teams", "channels", "attachments")}


def space_entries(space):
    return list(HistoryEntry.objects.filter(space=space, issue=None).order_by("position"))


def assert_whole(*issues):
    """The chains of these issues have no gap and no fork, and end at the version of their rows."""
    for issue in issues:
        assert_chain(entries(issue), issue.space, issue, Issue.objects.get(pk=issue.pk).version)


def assert_space_whole(space):
    assert_chain(space_entries(space), space, None, Space.objects.get(pk=space.pk).version)


def assert_chain(found, space, issue, version):
    previous, at = "", 0
    for position, entry in enumerate(found, start=1):
        assert entry.position == position
        assert entry.version in (at, at + 1) if position > 1 else entry.version == 1
        assert entry.previous_hash == previous
        actor = entry.actor and entry.actor.uuid
        assert entry.hash == entry.computed_hash(space.uuid, issue and issue.uuid, actor)
        previous, at = entry.hash, entry.version
    assert at == version
