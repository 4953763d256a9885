"""Far more offers than usual stop a company, in all processes, until a person resumes it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from relay_gateway.core.burst import Guard
from relay_gateway.core.credit import HOUR, Event, Kind
from relay_gateway.core.reason import Reason
from relay_gateway.edge.burst_guard import BurstGuard
from relay_gateway.edge.sqlite_ledger import SqliteLedger
from tests.cli.conftest import COMPANY, GATEWAY, run
from tests.conftest import ACME, Clock, envelope
from tests.test_gateway import REJECTION, TAKEN, Street

FIVE = replace(ACME, guard=Guard(per_hour=5))
LEARNING = replace(ACME, guard=Guard(factor=3.0, floor=5))
# After so long a guard looks at the ledger again.
LATER = 5.0
DAY = 86_400.0


def offered(number: int, at: float, rules: str = "see-off") -> Event:
    facts = (("rules", rules), ("ruleset", "1"))
    return Event(Kind.OFFERED, "acme", f"R{number:015}", f"P{number:015}", at, facts)


class Process:
    """A guard on a ledger of its own over a common file."""

    def __init__(self, path: Path, clock: Clock, tenant=FIVE) -> None:
        self.ledger = SqliteLedger(path)
        self.clock, self.tenant = clock, tenant
        self.guard = BurstGuard(self.ledger, clock)

    async def offer(self, *numbers: int) -> bool:
        """One mail with a copy for each of these; it is recorded if it may go."""
        offers = tuple(offered(number, self.clock.now()) for number in numbers)
        goes = await self.guard.lets_through(self.tenant, offers)
        if goes:
            await asyncio.gather(*map(self.ledger.record, offers))
        return goes

    async def halts(self) -> list[Event]:
        return [each for each in await self.ledger.about("acme", "") if each.kind is Kind.HALTED]


@asynccontextmanager
async def process(path: Path, clock: Clock, tenant=FIVE) -> AsyncIterator[Process]:
    its = Process(path, clock, tenant)
    await its.ledger.open()
    try:
        yield its
    finally:
        await its.guard.stop()
        await its.ledger.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite3"


async def test_the_one_too_many_stops_the_company_and_the_log_says_how_it_goes_on(path, clock):
    async with process(path, clock) as its:
        assert [await its.offer(number) for number in range(5)] == [True] * 5
        with capture_logs() as lines:
            assert not await its.offer(5)
            assert not await its.offer(6)
        (halt,) = await its.halts()

    assert (halt.at, halt.fact("count"), halt.fact("limit")) == (clock.now(), "5", "5")
    (line,) = lines
    assert (line["event"], line["log_level"]) == ("burst", "error")
    assert line["resume"] == "relay-gateway resume acme"


async def test_the_halt_of_one_process_is_seen_by_the_others_and_so_is_its_end(path, clock):
    async with process(path, clock) as one, process(path, clock) as two:
        assert await two.offer(100)
        clock.time += 1
        assert [await one.offer(number) for number in range(5)] == [True] * 4 + [False]
        clock.time += LATER
        assert not await two.offer(101)
        assert len(await one.halts()) == 1

        clock.time += 1
        resumed = Event(Kind.RESUMED, "acme", "", "", clock.now(), (("by", "Sato"), ("id", "1")))
        await one.ledger.record(resumed)
        clock.time += LATER
        assert await one.offer(200)
        assert await two.offer(201)


async def test_processes_share_one_hour(path, clock):
    async with process(path, clock) as one, process(path, clock) as two:
        assert [await one.offer(number) for number in range(3)] == [True] * 3
        clock.time += LATER
        assert [await two.offer(number) for number in range(10, 13)] == [True, True, False]


async def test_after_an_hour_the_same_number_may_go_again(path, clock):
    async with process(path, clock) as its:
        assert [await its.offer(number) for number in range(5)] == [True] * 5
        clock.time += HOUR + 1
        assert [await its.offer(number) for number in range(10, 15)] == [True] * 5


async def test_a_mail_in_several_copies_counts_as_many(path, clock):
    async with process(path, clock) as its:
        assert await its.offer(1, 2, 3)
        assert not await its.offer(4, 5, 6)
        assert [halt.fact("count") for halt in await its.halts()] == ["5"]


async def test_a_client_that_sends_again_is_not_counted_again(path, clock):
    async with process(path, clock) as its, process(path, clock) as other:
        assert [await its.offer(1) for _ in range(20)] == [True] * 20
        clock.time += LATER
        assert [await other.offer(1) for _ in range(20)] == [True] * 20
        assert [await its.offer(number) for number in range(2, 6)] == [True] * 4


def damage(path: Path) -> None:
    """Something is wrong with the disk."""
    path.write_bytes(b"no database" * 1000)
    for each in ("-wal", "-shm"):
        path.with_name(path.name + each).unlink(missing_ok=True)


async def test_a_guard_that_cannot_see_the_ledger_goes_by_what_it_knew(path, clock):
    async with process(path, clock) as its:
        assert [await its.offer(number) for number in range(4)] == [True] * 4
        await its.ledger.close()
        damage(path)
        clock.time += LATER
        offers = [(offered(number, clock.now()),) for number in (4, 5)]
        with capture_logs() as lines:
            goes = [await its.guard.lets_through(FIVE, each) for each in offers]
    assert goes == [True, False]
    assert [line["event"] for line in lines] == ["guard_blind", "burst", "ledger_failed"]


async def test_one_that_does_not_know_what_is_usual_holds_back_but_stops_nobody(path, clock):
    async with process(path, clock, LEARNING) as before:
        # Forty an hour, a week ago.
        busy = [offered(1000 + each, clock.now() - 7 * DAY + each) for each in range(40)]
        await asyncio.gather(*map(before.ledger.record, busy))
    away = path.with_name("away")
    path.rename(away)
    async with process(path, clock, LEARNING) as its:
        await its.ledger.close()
        damage(path)
        offers = [(offered(number, clock.now()),) for number in range(7)]
        goes = [await its.guard.lets_through(LEARNING, each) for each in offers]
        assert goes == [True] * 5 + [False] * 2
        away.replace(path)
        clock.time += LATER
        await its.guard.lets_through(LEARNING, (offered(7, clock.now()),))
        assert await its.guard.lets_through(LEARNING, (offered(8, clock.now()),))
        assert await its.halts() == []


async def test_a_rule_that_runs_wild_is_named(path, clock):
    async with process(path, clock, LEARNING) as its:
        usual = [offered(1000 + each, clock.now() - 7 * DAY + each) for each in range(40)]
        await asyncio.gather(*map(its.ledger.record, usual))
        for number in range(6):
            offers = (offered(number, clock.now(), "new-rule"),)
            goes = await its.guard.lets_through(LEARNING, offers)
        assert not goes
        assert [halt.fact("rule") for halt in await its.halts()] == ["new-rule"]


async def test_a_burst_passes_untouched_until_somebody_resumes_the_company(
    tmp_path, policy, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config" / "companies").mkdir(parents=True)
    (tmp_path / "config" / "gateway.yaml").write_text(GATEWAY)
    (tmp_path / "config" / "companies" / "acme.yaml").write_text(COMPANY)
    (tmp_path / "config" / "acme.secret").write_text("0123456789abcdef" * 4)
    ledger = SqliteLedger(tmp_path / "config" / "ledger.sqlite3")
    await ledger.open()
    clock = Clock()
    guard = BurstGuard(ledger, clock)
    street = Street(replace(policy, tenants=(FIVE,)), ledger, guard=guard)

    async def letter(number: int) -> Reason:
        raw = REJECTION.replace(b"<1@acme", b"<%d@acme" % number)
        its = envelope(recipients=(b"person%d@gmail.example" % number,))
        answer, sent, outcome = await street.relay(raw, its=its)
        assert answer is TAKEN
        assert (sent == raw) is (outcome.decision.reason is Reason.BURST)
        return outcome.decision.reason

    async def told(*words: object) -> str:
        result = await asyncio.to_thread(run, *words)
        assert result.exit_code == 0
        return result.output

    reasons = [await letter(number) for number in range(7)]
    assert reasons == [Reason.REJECTION] * 5 + [Reason.BURST] * 2
    assert json.loads(await told("credits", "acme", "--json"))["halted"]
    assert "resume acme" in await told("credits", "acme")
    assert "acme goes on" in await told("resume", "acme", "--by", "佐藤")
    assert "not stopped" in await told("resume", "acme", "--by", "佐藤")
    clock.time = street.clock.time = street.clock.time + LATER
    assert await letter(8) is Reason.REJECTION
    assert json.loads(await told("credits", "acme", "--json"))["halted"] is None
    await guard.stop()
    await ledger.close()
