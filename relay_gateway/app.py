"""Builds everything from a config, runs it, and stops it in order; it alone knows which classes
exist.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from relay_gateway.config import Config, Listener
from relay_gateway.core.decision import Decision, decide
from relay_gateway.core.edit import Raw
from relay_gateway.core.envelope import Envelope
from relay_gateway.core.reproduce import reproduce
from relay_gateway.edge import log
from relay_gateway.edge.burst_guard import BurstGuard
from relay_gateway.edge.capture import capture
from relay_gateway.edge.counts import Counts
from relay_gateway.edge.crowd import Crowd
from relay_gateway.edge.entrance import Entrance
from relay_gateway.edge.grants import Grants
from relay_gateway.edge.journalled_ledger import JournalledLedger
from relay_gateway.edge.metrics import Metrics
from relay_gateway.edge.next_hop import Destination, NextHop, Timeouts, Tls
from relay_gateway.edge.purge import DailyPurge
from relay_gateway.edge.reproducers import SECONDS, Reproducers
from relay_gateway.edge.smtp import FrontEnd, Limits
from relay_gateway.edge.sockets import Sockets, bind
from relay_gateway.edge.thinkers import Nursery, Thinkers
from relay_gateway.edge.web_service import Front, WebService
from relay_gateway.edge.worker import Lifeline, Word
from relay_gateway.gateway import Gateway, Outcome, Station, Think
from relay_gateway.ledgers import book


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

    addresses: tuple[tuple[str, int], ...]
    next_hop: tuple[str, int]
    outbox: Path | None
    ledger: JournalledLedger
    front_ends: tuple[FrontEnd, ...] = field(repr=False)
    web: WebService | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Where the first listener listens."""
        return self.addresses[0]

    def close(self) -> None:
        """Take no more clients who send mail."""
        for each in self.front_ends:
            each.close()

    async def retire(self, patience: float) -> None:
        """Take no more clients; return when the last one has gone, asked to after `patience`."""
        web = [self.web.stop(patience)] if self.web else []
        await asyncio.gather(*(each.retire(patience) for each in self.front_ends), *web)


async def _at_once() -> None:
    """Nobody is waited for."""


@asynccontextmanager
async def running(
    config: Config,
    sockets: Sockets | None = None,
    think: Think | None = None,
    ready: Callable[[], Awaitable[None]] = _at_once,
    reproducers: Reproducers | None = None,
) -> AsyncIterator[Running]:
    """Start in the order next hop, ledger, front ends; stop in the other, mails under way first.

    Clients come by these sockets, a group for each listener in its order and one for the web
    service, or by our own; none is taken before `ready` returns.
    """
    async with AsyncExitStack() as stack:
        host, port, outbox = await _next_hop(config, stack)
        ledger = book(config.ledger)
        stack.push_async_callback(ledger.close)
        await ledger.open()
        reproducers = reproducers or _reproducers(config)
        if reproducers is not None:
            stack.push_async_callback(reproducers.stop)
        grants = Grants(ledger, config.policy.tenants, SystemClock())
        stack.push_async_callback(grants.stop)
        metrics = Metrics(log.observe, Counts(_beside(config, "metrics.json")), ledger)
        stack.push_async_callback(metrics.stop)
        guard = BurstGuard(ledger, SystemClock())
        stack.push_async_callback(guard.stop)
        desk = _Desk(ledger, guard, grants, metrics, reproducers)
        house = _House(config, desk, _destination(config, (host, port)), think)
        front_ends = tuple(map(house.front_end, config.listeners))
        web = _web(config, desk, sockets)
        await ready()
        stack.push_async_callback(_stop, front_ends, config.timeouts.stop)
        if web is not None:
            stack.push_async_callback(web.stop, config.timeouts.stop)
            web.start()
        addresses = await _listen(front_ends, config, sockets)
        daily = DailyPurge(ledger, config.policy.tenants, SystemClock(), _beside(config, "purged"))
        stack.push_async_callback(daily.stop)
        daily.start()
        yield Running(addresses, (host, port), outbox, ledger, front_ends, web)


def set_up_log(config: Config) -> None:
    """Have everything logged as the settings say."""
    its = config.log
    log.setup(its.format, its.level, its.file, has_words=its.reply_words)


def work(config: Config, sockets: Sockets, line: Lifeline) -> None:
    """The whole life of a worker process: this gateway, on sockets that others listen on too."""
    set_up_log(config)
    # Before there is any thread or loop.
    policy = config.policy
    nursery = Nursery.start(
        lambda envelope, raw: decide(envelope, raw, policy), config.timeouts.think
    )
    redactor = None
    if config.reproducers is not None:
        redactor = Nursery.start(lambda envelope, raw: reproduce(envelope, raw, policy), SECONDS)
    asyncio.run(_work(config, sockets, line, (nursery, redactor)))


async def _work(
    config: Config,
    sockets: Sockets,
    line: Lifeline,
    nurseries: tuple[Nursery, Nursery | None],
) -> None:
    nursery, redactor = nurseries
    is_lost = asyncio.Event()
    thinkers = Thinkers(nursery, config.thinkers, is_lost.set)
    with line.attached():
        await thinkers.start()
        try:
            async with (
                _redacting(config, redactor) as reproducers,
                running(config, sockets, thinkers.think, line.ready, reproducers) as gateway,
            ):
                # Without a nursery this process is of no more use, and is replaced when it ends.
                if await _first(line.word(), is_lost.wait()) is Word.RETIRE:
                    gateway.close()
                    line.tell("retired")
                    await _first(gateway.retire(config.timeouts.client_command), line.word())
        finally:
            await thinkers.stop()


