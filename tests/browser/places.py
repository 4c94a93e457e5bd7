"""Every page there is, on the demo's data, on data that wants to break it, and on what FILES hold."""

import os
from pathlib import Path

from django.core.management import call_command
from django.urls import reverse
from django.utils.http import urlencode

from issues.actor import Actor, acting_as
from issues.limits import LABEL_KEY, LABEL_VALUE, NAME, TITLE
from issues.models import Channel, Issue, Level
from tests.factories import (
    AttachmentFactory,
    ChannelFactory,
    CommentFactory,
    EnvironmentFactory,
    IssueFactory,
    LevelFactory,
    ProjectFactory,
    SavedViewFactory,
    UserFactory,
)
from tracker.accounts.models import User
from tracker.demo import month

# Exports from GitHub, whose issues are looked at as well: `make screenshots FILES="one.json other.json"`.
FILES = os.environ.get("FILES", "").split()
REOPENED = 30
LONG = "Unbroken" * 60
RIGHT_TO_LEFT = "\u202eالعملاء لا يستطيعون تسجيل الدخول \u2066abc"  # noqa: RUF001
SCRIPT = "<script>alert(1)</script>"
ODD = (LONG, RIGHT_TO_LEFT, SCRIPT, "عربي " * 30, "🔥👨\u200d👩\u200d👧" * 12)
MARKDOWN = f"""# {LONG}

| {" | ".join(f"column {n}" for n in range(20))} |
|{"---|" * 20}
| {" | ".join(LONG[:30] for n in range(20))} |

```
{LONG}{LONG}
```

- [ ] {LONG}
- [x] {RIGHT_TO_LEFT}

> > > > > > {LONG}

https://example.com/{LONG} `{LONG}` **{LONG}**
"""


def tell_demo():
    """The demo's month; the person who looks at it."""
    month.tell()
    return User.objects.get(email__startswith="jane")


def tell_imported():
    """The issues of FILES, each in a space of its own; the person who looks at them."""
    person = UserFactory(name="Jane Porter")
    for number, file in enumerate(FILES, start=1):
        key = f"{Path(file).stem.split('-')[0][:8].upper()}{number}"
        call_command("import_issues", file, space=key, admin=person.email)
    issue = Issue.objects.order_by("comment_count").last()
    with acting_as(lambda: Actor(user=person, source="web")):
        CommentFactory(issue=issue, author=person, content="Seen by us, too.")
        # Nothing is left to do in a tracker that was given up.
        newest = Issue.objects.order_by("-created_at").values_list("pk", flat=True)[:REOPENED]
        Issue.objects.filter(pk__in=list(newest)).change(status="open")
    return person


def tell_hostile(space, person):
    """Issues and all that they refer to, as long, wide and odd as they may be."""
    level = LevelFactory(space=space, name=LONG[:NAME], color="#fefefe")
    other = UserFactory(name=LONG[:NAME], email=f"{LONG[:60]}@example.com", member_of=space)
    channels = [ChannelFactory(space=space, name=name[:NAME], description=LONG[:NAME]) for name in ODD]
    project, environment = (
        make(space=space, name=LONG[:NAME]) for make in (ProjectFactory, EnvironmentFactory)
    )
    labels = {f"{LONG[:60]}{n}": LONG[:LABEL_VALUE] for n in range(20)} | {
        odd[:LABEL_KEY]: SCRIPT for odd in ODD[1:]
    }
    for name in ODD:
        SavedViewFactory(owner=person, space=space, name=name[:NAME], query=urlencode({"q": f'"{LONG}"'}))
    for number, title in enumerate((*ODD, "🔥" * TITLE, "word " * (TITLE // 5), "a")):
        issue = IssueFactory(
            space=space, title=title[:TITLE], level=level, description=MARKDOWN, project=project,
            environment=environment, assignee=(person, other)[number % 2], kind=LONG[:64], reporter=other,
            error_type=LONG[:NAME], error_message=MARKDOWN, service=LONG[:NAME], seen_count=999_999_999,
            file_path=LONG, function_name=LONG[:NAME], resource_name=LONG[:NAME],
            annotations={LONG[:LABEL_KEY]: LONG[:LABEL_VALUE]},
        )  # fmt: skip
        issue.labels, issue.channels = labels, channels
        issue.save()
    AttachmentFactory(owner=issue, name=f"{LONG[:240]}.txt")
    for author in (person, other):
        CommentFactory(issue=issue, author=author, content=MARKDOWN)
    issue.refresh_from_db()
    issue.title, issue.description, issue.level = LONG + LONG[:20], MARKDOWN[::-1], None
    issue.save()


def places(person):
    """{name: address} of every page, for a person who may see all and has commented."""
    issue = Issue.objects.filter(deleted_at=None).order_by("comment_count").last()
    kept = {name: reverse(name) for name in NAMES}
    one = {name: reverse(name, args=[issue.key]) for name in OF_ISSUE}
    channel = Channel.objects.order_by("pk").first()
    return {
        **kept,
        **one,
        "issue-list-facets": f"{reverse('issue-list')}?facets=1",
        "issue-list-pane": f"{reverse('issue-list')}?sel={issue.key}",
        "issue-list-nothing": f"{reverse('issue-list')}?q=nothingofthiskind",
        "issue-list-mistake": f"{reverse('issue-list')}?q=is:opne",
        "issue-list-long": f"{reverse('issue-list')}?{urlencode({'q': f'{LONG} kind:{LONG}'})}",
        "comment-edit": reverse("comment-edit", args=[person.comments.earliest("pk").uuid]),
        "channel-detail": reverse("channel-detail", args=[channel.uuid]),
        "level-detail": reverse("level-detail", args=[Level.objects.order_by("pk").first().uuid]),
        "not-found": "/nowhere/",
    }


NAMES = (
    "triage", "issue-list", "issue-create", "query-help", "dashboard", "view-list", "channel-list",
    "level-list", "history-list", "trash", "people", "settings-profile", "settings-password",
    "settings-tokens",
)  # fmt: skip
OF_ISSUE = (
    "issue-detail", "issue-similar", "issue-edit", "issue-history", "issue-occurrences", "issue-doors",
)  # fmt: skip
