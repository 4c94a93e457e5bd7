"""What is searched of an issue follows every change of it, in the same transaction."""

import unicodedata
from datetime import date
from importlib import import_module
from io import StringIO

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection, models, transaction

from comments.models import Comment
from issues.models import Issue, SearchDocument
from issues.models.search_document import MOST
from issues.query import read
from issues.words import LENGTH, words
from tests.factories import CommentFactory, IssueFactory, MembershipFactory, SpaceFactory, UserFactory

pytestmark = pytest.mark.django_db


def found(user, text):
    issues = Issue.objects.visible_to(user).filter(read(text, user).condition)
    return set(issues.values_list("title", flat=True))


def check(**options):
    """What `check_derived` prints; CommandError where something differs."""
    said = StringIO()
    call_command("check_derived", stdout=said, skip_checks=False, **options)
    return said.getvalue()


HOLDS = (
    "Different: 0 of search documents, 0 of text index, 0 of counters, 0 of hours, "
    "0 of labels shown, 0 of ranks of levels, 0 of numbers of comments, 0 of mentions.\n"
)


# Words.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Time-out in a_b, 100%!", "time out in a b 100"),
        ("GRÖSSE Größe", "grösse grösse"),
        ("ΣΊΣΥΦΟΣ σίσυφος", "σίσυφοσ σίσυφοσ"),
        ("cafe\u0301 caf\u00e9", "café café"),
        ("ﬁx ①½ Ⅻ", "fix 11 2 xii"),
        ("नमस्ते दुनिया", "नमस्ते दुनिया"),
        ("東京タワー2", "東 京 タ ワ ー 2"),
        ("¶ ! = *", ""),
    ],
)
def test_words_are_letters_marks_and_digits_in_one_spelling(text, expected):
    assert words(text) == expected.split()


def test_a_long_word_is_as_many_as_it_fills():
    assert list(map(len, words("x" * 200))) == [LENGTH, LENGTH, LENGTH, 200 - 3 * LENGTH]


@pytest.mark.parametrize("word", ["é" * 40, "한국어" * 15])
def test_a_long_word_is_the_same_in_parts_and_composed(word):
    parts = unicodedata.normalize("NFD", word)

    assert len(parts) > LENGTH > len(word)
    assert words(parts) == words(word) == [word]


def test_marks_without_end_are_cut_before_they_are_put_in_order():
    text = "a" + "\u0301\u0316" * 30_000

    found = words(text)

    assert max(map(len, found)) <= LENGTH


# Following.


def test_every_kind_of_change_is_followed(ops, alice):
    issue = IssueFactory(space=ops, title="First", description="Words of it", assignee=None)
    comment = CommentFactory(issue=issue, content="Something said")

    steps = [check()]
    issue.labels = {"b": 'say "x"\x1f', "a": "\u2028é"}
    issue.save()
    steps.append(check())
    issue.wish("labels", add={"b": "\x7f\\"}, remove=["a"])
    issue.save()
    steps.append(check())
    issue.title, issue.description, issue.status, issue.assignee = "Second", "Others", "in_progress", alice
    issue.save()
    steps.append(check())
    issue.error_type, issue.error_message = "TypeError", "None is no number"
    issue.save()
    steps.append(check())
    comment.content = "Said otherwise"
    comment.save()
    steps.append(check())
    comment.is_internal = True
    comment.save()
    steps.append(check())
    comment.trash()
    steps.append(check())
    issue.trash()
    steps.append(check())
    issue.restore()
    steps.append(check())

    assert set(steps) == {HOLDS}
    assert SearchDocument.objects.get().tokens == f"s{ops.pk} tinprogress u{alice.pk} etypeerror"


def test_a_change_of_many_is_followed_at_the_cost_of_few(ops, alice, django_assert_max_num_queries):
    for number in range(6):
        issue = IssueFactory(space=ops, title=f"Thing {number}")
        CommentFactory(issue=issue, content=f"Remark {number}")
    with django_assert_max_num_queries(40):
        Issue.objects.filter(number__lte=3).change(deleted_at=issue.created_at)
        Issue.objects.filter(number__lte=2).change(deleted_at=None, title="Back")
        Issue.objects.filter(number__gt=3).change(status="closed", assignee=alice)

    assert check() == HOLDS
    assert found(alice, "remark") == {"Back", "Thing 3", "Thing 4", "Thing 5"}


