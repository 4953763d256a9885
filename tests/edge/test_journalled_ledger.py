"""Whatever becomes of the ledger, events are taken at once, and are in it once in the end."""

import asyncio
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from relay_gateway.core import chain
from relay_gateway.core.credit import Event, Kind
from relay_gateway.edge.journal import Journal
from relay_gateway.edge.journalled_ledger import JournalledLedger
from relay_gateway.edge.redis_ledger import RedisLedger, Replicas
from relay_gateway.edge.sqlite_ledger import SqliteLedger
from tests.redis_server import RedisServer

ROOT = Path(__file__).parents[2]


def accepted(number: int, at: float = 1.0) -> Event:
    return Event(Kind.ACCEPTED, "acme", f"R{number:015}", f"P{number:015}", at)


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path / "redis").start()
    yield server
    server.stop()


@asynccontextmanager
async def opened(
    server: RedisServer, journal: Path, replicas: int = 0
) -> AsyncIterator[JournalledLedger]:
    # Longer than a busy disk takes for what is to be kept at once.
    shared = RedisLedger(server.place, 5.0, Replicas(replicas))
    ledger = JournalledLedger(shared, Journal(journal), 1.0, may_be_away=True)
    await ledger.open()
    try:
        yield ledger
    finally:
        await ledger.close()


async def record_all(ledger: JournalledLedger, numbers: range) -> list[bool]:
    return await asyncio.gather(*(ledger.record(accepted(number)) for number in numbers))


async def holds_exactly(ledger: JournalledLedger, count: int) -> None:
    async with asyncio.timeout(60):
        await ledger.settled()
    entries = await ledger.entries("acme")
    assert len(entries) == count
    assert len({entry.event.key for entry in entries}) == count
    assert chain.broken(entries) is None
    assert await ledger.head("acme") == chain.head(entries)
    assert list(await ledger.journal.waiting()) == []


def kill(server: RedisServer) -> Callable[[], object]:
    server.kill()
    return server.start


def pause(server: RedisServer) -> Callable[[], object]:
    server.pause()
    return server.go_on


def make_read_only(server: RedisServer) -> Callable[[], object]:
    # Of a primary that nobody has ever seen: a port that is given to nobody.
    server.ask("REPLICAOF", "127.0.0.1", "1")
    return lambda: server.ask("REPLICAOF", "NO", "ONE")


def fill(server: RedisServer) -> Callable[[], object]:
    server.ask("CONFIG", "SET", "maxmemory-policy", "noeviction")
    server.ask("CONFIG", "SET", "maxmemory", "1")
    return lambda: server.ask("CONFIG", "SET", "maxmemory", "0")


def want_replicas(server: RedisServer) -> Callable[[], object]:
    server.ask("CONFIG", "SET", "min-replicas-to-write", "1")
    return lambda: server.ask("CONFIG", "SET", "min-replicas-to-write", "0")


def lose_scripts(server: RedisServer) -> Callable[[], object]:
    server.ask("SCRIPT", "FLUSH")
    return lambda: None


TROUBLES = [kill, pause, make_read_only, fill, want_replicas, lose_scripts]


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_events_are_taken_in_trouble_and_kept_once_after_it(trouble, redis, tmp_path):
    with capture_logs() as logs:
        async with opened(redis, tmp_path / "journal.db") as ledger:
            assert await record_all(ledger, range(20)) == [True] * 20
            mend = trouble(redis)
            async with asyncio.timeout(60):
                assert await record_all(ledger, range(20, 60)) == [True] * 40
            if trouble is not lose_scripts:
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.5):
                        await ledger.settled()
            mend()
            redis.wait()
            assert await ledger.record(accepted(60))
            await holds_exactly(ledger, 61)
            assert len(await ledger.events("acme")) == 61
            assert not await ledger.record(accepted(30))
    told = [entry["event"] for entry in logs if entry["event"].startswith("ledger_")]
    assert told == ([] if trouble is lose_scripts else ["ledger_down", "ledger_back"])


