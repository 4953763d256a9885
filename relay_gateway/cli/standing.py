"""Where the block stands in a letter, read from the changed mail itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from relay_gateway.core.decision import Decision
from relay_gateway.core.edit import apply
from relay_gateway.core.message import Unfit, Unreadable, read
from relay_gateway.core.page import Page, pages


@dataclass(frozen=True, slots=True)
class Standing:
    """The new lines of one text part, and the reader's lines above and below them."""

    media_type: str
    above: str
    new: tuple[str, ...]
    below: str


def standings(raw: bytes, decision: Decision) -> tuple[Standing, ...]:
    """What a reader of the changed mail sees that he did not see before, text part by text part."""
    if not decision.edits:
        return ()
    before, after = _pages(raw), _pages(apply(raw, decision.edits))
    pairs = zip(before, after, strict=False)
    found = (_standing(*pair) for pair in pairs)
    return tuple(each for each in found if each is not None)


def _pages(raw: bytes) -> tuple[Page, ...]:
    try:
        return tuple(page for group in pages(read(raw)) for page in group)
    except (Unreadable, Unfit):
        return ()


def _standing(before: Page, after: Page) -> Standing | None:
    old, new = _lines(before), _lines(after)
    head = _same(old, new)
    tail = _same(old[head:][::-1], new[head:][::-1])
    added = new[head : len(new) - tail]
    if not added:
        return None
    above = old[head - 1] if head else ""
    below = old[len(old) - tail] if tail else ""
    return Standing(before.part.media_type, above, tuple(added), below)


def _lines(page: Page) -> list[str]:
    texts = (line for part in page.letter.paragraphs for line in part.text.split("\n"))
    return [text.strip() for text in texts if text.strip()]


def _same(one: Sequence[str], other: Sequence[str]) -> int:
    pairs = zip(one, other, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
