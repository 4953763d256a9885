"""The street: decide, promise, deliver, confirm, answer. One mail's way from client to next hop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import structlog

from relay_gateway.core import parcel, proof, trace
from relay_gateway.core.credit import Event, Kind
from relay_gateway.core.decision import Decision, Policy, decide
from relay_gateway.core.edit import Edit, Edited, Raw
from relay_gateway.core.envelope import Envelope, Standing
from relay_gateway.core.link import Referral
from relay_gateway.core.parcel import Parcel
from relay_gateway.core.proof import Introduction
from relay_gateway.core.reason import Reason
from relay_gateway.core.reply import NO_NEXT_HOP, NOT_ALL_OUT, OUR_FAULT, Reply
from relay_gateway.core.reproduce import FAULTS
from relay_gateway.core.rules import Role
from relay_gateway.core.tenant import Tenant

log = structlog.get_logger()


class Ledger(Protocol):
    """Keeps what happened to referrals; saying a thing twice counts once."""

    async def record(self, event: Event) -> bool:
        """Keep the event durably; False if it was kept before."""

    async def events(self, tenant: str, since: float = 0.0) -> Sequence[Event]:
        """The events of one company that happened at `since` or later, oldest first."""

    async def about(self, tenant: str, referral: str) -> Sequence[Event]:
        """All that is known of one referral, oldest first; of the company itself if it is empty."""


class NextHop(Protocol):
    """An open transaction with whoever takes the mail on."""

    @property
    def size_limit(self) -> int:
        """The largest mail it takes, in octets; 0 if it names no limit (RFC 1870)."""

    async def data(self, raw: Raw) -> Reply:
        """Send the whole mail and give the final reply; never raises for what the network does."""

    async def begin(self, recipients: tuple[bytes, ...]) -> Reply:
        """Begin a transaction of the same sender anew for some of its recipients, with the
        parameters that the client gave them; the reply that refuses it, if any does.
        """


class Guard(Protocol):
    """Stops a company that makes far more offers than it usually does."""

    async def lets_through(self, tenant: Tenant, offers: tuple[Event, ...]) -> bool:
        """Whether these offers, which are about to be promised, may be made."""


Think = Callable[[Envelope, Raw], Awaitable[Decision]]


class Clock(Protocol):
    """Seconds since the epoch, and seconds for measuring."""

    def now(self) -> float: ...

    def elapsed(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one mail. `counted` are the referrals whose delivery the ledger knows of.

    `sent_size` is that of the largest copy; `seconds` are by stage: think, promise, deliver,
    confirm.
    """

    envelope: Envelope
    decision: Decision
    reply: Reply
    counted: int
    size: int
    sent_size: int
    seconds: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Station:
    """Who we are on a mail's way: `hostname` signs a `Received:` field, an empty one leaves none.

    A thought that takes longer than `think_seconds` is given up and the original goes on. Copies
    for hidden recipients that are not out after `split_seconds` wait for the client's next attempt.
    """

    hostname: str = ""
    think_seconds: float = 2.0
    split_seconds: float = 240.0


