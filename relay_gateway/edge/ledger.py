"""What a ledger offers beyond recording: it can be read whole, proved, moved, and made to forget.

The promises are the same whether SQLite or Redis keeps them; one test holds all of them to it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from typing import Protocol

from relay_gateway.core.chain import Entry, Head
from relay_gateway.core.credit import Event
from relay_gateway.gateway import Ledger


class Diverged(OSError):
    """A chain cannot be carried to where another one stands already."""


class Ailment(StrEnum):
    """What may be wrong with that which keeps the events."""

    DAMAGED = "damaged"
    NOT_PRIMARY = "not_primary"
    NO_LOG = "no_log"
    LOG_FAILED = "log_failed"
    LATE_SYNC = "late_sync"
    EVICTS = "evicts"
    FEW_REPLICAS = "few_replicas"
    CUT_OFF = "cut_off"
    LONELY = "lonely"
    HIDDEN = "hidden"


@dataclass(frozen=True, slots=True)
class Complaint:
    """One thing that is wrong, and at which of several servers."""

    ailment: Ailment
    detail: str = ""
    where: str = ""


class Book(Ledger, Protocol):
    """A ledger and the hash chains that prove it; whatever is out of order is an `OSError`."""

    async def open(self) -> None:
        """Reach what keeps the events; `OSError` says what stands in the way, and what to do."""

    async def close(self) -> None:
        """Keep what still waits, then let go."""

    async def tenants(self) -> Sequence[str]:
        """The companies of which anything is known, by name."""

    async def entries(self, tenant: str) -> Sequence[Entry]:
        """The events of one company as they are kept, in the order of their chain."""

    async def head(self, tenant: str) -> Head:
        """Where the chain of one company stands by the ledger's own note."""

    async def forget(self, tenant: str, person: str, alias: str) -> int:
        """Put the alias in the person's place; the number of events that told of the person."""

    async def restore(self, entries: Sequence[Entry]) -> int:
        """Keep one company's entries as they are, in their order; the number of those that are new.

        What is kept already must be how they begin, else they are refused as `Diverged`.
        """

    async def complaints(self) -> Sequence[Complaint]:
        """What is wrong with that which keeps the events, or may become so."""


def recordable(event: Event) -> Event:
    """The event, if every ledger can keep it; else `ValueError`."""
    if not math.isfinite(event.at):
        raise ValueError("an event has a time")
    for text in (event.tenant, event.referral, event.person, *chain.from_iterable(event.facts)):
        text.encode()
    return event


def missing(kept: Sequence[Entry], given: Sequence[Entry]) -> Sequence[Entry]:
    """Those of the given entries that a chain lacks which must be how they begin."""
    if kept and (len(given) < len(kept) or given[len(kept) - 1].digest != kept[-1].digest):
        name = kept[0].event.tenant
        raise Diverged(
            f"Other events of {name} stand there already; carry its ledger to an empty place"
        )
    return given[len(kept) :]
