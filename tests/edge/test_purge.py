"""Once a day those of long ago are forgotten, by one process of many, and no total changes."""

from __future__ import annotations

import asyncio
import multiprocessing
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from relay_gateway.core import chain
from relay_gateway.core.account import state
from relay_gateway.core.credit import DAY, Event, Kind
from relay_gateway.edge.purge import DailyPurge
from relay_gateway.edge.sqlite_ledger import SqliteLedger
from tests.conftest import ACME, Clock
from tests.ledgers import ListLedger

UMBRELLA = replace(ACME, id="umbrella", retention_days=500)


def accepted(number: int, at: float, tenant: str = "acme") -> Event:
    return Event(Kind.ACCEPTED, tenant, f"R{number:015}", f"P{number:015}", at)


class Away(ListLedger):
    """Does not answer until it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.is_away = True

    async def entries(self, tenant):
        if self.is_away and tenant == "acme":
            raise OSError("The ledger is away")
        return await super().entries(tenant)


async def filled(ledger, clock: Clock):
    """12 of 401 days ago and one of yesterday, in each of two companies."""
    for tenant in ("acme", "umbrella"):
        for number in range(12):
            await ledger.record(accepted(number, clock.now() - 401 * DAY, tenant))
        await ledger.record(accepted(12, clock.now() - DAY, tenant))
    return ledger


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[SqliteLedger]:
    ledger = SqliteLedger(path)
    await ledger.open()
    try:
        yield ledger
    finally:
        await ledger.close()


async def known(ledger, tenant: str = "acme") -> int:
    return sum(event.person.startswith("P00000") for event in await ledger.events(tenant))


async def test_each_company_forgets_by_its_own_retention_and_totals_stay(tmp_path):
    clock = Clock()
    async with opened(tmp_path / "ledger.db") as ledger:
        await filled(ledger, clock)
        before = state(await ledger.events("acme"), ACME.terms, clock.now())
        with capture_logs() as logs:
            daily = DailyPurge(ledger, (ACME, UMBRELLA), clock, tmp_path / "purged")
            assert await daily.turn() == DAY
        assert (await known(ledger), await known(ledger, "umbrella")) == (1, 13)
        after = state(await ledger.events("acme"), ACME.terms, clock.now())
        assert (after.people, len(after.grants)) == (before.people, len(before.grants))
        assert chain.broken(await ledger.entries("acme")) is None
    told = [(entry["event"], entry["company"], entry["persons"]) for entry in logs]
    assert told == [("purged", "acme", 12), ("purged", "umbrella", 0)]


async def test_it_is_done_once_a_day_whichever_process_asks_and_however_often_they_start(tmp_path):
    clock = Clock()
    ledger = await filled(ListLedger(), clock)

    def process() -> DailyPurge:
        return DailyPurge(ledger, (UMBRELLA, ACME), clock, tmp_path / "purged")

    assert await process().turn() == DAY
    await ledger.record(accepted(20, clock.now() - 401 * DAY))
    clock.time += DAY / 4
    assert await process().turn() == pytest.approx(DAY * 3 / 4, abs=1)
    assert await known(ledger) == 2
    clock.time += DAY
    assert await process().turn() == DAY
    assert await known(ledger) == 1


def hold(path: Path, is_held, may_end) -> None:
    """Another process that is at it."""
    ledger = Away()

    async def entries(tenant):
        is_held.set()
        await asyncio.to_thread(may_end.wait)
        return ()

    ledger.entries = entries
    asyncio.run(DailyPurge(ledger, (ACME,), Clock(), path).turn())


async def test_while_one_process_is_at_it_others_leave_it_alone(tmp_path):
    processes = multiprocessing.get_context("spawn")
    is_held, may_end = processes.Event(), processes.Event()
    other = processes.Process(target=hold, args=(tmp_path / "purged", is_held, may_end))
    other.start()
    try:
        assert await asyncio.to_thread(is_held.wait, 60)
        ledger = await filled(ListLedger(), Clock())
        with capture_logs() as logs:
            await DailyPurge(ledger, (ACME,), Clock(), tmp_path / "purged").turn()
        assert await known(ledger) == 13
        assert logs == []
    finally:
        may_end.set()
        other.join(60)
    assert other.exitcode == 0


async def test_a_ledger_that_is_away_is_asked_again_soon_and_the_others_do_not_wait(tmp_path):
    ledger = await filled(Away(), Clock())
    others = replace(UMBRELLA, retention_days=400)
    daily = DailyPurge(ledger, (ACME, others), Clock(), tmp_path / "purged")
    with capture_logs() as logs:
        assert await daily.turn() < DAY / 10
    assert await known(ledger, "umbrella") == 1
    assert [entry["event"] for entry in logs] == ["purge_failed", "purged"]
    assert "ledger check" in logs[0]["how"]
    ledger.is_away = False
    assert await daily.turn() == DAY
    assert await known(ledger) == 1


async def test_where_the_note_cannot_be_written_nobody_is_forgotten_and_it_is_said_what_to_do(
    tmp_path,
):
    ledger = await filled(ListLedger(), Clock())
    (tmp_path / "purged").mkdir()
    with capture_logs() as logs:
        assert await DailyPurge(ledger, (ACME,), Clock(), tmp_path / "purged").turn() < DAY
    assert "person purge" in logs[0]["how"]
    assert await known(ledger) == 13


@pytest.mark.parametrize("said", ["", "yesterday", "9e99", "nan"])
async def test_a_note_that_makes_no_sense_stops_nobody(said, tmp_path):
    ledger = await filled(ListLedger(), Clock())
    (tmp_path / "purged").write_text(said)
    assert await DailyPurge(ledger, (ACME,), Clock(), tmp_path / "purged").turn() == DAY
    assert await known(ledger) == 1


async def test_events_are_kept_while_it_forgets(tmp_path):
    clock = Clock()
    async with opened(tmp_path / "ledger.db") as ledger:
        await filled(ledger, clock)
        daily = DailyPurge(ledger, (ACME,), clock, tmp_path / "purged")
        told = [ledger.record(accepted(number, clock.now())) for number in range(100, 150)]
        _, *answers = await asyncio.gather(daily.turn(), *told)
        assert answers == [True] * 50
        assert await known(ledger) == 51
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as db:
        assert db.execute("SELECT count(*) FROM events").fetchone() == (76,)
