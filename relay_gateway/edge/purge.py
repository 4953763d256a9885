"""Retention: whoever has had no event for long enough is forgotten, once a day, beside the mail.

Of the processes on a host one does it, by a file that says when it was done last and that it locks
meanwhile. Hosts that share a ledger do it one after the other, and the second finds nobody.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from relay_gateway.core import link, retention
from relay_gateway.core.credit import DAY
from relay_gateway.core.tenant import Tenant
from relay_gateway.edge.ledger import Book
from relay_gateway.edge.lock import lock
from relay_gateway.gateway import Clock

log = structlog.get_logger()

_AGAIN = 3600.0
# What forgetting may take of the time of the ledger, which mails wait for.
_SHARE = 0.1


def alias() -> str:
    """Somebody whom nobody knows."""
    return "".join(secrets.choice(link.ALPHABET) for _ in range(link.ID_LENGTH))


async def purge(book: Book, tenant: Tenant, before: float, clock: Clock | None = None) -> int:
    """Forget everybody of the company whose last event happened before this moment; how many.

    With a clock it leaves the ledger to others for most of the time.
    """
    entries = await book.entries(tenant.id)
    names = await asyncio.to_thread(retention.overdue, entries, before)
    for name in names:
        begin = clock.elapsed() if clock else 0.0
        await book.forget(tenant.id, name, alias())
        if clock:
            await asyncio.sleep((clock.elapsed() - begin) / _SHARE)
    return len(names)


class DailyPurge:
    """Purges each of these companies by its own retention; a fault is logged, and tried again.

    `note` is the file that says when.
    """

    def __init__(self, book: Book, tenants: Iterable[Tenant], clock: Clock, note: Path) -> None:
        self._book = book
        self._tenants = tuple(tenants)
        self._clock = clock
        self._note = note
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """See to it from now on."""
        self._task = asyncio.create_task(self._see_to_it())
        self._task.add_done_callback(_look)

    async def stop(self) -> None:
        """Leave what is not done for the next start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def turn(self) -> float:
        """Purge if it is time; the seconds until it may be time again."""
        try:
            with _held(self._note) as handle:
                now, last = self._clock.now(), _moment(handle)
                # A clock that was ahead once must not stop it.
                if last <= now < last + DAY:
                    return last + DAY - now
                if not await self._purge_all(now):
                    return _AGAIN
                os.ftruncate(handle, 0)
                os.pwrite(handle, f"{now:.0f}\n".encode(), 0)
                return DAY
        except BlockingIOError:
            # Another process is at it.
            return _AGAIN
        except OSError as fault:
            how = f"make {self._note} writable, or run relay-gateway person purge every night"
            log.error("purge_failed", why=str(fault), how=how)
            return _AGAIN

    async def _see_to_it(self) -> None:
        while True:
            pause = await self.turn()
            await asyncio.sleep(pause)

    async def _purge_all(self, now: float) -> bool:
        is_done = True
        for tenant in self._tenants:
            before = now - tenant.retention_days * DAY
            try:
                number = await purge(self._book, tenant, before, self._clock)
            except OSError as fault:
                is_done = False
                how = "see relay-gateway ledger check; it is tried again in an hour"
                log.error("purge_failed", company=tenant.id, why=str(fault), how=how)
            else:
                log.info("purged", company=tenant.id, persons=number)
        return is_done


def _look(task: asyncio.Task[None]) -> None:
    """Mail goes on without it; the next process to start tries again."""
    if not task.cancelled() and (fault := task.exception()) is not None:
        log.error("purge_failed", exc_info=fault)


@contextmanager
def _held(path: Path) -> Iterator[int]:
    """The open file, which no other process has meanwhile; `BlockingIOError` if one has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o640)
    try:
        lock(handle)
        yield handle
    finally:
        os.close(handle)


def _moment(handle: int) -> float:
    """When it was done last; long ago if that cannot be told."""
    try:
        return float(os.pread(handle, 32, 0))
    except ValueError:
        return float("-inf")
