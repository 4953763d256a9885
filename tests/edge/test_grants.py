"""The tenth person is written down once, with the moment of the tenth, whoever looks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from relay_gateway.core.credit import Event, Kind
from relay_gateway.edge.grants import Grants
from relay_gateway.edge.sqlite_ledger import SqliteLedger
from tests.conftest import ACME, Clock


def accepted(number: int) -> Event:
    return Event(Kind.ACCEPTED, "acme", f"R{number:015}", f"P{number:015}", 1000.0 + number)


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[SqliteLedger]:
    ledger = SqliteLedger(path)
    await ledger.open()
    try:
        yield ledger
    finally:
        await ledger.close()


async def record(ledger: SqliteLedger, *numbers: int) -> None:
    await asyncio.gather(*(ledger.record(accepted(number)) for number in numbers))


async def noted(ledger: SqliteLedger) -> list[tuple[float, str, str]]:
    known = await ledger.about("acme", "")
    return [
        (each.at, each.fact("id"), each.fact("n")) for each in known if each.kind is Kind.GRANTED
    ]


async def note(grants: Grants) -> None:
    grants.note("acme")
    await grants.settled()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite3"


async def test_the_tenth_is_written_down_with_the_moment_of_the_tenth(path):
    async with opened(path) as ledger:
        grants = Grants(ledger, [ACME], Clock())
        await record(ledger, *range(1, 10))
        await note(grants)
        assert await noted(ledger) == []
        await record(ledger, 10, 11)
        with capture_logs() as lines:
            await note(grants)
            await note(grants)
        assert await noted(ledger) == [(1010.0, "1", "1")]
        assert [(line["event"], line["number"]) for line in lines] == [("granted", 1)]


async def test_two_processes_at_once_write_it_down_once(path):
    async with opened(path) as one, opened(path) as two:
        both = [Grants(ledger, [ACME], Clock()) for ledger in (one, two)]
        await record(one, *range(1, 41))
        with capture_logs() as lines:
            await asyncio.gather(*map(note, both))
        assert await noted(one) == [(1000.0 + 10 * each, str(each), "1") for each in range(1, 5)]
        assert sorted(line["number"] for line in lines) == [1, 2, 3, 4]


async def test_what_was_earned_while_the_ledger_was_away_is_written_down_later(path):
    away = path.with_name("away")
    async with opened(path) as ledger:
        await record(ledger, *range(1, 21))
    path.rename(away)
    path.write_bytes(b"no database" * 1000)
    ledger = SqliteLedger(path)
    grants = Grants(ledger, [ACME], Clock())
    with capture_logs() as lines:
        await note(grants)
    assert [line["event"] for line in lines] == ["grants_unnoted"]
    away.replace(path)
    await ledger.open()
    await note(grants)
    assert await noted(ledger) == [(1010.0, "1", "1"), (1020.0, "2", "1")]
    await ledger.close()


async def test_a_gateway_that_starts_anew_writes_down_only_what_is_missing(path):
    async with opened(path) as ledger:
        await record(ledger, *range(1, 21))
        await note(Grants(ledger, [ACME], Clock()))
        await record(ledger, *range(21, 31))
        with capture_logs() as lines:
            await note(Grants(ledger, [ACME], Clock()))
        assert [line["number"] for line in lines] == [3]


async def test_an_unknown_company_is_no_matter(path):
    async with opened(path) as ledger:
        grants = Grants(ledger, [], Clock())
        await note(grants)
        assert await noted(ledger) == []
