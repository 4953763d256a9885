"""Links that lead through us: where they lead, what is kept of a visit, and how much is borne."""

from __future__ import annotations

import asyncio
import io
import ipaddress
import logging
from collections.abc import Sequence

import pytest

from relay_gateway.core import link
from relay_gateway.core.credit import Event, Kind, Terms
from relay_gateway.core.decision import Decision
from relay_gateway.core.funnel import funnel
from relay_gateway.core.reason import Reason
from relay_gateway.core.reply import reply
from relay_gateway.edge import log
from relay_gateway.edge.rate import Rates
from relay_gateway.gateway import Outcome
from tests.certificates import authority
from tests.conftest import Clock, envelope
from tests.doubles import Talker
from tests.edge.webs import ACME_WEB, BROWSER, NOW, OTHER, REFERRAL, TOKEN, delivered, web

PAGE = f"https://careerrelay.jp/c/acme/{TOKEN}"


class Down:
    """A ledger that is away."""

    async def record(self, event: Event) -> bool:
        raise OSError("the ledger is away")

    async def events(self, tenant: str, since: float = 0.0) -> Sequence[Event]:
        raise OSError("the ledger is away")

    async def about(self, tenant: str, referral: str) -> Sequence[Event]:
        raise OSError("the ledger is away")


# Where links lead


async def test_a_link_leads_to_the_page_of_its_company(tmp_path):
    async with web(tmp_path) as visitor:
        answered = await visitor.visit()
        other = link.refer("other", b"<1@other.example>", b"taro@gmail.example", OTHER.keys)
        elsewhere = await visitor.visit(link.token(other, OTHER.keys))

        assert (answered.status, answered.headers["location"]) == (302, PAGE)
        assert elsewhere.headers["location"].startswith("https://careerrelay.jp/c/other/")


@pytest.mark.parametrize(
    "written", [TOKEN.lower(), TOKEN + ".", TOKEN + ")", TOKEN + "?u=1", TOKEN + "/", TOKEN + "%2F"]
)
async def test_a_link_is_read_as_mail_programs_and_people_write_it(tmp_path, written):
    async with web(tmp_path) as visitor:
        assert (await visitor.visit(written)).headers["location"] == PAGE


async def test_nothing_in_a_request_says_where_it_leads(tmp_path):
    evil = "https://evil.example/"
    async with web(tmp_path) as visitor:
        for headers in (
            {"host": "evil.example"},
            {"x-forwarded-host": "evil.example"},
            {"referer": evil},
        ):
            assert (await visitor.visit(**headers)).headers["location"] == PAGE
        for path in (f"/r/{TOKEN}/{evil}", f"/r/{evil}", f"//evil.example/r/{TOKEN}", f"/{evil}"):
            answered = await visitor.ask("GET", path, host="evil.example")
            assert (answered.status, "location" in answered.headers) == (404, False)


async def test_a_damaged_link_leads_to_the_plain_page_of_its_host(tmp_path):
    damaged = ("0" if TOKEN[0] != "0" else "1") + TOKEN[1:]
    async with web(tmp_path) as visitor:
        answered = await visitor.visit(damaged, host="go.acme.example")
        unknown = await visitor.visit(damaged, host="elsewhere.example")

        assert (answered.status, answered.headers["location"]) == (302, ACME_WEB.link)
        assert (unknown.status, "もう一度" in unknown.body.decode()) == (404, True)
        assert await visitor.told(Kind.CLICKED) == []


async def test_answers_are_for_no_cache_no_index_and_no_next_page(tmp_path):
    async with web(tmp_path) as visitor:
        for path in (f"/r/{TOKEN}", "/r/nonsense", "/robots.txt", "/nowhere"):
            headers = (await visitor.ask("GET", path)).headers
            assert headers["cache-control"] == "no-store"
            assert headers["x-robots-tag"] == "noindex, nofollow"
            assert headers["referrer-policy"] == "no-referrer"
            assert headers["x-content-type-options"] == "nosniff"
            assert "set-cookie" not in headers
            assert "server" not in headers
        assert b"Disallow: /" in (await visitor.ask("GET", "/robots.txt")).body
        assert (await visitor.ask("POST", f"/r/{TOKEN}", b"")).status == 405


# What is kept of a visit


async def test_a_visit_is_kept_raw_and_without_the_visitor(tmp_path):
    async with web(tmp_path) as visitor:
        await visitor.visit(x_forwarded_for="198.51.100.7")
        await visitor.visit()
        first, second = await visitor.told(Kind.CLICKED)

        assert (first.referral, first.person) == (REFERRAL.id, REFERRAL.person)
        assert first.fact("id") != second.fact("id")
        facts = {name: value for name, value in first.facts if name != "id"}
        assert facts == {"after": "60.0", "agent": "chrome", "method": "GET"}


