"""Boxes of task lists: which one of a text is which, and what ticking it does."""

import pytest
from django.utils.safestring import SafeString

from issues import markdown, tasks
from issues.tasks import seen, tick, toggled, with_buttons
from tests.chains import row
from tests.factories import CommentFactory, IssueFactory

TEXT = """Before the release:

- [ ] one
- [x] two
  1. [ ] three, inside

```
- [ ] no box, but code
```

> - [X] four, said by somebody

`- [ ] nor this`

* [ ] five
"""


@pytest.mark.parametrize(
    ("number", "before", "after"),
    [
        (1, "- [ ] one", "- [x] one"),
        (2, "- [x] two", "- [ ] two"),
        (3, "1. [ ] three", "1. [x] three"),
        (4, "- [X] four", "- [ ] four"),
        (5, "* [ ] five", "* [x] five"),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_box_is_found_where_the_renderer_shows_it(number, before, after, end):
    text = TEXT.replace("\n", end)

    assert toggled(text, number) == text.replace(before, after)


@pytest.mark.parametrize(
    ("text", "number"), [(TEXT, 0), (TEXT, 6), ("", 1), ("- [ ]", 1), ("    - [ ] code", 1)]
)
def test_a_box_that_is_not_there_is_not_toggled(text, number):
    with pytest.raises(LookupError):
        toggled(text, number)


def test_every_box_becomes_a_button_that_says_its_state():
    html = markdown.safe(markdown.render(TEXT))

    shown = with_buttons(html, "tasks")

    assert isinstance(shown, SafeString)
    assert "<input" not in shown
    assert [f'name="box" value="{number}"' in shown for number in range(1, 7)] == [True] * 5 + [False]
    assert shown.count('aria-checked="true"') == 2


def test_what_reads_like_a_box_in_an_attribute_stays_text():
    html = markdown.safe(markdown.render('[a](/x "<input disabled=\\"\\" type=\\"checkbox\\">")'))

    assert with_buttons(html, "tasks") == html


@pytest.mark.django_db
@pytest.mark.parametrize("make", [IssueFactory, CommentFactory])
def test_a_ticked_box_is_saved_as_an_edit(make):
    owner = make(**{make._meta.model.WORDS: TEXT})

    is_saved = tick(owner, {"box": "1", "seen": seen(TEXT)})

    assert is_saved
    stored = type(owner).objects.get()
    assert getattr(stored, owner.WORDS) == TEXT.replace("[ ] one", "[x] one")
    issue = getattr(owner, "issue", owner)
    assert issue.history.order_by("-position")[0].action in ("description_changed", "comment_edited")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "data", [{"box": "9"}, {"box": "x"}, {"box": "-1"}, {"box": "9" * 20}, {}, {"box": "1", "seen": "older"}]
)
def test_nothing_is_saved_of_a_box_that_is_not_there(data):
    issue = IssueFactory(description=TEXT)

    is_saved = tick(issue, {"seen": seen(TEXT)} | data)

    assert not is_saved
    assert row(issue)["version"] == 1


@pytest.mark.django_db
def test_a_text_that_changes_at_the_last_moment_is_not_overwritten(monkeypatch):
    issue = IssueFactory(description=TEXT)
    other = type(issue).objects.get()

    def meanwhile(text, number):
        other.description = "Quite another text"
        other.save()
        return toggled(text, number)

    monkeypatch.setattr(tasks, "toggled", meanwhile)

    assert not tick(issue, {"box": "1", "seen": seen(TEXT)})
    assert row(issue)["description"] == "Quite another text"
