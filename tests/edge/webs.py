"""A web service on a loopback socket, and a visitor with the client of the standard library."""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from relay_gateway.core import link, report
from relay_gateway.core.credit import Event, Kind
from relay_gateway.core.tenant import Tenant
from relay_gateway.edge.counts import Counts
from relay_gateway.edge.journal import Journal
from relay_gateway.edge.journalled_ledger import JournalledLedger
from relay_gateway.edge.metrics import Metrics
from relay_gateway.edge.sockets import bind
from relay_gateway.edge.sqlite_ledger import SqliteLedger
from relay_gateway.edge.web_service import Front, WebService
from relay_gateway.gateway import Ledger
from tests.conftest import ACME, Clock
from tests.stillness import still

KEY = report.secret("whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVowMTIzNDU=")
ACME_WEB = replace(ACME, front="https://go.acme.example/r", hook_secrets=(KEY,))
OTHER = replace(
    ACME_WEB,
    id="other",
    link="https://careerrelay.jp/c/other",
    front="https://go.other.example/r",
    keys=(b"the key of another company, long enough",),
    hook_secrets=(b"the webhook key of another one",),
)
REFERRAL = link.refer("acme", b"<1@acme.example>", b"taro@gmail.example", ACME.keys)
TOKEN = link.token(REFERRAL, ACME.keys)
NOW = 1_790_000_000.0
BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36"


async def aside(call: Callable[..., Any], *given: Any) -> Any:
    """What a call returns that waits, made in a thread of its own that is gone afterwards: the
    service under test needs those of the loop.
    """
    with ThreadPoolExecutor(1) as pool:
        return await asyncio.get_running_loop().run_in_executor(pool, call, *given)


@dataclass(frozen=True)
class Answered:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def said(self) -> dict[str, str]:
        return json.loads(self.body)


@dataclass
class Visitor:
    """Asks one thing a connection, and waits until visits are written."""

    service: WebService
    ledger: Ledger
    clock: Clock
    metrics: Metrics
    browser: str = BROWSER
    sent: int = 0

    async def ask(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> Answered:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named.setdefault("user-agent", self.browser)
        return await aside(self._ask, method, path, body, named)

    async def visit(self, token: str = TOKEN, method: str = "GET", **headers: str) -> Answered:
        answered = await self.ask(method, f"/r/{token}", **headers)
        await self.service.visits.settled()
        return answered

    async def post(self, path: str, value: Any, **but: Any) -> Answered:
        """A report signed as CareerRelay would; `but` changes what is signed or sent."""
        self.sent += 1
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        id = but.pop("id", f"msg_{self.sent}")
        timestamp = but.pop("timestamp", str(int(self.clock.now())))
        signature = but.pop("signature", None) or report.sign(
            but.pop("key", KEY), id, timestamp, body
        )
        headers = {
            "content-type": "application/json",
            "webhook-id": id,
            "webhook-timestamp": timestamp,
            "webhook-signature": signature,
            **but,
        }
        return await self.ask("POST", path, body, **headers)

    async def told(self, kind: Kind, tenant: str = "acme") -> list[Event]:
        return [event for event in await self.ledger.events(tenant) if event.kind is kind]

    def _ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answered:
        connection = http.client.HTTPConnection(*self.service.address, timeout=60)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Answered(answer.status, found, answer.read())
        finally:
            connection.close()


def delivered(at: float = NOW, referral: link.Referral = REFERRAL) -> Event:
    """That the next hop has taken the mail."""
    return Event(Kind.ACCEPTED, referral.tenant, referral.id, referral.person, at)


def registration(**but: Any) -> dict[str, Any]:
    """What CareerRelay reports, a minute after the mail."""
    told = {"event_id": "evt_1", "token": TOKEN, "registered_at": "2026-09-21T14:14:20Z"}
    return {**told, **but}


@asynccontextmanager
async def web(
    folder: Path,
    *,
    tenants: tuple[Tenant, ...] = (ACME_WEB, OTHER),
    ledger: Ledger | None = None,
    now: float = NOW + 60,
    **but: Any,
) -> AsyncIterator[Visitor]:
    """A web service at work, with one mail delivered a minute ago."""
    own = SqliteLedger(folder / "ledger.sqlite3")
    await own.open()
    await own.record(delivered(now - 60))
    clock = Clock(now)
    (group,) = bind([("127.0.0.1", 0)], {}).values()
    settings = {"tls": None, "proxies": (), "rate": 1000, "total_rate": 1000, **but}
    front = Front(group, store=folder / "hooks.sqlite3", **settings)
    kept = JournalledLedger(own, Journal(folder / "journal.sqlite3", only_reads=True), 2.0)
    watched = ledger if isinstance(ledger, JournalledLedger) else kept
    metrics = Metrics(lambda outcome: None, Counts(folder / "metrics.json"), watched)
    service = WebService(front, tenants, ledger or own, clock, metrics)
    service.start()
    try:
        yield Visitor(service, ledger or own, clock, metrics)
    finally:
        with still():
            # uvicorn looks ten times a second whether it is to end, and waits once more.
            await service._web.stop(10)
        await service.stop(10)
        await metrics.stop()
        await own.close()
