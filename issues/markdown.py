"""Markdown, HTML and plain texts made into safe HTML; no other module knows how."""

import re
from contextlib import suppress
from functools import cache
from html import escape, unescape
from itertools import groupby
from time import thread_time
from xml.etree.ElementTree import Element

import nh3
from bleach.html5lib_shim import Filter
from bleach.sanitizer import Cleaner
from django.conf import settings
from django.utils.safestring import mark_safe
from markdown import Extension, Markdown
from markdown.extensions.nl2br import Nl2BrExtension
from markdown.extensions.sane_lists import SaneListExtension
from markdown.extensions.tables import TableExtension
from markdown.inlinepatterns import InlineProcessor
from markdown.preprocessors import Preprocessor
from markdown.util import AtomicString
from pygments.lexers import get_lexer_by_name
from pygments.token import Comment, Generic, Keyword, Name, Number, String
from pymdownx.tasklist import TasklistExtension

RENDERER_VERSION = 1
FORMATS = ("md", "html", "text")

# Python-Markdown, html5lib and some lexers are quadratic in places. These bounds keep the worst
# texts we know below 300 ms; ordinary texts of full length need half of them.
EFFORT = 200_000  # microseconds, as estimated by effort()
NESTING = 12  # lists and quotes in one another
TAGS_AND_ENTITIES = 4_000  # four entities being as much work as a tag
CODE = 20_000  # characters of a block with colours
SPANS = 5_000  # coloured words in a text
PATIENCE = 0.15  # seconds of CPU for all the lexers of a text

TAGS = {
    "a", "b", "blockquote", "br", "code", "dd", "del", "details", "div", "dl", "dt", "em", "h1", "h2", "h3",
    "h4", "h5", "h6", "hr", "i", "img", "input", "ins", "kbd", "li", "ol", "p", "pre", "s", "span", "strong",
    "sub", "summary", "sup", "table", "tbody", "td", "th", "thead", "tr", "u", "ul",
}  # fmt: skip
CELL = {"align", "colspan", "rowspan"}
ATTRIBUTES = {
    "a": {"class", "href", "title"}, "details": {"open"}, "div": {"class"}, "img": {"alt", "src", "title"},
    "input": {"checked", "disabled", "type"}, "li": {"class"}, "ol": {"class", "start"},
    "span": {"class"}, "td": CELL, "th": CELL, "ul": {"class"},
}  # fmt: skip
SCHEMES = {"http", "https", "mailto"}
OWN_PICTURE = re.compile(r"/[\w.~%-][^\s\\]*")
# The address of an issue on this host: it reads as its key.
OWN_ISSUE = re.compile(r"/issues/(?P<key>[A-Z][A-Z0-9]{1,9}-\d{1,9})/?")
FORMATTING = re.compile(r"<(?:a|b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)\b", re.I)

# ini and console are not here: their lexers are cubic.
LEXERS = {
    "bash", "c", "cpp", "csharp", "css", "diff", "docker", "go", "groovy", "html", "http", "java",
    "javascript", "json", "jsx", "kotlin", "lua", "make", "nginx", "perl", "php", "powershell", "protobuf",
    "python", "ruby", "rust", "scala", "sql", "swift", "toml", "typescript", "xml", "yaml",
}  # fmt: skip
ALIASES = {
    "c#": "csharp", "c++": "cpp", "console": "bash", "cs": "csharp", "dockerfile": "docker",
    "golang": "go", "js": "javascript", "makefile": "make", "patch": "diff", "py": "python",
    "python3": "python", "rb": "ruby", "rs": "rust", "sh": "bash", "shell": "bash",
    "ts": "typescript", "yml": "yaml",
}  # fmt: skip
KINDS = {
    Comment: "c", Keyword: "k", Keyword.Type: "kt", String: "s", Number: "m",
    Name.Function: "nf", Name.Class: "nc", Name.Builtin: "nb", Name.Tag: "nt", Name.Attribute: "na",
    Generic.Inserted: "gi", Generic.Deleted: "gd", Generic.Heading: "gh", Generic.Subheading: "gu",
}  # fmt: skip
WIDE = re.compile("<(pre|table)(?=[ >])")
CLASSES = {"highlight", "mention", "ref", "task-list", "task-list-item", *KINDS.values()}

