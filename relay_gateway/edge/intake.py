"""Takes in what others report of a referral, however it comes: webhook, file, bounce."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum

from relay_gateway.core import link, trail
from relay_gateway.core.credit import Event, Kind
from relay_gateway.core.dsn import Failure
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
    cannot keep it: whoever has sent it sends it again. `note` hears whose count may have changed.
    """

    def __init__(
        self, ledger: Ledger, clock: Clock, note: Callable[[str], None] | None = None
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._note = note

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

    async def returned(self, tenants: Iterable[Tenant], failure: Failure) -> Taken:
        """Keep what a notification says of a mail of one of these companies; `STRANGE` if the
        ledger knows of no such mail.
        """
        if not failure.is_final:
            return Taken.IGNORED
        for tenant, referral in _meant(tuple(tenants), failure):
            known = await self._ledger.about(tenant.id, referral)
            if known and _is_about(failure, known, tenant):
                at = self._clock.now() if failure.at is None else self._past(failure.at)
                facts = (("status", failure.status),)
                event = Event(Kind.BOUNCED, tenant.id, referral, _person(known), at, facts)
                return Taken.NEW if await self._ledger.record(event) else Taken.KNOWN
        return Taken.STRANGE

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
        if self._note is not None:
            self._note(tenant.id)
        return Taken.NEW if event.person else Taken.EARLY

    def _past(self, at: float) -> float:
        now = self._clock.now()
        return min(at, now) if at <= now + _AHEAD else now


def _meant(tenants: tuple[Tenant, ...], failure: Failure) -> Iterator[tuple[Tenant, str]]:
    """The referrals that a notification may be about.

    Its text is believed only where no Message-ID came back: a letter that quotes an older one holds
    the link of that one.
    """
    if not failure.mail_id:
        found = (trail.follow(each, tenants) for each in failure.tokens)
        yield from filter(None, found)
        return
    senders = tuple(tenant for tenant in tenants if tenant.sends(failure.sender))
    for tenant in senders or tenants:
        for recipient in failure.recipients:
            yield tenant, link.refer(tenant.id, failure.mail_id, recipient, tenant.keys).id


def _is_about(failure: Failure, known: Iterable[Event], tenant: Tenant) -> bool:
    """Whether the referral's person is one of the recipients."""
    names = {
        name
        for recipient in failure.recipients
        for name in link.persons(tenant.id, recipient, tenant.keys)
    }
    return _person(known) in names


def _person(known: Iterable[Event]) -> str:
    return next((event.person for event in known if event.person), "")
