"""What the Redis ledger promises beyond what every ledger does: several gateways, and failovers."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from relay_gateway.core import chain
from relay_gateway.core.credit import Event, Kind
from relay_gateway.edge.journal import Journal
from relay_gateway.edge.journalled_ledger import JournalledLedger
from relay_gateway.edge.ledger import Ailment
from relay_gateway.edge.redis_ledger import RedisLedger, Replicas
from relay_gateway.edge.redis_server import Server, Shape
from tests.redis_server import RedisServer, Watched

ROOT = Path(__file__).parents[2]


def accepted(number: int, tenant: str = "acme") -> Event:
    return Event(Kind.ACCEPTED, tenant, f"R{number:015}", f"P{number:015}", float(number))


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path / "redis").start()
    yield server
    server.stop()


@asynccontextmanager
async def opened(place: Server, replicas: int = 0) -> AsyncIterator[RedisLedger]:
    ledger = RedisLedger(place, 30.0, Replicas(replicas, 5.0))
    try:
        await ledger.open()
        yield ledger
    finally:
        await ledger.close()


async def test_gateways_that_write_at_once_build_one_chain(redis):
    async with opened(redis.place) as one, opened(redis.place) as two, opened(redis.place) as three:
        # Of every two events one is told by all of them, the other by each another one.
        told = [
            gateway.record(accepted(number + number % 2 * own, f"company{number % 3}"))
            for number in range(600)
            for gateway, own in ((one, 1000), (two, 2000), (three, 3000))
        ]
        answers = await asyncio.gather(*told)
        assert answers.count(True) == 1200
        for tenant in ("company0", "company1", "company2"):
            entries = await one.entries(tenant)
            assert len(entries) == 400
            assert chain.broken(entries) is None
            assert await two.head(tenant) == chain.head(entries)


WRITER = """
import asyncio, sys
from relay_gateway.core.credit import Event, Kind
from relay_gateway.edge.redis_ledger import RedisLedger
from relay_gateway.edge.redis_server import Server

async def tell(ledger, number):
    name = f"{number:016}"
    is_new = await ledger.record(Event(Kind.ACCEPTED, "acme", name, name, float(number)))
    print(name, is_new, flush=True)

async def main(port):
    ledger = RedisLedger(Server((("127.0.0.1", int(port)),)), 60.0)
    await ledger.open()
    print("open", flush=True)
    sys.stdin.readline()
    for start in range(0, 300, 10):
        await asyncio.gather(*(tell(ledger, number) for number in range(start, start + 10)))
    await ledger.close()