OPENER = re.compile(
    r"(?P<rule>(?:- *){3,}$|(?:_ *){3,}$|(?:\* *){3,}$)"
    r"|(?P<item>(?P<marker>[-+*]|\d{1,9}[.)])(?P<gap> +|$))"
    r"|(?P<code>(?P<fence>`{3,}|~{3,})(?P<lang>[^`]*)$)"
    r"|(?P<quote>>)"
    r"|(?P<heading>#{1,6}(?: |$))"
)
UNDERLINE = re.compile(r"=+$|-+$")
DEFINITION = re.compile(r"\[[^\[\]]+\]:")
MARKS = re.compile(r"[\[*_~`<>&\\|\n]")
HOT = re.compile(r"\]\((?:https?://)?|[A-Z\d]-\d|#\d|://|@|\x02|\[[ xX]\] |(?:[-+*]|\d\.) ")
HARD_LINK = re.compile(r"\]\((?![^()<>\"'\n]*\))")
PARAGRAPH = r"[^\W\d][\w ,.;:!?'\"()%/-]*(?<! )"
PLAIN = re.compile(rf"{PARAGRAPH}(?:\n\n{PARAGRAPH})*")
# What of HOT such a text can have, and some more: a pattern that begins with few signs is quick.
WARM = re.compile(r"-[\d ]|\d\. |://")
# What stands after the @ of a mention.
MENTIONED = r"[^\W_](?:[\w.+-]{0,148}[^\W_])?"
TITLE_MARKS = re.compile(r"(?:\s|>|#{1,6}(?=\s|$)|(?:[-+*]|\d{1,9}[.)])(?=\s|$)|\[[ xX]\](?=\s))*")


# Renderers that are not at work: to make one takes longer than to render a short text.
IDLE = []


class TooHard(Exception):
    """A text would take longer than a rendering may."""


def render(text, format="md", numbers=None):
    """Return safe HTML for a text; one that would take too long comes out as it was typed.

    `numbers` is {42: address} for what `#42` in Markdown shall link to; other numbers stay text.
    """
    text = text.replace("\0", "\ufffd")
    with suppress(Exception):  # whatever the parsers stumble over, the reader gets the text
        if format == "md":
            return from_markdown(text, numbers or {})
        if format == "html":
            return from_html(text)
    return f'<pre class="plain">{escape(text)}</pre>'


def safe(html):
    """Return a stored rendering as a template prints it.

    What is wider than its place is scrolled, by key too. Boxes of task lists are all the inputs there are.
    """
    html = WIDE.sub(r'<\1 tabindex="0"', html)
    return mark_safe(html.replace("<input ", '<input aria-label="Task" '))  # noqa: S308


def first_line(text, limit=120):
    """Return the title of a text that has none: its first line that says something."""
    for line in text.splitlines():
        line = line[TITLE_MARKS.match(line).end() :].strip()
        opener = OPENER.match(line)
        if line and not (opener and opener.lastgroup in ("rule", "code")):
            return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
    return "Untitled"


def same_but_for_line_ends(a, b):
    """Tell whether a browser may have made one text of the other by posting it."""
    return unified(a) == unified(b)


def unified(text):
    return text.replace("\r\n", "\n").replace("\r", "\n")


def is_plain(text):
    """Whether a text is paragraphs of words in which nothing has a meaning: most short ones are."""
    return PLAIN.fullmatch(text) is not None and "_" not in text and not WARM.search(text)


def from_markdown(text, numbers):
    if not text:
        return ""
    if is_plain(text):
        return "\n".join(f"<p>{paragraph}</p>" for paragraph in text.split("\n\n"))
    try:
        github = IDLE.pop()
    except IndexError:
        github = GitHub()
    github.reset(numbers)
    html = bleached(github.md.convert(text))
    codes = github.layout.codes
    # One that failed does not come back here: nobody knows what state it is in.
    IDLE.append(github)
    # Code comes between the cleaners: it is escaped, and html5lib would take longest over its spans.
    return scrubbed(re.sub(r"<pre>(\d+)</pre>", lambda m: codes[int(m[1])], html))


def from_html(text):
    """Return safe HTML; nh3 comes first as well, being quick where html5lib is not."""
    tags = text.count("<")
    if tags > TAGS_AND_ENTITIES or tags * len(FORMATTING.findall(text)) > 1_000_000:
        raise TooHard
    return scrubbed(bleached(scrubbed(text)))