async def test_the_number_of_events_brought_over_is_logged_once(redis, tmp_path):
    with capture_logs() as logs:
        async with opened(redis, tmp_path / "journal.db") as ledger:
            mend = make_read_only(redis)
            await record_all(ledger, range(7))
            mend()
            await holds_exactly(ledger, 7)
    assert [entry.get("events") for entry in logs] == [None, 7]
    assert "READONLY" in logs[0]["why"] or "read only" in logs[0]["why"]


async def test_what_is_told_twice_in_trouble_is_new_once(redis, tmp_path):
    redis.kill()
    async with opened(redis, tmp_path / "journal.db") as ledger:
        assert await ledger.record(accepted(1))
        assert not await ledger.record(accepted(1, at=2.0))
        redis.start()
        await holds_exactly(ledger, 1)
        assert list(await ledger.events("acme")) == [accepted(1)]


async def test_a_redis_that_is_away_at_the_start_is_found_later(redis, tmp_path):
    redis.kill()
    async with opened(redis, tmp_path / "journal.db") as ledger:
        assert await record_all(ledger, range(5)) == [True] * 5
        redis.start()
        await holds_exactly(ledger, 5)


async def test_what_an_earlier_run_left_in_the_journal_is_brought_over_at_the_start(
    redis, tmp_path
):
    redis.kill()
    async with opened(redis, tmp_path / "journal.db") as ledger:
        await record_all(ledger, range(5))
    redis.start()
    async with opened(redis, tmp_path / "journal.db") as ledger:
        await holds_exactly(ledger, 5)


async def test_while_the_ledger_is_away_a_referral_is_still_known_and_no_count_is_given(
    redis, tmp_path
):
    async with opened(redis, tmp_path / "journal.db") as ledger:
        redis.kill()
        await ledger.record(accepted(1))
        assert list(await ledger.about("acme", accepted(1).referral)) == [accepted(1)]
        assert list(await ledger.about("acme", accepted(2).referral)) == []
        with pytest.raises(OSError, match="cannot be used"):
            await ledger.events("acme")


async def test_what_waits_is_told_with_what_is_kept(redis, tmp_path):
    async with opened(redis, tmp_path / "journal.db") as ledger:
        await ledger.record(accepted(1, at=5.0))
        # As another process of this host would have left it.
        await ledger.journal.record(accepted(2, at=1.0))
        assert list(await ledger.events("acme")) == [accepted(2, at=1.0), accepted(1, at=5.0)]
        assert list(await ledger.events("acme", 2.0)) == [accepted(1, at=5.0)]
        assert list(await ledger.about("acme", accepted(2).referral)) == [accepted(2, at=1.0)]
        assert list(await ledger.tenants()) == ["acme"]


async def test_a_person_is_forgotten_where_they_wait_as_well(redis, tmp_path):
    async with opened(redis, tmp_path / "journal.db") as ledger:
        await ledger.record(accepted(1))
        clicked = Event(Kind.CLICKED, "acme", accepted(1).referral, accepted(1).person, 2.0)
        await ledger.journal.record(clicked)
        assert await ledger.forget("acme", accepted(1).person, "alias") == 2
        assert {event.person for event in await ledger.events("acme")} == {"alias"}
        assert chain.broken(await ledger.entries("acme")) is None
        left = b"".join(file.read_bytes() for file in tmp_path.glob("journal.db*"))
        assert accepted(1).person.encode() not in left


async def test_an_event_is_only_kept_once_enough_replicas_have_it(redis, tmp_path):
    async with opened(redis, tmp_path / "journal.db", replicas=1) as ledger:
        assert await ledger.record(accepted(1))
        assert [event for _, event in await ledger.journal.waiting()] == [accepted(1)]
        replica = RedisServer(tmp_path / "replica", "--replicaof", "127.0.0.1", str(redis.port))
        try:
            replica.start()
            await holds_exactly(ledger, 1)
        finally:
            replica.stop()


