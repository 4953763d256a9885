"""The ledger of the settings, looked at by a command: nothing is made or changed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from os.path import normpath
from typing import TypeVar

from relay_gateway.cli import phrases, screen
from relay_gateway.config import LedgerPlace
from relay_gateway.edge.journalled_ledger import JournalledLedger
from relay_gateway.ledgers import book

Result = TypeVar("Result")


def look(
    place: LedgerPlace, read: Callable[[JournalledLedger], Awaitable[Result]], nothing: Result
) -> Result:
    """What `read` finds in the ledger; `nothing`, and a sentence, where none has begun yet."""
    if place.path is not None and not place.path.exists():
        screen.say(phrases.NO_LEDGER(path=normpath(place.path)), "yellow")
        return nothing
    return run(place, read, only_reads=True)


def run(
    place: LedgerPlace,
    use: Callable[[JournalledLedger], Awaitable[Result]],
    *,
    only_reads: bool = False,
) -> Result:
    """What comes of using the ledger; a fault of it ends the command with a sentence."""
    try:
        return asyncio.run(_use(book(place, only_reads=only_reads), use))
    except OSError as problem:
        raise screen.Stopped(f"{problem}.", screen.IO_FAULT) from problem


async def _use(
    ledger: JournalledLedger, use: Callable[[JournalledLedger], Awaitable[Result]]
) -> Result:
    try:
        await ledger.open()
        return await use(ledger)
    finally:
        await ledger.close()
