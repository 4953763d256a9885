"""A Redis or Valkey: where it is, how we log in, and the client that keeps up with failovers."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from enum import StrEnum
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

    `service` is the Sentinels' name for it. `tls` is how we speak TLS where it is spoken; left out,
    as the system trusts.
    """

    addresses: tuple[tuple[str, int], ...]
    shape: Shape = Shape.SINGLE
    service: str = ""
    database: int = 0
    is_tls: bool = False
    tls: ssl.SSLContext | None = field(default=None, compare=False, repr=False)
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
    line: dict[str, Any] = {
        "socket_timeout": patience,
        "socket_connect_timeout": patience,
        # A script that is sent twice would call its own events repetitions.
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        "ssl": server.is_tls,
    }
    login: dict[str, Any] = {
        "username": server.user or None,
        "password": server.password or None,
        "decode_responses": True,
    }
    if server.shape is Shape.CLUSTER:
        nodes = [ClusterNode(*address) for address in server.addresses]
        made = RedisCluster(startup_nodes=nodes, max_connections=20, **line, **login)
        _speak(server, made.connection_kwargs, *made.startup_nodes)
        return made
    if server.shape is Shape.SENTINEL:
        asked = {**line, "password": server.sentinel_password or None}
        sentinel = Sentinel(server.addresses, sentinel_kwargs=asked)  # type: ignore[no-untyped-call]
        found: Redis = sentinel.master_for(server.service, db=server.database, **line, **login)
        pools = (each.connection_pool for each in (found, *sentinel.sentinels))
        _speak(server, {}, *pools)
        return found
    host, port = server.addresses[0]
    one = Redis(host=host, port=port, db=server.database, **line, **login)
    _speak(server, {}, one.connection_pool)
    return one


def _speak(server: Server, later: dict[str, Any], *pools: Any) -> None:
    """Have these pools, and those that are made of `later`, speak TLS as the server wants it.

    The library would trust all whom the system trusts beside the one that was named, and read their
    certificates again for each connection.
    """
    if not server.is_tls:
        return
    context = server.tls or ssl.create_default_context()
    for pool in pools:
        pool.connection_class = _speaking(pool.connection_class, context)
    if later:
        later["connection_class"] = _speaking(later["connection_class"], context)


def _speaking(kind: type[Any], context: ssl.SSLContext) -> type[Any]:
    class Speaking(kind):  # type: ignore[misc]
        def __init__(self, **settings: Any) -> None:
            super().__init__(**settings)
            self.ssl_context.context = context

    return Speaking


def advice(server: Server, fault: BaseException) -> str:
    """What went wrong, and what to do about it where that can be told.

    By its words: the library wraps it in another way for each shape.
    """
    words = str(fault) or type(fault).__name__
    hung_up = _SHOW if server.is_tls else _TLS
    all_advice = {**_ADVICE, **dict.fromkeys(_HUNG_UP, hung_up)}
    how = next((how for said, how in all_advice.items() if said in words), "")
    return f"{words}; {how}" if how else words


_NO_TLS = "see whether it is up, and whether it speaks TLS there (rediss:) or not (redis:)"
_TLS = "if it speaks TLS there, write rediss: in ledger.url"
_SHOW = "if its log says that it wants to see a certificate, correct ledger.certificate"
_HUNG_UP = ("Connection closed by server", "Connection reset by peer")
_LOGIN = "correct ledger.user and ledger.secret, or the user at the Redis"
_GRANT = "grant it at the Redis, as docs/operating.md lists"
_ADVICE = {
    "certificate is not valid for": "name the server in ledger.url as its certificate does",
    "certificate has expired": "renew the certificate of the Redis",
    "CERTIFICATE_VERIFY_FAILED": "name the file of those who sign its certificate in ledger.ca",
    "CERTIFICATE_REQUIRED": "it wants to see ours: write ledger.certificate and ledger.key",
    "ALERT_UNKNOWN_CA": "it does not trust who signed ledger.certificate; see its tls-ca-cert-file",
    "ALERT_HANDSHAKE_FAILURE": "it may want to see ours: write ledger.certificate and ledger.key",
    "WRONG_VERSION_NUMBER": _NO_TLS,
    "RECORD_LAYER_FAILURE": _NO_TLS,
    "Timeout connecting": _NO_TLS,
    "invalid username-password": _LOGIN,
    "WRONGPASS": _LOGIN,
    "Authentication required": "write ledger.user and ledger.secret",
    "no permissions": _GRANT,
    "can't run this command": _GRANT,
    "NOPERM": _GRANT,
}
