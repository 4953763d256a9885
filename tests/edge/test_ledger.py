"""What every ledger promises, and what the SQLite ledger promises beyond it."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from relay_gateway.core.credit import Event, Kind
from relay_gateway.edge.sqlite_ledger import SCHEMA, SqliteLedger
from tests.ledgers import ListLedger

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


@pytest.fixture(params=["list", "sqlite"])
async def ledger(request: pytest.FixtureRequest, tmp_path: Path):
    ledger = ListLedger() if request.param == "list" else SqliteLedger(tmp_path / "ledger.db")
    await ledger.open()
    yield ledger
    await ledger.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


# What every ledger promises.


async def test_the_first_telling_stands(ledger):
    assert await ledger.record(accepted(at=1.0))
    assert not await ledger.record(accepted(at=2.0))
    assert list(await ledger.events("acme")) == [accepted(at=1.0)]


async def test_the_steps_of_one_referral_are_different_events(ledger):
    offered = Event(Kind.OFFERED, "acme", "R", "P", 1.0)
    steps = [offered, Event(Kind.ACCEPTED, "acme", "R", "P", 2.0)]
    assert [await ledger.record(step) for step in steps] == [True, True]
    assert list(await ledger.events("acme")) == steps


async def test_companies_do_not_see_each_other(ledger):
    assert await ledger.record(accepted(tenant="acme"))
    assert await ledger.record(accepted(tenant="umbrella"))
    assert list(await ledger.events("acme")) == [accepted(tenant="acme")]
    assert list(await ledger.events("nobody")) == []


async def test_events_come_oldest_first(ledger):
    for number, at in ((1, 3.0), (2, 1.5), (3, 2.0)):
        await ledger.record(accepted(number, at=at))
    assert [event.at for event in await ledger.events("acme")] == [1.5, 2.0, 3.0]


async def test_of_many_tellings_at_once_one_is_the_first(ledger):
    tellings = [accepted(number % 10) for number in range(100)]
    answers = await asyncio.gather(*(ledger.record(telling) for telling in tellings))
    assert answers == [True] * 10 + [False] * 90
    assert len(await ledger.events("acme")) == 10


async def test_words_come_back_as_they_were(ledger):
    event = Event(Kind.VOIDED, "株式会社'; --", "r\x00", "", 1700000000.123456)
    await ledger.record(event)
    assert list(await ledger.events(event.tenant)) == [event]


# The SQLite ledger.


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
        with closing(ledger._connect()) as db:
            assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
            assert db.execute("PRAGMA synchronous").fetchone() == (2,)


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


async def test_an_event_that_cannot_be_written_fails_alone(path):
    bad = [accepted(at=float("nan")), Event(Kind.OFFERED, "acme", "\udcff", "P", 1.0)]
    told = [accepted(1), *bad, accepted(2)]
    async with opened(path) as ledger:
        answers = await asyncio.gather(
            *(ledger.record(event) for event in told), return_exceptions=True
        )
        assert answers[0] is True
        assert answers[3] is True
        assert [isinstance(answer, Exception) for answer in answers] == [False, True, True, False]
        assert len(await ledger.events("acme")) == 2


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
        assert len(await ledger.events("acme")) == 200


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
