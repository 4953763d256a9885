"""What the webhooks remember beside the ledger: which reports were answered, and those whose token
no company has signed, until a company is there that has.

It is no ledger: if it is lost, a report that comes again within five minutes is taken again, and
that makes the same event.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

Result = TypeVar("Result")

# Twice the window in which a signature holds: nothing older can come again.
REMEMBERED = 600.0
MOST = 10_000


@dataclass(frozen=True, slots=True)
class Kept:
    """A report with a token that nobody has signed; `companies` may be meant by it."""

    kind: str
    fields: dict[str, str]
    companies: tuple[str, ...]


class HookStore:
    """A small SQLite file that worker processes share; every fault of it is an `OSError`."""

    def __init__(self, path: Path, patience: float = 5.0) -> None:
        self._path = path
        self._patience = patience
        # Its own: a file that is slow must not take the threads that mail needs.
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="hooks")

    def close(self) -> None:
        """Let go of its threads."""
        self._threads.shutdown(wait=False)

    async def is_answered(self, id: str) -> bool:
        """Whether the report with this id was answered a short time ago."""
        return await self._do(
            lambda db: bool(db.execute(_ANSWERED, (_digest(id),)).fetchone()),
        )

    async def answered(self, id: str, now: float) -> None:
        """Remember that it was."""

        def write(db: sqlite3.Connection) -> None:
            db.execute("DELETE FROM answered WHERE at < ?", (now - REMEMBERED,))
            db.execute("INSERT OR IGNORE INTO answered VALUES (?, ?)", (_digest(id), now))

        await self._do(write)

    async def keep(self, kept: Kept) -> bool:
        """Keep a report for later; False if there are too many already."""

        def write(db: sqlite3.Connection) -> bool:
            if db.execute("SELECT count(*) FROM kept").fetchone()[0] >= MOST:
                return False
            db.execute("INSERT OR IGNORE INTO kept VALUES (?)", (_text(kept),))
            return True

        return await self._do(write)

    async def kept(self) -> Sequence[Kept]:
        """All that wait."""
        rows = await self._do(lambda db: db.execute("SELECT text FROM kept").fetchall())
        return [
            Kept(its["kind"], its["fields"], tuple(its["companies"]))
            for its in (json.loads(text) for (text,) in rows)
        ]

    async def drop(self, kept: Kept) -> None:
        """Wait for this one no longer."""
        await self._do(lambda db: db.execute("DELETE FROM kept WHERE text = ?", (_text(kept),)))

    async def _do(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._now, work)

    def _now(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        try:
            with closing(sqlite3.connect(self._path, timeout=self._patience)) as db, db:
                for statement in _TABLES:
                    db.execute(statement)
                return work(db)
        except sqlite3.Error as fault:
            raise OSError(f"The file {self._path} cannot be used: {fault}") from fault


_ANSWERED = "SELECT 1 FROM answered WHERE id = ?"
_TABLES = (
    "PRAGMA journal_mode = WAL",
    "CREATE TABLE IF NOT EXISTS answered (id TEXT PRIMARY KEY, at REAL NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS kept (text TEXT PRIMARY KEY) WITHOUT ROWID",
)


def _digest(id: str) -> str:
    return hashlib.sha256(id.encode("utf-8", "surrogateescape")).hexdigest()


def _text(kept: Kept) -> str:
    value = {"kind": kept.kind, "fields": kept.fields, "companies": sorted(kept.companies)}
    return json.dumps(value, sort_keys=True)
