"""What `import` and `bounces` share: a ledger to write to, and how a report on it ends."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from os.path import normpath
from pathlib import Path

from relay_gateway.cli.screen import NO_INPUT, Stopped
from relay_gateway.config import Config
from relay_gateway.edge.intake import Intake
from relay_gateway.ledgers import book


class _Now:
    """The machine's own clock."""

    def now(self) -> float:
        return time.time()

    def elapsed(self) -> float:
        return time.perf_counter()


@asynccontextmanager
async def intake(config: Config) -> AsyncIterator[Intake]:
    """The ledger of these settings, taking reports in; a gateway may be at work on it."""
    place = config.ledger
    if place.path is not None and not place.path.exists():
        raise _missing(place.path)
    ledger = book(place)
    try:
        await ledger.open()
        yield Intake(ledger, _Now())
    finally:
        await ledger.close()


def _missing(path: Path) -> Stopped:
    how = "run this where the gateway runs"
    return Stopped(f"There is no ledger {normpath(path)} yet to report to; {how}.", NO_INPUT)
