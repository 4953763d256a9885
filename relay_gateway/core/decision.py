"""The whole thought on one mail, in one readable function."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from relay_gateway.core import block, link, place, rewrite, scope, trace
from relay_gateway.core.edit import Edit, apply
from relay_gateway.core.envelope import Envelope
from relay_gateway.core.judge import Finding, Verdict, judge
from relay_gateway.core.link import BadToken, Referral
from relay_gateway.core.message import Message, Unfit, Unreadable, read
from relay_gateway.core.normal import Forms
from relay_gateway.core.page import Page, pages
from relay_gateway.core.reason import Reason
from relay_gateway.core.rewrite import Change
from relay_gateway.core.rules import RuleSet
from relay_gateway.core.segment import segment
from relay_gateway.core.subject import subject
from relay_gateway.core.tenant import Mode, Tenant
from relay_gateway.core.verify import verify

TRACE = "x-relay-trace"


@dataclass(frozen=True, slots=True)
class Policy:
    """All that a decision may depend on beside the mail.

    Mails over `inspect_size` bytes pass unread. `is_forced` takes every mail for a rejection
    whatever its words and its way; for trying out the rewriting only.
    """

    tenants: tuple[Tenant, ...]
    rules: RuleSet
    inspect_size: int = 10_000_000
    is_forced: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done with a mail; without edits it passes as it came.

    `detail` says in fixed words what could not be read or fitted; never a word of the mail.
    """

    reason: Reason
    tenant: str = ""
    verdict: Verdict | None = None
    referral: Referral | None = None
    edits: tuple[Edit, ...] = ()
    detail: str = ""


def decide(envelope: Envelope, raw: bytes, policy: Policy) -> Decision:
    """Whether this mail is one company's rejection, and the edits that give it its link.

    Raises nothing for what a mail may contain.
    """
    tenant = next((each for each in policy.tenants if each.sends(envelope.sender)), None)
    if tenant is None:
        return Decision(Reason.NO_COMPANY)
    try:
        return _consider(envelope, raw, tenant, policy)
    except Unreadable as why:
        return Decision(Reason.UNREADABLE, tenant.id, detail=str(why))
    except Unfit as why:
        return Decision(Reason.UNFIT, tenant.id, detail=str(why))


def _consider(envelope: Envelope, raw: bytes, tenant: Tenant, policy: Policy) -> Decision:
    if len(raw) > policy.inspect_size:
        return Decision(Reason.TOO_LARGE, tenant.id)
    message = read(raw)
    veto = scope.veto(envelope, message, tenant, is_forced=policy.is_forced)
    if veto is not None:
        return Decision(veto, tenant.id)
    groups = pages(message)
    if not groups:
        return Decision(Reason.NO_TEXT, tenant.id)
    if any(_PGP in page.text.text for group in groups for page in group):
        return Decision(Reason.ENCRYPTED, tenant.id)
    judged = _judge(message, groups, policy)
    left = _left(judged, tenant)
    if left is not None:
        return left
    return _offer(envelope, message, judged, tenant)


@dataclass(frozen=True, slots=True)
class _Judged:
    """The pages that carry the letter with what each says, and the verdict on the whole mail."""

    pages: tuple[tuple[Page, Verdict | None], ...]
    verdict: Verdict | None
    forms: Forms = field(default_factory=Forms)


def _judge(message: Message, groups: tuple[tuple[Page, ...], ...], policy: Policy) -> _Judged:
    """One group of alternatives is the letter; a veto in any text speaks for the whole mail."""
    if policy.is_forced:
        return _Judged(tuple((page, None) for page in groups[0]), None)
    title, forms = subject(message), Forms()
    told = [
        [(page, judge(title, page.letter, policy.rules, forms)) for page in group]
        for group in groups
    ]
    every = [verdict for group in told for _, verdict in group]
    best = max(every, key=_rank)
    vetoes = tuple(dict.fromkeys(name for verdict in every for name in verdict.vetoes))
    if best.finding is not Finding.LEAVE and vetoes:
        best = replace(best, finding=Finding.LEAVE, reason="veto", vetoes=vetoes)
    letter = next((group for group in told if any(v.is_rejection for _, v in group)), told[0])
    return _Judged(tuple(pair for pair in letter if pair[1].is_rejection), best, forms)


def _rank(verdict: Verdict) -> tuple[int, float]:
    order = (Finding.LEAVE, Finding.PROBABLE, Finding.INSERT)
    return order.index(verdict.finding), verdict.score