@pytest.mark.parametrize(
    ("method", "headers", "is_person"),
    [
        ("GET", {}, True),
        ("GET", {"user_agent": "Mozilla/5.0 (iPhone) Safari/604.1 Line/14.0"}, True),
        ("GET", {"user_agent": "Mozilla/5.0 (Linux; Android 9; CUBOT NOTE) Chrome/138 "}, True),
        ("HEAD", {}, False),
        ("GET", {"sec_purpose": "prefetch;prerender"}, False),
        ("GET", {"purpose": "prefetch"}, False),
        ("GET", {"x_moz": "prefetch"}, False),
        ("GET", {"user_agent": "Mozilla/5.0 (compatible; bingbot/2.0)"}, False),
        ("GET", {"user_agent": "Mozilla/5.0 Chrome/120 HeadlessChrome/120"}, False),
        ("GET", {"user_agent": "curl/8.5.0"}, False),
        ("GET", {"user_agent": "python-requests/2.32"}, False),
        ("GET", {"user_agent": ""}, False),
        ("GET", {"user_agent": "BarracudaCentral"}, False),
    ],
)
async def test_people_are_told_from_scanners_and_prefetches(tmp_path, method, headers, is_person):
    async with web(tmp_path) as visitor:
        answered = await visitor.visit(method=method, **headers)
        counts = funnel(await visitor.ledger.events("acme"), Terms())

        assert (answered.status, answered.headers["location"]) == (302, PAGE)
        assert (counts.clicked, counts.machines) == ((1, 0) if is_person else (0, 1))


async def test_whoever_comes_within_seconds_is_taken_for_a_scanner(tmp_path):
    async with web(tmp_path) as visitor:
        visitor.clock.time = NOW + 3
        await visitor.visit()
        counts = funnel(await visitor.ledger.events("acme"), Terms())
        assert (counts.clicked, counts.machines) == (0, 1)

        visitor.clock.time = NOW + 3600
        await visitor.visit()
        counts = funnel(await visitor.ledger.events("acme"), Terms())
        assert (counts.clicked, counts.machines) == (1, 0)


async def test_a_link_of_a_test_letter_leads_on_and_leaves_nothing(tmp_path):
    referral = link.refer("acme", b"<test@acme.example>", b"it@acme.example", ACME_WEB.keys)
    async with web(tmp_path) as visitor:
        answered = await visitor.visit(link.token(referral, ACME_WEB.keys))

        assert answered.status == 302
        assert await visitor.told(Kind.CLICKED) == []


async def test_one_link_cannot_fill_the_ledger(tmp_path):
    async with web(tmp_path) as visitor:
        await asyncio.gather(*(visitor.ask("GET", f"/r/{TOKEN}") for _ in range(70)))
        await visitor.service.visits.settled()

        assert 50 <= len(await visitor.told(Kind.CLICKED)) < 60


# What is borne


async def test_a_ledger_that_is_away_delays_nobody(tmp_path):
    async with web(tmp_path, ledger=Down()) as visitor:
        answered = await visitor.visit()

        assert (answered.status, answered.headers["location"]) == (302, PAGE)
        assert (await visitor.ask("GET", "/healthz")).status == 200
        assert (await visitor.ask("GET", "/readyz")).status == 503


async def test_a_ledger_at_work_is_ready(tmp_path):
    async with web(tmp_path) as visitor:
        assert (await visitor.ask("GET", "/readyz")).status == 200


async def test_metrics_tell_of_mails_and_halts_to_those_who_may_ask(tmp_path):
    here = (ipaddress.ip_network("127.0.0.0/8"),)
    async with web(tmp_path, watchers=here) as visitor:
        decision = Decision(Reason.REJECTION, "acme")
        visitor.metrics.observe(Outcome(envelope(), decision, reply(250, "fine"), True, 1, 1, {}))
        await visitor.ledger.record(Event(Kind.HALTED, "acme", "", "", NOW, (("id", "1"),)))
        said = (await visitor.ask("GET", "/metrics")).body.decode()

        labels = '{company="acme",reason="rejection"}'
        assert f"relay_gateway_mails_total{labels} 1\n" in said
        assert 'relay_gateway_halted{company="acme"} 1\n' in said
        assert 'relay_gateway_halted{company="other"} 0\n' in said
        assert "relay_gateway_ledger_up 1\n" in said
        assert "relay_gateway_journal_events 0\n" in said
        # By a proxy that nobody has named all the world would seem to be here.
        assert (await visitor.ask("GET", "/metrics", x_forwarded_for="127.0.0.1")).status == 404
    async with web(tmp_path, watchers=here, proxies=here) as visitor:
        asked = [
            (await visitor.ask("GET", "/metrics", x_forwarded_for=each)).status
            for each in ("127.0.0.9", "198.51.100.7", "127.0.0.9, 198.51.100.7")
        ]
        assert asked == [200, 404, 404]
    async with web(tmp_path) as visitor:
        assert (await visitor.ask("GET", "/metrics")).status == 404


async def test_who_asks_too_often_waits_and_nobody_else_does(tmp_path):
    proxies = (ipaddress.ip_network("127.0.0.0/8"),)
    async with web(tmp_path, rate=3, proxies=proxies) as visitor:
        # What stands further left is the visitor's own word.
        own = [f"203.0.113.{n}, 198.51.100.7" for n in range(4)]
        statuses = [(await visitor.visit(x_forwarded_for=each)).status for each in own]
        other = await visitor.visit(x_forwarded_for="198.51.100.8")

        assert statuses == [302, 302, 302, 429]
        assert other.status == 302
        assert (await visitor.ask("GET", "/healthz")).status == 200


