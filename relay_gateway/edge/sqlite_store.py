"""One SQLite file of ours: a connection to write by on a thread of its own, readers beside it, and
every fault an `OSError` that names the file.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from relay_gateway.core.credit import Event
from relay_gateway.edge.batch import Batch

Result = TypeVar("Result")

# Bringing a large file to a new schema takes seconds, and nobody's mail waits for it.
_OPENING = 60.0


@dataclass(frozen=True, slots=True)
class Form:
    """What the file is called in sentences, how an empty or older one is brought to our schema, how
    one that is only read is checked, and how events are put into it; each raises `OSError` or
    `sqlite3.Error` for a file that is none of ours.
    """

    name: str
    bring_up: Callable[[sqlite3.Connection], None]
    check: Callable[[sqlite3.Connection], None]
    insert: Callable[[sqlite3.Connection, Sequence[Event]], Sequence[bool]]


class SqliteStore:
    """Keeps events with group commit; one that `only_reads` makes no file and changes none.

    `record` answers within `patience` seconds or raises `OSError`.
    """

    def __init__(
        self, form: Form, path: Path, patience: float, *, only_reads: bool = False
    ) -> None:
        self.path = path
        self._form = form
        self._named = f"The {form.name} {path}"
        self._patience = patience
        self._only_reads = only_reads
        self._writer = ThreadPoolExecutor(1, thread_name_prefix=form.name)
        self._batch = Batch(self._named, self._keep, patience)
        self._db: sqlite3.Connection | None = None

    async def open(self) -> None:
        """Open the file, made if missing; `OSError` says what stands in the way."""
        try:
            await asyncio.get_running_loop().run_in_executor(self._writer, self._open)
        except OSError:
            self._writer.shutdown(wait=False)
            raise

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
            raise OSError(f"{self._named} is not open")
        return await self._batch.record(event)

    async def read(self, read: Callable[[sqlite3.Connection], Result]) -> Result:
        """What is read on a connection of its own: WAL lets it read while the writer writes."""
        return await asyncio.to_thread(self._read_now, read)

    async def write(self, write: Callable[[sqlite3.Connection], Result]) -> Result:
        """What comes of writing, in turn with all that is recorded."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._writer, self._write_now, write)

    async def _keep(self, events: Sequence[Event]) -> Sequence[bool]:
        return await self.write(lambda db: self._form.insert(db, events))

    def _open(self) -> None:
        with self._telling("used"):
            if self._only_reads:
                self._look().close()
            else:
                # Another process may hold the file; give it up before the waiters give us up.
                self._db = _prepare(self.path, self._patience / 2, self._form.bring_up)

    def _look(self) -> sqlite3.Connection:
        if self._only_reads:
            return _look(self.path, self._form.check)
        return sqlite3.connect(self.path, timeout=self._patience, isolation_level=None)

    def _read_now(self, read: Callable[[sqlite3.Connection], Result]) -> Result:
        with self._telling("read"), closing(self._look()) as db:
            return read(db)

    def _write_now(self, write: Callable[[sqlite3.Connection], Result]) -> Result:
        if not self._db:
            raise OSError(f"{self._named} is not open for writing")
        with self._telling("written"):
            return write(self._db)

    @contextmanager
    def _telling(self, what: str) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as fault:
            kind = type(fault) if isinstance(fault, OSError) else OSError
            raise kind(f"{self._named} cannot be {what}: {fault}") from fault


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All of it or nothing."""
    # IMMEDIATE, so that what is read in it still stands when it is written.
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _prepare(
    path: Path, patience: float, bring_up: Callable[[sqlite3.Connection], None]
) -> sqlite3.Connection:
    """A connection to write by; the file is made if missing and brought to our schema if older."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Keyed hashes of addresses are personal data: not for everybody on the machine.
    path.touch(mode=0o640)
    db = sqlite3.connect(path, timeout=_OPENING, isolation_level=None, check_same_thread=False)
    try:
        if db.execute("PRAGMA journal_mode=WAL").fetchone() != ("wal",):
            raise OSError("it has no write-ahead log there; put it on a local disk")
        db.execute("PRAGMA synchronous=FULL")
        # What is forgotten must not stay in the free space of a page.
        db.execute("PRAGMA secure_delete=ON")
        with transaction(db):
            bring_up(db)
        db.execute(f"PRAGMA busy_timeout={int(patience * 1000)}")
    except BaseException:
        db.close()
        raise
    return db


def _look(path: Path, check: Callable[[sqlite3.Connection], None]) -> sqlite3.Connection:
    """A connection to read by, which neither makes nor changes a file."""
    # Even a reader would make the files of the log anew, and leave them behind. Where there is no
    # log nobody writes.
    is_at_rest = not path.with_name(f"{path.name}-wal").exists()
    how = "mode=ro&immutable=1" if is_at_rest else "mode=ro"
    db = sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True, isolation_level=None)
    try:
        check(db)
    except BaseException:
        db.close()
        raise
    return db