class GitHub(Extension):
    """Markdown as in a comment on GitHub, without raw HTML."""

    def __init__(self):
        super().__init__()
        tables = TableExtension(use_align_attribute=True)
        extensions = [self, tables, SaneListExtension(), Nl2BrExtension(), TasklistExtension()]
        self.md = Markdown(extensions=extensions)

    def reset(self, numbers):
        """Forget the text before; `numbers` is what `#42` in the next one shall link to."""
        self.md.reset()
        self.layout.codes, self.layout.spans, self.layout.patience = [], 0, PATIENCE
        self.words.numbers = numbers

    def extendMarkdown(self, md):
        self.layout, self.words = Layout(md), Words(Words.RE, md)
        md.preprocessors.deregister("html_block")
        md.preprocessors.register(self.layout, "layout", 10)
        md.parser.blockprocessors.deregister("code")
        for name in "html", "entity", "automail", "linebreak":
            md.inlinePatterns.deregister(name)
        md.inlinePatterns.register(self.words, "words", 115)
        md.delimiters.add("~", "del", double=True)


class Words(InlineProcessor):
    """Bare links, mail addresses, mentions and references.

    A reference says no more than the text did, so that nobody needs a right to see it.
    """

    RE = (
        r"(?P<url>(?<![\w@/.:=-])https?://[^\s<>\x02\x03]+)"
        r"|<(?P<mail>[\w.+-]+@[\w-]+(?:\.[\w-]+)+)>"
        rf"|(?P<mention>(?<![a-zA-Z0-9.@/+-])@{MENTIONED})"
        r"|(?P<ref>(?<![a-zA-Z0-9/@#.=&?-])[A-Z][A-Z0-9]{1,9}-\d{1,9}(?![a-zA-Z0-9-]|\.\d))"
        r"|(?P<number>(?<![\w&#/])(?:#|\x02klzzwxh:(?P<stash>\d+)\x03)(?P<digits>[0-9]{1,9})\b)"
    )
    ANCESTOR_EXCLUDES = ("a",)

    numbers = {}

    def handleMatch(self, m, data):
        start, end = m.span()
        kind, text = m.lastgroup, m[m.lastgroup]
        if kind == "number":
            return self.number(m["digits"], m["stash"], start, end)
        if kind == "url":
            text = self.without_punctuation(text)
            end = start + len(text)
            if own := OWN_ISSUE.fullmatch(text.removeprefix(settings.BASE_URL.rstrip("/"))):
                kind, text = "ref", own["key"]
        attributes = {
            "url": {"href": text},
            "mail": {"href": f"mailto:{text}"},
            "mention": {"class": "mention"},
            "ref": {"class": "ref", "href": f"/issues/{text}/"},
        }[kind]
        el = Element("span" if kind == "mention" else "a", attributes)
        el.text = AtomicString(text)
        return el, start, end

    def number(self, digits, stash, start, end):
        # At the start of a line Layout escapes the hash, lest it made a heading.
        is_hash = stash is None or self.md.treeprocessors["inline"].stashed_nodes.get(stash) == "\x0235\x03"
        if not is_hash or int(digits) not in self.numbers:
            return None, None, None
        el = Element("a", {"class": "ref", "href": self.numbers[int(digits)]})
        el.text = AtomicString(f"#{digits}")
        return el, start, end

    def without_punctuation(self, url):
        """Return a link without what belongs to the sentence around it."""
        after = "?!.,:;*_~'\""
        url = url.rstrip(after)
        extra = min(url.count(")") - url.count("("), len(url) - len(url.rstrip(")")))
        return url[: len(url) - max(extra, 0)].rstrip(after)


class Layout(Preprocessor):
    """Puts blocks where Python-Markdown finds the ones GitHub finds, and adds up the effort."""

    codes, spans, patience = (), 0, PATIENCE

    def run(self, lines):
        text = "\n".join(Flow(self, lines).run())
        if effort(text) > EFFORT:
            raise TooHard
        return text.split("\n")

    def code(self, code, lang):
        """Return what stands for a block of code until the rest is clean."""
        try:
            body = self.coloured(code, ALIASES.get(lang, lang))
            html = f'<div class="highlight"><pre><code>{body}</code></pre></div>'
        except TooHard:
            html = f"<pre><code>{escape(code, quote=False)}</code></pre>"
        self.codes.append(html)
        return self.md.htmlStash.store(f"<pre>{len(self.codes) - 1}</pre>")

    def coloured(self, code, lang):
        pieces = []
        for name, tokens in groupby(self.tokens(code, lang), lambda token: token[0]):
            text = escape("".join(value for _, value in tokens), quote=False)
            pieces.append(f'<span class="{name}">{text}</span>' if name else text)
            self.spans += bool(name)
        return "".join(pieces)

    def tokens(self, code, lang):
        """Yield the class and the text of each token while there is patience left."""
        if lang not in LEXERS or len(code) > CODE:
            raise TooHard
        lexer = get_lexer_by_name(lang, stripnl=False)  # slow the first time, so not on the clock
        start = thread_time()
        try:
            for kind, value in lexer.get_tokens(code):
                if self.spans > SPANS or thread_time() - start > self.patience:
                    raise TooHard
                yield colour(kind), value
        finally:
            self.patience -= thread_time() - start


