"""A local file for events that the ledger cannot take just now, until it has taken them.

Durable at each commit, shared by the processes of one host.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from relay_gateway.core.credit import Event, Kind
from relay_gateway.edge import sqlite_file
from relay_gateway.edge.batch import Batch

Result = TypeVar("Result")

_SCHEMA = 1
# "RGjo", so that neither this nor the ledger is taken for the other.
_APPLICATION = 0x52476A6F
_CREATE = """
CREATE TABLE waiting (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL,
    key TEXT NOT NULL,
    kind TEXT NOT NULL,
    referral TEXT NOT NULL,
    person TEXT NOT NULL,
    at REAL NOT NULL,
    facts TEXT NOT NULL,
    UNIQUE (tenant, key)
);
CREATE INDEX waiting_of_referral ON waiting (tenant, referral);
"""
_INSERT = """
INSERT INTO waiting (tenant, key, kind, referral, person, at, facts) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (tenant, key) DO NOTHING
"""
_EVENT = "SELECT seq, kind, tenant, referral, person, at, facts FROM waiting"

# (number, event); the number is the row's, never used again.
Waiting = tuple[int, Event]


class Journal:
    """Keeps events until they are struck out; one that `only_reads` makes no file."""

    def __init__(self, path: Path, patience: float = 2.0, *, only_reads: bool = False) -> None:
        self.path = path
        self._patience = patience
        self._only_reads = only_reads
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._batch = Batch(f"The journal {path}", self._keep, patience)
        self._db: sqlite3.Connection | None = None

    async def open(self) -> None:
        """Open the file, made if missing; `OSError` says what stands in the way."""
        if not self._only_reads:
            await asyncio.get_running_loop().run_in_executor(self._writer, self._open)

    async def close(self) -> None:
        """Commit what still waits for that, then close the file."""
        await self._batch.finish()
        db, self._db = self._db, None
        if db:
            await asyncio.get_running_loop().run_in_executor(self._writer, db.close)
        self._writer.shutdown(wait=False)

    async def record(self, event: Event) -> bool:
        """Keep the event durably; False if it waits already."""
        if not self._db:
            raise OSError(f"The journal {self.path} is not open")
        return await self._batch.record(event)

    async def waiting(self, most: int = -1) -> Sequence[Waiting]:
        """Those that wait, in the order of their coming."""
        return await self._read(lambda db: _rows(db, "ORDER BY seq LIMIT ?", most))

    async def events(self, tenant: str) -> Sequence[Event]:
        """Those of one company."""
        rows = await self._read(lambda db: _rows(db, "WHERE tenant = ?", tenant))
        return [event for _, event in rows]

    async def about(self, tenant: str, referral: str) -> Sequence[Event]:
        """Those of one referral."""
        which = "WHERE tenant = ? AND referral = ?"
        rows = await self._read(lambda db: _rows(db, which, tenant, referral))
        return [event for _, event in rows]

    async def strike_out(self, numbers: Sequence[int]) -> int:
        """These wait no longer; how many of them nobody else had struck out."""
        return await self._write(lambda db: _delete(db, numbers))

    async def forget(self, tenant: str, person: str, alias: str) -> int:
        """Put the alias in the person's place; the number of events that told of the person."""
        return await self._write(lambda db: _forget(db, tenant, person, alias))

    async def _keep(self, events: Sequence[Event]) -> Sequence[bool]:
        return await self._write(lambda db: _insert(db, events))

    async def _read(self, read: Callable[[sqlite3.Connection], list[Result]]) -> list[Result]:
        if self._only_reads and not self.path.exists():
            return []
        return await asyncio.to_thread(self._read_now, read)

    async def _write(self, write: Callable[[sqlite3.Connection], Result]) -> Result:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._writer, self._write_now, write)

    def _open(self) -> None:
        with self._telling("used"):
            self._db = sqlite_file.prepare(self.path, self._patience / 2, _bring_up)

    def _read_now(self, read: Callable[[sqlite3.Connection], list[Result]]) -> list[Result]:
        with self._telling("read"), closing(self._look()) as db:
            return read(db)

    def _look(self) -> sqlite3.Connection:
        if self._only_reads:
            return sqlite_file.look(self.path, _check)
        return sqlite3.connect(self.path, timeout=self._patience, isolation_level=None)

    def _write_now(self, write: Callable[[sqlite3.Connection], Result]) -> Result:
        if not self._db:
            raise OSError(f"The journal {self.path} is not open for writing")
        with self._telling("written"):
            return write(self._db)

    @contextmanager
    def _telling(self, what: str) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as fault:
            raise OSError(f"The journal {self.path} cannot be {what}: {fault}") from fault


def _rows(db: sqlite3.Connection, which: str, *arguments: str | int) -> list[Waiting]:
    return [_waiting(row) for row in db.execute(f"{_EVENT} {which}", arguments)]


def _waiting(row: tuple[Any, ...]) -> Waiting:
    number, kind, tenant, referral, person, at, facts = row
    told = sqlite_file.facts_in(facts)
    return number, Event(Kind(kind), tenant, referral, person, at, told)


def _insert(db: sqlite3.Connection, events: Sequence[Event]) -> list[bool]:
    with sqlite_file.transaction(db):
        return [db.execute(_INSERT, _row(event)).rowcount == 1 for event in events]


def _row(event: Event) -> tuple[str | float, ...]:
    facts = json.dumps(event.facts, ensure_ascii=False)
    told = (event.tenant, event.key, str(event.kind), event.referral, event.person, event.at)
    return *told, facts


def _delete(db: sqlite3.Connection, numbers: Sequence[int]) -> int:
    sql = "DELETE FROM waiting WHERE seq = ?"
    with sqlite_file.transaction(db):
        return sum(db.execute(sql, (number,)).rowcount for number in numbers)


def _forget(db: sqlite3.Connection, tenant: str, person: str, alias: str) -> int:
    sql = "UPDATE waiting SET person = ? WHERE tenant = ? AND person = ?"
    with sqlite_file.transaction(db):
        found = db.execute(sql, (alias, tenant, person)).rowcount
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return found


def _bring_up(db: sqlite3.Connection) -> None:
    (tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables:
        _check(db)
        return
    for statement in _CREATE.split(";"):
        db.execute(statement)
    db.execute(f"PRAGMA application_id={_APPLICATION}")
    db.execute(f"PRAGMA user_version={_SCHEMA}")


def _check(db: sqlite3.Connection) -> None:
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if application != _APPLICATION or version != _SCHEMA:
        raise OSError("it is another file than a journal of this version; name another place")
