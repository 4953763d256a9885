"""What a writer's words are set in beside their paragraphs: Word's spans, the fonts of older mail.

A block that only copies the paragraph around them would stand there in the reader's own font.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

from relay_gateway.core.element import Element, tag
from relay_gateway.core.letter import Letter
from relay_gateway.core.markup import START, TEXT, Token

_LOOKS = {"font": ("face", "size", "color", "class", "style"), "span": ("class", "style")}
# The block's first line has to hold them, and the words, within 998 octets (RFC 5322, 2.1.1).
_LONG = 300
# Characters of a letter that show its hand; an endless one is not read to its end.
_ENOUGH = 2000


def fonts(letter: Letter) -> tuple[Element, ...]:
    """The `<font>` and `<span>` that most of the writer's words stand in, the outermost first.

    Most, for a decision in red is not the letter's hand. None where they outlast a paragraph: then
    they may hold the block as well.
    """
    worn: Counter[tuple[Element, ...]] = Counter()
    for part in letter.own:
        if _count(letter.source, letter.between(part.start, part.end), worn):
            return ()
        if worn.total() > _ENOUGH:
            break
    most: tuple[Element, ...] = max(worn, key=worn.__getitem__, default=())
    return most if sum(len(value) for each in most for _, value in each.attributes) <= _LONG else ()


def _count(source: str, cut: Iterable[Token], worn: Counter[tuple[Element, ...]]) -> bool:
    """Count the words by what they stand in; whether anything is still open at the end."""
    around: list[Element] = []
    seen: tuple[Element, ...] | None = ()
    for kind, name, start, end in cut:
        if kind is TEXT:
            if seen is not None:
                worn[seen] += len(source[start:end].strip())
            continue
        if name not in _LOOKS:
            continue
        if kind is START:
            around.append(_looks(name, source[start:end]))
        elif around:
            around.pop()
        seen = _seen(around)
    return bool(around)


def _seen(around: list[Element]) -> tuple[Element, ...] | None:
    """What words in these elements are set in; None if they are hidden."""
    if not around:
        return ()
    if any(element.is_hidden for element in around):
        return None
    return tuple(element for element in around if element.attributes)


@lru_cache(maxsize=256)
def _looks(name: str, written: str) -> Element:
    its = tag(name, written)
    kept = tuple(pair for pair in its.attributes if pair[0] in _LOOKS[name] and pair[1])
    # Without a place, so that the same font is the same value wherever it is put on.
    return Element(name, kept, -1, is_hidden=its.is_hidden, is_preformatted=its.is_preformatted)
