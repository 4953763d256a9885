"""What every ledger promises, whatever keeps the events."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from relay_gateway.core import chain
from relay_gateway.core.credit import Event, Kind
from relay_gateway.edge.journal import Journal
from relay_gateway.edge.journalled_ledger import JournalledLedger
from relay_gateway.edge.ledger import Book, Diverged
from relay_gateway.edge.redis_ledger import RedisLedger
from relay_gateway.edge.sqlite_ledger import SqliteLedger
from tests.ledgers import ListLedger
from tests.redis_server import Cluster, RedisServer


def accepted(number: int = 1, *, tenant: str = "acme", at: float = 1.0) -> Event:
    return Event(Kind.ACCEPTED, tenant, f"R{number:015}", f"P{number:015}", at)


def clicked(number: int, click: str, at: float) -> Event:
    facts = (("agent", "curl/8"), ("id", click))
    return Event(Kind.CLICKED, "acme", f"R{number:015}", f"P{number:015}", at, facts)


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis")).start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    servers = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        yield servers.start()
    finally:
        servers.stop()


def empty(kind: str, request: pytest.FixtureRequest, folder: Path) -> Book:
    match kind:
        case "sqlite":
            return SqliteLedger(folder / "ledger.db", 30.0)
        case "redis":
            server: RedisServer = request.getfixturevalue("redis")
            server.ask("FLUSHALL")
            return RedisLedger(server.place, 30.0)
        case "cluster":
            servers: Cluster = request.getfixturevalue("cluster")
            servers.clear()
            return RedisLedger(servers.place, 30.0)
        case "journalled":
            shared = empty("redis", request, folder)
            return JournalledLedger(shared, Journal(folder / "journal.db"), 30.0)
    return ListLedger()


@pytest.fixture(params=["list", "sqlite", "redis", "journalled", "cluster"])
async def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Book]:
    ledger = empty(request.param, request, tmp_path)
    await ledger.open()
    yield ledger
    await ledger.close()


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


async def test_what_happens_again_is_told_apart_by_its_id(ledger):
    clicks = [clicked(1, "a", 1.0), clicked(1, "b", 2.0), clicked(1, "a", 3.0)]
    assert [await ledger.record(click) for click in clicks] == [True, True, False]
    assert list(await ledger.events("acme")) == clicks[:2]


@pytest.mark.parametrize(
    "bad",
    [
        accepted(at=float("nan")),
        accepted(at=float("inf")),
        Event(Kind.OFFERED, "acme", "\udcff", "P", 1.0),
        Event(Kind.CLICKED, "acme", "R", "P", 1.0, (("agent", "\udcff"), ("id", "1"))),
    ],
    ids=["nan", "inf", "referral", "fact"],
)
async def test_an_event_that_cannot_be_kept_fails_alone(ledger, bad):
    told = [accepted(1), bad, accepted(2)]
    answers = await asyncio.gather(
        *(ledger.record(event) for event in told), return_exceptions=True
    )
    assert answers[0] is True
    assert isinstance(answers[1], ValueError)
    assert answers[2] is True
    assert len(await ledger.events("acme")) == 2


async def test_events_may_be_asked_for_from_a_time_on(ledger):
    for number, at in ((1, 3.0), (2, 1.0), (3, 2.0), (4, 2.5)):
        await ledger.record(accepted(number, at=at))
    assert [event.at for event in await ledger.events("acme", 2.0)] == [2.0, 2.5, 3.0]
    assert list(await ledger.events("acme", 3.5)) == []


async def test_all_that_is_known_of_one_referral_is_found(ledger):
    offered = replace(accepted(1, at=0.5), kind=Kind.OFFERED)
    told = [accepted(1), offered, accepted(2), clicked(1, "x", 9.0)]
    for event in (*told, replace(accepted(1), tenant="umbrella")):
        await ledger.record(event)
    assert list(await ledger.about("acme", told[0].referral)) == [offered, told[0], told[3]]
    assert list(await ledger.about("acme", "R")) == []


async def test_a_referral_is_not_taken_for_one_whose_name_begins_with_it(ledger):
    names = ["a", "a:", "a:b", "a:1-0", "a:1-0:2-0", "", "á"]
    told = [Event(Kind.ACCEPTED, "acme", name, "P", 1.0) for name in names]
    for event in told:
        await ledger.record(event)
    for event in told:
        assert list(await ledger.about("acme", event.referral)) == [event]


async def test_what_happens_to_a_company_is_about_no_referral(ledger):
    facts = (("id", "2026-11"), ("why", "締め"))
    redeemed = Event(Kind.REDEEMED, "acme", "", "", 2.0, facts)
    for event in (accepted(), redeemed):
        await ledger.record(event)
    assert list(await ledger.about("acme", "")) == [redeemed]


async def test_entries_form_a_chain_that_leads_to_the_head(ledger):
    told = [accepted(1, at=5.0), clicked(1, "x", 9.0), accepted(2, at=1.0)]
    for event in told:
        await ledger.record(event)
        assert not await ledger.record(event)
    entries = await ledger.entries("acme")
    assert [entry.event for entry in entries] == told
    assert chain.broken(entries) is None
    assert await ledger.head("acme") == chain.head(entries)
    assert len({entry.salt for entry in entries}) == len(entries)


async def test_each_company_has_a_chain_of_its_own(ledger):
    names = ["acme", "umbrella"]
    told = [accepted(n, tenant=name) for n in range(10) for name in names]
    await asyncio.gather(*(ledger.record(event) for event in told))
    assert list(await ledger.tenants()) == names
    for name in names:
        entries = await ledger.entries(name)
        assert chain.broken(entries) is None
        assert await ledger.head(name) == chain.head(entries)
        assert len(entries) == 10


async def test_of_nobody_nothing_is_known(ledger):
    assert list(await ledger.tenants()) == []
    assert list(await ledger.entries("acme")) == []
    assert await ledger.head("acme") == chain.Head()


async def test_a_forgotten_person_leaves_the_chain_whole(ledger):
    told = [accepted(1), accepted(2), clicked(1, "x", 2.0)]
    for event in told:
        await ledger.record(event)
    head = await ledger.head("acme")
    assert await ledger.forget("acme", told[0].person, "alias") == 2
    assert await ledger.forget("acme", told[0].person, "other") == 0
    entries = await ledger.entries("acme")
    assert [entry.event.person for entry in entries] == ["alias", told[1].person, "alias"]
    assert [bool(entry.salt) for entry in entries] == [False, True, False]
    assert [entry.event.referral for entry in entries] == [event.referral for event in told]
    assert chain.broken(entries) is None
    assert await ledger.head("acme") == head
    assert [event.person for event in await ledger.about("acme", told[0].referral)] == ["alias"] * 2


async def test_who_is_forgotten_is_forgotten_in_one_company(ledger):
    for tenant in ("acme", "umbrella"):
        await ledger.record(accepted(1, tenant=tenant))
    assert await ledger.forget("acme", accepted(1).person, "alias") == 1
    assert list(await ledger.events("umbrella")) == [accepted(1, tenant="umbrella")]


async def some_entries(*events: Event) -> list[chain.Entry]:
    source = ListLedger()
    for event in events:
        await source.record(event)
    return list(await source.entries(events[0].tenant))


async def test_entries_are_restored_as_they_were(ledger):
    source = ListLedger()
    for event in (accepted(3, at=9.0), clicked(1, "x", 3.0), accepted(1), accepted(2)):
        await source.record(event)
    await source.forget("acme", accepted(2).person, "alias")
    entries = await source.entries("acme")
    assert await ledger.restore(entries) == 4
    assert list(await ledger.entries("acme")) == list(entries)
    assert await ledger.head("acme") == chain.head(entries)
    assert list(await ledger.events("acme")) == list(await source.events("acme"))
    assert list(await ledger.about("acme", accepted(1).referral)) == [
        accepted(1),
        clicked(1, "x", 3.0),
    ]
    assert not await ledger.record(accepted(1))


async def test_restoring_again_adds_only_what_is_new_and_forgets_whom_the_source_forgot(ledger):
    entries = await some_entries(*(accepted(number) for number in range(5)))
    assert await ledger.restore(entries[:3]) == 3
    entries[1] = chain.forgotten(entries[1], "alias")
    assert await ledger.restore(entries) == 2
    assert await ledger.restore(entries) == 0
    assert list(await ledger.entries("acme")) == entries
    assert await ledger.restore([]) == 0


async def test_what_is_recorded_after_restoring_follows_it(ledger):
    entries = await some_entries(accepted(1), accepted(2))
    await ledger.restore(entries)
    assert await ledger.record(accepted(3))
    kept = await ledger.entries("acme")
    assert list(kept[:2]) == entries
    assert chain.broken(kept) is None


async def test_nothing_is_restored_over_other_events(ledger):
    await ledger.record(accepted(9))
    before = await ledger.entries("acme")
    with pytest.raises(Diverged, match="empty place"):
        await ledger.restore(await some_entries(accepted(1), accepted(2)))
    with pytest.raises(Diverged, match="empty place"):
        await ledger.restore(await some_entries(accepted(9, at=2.0)))
    assert await ledger.entries("acme") == before