async def test_if_the_journal_fails_too_the_fault_is_told(redis, tmp_path):
    async with opened(redis, tmp_path / "journal.db") as ledger:
        redis.kill()
        with closing(sqlite3.connect(tmp_path / "journal.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(OSError, match="journal"):
                await ledger.record(accepted(1))
            other.execute("ROLLBACK")
        assert await ledger.record(accepted(2))


async def test_a_locked_sqlite_ledger_has_a_journal_as_well(tmp_path):
    path = tmp_path / "ledger.db"
    ledger = JournalledLedger(SqliteLedger(path), Journal(tmp_path / "journal.db"), 0.25)
    await ledger.open()
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert await record_all(ledger, range(10)) == [True] * 10
            other.execute("ROLLBACK")
        await holds_exactly(ledger, 10)
    finally:
        await ledger.close()


async def test_a_sqlite_ledger_that_cannot_be_used_is_told_at_the_start(tmp_path):
    (tmp_path / "ledger.db").write_bytes(b"no database at all, but long enough" * 10)
    sqlite = SqliteLedger(tmp_path / "ledger.db")
    ledger = JournalledLedger(sqlite, Journal(tmp_path / "journal.db"), 0.25)
    with pytest.raises(OSError, match="cannot be used"):
        await ledger.open()
    await ledger.close()


async def test_a_ledger_is_not_taken_for_a_journal(tmp_path):
    ledger = SqliteLedger(tmp_path / "ledger.db")
    await ledger.open()
    await ledger.close()
    with pytest.raises(OSError, match="name another place"):
        await Journal(tmp_path / "ledger.db").open()
    journal = Journal(tmp_path / "journal.db")
    await journal.open()
    await journal.close()
    with pytest.raises(OSError, match="or a journal"):
        await SqliteLedger(tmp_path / "journal.db").open()


async def test_to_look_at_a_journal_makes_none(tmp_path):
    journal = Journal(tmp_path / "journal.db", only_reads=True)
    await journal.open()
    assert list(await journal.waiting()) == []
    await journal.close()
    assert list(tmp_path.iterdir()) == []


# Several processes of one host, one journal, one Redis.

WRITER = """
import asyncio, sys
from pathlib import Path
from relay_gateway.core.credit import Event, Kind
from relay_gateway.edge.journal import Journal
from relay_gateway.edge.journalled_ledger import JournalledLedger
from relay_gateway.edge.redis_ledger import RedisLedger
from relay_gateway.edge.redis_server import Server

async def tell(ledger, number):
    name = f"{number:016}"
    await ledger.record(Event(Kind.ACCEPTED, "acme", name, name, float(number)))
    print(name, flush=True)

async def main(port, journal, first, last):
    shared = RedisLedger(Server((("127.0.0.1", int(port)),)), 1.0)
    ledger = JournalledLedger(shared, Journal(Path(journal)), 0.25, may_be_away=True)
    await ledger.open()
    for start in range(int(first), int(last), 10):
        await asyncio.gather(*(tell(ledger, n) for n in range(start, min(start + 10, int(last)))))
    await ledger.settled()
    await ledger.close()

asyncio.run(main(*sys.argv[1:]))
"""


def writer(server: RedisServer, journal: Path, first: int, last: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(server.port), str(journal), str(first), str(last)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


async def test_processes_share_a_journal_while_redis_dies_and_one_of_them_does(redis, tmp_path):
    journal = tmp_path / "journal.db"
    with (
        writer(redis, journal, 0, 600) as one,
        writer(redis, journal, 300, 900) as two,
        writer(redis, journal, 0, 100_000) as three,
    ):
        heard = [three.stdout.readline() for _ in range(50)]
        redis.kill()
        heard += [three.stdout.readline() for _ in range(50)]
        three.send_signal(signal.SIGKILL)
        heard.append(three.stdout.read())
        redis.start()
        said = names(one.stdout.read() + two.stdout.read())
    assert (one.returncode, two.returncode) == (0, 0)
    async with opened(redis, journal) as ledger:
        await ledger.settled()
        kept = [event.referral for event in await ledger.events("acme")]
        await holds_exactly(ledger, len(kept))
        assert len(said) == 900
        assert said | names("".join(heard)) <= set(kept)


def names(said: str) -> set[str]:
    """The events that a process has called kept, whole lines only."""
    return set(re.findall(r"^(\d{16})\n", said, re.MULTILINE))
