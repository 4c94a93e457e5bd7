"""Pages in the language of their reader; whatever programs read is English."""

import re
from html.parser import HTMLParser

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from issues.language import day, digits, inside
from issues.models import HistoryEntry
from issues.query import QueryError, read
from tests.browser.places import places
from tests.catalogue import catalogues, untranslated, updated
from tests.factories import ChannelFactory, CommentFactory, IssueFactory, LevelFactory, TokenFactory
from tests.test_pages import form_of, text_of
from tracker.dialects.doors import apis

pytestmark = pytest.mark.django_db

GERMAN = {"accept-language": "de-AT,de;q=0.9,en;q=0.5"}
LIST = "/issues/"


def signed_in(person, **options):
    client = Client(**options)
    client.force_login(person)
    return client


@pytest.fixture
def in_german(bob):
    return signed_in(bob, headers=GERMAN)


# The catalogue.


@pytest.mark.parametrize("path", catalogues(), ids=lambda path: path.parent.parent.name)
def test_a_catalogue_has_what_the_sources_say_and_all_of_it_translated(path):
    catalogue, texts, compiled = updated(path)

    assert path.read_bytes() == texts, "make messages"
    assert path.with_suffix(".mo").read_bytes() == compiled, "make messages"
    assert untranslated(catalogue) == []
    assert [(message.id, problems) for message, problems in catalogue.check()] == []


@pytest.mark.parametrize("path", catalogues(), ids=lambda path: path.parent.parent.name)
def test_a_translation_has_the_places_that_its_message_has(path):
    catalogue, _, _ = updated(path)

    def holes(text):
        return sorted(re.findall(r"%\(\w+\)s|\{[^{}]*\}|</?\w+", text))

    differing = [
        (text, said)
        for message in catalogue
        if message.id
        for text, said in zip(as_list(message.id), as_list(message.string), strict=True)
        if holes(text) != holes(said)
    ]

    assert differing == []


def as_list(texts):
    return [texts] if isinstance(texts, str) else list(texts)


# The choice.


def test_a_page_is_english_for_whoever_says_nothing(bob):
    response = signed_in(bob).get(LIST)

    assert '<html lang="en"' in response.text
    assert response["Content-Language"] == "en"
    assert {"Accept-Language", "Cookie"} <= set(response["Vary"].split(", "))
    assert "All issues" in text_of(response)


@pytest.mark.parametrize(
    ("cookie", "accepted", "expected"),
    [
        (None, "de", "de"),
        (None, "de-CH, en;q=0.8", "de"),
        (None, "fr, de;q=0.7, en;q=0.3", "de"),
        (None, "en-GB, de;q=0.9", "en"),
        (None, "fr", "en"),
        (None, "*", "en"),
        (None, "de;q=nonsense", "en"),
        ("de", "en", "de"),
        ("en", "de", "en"),
        ("xx", "de", "de"),
        ("../de", "en", "en"),
        ("", "de", "de"),
    ],
)
def test_the_cookie_comes_before_what_the_browser_prefers(bob, cookie, accepted, expected):
    client = signed_in(bob, headers={"accept-language": accepted})
    if cookie is not None:
        client.cookies["language"] = cookie

    response = client.get(LIST)

    assert f'<html lang="{expected}"' in response.text
    assert response["Content-Language"] == expected
    assert ("Alle Issues" in text_of(response)) == (expected == "de")


def test_a_language_is_chosen_in_the_profile_and_taken_back_there(bob):
    client = signed_in(bob)
    form = form_of(client.get("/settings/"), "/settings/")

    chosen = client.post("/settings/", form | {"language": "de"}, follow=True)
    shown = form_of(chosen, "/settings/")
    back = client.post("/settings/", shown | {"language": ""}, follow=True)

    assert form["language"] == ""
    assert "Das Profil ist gespeichert." in text_of(chosen) and '<html lang="de"' in chosen.text
    assert shown["language"] == "de"
    assert '<html lang="en"' in back.text
    assert not client.cookies["language"].value


