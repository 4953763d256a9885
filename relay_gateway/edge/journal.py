"""A local file for events that the ledger cannot take just now, until it has taken them.

Durable at each commit, shared by the processes of one host.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from relay_gateway.core.credit import Event, Kind
from relay_gateway.edge import sqlite_file
from relay_gateway.edge.sqlite_store import Form, SqliteStore, transaction

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


class Journal(SqliteStore):
    """Keeps events until they are struck out; one that `only_reads` may have no file."""

    def __init__(self, path: Path, patience: float = 2.0, *, only_reads: bool = False) -> None:
        super().__init__(_FORM, path, patience, only_reads=only_reads)

    async def open(self) -> None:
        """Open the file, made if missing; `OSError` says what stands in the way."""
        if not self._only_reads:
            await super().open()

    async def waiting(self, most: int = -1) -> Sequence[Waiting]:
        """Those that wait, in the order of their coming."""
        return await self._found("ORDER BY seq LIMIT ?", most)

    async def count(self) -> int:
        """How many wait."""
        if self._only_reads and not self.path.exists():
            return 0
        return await self.read(_count)

    async def events(self, tenant: str) -> Sequence[Event]:
        """Those of one company."""
        rows = await self._found("WHERE tenant = ?", tenant)
        return [event for _, event in rows]

    async def about(self, tenant: str, referral: str) -> Sequence[Event]:
        """Those of one referral."""
        which = "WHERE tenant = ? AND referral = ?"
        rows = await self._found(which, tenant, referral)
        return [event for _, event in rows]

    async def strike_out(self, numbers: Sequence[int]) -> int:
        """These wait no longer; how many of them nobody else had struck out."""
        return await self.write(lambda db: _delete(db, numbers))

    async def forget(self, tenant: str, person: str, alias: str) -> int:
        """Put the alias in the person's place; the number of events that told of the person."""
        return await self.write(lambda db: _forget(db, tenant, person, alias))

    async def _found(self, which: str, *arguments: str | int) -> list[Waiting]:
        if self._only_reads and not self.path.exists():
            return []
        return await self.read(lambda db: _rows(db, which, *arguments))


def _count(db: sqlite3.Connection) -> int:
    (count,) = db.execute("SELECT count(*) FROM waiting").fetchone()
    return int(count)


def _rows(db: sqlite3.Connection, which: str, *arguments: str | int) -> list[Waiting]:
    return [_waiting(row) for row in db.execute(f"{_EVENT} {which}", arguments)]


def _waiting(row: tuple[Any, ...]) -> Waiting:
    number, kind, tenant, referral, person, at, facts = row
    told = sqlite_file.facts_in(facts)
    return number, Event(Kind(kind), tenant, referral, person, at, told)


def _insert(db: sqlite3.Connection, events: Sequence[Event]) -> list[bool]:
    with transaction(db):
        return [db.execute(_INSERT, _row(event)).rowcount == 1 for event in events]


def _row(event: Event) -> tuple[str | float, ...]:
    facts = json.dumps(event.facts, ensure_ascii=False)
    told = (event.tenant, event.key, str(event.kind), event.referral, event.person, event.at)
    return *told, facts


def _delete(db: sqlite3.Connection, numbers: Sequence[int]) -> int:
    sql = "DELETE FROM waiting WHERE seq = ?"
    with transaction(db):
        return sum(db.execute(sql, (number,)).rowcount for number in numbers)


def _forget(db: sqlite3.Connection, tenant: str, person: str, alias: str) -> int:
    sql = "UPDATE waiting SET person = ? WHERE tenant = ? AND person = ?"
    with transaction(db):
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


_FORM = Form("journal", _bring_up, _check, _insert)
