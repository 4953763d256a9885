"""The whole thought on one mail, in one readable function."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from relay_gateway.core import offer, scope, template
from relay_gateway.core.edit import Edit
from relay_gateway.core.envelope import Envelope
from relay_gateway.core.judge import Finding, Verdict, judge, stated
from relay_gateway.core.link import Referral
from relay_gateway.core.message import Message, Unfit, Unreadable, read
from relay_gateway.core.normal import Forms
from relay_gateway.core.offer import Offer
from relay_gateway.core.page import Page, pages
from relay_gateway.core.reason import Reason
from relay_gateway.core.rules import RuleSet
from relay_gateway.core.segment import Segment, segments
from relay_gateway.core.subject import subject
from relay_gateway.core.tenant import Mode, Tenant


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
class Copy:
    """The mail for one of several hidden recipients, with a link of their own."""

    recipient: bytes
    referral: Referral
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done with a mail; without edits it passes as it came.

    `copies` are for hidden recipients, one each; who is in none of them gets `edits`. `detail`
    says in fixed words what could not be read or fitted; never a word of the mail.
    """

    reason: Reason
    tenant: str = ""
    verdict: Verdict | None = None
    referral: Referral | None = None
    edits: tuple[Edit, ...] = ()
    detail: str = ""
    copies: tuple[Copy, ...] = ()

    @property
    def referrals(self) -> tuple[Referral, ...]:
        """Whoever would be referred."""
        if self.referral is not None:
            return (self.referral,)
        return tuple(copy.referral for copy in self.copies)

    def left(self, reason: Reason, detail: str = "") -> Decision:
        """The same mail, which for this reason is to pass as it came."""
        return replace(self, reason=reason, detail=detail, referral=None, edits=(), copies=())


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
    wordless = _wordless(groups)
    if wordless is not None:
        return Decision(wordless, tenant.id)
    title = subject(message)
    if any(template.exempts(title, page.letter, tenant.marker) for page in _every(groups)):
        return _tidied(Decision(Reason.NO_RELAY, tenant.id), message, groups, tenant)
    rules = tenant.rules or policy.rules
    judged = _judge(title, groups, rules, is_forced=policy.is_forced)
    left = _left(judged, tenant) or _out_of_scope(envelope, judged, tenant)
    if left is not None:
        return _tidied(left, message, groups, tenant)
    return _offer(envelope, message, groups, judged, tenant)


_Groups = tuple[tuple[Page, ...], ...]


def _wordless(groups: _Groups) -> Reason | None:
    """Why there is nothing to judge, if there is nothing."""
    if not groups:
        return Reason.NO_TEXT
    has_pgp = any(_PGP in page.text.text for page in _every(groups))
    return Reason.ENCRYPTED if has_pgp else None


# Inline PGP (RFC 4880, 6.2) under a transfer encoding or in HTML.
_PGP = "-----BEGIN PGP"


def _every(groups: _Groups) -> Iterator[Page]:
    return (page for group in groups for page in group)


@dataclass(frozen=True, slots=True)
class _Judged:
    """The pages that carry the letter with what each says, and the verdict on the whole mail.

    `kinds` of hiring are named by a rejection; `is_unfilled` tells that it is a template still.
    """

    pages: tuple[tuple[Page, Verdict | None], ...]
    verdict: Verdict | None
    kinds: frozenset[Segment] = frozenset()
    is_unfilled: bool = False


def _judge(title: str, groups: _Groups, rules: RuleSet, *, is_forced: bool) -> _Judged:
    """One group of alternatives is the letter; a veto in any text speaks for the whole mail."""
    forms = Forms()
    if is_forced:
        letter = tuple((page, None) for page in groups[0])
        return _Judged(letter, None, segments(title, offer.words(groups[0]), forms))
    told = [[(page, heard(title, page, rules, forms)) for page in group] for group in groups]
    every = [verdict for group in told for _, verdict in group]
    best = max(every, key=_rank)
    vetoes = tuple(dict.fromkeys(name for verdict in every for name in verdict.vetoes))
    if best.finding is not Finding.LEAVE and vetoes:
        best = replace(best, finding=Finding.LEAVE, reason="veto", vetoes=vetoes)
    is_near = best.reason == "veto" or best.is_rejection
    is_unfilled = is_near and _is_unfilled(title, groups)
    if not best.is_rejection:
        return _Judged((), best, is_unfilled=is_unfilled)
    turned_down = next(group for group in told if any(its.is_rejection for _, its in group))
    pages = tuple((page, its) for page, its in turned_down if its.is_rejection)
    kinds = segments(title, offer.words(page for page, _ in pages), forms)
    return _Judged(pages, best, kinds, is_unfilled)


def _is_unfilled(title: str, groups: _Groups) -> bool:
    letters = (template.without(page.letter, template.SLOT) for page in _every(groups))
    return any(template.is_unfilled(title, letter) for letter in letters)