def test_an_unknown_language_is_a_form_error(bob):
    client = signed_in(bob)
    form = form_of(client.get("/settings/"), "/settings/")

    response = client.post("/settings/", form | {"language": "tlh"})

    assert response.status_code == 422
    assert "language" not in client.cookies


def test_nobody_is_shown_the_language_of_the_reader_before(bob, alice):
    german = signed_in(alice, headers=GERMAN).get(LIST)
    english = signed_in(bob).get(LIST)

    assert "Alle Issues" in text_of(german)
    assert "All issues" in text_of(english)


def test_errors_and_signing_in_are_in_the_language_too(client):
    signing_in = client.get("/login/", headers=GERMAN)
    missing = client.get("/nowhere/", headers=GERMAN)
    too_long = client.get("/issues/", {"q": "x" * 5_000}, headers=GERMAN)

    assert "Passwort vergessen?" in text_of(signing_in)
    assert "Hier ist nichts" in text_of(missing) and '<html lang="de"' in missing.text
    assert "Der Query-String ist länger als 4096 Bytes." in text_of(too_long)


# Conditional answers.


def test_a_line_of_news_is_asked_for_anew_in_another_language(bob):
    client = signed_in(bob)
    address = reverse("issue-changes")
    first = client.get(address)

    german = client.get(address, headers=GERMAN | {"if-none-match": first["ETag"]})
    same = client.get(address, headers=GERMAN | {"if-none-match": german["ETag"]})

    assert german.status_code == 200
    assert same.status_code == 304
    assert same["Content-Language"] == "de" and "Accept-Language" in same["Vary"]


def test_no_cache_answers_whether_an_issue_has_changed(bob, ops):
    issue = IssueFactory(space=ops)

    response = signed_in(bob).get(reverse("issue-news", args=[issue.key]))

    assert response["Cache-Control"] == "no-store"


# What pages say.


class Texts(HTMLParser):
    """The texts of a page that people read or hear, without codes."""

    SILENT = {"script", "style", "code", "pre", "textarea", "kbd"}
    ATTRIBUTES = {
        "alt", "aria-label", "data-group", "data-label", "data-many", "data-name", "data-one", "data-said",
        "label", "placeholder", "title",
    }  # fmt: skip
    EMPTY = {"br", "hr", "img", "input", "link", "meta"}

    def __init__(self, html):
        super().__init__()
        self.texts, self.inside = set(), []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        if tag not in self.EMPTY:
            self.inside.append("code" if ("id", "id_time_zone") in attrs else tag)
        for name, value in attrs:
            if name in self.ATTRIBUTES and "code" not in self.inside[:-1]:
                self.add(value)

    def handle_endtag(self, tag):
        self.inside.pop()

    def handle_data(self, data):
        if not self.SILENT & set(self.inside):
            self.add(data)

    def add(self, text):
        if re.search("[A-Za-z]{2}", text or ""):
            self.texts.add(" ".join(text.split()))


# What a page of the test says in every language: names of people and rows, of products, and of doors.
NAMES = (
    r"[A-Z]{2,10}(-\d+)?", r".*@example\.com", r"\d{4}-\d\d-\d\d .*UTC", r"(OPS-1 )?Datum.*", "python, sql",
    r"(Alice|Bob) \w+( \(Admin\))?", "Operations", "OPS · Operations", "English|Deutsch|Tracker",
    "CSV|JSON|Markdown|HTML", r"404 · Not Found", "Qarion|Zylon|Guance|Versori|Datadog",
    "web|api|admin|import|command|worker|rule|qarion|zylon|guance|versori|datadog",
)  # fmt: skip


