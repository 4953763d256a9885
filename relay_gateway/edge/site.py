"""What strangers may ask by HTTP: the links of companies that lead through us, and webhooks.

No address to lead to is ever in a request: a link leads to its company's own page.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import partial

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from relay_gateway.core import link, trail
from relay_gateway.core.access import Network
from relay_gateway.core.tenant import Tenant
from relay_gateway.core.visit import Visit, family
from relay_gateway.edge.hooks import BOUNCED, LARGEST, REGISTERED, Hooks, Post
from relay_gateway.edge.metrics import MEDIA_TYPE, Metrics
from relay_gateway.edge.rate import Rates
from relay_gateway.edge.visitor import address_of, is_watcher
from relay_gateway.edge.visits import Visits
from relay_gateway.gateway import Clock, Ledger

LOST = (
    "このリンクは確認できませんでした。お手元のメールのリンクをもう一度お確かめください。\n"
    "This link is not known. Please look again at the link in your mail.\n"
)
ROBOTS = "User-agent: *\nDisallow: /\n"
# For no cache, no index, no next page and no frame: a link is for one person.
_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"x-robots-tag", b"noindex, nofollow"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
_PURPOSES = ("sec-purpose", "purpose", "x-purpose", "x-moz")
_READY_WITHIN = 2.0


@dataclass(frozen=True, slots=True)
class Site:
    """The companies, whoever writes down what they are told, and who may see the `metrics`."""

    tenants: tuple[Tenant, ...]
    visits: Visits
    hooks: Hooks
    ledger: Ledger
    clock: Clock
    rates: Rates
    metrics: Metrics
    proxies: tuple[Network, ...] = ()
    watchers: tuple[Network, ...] = ()

    def app(self) -> ASGIApp:
        """The whole of it, behind the limits."""
        routes = [
            Route("/r/{token}", self._visit, methods=["GET"]),
            # Some programs and people end an address with a slash.
            Route("/r/{token}/", self._visit, methods=["GET"]),
            Route("/robots.txt", _robots, methods=["GET"]),
            Route("/healthz", _healthy, methods=["GET"]),
            Route("/readyz", self._ready, methods=["GET"]),
            Route("/metrics", self._measure, methods=["GET"]),
        ]
        if self.hooks.is_open:
            routes += (
                Route(f"/hooks/{kind}", partial(self._report, kind), methods=["POST"])
                for kind in (REGISTERED, BOUNCED)
            )
        made = Starlette(routes=routes, exception_handlers={HTTPException: _refuse})
        made.router.redirect_slashes = False
        return _Gate(made, self.rates, self.proxies)

    async def _visit(self, request: Request) -> Response:
        token = trail.leading(request.path_params["token"])
        found = trail.follow(token, self.tenants)
        if found is None:
            return self._lost(request)
        tenant, referral = found
        said = ", ".join(request.headers.get(name, "") for name in _PURPOSES)
        self.visits.note(
            Visit(
                tenant=tenant.id,
                referral=referral,
                at=self.clock.now(),
                id=secrets.token_hex(8),
                method=request.method,
                agent=family(request.headers.get("user-agent", ""), said),
            )
        )
        return _onward(link.url(tenant.link, token.upper()))

    def _lost(self, request: Request) -> Response:
        """The plain page of the company that this host belongs to, if it is one company's."""
        host = request.headers.get("host", "").lower()
        its = [tenant for tenant in self.tenants if _host(tenant) == host]
        if len(its) == 1:
            return _onward(its[0].link)
        return PlainTextResponse(LOST, 404)

    async def _report(self, kind: str, request: Request) -> Response:
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != "application/json":
            return JSONResponse({"error": "send content-type: application/json"}, 415)
        body = await _body(request)
        if body is None:
            return JSONResponse({"error": f"send at most {LARGEST} octets"}, 413)
        id, timestamp, signatures = (
            request.headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature")
        )
        answer = await self.hooks.take(kind, Post(id, timestamp, signatures, body))
        headers = {"retry-after": "30"} if answer.status == 503 else None
        return JSONResponse(dict(answer.said), answer.status, headers)

    async def _measure(self, request: Request) -> Response:
        if not is_watcher(request.scope, self.watchers, self.proxies):
            raise HTTPException(404)
        companies = (tenant.id for tenant in self.tenants)
        text = await self.metrics.text(companies)
        return Response(text, media_type=MEDIA_TYPE)

    async def _ready(self, request: Request) -> Response:
        try:
            async with asyncio.timeout(_READY_WITHIN):
                await self.ledger.about("", "")
        except OSError:
            return PlainTextResponse("the ledger does not answer\n", 503)
        return PlainTextResponse("ready\n")


def _host(tenant: Tenant) -> str:
    """Where the company's links lead through us; empty if they do not."""
    return tenant.front.partition("://")[2].partition("/")[0].lower()


def _onward(url: str) -> Response:
    return Response(status_code=302, headers={"location": url})


async def _robots(request: Request) -> Response:
    return PlainTextResponse(ROBOTS)


async def _healthy(request: Request) -> Response:
    return PlainTextResponse("alive\n")


async def _refuse(request: Request, refusal: Exception) -> Response:
    """What nobody has asked for is answered in a word, and without what was asked."""
    status = refusal.status_code if isinstance(refusal, HTTPException) else 500
    headers = refusal.headers if isinstance(refusal, HTTPException) else None
    return PlainTextResponse(LOST if status == 404 else "", status, headers)


async def _body(request: Request) -> bytes | None:
    """The raw body; None if it is too large, of which no more is read."""
    found = bytearray()
    try:
        async for piece in request.stream():
            found += piece
            if len(found) > LARGEST:
                return None
    except ClientDisconnect:
        # Nobody hears the answer; nothing is taken of half a report.
        return b""
    return bytes(found)


class _Gate:
    """Before all rooms: how often somebody may ask, and what stands on every answer."""

    def __init__(self, inner: ASGIApp, rates: Rates, proxies: Iterable[Network]) -> None:
        self._inner = inner
        self._rates = rates
        self._proxies = tuple(proxies)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *_HEADERS]}
            await send(message)

        room: Callable[[Scope, Receive, Send], Awaitable[None]] = self._inner
        if scope["path"] != "/healthz" and not self._rates.allows(address_of(scope, self._proxies)):
            room = PlainTextResponse("too many requests\n", 429, {"retry-after": "60"})
        await room(scope, receive, sealed)
