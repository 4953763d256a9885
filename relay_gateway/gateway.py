"""The street: decide, promise, deliver, confirm, answer. One mail's way from client to next hop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Protocol

import structlog

from relay_gateway.core import proof, trace
from relay_gateway.core.credit import Event, Kind
from relay_gateway.core.decision import Decision, Policy, decide
from relay_gateway.core.edit import Edit, Edited, Raw
from relay_gateway.core.envelope import Envelope, Standing
from relay_gateway.core.proof import Introduction
from relay_gateway.core.reason import Reason
from relay_gateway.core.reply import OUR_FAULT, Reply
from relay_gateway.core.reproduce import FAULTS

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


Think = Callable[[Envelope, Raw], Awaitable[Decision]]


class Clock(Protocol):
    """Seconds since the epoch, and seconds for measuring."""

    def now(self) -> float: ...

    def elapsed(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one mail. `seconds` are by stage: think, promise, deliver, confirm."""

    envelope: Envelope
    decision: Decision
    reply: Reply
    is_counted: bool
    size: int
    sent_size: int
    seconds: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Station:
    """Who we are on a mail's way: `hostname` signs a `Received:` field, an empty one leaves none.

    A thought that takes longer than `think_seconds` is given up and the original goes on.
    """

    hostname: str = ""
    think_seconds: float = 2.0


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
    ) -> None:
        self._policy = policy
        self._ledger = ledger
        self._observe = observe
        self._clock = clock
        self._station = station
        self._think = think or self._think_here
        self._on_fault = on_fault

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
            decision = _fitting(
                await self._decide(envelope, raw, known), len(raw), next_hop.size_limit
            )
        with watch.stage("promise"):
            decision = await self._promise(decision)
        outgoing = self._outgoing(envelope, raw, (*known.edits, *decision.edits))
        with watch.stage("deliver"):
            reply = await next_hop.data(outgoing)
        with watch.stage("confirm"):
            is_counted = reply.is_ok and await self._tell(Kind.ACCEPTED, decision)
        sizes = len(raw), len(outgoing)
        self._report(Outcome(envelope, decision, reply, is_counted, *sizes, watch.seconds))
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
        self._report(Outcome(envelope, decision, refusal, False, len(raw), 0, {}))
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

    async def _promise(self, decision: Decision) -> Decision:
        """The decision, if the ledger knows of its referral; else to leave the mail alone."""
        if decision.referral is None or await self._tell(Kind.OFFERED, decision):
            return decision
        return replace(decision, reason=Reason.LEDGER_DOWN, referral=None, edits=())

    async def _tell(self, kind: Kind, decision: Decision) -> bool:
        """Record one step of the referral; whether the ledger has it now, first told or not."""
        referral = decision.referral
        if referral is None:
            return False
        event = Event(kind, referral.tenant, referral.id, referral.person, self._clock.now())
        try:
            await self._ledger.record(event)
        except Exception:
            # Before delivery the original goes on; after it the mail is delivered all the same,
            # and an error now would only have it sent again.
            log.exception("ledger_failed", step=str(kind), company=referral.tenant)
            return False
        return True

    def _outgoing(self, envelope: Envelope, raw: Raw, edits: tuple[Edit, ...]) -> Raw:
        if not self._station.hostname:
            return Edited(raw, edits)
        received = trace.received(envelope, self._station.hostname, self._clock.now())
        return Edited(raw, (Edit(0, 0, received), *edits))

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
    if has_begun or decision.referral is None:
        return decision
    return replace(decision, reason=Reason.NOT_YET, referral=None, edits=())


# More than our own `Received:` field takes.
_ON_TOP = 1000


def _fitting(decision: Decision, size: int, limit: int) -> Decision:
    """The decision, unless the mail would grow over what the next hop takes."""
    grown = sum(len(edit.new) - (edit.end - edit.start) for edit in decision.edits)
    if not decision.edits or not limit or size + grown + _ON_TOP <= limit:
        return decision
    detail = "the next hop takes no larger mail"
    return replace(decision, reason=Reason.TOO_LARGE, referral=None, edits=(), detail=detail)


class _Watch:
    """Seconds by stage."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start = self._clock.elapsed()
        yield
        self.seconds[name] = self._clock.elapsed() - start
