"""A text part as lines in reading order, each with its place in the source.

Plain text and HTML end in the same value, so that who speaks and where the block stands is thought
once. HTML is read by the positions of its tags; it is never written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from html import unescape
from itertools import accumulate
from typing import NamedTuple

from relay_gateway.core.element import BLOCK, STANDS_APART, VOID, Element, Tag, Trait, tag
from relay_gateway.core.markup import END, START, TEXT, Token, is_quirky, tokens
from relay_gateway.core.message import Unfit
from relay_gateway.core.nesting import MAX_OPEN, ONCE, Nesting

__all__ = ["MAX_OPEN", "Element", "Line", "Voice", "html_lines", "plain_lines"]

MAX_HTML = 1_000_000
MAX_LINES = 20_000
_MOST_SLASHED = 1000


class Voice(StrEnum):
    """Who speaks: the writer now, the writer's signature, or an older mail."""

    OWN = "own"
    SIGNATURE = "signature"
    QUOTE = "quote"


# A named tuple is made in a third of the time: a letter has hundreds.
class Line(NamedTuple):
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
        Line(line := row.rstrip("\r"), at, at + len(line))
        for row, at in zip(rows, starts, strict=False)
    ]
    return tuple(_unflow(lines, is_delsp) if is_flowed else lines)


def _unflow(lines: list[Line], is_delsp: bool) -> list[Line]:
    flowed: list[Line] = []
    is_open = False
    for line in lines:
        text = line.text.removeprefix(" ")
        # RFC 3676, 4.3: what stands above a signature does not flow into it.
        if is_open and text != "-- " and not text.startswith(">"):
            last = flowed.pop()
            head = last.text[:-1] if is_delsp else last.text
            flowed.append(Line(head + text, last.start, line.end))
        else:
            flowed.append(Line(text, line.start, line.end))
        is_open = text.endswith(" ") and text != "-- " and not text.startswith(">")
    return flowed


def html_lines(source: str, cut: Iterable[Token] | None = None) -> tuple[Line, ...]:
    """The visible lines of an HTML source, `cut` or not; `<br>` and block elements end a line."""
    if len(source) > MAX_HTML:
        raise Unfit("HTML too long for a letter")
    return _Reader(source).read(tokens(source) if cut is None else cut)


_IN_HEAD = frozenset("html head title meta link style script base noscript template".split())
_DOCUMENT = frozenset(["body", "html"])
# Where these end, a line may end or a browser does something else than to close them.
_MINDED = BLOCK | {"br"}
_BLANKS = re.compile(r"[ \t\r\n]+")
_PATIENCE = 10_000


class _Reader:
    """Walks the source once; a line is what stands between two tags that break it."""

    def __init__(self, source: str) -> None:
        self._lines: list[Line] = []
        self._source = source
        self._tags: dict[str, Tag] = {}
        self._nesting = Nesting(_PATIENCE + len(source), is_quirky=is_quirky(source))
        self._before: tuple[Element, ...] = ()
        self._start = 0
        self._words: list[str] = []
        self._is_apart = False
        self._is_history = False
        self._is_signed = False
        self._slashed = 0

    def read(self, cut: Iterable[Token]) -> tuple[Line, ...]:
        """All lines; the last one ends with the source."""
        for kind, name, start, end in cut:
            if kind is TEXT:
                self._text(start, end)
            elif kind is START:
                self._open(name, start, end)
            elif kind is END:
                self._close(name, start, end)
        self._break(len(self._source), len(self._source))
        return tuple(self._lines)

    def _open(self, name: str, start: int, end: int) -> None:
        nesting = self._nesting
        written = self._source[start:end]
        its = self._tags.get(written) or self._tags.setdefault(written, tag(name, written))
        if its.is_plain and not (nesting.tally["head"] or nesting.tally["select"]):
            nesting.open(its, start)
            return
        if (name in ONCE and nesting.is_again(name)) or nesting.ignores(name):
            return
        if nesting.tally["head"] and name not in _IN_HEAD:
            nesting.close("head")
        if name == "a":
            nesting.close("a")
        ends_item = False
        is_block = name in BLOCK
        if name == "br":
            self._break(start, end, is_line=True)
        elif is_block:
            self._break(start, end)
            ends_item = nesting.imply(name)
            self._is_apart |= its.is_apart
        self._is_history |= its.opens_history
        self._is_signed |= its.opens_signature
        if name not in VOID and not (":" in name and self._is_closed(end)):
            nesting.open(its, start, ends_item=ends_item)
        if is_block or name == "br":
            self._before = nesting.around()

    def _is_closed(self, end: int) -> bool:
        """Browsers ignore the slash, but Office writes names that nothing closes (`<o:p/>`)."""
        if not self._source.startswith("/>", end - 2):
            return False
        self._slashed += 1
        if self._slashed > _MOST_SLASHED:
            raise Unfit("HTML nested too deep")
        return True

    def _close(self, name: str, start: int, end: int) -> None:
        nesting = self._nesting
        if name not in _MINDED and not nesting.tally["select"]:
            nesting.close(name)
            return
        if name == "br":
            # 13.2.6.4.7: a browser takes it for `<br>`.
            self._open(name, start, end)
        if nesting.ignores(name):
            return
        is_block = name in BLOCK
        if is_block:
            self._break(start, end)
            self._is_apart |= nesting.tally[STANDS_APART.get(name, "")] > 0
        if name not in _DOCUMENT:
            nesting.close(name)
        if is_block:
            self._before = nesting.around()

    def _text(self, start: int, end: int) -> None:
        nesting, data = self._nesting, self._source[start:end]
        if nesting.tally["head"] and nesting.is_innermost("head") and data.strip():
            nesting.close("head")
        if nesting.tally[Trait.HIDDEN]:
            return
        text = unescape(data) if "&" in data else data
        if nesting.tally[Trait.PREFORMATTED]:
            self._preformatted(text, start, end)
        else:
            self._words.append(text)

    def _preformatted(self, text: str, at: int, end: int) -> None:
        """Inside `<pre>` a newline ends a line."""
        *rows, last = text.split("\n")
        if len(rows) != self._source.count("\n", at, end):
            raise Unfit("newlines written as references")
        for row in rows:
            self._words.append(row.rstrip("\r"))
            at = self._source.index("\n", at)
            self._break(at, at + 1, is_line=True)
            self._before = self._nesting.around()
            at += 1
        self._words.append(last)

    def _break(self, end: int, next_start: int, *, is_line: bool = False) -> None:
        if not self._words and not is_line:
            self._start = next_start
            return
        text = "".join(self._words)
        self._words.clear()
        is_pre = self._nesting.tally[Trait.PREFORMATTED]
        if is_line or text.strip(" " if is_pre else " \t\r\n"):
            text = text if is_pre else _BLANKS.sub(" ", text)
            self._lines.append(self._line(text.strip("\xa0 "), end))
            if len(self._lines) > MAX_LINES:
                raise Unfit("more lines than a letter has")
            self._is_apart = False
        self._start = next_start

    def _line(self, text: str, end: int) -> Line:
        after = self._nesting.around()
        return Line(text, self._start, end, self._before, after, self._mark(text), self._is_apart)

    def _mark(self, text: str) -> Voice | None:
        tally = self._nesting.tally
        is_attribution = tally[Trait.ATTRIBUTION] and text.endswith((":", "："))
        if self._is_history or tally[Trait.QUOTE] or is_attribution:
            return Voice.QUOTE
        is_signed = self._is_signed or tally[Trait.SIGNATURE] > 0
        return Voice.SIGNATURE if is_signed else None
