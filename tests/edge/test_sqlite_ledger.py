"""What the SQLite ledger promises beyond what every ledger does."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from relay_gateway.core import chain
from relay_gateway.core.credit import Event, Kind
from relay_gateway.edge import sqlite_file
from relay_gateway.edge.sqlite_file import SCHEMA
from relay_gateway.edge.sqlite_ledger import SqliteLedger

ROOT = Path(__file__).parents[2]


def accepted(number: int = 1, *, tenant: str = "acme", at: float = 1.0) -> Event:
    return Event(Kind.ACCEPTED, tenant, f"R{number:015}", f"P{number:015}", at)


@asynccontextmanager
async def opened(path: Path, patience: float = 30.0) -> AsyncIterator[SqliteLedger]:
    ledger = SqliteLedger(path, patience)
    await ledger.open()
    try:
        yield ledger
    finally:
        await ledger.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


async def test_events_outlive_the_process(path):
    async with opened(path) as ledger:
        await ledger.record(accepted())
    async with opened(path) as ledger:
        assert not await ledger.record(accepted(at=2.0))
        assert await ledger.events("acme") == [accepted()]


async def test_the_directory_of_the_ledger_is_made(tmp_path):
    async with opened(tmp_path / "var" / "lib" / "ledger.db") as ledger:
        assert await ledger.record(accepted())


async def test_the_file_is_not_for_everybody(path):
    async with opened(path) as ledger:
        await ledger.record(accepted())
        assert {file.stat().st_mode & 0o007 for file in path.parent.iterdir()} == {0}


async def test_each_commit_is_synced(path):
    async with opened(path) as ledger:
        await ledger.record(accepted())
        # Nothing shows from outside whether a commit was synced, so ask the connection.
        assert ledger._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert ledger._db.execute("PRAGMA synchronous").fetchone() == (2,)


async def test_what_waits_together_is_committed_together(path):
    async with opened(path) as ledger:
        before = commits(path)
        await asyncio.gather(*(ledger.record(accepted(number)) for number in range(50)))
        assert commits(path) - before == 1


def commits(path: Path) -> int:
    """How many frames end a transaction (https://www.sqlite.org/fileformat2.html, 4.1)."""
    log = path.with_name(path.name + "-wal").read_bytes()
    step = 24 + int.from_bytes(log[8:12], "big")
    return sum(log[at + 4 : at + 8] != bytes(4) for at in range(32, len(log), step))


async def test_a_locked_file_is_told_within_the_patience_and_works_again_later(path):
    async with opened(path, patience=1.0) as ledger:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(OSError, match=r"database is locked|not answered"):
                await ledger.record(accepted(1))
            other.execute("ROLLBACK")
        assert await ledger.record(accepted(2))


async def test_reading_does_not_wait_for_a_writer(path):
    async with opened(path) as ledger:
        await ledger.record(accepted())
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert await ledger.events("acme") == [accepted()]


async def test_closing_commits_what_waits(path):
    ledger = SqliteLedger(path)
    await ledger.open()
    telling = asyncio.create_task(ledger.record(accepted()))
    await asyncio.sleep(0)
    await ledger.close()
    assert await telling
    async with opened(path) as again:
        assert await again.events("acme") == [accepted()]


async def test_a_closed_ledger_says_so(path):
    async with opened(path) as ledger:
        pass
    with pytest.raises(OSError, match="not open"):
        await ledger.record(accepted())


async def test_a_newer_ledger_is_refused(path):
    async with opened(path):
        pass
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version={SCHEMA + 1}")
    with pytest.raises(OSError, match="newer relay_gateway wrote it"):
        await SqliteLedger(path).open()


async def test_another_programs_database_is_refused(path):
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE theirs (x)")
    with pytest.raises(OSError, match="another program's database"):
        await SqliteLedger(path).open()


async def test_a_file_that_is_no_database_is_refused(path):
    path.write_bytes(b"not a database at all, but long enough to look at" * 10)
    with pytest.raises(OSError, match="cannot be used"):
        await SqliteLedger(path).open()


async def test_a_path_that_is_a_directory_is_refused(tmp_path):
    with pytest.raises(OSError, match="cannot be used"):
        await SqliteLedger(tmp_path).open()


# To look at a file changes nothing, and makes nothing.


@asynccontextmanager
async def looked_at(path: Path) -> AsyncIterator[SqliteLedger]:
    ledger = SqliteLedger(path, only_reads=True)
    await ledger.open()
    try:
        yield ledger
    finally:
        await ledger.close()


async def test_looking_leaves_no_files_behind(path):
    async with opened(path) as ledger:
        await ledger.record(accepted())
    before = {file: file.read_bytes() for file in path.parent.iterdir()}
    async with looked_at(path) as ledger:
        assert await ledger.events("acme") == [accepted()]
        with pytest.raises(OSError, match="not open"):
            await ledger.record(accepted(2))
    assert {file: file.read_bytes() for file in path.parent.iterdir()} == before


async def test_looking_sees_what_another_has_just_written(path):
    async with opened(path) as writer, looked_at(path) as reader:
        for number in (1, 2):
            await writer.record(accepted(number))
            assert len(await reader.events("acme")) == number


async def test_looking_at_nothing_makes_nothing(path):
    with pytest.raises(OSError, match="cannot be used"):
        await SqliteLedger(path, only_reads=True).open()
    assert list(path.parent.iterdir()) == []


async def test_looking_at_an_older_file_says_what_to_do(path):
    of_schema_1(path, [])
    with pytest.raises(OSError, match="start the gateway once"):
        await SqliteLedger(path, only_reads=True).open()


# What an older version has written.

SCHEMA_1 = """
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


def of_schema_1(path: Path, events: Sequence[Event]) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute(SCHEMA_1)
        for event in events:
            row = (event.tenant, event.key, event.kind, event.referral, event.person, event.at)
            db.execute(
                "INSERT INTO events (tenant, key, kind, referral, person, at) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                row,
            )
        db.execute("PRAGMA user_version=1")


async def test_a_file_of_schema_1_is_brought_up_with_a_chain_in_the_order_of_its_commits(path):
    old = [accepted(2, at=9.0), accepted(1, tenant="umbrella"), accepted(1, at=3.0)]
    of_schema_1(path, old)
    async with opened(path) as ledger:
        entries = await ledger.entries("acme")
        assert [entry.event for entry in entries] == [old[0], old[2]]
        for name in ("acme", "umbrella"):
            entries = await ledger.entries(name)
            assert chain.broken(entries) is None
            assert await ledger.head(name) == chain.head(entries)
        assert not await ledger.record(old[0])
        assert await ledger.record(accepted(3))
        assert chain.broken(await ledger.entries("acme")) is None
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (SCHEMA,)
        tables = db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        assert sorted(tables) == [("events",), ("heads",)]


async def test_an_empty_file_of_schema_1_is_brought_up(path):
    of_schema_1(path, [])
    async with opened(path) as ledger:
        assert await ledger.record(accepted())


async def test_a_file_that_cannot_be_brought_up_stays_as_it_was(path):
    of_schema_1(path, [accepted()])
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE events SET kind = 'from the future'")
    with pytest.raises(ValueError, match="from the future"):
        await SqliteLedger(path).open()
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (1,)
        assert db.execute("SELECT count(*) FROM events").fetchone() == (1,)


# Forgetting, finding, copying.


async def test_nothing_of_a_forgotten_person_is_left_in_any_file(path):
    async with opened(path) as ledger:
        await asyncio.gather(*(ledger.record(accepted(number)) for number in range(50)))
        assert await ledger.forget("acme", accepted(7).person, "alias") == 1
        left = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert accepted(7).person.encode() not in left
    assert accepted(8).person.encode() in left


@pytest.mark.parametrize(
    ("sql", "how"),
    [
        (sqlite_file._ABOUT, "USING INDEX events_of_referral (tenant=? AND referral=?)"),
        (sqlite_file._SINCE, "USING INDEX events_in_time (tenant=? AND at>?)"),
    ],
)
async def test_finding_a_referral_or_a_time_reads_no_other_rows(path, sql, how):
    async with opened(path) as ledger:
        plan = ledger._db.execute(f"EXPLAIN QUERY PLAN {sql}", ("acme", 1)).fetchall()
        assert [step[3] for step in plan] == [f"SEARCH events {how}"]


async def test_an_altered_row_shows(path):
    async with opened(path) as ledger:
        await asyncio.gather(*(ledger.record(accepted(number)) for number in range(5)))
        with closing(sqlite3.connect(path)) as db, db:
            db.execute("UPDATE events SET at = at + 1 WHERE seq = 3")
        assert chain.broken(await ledger.entries("acme")) == 2


async def test_a_row_cut_off_the_end_shows_at_the_head(path):
    async with opened(path) as ledger:
        await asyncio.gather(*(ledger.record(accepted(number)) for number in range(5)))
        with closing(sqlite3.connect(path)) as db, db:
            db.execute("DELETE FROM events WHERE seq = 5")
        entries = await ledger.entries("acme")
        assert chain.broken(entries) is None
        assert await ledger.head("acme") != chain.head(entries)


async def test_a_copy_is_whole_while_others_write(path):
    async with opened(path) as ledger:
        await ledger.record(accepted(1))
        telling = asyncio.gather(*(ledger.record(accepted(n)) for n in range(2, 200)))
        await ledger.backup(path.with_name("copy.db"))
        await telling
    async with opened(path.with_name("copy.db")) as copy:
        entries = await copy.entries("acme")
        assert chain.broken(entries) is None
        assert await copy.head("acme") == chain.head(entries)
        assert len(entries) >= 1


# Several processes. Each tells numbered events and says on stdout which ones were new.

WRITER = """
import asyncio, sys
from pathlib import Path
from relay_gateway.core.credit import Event, Kind
from relay_gateway.edge.sqlite_ledger import SqliteLedger

async def tell(ledger, number):
    name = f"{number:016}"
    is_new = await ledger.record(Event(Kind.ACCEPTED, "acme", name, name, float(number)))
    print(name, is_new, flush=True)

async def main(path, first, last):
    ledger = SqliteLedger(Path(path), 60.0)
    await ledger.open()
    print("open", flush=True)
    sys.stdin.readline()
    for start in range(int(first), int(last), 10):
        await asyncio.gather(*(tell(ledger, n) for n in range(start, min(start + 10, int(last)))))
    await ledger.close()

asyncio.run(main(*sys.argv[1:]))
"""


def writer(path: Path, first: int, last: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), str(first), str(last)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


async def test_two_processes_share_one_file_and_each_event_is_new_once(path):
    with writer(path, 0, 200) as one, writer(path, 0, 200) as two:
        both = (one, two)
        assert [process.stdout.readline() for process in both] == ["open\n", "open\n"]
        for process in both:
            process.stdin.write("go\n")
            process.stdin.flush()
        said = "".join(process.stdout.read() for process in both).split("\n")
    assert (one.returncode, two.returncode) == (0, 0)
    new = [line.split()[0] for line in said if line.endswith("True")]
    assert len(new) == len(set(new)) == 200
    async with opened(path) as ledger:
        entries = await ledger.entries("acme")
        assert len(entries) == 200
        assert chain.broken(entries) is None


async def test_many_processes_may_open_a_new_file_at_once(path):
    processes = [writer(path, number, number + 1) for number in range(4)]
    said = [process.communicate("go\n", timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4
    assert [text.count("True") for text in said] == [1] * 4


@pytest.mark.parametrize("acknowledged", [1, 37, 150])
async def test_a_killed_writer_keeps_what_it_acknowledged_and_doubles_none(path, acknowledged):
    with writer(path, 0, 100_000) as process:
        process.stdin.write("go\n")
        process.stdin.flush()
        assert process.stdout.readline() == "open\n"
        heard = [process.stdout.readline().split()[0] for _ in range(acknowledged)]
        process.send_signal(signal.SIGKILL)
        heard += [line.split()[0] for line in process.stdout.read().split("\n")[:-1]]
    async with opened(path) as ledger:
        kept = [event.referral for event in await ledger.events("acme")]
        assert set(heard) <= set(kept)
        assert len(kept) == len(set(kept))
        assert not await ledger.record(accepted_as(heard[-1]))


def accepted_as(name: str) -> Event:
    return Event(Kind.ACCEPTED, "acme", name, name, 0.0)


async def test_a_ledger_that_cannot_be_opened_leaves_no_thread_behind(tmp_path):
    before = set(threading.enumerate())
    with pytest.raises(OSError, match="cannot be used"):
        await SqliteLedger(tmp_path).open()
    left = [each for each in threading.enumerate() if each not in before]
    for each in left:
        each.join(5)
    assert [each.name for each in left if each.name.startswith("ledger") and each.is_alive()] == []
