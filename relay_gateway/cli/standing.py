"""Where the block stands in a letter, read from the changed mail itself, and why there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from relay_gateway.cli import phrases
from relay_gateway.cli.tongue import Said
from relay_gateway.core import place, template
from relay_gateway.core.decision import Decision, heard
from relay_gateway.core.edit import apply
from relay_gateway.core.judge import SUBJECT, Verdict
from relay_gateway.core.letter import Paragraph, Voice
from relay_gateway.core.message import Unfit, Unreadable, read
from relay_gateway.core.page import Page, pages
from relay_gateway.core.reason import Reason
from relay_gateway.core.rules import Role, RuleSet
from relay_gateway.core.subject import subject


@dataclass(frozen=True, slots=True)
class Standing:
    """The new lines of one text part, and the reader's lines above and below them.

    `after` and `before` say what those are; nothing of a link that stood there already. `is_chosen`
    tells that HR has left a slot for it.
    """

    media_type: str
    above: str
    new: tuple[str, ...]
    below: str
    after: Said | None = None
    before: Said | None = None
    is_chosen: bool = False

    @property
    def why(self) -> str:
        """Why it stands there, in a sentence."""
        if self.is_chosen:
            return str(phrases.STANDS_SLOT)
        if self.after is None or self.before is None:
            return str(phrases.STANDS_LINK)
        return phrases.STANDS(above=self.after, below=self.before)


def standings(raw: bytes, decision: Decision, rules: RuleSet) -> tuple[Standing, ...]:
    """What a reader of the changed mail sees that he did not see before, text part by text part."""
    if not decision.edits:
        return ()
    before, after = _pages(raw), _pages(apply(raw, decision.edits))
    title = subject(read(raw))
    is_link = decision.reason is Reason.UPGRADED_LINK
    found = (
        _standing(old, new, None if is_link else heard(title, old, rules))
        for old, new in zip(before, after, strict=False)
    )
    return tuple(each for each in found if each is not None)


def _pages(raw: bytes) -> tuple[Page, ...]:
    try:
        return tuple(page for group in pages(read(raw)) for page in group)
    except (Unreadable, Unfit):
        return ()


def _standing(before: Page, after: Page, verdict: Verdict | None) -> Standing | None:
    old, new = _lines(before), _lines(after)
    head = _same(old, new)
    tail = _same(old[head:][::-1], new[head:][::-1])
    added = new[head : len(new) - tail]
    if not added:
        return None
    above = old[head - 1] if head else ""
    below = old[len(old) - tail] if tail else ""
    over, under = _why(before, head, verdict) if verdict else (None, None)
    signs = template.signs(before.letter, template.SLOT)
    is_chosen = any(place.slot(before.letter, sign) for sign in signs)
    around = above, tuple(added), below
    return Standing(before.part.media_type, *around, over, under, is_chosen)


def _why(page: Page, head: int, verdict: Verdict) -> tuple[Said, Said]:
    """What the paragraphs around the gap below `head` lines are."""
    paragraphs = page.letter.paragraphs
    at = _paragraph(paragraphs, head)
    decision = _decision(paragraphs[:at], verdict)
    more = at - 1 - decision
    after = phrases.AFTER_DECISION
    if more > 0:
        many = phrases.AFTER_MORE
        after = Said(many.en.format(count=more), many.ja.format(count=more))
    elif decision > 0 and place.is_wish(paragraphs[decision]):
        after = phrases.AFTER_BOTH
    return after, _before(paragraphs[at:])


def _paragraph(paragraphs: Sequence[Paragraph], head: int) -> int:
    """The paragraph that begins after this many lines."""
    seen = 0
    for number, part in enumerate(paragraphs):
        if seen >= head:
            return number
        seen += sum(1 for line in part.text.split("\n") if line.strip())
    return len(paragraphs)


def _decision(above: Sequence[Paragraph], verdict: Verdict) -> int:
    """The last paragraph above that says the decision."""
    told = {
        hit.paragraph
        for hit in verdict.hits
        if hit.role is Role.DECISION and not hit.is_shadow and hit.paragraph != SUBJECT
    }
    return max((each for each in told if each < len(above)), default=max(len(above) - 1, 0))


def _before(below: Sequence[Paragraph]) -> Said:
    if not below:
        return phrases.BEFORE_END
    first = below[0]
    if first.voice is Voice.QUOTE:
        return phrases.BEFORE_QUOTE
    if first.voice is not Voice.OWN:
        return phrases.BEFORE_SIGNATURE
    if place.is_wish(first):
        return phrases.BEFORE_WISH
    return phrases.BEFORE_CLOSING if place.is_closing(first) else phrases.BEFORE_WORDS


def _lines(page: Page) -> list[str]:
    texts = (line for part in page.letter.paragraphs for line in part.text.split("\n"))
    return [text.strip() for text in texts if text.strip()]


def _same(one: Sequence[str], other: Sequence[str]) -> int:
    pairs = zip(one, other, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