asyncio.run(main(sys.argv[1]))
"""


def writer(redis: RedisServer) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(redis.port)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


async def test_each_event_of_two_processes_is_new_once(redis):
    started = [writer(redis), writer(redis)]
    assert [process.stdout.readline() for process in started] == ["open\n", "open\n"]
    for process in started:
        process.stdin.write("go\n")
        process.stdin.flush()
    said = "".join(process.communicate(timeout=60)[0] for process in started)
    assert len(re.findall("True", said)) == 300
    async with opened(redis.place) as ledger:
        entries = await ledger.entries("acme")
        assert len(entries) == 300
        assert chain.broken(entries) is None


async def test_what_waits_together_goes_in_one_script(redis):
    async with opened(redis.place) as ledger:
        await ledger.record(accepted(0))
        before = calls(redis)
        await asyncio.gather(*(ledger.record(accepted(number)) for number in range(1, 51)))
        assert calls(redis) - before == 1


def calls(redis: RedisServer) -> int:
    told = redis.ask("INFO", "commandstats")
    return sum(int(n) for n in re.findall(r"cmdstat_eval(?:sha)?:calls=(\d+)", told))


async def test_kept_events_outlive_a_killed_redis(redis):
    async with opened(redis.place) as ledger:
        await asyncio.gather(*(ledger.record(accepted(number)) for number in range(100)))
        redis.kill()
        redis.start()
        assert not await ledger.record(accepted(0))
        entries = await ledger.entries("acme")
        assert len(entries) == 100
        assert chain.broken(entries) is None


async def test_the_right_password_is_needed_and_never_told(redis):
    redis.ask("CONFIG", "SET", "requirepass", "geheim")
    wrong = replace(redis.place, password="falsch")
    with pytest.raises(OSError, match="cannot be used") as told:
        async with opened(wrong):
            pass
    assert "falsch" not in f"{told.value!r} {wrong!r} {wrong}"
    async with opened(replace(redis.place, password="geheim")) as ledger:
        assert await ledger.record(accepted(1))


async def test_a_database_of_its_own_is_used(redis):
    async with opened(replace(redis.place, database=3)) as ledger:
        assert await ledger.record(accepted(1))
    async with opened(redis.place) as ledger:
        assert list(await ledger.tenants()) == []


async def test_other_keys_beside_ours_are_no_companies(redis):
    async with opened(redis.place) as ledger:
        await ledger.record(accepted(1))
        redis.ask("SET", "{acme}:head", "x")
        redis.ask("SET", "other", "x")
        assert list(await ledger.tenants()) == ["acme"]


async def test_an_entry_altered_in_redis_shows(redis):
    async with opened(redis.place) as ledger:
        await asyncio.gather(*(ledger.record(accepted(number)) for number in range(5)))
        redis.ask("XDEL", "relay_gateway:{acme}:events", "2-0")
        assert chain.broken(await ledger.entries("acme")) == 1


async def test_a_server_with_replicas_is_told_what_it_lacks(redis):
    async with opened(redis.place, replicas=2) as ledger:
        assert [each.ailment for each in await ledger.complaints()] == [Ailment.FEW_REPLICAS]
    redis.ask("REPLICAOF", "127.0.0.1", "1")
    async with opened(redis.place) as ledger:
        assert Ailment.NOT_PRIMARY in [each.ailment for each in await ledger.complaints()]


@pytest.mark.parametrize(
    ("place", "url"),
    [
        (Server((("r", 1),)), "redis://r:1"),
        (Server((("::1", 1),), database=2, is_tls=True), "rediss://[::1]:1/2"),
        (Server((("a", 1), ("b", 2)), Shape.SENTINEL, "relay"), "redis+sentinel://a:1,b:2/relay"),
        (Server((("a", 1),), Shape.CLUSTER, password="geheim"), "redis+cluster://a:1"),
    ],
)
def test_a_server_is_named_by_its_url(place, url):
    assert str(place) == url


async def test_nothing_of_a_forgotten_person_is_left_in_the_append_only_file(redis):
    # Commands as they are, not compressed.
    redis.ask("CONFIG", "SET", "aof-use-rdb-preamble", "no")
    async with opened(redis.place) as ledger:
        await asyncio.gather(*(ledger.record(accepted(number)) for number in range(20)))
        assert await ledger.forget("acme", accepted(7).person, "alias") == 1
        redis.wait_for("aof_rewrite_in_progress:0", "INFO", "persistence")
        redis.wait_for("aof_rewrite_scheduled:0", "INFO", "persistence")
        files = [file for file in redis.folder.rglob("*") if file.is_file()]
        left = b"".join(file.read_bytes() for file in files)
    assert accepted(7).person.encode() not in left
    assert accepted(8).person.encode() in left


@pytest.mark.chaos
async def test_a_failover_loses_and_doubles_nothing(tmp_path):
    watched = Watched(tmp_path / "watched")
    try:
        watched.start()
        shared = RedisLedger(watched.place, 1.0, Replicas(1, 0.5))
        ledger = JournalledLedger(shared, Journal(tmp_path / "journal.db"), 0.5, may_be_away=True)
        await ledger.open()
        try:
            told = [ledger.record(accepted(number)) for number in range(50)]
            assert await asyncio.gather(*told) == [True] * 50
            watched.primary.kill()
            told = [ledger.record(accepted(number)) for number in range(50, 100)]
            assert await asyncio.gather(*told) == [True] * 50
            async with asyncio.timeout(60):
                await ledger.settled()
            entries = await ledger.entries("acme")
            assert {entry.event for entry in entries} == {accepted(n) for n in range(100)}
            assert len(entries) == 100
            assert chain.broken(entries) is None
            assert not await ledger.record(accepted(3))
        finally:
            await ledger.close()
    finally:
        watched.stop()
