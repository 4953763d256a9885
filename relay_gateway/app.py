"""Builds everything from a config, runs it, and stops it in order; it alone knows which classes
exist.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from relay_gateway.config import Config
from relay_gateway.edge import log
from relay_gateway.edge.capture import capture
from relay_gateway.edge.next_hop import NextHop, Timeouts, Tls
from relay_gateway.edge.smtp import FrontEnd, Limits
from relay_gateway.edge.sqlite_ledger import SqliteLedger
from relay_gateway.gateway import Gateway, Station


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def elapsed(self) -> float:
        """Seconds that only ever go forward."""
        return time.perf_counter()


@dataclass(frozen=True, slots=True)
class Running:
    """A gateway at work: where it listens, where mail goes on to, and where events are kept.

    `outbox` is the Maildir of the built-in capture, None if a next hop is configured.
    """

    host: str
    port: int
    next_hop: tuple[str, int]
    outbox: Path | None
    ledger: SqliteLedger


@asynccontextmanager
async def running(config: Config) -> AsyncIterator[Running]:
    """Start in the order next hop, ledger, front end; stop in the other, mails under way first."""
    async with AsyncExitStack() as stack:
        host, port, outbox = await _next_hop(config, stack)
        ledger = SqliteLedger(config.ledger)
        await ledger.open()
        stack.push_async_callback(ledger.close)
        hostname = config.hostname
        station = Station(hostname if config.listen.received else "", config.timeouts.think)
        gateway = Gateway(config.policy, ledger, log.observe, SystemClock(), station)
        tls = Tls(config.next_hop.tls) if config.next_hop else Tls.NONE
        limits, timeouts = _limits(config), _timeouts(config)
        hop = partial(NextHop, host, port, tls, hostname, timeouts)
        clients = config.listen.clients
        front_end = FrontEnd(hostname, gateway.relay, hop, clients, limits, timeouts)
        server = await front_end.listen(config.listen.host, config.listen.port)
        stack.push_async_callback(front_end.stop, config.timeouts.stop)
        address = server.sockets[0].getsockname()
        yield Running(address[0], address[1], (host, port), outbox, ledger)


async def _next_hop(config: Config, stack: AsyncExitStack) -> tuple[str, int, Path | None]:
    """The configured next hop, or a capture of our own that keeps what leaves."""
    if config.next_hop is not None:
        return config.next_hop.host, config.next_hop.port, None
    kept = await stack.enter_async_context(await capture(config.outbox))
    host, port = kept.sockets[0].getsockname()[:2]
    return host, port, config.outbox


def _timeouts(config: Config) -> Timeouts:
    ours = config.timeouts
    return Timeouts(ours.client_command, ours.client_data, ours.connect, ours.reply, ours.final_dot)


def _limits(config: Config) -> Limits:
    ours = config.limits
    return Limits(
        message_size=ours.message_size,
        recipients=ours.recipients,
        connections=ours.connections,
        errors=ours.errors,
        hops=ours.hops,
    )
