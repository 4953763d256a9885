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
from relay_gateway.core.burst import LEARNT_DAYS, Limits, Verdict
from relay_gateway.core.credit import DAY, HOUR, Event, Kind
from relay_gateway.core.tenant import Tenant
from relay_gateway.gateway import Clock, Ledger

log = structlog.get_logger()

# Seconds: for how long a look holds, for how long what was learnt, and how long a mail waits.
_FRESH, _LEARNT, _PATIENCE = 5.0, 3600.0, 0.5


@dataclass(slots=True)
class _Seen:
    """What is known of one company, and when it was looked at and learnt."""

    events: tuple[Event, ...] = ()
    limits: Limits | None = None
    looked: float = -_FRESH
    learnt: float = -_LEARNT
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


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
            if burst.is_halted(seen.events):
                return False
            found = self._judged(tenant, seen, offers)
            if not found.is_burst:
                seen.events += offers
                return True
            seen.events += (await self._halt(tenant, found),)
            return False

    def _judged(self, tenant: Tenant, seen: _Seen, offers: tuple[Event, ...]) -> Verdict:
        """The verdict on the last of the new ones; what was offered before is offered."""
        known = {event.key for event in seen.events}
        new = [offer for offer in offers if offer.key not in known]
        limits = seen.limits or burst.learn((), self._clock.now(), tenant.guard)
        if not new:
            return Verdict(False, "", 0, limits.company)
        soon = (*seen.events, *new[:-1])
        return burst.verdict(soon, self._clock.now(), tenant.guard, limits)

    async def _halt(self, tenant: Tenant, found: Verdict) -> Event:
        now = self._clock.now()
        facts = (
            ("count", str(found.count)),
            ("id", f"{now:.3f}"),
            ("limit", str(found.limit)),
            ("rule", found.rule),
        )
        event = Event(Kind.HALTED, tenant.id, "", "", now, facts)
        told = {"company": tenant.id, "rule": found.rule, "offers": found.count}
        log.error("burst", **told, limit=found.limit, resume=f"relay-gateway resume {tenant.id}")
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
        seen.looked = elapsed
        is_learning = elapsed - seen.learnt >= _LEARNT
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._read(tenant, seen, is_learning=is_learning)
        except OSError:
            log.warning("guard_blind", company=tenant.id)
        else:
            seen.learnt = elapsed if is_learning else seen.learnt

    async def _read(self, tenant: Tenant, seen: _Seen, *, is_learning: bool) -> None:
        now = self._clock.now()
        since = now - (LEARNT_DAYS * DAY if is_learning else HOUR)
        events = await self._ledger.events(tenant.id, since)
        account = await self._ledger.about(tenant.id, "")
        if is_learning:
            seen.limits = await asyncio.to_thread(burst.learn, events, now, tenant.guard)
        seen.events = _together(account, events, seen.events, now - HOUR)


def _together(
    account: Sequence[Event], kept: Sequence[Event], own: Sequence[Event], since: float
) -> tuple[Event, ...]:
    """Each event of the last hour once, and the halts of all times."""
    offers = (each for each in (*kept, *own) if each.kind is Kind.OFFERED and each.at > since)
    halts = (each for each in (*account, *own) if each.kind in (Kind.HALTED, Kind.RESUMED))
    return tuple({event.key: event for event in (*halts, *offers)}.values())