@asynccontextmanager
async def _redacting(config: Config, nursery: Nursery | None) -> AsyncIterator[Reproducers | None]:
    """Reproducers made in a process of their own; mails are judged on without it."""
    if config.reproducers is None or nursery is None:
        yield None
        return
    thinkers = Thinkers(nursery, 1, lambda: None)
    await thinkers.start()
    try:
        yield Reproducers(config.reproducers, thinkers.think)
    finally:
        await thinkers.stop()


def _reproducers(config: Config) -> Reproducers | None:
    """Reproducers made in a thread, where there are no processes to think in."""
    if config.reproducers is None:
        return None

    async def think(envelope: Envelope, raw: Raw) -> Decision:
        return await asyncio.to_thread(reproduce, envelope, raw[:], config.policy)

    return Reproducers(config.reproducers, think)


async def _first(*coroutines: Awaitable[object]) -> object:
    """The result of the one that ends first; the others are given up."""
    tasks = [asyncio.ensure_future(each) for each in coroutines]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return done.pop().result()
    finally:
        for task in tasks:
            task.cancel()


async def _listen(
    front_ends: tuple[FrontEnd, ...], config: Config, sockets: Sockets | None
) -> tuple[tuple[str, int], ...]:
    """Where each front end is to be found."""
    found = []
    if sockets is None:
        for front_end, listener in zip(front_ends, config.listeners, strict=True):
            server = await front_end.listen(listener.host, listener.port)
            found.append(server.sockets[0].getsockname()[:2])
    else:
        # The web service's come behind those of the listeners.
        for front_end, group in zip(front_ends, sockets.values(), strict=False):
            for each in group:
                await front_end.listen(sock=each)
            found.append(group[0].getsockname()[:2])
    return tuple(found)


def _web(config: Config, desk: _Desk, sockets: Sockets | None) -> WebService | None:
    """The web service, on the sockets behind those of the listeners or on its own."""
    its = config.web
    if its is None:
        return None
    own = sockets if sockets is not None else bind([(its.host, its.port)], {})
    group = tuple(own.values())[-1]
    kept = _beside(config, "hooks.sqlite3")
    front = Front(group, its.tls, its.proxies, its.rate, its.total_rate, kept, its.watchers)
    tenants, note = config.policy.tenants, desk.grants.note
    return WebService(front, tenants, desk.ledger, SystemClock(), desk.metrics, note=note)


def _beside(config: Config, name: str) -> Path:
    """A file of this host's, next to those of the ledger."""
    near = config.ledger.near
    return near.with_name(f"{near.stem}.{name}")


async def _stop(front_ends: tuple[FrontEnd, ...], within: float) -> None:
    await asyncio.gather(*(each.stop(within) for each in front_ends))


@dataclass(frozen=True, slots=True)
class _Desk:
    """Where it is written down what becomes of mails."""

    ledger: JournalledLedger
    guard: BurstGuard
    grants: Grants
    metrics: Metrics
    reproducers: Reproducers | None

    def observe(self, outcome: Outcome) -> None:
        self.grants.observe(outcome)
        self.metrics.observe(outcome)


@dataclass(frozen=True, slots=True)
class _House:
    """What the front ends of a process share."""

    config: Config
    desk: _Desk
    destination: Destination
    think: Think | None
    crowd: Crowd = field(default_factory=Crowd)

    def front_end(self, listener: Listener) -> FrontEnd:
        config, desk, hostname = self.config, self.desk, listener.hostname
        station = Station(hostname if listener.has_received else "", config.timeouts.think)
        gateway = Gateway(
            config.policy,
            desk.ledger,
            desk.observe,
            SystemClock(),
            station,
            think=self.think,
            on_fault=desk.reproducers.take if desk.reproducers else None,
            guard=desk.guard,
        )
        timeouts = _timeouts(config)
        hop = partial(NextHop, self.destination, hostname, timeouts)
        return FrontEnd(
            _entrance(listener), gateway.relay, hop, _limits(config), timeouts, self.crowd
        )


def _destination(config: Config, address: tuple[str, int]) -> Destination:
    hop = config.next_hop
    if hop is None:
        return Destination(*address)
    return Destination(*address, Tls(hop.tls), hop.name, hop.context, hop.login)


def _entrance(listener: Listener) -> Entrance:
    return Entrance(
        hostname=listener.hostname,
        access=listener.access,
        tls=listener.tls,
        asking=listener.asking,
        is_implicit=listener.is_implicit,
        is_tls_required=listener.is_tls_required,
        users=listener.users,
        normalizes_newlines=listener.normalizes_newlines,
    )


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
        connections_per_address=ours.connections_per_address,
        strangers=ours.connections_of_strangers,
        commands=ours.commands,
        errors=ours.errors,
        hops=ours.hops,
        data_rate=ours.data_rate,
        spool_size=ours.spool_size,
        spool=config.spool,
    )
