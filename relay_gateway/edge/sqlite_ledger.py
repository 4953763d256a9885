"""The embedded ledger: one SQLite file, durable at each commit, shared by processes on one machine.

WAL with synchronous=FULL: what `record` has answered survives a crash of the process and of the
machine (https://www.sqlite.org/pragma.html#pragma_synchronous).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from relay_gateway.core.chain import Entry, Head
from relay_gateway.core.credit import Event
from relay_gateway.edge import sqlite_file
from relay_gateway.edge.ledger import Ailment, Complaint
from relay_gateway.edge.sqlite_store import Form, SqliteStore

_FORM = Form("ledger", sqlite_file.bring_up, sqlite_file.check, sqlite_file.insert)


class SqliteLedger(SqliteStore):
    """Keeps the ledger's promise with a unique index and group commit on one writer thread."""

    def __init__(self, path: Path, patience: float = 5.0, *, only_reads: bool = False) -> None:
        super().__init__(_FORM, path, patience, only_reads=only_reads)

    async def events(self, tenant: str, since: float = 0.0) -> Sequence[Event]:
        """The events of one company that happened at `since` or later, oldest first."""
        return await self.read(lambda db: sqlite_file.events_since(db, tenant, since))

    async def about(self, tenant: str, referral: str) -> Sequence[Event]:
        """All that is known of one referral, oldest first; of the company itself if it is empty."""
        return await self.read(lambda db: sqlite_file.events_about(db, tenant, referral))

    async def tenants(self) -> Sequence[str]:
        """The companies of which anything is known, by name."""
        return await self.read(sqlite_file.tenants)

    async def entries(self, tenant: str) -> Sequence[Entry]:
        """The events of one company as they are kept, in the order of their chain."""
        return await self.read(lambda db: sqlite_file.entries_of(db, tenant))

    async def head(self, tenant: str) -> Head:
        """Where the chain of one company stands by the file's own note."""
        return await self.read(lambda db: sqlite_file.head_of(db, tenant))

    async def forget(self, tenant: str, person: str, alias: str) -> int:
        """Put the alias in the person's place; the number of events that told of the person."""
        return await self.write(lambda db: sqlite_file.forget(db, tenant, person, alias))

    async def restore(self, entries: Sequence[Entry]) -> int:
        """Keep one company's entries as they are, in their order; the number of new ones."""
        if not entries:
            return 0
        return await self.write(lambda db: sqlite_file.restore(db, entries))

    async def complaints(self) -> Sequence[Complaint]:
        """Where the file itself is damaged."""
        return [Complaint(Ailment.DAMAGED, what) for what in await self.read(sqlite_file.damage)]

    async def backup(self, to: Path) -> None:
        """Copy the whole file, as it is at one moment, while others go on writing to it."""
        await self.read(lambda db: _copy(db, to))


def _copy(db: sqlite3.Connection, to: Path) -> None:
    with closing(sqlite3.connect(to)) as copy:
        db.backup(copy)