def test_the_words_of_an_error_are_found_until_it_is_another(ops, alice):
    issue = IssueFactory(space=ops, title="Slow", error_type="builtins.TypeError", error_message="no len()")
    CommentFactory(issue=issue, content="again")
    before = [found(alice, text) for text in ("typeerror", '"no len"', '"len again"', "again")]
    issue.error_message = "no sum()"
    issue.save()

    assert before == [{"Slow"}, {"Slow"}, set(), {"Slow"}]
    assert (found(alice, "len"), found(alice, "sum again")) == (set(), {"Slow"})


def test_what_was_said_while_it_was_deleted_is_found_when_it_is_back(ops, alice):
    issue = IssueFactory(space=ops, title="Gone")
    issue.trash()
    CommentFactory(issue=issue, content="Whisper")
    gone = found(alice, "whisper")
    issue.restore()

    assert (gone, found(alice, "whisper")) == (set(), {"Gone"})


def test_a_change_that_fails_leaves_the_index_as_it_was(ops, alice):
    issue = IssueFactory(space=ops, title="Before")
    with pytest.raises(RuntimeError), transaction.atomic():
        issue.title = "After"
        issue.save()
        raise RuntimeError

    assert (found(alice, "before"), found(alice, "after")) == ({"Before"}, set())


def test_a_text_that_is_taken_away_is_not_found_any_more(ops, alice):
    issue = IssueFactory(space=ops, title="Leak", description="Correct horse")
    comment = CommentFactory(issue=issue, content="battery staple")
    issue.description = "Nothing"
    issue.save()
    comment.trash()
    call_command(
        "redact",
        "OPS-1",
        position=1,
        field="description",
        by=alice.email,
        why="A password",
        stdout=StringIO(),
    )

    assert not found(alice, "horse") | found(alice, "staple")
    assert "horse" not in str(SearchDocument.objects.values_list().get())
    assert check() == HOLDS


def test_texts_beyond_all_measure_are_kept_in_part(ops, alice):
    plain = {"space": ops, "description_format": "text"}
    letters = " ".join(f"{letter}{number}" for letter in "𐌰𐌱𐌲" for number in range(9_000))[:65_000]
    numbers = "".join(f"{number:x} " for number in range(12_000))
    IssueFactory(**plain, title="Huge", description=letters)
    issue = IssueFactory(**plain, title="\ufdfa" * 400, description="\ufdfa" * 20_000)
    for number in range(9):
        CommentFactory(issue=issue, content=f"end{number} {numbers}", content_format="text")

    rows = list(SearchDocument.objects.all())

    assert all(len(getattr(row, name).encode()) <= most for row in rows for name, most in MOST.items())
    assert found(alice, "end8") == {issue.title}
    assert not found(alice, "end0")


# Roles.


def test_words_of_internal_comments_are_found_by_members_of_that_space_alone(ops):
    data, reader = SpaceFactory(key="DATA"), UserFactory()
    MembershipFactory(space=ops, user=reader, role="viewer")
    MembershipFactory(space=data, user=reader, role="member")
    for space in (ops, data):
        for is_internal in (True, False):
            issue = IssueFactory(space=space, title=f"{space.key} {is_internal}")
            CommentFactory(issue=issue, content="A quiet word", is_internal=is_internal)
        # The words of the phrase are there for all, and the phrase for members alone.
        issue = IssueFactory(space=space, title=f"{space.key} both", description="word quiet")
        CommentFactory(issue=issue, content="quiet word", is_internal=True)

    assert found(reader, "quiet") == {"OPS False", "OPS both", "DATA True", "DATA False", "DATA both"}
    assert found(reader, '"quiet word"') == {"OPS False", "DATA True", "DATA False", "DATA both"}
    assert found(reader, '-"quiet word"') == {"OPS True", "OPS both"}


def test_tokens_are_no_words(ops, alice):
    IssueFactory(space=ops, title="Plain", assignee=None)

    assert not found(alice, "topen") | found(alice, "u0") | found(alice, f"s{ops.pk}")