@cache
def colour(kind):
    """Return the class of a token, by the nearest of its kinds that has one."""
    return next((KINDS[k] for k in reversed(kind.split()) if k in KINDS), None)


def effort(text):
    """Estimate what a laid out text will take, in microseconds."""
    cost = 0
    for block in text.split("\n\n"):
        size, opens, spans = len(block), [], 0
        for m in re.finditer(r"[\[\]]", block):
            if m[0] == "[":
                opens.append(m.start())
            elif opens:
                spans += m.start() - opens.pop()
        spans += sum(size - start for start in opens)
        spans += sum(size - m.start() for m in HARD_LINK.finditer(block))
        ticks = [len(run) for run in re.findall("`+", block)]
        marks = len(MARKS.findall(block))
        cost += 120 + (45 + marks / 500) * marks + 100 * len(HOT.findall(block)) + 0.7 * spans
        if len(set(ticks)) > 1:
            cost += 0.06 * size * len(ticks)
        if "|" in block:
            rows = block.split("\n")
            cost += 40 * rows[0].count("|") * len(rows)
            cost += 0.1 * sum(row.count("|") * row.count("`") for row in rows)
    return cost


class Flow:
    """The lines of a text, or of a quote in it, on their way to Python-Markdown."""

    def __init__(self, layout, lines, level=0):
        if level > NESTING:
            raise TooHard
        self.layout, self.level = layout, level
        self.lines = lines[::-1]
        self.out = []
        self.items = []  # of each open list item: the column of its content, is it numbered
        self.head = ""  # the marker of an item whose content comes next
        self.is_list = False  # the block being written began with an item
        self.depth = 0  # in how many items it began

    def run(self):
        """Return the lines: lists indented by fours, code and headings in blocks of their own."""
        while self.lines:
            line = self.lines.pop()
            body = line.strip(" ")
            if body:
                self.place(len(line) - len(line.lstrip(" ")), body)
            else:
                self.blank()
        self.blank()
        return self.out[:-1]

    def place(self, indent, body):
        opener = OPENER.match(body)
        kind = opener.lastgroup if opener else "text"
        goes_on = bool(self.out and self.out[-1] and not self.head)
        if goes_on and kind == "item" and not self.items and opener["marker"] not in "-+*1.1)":
            kind = "text"
        if goes_on and kind == "rule" and UNDERLINE.match(body) and self.is_second():
            kind = "text"
        left = None
        while self.items and indent < self.column() and not (goes_on and kind == "text"):
            left = self.items.pop()
        if indent - self.column() >= 4 and not goes_on:
            self.indented_code(indent, body)
        elif kind == "item":
            is_numbered = opener["marker"][-1] in ".)"
            is_outside = len(self.items) + 1 < self.depth
            if goes_on and (not self.is_list or is_outside or (left and left[1] != is_numbered)):
                self.blank()
            self.item(indent, body, opener, is_numbered)
        elif kind == "code":
            self.fenced_code(indent, opener["fence"], opener["lang"])
        elif kind == "quote":
            self.quote(body)
        elif kind == "text":
            self.text(body, goes_on)
        else:
            self.alone(body)

    def column(self):
        return self.items[-1][0] if self.items else 0

    def is_second(self):
        return not self.items and not any(self.out[-2:-1])

    def write(self, text, pad=True):
        if not self.out or not self.out[-1]:
            self.is_list, self.depth = bool(self.head), len(self.items)
        self.out.append((self.head or pad * len(self.items) * "    ") + text)
        self.head = ""

    def blank(self):
        if self.head:
            self.write("")
        if self.out and self.out[-1]:
            self.out.append("")

    def alone(self, text):
        self.blank()
        self.write(text)
        self.blank()

    def text(self, body, goes_on):
        if DEFINITION.match(body):
            self.blank()
        if goes_on and "|" in body and not body.strip("|:- ") and not self.is_second():
            self.out.insert(-1, "")  # the line above is the head of a table
        self.write("\\" + body if body[0] == "#" else body, pad=not goes_on)
        if goes_on and UNDERLINE.match(body):
            self.blank()

    def item(self, indent, body, opener, is_numbered):
        marker, gap = opener["marker"], opener["gap"]
        width = len(marker) + (len(gap) if 0 < len(gap) < 5 else 1)
        if not gap:
            self.blank()
        self.head = (self.head or "    " * len(self.items)) + marker.replace(")", ".") + " "
        self.items.append((indent + width, is_numbered))
        if len(self.items) + self.level > NESTING:
            raise TooHard
        if gap:
            self.lines.append(" " * (indent + width) + body[width:])
        else:
            self.blank()

    def indented_code(self, indent, body):
        edge = self.column() + 4
        code = [" " * (indent - edge) + body]
        while self.lines and not self.lines[-1][:edge].strip(" "):
            code.append(self.lines.pop()[edge:])
        self.code(code, "")

    def fenced_code(self, indent, fence, lang):
        code = []
        while self.lines and not self.lines[-1][: self.column()].strip(" "):
            line = self.lines.pop()
            if line.strip(" ").startswith(fence) and not line.strip(" " + fence[0]):
                break
            code.append(line[min(indent, len(line) - len(line.lstrip(" "))) :])
        self.code(code, lang.strip().partition(" ")[0].lower())

    def code(self, lines, lang):
        self.alone(self.layout.code("\n".join(lines).rstrip("\n") + "\n", lang))

    def quote(self, body):
        lines = []
        self.lines.append(body)
        while self.lines and (body := self.lines[-1].lstrip(" ")):
            if body[0] != ">" and (OPENER.match(body) or not lines[-1].strip("> ")):
                break
            lines.append(body[1:].removeprefix(" ") if body[0] == ">" else body)
            self.lines.pop()
        self.blank()
        for line in Flow(self.layout, lines, self.level + len(self.items) + 1).run():
            self.write("> " + line if line else ">")
        self.blank()


