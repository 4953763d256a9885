"""`credits`: what each company has earned, computed from the ledger's events."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from relay_gateway.cli import books, clerk, sayings, screen
from relay_gateway.cli.desk import config_option, settings
from relay_gateway.cli.tongue import lang_option
from relay_gateway.config import Config
from relay_gateway.core import burst
from relay_gateway.core.account import Account, state
from relay_gateway.core.credit import Event, Kind
from relay_gateway.core.people import people
from relay_gateway.core.printable import printable
from relay_gateway.core.statement import by_reason
from relay_gateway.core.tenant import Tenant
from relay_gateway.edge.ledger import Book

_BAR = 10


@click.command()
@click.argument("company", required=False)
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object a company.")
@lang_option
@config_option
def credits(company: str | None, *, is_json: bool, path: Path | None) -> None:
    """Show whom a company has referred, and its credits.

    Without COMPANY all companies are shown.
    """
    config = settings(path)
    chosen = (clerk.company(config, company),) if company else config.policy.tenants
    balances = _balances(config, chosen, time.time())
    if is_json:
        for balance in balances:
            screen.echo_json(_as_json(balance))
    else:
        _print(balances)


@dataclass(frozen=True, slots=True)
class _Balance:
    """How one company stands; `halt` is the event that stopped it, if it is stopped."""

    tenant: Tenant
    account: Account
    uncounted: dict[str, int]
    halt: Event | None


def _balances(config: Config, tenants: Sequence[Tenant], now: float) -> list[_Balance]:
    async def read(book: Book) -> list[_Balance]:
        return [_balance(tenant, await book.events(tenant.id), now) for tenant in tenants]

    return books.look(config.ledger, read, [_balance(tenant, (), now) for tenant in tenants])


def _balance(tenant: Tenant, events: Sequence[Event], now: float) -> _Balance:
    halts = [event for event in events if event.kind is Kind.HALTED]
    halt = max(halts, key=lambda event: event.at) if burst.is_halted(events) else None
    uncounted = by_reason(people(events, tenant.terms))
    return _Balance(tenant, state(events, tenant.terms, now), uncounted, halt)


def _as_json(balance: _Balance) -> dict[str, Any]:
    tenant, its, halt = balance.tenant, balance.account, balance.halt
    last = its.grants[-1].at if its.grants else None
    return {
        "company": tenant.id,
        "name": tenant.name,
        "people": its.people,
        "credits": its.credits,
        "towards_next": its.towards_next,
        "deficit": its.deficit,
        "pending": its.pending,
        "kept": its.kept,
        "earned": its.earned,
        "revoked": its.revoked,
        "adjusted": its.adjusted,
        "used": its.used,
        "expired": its.expired,
        "left": its.left,
        "last_earned": clerk.moment(last, tenant) if last is not None else None,
        "uncounted": balance.uncounted,
        "halted": clerk.moment(halt.at, tenant) if halt else None,
        "per_credit": tenant.terms.per_credit,
        "count_on": str(tenant.terms.count_on),
        "dedupe_days": tenant.terms.dedupe_days,
    }


_NUMBERS = (sayings.PEOPLE, sayings.EARNED, sayings.USED, sayings.LEFT)


def _print(balances: Sequence[_Balance]) -> None:
    before = (sayings.COMPANY, sayings.NAME, sayings.PEOPLE, sayings.TOWARDS)
    after = (sayings.EARNED, sayings.USED, sayings.LEFT, sayings.LAST, sayings.COUNTED)
    table = screen.table(*before, *after, numbers=_NUMBERS)
    for balance in balances:
        tenant, its = balance.tenant, balance.account
        table.add_row(
            tenant.id,
            printable(tenant.name),
            str(its.people),
            _bar(its.towards_next, tenant.terms.per_credit),
            str(its.credits),
            str(its.used),
            Text(str(its.left), "bold green" if its.left > 0 else ""),
            clerk.day(its.grants[-1].at, tenant) if its.grants else "–",
            str(sayings.BASES[tenant.terms.count_on]),
        )
    out = screen.out()
    out.print(table)
    for balance in balances:
        for line in _remarks(balance):
            out.print(line, soft_wrap=True)


def _bar(done: int, whole: int) -> Text:
    """A bar that is full only at the credit itself, and the numbers beside it."""
    full = done * _BAR // whole
    return Text.assemble(("█" * full, "green"), ("░" * (_BAR - full), "dim"), f" {done}/{whole}")


def _remarks(balance: _Balance) -> Iterator[Text]:
    """What a row of numbers does not say."""
    its, name, halt = balance.account, balance.tenant.id, balance.halt
    if halt is not None:
        rule = printable(halt.fact("rule"))
        why = sayings.HALTED_BY(rule=rule) if rule else ""
        at = clerk.moment(halt.at, balance.tenant)
        yield Text(sayings.HALTED(company=name, at=at, why=why), "bold red")
    if its.deficit:
        yield Text(sayings.DEFICIT(company=name, deficit=its.deficit), "yellow")
    if its.kept:
        yield Text(sayings.KEPT(company=name, kept=its.kept))
    if its.pending:
        yield Text(sayings.PENDING(company=name, pending=its.pending))
    if balance.uncounted:
        reasons = ", ".join(f"{sayings.REASONS[key]} {n}" for key, n in balance.uncounted.items())
        yield Text(sayings.UNCOUNTED(company=name, reasons=reasons))
