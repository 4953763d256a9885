"""A text part as its reader sees it: paragraphs, and which are the writer's own new words."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field

from relay_gateway.core.flow import Line, Voice, html_lines, plain_lines
from relay_gateway.core.markup import Token, tokens
from relay_gateway.core.message import Unfit
from relay_gateway.core.voice import voices

__all__ = ["Letter", "Paragraph", "Voice", "read_html", "read_plain"]

MAX_WORDS = 100_000


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Visible lines joined by newlines; `start` and `end` are offsets in the letter's source.

    `is_spaced` tells that an empty line or a margin stands above.
    """

    text: str
    start: int
    end: int
    voice: Voice
    lines: tuple[Line, ...] = ()
    is_spaced: bool = True


@dataclass(frozen=True, slots=True)
class Letter:
    """The paragraphs of one text part, in the order of the source; HTML is `cut` once for all."""

    source: str
    is_html: bool
    paragraphs: tuple[Paragraph, ...]
    cut: tuple[Token, ...] = field(default=(), repr=False, compare=False)

    @property
    def own(self) -> tuple[Paragraph, ...]:
        """What the writer says now, without signature and quoted history."""
        return tuple(part for part in self.paragraphs if part.voice is Voice.OWN)

    def between(self, start: int, end: int) -> tuple[Token, ...]:
        """The tags and texts of HTML that begin between two places of the source."""
        first, stop = (bisect_left(self.cut, at, key=_begin) for at in (start, end))
        return self.cut[first:stop]


def read_plain(text: str, *, is_flowed: bool = False, is_delsp: bool = False) -> Letter:
    """The letter in a text/plain part; `Unfit` if it is too much for one."""
    lines = plain_lines(text, is_flowed=is_flowed, is_delsp=is_delsp)
    return Letter(text, False, _read(lines, is_wrapped=not is_flowed))


def read_html(source: str) -> Letter:
    """The letter in a text/html part, as a reader sees it; `Unfit` if it is too much for one."""
    if _ENDLESS.search(source):
        raise Unfit("a character reference without end")
    cut = tuple(tokens(source))
    return Letter(source, True, _read(html_lines(source, cut)), cut)


def _begin(token: Token) -> int:
    return token[2]


# Python refuses to read a number of 4300 digits, and browsers know none of more than seven.
_ENDLESS = re.compile(r"&#[xX]?[0-9A-Fa-f]{100}")


def _read(lines: tuple[Line, ...], *, is_wrapped: bool = False) -> tuple[Paragraph, ...]:
    if sum(len(line.text) for line in lines) > MAX_WORDS:
        raise Unfit("more words than a letter has")
    marks = [line.mark for line in lines]
    spoken = voices([line.text for line in lines], marks, is_wrapped=is_wrapped)
    return tuple(_paragraphs(lines, spoken))


# Letters in the old style indent instead of leaving a line.
_INDENT = re.compile(r"[ \t]*\u3000\S")
_ENDED = re.compile(r"[。！？]\s*$")


def _paragraphs(lines: tuple[Line, ...], spoken: tuple[Voice, ...]) -> Iterator[Paragraph]:
    """Runs of lines between empty lines, margins, indents and changes of voice."""
    group: list[Line] = []
    voice, is_spaced = Voice.OWN, True
    for line, its in zip(lines, spoken, strict=True):
        is_blank = not line.text.strip()
        if group and (is_blank or its is not voice or _begins(group[-1], line)):
            yield _paragraph(group, voice, is_spaced)
            group, is_spaced = [], False
        if is_blank or line.is_apart:
            is_spaced = True
        if not is_blank:
            group.append(line)
            voice = its
    if group:
        yield _paragraph(group, voice, is_spaced)


def _paragraph(group: list[Line], voice: Voice, is_spaced: bool) -> Paragraph:
    text = "\n".join(line.text for line in group)
    return Paragraph(text, group[0].start, group[-1].end, voice, tuple(group), is_spaced)


def _begins(above: Line, line: Line) -> bool:
    if line.is_apart:
        return True
    return _INDENT.match(line.text) is not None and _ENDED.search(above.text) is not None