def test_a_page_says_nothing_in_english_to_who_reads_german(ops, alice, bob):
    level = LevelFactory(
        space=ops, name="Datum level", key="DATUM", severity="high", description="Datum level"
    )
    ChannelFactory(space=ops, name="Datum channel", query="is:open")
    issue = IssueFactory(
        space=ops, title="Datum issue", level=level, assignee=bob, reporter=alice, seen_count=3
    )
    issue.labels = {"Datum label": ""}
    issue.save()
    CommentFactory(issue=issue, author=alice, content="Datum comment")
    TokenFactory(user=alice, space=ops, name="Datum token")
    IssueFactory(space=ops, title="Datum in the trash").trash()
    alike = same_words()
    english, german = signed_in(alice), signed_in(alice, headers=GERMAN)

    found = {}
    for name, address in places(alice).items():
        both = [Texts(client.get(address).text).texts for client in (english, german)]
        rest = {text for text in both[0] & both[1] if not is_known(text, alike)}
        if rest:
            found[name] = rest

    assert found == {}


def same_words():
    """The messages that are the same in German."""
    catalogue, _, _ = updated(catalogues()[0])
    return {
        text for message in catalogue if message.id for text in as_list(message.id) if text in message.string
    }


def is_known(text, alike):
    text = re.sub(r" · Tracker\Z", "", text)
    return text in alike or any(re.fullmatch(name, text) for name in NAMES)


def test_numbers_days_and_names_are_written_as_the_language_does():
    at = HistoryEntry._meta.get_field("created_at").to_python("2026-03-05T10:00:00+00:00")

    with translation.override("en"):
        english = digits(1_234_567), digits(999), day(at), inside("Due date")
    with translation.override("de"):
        german = digits(1_234_567), digits(999), day(at), inside("Fälligkeit")

    assert english == ("1,234,567", "999", "5 Mar 2026", "due date")
    assert german == ("1.234.567", "999", "5. Mär 2026", "Fälligkeit")


@pytest.mark.parametrize(
    ("number", "language", "expected"),
    [
        (1, "en", ("1 comment", "once", "1 change")),
        (2, "en", ("2 comments", "2 times", "2 changes")),
        (1, "de", ("1 Kommentar", "einmal", "1 Änderung")),
        (2, "de", ("2 Kommentare", "2-mal", "2 Änderungen")),
    ],
)
def test_one_is_said_otherwise_than_many(number, language, expected):
    template = (
        "{% load issues %}{{ n|comments }}|{{ n|several }}|"
        "{% include 'issues/_news.html' with count=n is_first=False %}"
    )

    with translation.override(language):
        comments, times, news = rendered(template, n=number).split("|")

    assert (comments, times) == expected[:2]
    assert expected[2] in news


def rendered(template, **context):
    from django.template import engines

    return engines["django"].from_string(template).render(context)


def test_what_was_done_to_many_is_said_in_the_plural(in_german, ops):
    issues = [IssueFactory(space=ops) for _ in range(2)]
    closed = IssueFactory(space=ops, status="closed")
    keys = [issue.key for issue in (*issues, closed)]

    one = in_german.post("/issues/change/", {"do": "resolve", "issue": keys[:1]}, follow=True)
    more = in_german.post("/issues/change/", {"do": "reopen", "issue": keys}, follow=True)

    assert f"{keys[0]} gelöst." in text_of(one)
    assert "2 Issues wieder geöffnet, 1 war schon offen." in text_of(more)


def test_a_query_is_told_back_and_corrected_in_the_language(bob, ops):
    with translation.override("de"):
        words = read("is:open level:P0,P1 -is:mine created:-7d seen:>1", bob).words
        with pytest.raises(QueryError) as refused:
            read("is:opne", bob)
        sentence = refused.value.sentence

    assert words == (
        "offene Issues mit Stufe P0 oder P1, nicht mir zugewiesen, eröffnet vor höchstens 7 Tagen, "
        "mehr als 1-mal aufgetreten"
    )
    assert sentence == "Kein Issue „ist opne“. Vielleicht open?"


# What programs read.


