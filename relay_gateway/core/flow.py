"""A text part as lines in reading order, each with its place in the source.

Plain text and HTML end in the same value, so that who speaks and where the block stands is thought
once. HTML is read with `html.parser`, whose positions are exact on every tag; it is never written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from html.parser import HTMLParser
from itertools import accumulate

from relay_gateway.core.message import Unfit

MAX_OPEN = 200
MAX_HTML = 1_000_000
_MOST_UNCLOSED = 10


class Voice(StrEnum):
    """Who speaks: the writer now, the writer's signature, or an older mail."""

    OWN = "own"
    SIGNATURE = "signature"
    QUOTE = "quote"


@dataclass(frozen=True, slots=True)
class Element:
    """An open HTML element; `start` is the offset of its start tag and tells it from its likes.

    `ends_item` tells that its start tag was also the end of an open list item or table cell,
    `is_hidden` that what stands in it is not shown, `is_preformatted` that newlines of the source
    are seen in it.
    """

    tag: str
    attributes: tuple[tuple[str, str], ...]
    start: int
    ends_item: bool = False
    is_hidden: bool = False
    is_preformatted: bool = False

    def attribute(self, name: str) -> str:
        """The attribute's value in lower case, or nothing."""
        return dict(self.attributes).get(name, "").lower()


@dataclass(frozen=True, slots=True)
class Line:
    """One visible line. `start` and `end` enclose it with its inline tags, but no tag that breaks
    the line; `before` and `after` are the elements open there, `mark` is what HTML says of its
    voice, and `is_apart` tells that a margin separates it from the line above.
    """

    text: str
    start: int
    end: int
    before: tuple[Element, ...] = ()
    after: tuple[Element, ...] = ()
    mark: Voice | None = None
    is_apart: bool = False


def plain_lines(text: str, *, is_flowed: bool = False, is_delsp: bool = False) -> tuple[Line, ...]:
    """The lines of a plain text; those of format=flowed (RFC 3676) joined as they are meant."""
    rows = text.split("\n")
    starts = accumulate((len(row) + 1 for row in rows), initial=0)
    lines = [
        Line(row.rstrip("\r"), at, at + len(row.rstrip("\r")))
        for row, at in zip(rows, starts, strict=False)
    ]
    return tuple(_unflow(lines, is_delsp) if is_flowed else lines)


def _unflow(lines: list[Line], is_delsp: bool) -> list[Line]:
    flowed: list[Line] = []
    is_open = False
    for line in lines:
        text = line.text.removeprefix(" ")
        if is_open and not text.startswith(">"):
            last = flowed.pop()
            head = last.text[:-1] if is_delsp else last.text
            flowed.append(Line(head + text, last.start, line.end))
        else:
            flowed.append(Line(text, line.start, line.end))
        is_open = text.endswith(" ") and text != "-- " and not text.startswith(">")
    return flowed


def html_lines(source: str) -> tuple[Line, ...]:
    """The visible lines of an HTML source; `<br>` and block elements end a line."""
    if len(source) > MAX_HTML:
        raise Unfit("HTML too long for a letter")
    # A browser reads on to the end of the source for the end of a comment.
    if source.rfind("<!--") > source.rfind("-->"):
        raise Unfit("HTML with an open comment")
    # html.parser looks for the end of each of them anew.
    if source.count("<", source.rfind(">") + 1) > _MOST_UNCLOSED:
        raise Unfit("HTML with an open tag")
    reader = _Reader(source)
    try:
        reader.feed(source)
        reader.close()
    except AssertionError as broken:
        # html.parser asserts the few marked sections it knows (`<![if`, `<![CDATA[`).
        raise Unfit("HTML with a broken declaration") from broken
    reader.finish()
    return tuple(reader.lines)


