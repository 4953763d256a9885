"""Credits written down when they are earned: `granted`, once each, with the moment of the tenth.

The count is a fold over all events of a company, so it is done beside the mail's way, and the more
seldom the longer it takes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import structlog

from relay_gateway.core.account import Grant, state
from relay_gateway.core.credit import Event, Kind
from relay_gateway.core.tenant import Tenant
from relay_gateway.gateway import Clock, Ledger, Outcome

log = structlog.get_logger()

# A fold takes at most this share of a processor.
_SHARE = 0.05


class Grants:
    """Watches what is counted, and records the credits that it earns."""

    def __init__(self, ledger: Ledger, tenants: Iterable[Tenant], clock: Clock) -> None:
        self._ledger = ledger
        self._tenants = {tenant.id: tenant for tenant in tenants}
        self._clock = clock
        self._due: dict[str, None] = {}
        self._noting: asyncio.Task[None] | None = None

    def observe(self, outcome: Outcome) -> None:
        """A mail has left; a counted one may have earned a credit."""
        if outcome.counted:
            self.note(outcome.decision.tenant)

    def note(self, tenant: str) -> None:
        """Something has happened that may have earned this company a credit."""
        if tenant in self._tenants:
            self._due[tenant] = None
            if self._noting is None or self._noting.done():
                self._noting = asyncio.create_task(self._note_all())

    async def settled(self) -> None:
        """Return once nothing is to be noted."""
        if self._noting is not None:
            await asyncio.wait([self._noting])

    async def stop(self) -> None:
        """Note no more; what is missing is noted when the company is next counted."""
        if self._noting is not None:
            self._noting.cancel()
            await asyncio.wait([self._noting])

    async def _note_all(self) -> None:
        while self._due:
            tenant = self._tenants[next(iter(self._due))]
            del self._due[tenant.id]
            begin = self._clock.elapsed()
            try:
                await self._note(tenant)
            except OSError as away:
                log.warning("grants_unnoted", company=tenant.id, why=str(away))
            if self._due:
                await asyncio.sleep((self._clock.elapsed() - begin) / _SHARE)

    async def _note(self, tenant: Tenant) -> None:
        events = await self._ledger.events(tenant.id)
        account = await asyncio.to_thread(state, events, tenant.terms, self._clock.now())
        noted = {event.fact("id") for event in events if event.kind is Kind.GRANTED}
        missing = [
            _event(tenant, number, grant)
            for number, grant in enumerate(account.grants, 1)
            if str(number) not in noted
        ]
        # Together, in case the ledger was away for long: it may take long over each.
        answers = await asyncio.gather(*map(self._ledger.record, missing), return_exceptions=True)
        for event, answer in zip(missing, answers, strict=True):
            if isinstance(answer, BaseException):
                raise answer
            if answer:
                number, credits = int(event.fact("id")), int(event.fact("n"))
                log.info("granted", company=tenant.id, number=number, credits=credits)


def _event(tenant: Tenant, number: int, grant: Grant) -> Event:
    facts = ("id", str(number)), ("n", str(grant.credits))
    return Event(Kind.GRANTED, tenant.id, "", "", grant.at, facts)