def _left(judged: _Judged, tenant: Tenant) -> Decision | None:
    """The decision to leave a mail alone for what it says; None if it is a rejection."""
    verdict = judged.verdict
    if verdict is None:
        return None
    if verdict.reason == "veto":
        return Decision(Reason.VETO, tenant.id, verdict)
    if verdict.finding is Finding.PROBABLE:
        return Decision(Reason.PROBABLE, tenant.id, verdict)
    if not verdict.is_rejection:
        return Decision(Reason.NO_REJECTION, tenant.id, verdict)
    if verdict.language not in tenant.languages:
        return Decision(Reason.LANGUAGE_OFF, tenant.id, verdict)
    return None


def _offer(envelope: Envelope, message: Message, judged: _Judged, tenant: Tenant) -> Decision:
    """A rejection: refer the person, plan the change, prove it, and say so."""
    verdict = judged.verdict
    try:
        if any(_is_tracked(page, tenant) for page, _ in judged.pages):
            return Decision(Reason.LINKED_ALREADY, tenant.id, verdict)
        identity = scope.mail_id(message)
        person = (scope.outsiders(envelope, tenant) or envelope.recipients)[0]
        referral = link.refer(tenant.id, identity, person, tenant.keys)
        url = link.url(tenant.link, link.token(referral, tenant.keys))
        changes, words = _plan(message, judged, tenant, url)
        mark = Edit(0, 0, trace.mark(identity, tenant.keys))
        edits = (mark, *words)
    except Unfit as why:
        return Decision(Reason.UNFIT, tenant.id, verdict, detail=str(why))
    fault = verify(message.raw, apply(message.raw, edits), (TRACE,), changes)
    if fault:
        return Decision(Reason.VERIFY_FAILED, tenant.id, verdict, detail=_told(fault, changes))
    is_new = any(change.adds_block for change in changes)
    reason = Reason.REJECTION if is_new else Reason.UPGRADED_LINK
    decision = Decision(reason, tenant.id, verdict, referral, edits)
    return decision if tenant.mode is Mode.LIVE else _only_seen(decision)


def _told(fault: str, changes: tuple[Change, ...]) -> str:
    """What was refuted, and of parts of which kind and size; none of their words."""
    parts = (
        f"{page.part.media_type} {page.text.codec} {page.part.encoding or '7bit'},"
        f" {len(page.text.data)} octets, cut at {change.cuts[0].start}"
        for change in changes
        for page in (change.page,)
    )
    return f"{fault}: {'; '.join(parts)}"


def _only_seen(decision: Decision) -> Decision:
    """What a monitored company would have got, said and not done."""
    return replace(
        decision, reason=Reason.MONITOR, referral=None, edits=(), detail=str(decision.reason)
    )


def _is_tracked(page: Page, tenant: Tenant) -> bool:
    for _, path in place.own_links(page.letter, tenant.link):
        try:
            link.open_token(path.rpartition("/")[2], tenant.id, tenant.keys)
        except BadToken:
            continue
        return True
    return False


def _plan(
    message: Message, judged: _Judged, tenant: Tenant, url: str
) -> tuple[tuple[Change, ...], tuple[Edit, ...]]:
    """Pasted links made tracked ones, or the block: in the first of its forms that all pages of the
    letter can hold, so that they all say the same.
    """
    upgrades = [rewrite.upgrade(page, tenant.link, url) for page, _ in judged.pages]
    blank = [pair for pair, done in zip(judged.pages, upgrades, strict=True) if done is None]
    done = tuple(change for change in upgrades if change is not None)
    if not blank:
        return done, rewrite.edits(message, done)
    spots = [(page, place.place(page.letter, its)) for page, its in blank]
    unfit = Unfit("no wording in this language")
    for lines in _forms(message, judged, tenant, url):
        try:
            new = tuple(rewrite.insert(page, spot, lines, url) for page, spot in spots)
            changes = tuple(sorted((*done, *new), key=_start))
            return changes, rewrite.edits(message, changes)
        except Unfit as why:
            unfit = why
    raise unfit


def _start(change: Change) -> int:
    return change.page.part.body.start


def _forms(
    message: Message, judged: _Judged, tenant: Tenant, url: str
) -> tuple[tuple[str, ...], ...]:
    """The block in the letter's language and for its kind of hiring; nothing without words."""
    pages = [page for page, _ in judged.pages]
    language = judged.verdict.language if judged.verdict else _language(pages[0], tenant)
    wording = tenant.wordings.get(language)
    if wording is None:
        return ()
    own = (part.text for page in pages for part in page.letter.own)
    kind = segment(subject(message), own, judged.forms)
    return block.forms(wording, kind, tenant.name, url)


# Inline PGP (RFC 4880, 6.2) under a transfer encoding or in HTML.
_PGP = "-----BEGIN PGP"
_KANA = re.compile(r"[\u3041-\u30ff]")


def _language(page: Page, tenant: Tenant) -> str:
    """The language of a letter that no rule has judged."""
    is_japanese = any(_KANA.search(part.text) for part in page.letter.own)
    return "ja" if is_japanese or "en" not in tenant.languages else "en"
