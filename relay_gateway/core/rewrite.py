"""From a spot in a letter to edits of the mail: the block, or a pasted link made a tracked one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import escape
from urllib.parse import urlsplit

from relay_gateway.core import charset, transfer
from relay_gateway.core.edit import Edit
from relay_gateway.core.element import Element
from relay_gateway.core.flow import Line
from relay_gateway.core.message import Message, Span, Unfit
from relay_gateway.core.page import Page
from relay_gateway.core.place import Spot, own_links
from relay_gateway.core.template import Sign
from relay_gateway.core.transfer import Cut

_MOST_LINKS = 10


@dataclass(frozen=True, slots=True)
class Change:
    """What is done to one page: cuts in its decoded bytes, and whether they add the block.

    `struck` are the words for the gateway that are taken out, sign by sign.
    """

    page: Page
    cuts: tuple[Cut, ...]
    adds_block: bool
    struck: tuple[str, ...] = ()


def upgrade(page: Page, link: str, url: str) -> Change | None:
    """The company's plain CareerRelay link, pasted by HR, made the tracked one; None if absent."""
    plain = ("", urlsplit(link).path.rstrip("/"))
    spans = [span for span, path in own_links(page.letter, link) if path in plain]
    if not spans:
        return None
    if len(spans) > _MOST_LINKS:
        raise Unfit("too many links of the company's own")
    return Change(page, tuple(_cut(page, span, url) for span in spans), adds_block=False)


def insert(page: Page, spot: Spot, lines: tuple[str, ...], url: str) -> Change:
    """The block at its spot, in the page's own newline, charset and markup."""
    newline = transfer.newline(page.text.data).decode("ascii")
    if page.letter.is_html:
        # A row of its own, so that no long line of the source grows longer.
        is_within = not page.letter.source.endswith("\n", 0, spot.at)
        lead = newline if is_within and spot.at and not spot.is_preformatted else ""
        new = _markup(page, lead + _html(spot, lines, url, newline))
    else:
        words = _plain(page, spot, lines, newline)
        new = charset.write(words, page.text.codec)
    at = page.text.offset(spot.at)
    return Change(page, (Cut(at, at, new),), adds_block=True)


def strike(page: Page, signs: tuple[Sign, ...]) -> Change | None:
    """The words for the gateway taken out, in plain text with the line that they stand on alone;
    None where there are none.
    """
    if not signs:
        return None
    cuts = tuple(cut for sign in signs for cut in _gone(page, sign))
    return Change(page, cuts, adds_block=False, struck=_told(page, signs))


def clear(change: Change, signs: tuple[Sign, ...]) -> Change:
    """The change, and the words for the gateway taken out as well."""
    page = change.page
    gone = tuple(cut for sign in signs for cut in _gone(page, sign))
    cuts = sorted((*change.cuts, *gone), key=lambda cut: (cut.start, cut.end))
    return replace(change, cuts=tuple(cuts), struck=_told(page, signs))


def _told(page: Page, signs: tuple[Sign, ...]) -> tuple[str, ...]:
    source = page.letter.source
    return tuple(source[span.start : span.end] for sign in signs for span in sign.spans)


def _gone(page: Page, sign: Sign) -> Iterator[Cut]:
    spans = sign.spans
    if sign.is_alone and not page.letter.is_html:
        spans = (_row_of(page.letter.source, sign.line),)
    for span in spans:
        cut = Cut(page.text.offset(span.start), page.text.offset(span.end), b"")
        if not _is_whole(page, span, cut):
            raise Unfit("words for the gateway within a shift of the charset")
        yield cut


def _is_whole(page: Page, span: Span, cut: Cut) -> bool:
    """Whether these words and what follows them read alike apart from each other: no escape
    sequence of a shifting charset is common to both.
    """
    source, data = page.letter.source, page.text.data
    stop, end = source.find("\n", span.end), data.find(b"\n", cut.end)
    behind = source[span.end : stop if stop >= 0 else None]
    words = data[cut.start : cut.end], data[cut.end : end if end >= 0 else None]
    try:
        read = tuple(charset.decode(each, page.text.codec) for each in words)
    except ValueError:
        return False
    return read == (source[span.start : span.end], behind)


