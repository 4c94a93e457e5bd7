"""Every page there is, on the demo's data and on data that wants to break it."""

from django.urls import reverse

from issues.models import Channel, Issue, Level
from tests.factories import CommentFactory, IssueFactory, LevelFactory
from tracker.accounts.models import User
from tracker.demo import month

LONG = "Unbroken" * 60
RIGHT_TO_LEFT = "\u202eالعملاء لا يستطيعون تسجيل الدخول \u2066abc"  # noqa: RUF001
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


def tell_hostile(space, person):
    """Issues that are as long, wide and odd as they may be."""
    level = LevelFactory(space=space, name=LONG[:60], color="#fefefe")
    labels = {f"{LONG[:40]}{n}": LONG[:200] for n in range(20)} | {"<b>": "<script>alert(1)</script>"}
    for title in (LONG, RIGHT_TO_LEFT, "<script>alert(1)</script>", "🔥" * 100, "a"):
        issue = IssueFactory(
            space=space, title=title[:250], level=level, description=MARKDOWN, assignee=person,
            error_type=LONG[:200], error_message=MARKDOWN, service=LONG[:100], seen_count=999_999_999,
            resource_name=LONG[:200], annotations={LONG[:40]: LONG[:200]},
        )  # fmt: skip
        issue.labels = labels
        issue.save()
        CommentFactory(issue=issue, author=person, content=MARKDOWN)
    return issue


def places():
    """{name: address} of every page, for one who may see all."""
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
        "channel-detail": reverse("channel-detail", args=[channel.uuid]),
        "level-detail": reverse("level-detail", args=[Level.objects.order_by("pk").first().uuid]),
        "not-found": "/nowhere/",
    }


NAMES = (
    "triage", "issue-list", "issue-create", "query-help", "dashboard", "view-list", "channel-list",
    "level-list", "history-list", "trash", "people", "settings-profile", "settings-password",
    "settings-tokens",
)  # fmt: skip
OF_ISSUE = ("issue-detail", "issue-similar", "issue-edit", "issue-history", "issue-doors")
