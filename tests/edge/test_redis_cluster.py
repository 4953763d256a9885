"""A Redis Cluster as the ledger: each company on its own primary, and what becomes of it there."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from relay_gateway.core import chain
from relay_gateway.core.credit import Event, Kind
from relay_gateway.edge.journal import Journal
from relay_gateway.edge.journalled_ledger import JournalledLedger
from relay_gateway.edge.ledger import Ailment
from relay_gateway.edge.redis_ledger import RedisLedger, Replicas
from tests.redis_server import Cluster

COMPANIES = [f"company{number}" for number in range(9)]
# Quick enough for a test, and slow enough for a busy machine.
QUICK = ("--cluster-node-timeout", "1500", "--repl-diskless-sync-delay", "0")


def accepted(number: int, tenant: str) -> Event:
    return Event(Kind.ACCEPTED, tenant, f"R{number:015}", f"P{number:015}", float(number))


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    its = Cluster(tmp_path / "cluster", *QUICK, replicas=True)
    try:
        yield its.start()
    finally:
        its.stop()


@asynccontextmanager
async def opened(its: Cluster, least: int = 0) -> AsyncIterator[RedisLedger]:
    ledger = RedisLedger(its.place, 10.0, Replicas(least, 0.5))
    try:
        await ledger.open()
        yield ledger
    finally:
        await ledger.close()


async def test_of_a_cluster_every_primary_is_asked_what_it_lacks(cluster):
    cluster.nodes[1].ask("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    cluster.nodes[2].ask("CONFIG", "SET", "appendfsync", "everysec")
    for node in cluster.nodes:
        node.ask("CONFIG", "SET", "min-replicas-to-write", "1")
    names = [f"127.0.0.1:{node.port}" for node in cluster.nodes]
    async with opened(cluster, least=1) as ledger:
        told = [(each.where, each.ailment) for each in await ledger.complaints()]
        assert sorted(told) == sorted([(names[1], Ailment.EVICTS), (names[2], Ailment.LATE_SYNC)])
        cluster.replicas[0].kill()
        cluster.nodes[0].wait_for("connected_slaves:0", "INFO", "replication")
        told = [(each.where, each.ailment) for each in await ledger.complaints()]
        assert (names[0], Ailment.FEW_REPLICAS) in told
        assert len(told) == 3
    async with opened(cluster) as ledger:
        told = [(each.where, each.ailment) for each in await ledger.complaints()]
        assert (names[0], Ailment.LONELY) in told


async def test_companies_are_spread_and_each_has_the_replicas_that_are_wanted(cluster):
    async with opened(cluster, least=1) as ledger:
        told = [ledger.record(accepted(1, name)) for name in COMPANIES]
        assert await asyncio.gather(*told) == [True] * 9
        assert len(await ledger.tenants()) == 9
        assert {cluster.primary_of(name) for name in COMPANIES} == {0, 1, 2}
        cluster.replicas[1].pause()
        for number in (2, 2):
            # The second time the primary has it, which is not enough.
            told = [ledger.record(accepted(number, name)) for name in COMPANIES]
            answers = await asyncio.gather(*told, return_exceptions=True)
            assert any(isinstance(each, OSError) for each in answers)
        for name in COMPANIES:
            if cluster.primary_of(name) == 1:
                with pytest.raises(OSError, match="0 of 1 replicas"):
                    await ledger.record(accepted(3, name))
            else:
                assert await ledger.record(accepted(3, name))
        cluster.replicas[1].go_on()
        for name in COMPANIES:
            await ledger.record(accepted(3, name))
            assert list(await ledger.events(name)) == [accepted(n, name) for n in (1, 2, 3)]


async def test_what_only_the_primary_has_is_not_called_kept_by_a_later_gateway(cluster):
    name = next(name for name in COMPANIES if cluster.primary_of(name) == 1)
    cluster.replicas[1].pause()
    for _ in range(2):
        async with opened(cluster, least=1) as ledger:
            with pytest.raises(OSError, match="0 of 1 replicas"):
                await ledger.record(accepted(1, name))
    cluster.replicas[1].go_on()
    async with opened(cluster, least=1) as ledger:
        assert not await ledger.record(accepted(1, name))


@pytest.mark.chaos
async def test_a_failover_in_a_cluster_loses_and_doubles_nothing(cluster, tmp_path):
    shared = RedisLedger(cluster.place, 1.0, Replicas(1, 0.5))
    ledger = JournalledLedger(shared, Journal(tmp_path / "journal.db"), 0.5, may_be_away=True)
    await ledger.open()
    numbers = iter(range(100_000))
    said: list[Event] = []
    has_begun, is_over = asyncio.Event(), asyncio.Event()

    async def go_on_recording() -> None:
        while not is_over.is_set():
            number = next(numbers)
            event = accepted(number, COMPANIES[number % 9])
            assert await ledger.record(event)
            said.append(event)
            if len(said) >= 200:
                has_begun.set()

    try:
        with capture_logs() as logs:
            writing = [asyncio.create_task(go_on_recording()) for _ in range(5)]
            await has_begun.wait()
            cluster.nodes[1].kill()
            promoted = ("role:master", "INFO", "replication")
            await asyncio.to_thread(cluster.replicas[1].wait_for, *promoted)
            waiting = await ledger.journal.waiting()
            is_over.set()
            await asyncio.gather(*writing)
            # What the new primary takes has no replica until the old one is back as such.
            cluster.nodes[1].start()
            async with asyncio.timeout(60):
                await ledger.settled()
        assert waiting
        assert list(await ledger.journal.waiting()) == []
        assert [entry["event"] for entry in logs] == ["ledger_down", "ledger_back"]
        for name in COMPANIES:
            entries = await ledger.entries(name)
            assert {entry.event for entry in entries} == {e for e in said if e.tenant == name}
            assert len(entries) == len({entry.event.key for entry in entries})
            assert chain.broken(entries) is None
            assert await ledger.head(name) == chain.head(entries)
    finally:
        is_over.set()
        await ledger.close()
