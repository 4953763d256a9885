"""From a rejection to the edits that put the company's link in it, with their proof."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from relay_gateway.core import block, link, place, rewrite, scope, template, trace, transfer
from relay_gateway.core.edit import Edit, apply
from relay_gateway.core.judge import Verdict
from relay_gateway.core.link import BadToken, Referral
from relay_gateway.core.message import Message, Unfit
from relay_gateway.core.page import Page
from relay_gateway.core.place import Spot
from relay_gateway.core.rewrite import Change
from relay_gateway.core.segment import Segment, segment
from relay_gateway.core.template import SLOT, Sign
from relay_gateway.core.tenant import Tenant
from relay_gateway.core.verify import verify

TRACE = "x-relay-trace"

Lines = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rejection:
    """The pages of the letter with the verdict on each, its language and the kinds of hiring named.

    Without a `language` the letter tells its own.
    """

    pages: tuple[tuple[Page, Verdict | None], ...]
    language: str
    kinds: frozenset[Segment]


@dataclass(frozen=True, slots=True)
class Offer:
    """The edits of a mail and the person they refer; not to be made if `fault` says, in fixed
    words, what refutes them. `is_new` tells a block from a pasted link made a tracked one.
    """

    edits: tuple[Edit, ...]
    referral: Referral | None = None
    is_new: bool = False
    fault: str = ""


def offer(person: bytes, message: Message, letter: Rejection, tenant: Tenant) -> Offer:
    """The link for one person, in all pages of the letter; `Unfit` where one cannot hold it."""
    referral = link.refer(tenant.id, scope.mail_id(message), person, tenant.keys)
    url = link.url(tenant.shown_link, link.token(referral, tenant.keys))
    forms = _forms(letter, tenant, url)
    changes, edits = _plan(message, letter, forms, tenant, url)
    is_new = any(change.adds_block for change in changes)
    return replace(_proved(message, changes, edits, tenant), referral=referral, is_new=is_new)


def strike(message: Message, pages: tuple[Page, ...], tenant: Tenant) -> Offer:
    """The words for the gateway taken out of every page, and nothing put in."""
    changes = tuple(
        change
        for page in sorted(pages, key=_start)
        if (change := rewrite.strike(page, _signs(page, tenant))) is not None
    )
    if not changes:
        return Offer(())
    return _proved(message, changes, rewrite.edits(message, changes), tenant)


def is_tracked(page: Page, tenant: Tenant) -> bool:
    """Whether a tracked link of the company stands in the page already."""
    for base in filter(None, (tenant.link, tenant.front)):
        for _, path in place.own_links(page.letter, base):
            try:
                link.open_token(path.rpartition("/")[2], tenant.id, tenant.keys)
            except BadToken:
                continue
            return True
    return False


def words(pages: Iterable[Page]) -> Iterator[str]:
    """The writer's own paragraphs in all pages."""
    return (part.text for page in pages for part in page.letter.own)


def _signs(page: Page, tenant: Tenant) -> tuple[Sign, ...]:
    found = (*template.signs(page.letter, tenant.marker), *template.signs(page.letter, SLOT))
    return tuple(sorted(found, key=lambda sign: sign.spans[0].start))


def _proved(
    message: Message,
    changes: tuple[Change, ...],
    edits: tuple[Edit, ...],
    tenant: Tenant,
) -> Offer:
    """The edits under the mark that keeps a second gateway from judging the mail again."""
    # SMTP has CRLF, but a mail in a file may have the line ends of Unix.
    line_end = transfer.newline(message.raw[: message.raw.find(b"\n") + 1])
    mark = Edit(0, 0, trace.mark(scope.mail_id(message), tenant.keys, line_end))
    whole = (mark, *edits)
    fault = verify(message.raw, apply(message.raw, whole), (TRACE,), changes)
    return Offer(whole, fault=f"{fault}: {_told(changes)}" if fault else "")


def _told(changes: tuple[Change, ...]) -> str:
    """Parts of which kind and size were changed; none of their words."""
    return "; ".join(
        f"{page.part.media_type} {page.text.codec} {page.part.encoding or '7bit'},"
        f" {len(page.text.data)} octets, cut at {change.cuts[0].start}"
        for change in changes
        for page in (change.page,)
    )


def _plan(
    message: Message, letter: Rejection, forms: tuple[Lines, ...], tenant: Tenant, url: str
) -> tuple[tuple[Change, ...], tuple[Edit, ...]]:
    """Pasted links made tracked ones, or the block: in the first of its forms that all pages of the
    letter can hold, so that they all say the same.
    """
    upgrades = [rewrite.upgrade(page, tenant.link, url) for page, _ in letter.pages]
    blank = [pair for pair, done in zip(letter.pages, upgrades, strict=True) if done is None]
    done = tuple(_cleared(change, tenant) for change in upgrades if change is not None)
    if not blank:
        return done, rewrite.edits(message, done)
    spots = [(page, _spot(page, its)) for page, its in blank]
    unfit = Unfit("no wording in this language")
    for lines in forms:
        try:
            new = tuple(
                _cleared(rewrite.insert(page, spot, lines, url), tenant) for page, spot in spots
            )
            changes = tuple(sorted((*done, *new), key=lambda change: _start(change.page)))
            return changes, rewrite.edits(message, changes)
        except Unfit as why:
            unfit = why
    raise unfit


def _spot(page: Page, verdict: Verdict | None) -> Spot:
    """Where HR has left a slot that can hold the block, or else the best place."""
    slots = (place.slot(page.letter, sign) for sign in template.signs(page.letter, SLOT))
    return next(filter(None, slots), None) or place.place(page.letter, verdict)


def _cleared(change: Change, tenant: Tenant) -> Change:
    signs = _signs(change.page, tenant)
    return rewrite.clear(change, signs) if signs else change


def _start(page: Page) -> int:
    return page.part.body.start


def _forms(letter: Rejection, tenant: Tenant, url: str) -> tuple[Lines, ...]:
    """The block in the letter's language and for its kind of hiring; nothing without words."""
    wording = tenant.wordings.get(letter.language or _language(letter.pages[0][0], tenant))
    return block.forms(wording, segment(letter.kinds), tenant.name, url) if wording else ()


_KANA = re.compile(r"[\u3041-\u30ff]")


def _language(page: Page, tenant: Tenant) -> str:
    """The language of a letter that no rule has judged."""
    is_japanese = any(_KANA.search(part.text) for part in page.letter.own)
    return "ja" if is_japanese or "en" not in tenant.languages else "en"
