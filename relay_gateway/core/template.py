"""What a template leaves in a letter: words meant for the gateway, and gaps that nobody has filled.

HR writes a marker to exempt one letter, or a slot where the block is to stand. Both are found as
they are typed: in full width, in capitals, with blanks, folds and tags in between.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from unicodedata import normalize

from relay_gateway.core.flow import Line
from relay_gateway.core.letter import Letter, Paragraph, Voice
from relay_gateway.core.message import Span, Unfit

MARKER = "[[no-relay]]"
SLOT = "{{career_relay}}"


@dataclass(frozen=True, slots=True)
class Sign:
    """One marker or slot. `spans` are its characters in the letter's source, the tags among them
    left out; `line` is where it stands, `is_alone` if nothing else stands there.
    """

    spans: tuple[Span, ...]
    paragraph: int
    line: Line
    is_alone: bool


def exempts(subject: str, letter: Letter, marker: str) -> bool:
    """Whether the marker stands anywhere: in the subject, in quoted history, or where no reader
    sees it, as in a comment of a template.
    """
    pattern, brackets = _pattern(marker), _bracket(marker)
    texts = (subject, letter.source, *(part.text for part in letter.paragraphs))
    near = (text for text in texts if any(bracket in text for bracket in brackets))
    return any(map(pattern.search, near))


def asks(letter: Letter) -> bool:
    """Whether the writer has left a slot; one in quoted history was for an older mail."""
    return any(part.voice is not Voice.QUOTE for _, part in _holding(letter, SLOT))


def signs(letter: Letter, sign: str) -> tuple[Sign, ...]:
    """Where the sign stands outside quoted history; `Unfit` where it cannot be told for sure."""
    pattern = _pattern(sign)
    found = []
    for number, part in _holding(letter, sign):
        if part.voice is not Voice.QUOTE:
            matches = list(pattern.finditer(letter.source, part.start, part.end))
            if len(matches) != len(pattern.findall(part.text)):
                raise Unfit("words for the gateway that stand nowhere for sure")
            found += [_sign(match, number, part, pattern) for match in matches]
    return tuple(found)


def without(letter: Letter, sign: str) -> Letter:
    """The letter as it reads without the sign."""
    if not _holding(letter, sign):
        return letter
    pattern = _pattern(sign)
    parts = tuple(replace(part, text=pattern.sub("", part.text)) for part in letter.paragraphs)
    return replace(letter, paragraphs=parts)


def is_unfilled(subject: str, letter: Letter) -> bool:
    """Whether a gap of a template stands open: `{{name}}`, 〇〇様, [Candidate Name]."""
    texts = (subject, *(part.text for part in letter.own))
    return any(_GAP.search(normalize("NFKC", text).lower()) for text in texts)


def has_link(letter: Letter) -> bool:
    """Whether the letter leads anywhere already: an address that is shown, or one behind words."""
    if letter.is_html and _HREF.search(letter.source):
        return True
    return any(_URL.search(part.text) for part in letter.paragraphs)


_URL = re.compile(r"https?://|www\.", re.IGNORECASE)
_HREF = re.compile(r"href\s*=\s*[\"']?\s*(?:https?:|www\.)", re.IGNORECASE)


def _holding(letter: Letter, sign: str) -> tuple[tuple[int, Paragraph], ...]:
    """The paragraphs in which the sign stands, with their numbers."""
    pattern, bracket = _pattern(sign), _bracket(sign)
    return tuple(
        (number, part)
        for number, part in enumerate(letter.paragraphs)
        if any(form in part.text for form in bracket) and pattern.search(part.text)
    )


@cache
def _bracket(sign: str) -> tuple[str, ...]:
    """A sign that stands in it as it is typed or in full width: looking for one costs nothing."""
    plain = next((letter for letter in sign if not letter.isalnum() and letter != "-"), "")
    return plain, _wide(plain) if plain else ""


@cache
def _pattern(sign: str) -> re.Pattern[str]:
    return re.compile(_BETWEEN.join(map(_written, sign)), re.IGNORECASE)


# Long lines are folded on the way, and what is pasted brings characters that nobody sees.
_BETWEEN = r"(?:<[^<>]*>|[ \t\r\n\u00a0\u00ad\u200b-\u200d\u2060\u3000\ufeff])*+"
_TAG = re.compile("<[^<>]*>")


def _written(letter: str) -> str:
    if letter == "-":
        return "[-\u2010-\u2015\u2212\u30fc\uff0d_]?"
    return f"[{re.escape(letter)}{re.escape(_wide(letter))}]"


def _wide(letter: str) -> str:
    return chr(ord(letter) + 0xFEE0) if "!" <= letter <= "~" else letter


def _sign(match: re.Match[str], number: int, part: Paragraph, pattern: re.Pattern[str]) -> Sign:
    line = next(line for line in part.lines if line.start <= match.start() < line.end)
    spans, at = [], match.start()
    for tag in _TAG.finditer(match.string, match.start(), match.end()):
        spans.append(Span(at, tag.start()))
        at = tag.end()
    whole = tuple(span for span in (*spans, Span(at, match.end())) if span.start < span.end)
    return Sign(whole, number, line, pattern.fullmatch(line.text.strip()) is not None)


_GAP = re.compile(
    r"\{\{|\}\}|\{%|%\}|%%\w+%%|\$\{\w+\}|\{[a-z_]+\}|<<\s*\w+\s*>>"
    r"|[\[<](?:候補者|応募者|お?客様)?の?(?:姓|名|姓名|氏名|お?名前|会社名|企業名|職種名?|日付)[\]>]"
    r"|[\[<](?:candidate|applicant|recipient|first|last|full|company|position|job|role|insert|your)"
    r"(?:[ _-](?:\w+[ _-])?(?:name|title|company|role|position|here))?[\]>]"
    r"|[○〇◯●△▲□■×◎☆]{2,}(?:\s?(?:様|さま|さん|殿|株式会社|会社|職))|株式会社[○〇◯●△▲□■×]{2,}"
)
