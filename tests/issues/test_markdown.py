"""What a text looks like to its readers."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from issues.markdown import FORMATS, LEXERS, first_line, render, safe, same_but_for_line_ends


def flat(html):
    return html.replace("\n", "")


# Blocks.


def test_raw_html_is_shown_as_text():
    text = "<b>bold</b> <script>alert(1)</script>\n\n<div>block</div>"

    html = render(text)

    assert html == (
        "<p>&lt;b&gt;bold&lt;/b&gt; &lt;script&gt;alert(1)&lt;/script&gt;</p>\n"
        "<p>&lt;div&gt;block&lt;/div&gt;</p>"
    )


def test_lines_break_where_they_were_broken():
    html = render("one\ntwo  \nthree\n\nfour")

    assert html == "<p>one<br>\ntwo<br>\nthree</p>\n<p>four</p>"


def test_carriage_returns_make_no_difference():
    text = "# Head\n\none\ntwo\n\n- a\n- b\n\n```\ncode\n```\n"

    assert render(text.replace("\n", "\r\n")) == render(text)


def test_table_keeps_its_alignment_and_pipes_in_code():
    text = "| a | b |\n|---|--:|\n| 1 | `x|y` |\n| 2 |"

    html = flat(render(text))

    assert html == (
        '<table><thead><tr><th>a</th><th align="right">b</th></tr></thead>'
        '<tbody><tr><td>1</td><td align="right"><code>x|y</code></td></tr>'
        '<tr><td>2</td><td align="right"></td></tr></tbody></table>'
    )


def test_table_may_follow_a_line_of_text():
    html = flat(render("See:\n| a | b |\n|---|---|\n| 1 | 2 |"))

    assert html.startswith("<p>See:</p><table><thead><tr><th>a</th>")


def test_task_list_is_made_of_disabled_checkboxes():
    html = render("- [ ] open\n- [x] done")

    assert html == (
        '<ul class="task-list">\n'
        '<li class="task-list-item"><input type="checkbox" disabled=""> open</li>\n'
        '<li class="task-list-item"><input type="checkbox" disabled="" checked=""> done</li>\n'
        "</ul>"
    )


@pytest.mark.parametrize("indent", ["  ", "    ", "\t"])
def test_list_nests_by_two_spaces_or_four_or_a_tab(indent):
    html = flat(render(f"- a\n{indent}- b\n{indent}- c\n- d"))

    assert html == "<ul><li>a<ul><li>b</li><li>c</li></ul></li><li>d</li></ul>"


def test_numbered_list_holds_paragraphs_and_lists_by_three_spaces():
    html = flat(render("1. a\n\n   more\n   - b\n2. c"))

    assert html == "<ol><li><p>a</p><p>more</p><ul><li>b</li></ul></li><li><p>c</p></li></ol>"


def test_list_may_follow_a_line_of_text():
    html = flat(render("Steps:\n* a\n* b\n\nafter"))

    assert html == "<p>Steps:</p><ul><li>a</li><li>b</li></ul><p>after</p>"


def test_line_with_a_year_is_no_list():
    html = flat(render("It began in\n2019. Then"))

    assert html == "<p>It began in<br>2019. Then</p>"


def test_bullets_and_numbers_are_two_lists():
    html = flat(render("- a\n1. b\n2) c"))

    assert html == "<ul><li>a</li></ul><ol><li>b</li><li>c</li></ol>"


def test_list_starts_where_it_says():
    assert flat(render("5. five\n6. six")) == '<ol start="5"><li>five</li><li>six</li></ol>'


def test_heading_needs_a_space_after_its_number_signs():
    html = flat(render("#42 is open\n## Head\ntext"))

    assert html == "<p>#42 is open</p><h2>Head</h2><p>text</p>"


def test_underlined_line_is_a_heading_and_a_lone_line_a_rule():
    assert flat(render("Head\n---\n\n---\na\n***\nb")) == "<h2>Head</h2><hr><p>a</p><hr><p>b</p>"


def test_quote_takes_the_line_below_and_quotes_nest():
    html = flat(render("> > a\n>\n> - b\n> ```\n> c\n> ```\n\nd"))

    assert html == (
        "<blockquote><blockquote><p>a</p></blockquote><ul><li>b</li></ul>"
        "<pre><code>c</code></pre></blockquote><p>d</p>"
    )


def test_code_with_a_language_has_coloured_words():
    html = flat(render("```python\ndef f():\n    return '<b>'\n```"))

    assert html == (
        '<div class="highlight"><pre><code><span class="k">def</span> <span class="nf">f</span>():'
        '    <span class="k">return</span> <span class="s">\'&lt;b&gt;\'</span></code></pre></div>'
    )


@pytest.mark.parametrize("lang", sorted(LEXERS))
def test_every_lexer_of_the_list_exists(lang):
    assert 'class="highlight"' in render(f"```{lang}\nvalue = 1\n```")


@pytest.mark.parametrize("opening", ["```", "~~~", "```nonsense", "```ini", '```"><script>', "``` "])
def test_code_in_no_known_language_is_plain(opening):
    html = render(f"{opening}\na = <b>\n\n  b\n{opening[:3]}\nafter")

    assert html == "<pre><code>a = &lt;b&gt;\n\n  b\n</code></pre>\n<p>after</p>"


def test_long_code_is_plain():
    html = render("```json\n" + '{"a": 1}\n' * 2_500 + "```")

    assert html.startswith("<pre><code>{")


def test_code_with_too_many_words_is_plain():
    html = render("```json\n" + "[1, 2, 3]\n" * 1_999 + "```")

    assert html.startswith("<pre><code>[1, 2, 3]")


def test_code_without_an_end_goes_on_to_the_end():
    assert render("```\na\n\n*b*") == "<pre><code>a\n\n*b*\n</code></pre>"


def test_code_in_a_list_stays_in_its_item():
    html = flat(render("1. a\n\n   ```sql\n   SELECT\n\n     1\n   ```\n2. b\n- ```\n  c\n  ```"))

    assert html == (
        '<ol><li><p>a</p><div class="highlight"><pre><code><span class="k">SELECT</span>'
        '  <span class="m">1</span></code></pre></div></li><li><p>b</p></li></ol>'
        "<ul><li><pre><code>c</code></pre></li></ul>"
    )


def test_indented_code_is_code():
    assert (
        render("a\n\n    *b*\n\n      c\n\nd") == "<p>a</p>\n<pre><code>*b*\n\n  c\n</code></pre>\n<p>d</p>"
    )


# Words.


def test_emphasis_and_strikethrough():
    html = render("*a* __b__ ~~c~~ snake_case_name ~d~ `*e*` \\*f\\*")

    assert html == (
        "<p><em>a</em> <strong>b</strong> <del>c</del> snake_case_name ~d~ <code>*e*</code> *f*</p>"
    )


REL = 'rel="nofollow noopener noreferrer"'


@pytest.mark.parametrize(
    ("text", "href", "words"),
    [
        ("[a](https://example.com/x?a=1&b=2)", "https://example.com/x?a=1&amp;b=2", "a"),
        ("[a](/issues/)", "/issues/", "a"),
        ("[a](mailto:a@example.com)", "mailto:a@example.com", "a"),
        ("[a][b]\n\n[b]: http://example.com", "http://example.com", "a"),
        ("<https://example.com>", "https://example.com", "https://example.com"),
        ("<jane@example.com>", "mailto:jane@example.com", "jane@example.com"),
        ("https://example.com/a_b_c", "https://example.com/a_b_c", "https://example.com/a_b_c"),
    ],
)
def test_links_are_followed_by_nobody_but_people(text, href, words):
    assert render(text) == f'<p><a href="{href}" {REL}>{words}</a></p>'


@pytest.mark.parametrize("tail", [".", ")", "),", "!?", "**", "'"])
def test_bare_link_ends_before_the_punctuation(tail):
    html = render(f"(see https://example.com/a_(b){tail}")

    assert f">https://example.com/a_(b)</a>{tail}</p>".replace("'", "&#x27;") in html.replace("'", "&#x27;")


@pytest.mark.parametrize("url", ["javascript:alert(1)", "JaVaScRiPt:a", "data:text/html,a", "vbscript:a"])
def test_link_that_runs_leads_nowhere(url):
    assert render(f"[a]({url})") == f"<p><a {REL}>a</a></p>"


def test_picture_from_elsewhere_is_a_link():
    html = render("![chart](https://example.com/c.png) ![](//example.com/d.png)")

    assert html == (
        f'<p><a href="https://example.com/c.png" {REL}>chart</a> '
        f'<a href="//example.com/d.png" {REL}>//example.com/d.png</a></p>'
    )


def test_own_picture_is_a_picture():
    assert render("![chart](/media/c.png)") == '<p><img alt="chart" src="/media/c.png"></p>'


def test_picture_in_a_link_is_its_words():
    html = render("[![build](https://example.com/b.png)](https://example.com)")

    assert html == f'<p><a href="https://example.com" {REL}>build</a></p>'


def test_mentions_are_marked():
    html = render("@jane, **@bob.smith** and _@al_.")

    assert html == (
        '<p><span class="mention">@jane</span>, <strong><span class="mention">@bob.smith</span></strong> '
        'and <em><span class="mention">@al</span></em>.</p>'
    )


@pytest.mark.parametrize(
    "text", ["jane@example.com", "`@jane`", "[@jane](/x)", "https://example.com/@jane", "    @jane", "@ jane"]
)
def test_mentions_are_left_alone_in_mail_code_and_links(text):
    assert "mention" not in render(text)


def test_references_are_links():
    html = render("OPS-42, (MLS-89) and _A1-7_")

    assert html == (
        f'<p><a class="ref" href="/issues/OPS-42/" {REL}>OPS-42</a>, '
        f'(<a class="ref" href="/issues/MLS-89/" {REL}>MLS-89</a>) and '
        f'<em><a class="ref" href="/issues/A1-7/" {REL}>A1-7</a></em></p>'
    )


@pytest.mark.parametrize(
    "text",
    [
        "`OPS-42`",
        "```\nOPS-42\n```",
        "[OPS-42](/x)",
        "https://example.com/OPS-42",
        "ops-42",
        "P-256",
        "ISO-8859-1",
        "OPS-1234567890",
        "OPS-42x",
        "xOPS-42",
        "TLS-1.3",
    ],
)
def test_what_only_looks_like_a_reference_is_left_alone(text):
    assert 'class="ref"' not in render(text)


# The other formats.


def test_html_keeps_what_is_allowed():
    table = '<table><tbody><tr><td align="left">d</td></tr></tbody></table>'
    html = f'<p>a <b>b</b> <span class="k">c</span></p>{table}'

    assert render(html, "html") == html


@pytest.mark.parametrize(
    ("html", "left"),
    [
        ("<script>alert(1)</script>a", "a"),
        ("<style>p {}</style>a", "a"),
        ('<p style="color:red" id="x" onclick="a()">a</p>', "<p>a</p>"),
        ('<span class="highlight evil">a</span>', "<span>a</span>"),
        ("<form><button>a</button></form>", "a"),
        ("<svg><a xlink:href='x'>a</a></svg>", ""),
        ("<iframe src='//x'></iframe>a", "a"),
        ("<input type=text value=a>", '<input type="checkbox" disabled="">'),
        ('<a href="jav&#x09;ascript:a" target="_blank" rel="opener">a</a>', f"<a {REL}>a</a>"),
        ('<img src="x" onerror="a()">', f'<a href="x" {REL}>x</a>'),
        ('<img src="data:image/svg+xml,a" alt="a">', "a"),
        ("<!-- a --><p>b", "<p>b</p>"),
        ("&lt;script&gt; &copy; & <", "&lt;script&gt; © &amp; &lt;"),
    ],
)
def test_html_loses_what_is_not(html, left):
    assert render(html, "html") == left


def test_plain_text_is_shown_as_it_is():
    assert render("<b>\n a  b", "text") == '<pre class="plain">&lt;b&gt;\n a  b</pre>'


@pytest.mark.parametrize("format", FORMATS)
def test_blank_text_and_nul_are_no_trouble(format):
    assert "\0" not in render("a\0b", format)
    assert "<script" not in render("", format) + render(" \n", format)


def test_rendering_is_printed_by_a_template_as_it_is():
    assert safe("<p>a</p>").__html__() == "<p>a</p>"


def test_threads_do_not_disturb_one_another():
    texts = [f"# {n}\n\n- *a*\n- [x]({n})\n\n```python\nx = {n}\n```" for n in range(40)]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(render, texts)) == [render(text) for text in texts]


# Titles and line ends.


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("", "Untitled"),
        (" \n>\n- \n---", "Untitled"),
        ("\n\n  Disk full  \nmore", "Disk full"),
        ("## Disk full", "Disk full"),
        ("> - [ ] Disk full", "Disk full"),
        ("1. Disk full", "Disk full"),
        ("```\nDisk full\n```", "Disk full"),
        ("#42 is open > 3 days", "#42 is open > 3 days"),
        ("2019 was fine", "2019 was fine"),
        ("Disk\r\nfull", "Disk"),
        ("a" * 120, "a" * 120),
        ("a" * 118 + " bcd", "a" * 118 + "…"),
    ],
)
def test_first_line_that_says_something_is_the_title(text, title):
    assert first_line(text) == title


def test_title_is_cut_at_the_limit():
    assert first_line("Disk is full", limit=8) == "Disk is…"


def test_line_ends_make_no_difference():
    assert same_but_for_line_ends("a\nb\n", "a\r\nb\r")
    assert not same_but_for_line_ends("a\nb", "a\nb\n")


def test_a_text_takes_nothing_from_the_one_before():
    after = "#42 [there]\n\n```\nnone\n```"
    alone = render(after)

    linked = render(
        "[there]: https://example.com\n\n#42 [there]\n\n```\none\n```", numbers={42: "/issues/OPS-42/"}
    )

    assert "OPS-42" in linked and "example.com" in linked
    assert render(after) == alone
    assert "href" not in alone


@pytest.mark.parametrize(
    "text",
    [
        "Login fails",
        'Steps: open it, log in again.\n\nExpected: home (as before); actual: 50% of it, "gone"!',
        "Größe  über Zeit, it's 3-fold and/or a - b: É",
        "Titel\n\nabc: def\n\nx -- y",
        "e.g. this. And 5. that",
        "日本語 のテキスト.\n\nΩmega и кириллица",
        "ab  12 a1. b",
        "Term\n\n: no definition",
        "Setext\n\n---",
        "A&amp;B",
        "OPS-1 and a@b.example and https://example.com and www.example.com/a",
        "Ends in space \n\nBegins",
        "one\n\n\ntwo",
        "İstanbul ǅ ﬁ ª x² ①",
    ],
)
def test_plain_words_come_out_as_the_parsers_have_them(text, monkeypatch):
    quick = render(text)
    monkeypatch.setattr("issues.markdown.is_plain", lambda text: False)

    assert quick == render(text)


def test_the_address_of_an_issue_here_reads_as_its_key(settings):
    settings.BASE_URL = "https://tracker.example.com/"
    here = "https://tracker.example.com/issues/OPS-42"

    for text in (here, f"{here}/", f"See {here}/."):
        assert f'<a class="ref" href="/issues/OPS-42/" {REL}>OPS-42</a>' in render(text)
    for text in (f"{here}/edit/", f"{here}?show=comments", "https://example.com/issues/OPS-42/", f"{here}x"):
        assert 'class="ref"' not in render(text)