def bleached(html):
    """Return what bleach leaves of HTML."""
    if html.count("<") + html.count("&") // 4 > TAGS_AND_ENTITIES or len(html) > 1_000_000:
        raise TooHard
    cleaner = Cleaner(TAGS, allowed, SCHEMES, strip=True, filters=[Pictures])
    limit(cleaner.parser.tree)
    return cleaner.clean(html)


def limit(tree):
    """Stop html5lib when it makes elements without end out of unclosed ones."""
    make, cost = tree.elementClass, 0

    def element(name, namespace=None):
        nonlocal cost
        cost += 10 + len(tree.openElements)
        if cost > 100_000 or len(tree.openElements) > 100:
            raise TooHard
        return make(name, namespace)

    tree.elementClass = element


def scrubbed(html):
    """Return what nh3 leaves of HTML; the last word on what is stored."""

    def kept(tag, name, value):
        return value if name == "rel" or allowed(tag, name, value) else None

    return nh3.clean(
        html,
        tags=TAGS,
        attributes=ATTRIBUTES,
        attribute_filter=kept,
        url_schemes=SCHEMES,
        link_rel="nofollow noopener noreferrer",
        set_tag_attribute_values={"input": {"type": "checkbox", "disabled": ""}},
    )


def allowed(tag, name, value):
    """Tell both cleaners whether a tag may keep an attribute."""
    if name not in ATTRIBUTES.get(tag, ()):
        return False
    return name != "class" or CLASSES.issuperset(value.split())


class Pictures(Filter):
    """A picture from elsewhere becomes a link to it."""

    def __iter__(self):
        is_in_link = False
        for token in super().__iter__():
            if token.get("name") == "a":
                is_in_link = token["type"] == "StartTag"
            if token.get("name") != "img":
                yield token
                continue
            src = token["data"].get((None, "src"), "")
            text = {"type": "Characters", "data": unescape(token["data"].get((None, "alt")) or src)}
            link = {"name": "a", "namespace": None, "data": {(None, "href"): src}}
            if OWN_PICTURE.fullmatch(src):
                yield token
            elif is_in_link or not src:
                yield text
            else:
                yield from ({"type": "StartTag", **link}, text, {"type": "EndTag", **link})
