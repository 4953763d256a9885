"""The embedded ledger: one SQLite file, durable at each commit, shared by processes on one machine.

WAL with synchronous=FULL: what `record` has answered survives a crash of the process and of the
machine (https://www.sqlite.org/pragma.html#pragma_synchronous).
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar

from relay_gateway.core.chain import Entry, Head
from relay_gateway.core.credit import Event
from relay_gateway.edge import sqlite_file
from relay_gateway.edge.batch import Batch
from relay_gateway.edge.ledger import Ailment, Complaint

Result = TypeVar("Result")


class SqliteLedger:
    """Keeps the ledger's promise with a unique index and group commit on one writer thread.

    `record` answers within `patience` seconds or raises `OSError`. One that `only_reads` makes no
    file and changes none.
    """

    def __init__(self, path: Path, patience: float = 5.0, *, only_reads: bool = False) -> None:
        self._path = path
        self._patience = patience
        self._only_reads = only_reads
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="ledger")
        self._batch = Batch(f"The ledger {path}", self._keep, patience)
        self._db: sqlite3.Connection | None = None

    async def open(self) -> None:
        """Open the file, made if missing; `OSError` says what stands in the way."""
        await asyncio.get_running_loop().run_in_executor(self._writer, self._open)

    async def close(self) -> None:
        """Commit what still waits, then close the file."""
        await self._batch.finish()
        db, self._db = self._db, None
        if db:
            await asyncio.get_running_loop().run_in_executor(self._writer, db.close)
        self._writer.shutdown(wait=False)

    async def record(self, event: Event) -> bool:
        """Keep the event durably; False if it was kept before."""
        if not self._db:
            raise OSError(f"The ledger {self._path} is not open")
        return await self._batch.record(event)

    async def events(self, tenant: str, since: float = 0.0) -> Sequence[Event]:
        """The events of one company that happened at `since` or later, oldest first."""
        return await self._read(lambda db: sqlite_file.events_since(db, tenant, since))

    async def about(self, tenant: str, referral: str) -> Sequence[Event]:
        """All that is known of one referral, oldest first; of the company itself if it is empty."""
        return await self._read(lambda db: sqlite_file.events_about(db, tenant, referral))

    async def tenants(self) -> Sequence[str]:
        """The companies of which anything is known, by name."""
        return await self._read(sqlite_file.tenants)

    async def entries(self, tenant: str) -> Sequence[Entry]:
        """The events of one company as they are kept, in the order of their chain."""
        return await self._read(lambda db: sqlite_file.entries_of(db, tenant))

    async def head(self, tenant: str) -> Head:
        """Where the chain of one company stands by the file's own note."""
        return await self._read(lambda db: sqlite_file.head_of(db, tenant))

    async def forget(self, tenant: str, person: str, alias: str) -> int:
        """Put the alias in the person's place; the number of events that told of the person."""
        return await self._write(lambda db: sqlite_file.forget(db, tenant, person, alias))

    async def restore(self, entries: Sequence[Entry]) -> int:
        """Keep one company's entries as they are, in their order; the number of new ones."""
        if not entries:
            return 0
        return await self._write(lambda db: sqlite_file.restore(db, entries))

    async def complaints(self) -> Sequence[Complaint]:
        """Where the file itself is damaged."""
        return [Complaint(Ailment.DAMAGED, what) for what in await self._read(sqlite_file.damage)]

    async def backup(self, to: Path) -> None:
        """Copy the whole file, as it is at one moment, while others go on writing to it."""
        await self._read(lambda db: _copy(db, to))

    async def _keep(self, events: Sequence[Event]) -> Sequence[bool]:
        return await self._write(lambda db: sqlite_file.insert(db, events))

    def _open(self) -> None:
        with self._telling("used"):
            if self._only_reads:
                self._look().close()
            else:
                # Another process may hold the file; give it up before the waiters give us up.
                self._db = sqlite_file.prepare(self._path, self._patience / 2)

    def _look(self) -> sqlite3.Connection:
        if self._only_reads:
            return sqlite_file.look(self._path)
        return sqlite3.connect(self._path, timeout=self._patience, isolation_level=None)

    async def _read(self, read: Callable[[sqlite3.Connection], Result]) -> Result:
        # On a thread and a connection of its own: WAL lets it read while the writer writes.
        return await asyncio.to_thread(self._read_now, read)

    def _read_now(self, read: Callable[[sqlite3.Connection], Result]) -> Result:
        with self._telling("read"), closing(self._look()) as db:
            return read(db)

    async def _write(self, write: Callable[[sqlite3.Connection], Result]) -> Result:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._writer, self._write_now, write)

    def _write_now(self, write: Callable[[sqlite3.Connection], Result]) -> Result:
        if not self._db:
            raise OSError(f"The ledger {self._path} is not open for writing")
        with self._telling("written"):
            return write(self._db)

    @contextmanager
    def _telling(self, what: str) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as fault:
            message = f"The ledger {self._path} cannot be {what}: {fault}"
            raise (
                type(fault)(message) if isinstance(fault, OSError) else OSError(message)
            ) from fault


def _copy(db: sqlite3.Connection, to: Path) -> None:
    with closing(sqlite3.connect(to)) as copy:
        db.backup(copy)
