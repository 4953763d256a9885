"""Writes visits into the ledger after their visitors have been sent on.

Nobody waits for the ledger, and nothing that becomes of it is seen outside: a visit that cannot be
kept is left out, and the log says how many.
"""

from __future__ import annotations

import asyncio

import structlog

from relay_gateway.core.credit import Kind
from relay_gateway.core.visit import Visit, clicked
from relay_gateway.gateway import Ledger

log = structlog.get_logger()

_WAITING = 1000
_WRITERS = 4
# More visits to one link say nothing more, and a stranger could fill the ledger with them.
_MOST = 50


class Visits:
    """Keeps what is noted, a few at a time."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._waiting: asyncio.Queue[Visit] = asyncio.Queue(_WAITING)
        self._writers: set[asyncio.Task[None]] = set()
        self._lost = 0

    def start(self) -> None:
        """Begin to write."""
        for _ in range(_WRITERS):
            self._hire()

    async def stop(self, within: float) -> None:
        """Write what waits, for so many seconds, and end."""
        try:
            async with asyncio.timeout(within):
                await self._waiting.join()
        except TimeoutError:
            self._lose("no time", self._waiting.qsize())
        writers = tuple(self._writers)
        for each in writers:
            each.cancel()
        await asyncio.gather(*writers, return_exceptions=True)
        self._tell()

    def note(self, visit: Visit) -> None:
        """Have the visit kept; returns at once."""
        try:
            self._waiting.put_nowait(visit)
        except asyncio.QueueFull:
            self._lose("too many at once")

    async def settled(self) -> None:
        """Return once nothing waits."""
        await self._waiting.join()

    def _hire(self) -> None:
        writer = asyncio.create_task(self._write())
        self._writers.add(writer)
        writer.add_done_callback(self._replace)

    def _replace(self, writer: asyncio.Task[None]) -> None:
        """A fault of ours costs one visit, not all that come after it."""
        self._writers.discard(writer)
        if not writer.cancelled() and (fault := writer.exception()) is not None:
            log.error("visits_failed", exc_info=fault)
            self._hire()

    async def _write(self) -> None:
        while True:
            visit = await self._waiting.get()
            try:
                await self._keep(visit)
                self._tell()
            except OSError as fault:
                self._lose(str(fault))
            finally:
                self._waiting.task_done()

    async def _keep(self, visit: Visit) -> None:
        known = await self._ledger.about(visit.tenant, visit.referral)
        # A letter to one of the company's test recipients is in no ledger, nor are its visits.
        if not known or sum(event.kind is Kind.CLICKED for event in known) >= _MOST:
            return
        accepted = next((event.at for event in known if event.kind is Kind.ACCEPTED), None)
        person = next((event.person for event in known if event.person), "")
        await self._ledger.record(clicked(visit, person, accepted))

    def _lose(self, why: str, count: int = 1) -> None:
        # One line when it begins, one when it is over: a crowd of visitors must not fill the log.
        if count and not self._lost:
            log.warning("visits_lost", why=why)
        self._lost += count

    def _tell(self) -> None:
        if self._lost:
            lost, self._lost = self._lost, 0
            log.warning("visits_were_lost", count=lost)
