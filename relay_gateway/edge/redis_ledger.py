"""The shared ledger: one Redis or Valkey for gateways on several hosts.

A company's events are a stream, which nothing compacts; beside it stand who was meant, and what
makes an event a repetition. One script a company and batch keeps all of it in one step.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from redis.exceptions import NoScriptError, RedisClusterException, RedisError, ResponseError

from relay_gateway.core import chain
from relay_gateway.core.chain import START, Entry, Head
from relay_gateway.core.credit import Event
from relay_gateway.edge.batch import Batch
from relay_gateway.edge.ledger import Complaint, missing
from relay_gateway.edge.redis_health import complaints
from relay_gateway.edge.redis_script import (
    ABOUT,
    FORGET,
    HEADS,
    KEEP,
    PAGE,
    Keys,
    arguments,
    entries_in,
    tenant_of,
)
from relay_gateway.edge.redis_server import Client, Server, Shape, advice, client

# Redis does nothing else while a script runs; so many events take it a few milliseconds.
_MOST_AT_ONCE = 200
_PAGE = 1000
# Each time another gateway was quicker, which was at least as much work done.
_MOST_ATTEMPTS = 100


@dataclass(frozen=True, slots=True)
class Replicas:
    """How many replicas must have an event before it is kept, and how long they may take."""

    least: int = 0
    seconds: float = 0.2


class RedisLedger:
    """Keeps the ledger's promise with a script that writes only if the chain stands as we saw it.

    `record` answers once Redis, and as many replicas as are wanted, have the event.
    """

    def __init__(
        self, server: Server, patience: float = 5.0, replicas: Replicas | None = None
    ) -> None:
        self._server = server
        self._patience = patience
        self._replicas = replicas or Replicas()
        self._batch = Batch(f"The ledger {server}", self._keep, patience, _MOST_AT_ONCE)
        self._client: Client | None = None
        self._heads: dict[str, str] = {}

    async def open(self) -> None:
        """Make the client and try it; `OSError` if nobody answers now, which may change."""
        if self._client is None:
            self._client = client(self._server, self._patience)
        with self._telling():
            await self._redis.ping()

    async def close(self) -> None:
        """Send what still waits, then hang up."""
        await self._batch.finish()
        gone, self._client = self._client, None
        if gone is not None:
            await gone.aclose()

    async def record(self, event: Event) -> bool:
        """Keep the event durably; False if it was kept before."""
        if self._client is None:
            raise OSError(f"The ledger {self._server} is not open")
        return await self._batch.record(event)

    async def events(self, tenant: str, since: float = 0.0) -> Sequence[Event]:
        """The events of one company that happened at `since` or later, oldest first."""
        with self._telling():
            first = await self._first_since(tenant, since)
            entries = [] if first is None else await self._entries(tenant, first)
        told = (entry.event for entry in entries)
        return sorted((event for event in told if event.at >= since), key=_at)

    async def about(self, tenant: str, referral: str) -> Sequence[Event]:
        """All that is known of one referral, oldest first; of the company itself if it is empty."""
        keys = Keys.of(tenant)
        with self._telling():
            places = (keys.events, keys.persons, keys.referrals)
            _, page = await self._run(ABOUT, places, [referral])
        return sorted((entry.event for entry in entries_in(tenant, page)), key=_at)

    async def tenants(self) -> Sequence[str]:
        """The companies of which anything is known, by name."""
        with self._telling():
            return sorted({tenant_of(key) async for key in self._redis.scan_iter(HEADS, _PAGE)})

    async def entries(self, tenant: str) -> Sequence[Entry]:
        """The events of one company as they are kept, in the order of their chain."""
        with self._telling():
            return await self._entries(tenant, "-")

    async def head(self, tenant: str) -> Head:
        """Where the chain of one company stands by the ledger's own note."""
        with self._telling():
            noted: list[Any] = await self._redis.hmget(Keys.of(tenant).head, "digest", "entries")
        return Head(noted[0], int(noted[1])) if noted[0] else Head()

    async def forget(self, tenant: str, person: str, alias: str) -> int:
        """Put the alias in the person's place; the number of events that told of the person."""
        persons, found = Keys.of(tenant).persons, 0
        with self._telling():
            # Until a round finds none: events come while we look.
            while theirs := await self._of_person(persons, person):
                pairs = [text for pair in theirs for text in pair]
                found += int(await self._run(FORGET, [persons], [f":{alias}", *pairs]))
            if found:
                await self._rewrite_log()
        return found

    async def restore(self, entries: Sequence[Entry]) -> int:
        """Keep one company's entries as they are, in their order; the number of new ones."""
        if not entries:
            return 0
        tenant = entries[0].event.tenant
        kept = await self.entries(tenant)
        new = missing(kept, entries)
        with self._telling():
            await self._forget_likewise(tenant, kept, entries)
            previous = kept[-1].digest if kept else START
            for at in range(0, len(new), _MOST_AT_ONCE):
                some = new[at : at + _MOST_AT_ONCE]
                is_kept, *_ = await self._tell(Keys.of(tenant), previous, some)
                if not is_kept:
                    raise OSError(f"somebody else writes events of {tenant}; stop the gateways")
                previous = some[-1].digest
        return len(new)

    async def complaints(self) -> Sequence[Complaint]:
        """What is set otherwise than it should be; in a cluster, at any of its primaries."""
        with self._telling():
            if not self._is_cluster:
                return await self._complaints()
            await self._redis.initialize()
            nodes = self._redis.get_primaries()
            found = await asyncio.gather(*(self._complaints(target_nodes=node) for node in nodes))
        return [
            replace(each, where=f"{node.host}:{node.port}")
            for node, its in zip(nodes, found, strict=True)
            for each in its
        ]

    async def _complaints(self, **where: Any) -> list[Complaint]:
        info: dict[str, Any] = await self._redis.info(**where)
        try:
            config: dict[str, str] = {}
            # One by one: before Redis 7 only one may be asked for.
            for name in ("appendfsync", "min-replicas-to-write"):
                config |= await self._redis.config_get(name, **where)
        except ResponseError:
            # Services that run a Redis for others often do not let them ask.
            config = {}
        return list(complaints(info, config, self._replicas.least))

    @property
    def _redis(self) -> Any:
        if self._client is None:
            raise OSError("it is not open")
        return self._client

    @property
    def _is_cluster(self) -> bool:
        return self._server.shape is Shape.CLUSTER

    async def _keep(self, events: Sequence[Event]) -> Sequence[bool]:
        by_tenant: dict[str, dict[str, Event]] = {}
        for event in events:
            by_tenant.setdefault(event.tenant, {}).setdefault(event.key, event)
        with self._telling():
            told = [self._keep_all(*pair) for pair in by_tenant.items()]
            fresh = dict(zip(by_tenant, await asyncio.gather(*told), strict=True))
        # Of several tellings in one batch the first may be new.
        return [_take(fresh[event.tenant], event.key) for event in events]

    async def _keep_all(self, tenant: str, told: Mapping[str, Event]) -> set[str]:
        """The keys of those events that were new."""
        keys, fresh = Keys.of(tenant), dict(told)
        for attempt in range(_MOST_ATTEMPTS):
            previous = self._heads.get(tenant, START)
            entries = _chained(fresh.values(), previous)
            is_kept, digest, known = await self._tell(keys, previous, entries)
            self._heads[tenant] = digest
            if is_kept:
                return set(fresh)
            for key in known:
                fresh.pop(key, None)
            if not fresh:
                return set()
            if not known:
                # Another gateway was quicker; do not meet it again at the same moment.
                await asyncio.sleep(random.uniform(0, 0.001 * attempt))  # noqa: S311 - no secret
        raise TimeoutError(f"too many gateways write events of {tenant} at once")

    async def _tell(
        self, keys: Keys, previous: str, entries: Sequence[Entry]
    ) -> tuple[bool, str, list[str]]:
        """Whether the entries are kept; else the digest they must follow, and those known."""
        told = [START, previous, entries[-1].digest, *arguments(entries)]
        is_kept, digest, known = await self._run(KEEP, keys.all(), told, self._replicas.least)
        return bool(is_kept), digest, known

    async def _run(
        self, script: str, keys: Sequence[str], told: Sequence[str], replicas: int = 0
    ) -> Any:
        try:
            return await self._call("EVALSHA", _SHA[script], keys, told, replicas)
        except NoScriptError:
            # A new server, or one that has just taken over.
            return await self._call("EVAL", script, keys, told, replicas)

    async def _call(
        self, command: str, script: str, keys: Sequence[str], told: Sequence[str], replicas: int
    ) -> Any:
        call = (command, script, len(keys), *keys, *told)
        if not replicas:
            return await self._redis.execute_command(*call)
        wait = ("WAIT", replicas, int(self._replicas.seconds * 1000))
        in_turn = self._in_turn_in_cluster if self._is_cluster else self._in_turn
        answer, reached = await in_turn(keys[0], call, wait)
        if reached < replicas:
            raise OSError(f"{reached} of {replicas} replicas have taken an event")
        return answer

    async def _in_turn(self, _: str, *calls: Sequence[Any]) -> Any:
        """All of them on one connection: WAIT waits for what was written on its own."""
        pipeline = self._redis.pipeline(transaction=False)
        for each in calls:
            pipeline.execute_command(*each)
        return await pipeline.execute()

    async def _in_turn_in_cluster(self, key: str, *calls: Sequence[Any]) -> Any:
        """All of them on one connection to the node of this key, or none that counts: one that is
        sent on to another node would wait there for nothing.
        """
        await self._redis.initialize()
        pipeline, name = self._redis.pipeline(), None
        try:
            node = self._redis.get_node_from_key(key)
            name = node.name
            for each in calls:
                pipeline.execute_command(*each, target_nodes=node)
            return await pipeline.execute(allow_redirections=False)
        except NoScriptError:
            raise
        except (RedisError, RedisClusterException, OSError):
            # Somebody else may have the key by now. A pipeline does not look for whom.
            await self._redis.nodes_manager.initialize(last_failed_node_name=name)
            raise

    async def _entries(self, tenant: str, first: str) -> list[Entry]:
        keys, start = Keys.of(tenant), first
        found: list[Entry] = []
        while True:
            told = [start, str(_PAGE)]
            last, page = await self._run(PAGE, (keys.events, keys.persons), told)
            if not last:
                return found
            found += entries_in(tenant, page)
            start = f"({last}"

    async def _first_since(self, tenant: str, since: float) -> str | None:
        """Where in the stream the first event stands that is not too old."""
        if since <= 0:
            return "-"
        ids = await self._redis.zrangebyscore(Keys.of(tenant).times, repr(since), "+inf")
        return min(ids, key=lambda id_: int(id_.partition("-")[0]), default=None)

    async def _of_person(self, persons: str, person: str) -> list[tuple[str, str]]:
        pairs = self._redis.hscan_iter(persons, count=_PAGE)
        theirs = [pair async for pair in pairs if pair[1].partition(":")[2] == person]
        return theirs[: _MOST_AT_ONCE * 10]

    async def _forget_likewise(
        self, tenant: str, kept: Sequence[Entry], given: Sequence[Entry]
    ) -> None:
        for number, (old, new) in enumerate(zip(kept, given, strict=False), 1):
            if old.salt and not new.salt:
                alias = f":{new.event.person}"
                await self._redis.hset(Keys.of(tenant).persons, f"{number}-0", alias)

    async def _rewrite_log(self) -> None:
        """The append-only file still tells who was forgotten, until it is written anew."""
        try:
            where = {"target_nodes": self._redis.get_primaries()} if self._is_cluster else {}
            await self._redis.bgrewriteaof(**where)
        except ResponseError:
            # It is being rewritten already, or we may not say so; docs/operating.md tells of it.
            return

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except (RedisError, RedisClusterException, OSError) as fault:
            kind = TimeoutError if isinstance(fault, TimeoutError) else OSError
            raise kind(
                f"The ledger {self._server} cannot be used: {advice(self._server, fault)}"
            ) from fault


_SCRIPTS = (KEEP, FORGET, PAGE, ABOUT)
_SHA = {script: hashlib.sha1(script.encode()).hexdigest() for script in _SCRIPTS}  # noqa: S324


def _chained(events: Iterable[Event], previous: str) -> list[Entry]:
    entries = []
    for event in events:
        entries.append(chain.entry(event, secrets.token_hex(16), previous))
        previous = entries[-1].digest
    return entries


def _take(fresh: set[str], key: str) -> bool:
    is_fresh = key in fresh
    fresh.discard(key)
    return is_fresh


def _at(event: Event) -> float:
    return event.at
