"""Where in a letter the block stands, and the links already there.

The order of a good letter: result, regrets, then the offer, then the closing wish and the name. So
the block stands after the last decision, before the first of closing wish, closing words, signature
and older mail; always between two paragraphs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import takewhile
from urllib.parse import urlsplit

from relay_gateway.core.element import BLOCK, Element, Trait, traits
from relay_gateway.core.flow import Line
from relay_gateway.core.font import fonts
from relay_gateway.core.judge import SUBJECT, Verdict
from relay_gateway.core.letter import Letter, Paragraph, Voice
from relay_gateway.core.markup import END, START
from relay_gateway.core.message import Span, Unfit
from relay_gateway.core.rules import Role
from relay_gateway.core.template import Sign

_WISH = re.compile(
    r"祈|ご活躍|御活躍|ご健勝|ご多幸|ご健闘|ご成功を|幸多|応援|願って(?:お|い|や)"
    r"|\b(?:wish(?:es|ing)? you|best of luck|good luck|(?:all the|every) (?:best|success)"
    r"|success (?:in|with) your|luck (?:in|with|on) your)\b"
    r"|wünsche[n]? (?:wir|ich)? ?(?:ihnen|dir)|alles gute|souhait(?:ons|e) |bonne continuation"
    r"|dese(?:o|amos) |deseja?mos|mucha suerte|boa sorte|[祝愿](?:您|你)|敬祝|건승|응원",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    r"末筆|取り?急ぎ|まずは|^\s*(?:敬具|草々|敬白|拝具|謹白|かしこ|以上|記)\s*$"
    r"|よろしくお願い(?:いた|致|申し)"
    r"|^(?:\S+ )?(?:sincerely|regards|yours|best|cheers|respectfully|thanks again)\b"
    r"|^thank you again\b"
    r"|^.{0,24}gr(?:ü|ue)(?:ß|ss)e|^.{0,20}cordialement|salutations|^bien à (?:vous|toi)"
    r"|atentamente|^(?:un |reciba un )?.{0,10}saludos?\b|atenciosamente|cumprimentos|^此致",
    re.IGNORECASE | re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Spot:
    """A gap between two paragraphs: words go in before the character `at` of the source.

    `like` is the HTML element that the block copies; without one the words go in as lines of the
    element that is open there, ended by newlines where it is preformatted: where newlines of the
    source are seen. `has_below` tells whether the letter goes on there, `needs_gap_…` whether the
    block has to bring an empty line. `fonts` are what the letter's words stand in beside that.
    """

    at: int
    has_below: bool
    needs_gap_above: bool
    needs_gap_below: bool
    like: Element | None = None
    is_preformatted: bool = False
    fonts: tuple[Element, ...] = ()


def place(letter: Letter, verdict: Verdict | None) -> Spot:
    """The best gap that can hold the block, or `Unfit`.

    Without a verdict the whole letter counts as the decision's paragraph up to its closing.
    """
    own = [n for n, part in enumerate(letter.paragraphs) if part.voice is Voice.OWN]
    if not own:
        raise Unfit("no words of the writer")
    if any(part.voice is Voice.QUOTE for part in letter.paragraphs[own[0] : own[-1]]):
        raise Unfit("an answer between quoted lines")
    decision = _decision(verdict, own)
    for index in _gaps(letter, decision, own[-1]):
        spot = _spot(letter, index)
        if spot is not None:
            return replace(spot, fonts=fonts(letter)) if letter.is_html else spot
    raise Unfit("no gap that can hold the block")


def slot(letter: Letter, sign: Sign) -> Spot | None:
    """The place that HR has chosen by a slot on a line of its own; None if it cannot hold the
    block.
    """
    if not sign.is_alone:
        return None
    if not letter.is_html:
        above = letter.source[: sign.line.start].splitlines()
        below = letter.source[sign.line.end :].splitlines()[1:]
        return Spot(sign.line.start, True, _is_said(above[-1:]), _is_said(below[:1]))
    inline = _OPENED.findall(letter.source, sign.line.start, sign.spans[0].start)
    if not _holds(sign.line.before) or not _CLOSED.isdisjoint(name.lower() for name in inline):
        return None
    is_pre = any(element.is_preformatted for element in sign.line.before)
    return Spot(sign.spans[0].start, True, False, False, None, is_pre)


_OPENED = re.compile("<([A-Za-z][A-Za-z0-9]*)")


def _is_said(rows: list[str]) -> bool:
    return bool("".join(rows).strip())


def is_wish(part: Paragraph) -> bool:
    """Whether the paragraph wishes its reader well, as letters do before they end."""
    return _WISH.search(part.text) is not None


def is_closing(part: Paragraph) -> bool:
    """Whether the paragraph ends the letter."""
    return _CLOSING.search(part.text) is not None


def _decision(verdict: Verdict | None, own: list[int]) -> int:
    hits = verdict.hits if verdict else ()
    found = [hit.paragraph for hit in hits if hit.role is Role.DECISION and not hit.is_shadow]
    return max((index for index in found if index != SUBJECT), default=own[0])


def _gaps(letter: Letter, decision: int, last: int) -> Iterator[int]:
    """Indices of the paragraphs above which the block may stand, the best first."""
    paragraphs = letter.paragraphs
    if decision > 0 and is_wish(paragraphs[decision]):
        yield decision + 1
    for index in range(decision + 1, last + 1):
        if is_wish(paragraphs[index]) or is_closing(paragraphs[index]):
            yield index
            break
    yield last + 1
    yield from range(decision + 1, last + 1)


def _spot(letter: Letter, index: int) -> Spot | None:
    above = letter.paragraphs[index - 1]
    below = letter.paragraphs[index] if index < len(letter.paragraphs) else None
    if letter.is_html:
        return _html_spot(letter, above, below)
    return _plain_spot(letter, above, below)


def _plain_spot(letter: Letter, above: Paragraph, below: Paragraph | None) -> Spot:
    if below is not None:
        return Spot(below.start, True, not below.is_spaced, True)
    line_end = letter.source.find("\n", above.end)
    rest = letter.source[line_end + 1 :] if line_end >= 0 else ""
    at = line_end + 1 if line_end >= 0 else len(letter.source)
    return Spot(at, False, True, bool(rest) and not rest.startswith(("\n", "\r\n")))


_CLOSED = frozenset(
    (
        "a audio button canvas caption datalist dd del dialog dir dl dt h1 h2 h3 h4 h5 h6 head "
        "iframe label legend li map marquee math menu noembed noscript object ol optgroup option "
        "rp rt ruby s script select strike style summary svg table tbody template textarea tfoot "
        "thead title tr u ul video xmp"
    ).split()
)
_CELLS = frozenset(("td", "th"))


def _html_spot(letter: Letter, above: Paragraph, below: Paragraph | None) -> Spot | None:
    last = above.lines[-1]
    if below is None:
        is_pre = any(element.is_preformatted for element in last.after)
        return Spot(last.end, False, True, False, None, is_pre) if _holds(last.after) else None
    first = below.lines[0]
    around = tuple(takewhile(lambda element: element.start < last.end, first.before))
    if not _holds(around):
        return None
    is_pre = any(element.is_preformatted for element in around)
    if len(around) == len(first.before):
        if "a" in _open_above(letter, last, around, first.start):
            return None
        return Spot(first.start, True, not below.is_spaced, True, None, is_pre)
    opened = first.before[len(around)]
    at = _above_condition(letter.source, last.end, opened.start)
    still = _open_above(letter, last, around, at)
    # What has no end tag is ended by a tag below: the block would stand in it, or end it sooner.
    ends_paragraph = opened.tag in BLOCK and at == opened.start
    if opened.ends_item or "a" in still or ("p" in still and not ends_paragraph):
        return None
    # A block element would end a paragraph that is open here.
    is_inside = any(element.tag == "p" for element in around)
    like = None if is_inside else _like(letter, last.after, first.before, len(around))
    return Spot(at, True, not below.is_spaced, not first.is_apart, like, is_pre)


def _open_above(letter: Letter, last: Line, around: tuple[Element, ...], at: int) -> set[str]:
    """The tags that are open between a line and a place below it, and not around both."""
    still = {element.tag for element in last.after if element not in around}
    for kind, name, _, _ in letter.between(last.end, at):
        if kind is START:
            still.add(name)
        elif kind is END:
            still.discard(name)
    return still


_CONDITION = re.compile(r"<!(?:--)?\[ *if\b[^>\[]*\](?:--)?>(?:<!-*>)?\s*\Z", re.IGNORECASE)


def _above_condition(source: str, start: int, at: int) -> int:
    """Where only Outlook shows what follows, or all but Outlook: the place above the condition."""
    found = _CONDITION.search(source[start:at])
    return start + found.start() if found else at


def _like(
    letter: Letter, above: tuple[Element, ...], below: tuple[Element, ...], depth: int
) -> Element:
    """The neighbour whose kind the block takes on: where they differ, the one of which the letter
    has more, as a decision in red is not its hand. A plain `<div>` where neither is a paragraph of
    the writer's own: a block in the likeness of a quote is folded away with it.
    """
    near = [path[depth] for path in (above, below) if len(path) > depth]
    near = [each for each in near if each.tag in ("p", "div") and _is_own(each)]
    if len(near) > 1 and near[0].attributes != near[1].attributes:
        near.sort(key=lambda each: -_frequency(letter, each, depth))
    return near[0] if near else Element("div", (), -1)


def _frequency(letter: Letter, element: Element, depth: int) -> int:
    """In how many of the writer's lines such an element stands at this depth."""
    paths = (line.before for part in letter.own for line in part.lines)
    its = element.tag, element.attributes
    return sum(
        (path[depth].tag, path[depth].attributes) == its for path in paths if len(path) > depth
    )