def test_an_api_answers_the_same_bytes_whatever_language_is_asked_for(ops, alice):
    level = LevelFactory(space=ops, key="P9", name="Ninth")
    issue = IssueFactory(space=ops, level=level, assignee=alice)
    issue.status = "in_progress"
    issue.save()
    CommentFactory(issue=issue, author=alice)
    TokenFactory(user=alice, space=ops, secret="trk_alice")
    calls = [
        (door, path) for door in apis().values() for path in (door.address(issue), f"{door.address(issue)}x")
    ]
    calls += [(apis()["api"], path) for path in NATIVE]

    differing, statuses = [], set()
    for door, path in calls:
        path = path.replace("KEY", issue.key)
        plain = Client(headers=door.headers("trk_alice")).get(path)
        wished = Client(headers=door.headers("trk_alice") | GERMAN)
        wished.cookies["language"] = "de"
        other = wished.get(path)
        statuses.add(other.status_code)
        if without_request(plain) != without_request(other) or "Content-Language" in other:
            differing.append(path)

    assert differing == []
    assert {200, 400, 404} <= statuses


NATIVE = (
    "/api/issues/", "/api/issues/KEY/", "/api/issues/KEY/history/", "/api/issues/KEY/comments/",
    "/api/issues/facets/", "/api/history/", "/api/levels/", "/api/memberships/", "/api/tokens/",
    "/api/schema/", "/api/queries/complete/?q=is:", "/api/queries/complete/?q=status:",
    "/api/queries/complete/?q=",
    "/api/queries/explain/?q=is:open%20created:-7d%20-level:P9", "/api/queries/explain/?q=is:opne",
    "/api/issues/?q=is:opne", "/api/issues/?q=(", "/api/issues/?status=gone", "/api/issues/?nothing=1",
    "/api/issues/?cursor=x", "/api/issues/?q=a&q=b", "/api/nowhere/", "/admin/login/",
)  # fmt: skip


def without_request(response):
    """The bytes of an answer, but for the numbers that every request has anew."""
    return re.sub(
        rb'"(request_id|traceId)":"[^"]*"|name="csrfmiddlewaretoken" value="[^"]*"', b"", response.content
    )


def test_a_refused_write_is_told_in_english(ops, alice, api):
    IssueFactory(space=ops)
    wrong = {"space": "OPS", "title": "", "status": "gone", "due_on": "tomorrow", "labels": {"": "x"}}

    plain = api(alice).post("/api/issues/", wrong, "application/json")
    wished = api(alice).post("/api/issues/", wrong, "application/json", headers=GERMAN)

    assert plain.status_code == wished.status_code == 400
    assert without_request(plain) == without_request(wished)


def test_files_to_take_away_are_in_english(in_german, ops, bob):
    issue = IssueFactory(space=ops, assignee=bob, status="in_progress")
    english = signed_in(bob)
    addresses = [
        "/issues/export.csv", "/issues/export.json", "/issues/export.md", f"/issues/{issue.key}.md",
        "/dashboard/export.csv?chart=flow",
    ]  # fmt: skip

    files = [(english.get(address), in_german.get(address)) for address in addresses]

    assert [b"".join(plain) == b"".join(wished) for plain, wished in files] == [True] * len(addresses)


def test_history_is_kept_in_english_and_told_in_the_language_of_the_page(in_german, ops, alice, api):
    issue = IssueFactory(space=ops)
    update = reverse("issue-update", args=[issue.key])

    in_german.post(update, {"status": "in_progress", "version": issue.version})
    entry = HistoryEntry.objects.filter(issue=issue, field="status").get()
    page = in_german.get(reverse("issue-history", args=[issue.key]))

    assert (entry.old_display, entry.new_display) == ("Open", "In progress")
    assert "hat Status geändert: Offen → In Arbeit" in text_of(page)
    told = api(alice).get(f"/api/issues/{issue.key}/history/", headers=GERMAN).json()["results"]
    assert ("Open", "In progress") in [(each["old_display"], each["new_display"]) for each in told]


def test_the_doors_of_an_issue_are_shown_as_programs_see_them(in_german, bob, ops):
    issue = IssueFactory(space=ops, assignee=bob)
    address = reverse("issue-doors", args=[issue.key])

    def documents(response):
        found = re.findall(r'<div class="prose">.*?</pre>', response.text, re.DOTALL)
        return [re.sub("TRACE-[0-9A-F-]*", "", document) for document in found]

    assert documents(in_german.get(address)) == documents(signed_in(bob).get(address)) != []
