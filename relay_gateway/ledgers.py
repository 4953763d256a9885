"""The ledger that a place in the settings names: here alone it is known which classes keep one."""

from __future__ import annotations

from relay_gateway.config import LedgerPlace
from relay_gateway.edge.journal import Journal
from relay_gateway.edge.journalled_ledger import JournalledLedger
from relay_gateway.edge.ledger import Book
from relay_gateway.edge.redis_ledger import RedisLedger, Replicas
from relay_gateway.edge.redis_server import Server, Shape
from relay_gateway.edge.sqlite_ledger import SqliteLedger


def book(place: LedgerPlace, *, only_reads: bool = False) -> JournalledLedger:
    """The ledger of this place with its journal, still to be opened."""
    journal = Journal(place.journal, only_reads=only_reads)
    return JournalledLedger(
        store(place, only_reads=only_reads),
        journal,
        place.patience,
        may_be_away=place.redis is not None,
        only_reads=only_reads,
    )


def store(place: LedgerPlace, *, only_reads: bool = False) -> Book:
    """The ledger of this place alone, still to be opened."""
    redis = place.redis
    if redis is None:
        return SqliteLedger(place.near, only_reads=only_reads)
    server = Server(
        redis.addresses,
        Shape(redis.shape),
        redis.service,
        redis.database,
        redis.is_tls,
        redis.tls,
        redis.user,
        redis.password,
        redis.sentinel_password,
    )
    return RedisLedger(server, replicas=Replicas(place.wait_replicas, place.wait_seconds))
