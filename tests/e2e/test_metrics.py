"""A scrape tells the truth for the whole gateway, whichever worker it meets."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.doubles import NextServer
from tests.e2e.station import Station, gone, station
from tests.e2e.test_crash import submit
from tests.redis_server import RedisServer

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes as Linux can")

SETTINGS = 'web: {listen: "127.0.0.1:0", metrics: [127.0.0.0/8]}\nworkers: 3'


def scrape(port: int) -> dict[str, float]:
    """The numbers by name and labels, on a new connection each time."""
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    finally:
        connection.close()
    assert re.fullmatch(r"(#.*\n|[a-z_]+(\{.*\})? \d+\n)+", text)
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


async def until(port: int, name: str, value: float) -> dict[str, float]:
    """Every number, when this one has come to be so."""
    async with asyncio.timeout(60):
        while (found := await asyncio.to_thread(scrape, port)).get(name) != value:
            assert found.get(name, 0) <= value or name in GAUGES, found
    return found


GAUGES = ("relay_gateway_ledger_up", "relay_gateway_journal_events")
MAILS = 'relay_gateway_mails_total{company="acme",reason="rejection"}'


async def web_port(gateway: Station) -> int:
    said = await gateway._until(lambda line: line.startswith("The web service listens"))
    return int(said.strip().rstrip(".").rpartition(":")[2])


async def send(gateway: Station, *numbers: int) -> None:
    for number in numbers:
        assert await asyncio.to_thread(submit, gateway.port, number)


async def test_all_workers_are_counted_also_those_that_died_or_were_replaced(tmp_path: Path):
    async with (
        NextServer() as server,
        station(tmp_path, server.port, settings=SETTINGS) as gateway,
    ):
        port = await web_port(gateway)
        for at, held in enumerate(gateway.workers):
            # Each of the others takes some.
            os.kill(held, signal.SIGSTOP)
            await send(gateway, 2 * at, 2 * at + 1)
            os.kill(held, signal.SIGCONT)
        await until(port, MAILS, 6)
        for worker in gateway.workers:
            os.kill(worker, signal.SIGKILL)
            await gone(worker)
        await gateway.said("worker_died", 3)
        await send(gateway, 6, 7)
        await until(port, MAILS, 8)
        assert (await gateway.ask("reload"))[0] == 0
        await send(gateway, 8)
        found = await until(port, MAILS, 9)
        assert found["relay_gateway_ledger_up"] == 1
        assert found["relay_gateway_journal_events"] == 0
        assert found['relay_gateway_halted{company="acme"}'] == 0


async def test_what_waits_for_a_redis_that_is_away_is_seen(tmp_path: Path):
    redis = RedisServer(tmp_path / "redis").start()
    book = f"{{url: 'redis://127.0.0.1:{redis.port}/0', journal: journal.sqlite3}}"
    try:
        async with (
            NextServer() as server,
            station(tmp_path, server.port, settings=SETTINGS, book=book) as gateway,
        ):
            port = await web_port(gateway)
            await until(port, "relay_gateway_ledger_up", 1)
            redis.kill()
            await send(gateway, 1, 2)
            # That each was offered, and that each was accepted.
            found = await until(port, "relay_gateway_journal_events", 4)
            assert found["relay_gateway_ledger_up"] == 0
            assert 'relay_gateway_halted{company="acme"}' not in found
            await until(port, MAILS, 2)
            redis.start()
            await until(port, "relay_gateway_journal_events", 0)
            await until(port, "relay_gateway_ledger_up", 1)
    finally:
        redis.stop()