_VOICED = frozenset((Trait.HIDDEN, Trait.QUOTE, Trait.ATTRIBUTION, Trait.SIGNATURE))


def _is_own(element: Element) -> bool:
    return _VOICED.isdisjoint(traits(element.tag, dict(element.attributes)))


def _holds(around: tuple[Element, ...]) -> bool:
    """Whether words put in here stay here: no link, list or heading around, no bare table row."""
    for depth, element in enumerate(around):
        has_cell = any(inner.tag in _CELLS for inner in around[depth:])
        if element.tag in ("table", "tbody", "thead", "tfoot", "tr") and has_cell:
            continue
        if element.tag in _CLOSED or not _is_own(element):
            return False
    return True


# The programme's own address, which its sample letter shows.
PROGRAMME = "careerrelay.jp"

# Japanese words follow an address without a blank.
_ASCII = re.ASCII | re.IGNORECASE


def own_links(letter: Letter, link: str) -> tuple[tuple[Span, str], ...]:
    """The links to the company's CareerRelay address outside quoted history: where, and the path.

    In HTML both the address and a shown text that repeats it are found.
    """
    hosts = "|".join(map(re.escape, (urlsplit(link).netloc, PROGRAMME)))
    path = r"(/[\w.~%/-]*+)?+(?![?#&=])"
    pattern = re.compile(rf"https?://(?:{hosts})(?![\w:-]|\.\w){path}", _ASCII)
    found = []
    for part in letter.paragraphs:
        # Most letters hold no address at all, which is seen at once.
        if part.voice is not Voice.QUOTE and letter.source.find("://", part.start, part.end) >= 0:
            for match in pattern.finditer(letter.source, part.start, part.end):
                end = match.end() - len(match[0]) + len(match[0].rstrip("."))
                found.append((Span(match.start(), end), (match[1] or "").rstrip("./")))
    return tuple(found)