def test_a_phrase_does_not_go_from_one_text_into_the_next(ops, alice):
    issue = IssueFactory(space=ops, title="One two", description="three")
    CommentFactory(issue=issue, content="four five")
    CommentFactory(issue=issue, content="six")

    assert found(alice, '"four five"') == {"One two"}
    assert not found(alice, '"two three"') | found(alice, '"five six"') | found(alice, '"six four"')


# Checking.


def test_the_check_names_what_differs_and_repairs_it(ops, alice):
    stale, missing, gone = (IssueFactory(space=ops, title=title) for title in ("Stale", "Missing", "Gone"))
    IssueFactory(space=ops, title="Right")
    document = SearchDocument.objects.filter(pk=gone.pk).values().get()
    gone.trash()
    SearchDocument.objects.create(**document)
    SearchDocument.objects.filter(pk=stale.pk).update(title="old")
    SearchDocument.objects.filter(pk=missing.pk).delete()

    with pytest.raises(CommandError, match="3 of search documents"):
        check()
    repaired = check(repair=True)

    assert "the document of OPS-1 differs\nthe document of OPS-2 is missing\n" in repaired
    assert "the document of OPS-3 should be gone" in repaired
    assert check() == HOLDS
    assert found(alice, "stale OR missing OR gone") == {"Stale", "Missing"}


@pytest.mark.database("sqlite")
def test_the_check_finds_an_index_that_does_not_fit(ops, alice):
    IssueFactory(space=ops, title="Lost")
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO issues_search (issues_search) VALUES ('delete-all')")

    with pytest.raises(CommandError, match="1 of text index"):
        check()
    check(repair=True)

    assert check() == HOLDS
    assert found(alice, "lost") == {"Lost"}


def test_issues_from_before_get_their_documents_by_migration(ops, alice, monkeypatch):
    migration = import_module("comments.migrations.0002_search")
    monkeypatch.setattr(migration, "CHUNK", 2)
    for number in range(5):
        issue = IssueFactory(space=ops, title=f"Old {number}")
        CommentFactory(issue=issue, content="Remark", is_internal=number % 2)
    issue.trash()
    models.QuerySet.delete(SearchDocument.objects.all())

    migration.fill(apps, None)

    assert check() == HOLDS
    assert len(found(alice, "remark")) == 4
    assert Comment.objects.count() == 5


def test_errors_from_before_come_into_the_documents_by_migration(ops, alice, monkeypatch):
    migration = import_module("comments.migrations.0004_search_errors")
    monkeypatch.setattr(migration, "CHUNK", 2)
    for number in range(5):
        issue = IssueFactory(space=ops, title=f"Old {number}", error_type="KeyError" if number else "")
        CommentFactory(issue=issue, content="Remark", is_internal=number % 2)
    issue.trash()
    SearchDocument.objects.update(comments="")

    migration.fill(apps, None)

    assert found(alice, "keyerror") == {"Old 1", "Old 2", "Old 3"}
    assert found(alice, "keyerror remark") == {"Old 1", "Old 2", "Old 3"}


def test_values_from_before_come_into_the_tokens_by_migration(ops, alice, monkeypatch):
    migration = import_module("issues.migrations.0021_tokens_of_values")
    monkeypatch.setattr(migration, "CHUNK", 2)
    for number in range(5):
        issue = IssueFactory(space=ops, title=f"Old {number}", service="Web Shop" if number else "")
    issue.trash()
    SearchDocument.objects.update(tokens="")

    migration.fill(apps, None)

    tokens = SearchDocument.objects.order_by("pk").values_list("tokens", flat=True)
    assert list(tokens) == ["", *[f"s{ops.pk} topen u0 vwebshop"] * 3]


def test_tokens_follow_the_values_that_narrow_lists(ops):
    issue = IssueFactory(space=ops, languages=["go", "C#"], first_version="1.0-rc", last_version="1.0-rc")

    issue.languages, issue.is_crash, issue.due_on = ["go"], True, date(2026, 1, 15)
    issue.kind, issue.last_version = "Ärger 7", "2.0"
    issue.save()

    tokens = SearchDocument.objects.get().tokens.split()
    assert tokens == [f"s{ops.pk}", "topen", "u0", "krger7", "lgo", "n10rc", "n20", "d1", "x1"]
    assert check() == HOLDS