_VOID = frozenset("area base br col embed hr img input link meta param source track wbr".split())
_BLOCK = frozenset(
    (
        "address article aside blockquote body caption center dd details dialog dir div dl dt "
        "fieldset figure footer form frameset h1 h2 h3 h4 h5 h6 header hr html li main menu "
        "nav noscript ol p pre section summary table tbody td tfoot th thead tr ul"
    ).split()
)
_APART = frozenset("p h1 h2 h3 h4 h5 h6 ul ol dl blockquote pre table hr".split())
_UNSEEN = frozenset(
    "head style script title textarea template select option rt rp iframe noembed xmp".split()
)
_IN_HEAD = frozenset("html head title meta link style script base noscript template".split())
# Where else these stand, browsers ignore their tags.
_ONCE = {"html": (), "head": ("html",), "body": ("html", "head")}
_RAW = frozenset("title textarea iframe noembed xmp".split())
# What stays in force when the block around it ends before it does (WHATWG HTML, 13.2.4.3).
_FORMATTING = frozenset("a b big code em font i nobr s small strike strong tt u".split())
_CELLS = frozenset("td th caption".split())
_TABLE = frozenset("table tbody thead tfoot tr".split())
# What a start tag closes although its end tag may be left out (WHATWG HTML, 13.1.2.4).
_CLOSES = {
    "li": ("li", "p"),
    "dt": ("dt", "dd", "p"),
    "dd": ("dt", "dd", "p"),
    "td": ("td", "th", "p"),
    "th": ("td", "th", "p"),
    "tr": ("tr", "td", "th", "p"),
}
_FENCE = frozenset("table td th caption body html select template button object".split())
_ITEMS = frozenset(["li", "dt", "dd"])
_LIST_FENCE = _BLOCK - {"address", "div", "p"}
_HIDDEN = re.compile(r"display:none|visibility:hidden|font-size:0(?![.\d]*[1-9])|mso-hide:all")
_NO_MARGIN = re.compile(r"\bmargin(?:-top|-bottom)?\s*:\s*0\w*(?:\s+0\w*)*\s*(?:;|$)")


class _Reader(HTMLParser):
    """Walks the source once; a line is what stands between two tags that break it."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[Line] = []
        self._source = source
        self._rows = list(accumulate((len(row) + 1 for row in source.split("\n")), initial=0))
        self._open: list[Element] = []
        self._before: tuple[Element, ...] = ()
        self._start = 0
        self._words: list[str] = []
        self._is_apart = False
        self._is_history = False
        self._is_signed = False

    def finish(self) -> None:
        """End the last line at the end of the source."""
        self._break(len(self._source), len(self._source))

    def _is_ignored(self, tag: str) -> bool:
        """Whether browsers ignore a tag here, which not every html.parser knows."""
        if self._open and self._open[-1].tag in _RAW:
            return True
        if any(element.tag == "select" for element in self._open):
            return tag not in ("select", "optgroup", "option")
        is_cell = tag in _CELLS or (tag in _TABLE and tag != "table")
        return is_cell and not any(element.tag == "table" for element in self._open)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        is_again = any(element.tag not in _ONCE.get(tag, (element.tag,)) for element in self._open)
        if is_again or self._is_ignored(tag):
            return
        at = self._here()
        end = at + len(self.get_starttag_text() or "")
        element = _element(tag, attrs, at)
        if tag in ("frameset", "noframes", "plaintext"):
            raise Unfit("HTML without a readable body")
        if tag not in _IN_HEAD:
            self._close("head")
        if tag == "a":
            self._close("a")
        if tag == "br":
            self._break(at, end, is_line=True)
        elif tag in _BLOCK:
            self._break(at, end)
            element = replace(element, ends_item=self._imply(tag))
            self._is_apart |= _is_apart(element)
        self._is_history |= _opens_history(element)
        self._is_signed |= tag == "a" and element.attribute("name") == "_mailautosig"
        if tag not in _VOID:
            self._open.append(element)
            if len(self._open) > MAX_OPEN:
                raise Unfit("HTML nested too deep")
        if tag in _BLOCK or tag == "br":
            self._before = tuple(self._open)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        # Browsers ignore the slash, but Office writes names that nothing closes (`<o:p/>`).
        if ":" in tag and self._open and self._open[-1].tag == tag:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        if self._is_ignored(tag) and tag not in _RAW:
            return
        at = self._here()
        if tag in _BLOCK:
            closing = self._source.find(">", at)
            self._break(at, closing + 1 if closing >= 0 else len(self._source))
            if self._open and tag in _APART:
                self._is_apart |= any(e.tag == tag and _is_apart(e) for e in self._open)
        if tag not in ("body", "html"):
            self._close(tag)
        if tag in _BLOCK:
            self._before = tuple(self._open)

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1].tag == "head" and data.strip():
            self._close("head")
        if any(element.is_hidden for element in self._open):
            return
        if not any(element.is_preformatted for element in self._open):
            self._words.append(data)
            return
        self._preformatted(data)

    def _preformatted(self, data: str) -> None:
        """Inside `<pre>` a newline ends a line."""
        at = self._here()
        *rows, last = data.split("\n")
        tag = self._source.find("<", at)
        if len(rows) != self._source.count("\n", at, tag if tag >= 0 else len(self._source)):
            raise Unfit("newlines written as references")
        for row in rows:
            self._words.append(row.rstrip("\r"))
            at = self._source.index("\n", at)
            self._break(at, at + 1, is_line=True)
            at += 1
        self._words.append(last)

    def _here(self) -> int:
        row, column = self.getpos()
        return self._rows[row - 1] + column

    def _imply(self, tag: str) -> bool:
        """End what the start tag of a block ends; whether that was more than a paragraph."""
        closes, closed = _CLOSES.get(tag, ("p",)), set()
        for element in reversed(self._open[:]):
            is_passed = element.tag in (_LIST_FENCE if tag in _ITEMS else _FENCE)
            if is_passed and element.tag not in closes:
                break
            if element.tag in closes:
                self._close(element.tag)
                closed.add(element.tag)
        return not closed <= {"p"}

    def _close(self, tag: str) -> None:
        """Close as browsers do: misnested blocks stay open, and unclosed formatting goes on."""
        for depth in range(len(self._open) - 1, -1, -1):
            it = self._open[depth].tag
            if it == tag:
                above = self._open[depth + 1 :]
                self._open[depth:] = _still_open(tag, above)
                return
            is_passed = it in _FENCE and tag not in _TABLE
            if is_passed or (it in _BLOCK and tag not in _BLOCK and tag not in _FORMATTING):
                return

    def _break(self, end: int, next_start: int, *, is_line: bool = False) -> None:
        text = "".join(self._words)
        self._words = []
        if not any(element.is_preformatted for element in self._open):
            text = re.sub(r"[ \t\r\n]+", " ", text)
        if text.strip(" ") or is_line:
            after = tuple(self._open)
            mark = self._mark(after)
            stripped = text.strip("\xa0 ")
            self.lines.append(
                Line(stripped, self._start, end, self._before, after, mark, self._is_apart)
            )
            self._is_apart = False
        self._start = next_start
        self._before = tuple(self._open)

    def _mark(self, around: tuple[Element, ...]) -> Voice | None:
        if self._is_history or any(_is_quote(element) for element in around):
            return Voice.QUOTE
        is_signed = self._is_signed or any(_is_signature(element) for element in around)
        return Voice.SIGNATURE if is_signed else None


def _still_open(tag: str, above: list[Element]) -> list[Element]:
    if tag in _CELLS or tag in _TABLE:
        return []
    if tag == "form":
        return above
    blocks = [n for n, element in enumerate(above) if element.tag in _BLOCK]
    inner = blocks[0] if tag in _FORMATTING and blocks else len(above)
    return [e for e in above[:inner] if e.tag in _FORMATTING] + above[inner:]


def _element(tag: str, attrs: list[tuple[str, str | None]], at: int) -> Element:
    attributes = {name: value or "" for name, value in attrs}
    style = _squeezed(attributes.get("style", ""))
    is_hidden = tag in _UNSEEN or "hidden" in attributes or _HIDDEN.search(style) is not None
    is_pre = tag == "pre" or "white-space:pre" in style
    return Element(tag, tuple(attributes.items()), at, is_hidden=is_hidden, is_preformatted=is_pre)


def _squeezed(style: str) -> str:
    return style.lower().replace(" ", "")


def _is_apart(element: Element) -> bool:
    """Whether the element stands apart by its margins; Outlook's paragraphs have none."""
    if element.tag != "p":
        return element.tag in _APART
    is_mso = "msonormal" in element.attribute("class")
    return not is_mso and _NO_MARGIN.search(element.attribute("style")) is None


