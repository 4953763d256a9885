"""Takes in what others report of a referral, however it comes: webhook, file, bounce."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from relay_gateway.core import trail
from relay_gateway.core.credit import Event, Kind
from relay_gateway.core.report import Bounce, Registration
from relay_gateway.core.tenant import Tenant
from relay_gateway.gateway import Clock, Ledger

# A clock that is a little ahead of ours makes no registration of tomorrow.
_AHEAD = 300.0


class Taken(StrEnum):
    """What became of a report.

    `early`: kept for a mail that the ledger knows nothing of yet; `strange`: no company has signed
    its token, and nothing was kept; `ignored`: it changes nothing, as a bounce that is retried.
    """

    NEW = "new"
    KNOWN = "known"
    EARLY = "early"
    STRANGE = "strange"
    TEST = "test"
    IGNORED = "ignored"


class Intake:
    """Turns reports into events; the same report twice is the same event. `OSError` if the ledger
    cannot keep it: whoever has sent it sends it again.
    """

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock

    async def registered(self, tenants: Iterable[Tenant], told: Registration) -> Taken:
        """Keep a registration of one of these companies' links."""
        if told.is_test:
            return Taken.TEST
        facts = (("report", told.event_id),)
        return await self._keep(Kind.REGISTERED, tenants, told.token, told.at, facts)

    async def bounced(self, tenants: Iterable[Tenant], told: Bounce) -> Taken:
        """Keep that a mail of one of these companies will not arrive."""
        if not told.is_final:
            return Taken.IGNORED
        facts = (("report", told.event_id), ("status", told.status))
        return await self._keep(Kind.BOUNCED, tenants, told.token, told.at, facts)

    async def returned(self, tenant: Tenant, referral: str, at: float, status: str) -> Taken:
        """Keep a bounce of which the mail system itself tells, of a referral that is known."""
        known = await self._ledger.about(tenant.id, referral)
        if not known:
            return Taken.STRANGE
        facts = (("status", status),)
        event = Event(Kind.BOUNCED, tenant.id, referral, _person(known), self._past(at), facts)
        return Taken.NEW if await self._ledger.record(event) else Taken.KNOWN

    async def _keep(
        self,
        kind: Kind,
        tenants: Iterable[Tenant],
        token: str,
        at: float,
        facts: tuple[tuple[str, str], ...],
    ) -> Taken:
        found = trail.follow(token, tenants)
        if found is None:
            return Taken.STRANGE
        tenant, referral = found
        known = await self._ledger.about(tenant.id, referral)
        event = Event(kind, tenant.id, referral, _person(known), self._past(at), facts)
        if not await self._ledger.record(event):
            return Taken.KNOWN
        return Taken.NEW if event.person else Taken.EARLY

    def _past(self, at: float) -> float:
        now = self._clock.now()
        return min(at, now) if at <= now + _AHEAD else now


def _person(known: Iterable[Event]) -> str:
    return next((event.person for event in known if event.person), "")