def _row_of(source: str, line: Line) -> Span:
    """The line with its newline, and the empty line below where there is one above as well."""
    end = source.find("\n", line.end) + 1 or len(source)
    above = source[: line.start].splitlines()[-1:]
    below = source.find("\n", end) + 1
    is_doubled = below and not source[end:below].strip() and not "".join(above).strip()
    return Span(line.start, below if is_doubled else end)


def edits(message: Message, changes: tuple[Change, ...]) -> tuple[Edit, ...]:
    """The changes as edits of the raw mail."""
    return tuple(
        edit
        for change in changes
        for edit in transfer.splice(message.raw, change.page.part, change.cuts)
    )


def _cut(page: Page, span: Span, url: str) -> Cut:
    start, end = page.text.offset(span.start), page.text.offset(span.end)
    return Cut(start, end, url.encode("ascii"))


def _markup(page: Page, words: str) -> bytes:
    """HTML in the page's charset; what it cannot hold becomes a character reference."""
    codec = "iso2022_jp" if page.text.codec == charset.JIS_MS else page.text.codec
    new = words.encode(codec, "xmlcharrefreplace")
    if page.text.data.isascii() and not new.isascii():
        return words.encode("ascii", "xmlcharrefreplace")
    return new


def _plain(page: Page, spot: Spot, lines: tuple[str, ...], newline: str) -> str:
    source = page.letter.source
    is_mid_line = spot.at > 0 and source[spot.at - 1] != "\n"
    # A soft line would take the empty line below it for its own end (RFC 3676, 4.1).
    is_soft = page.is_flowed and source[: spot.at].rstrip("\r\n").endswith(" ")
    head = newline * (is_mid_line + spot.needs_gap_above * (1 + is_soft))
    stuffed = tuple(_stuffed(line) for line in lines) if page.is_flowed else lines
    body = newline.join(stuffed)
    if is_mid_line:
        return head + body
    return head + body + newline + (newline if spot.needs_gap_below else "")


def _stuffed(line: str) -> str:
    """RFC 3676, 4.4: a line that would read as a quote or a fold is stuffed with a blank."""
    line = line.rstrip(" ")
    return " " + line if line.startswith((" ", ">", "From ")) else line


def _html(spot: Spot, lines: tuple[str, ...], url: str, newline: str) -> str:
    is_bare = spot.like is None and spot.is_preformatted
    end_of_line = newline if is_bare else "<br>" + newline
    rows = _set(end_of_line.join(_row(line, url) for line in lines), spot.fonts)
    if spot.like is None:
        head = end_of_line * (spot.needs_gap_above if spot.has_below else 2)
        words = head + rows + (end_of_line * 2 if spot.needs_gap_below else "")
    else:
        paragraph = (spot.like,)
        empty = "<br>" if spot.like.tag == "div" else "&nbsp;"
        gap = _set(_set(empty, spot.fonts), paragraph) + newline
        head = gap if spot.needs_gap_above else ""
        foot = gap if spot.needs_gap_below else ""
        words = head + _set(rows, paragraph) + newline + foot
    if is_bare or not _keeps_newlines(spot):
        return words
    # Inside of a tag a newline is not seen.
    return words.replace(f">{newline}", f"{newline}>")


def _keeps_newlines(spot: Spot) -> bool:
    """Whether newlines of the source are seen in the block (Google Docs' spans keep them)."""
    worn = (*spot.fonts, *([spot.like] if spot.like else []))
    return spot.is_preformatted or any(each.is_preformatted for each in worn)


def _set(words: str, elements: tuple[Element, ...]) -> str:
    """The words in elements of the letter's kind, so that they look like those around them."""
    for element in reversed(elements):
        words = f"<{element.tag}{_attributes(element)}>{words}</{element.tag}>"
    return words


def _row(line: str, url: str) -> str:
    shown = escape(line, quote=False)
    address = escape(url)
    # A telephone shrinks the whole letter to the width of what it cannot fold.
    link = f'<a href="{address}" style="word-break:break-all">{address}</a>'
    return shown.replace(escape(url, quote=False), link)


def _attributes(element: Element) -> str:
    pairs = ((name, value) for name, value in element.attributes if name in _COPIED and value)
    return "".join(f' {name}="{escape(value)}"' for name, value in pairs)


# Nothing that has to be there once only, such as an `id`, and nothing that acts.
_COPIED = ("class", "style", "dir", "face", "size", "color")