class Gateway:
    """Takes whole mails from a front end to the next hop, one call a mail, any number at once.

    `think` is `decide` done elsewhere, so that a mail built to be slow disturbs nobody; it may be
    cancelled when its time is over. `on_fault` is told, after its delivery, of every mail that a
    fault of ours has left as it came; it returns at once.
    """

    def __init__(  # noqa: PLR0913 - each is one thing that it needs
        self,
        policy: Policy,
        ledger: Ledger,
        observe: Callable[[Outcome], None],
        clock: Clock,
        station: Station,
        *,
        think: Think | None = None,
        on_fault: Callable[[Envelope, Raw], None] | None = None,
        guard: Guard | None = None,
    ) -> None:
        self._policy = policy
        self._ledger = ledger
        self._observe = observe
        self._clock = clock
        self._station = station
        self._think = think or self._think_here
        self._on_fault = on_fault
        self._guard = guard

    async def relay(self, envelope: Envelope, raw: Raw, next_hop: NextHop) -> Reply:
        """Send the mail on, with its link if it is a rejection; the next hop's reply is ours.

        The referral is promised to the ledger before the first changed byte leaves and confirmed
        after the next hop has taken it, so that no crash counts what was not delivered.
        """
        watch = _Watch(self._clock)
        known = self._introduce(envelope, raw)
        if known.refusal is not None:
            return self._refuse(envelope, raw, known.refusal, known.reason)
        with watch.stage("think"):
            decision = await self._decide(envelope, raw, known)
            decision = parcel.fitting(decision, len(raw), next_hop.size_limit)
        with watch.stage("promise"):
            decision, parcels = await self._promise(envelope, decision, known.tenant)
        dispatch = _Dispatch(envelope, raw, known.edits, next_hop, watch)
        sent = [each async for each in self._deliver(dispatch, parcels)]
        reply = parcel.answer([each.reply for each in sent])
        counted = sum(each.is_counted for each in sent)
        sizes = len(raw), max((each.size for each in sent), default=0)
        self._report(Outcome(envelope, decision, reply, counted, *sizes, watch.seconds))
        if decision.reason in FAULTS:
            self._tell_of_fault(envelope, raw)
        return reply

    def _introduce(self, envelope: Envelope, raw: Raw) -> Introduction:
        try:
            return proof.introduce(envelope, raw, self._policy.tenants)
        except Exception:
            # Who may send anything is not held up by a fault of ours; who may not, is.
            log.exception("introduce_failed", id=envelope.id)
            is_free = envelope.client.standing is Standing.FREE
            return Introduction(None, Reason.OUR_FAULT, None if is_free else OUR_FAULT)

    def _refuse(self, envelope: Envelope, raw: Raw, refusal: Reply, reason: Reason | None) -> Reply:
        decision = Decision(reason or Reason.NO_PROOF)
        self._report(Outcome(envelope, decision, refusal, 0, len(raw), 0, {}))
        return refusal

    async def _decide(self, envelope: Envelope, raw: Raw, known: Introduction) -> Decision:
        if known.tenant is None:
            return Decision(known.reason or Reason.NO_COMPANY)
        if len(raw) > self._policy.inspect_size:
            return Decision(Reason.TOO_LARGE, known.tenant.id)
        try:
            thought = self._think(envelope, raw)
            decision = await asyncio.wait_for(thought, self._station.think_seconds)
        except TimeoutError:
            log.error("out_of_time", id=envelope.id, size=len(raw))
            return Decision(Reason.OUT_OF_TIME)
        except Exception:
            # A fault of ours must never hold up somebody's mail.
            log.exception("decide_failed", id=envelope.id)
            return Decision(Reason.OUR_FAULT)
        return _begun(decision, self._clock.now() >= known.tenant.since)

    async def _think_here(self, envelope: Envelope, raw: Raw) -> Decision:
        return await asyncio.to_thread(decide, envelope, raw[:], self._policy)

    async def _promise(
        self, envelope: Envelope, decision: Decision, tenant: Tenant | None
    ) -> tuple[Decision, tuple[Parcel, ...]]:
        """What is to leave, once the ledger knows of its referrals; else the mail as it came."""
        offers = tuple(self._offered(each, decision, tenant) for each in decision.referrals)
        reached = await self._reached(decision)
        due = [offer for offer in offers if offer.referral not in reached]
        reason = Reason.LEDGER_DOWN
        if due and tenant and not await self._lets_through(tenant, tuple(due)):
            reason, due = Reason.BURST, []
        told = await asyncio.gather(*map(self._tell, due))
        promised = {offer.referral for offer, is_told in zip(due, told, strict=True) if is_told}
        is_left = bool(offers) and not promised | reached
        left = decision.left(reason) if is_left else decision
        # Without its promise a copy goes on as it came, to whom it has not reached before.
        sharing = decision if decision.copies else left
        return left, parcel.parcels(envelope, sharing, promised, reached)

    async def _reached(self, decision: Decision) -> frozenset[str]:
        """The referrals of copies that left at the client's last attempt: it sends again what is
        missing, and gets only that done.
        """
        copies = [copy.referral for copy in decision.copies]
        return frozenset([each.id for each in copies if await self._is_delivered(each)])

    async def _is_delivered(self, referral: Referral) -> bool:
        """Whether the next hop has taken it lately. Later it is sent again on purpose: no client
        keeps trying for so long (RFC 5321, 4.5.4.1).
        """
        try:
            known = await self._ledger.about(referral.tenant, referral.id)
        except Exception:
            log.exception("ledger_failed", step="about", company=referral.tenant)
            return False
        since = self._clock.now() - _RETRIES
        return any(event.kind is Kind.ACCEPTED and event.at >= since for event in known)

    async def _lets_through(self, tenant: Tenant, offers: tuple[Event, ...]) -> bool:
        """Whether so many offers are what the company usually makes."""
        try:
            return self._guard is None or await self._guard.lets_through(tenant, offers)
        except Exception:
            log.exception("guard_failed", company=tenant.id)
            return True

    async def _deliver(
        self, dispatch: _Dispatch, parcels: tuple[Parcel, ...]
    ) -> AsyncIterator[_Sent]:
        """Each parcel to the next hop, and to the ledger what it has taken.

        What nobody notes waits until all else has left: a next attempt would bring it once more.
        """
        begin, has_failed = self._clock.elapsed(), False
        for each in parcels:
            if has_failed and each.referral is None:
                return
            if self._clock.elapsed() - begin > self._station.split_seconds:
                yield _Sent(NOT_ALL_OUT, 0, False)
                return
            outgoing = self._outgoing(dispatch, each)
            with dispatch.watch.stage("deliver"):
                reply = await _hand_over(dispatch, each, outgoing)
            with dispatch.watch.stage("confirm"):
                is_counted = reply.is_ok and await self._confirm(each.referral)
            has_failed = has_failed or not reply.is_ok
            yield _Sent(reply, len(outgoing), is_counted)
            if reply == NO_NEXT_HOP:
                return

    def _offered(self, referral: Referral, decision: Decision, tenant: Tenant | None) -> Event:
        """The promise, with the rules that it rests on: why this mail may count."""
        hits = decision.verdict.hits if decision.verdict else ()
        names = {hit.rule for hit in hits if hit.role is Role.DECISION and not hit.is_shadow}
        rules = (tenant and tenant.rules) or self._policy.rules
        facts = ("rules", " ".join(sorted(names))), ("ruleset", rules.version)
        at = self._clock.now()
        return Event(Kind.OFFERED, referral.tenant, referral.id, referral.person, at, facts)

    async def _confirm(self, referral: Referral | None) -> bool:
        if referral is None:
            return False
        at = self._clock.now()
        return await self._tell(
            Event(Kind.ACCEPTED, referral.tenant, referral.id, referral.person, at)
        )

    async def _tell(self, event: Event) -> bool:
        """Record one step of a referral; whether the ledger has it now, first told or not."""
        try:
            await self._ledger.record(event)
        except Exception:
            # Before delivery the original goes on; after it the mail is delivered all the same,
            # and an error now would only have it sent again.
            log.exception("ledger_failed", step=str(event.kind), company=event.tenant)
            return False
        return True

    def _outgoing(self, dispatch: _Dispatch, given: Parcel) -> Raw:
        edits = (*dispatch.edits, *given.edits)
        if not self._station.hostname:
            return Edited(dispatch.raw, edits)
        received = trace.received(dispatch.envelope, self._station.hostname, self._clock.now())
        return Edited(dispatch.raw, (Edit(0, 0, received), *edits))

    def _report(self, outcome: Outcome) -> None:
        try:
            self._observe(outcome)
        except Exception:
            # The mail is delivered: a full disk under the log must not have it sent again.
            log.exception("observe_failed", id=outcome.envelope.id)

    def _tell_of_fault(self, envelope: Envelope, raw: Raw) -> None:
        try:
            if self._on_fault is not None:
                self._on_fault(envelope, raw)
        except Exception:
            # Looking into one fault of ours must not become another.
            log.exception("reproducer", id=envelope.id, reproducer="none")


def _begun(decision: Decision, has_begun: bool) -> Decision:
    """The decision, unless the day on which the company's links begin is still to come."""
    if has_begun or not decision.referrals:
        return decision
    return decision.left(Reason.NOT_YET)


async def _hand_over(dispatch: _Dispatch, given: Parcel, outgoing: Raw) -> Reply:
    """In the open transaction where the parcel is for all, or in one of its own."""
    if given.recipients != dispatch.envelope.recipients:
        begun = await dispatch.next_hop.begin(given.recipients)
        if not begun.is_ok:
            return begun
    return await dispatch.next_hop.data(outgoing)


# Five days: so long mail servers try again.
_RETRIES = 5 * 86_400.0


@dataclass(frozen=True, slots=True)
class _Sent:
    """What became of a parcel."""

    reply: Reply
    size: int
    is_counted: bool


class _Watch:
    """Seconds by stage."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start = self._clock.elapsed()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + self._clock.elapsed() - start


@dataclass(frozen=True, slots=True)
class _Dispatch:
    """One mail on its way out, whichever parcels it leaves in."""

    envelope: Envelope
    raw: Raw
    edits: tuple[Edit, ...]
    next_hop: NextHop
    watch: _Watch
