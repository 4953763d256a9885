"""A Redis or Valkey: where it is, how we log in, and the client that keeps up with failovers."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff

Client = Redis | RedisCluster


class Shape(StrEnum):
    """How the servers stand together."""

    SINGLE = "single"
    SENTINEL = "sentinel"
    CLUSTER = "cluster"


@dataclass(frozen=True, slots=True)
class Server:
    """One server, the Sentinels that know which one is the primary, or some nodes of a cluster.

    `service` is the Sentinels' name for it.
    """

    addresses: tuple[tuple[str, int], ...]
    shape: Shape = Shape.SINGLE
    service: str = ""
    database: int = 0
    is_tls: bool = False
    ca: Path | None = None
    user: str = ""
    password: str = field(default="", repr=False)
    sentinel_password: str = field(default="", repr=False)

    def __str__(self) -> str:
        """The URL, without any secret."""
        hosts = ",".join(f"[{h}]:{p}" if ":" in h else f"{h}:{p}" for h, p in self.addresses)
        path = f"/{self.service}" if self.service else ""
        path += f"/{self.database}" if self.database else ""
        scheme = "rediss" if self.is_tls else "redis"
        if self.shape is not Shape.SINGLE:
            scheme += f"+{self.shape}"
        return f"{scheme}://{hosts}{path}"


def client(server: Server, patience: float) -> Client:
    """A client that gives up on each step after `patience` seconds; it connects when it must."""
    line = _line(server, patience)
    login: dict[str, Any] = {
        "username": server.user or None,
        "password": server.password or None,
        "decode_responses": True,
    }
    if server.shape is Shape.CLUSTER:
        nodes = [ClusterNode(*address) for address in server.addresses]
        return RedisCluster(startup_nodes=nodes, max_connections=20, **line, **login)
    if server.shape is Shape.SENTINEL:
        asked = {**line, "password": server.sentinel_password or None}
        sentinel = Sentinel(server.addresses, sentinel_kwargs=asked)  # type: ignore[no-untyped-call]
        found: Redis = sentinel.master_for(server.service, db=server.database, **line, **login)
        return found
    host, port = server.addresses[0]
    return Redis(host=host, port=port, db=server.database, **line, **login)


def _line(server: Server, patience: float) -> dict[str, Any]:
    line: dict[str, Any] = {
        "socket_timeout": patience,
        "socket_connect_timeout": patience,
        # A script that is sent twice would call its own events repetitions.
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
    }
    if server.is_tls:
        line |= {"ssl": True, "ssl_ca_certs": str(server.ca) if server.ca else None}
    return line
