"""Texts made to cost time or to run in a browser: they are rendered or shown as typed, and harmless."""
# ruff: noqa: E501, SIM905

import time
from html.parser import HTMLParser
from itertools import islice, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from issues.markdown import ATTRIBUTES, FORMATS, TAGS, render

FULL = 65_535
# What a rendering may take, and patience with slow machines.
SECONDS = 0.5 * 2

MARKDOWN = r"""
[ ] [] [[]] ![ ![]( [a]( [a](b) [a][b] [a][ ]( ( [a](<b [a](b"c [a](b"c") ![a](b) [![a](b)](c) <a <a> </a> <! <![ <!--
<? <http://a> <a@b.c> http://a http://a( http://) http://a) a@b.c www.a * ** *** *a *a* _a_ __a__ **a**b ***a_ a*b*c _a__b_
*a*b_ ~~ ~~a ~~a~~ ~~*a **[`a`](b)** ` `` ``` `a `a` ``a` \` \\ \* \[ & &a; &# &#1; &amp; < > << " ' - + = # | || |a|
|`a| --- @ @a @@ @a@ OPS- AAAAAAAAAAA A1-1 💥 é
""".split()
LINES = [
    "# ", "# a\n", "#a\n", "#\n", "- \n", "- a\n", "-\n", "- - ", "- - a\n", "* * ", "0. ", "0. a\n", "1) a\n", "> ", ">", "> a\n",
    "> > a\n", ">>>>>>>>>>> a\n", "> - a\n", "- > a\n", "- > ", "1. - > ", "```\n", "```a\n", "~~~\n", "```\na\n```\n", "> ```\n",
    "- ```\n", "    a\n", "\t", "\n", "\n\n", " ", "a\n", "a\n\n", "a  \n", "a\n=\n", "a\n-\n", "---\n", "* * *\n", "|a|b|\n",
    "|a|b|\n|-|-|\n", "|-|-|\n", "|\n", "[a]: b\n", "[a]:\nb\n", "[a]: <b> '\n", "[a\n", "![a\n", "- [ ] a\n", "- [x] ", "- a\n\n",
    "- a\n  - b\n", "- a\n\n  b\n", "- a\n    - b\n        - c\n", "1. a\n\n   ```\n   x\n   ```\n", "* a\n1. b\n", "<div>\n",
    "\\\n", "*a\nb*\n", "`a\n", "@a ", "@a\n", "OPS-1\n", "OPS-42 ", "http://a ", "http://a\n", "<http://a>\n", "# [a](b) #\n",
    "[a](b)\n", "*a b", "**a *b** c* ", "```java\n$[\n```\n", "\0", "\r", "\x02klzzwxh:0000\x03", "\x02wzxhzdk:0\x03", "\u2028",
]  # fmt: skip
HTML = [
    "<div>", "</div>", "<b>", "<b></b>", "<b><i>", "<b></i>", "<p>", "</p>", "<p><b>", "<a>", "<a href=b>", '<a href="', "<table>",
    "<table><tr><td>", "<table><b>", "<table>a", "<li>", "<ul><li>", "<dl><dd>", "<h1>", "<script>", "<svg>", "<select>", "<img src=x>",
    '<img src=//a alt="b">', "<input type=checkbox>", "<!--", "<!", "<", "</", "<a b=c ", "<p a b c", " a", "&", "&amp;", "&#1;",
    "<pre>", "<details>", "<a><p>", "<b><p></b>", "<div><b></div>", "<i><table>", "<p><table>", "<li><b>", "<td><b>", "\0",
    "<b><table><td></b>", "</br>", "<s><u>", '<p class="a">', "<p><i title={n}>", "<div><b title={n}></div>", "<a title={n}>",
]  # fmt: skip
# Found to be among the worst of some hundred thousand combinations.
COMBINATIONS = [
    ("md", "```java\n$[\n```\n<![- a\n"),
    ("md", "- ```\n"),
    ("md", "#1 "),
    ("md", "> - a\n* a\n1. b\n"),
    ("md", "[a](b)\n*a b"),
    ("md", "|a|b|\n|-|-|\n`a\n"),
    ("html", "<input type=checkbox> a"),
    ("html", ' a<img src=//a alt="b">'),
    ("html", "&&#1;"),
    ("html", "<b><i><table><b>"),
]


def cpu(text, format):
    start = time.process_time()
    render(text, format, {1: "/issues/OPS-1/"})
    return time.process_time() - start


def is_cheap(text, format):
    """Whether it takes little in one of three tries: what else a machine does slows its cores."""
    return any(cpu(text, format) < SECONDS for _ in range(3))


def filled(unit, size=FULL):
    return (unit * (size // len(unit) + 1))[:size]


@pytest.mark.parametrize(
    ("format", "unit"),
    [*product(["md"], [*MARKDOWN, *LINES]), *product(["html"], HTML), *COMBINATIONS],
)
def test_a_text_made_to_cost_time_costs_little(format, unit):
    assert is_cheap(filled(unit), format)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.sampled_from([*MARKDOWN, *LINES]), min_size=2, max_size=4).map("".join),
    st.sampled_from([2_000, 12_000, FULL]),
)
def test_whatever_is_repeated_costs_little(unit, size):
    assert is_cheap(filled(unit, size), "md")


class Reader(HTMLParser):
    """Checks what a browser would make of a rendering."""

    def handle_starttag(self, tag, attributes):
        assert tag in TAGS
        for name, value in attributes:
            assert (
                name in ATTRIBUTES.get(tag, ())
                or (tag, name) == ("a", "rel")
                or (tag, name) == ("pre", "class")
            )
            if name in ("href", "src"):
                assert not (value or "").strip().lower().startswith(("javascript:", "data:", "vbscript:"))

    def handle_comment(self, data):
        raise AssertionError(f"a comment: {data}")

    def handle_decl(self, declaration):
        raise AssertionError(f"a declaration: {declaration}")


ATTACKS = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "[a](javascript:alert(1))", "<svg/onload=alert(1)>",
    "[a](JaVaScRiPt&colon;alert(1))", "<a href='data:text/html,a'>a</a>", "<https://a/\" onclick=b>", "<math><mi>",
    "![a](javascript:alert(1))", "<style>@import 'a'</style>", "<xmp><p title='</xmp><script>'>", "<noscript><p title='",
    "[a]: javascript:alert(1)\n\n[a]", "```html onload=a\n<b>\n```", "<p style='x'>", "`<script>`", "<iframe src=//a>",
]  # fmt: skip


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_that_runs_comes_through(attack, format):
    html = render(f"a {attack} b\n\n{attack}", format)

    Reader().feed(html)
    assert "<script" not in html and "onerror=" not in html.replace("onerror=alert(1)&gt;", "")


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from([*MARKDOWN, *LINES, *HTML, *ATTACKS]) | st.text(max_size=5), max_size=12).map(
        "".join
    ),
    st.sampled_from(FORMATS),
)
def test_any_text_comes_out_within_the_allow_list(text, format):
    Reader().feed(render(text, format))


def test_a_text_too_hard_is_shown_as_typed():
    texts = list(islice((filled(unit) for unit in ("[", "> ", "<a ")), 3))

    rendered = [render(text) for text in texts]

    assert all(html.startswith(("<pre", "<p>", "<blockquote>")) for html in rendered)
    assert render("[a](" * 10_000).startswith('<pre class="plain">')
