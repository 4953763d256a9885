"""`credits`: what each company has earned, computed from the ledger's events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from relay_gateway.cli import books, phrases, screen
from relay_gateway.cli.desk import config_option, settings, unknown_company
from relay_gateway.cli.tongue import lang_option
from relay_gateway.core.account import Account, state
from relay_gateway.core.credit import Basis, Event
from relay_gateway.core.tenant import Tenant
from relay_gateway.edge.log import printable
from relay_gateway.gateway import Ledger

_BASES = {Basis.DELIVERED: "ご案内ベース", Basis.REGISTERED: "ご登録ベース"}
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
    tenants = config.policy.tenants
    chosen = tuple(tenant for tenant in tenants if company in (None, tenant.id))
    if company is not None and not chosen:
        raise unknown_company(company, tenants)
    nothing: Mapping[str, Sequence[Event]] = {tenant.id: () for tenant in chosen}
    events = books.look(config.ledger, lambda ledger: _read(ledger, chosen), nothing)
    statements = [(tenant, state(events[tenant.id], tenant.terms)) for tenant in chosen]
    if is_json:
        for tenant, statement in statements:
            screen.echo_json(_as_json(tenant, statement))
    else:
        _print(statements)


async def _read(ledger: Ledger, tenants: Sequence[Tenant]) -> Mapping[str, Sequence[Event]]:
    return {tenant.id: await ledger.events(tenant.id) for tenant in tenants}


def _as_json(tenant: Tenant, statement: Account) -> dict[str, Any]:
    return {
        "company": tenant.id,
        "name": tenant.name,
        "people": statement.people,
        "credits": statement.credits,
        "towards_next": statement.towards_next,
        "per_credit": tenant.terms.per_credit,
        "count_on": str(tenant.terms.count_on),
        "dedupe_days": tenant.terms.dedupe_days,
    }


def _print(statements: Sequence[tuple[Tenant, Account]]) -> None:
    columns = (phrases.COMPANY, phrases.NAME, *_NUMBERS, phrases.TOWARDS, phrases.COUNTED)
    table = screen.table(*columns, numbers=_NUMBERS)
    for tenant, statement in statements:
        basis = tenant.terms.count_on
        table.add_row(
            tenant.id,
            printable(tenant.name),
            str(statement.people),
            Text(str(statement.credits), "bold green"),
            _bar(statement.towards_next, tenant.terms.per_credit),
            f"{_BASES[basis]} ({basis})",
        )
    screen.out().print(table)


_NUMBERS = (phrases.PEOPLE, phrases.CREDITS)


def _bar(done: int, whole: int) -> Text:
    """A bar that is full only at the credit itself, and the numbers beside it."""
    full = done * _BAR // whole
    return Text.assemble(("█" * full, "green"), ("░" * (_BAR - full), "dim"), f" {done}/{whole}")
