"""A ledger that may be away: what it cannot take at once waits in a local journal.

Mail flows at normal speed whatever becomes of the ledger, and each event is in it once in the end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from relay_gateway.core.chain import Entry, Head
from relay_gateway.core.credit import Event
from relay_gateway.edge.journal import Journal, Waiting
from relay_gateway.edge.ledger import Book, Complaint

log = structlog.get_logger()

_AT_ONCE = 200
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0


class JournalledLedger:
    """Asks the ledger for `patience` seconds; if it fails, the journal takes all until it is back.

    A ledger that `may_be_away` need not even be there at the start. One who `only_reads` brings
    nothing over.
    """

    def __init__(
        self,
        ledger: Book,
        journal: Journal,
        patience: float,
        *,
        may_be_away: bool = False,
        only_reads: bool = False,
    ) -> None:
        self.ledger = ledger
        self.journal = journal
        self._patience = patience
        self._may_be_away = may_be_away and not only_reads
        self._only_reads = only_reads
        self._is_away = False
        self._journalled = 0
        self._journalling = 0
        self._brought = 0
        self._bringing: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Open both, and bring over what an earlier run has left in the journal."""
        await self.journal.open()
        try:
            await self.ledger.open()
        except OSError as fault:
            if not self._may_be_away:
                raise
            self._lose(fault)
        self._bring_over()

    async def close(self) -> None:
        """Close both; what is left in the journal waits for the next start."""
        if self._bringing:
            self._bringing.cancel()
            await asyncio.wait([self._bringing])
        await self.ledger.close()
        await self.journal.close()

    async def record(self, event: Event) -> bool:
        """Keep the event durably, here or there; False if it is known to have been kept before."""
        if not self._is_away:
            try:
                async with asyncio.timeout(self._patience):
                    return await self.ledger.record(event)
            except OSError as fault:
                self._lose(fault)
        self._journalling += 1
        try:
            is_new = await self.journal.record(event)
        finally:
            self._journalling -= 1
            self._journalled += 1
            self._bring_over()
        return is_new

    async def events(self, tenant: str, since: float = 0.0) -> Sequence[Event]:
        """Those in the ledger and those that still wait; `OSError` if the ledger is away, because
        a count over a part of them would be wrong.
        """
        # First those that wait: what is brought over in between is then seen twice, not never.
        waiting = await self.journal.events(tenant)
        kept = await self.ledger.events(tenant, since)
        return _together(kept, [event for event in waiting if event.at >= since])

    async def about(self, tenant: str, referral: str) -> Sequence[Event]:
        """All that is known of one referral; while the ledger is away, what waits on this host."""
        waiting = await self.journal.about(tenant, referral)
        kept: Sequence[Event] = ()
        if not self._is_away:
            try:
                async with asyncio.timeout(self._patience):
                    kept = await self.ledger.about(tenant, referral)
            except OSError as fault:
                self._lose(fault)
                self._bring_over()
        return _together(kept, waiting)

    async def tenants(self) -> Sequence[str]:
        """The companies of which anything is known, by name."""
        waiting = {event.tenant for _, event in await self.journal.waiting()}
        return sorted(waiting | set(await self.ledger.tenants()))

    async def entries(self, tenant: str) -> Sequence[Entry]:
        """The chain in the ledger; what still waits has no place in it yet."""
        return await self.ledger.entries(tenant)

    async def head(self, tenant: str) -> Head:
        """Where the chain in the ledger stands."""
        return await self.ledger.head(tenant)

    async def forget(self, tenant: str, person: str, alias: str) -> int:
        """Put the alias in the person's place, here and there; the number of events."""
        waiting = await self.journal.forget(tenant, person, alias)
        kept = await self.ledger.forget(tenant, person, alias)
        if waiting:
            # One that was on its way over just now has arrived with its person.
            kept += await self.ledger.forget(tenant, person, alias)
        return waiting + kept

    async def restore(self, entries: Sequence[Entry]) -> int:
        """Keep one company's entries in the ledger; the number of new ones."""
        return await self.ledger.restore(entries)

    async def complaints(self) -> Sequence[Complaint]:
        """What is wrong with that which keeps the ledger's events."""
        return await self.ledger.complaints()

    async def ask(self) -> bool:
        """True if the ledger itself answers; else `OSError`."""
        await self.ledger.head("")
        return True

    async def backlog(self) -> int:
        """How many events wait for it on this host."""
        return await self.journal.count()

    async def settled(self) -> None:
        """Return once nothing is being brought over."""
        if self._bringing:
            await asyncio.wait([self._bringing])

    def _lose(self, fault: OSError) -> None:
        if not self._is_away:
            self._is_away = True
            log.error("ledger_down", why=str(fault) or type(fault).__name__)

    def _bring_over(self) -> None:
        if not self._only_reads and (self._bringing is None or self._bringing.done()):
            self._bringing = asyncio.create_task(self._bring_all_over())

    async def _bring_all_over(self) -> None:
        """Until nothing waits and the ledger answers; with growing pauses while it does not."""
        pause = _FIRST_PAUSE
        while True:
            seen = self._journalled
            try:
                while waiting := await self.journal.waiting(_AT_ONCE):
                    await self._bring(waiting)
                    pause = _FIRST_PAUSE
                # Nothing may have waited, so that nothing was asked of it.
                await self.ledger.head("")
                if self._journalling:
                    raise BlockingIOError("more is on its way into the journal")
            except OSError:
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
                continue
            if seen == self._journalled:
                self._return()
                return

    async def _bring(self, waiting: Sequence[Waiting]) -> None:
        """Into the ledger, new there or not: another process may bring over the same ones."""
        told = [self.ledger.record(event) for _, event in waiting]
        answers = await asyncio.gather(*told, return_exceptions=True)
        pairs = list(zip(waiting, answers, strict=True))
        done = [number for (number, _), answer in pairs if isinstance(answer, bool)]
        self._brought += await self.journal.strike_out(done)
        for _, answer in pairs:
            if isinstance(answer, BaseException):
                raise answer

    def _return(self) -> None:
        brought, self._brought = self._brought, 0
        if self._is_away or brought:
            log.info("ledger_back", events=brought)
        self._is_away = False


def _together(kept: Sequence[Event], waiting: Sequence[Event]) -> list[Event]:
    """Each event once, as it was told first, oldest first."""
    by_key = {event.key: event for event in (*waiting, *kept)}
    return sorted(by_key.values(), key=lambda event: event.at)