_QUOTES = re.compile(
    r"gmail_quote|gmail_attr|gmail_extra|yahoo_quoted|protonmail_quote|zmail_extra"
    r"|moz-cite-prefix|moz-forward-container|outlookmessageheader"
)
_SIGNATURES = re.compile(r"gmail_signature|moz-signature|msoautosig|applemailsignature")
_HISTORY = re.compile(
    r"divrplyfwdmsg|appendonsend|mail-editor-reference-message-container|olk_src_body_section"
)
_OUTLOOK_RULE = re.compile(r"border-top:solid#?(?:e1e1e1|b5c4df|windowtext)")


def _is_quote(element: Element) -> bool:
    if element.tag == "blockquote" or element.attribute("name") == "quote":
        return True
    return _QUOTES.search(element.attribute("class")) is not None


def _is_signature(element: Element) -> bool:
    names = f"{element.attribute('class')} {element.attribute('id')}"
    is_outlook = re.search(r"\b(?:x_)*(?:ms-outlook-mobile-)?signature\b", names) is not None
    return is_outlook or _SIGNATURES.search(names) is not None


def _opens_history(element: Element) -> bool:
    """Whether all that follows is an older mail (Outlook, OWA and their mobiles)."""
    if element.tag == "a":
        return element.attribute("name") == "_mailoriginal"
    is_ruled = (
        element.tag == "div"
        and _OUTLOOK_RULE.search(_squeezed(element.attribute("style"))) is not None
    )
    return is_ruled or _HISTORY.search(element.attribute("id")) is not None
