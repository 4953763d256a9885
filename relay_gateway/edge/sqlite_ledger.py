"""The embedded ledger: one SQLite file, durable at each commit, shared by processes on one machine.

WAL with synchronous=FULL: what `record` has answered survives a crash of the process and of the
machine (https://www.sqlite.org/pragma.html#pragma_synchronous).
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from relay_gateway.core.credit import Event, Kind

SCHEMA = 1

_CREATE = """
CREATE TABLE events (
    seq INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    key TEXT NOT NULL,
    kind TEXT NOT NULL,
    referral TEXT NOT NULL,
    person TEXT NOT NULL,
    at REAL NOT NULL,
    UNIQUE (tenant, key)
)
"""
# Not INSERT OR IGNORE: that would also swallow a NULL and call it a repetition.
_INSERT = """
INSERT INTO events (tenant, key, kind, referral, person, at) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (tenant, key) DO NOTHING
"""
_SELECT = "SELECT kind, tenant, referral, person, at FROM events WHERE tenant = ? ORDER BY at, seq"

# More than this many waiting means a disk that has stopped; memory must not follow it.
_MOST_WAITING = 10_000


class SqliteLedger:
    """Keeps the ledger's promise with a unique index and group commit on one writer thread.

    `record` answers within `patience` seconds or raises `OSError`; an event given up on may still
    be kept, which is harmless because it is never counted twice.
    """

    def __init__(self, path: Path, patience: float = 5.0) -> None:
        self._path = path
        self._patience = patience
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="ledger")
        self._waiting: list[tuple[Event, asyncio.Future[bool]]] = []
        self._flushing: asyncio.Task[None] | None = None
        self._db: sqlite3.Connection | None = None

    async def open(self) -> None:
        """Open the file, made if missing; `OSError` says what stands in the way."""
        loop = asyncio.get_running_loop()
        try:
            self._db = await loop.run_in_executor(self._writer, self._prepare)
        except (sqlite3.Error, OSError) as fault:
            raise OSError(f"The ledger {self._path} cannot be used: {fault}") from fault

    async def close(self) -> None:
        """Commit what still waits, then close the file."""
        db, self._db = self._db, None
        if self._flushing:
            await asyncio.wait([self._flushing])
        if db:
            await asyncio.get_running_loop().run_in_executor(self._writer, db.close)
        self._writer.shutdown(wait=False)

    async def record(self, event: Event) -> bool:
        """Keep the event durably; False if it was kept before."""
        if not self._db:
            raise OSError(f"The ledger {self._path} is not open")
        if len(self._waiting) >= _MOST_WAITING:
            raise TimeoutError(f"The ledger {self._path} is {_MOST_WAITING} events behind")
        kept = asyncio.get_running_loop().create_future()
        self._waiting.append((event, kept))
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush(self._db))
        try:
            async with asyncio.timeout(self._patience):
                return bool(await kept)
        except TimeoutError:
            silence = f"The ledger {self._path} has not answered within {self._patience} s"
            raise TimeoutError(silence) from None

    async def events(self, tenant: str) -> Sequence[Event]:
        """All events of one company, oldest first."""
        # On a thread and a connection of its own: WAL lets it read while the writer writes.
        return await asyncio.to_thread(self._read, tenant)

    async def _flush(self, db: sqlite3.Connection) -> None:
        """What has come to wait together is committed together, until nothing waits."""
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch, self._waiting = self._waiting, []
            told = [event for event, _ in batch]
            commit = loop.run_in_executor(self._writer, _commit, db, told)
            await asyncio.wait([commit])
            fault = commit.exception()
            if isinstance(fault, sqlite3.Error):
                fault = OSError(f"The ledger {self._path} cannot be written: {fault}")
            answers = [fault] * len(batch) if fault else commit.result()
            for (_, kept), answer in zip(batch, answers, strict=True):
                _answer(kept, answer)

    def _prepare(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # Keyed hashes of addresses are personal data: not for everybody on the machine.
        self._path.touch(mode=0o640)
        db = self._connect()
        try:
            if db.execute("PRAGMA journal_mode=WAL").fetchone() != ("wal",):
                raise OSError("it has no write-ahead log there; put it on a local disk")
            _migrate(db)
        except BaseException:
            db.close()
            raise
        return db

    def _connect(self) -> sqlite3.Connection:
        # Another process may hold the file; give up on it before the waiters give up on us.
        db = sqlite3.connect(self._path, timeout=self._patience / 2, isolation_level=None)
        try:
            db.execute("PRAGMA synchronous=FULL")
        except BaseException:
            db.close()
            raise
        return db

    def _read(self, tenant: str) -> list[Event]:
        with closing(self._connect()) as db:
            rows = db.execute(_SELECT, (tenant,)).fetchall()
        return [Event(Kind(kind), *rest) for kind, *rest in rows]


def _migrate(db: sqlite3.Connection) -> None:
    """Bring an empty file to our schema; leave alone what somebody else has written."""
    # IMMEDIATE, so that two processes that start together do not both find it empty.
    db.execute("BEGIN IMMEDIATE")
    (version,) = db.execute("PRAGMA user_version").fetchone()
    (tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if version > SCHEMA:
        raise OSError(
            f"a newer relay_gateway wrote it (schema {version}, this one knows {SCHEMA}); "
            "start that version again, or name another file"
        )
    if version == 0 and tables:
        raise OSError("it is another program's database; name another file")
    if version == 0:
        db.execute(_CREATE)
        db.execute(f"PRAGMA user_version={SCHEMA}")
    db.execute("COMMIT")


def _commit(db: sqlite3.Connection, events: list[Event]) -> list[bool | Exception]:
    """One transaction for all; an event that cannot be written does not fail its neighbours."""
    db.execute("BEGIN IMMEDIATE")
    try:
        answers = [_insert(db, event) for event in events]
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    return answers


def _insert(db: sqlite3.Connection, event: Event) -> bool | Exception:
    row = (event.tenant, event.key, event.kind, event.referral, event.person, event.at)
    try:
        return db.execute(_INSERT, row).rowcount == 1
    except (ValueError, sqlite3.IntegrityError) as fault:
        return fault


def _answer(kept: asyncio.Future[bool], answer: bool | BaseException) -> None:
    # Who has run out of patience no longer listens.
    if kept.done():
        return
    if isinstance(answer, BaseException):
        kept.set_exception(answer)
    else:
        kept.set_result(answer)
