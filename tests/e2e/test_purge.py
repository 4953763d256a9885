"""A gateway that runs forgets by itself whom it need not know any longer."""

from __future__ import annotations

import json
import time
from pathlib import Path

from relay_gateway.core.credit import DAY, Event, Kind
from relay_gateway.edge.sqlite_ledger import SqliteLedger
from tests.doubles import NextServer
from tests.e2e.station import station


async def test_of_two_workers_one_forgets_those_of_long_ago_and_says_so_once(tmp_path: Path):
    ledger = SqliteLedger(tmp_path / "ledger.sqlite3")
    await ledger.open()
    for number, days in enumerate((500, 450, 10)):
        at = time.time() - days * DAY
        await ledger.record(Event(Kind.ACCEPTED, "acme", f"R{number}", f"P{number}", at))
    async with (
        NextServer() as server,
        station(tmp_path, server.port, settings="workers: 2") as its,
    ):
        assert (await its.said("purged"))["persons"] == 2
    told = [json.loads(line) for line in its.words if line.startswith("{")]
    assert [line["event"] for line in told].count("purged") == 1
    names = {event.person for event in await ledger.events("acme")}
    await ledger.close()
    assert len(names) == 3
    assert {name for name in names if len(name) == 2} == {"P2"}