async def test_without_proxies_nobody_is_believed_to_be_somebody_else(tmp_path):
    async with web(tmp_path, rate=2) as visitor:
        asked = [(await visitor.visit(x_forwarded_for=f"192.0.2.{n}")).status for n in range(3)]
        assert asked == [302, 302, 429]


def test_buckets_fill_evenly_and_memory_is_bounded():
    clock = Clock(0.0)
    rates = Rates(60, 1000, clock.elapsed, addresses=10)
    assert [rates.allows("192.0.2.1") for _ in range(61)] == [True] * 60 + [False]
    clock.time = 1.0
    assert [rates.allows("192.0.2.1") for _ in range(2)] == [True, False]
    assert all(rates.allows("2001:db8::1") for _ in range(60))
    assert not rates.allows("2001:db8::ffff:1")
    for number in range(100):
        rates.allows(f"198.51.100.{number}")
    assert len(rates._buckets) == 10


def test_all_together_have_a_limit_too():
    rates = Rates(10, 15, Clock(0.0).elapsed)
    allowed = sum(rates.allows(f"192.0.2.{number}") for number in range(40))
    assert allowed == 15


async def test_garbage_and_endless_headers_are_refused(tmp_path):
    async with web(tmp_path) as visitor:
        for said in (b"\0\1\2\r\n\r\n", b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n"):
            talker = await Talker.at(visitor.service.address[1])
            await talker.say(said)
            assert b" 4" in await talker.line()
            await talker.close()
        assert (await visitor.visit()).status == 302


async def is_listening(port: int) -> bool:
    try:
        await (await Talker.at(port)).close()
    except ConnectionError:
        return False
    return True


async def test_a_visitor_who_has_come_and_not_yet_asked_is_answered_before_the_end(tmp_path):
    async with web(tmp_path) as visitor:
        port = visitor.service.address[1]
        late = await Talker.at(port)
        # Who comes first is met first.
        assert (await visitor.ask("GET", "/healthz")).status == 200
        stopping = asyncio.create_task(visitor.service.stop(10))
        while await is_listening(port):
            pass
        await late.say(f"GET /r/{TOKEN} HTTP/1.1\r\nHost: go.acme.example\r\n\r\n".encode())
        assert await late.line() == b"HTTP/1.1 302 Found"
        await late.reader.read()
        await late.close()
        await stopping


async def test_visits_under_way_are_written_before_the_end(tmp_path):
    async with web(tmp_path) as visitor:
        await visitor.ask("GET", f"/r/{TOKEN}")
        await visitor.service.stop(10)
        assert len(await visitor.told(Kind.CLICKED)) == 1


class Broken(Down):
    """A ledger with a fault of ours in it, the first few times."""

    times = 10

    async def about(self, tenant: str, referral: str) -> Sequence[Event]:
        self.times -= 1
        if self.times > 0:
            raise RuntimeError(f"something about {referral}")
        return [delivered()]

    async def record(self, event: Event) -> bool:
        self.kept = event
        return True


async def test_a_fault_of_ours_costs_one_answer_and_no_more(tmp_path):
    ledger = Broken()
    async with web(tmp_path, ledger=ledger) as visitor:
        assert (await visitor.ask("GET", "/readyz")).status == 500
        for _ in range(9):
            assert (await visitor.visit()).status == 302
        assert ledger.kept.kind is Kind.CLICKED


async def test_tls_is_spoken_with_the_certificate(tmp_path):
    signer = authority()
    async with web(tmp_path, tls=signer.server("localhost")) as visitor:
        reader, writer = await asyncio.open_connection(
            *visitor.service.address, ssl=signer.client(), server_hostname="localhost"
        )
        writer.write(f"GET /r/{TOKEN} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert await reader.readline() == b"HTTP/1.1 302 Found\r\n"
        writer.close()
        await writer.wait_closed()


async def test_the_log_holds_no_token_address_or_program(tmp_path):
    told = io.StringIO()
    root = logging.getLogger()
    before = list(root.handlers), root.level
    log.setup("json", "debug")
    root.handlers[0].setStream(told)
    try:
        async with web(tmp_path) as visitor:
            await visitor.visit(user_agent=BROWSER)
            await visitor.visit("nonsense")
            await visitor.post("/hooks/registered", {"event_id": "e", "email": "x@y.example"})
            await visitor.post("/hooks/registered", b"{", key=b"wrong")
        async with web(tmp_path, ledger=Down()) as visitor:
            await visitor.visit()
    finally:
        root.handlers[:] = before[0]
        root.setLevel(before[1])
    said = told.getvalue()
    assert "visits_lost" in said
    for word in (TOKEN, TOKEN.lower(), REFERRAL.id, "127.0.0.1", "Chrome", "nonsense", "y.example"):
        assert word not in said
    assert delivered().person not in said