def heard(title: str, page: Page, rules: RuleSet, forms: Forms | None = None) -> Verdict:
    """What one page says; a slot in it is HR's own word that the letter is a rejection."""
    if not template.asks(page.letter):
        return judge(title, page.letter, rules, forms)
    return stated(judge(title, template.without(page.letter, template.SLOT), rules, forms))


def _rank(verdict: Verdict) -> tuple[int, float]:
    order = (Finding.LEAVE, Finding.PROBABLE, Finding.INSERT)
    return order.index(verdict.finding), verdict.score


def _left(judged: _Judged, tenant: Tenant) -> Decision | None:
    """The decision to leave a mail alone for what it says; None if it is a rejection."""
    verdict = judged.verdict
    if verdict is None:
        return None
    reasons = (
        (Reason.UNFILLED, judged.is_unfilled),
        (Reason.VETO, verdict.reason == "veto"),
        (Reason.PROBABLE, verdict.finding is Finding.PROBABLE),
        (Reason.NO_REJECTION, not verdict.is_rejection),
        (Reason.LANGUAGE_OFF, verdict.language not in tenant.languages),
    )
    found = next((reason for reason, holds in reasons if holds), None)
    return None if found is None else Decision(found, tenant.id, verdict)


def _out_of_scope(envelope: Envelope, judged: _Judged, tenant: Tenant) -> Decision | None:
    """The decision to leave a rejection alone for whom it turns down; None if it is in scope."""
    verdict = judged.verdict
    if verdict is None:
        return None
    if not judged.kinds <= tenant.scope.segments:
        return Decision(Reason.SEGMENT_OFF, tenant.id, verdict)
    if not _people(envelope, judged, tenant):
        return Decision(Reason.CARRIER_URL, tenant.id, verdict)
    return None


def _people(envelope: Envelope, judged: _Judged, tenant: Tenant) -> tuple[bytes, ...]:
    """Whom the link is for; a mail that is forced or for a test needs nobody outside."""
    if judged.verdict is None or scope.is_test(envelope, tenant):
        return (scope.outsiders(envelope, tenant) or envelope.recipients)[:1]
    has_link = any(template.has_link(page.letter) for page, _ in judged.pages)
    return scope.people(envelope, tenant, has_link=has_link)


def _offer(
    envelope: Envelope, message: Message, groups: _Groups, judged: _Judged, tenant: Tenant
) -> Decision:
    """A rejection: refer each person, plan the changes, prove them, and say so."""
    verdict = judged.verdict
    letter = offer.Rejection(judged.pages, verdict.language if verdict else "", judged.kinds)
    people = _people(envelope, judged, tenant)
    try:
        if any(offer.is_tracked(page, tenant) for page, _ in judged.pages):
            return Decision(Reason.LINKED_ALREADY, tenant.id, verdict)
        made = [offer.offer(each, message, letter, tenant) for each in people]
    except Unfit as why:
        return Decision(Reason.UNFIT, tenant.id, verdict, detail=str(why))
    if fault := next((each.fault for each in made if each.fault), ""):
        return Decision(Reason.VERIFY_FAILED, tenant.id, verdict, detail=fault)
    reason = Reason.REJECTION if made[0].is_new else Reason.UPGRADED_LINK
    decision = Decision(reason, tenant.id, verdict)
    if scope.is_test(envelope, tenant):
        return replace(decision.left(Reason.TEST_RECIPIENT, str(reason)), edits=made[0].edits)
    if tenant.mode is not Mode.LIVE:
        return decision.left(Reason.MONITOR, str(reason))
    handed = _handed(decision, tuple(zip(people, made, strict=True)), envelope, tenant)
    return _tidied(handed, message, groups, tenant) if handed.copies else handed


def _handed(
    decision: Decision, made: tuple[tuple[bytes, Offer], ...], envelope: Envelope, tenant: Tenant
) -> Decision:
    """One mail for all its recipients, or a copy for each of several hidden ones."""
    is_shared = decision.verdict is not None and len(scope.outsiders(envelope, tenant)) > 1
    if not is_shared:
        ((_, its),) = made
        return replace(decision, referral=its.referral, edits=its.edits)
    copies = tuple(Copy(to, its.referral, its.edits) for to, its in made if its.referral)
    return replace(decision, copies=copies)


def _tidied(decision: Decision, message: Message, groups: _Groups, tenant: Tenant) -> Decision:
    """A mail that gets no link, with the words for the gateway taken out of it.

    Where that cannot be done, or the company is only watched, it stays as it came.
    """
    if tenant.mode is not Mode.LIVE:
        return decision
    try:
        made = offer.strike(message, tuple(_every(groups)), tenant)
    except Unfit as why:
        return replace(decision, detail=str(why))
    return replace(decision, edits=() if made.fault else made.edits, detail=made.fault)
