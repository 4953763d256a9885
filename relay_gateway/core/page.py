"""The parts of a mail that carry its letter, read and taken apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from relay_gateway.core import charset, letter, transfer
from relay_gateway.core.charset import Text
from relay_gateway.core.letter import Letter
from relay_gateway.core.message import Message, Part, Unfit

# A letter is small; a report of a machine with a million lines takes seconds to read.
MAX_TEXT = 2**18
MAX_TEXTS = 8
MAX_LINES = 4000
MAX_TAGS = 4000


@dataclass(frozen=True, slots=True)
class Page:
    """One text part: its decoded bytes as they read in their charset, and the letter in them."""

    part: Part
    text: Text
    letter: Letter

    @property
    def is_flowed(self) -> bool:
        """Whether trailing blanks join lines (RFC 3676)."""
        return self.part.parameter("format").lower() == "flowed"


def pages(message: Message) -> tuple[tuple[Page, ...], ...]:
    """The letter's parts in groups: alternatives say the same and stand together.

    A second text after an attachment is a group of its own. Raises `Unfit` for what cannot be read.
    """
    groups = tuple(
        tuple((part, _text(message, part)) for part in group) for group in _groups(message)
    )
    _weigh(tuple(pair for group in groups for pair in group))
    read = tuple(tuple(_page(*pair) for pair in group) for group in groups)
    return tuple(filter(None, map(_speaking, read)))


def _speaking(group: tuple[Page, ...]) -> tuple[Page, ...]:
    """The alternatives with words of the writer; most readers see the HTML, so it must have some
    where the plain text has.
    """
    told = tuple(page for page in group if page.letter.own)
    silent = (page for page in group if not page.letter.own)
    if told and any(page.letter.is_html and page.letter.paragraphs for page in silent):
        raise Unfit("HTML with no words of the writer beside a text that has some")
    return told


def _groups(message: Message) -> Iterator[tuple[Part, ...]]:
    texts = [part for part in message.parts if part.is_letter]
    size = sum(part.body.end - part.body.start for part in texts)
    if size > MAX_TEXT or len(texts) > MAX_TEXTS:
        raise Unfit("more text than a letter has")
    while texts:
        alternatives = [box for box in texts[0].inside if box.media_type == "multipart/alternative"]
        box = alternatives[-1] if alternatives else None
        group = [part for part in texts if part is texts[0] or (box and box in part.inside)]
        texts = [part for part in texts if part not in group]
        yield tuple(group)


def _weigh(texts: tuple[tuple[Part, Text], ...]) -> None:
    lines = sum(text.text.count("\n") for _, text in texts)
    tags = sum(text.text.count("<") for part, text in texts if part.media_type == "text/html")
    if lines > MAX_LINES or tags > MAX_TAGS:
        raise Unfit("more lines or tags than a letter has")


def _text(message: Message, part: Part) -> Text:
    if part.is_sealed:
        raise Unfit("a part whose bytes are vouched for")
    return charset.read(transfer.decode(message.raw, part), part.parameter("charset"))


def _page(part: Part, text: Text) -> Page:
    if part.media_type == "text/html":
        return Page(part, text, letter.read_html(text.text))
    is_flowed = part.parameter("format").lower() == "flowed"
    is_delsp = part.parameter("delsp").lower() == "yes"
    return Page(part, text, letter.read_plain(text.text, is_flowed=is_flowed, is_delsp=is_delsp))
