"""The burst guard at work: it watches each company's offers, and stops one that makes far too many.

What it goes by stands in the ledger, so all processes and hosts see the same; looked at anew every
few seconds, with this process's own offers added at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from relay_gateway.core import burst
from relay_gateway.core.burst import LEARNT_DAYS, Limits, Tally, Verdict
from relay_gateway.core.credit import DAY, HOUR, Event, Kind
from relay_gateway.core.tenant import Tenant
from relay_gateway.gateway import Clock, Ledger

log = structlog.get_logger()

# Seconds: for how long a look holds, one at the whole hour, and what was learnt; and how long a
# mail waits.
_FRESH, _WHOLE, _LEARNT, _PATIENCE = 5.0, 60.0, 3600.0, 0.5


@dataclass(slots=True)
class _Seen:
    """What is known of one company, and when it was looked at and learnt."""

    tally: Tally = field(default_factory=Tally)
    own: dict[str, Event] = field(default_factory=dict)
    limits: Limits | None = None
    looked: float = -_FRESH
    whole: float = -_WHOLE
    learnt: float = -_LEARNT
    learning: asyncio.Task[None] | None = None
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def add(self, *own: Event) -> None:
        """This process's own, which the ledger may come to know late."""
        for event in own:
            self.tally.add(event)
            self.own[event.key] = event


class BurstGuard:
    """Lets a company's offers through until they are far above what is usual, then none of them
    until somebody resumes it.
    """

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._seen: dict[str, _Seen] = {}

    async def lets_through(self, tenant: Tenant, offers: tuple[Event, ...]) -> bool:
        """Whether these offers may be made; the one too many stops the company."""
        seen = self._seen.setdefault(tenant.id, _Seen())
        async with seen.turn:
            await self._look(tenant, seen)
            if seen.tally.is_halted:
                return False
            found = self._judged(tenant, seen, offers)
            if not found.is_burst:
                seen.add(*offers)
                return True
            await self._hold(tenant, seen, found)
            return False

    async def stop(self) -> None:
        """Learn no more."""
        tasks = [seen.learning for seen in self._seen.values() if seen.learning]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _judged(self, tenant: Tenant, seen: _Seen, offers: tuple[Event, ...]) -> Verdict:
        """The verdict on the last of the new ones; what was offered before is offered."""
        new = [offer for offer in offers if not seen.tally.knows(offer)]
        limits = seen.limits or burst.learn((), self._clock.now(), tenant.guard)
        if not new:
            return Verdict(False, "", 0, limits.company)
        return seen.tally.verdict(self._clock.now(), limits, new[:-1])

    async def _hold(self, tenant: Tenant, seen: _Seen, found: Verdict) -> None:
        """Stop the company; but only hold this mail's links back where it is not known yet what is
        usual, for a busy company must not be stopped because its ledger is away.
        """
        told = {"company": tenant.id, "rule": found.rule, "offers": found.count}
        if seen.limits is None and tenant.guard.per_hour is None:
            log.warning("guard_unlearnt", **told, limit=found.limit)
        else:
            resume = f"relay-gateway resume {tenant.id}"
            log.error("burst", **told, limit=found.limit, resume=resume)
            seen.add(await self._halt(tenant, found))

    async def _halt(self, tenant: Tenant, found: Verdict) -> Event:
        now = self._clock.now()
        facts = (
            ("count", str(found.count)),
            ("id", f"{now:.3f}"),
            ("limit", str(found.limit)),
            ("rule", found.rule),
        )
        event = Event(Kind.HALTED, tenant.id, "", "", now, facts)
        try:
            await self._ledger.record(event)
        except OSError:
            # This process knows; the others will notice by themselves.
            log.exception("ledger_failed", step=str(event.kind), company=tenant.id)
        return event

    async def _look(self, tenant: Tenant, seen: _Seen) -> None:
        """See what all processes have offered; what cannot be seen in time stays as it was."""
        elapsed = self._clock.elapsed()
        if elapsed - seen.looked < _FRESH:
            return
        await self._learn(tenant, seen, elapsed)
        # What others told late may be older than the last look.
        is_whole = elapsed - seen.whole >= _WHOLE
        since = self._clock.now() - (HOUR if is_whole else _WHOLE)
        seen.looked = elapsed
        try:
            async with asyncio.timeout(_PATIENCE):
                events = await self._ledger.events(tenant.id, since)
                account = await self._ledger.about(tenant.id, "")
        except OSError:
            log.warning("guard_blind", company=tenant.id)
            return
        for event in (*account, *events):
            seen.tally.add(event)
        if is_whole:
            seen.whole = elapsed
            self._renew(seen, account, events, since)

    def _renew(
        self, seen: _Seen, account: Sequence[Event], events: Sequence[Event], since: float
    ) -> None:
        """Forget what is older than an hour, but no halt."""
        seen.own = {key: its for key, its in seen.own.items() if its.at > since or not its.referral}
        seen.tally = Tally((*account, *events, *seen.own.values()))

    async def _learn(self, tenant: Tenant, seen: _Seen, elapsed: float) -> None:
        """Learn what is usual, beside the mail's way if it takes longer than a mail waits."""
        if elapsed - seen.learnt >= _LEARNT and seen.learning is None:
            seen.learning = asyncio.create_task(self._learn_now(tenant, seen, elapsed))
        if seen.learning is not None and seen.limits is None:
            await asyncio.wait([seen.learning], timeout=_PATIENCE)

    async def _learn_now(self, tenant: Tenant, seen: _Seen, elapsed: float) -> None:
        now = self._clock.now()
        try:
            events = await self._ledger.events(tenant.id, now - LEARNT_DAYS * DAY)
            seen.limits = await asyncio.to_thread(burst.learn, events, now, tenant.guard)
            seen.learnt = elapsed
        except OSError:
            log.warning("guard_blind", company=tenant.id)
        finally:
            seen.learning = None
