"""The ledger as the commands ask it, and how they show and enter what stands there."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from os.path import normpath
from typing import TypeVar

from relay_gateway.cli import screen
from relay_gateway.cli.desk import unknown_company
from relay_gateway.config import Config
from relay_gateway.core.credit import Event, Kind
from relay_gateway.core.tenant import Tenant
from relay_gateway.edge.ledger import Book
from relay_gateway.edge.sqlite_ledger import SqliteLedger

Answer = TypeVar("Answer")
Question = Callable[[Book], Awaitable[Answer]]


def company(config: Config, name: str) -> Tenant:
    """The company of this name; an unknown one stops the command."""
    tenants = config.policy.tenants
    found = next((tenant for tenant in tenants if tenant.id == name), None)
    if found is None:
        raise unknown_company(name, tenants)
    return found


def look(config: Config, question: Question[Answer], otherwise: Answer) -> Answer:
    """What the ledger answers; `otherwise` where there is none yet, which looking does not make."""
    if not config.ledger.exists():
        place = normpath(config.ledger)
        screen.say(f"There is no ledger {place} yet; it begins with the first referral.", "yellow")
        return otherwise
    return _ask(SqliteLedger(config.ledger, only_reads=True), question)


def enter(config: Config, question: Question[Answer]) -> Answer:
    """What a ledger answers that may be written to."""
    return _ask(SqliteLedger(config.ledger), question)


def events(config: Config, tenant: Tenant) -> Sequence[Event]:
    """All that is known of one company."""
    return look(config, lambda book: book.events(tenant.id), ())


def _ask(book: Book, question: Question[Answer]) -> Answer:
    async def asked() -> Answer:
        try:
            await book.open()
            return await question(book)
        finally:
            await book.close()

    try:
        return asyncio.run(asked())
    except OSError as problem:
        raise screen.Stopped(f"{problem}.", screen.IO_FAULT) from problem


def day(at: float, tenant: Tenant) -> str:
    """The day of a moment where the company is."""
    return datetime.fromtimestamp(at, tenant.calendar.zone).date().isoformat()


def moment(at: float, tenant: Tenant) -> str:
    """A moment to the second where the company is, with its distance from UTC."""
    return datetime.fromtimestamp(int(at), tenant.calendar.zone).isoformat()


def words(name: str, text: str) -> str:
    """Words of the operator's, to be kept as they are; refused if they may name a candidate."""
    if not text.strip() or len(text) > 200 or not text.isprintable():
        raise screen.Stopped(f"{name} is one line of up to 200 signs; write it anew.", screen.USAGE)
    if _ADDRESS.search(text):
        what = f"{name} holds a mail address, and the ledger keeps none"
        raise screen.Stopped(f"{what}; write it without.", screen.USAGE)
    return text


_ADDRESS = re.compile(r"[^\s@＠]\s*[@＠]\s*[^\s@＠]")


def entry(kind: Kind, tenant: Tenant, at: float, id_: str | None, **facts: str) -> Event:
    """What is done to a company by hand; without an id, the same on the same day is the same."""
    told = [kind, tenant.id, day(at, tenant), *(f"{name}={facts[name]}" for name in sorted(facts))]
    digest = hashlib.sha256("\0".join(told).encode()).hexdigest()[:16]
    facts = {**facts, "id": words("--id", id_) if id_ is not None else digest}
    return Event(kind, tenant.id, "", "", at, tuple(sorted(facts.items())))
