"""`reconcile`: the ledger's registrations beside CareerRelay's list of them."""

from __future__ import annotations

import math
from dataclasses import fields
from pathlib import Path

import click

from relay_gateway.cli import clerk, registrations, sayings, screen
from relay_gateway.cli.desk import config_option, settings
from relay_gateway.cli.statement import months
from relay_gateway.cli.tongue import lang_option
from relay_gateway.core import link
from relay_gateway.core.link import BadToken, Referral
from relay_gateway.core.printable import printable
from relay_gateway.core.reconcile import Reconciliation
from relay_gateway.core.reconcile import reconcile as side_by_side
from relay_gateway.core.tenant import Tenant

_DIFFERENT = 1


@click.command()
@click.argument("company")
@click.argument("file")
@click.option("--month", metavar="YYYY-MM", help="Only what the ledger holds of this month.")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")
@lang_option
@config_option
def reconcile(
    company: str, file: str, *, month: str | None, is_json: bool, path: Path | None
) -> None:
    """Compare the ledger of COMPANY with a list of registrations of CareerRelay's.

    FILE is a CSV file, or - for standard input, with the columns token and registered_at. It ends
    with status 1 if there is a difference.
    """
    config = settings(path)
    tenant = clerk.company(config, company)
    span = months(month, tenant) if month else None
    named = [_referral(token, tenant) for token in registrations.tokens(file)]
    start, end = (span.start, span.end) if span else (-math.inf, math.inf)
    its = side_by_side(clerk.events(config, tenant), named, start, end)
    if is_json:
        screen.echo_json(_as_json(its, tenant))
    else:
        _print(its, tenant)
    if not its.is_equal:
        raise click.exceptions.Exit(_DIFFERENT)


def _referral(token: str, tenant: Tenant) -> str:
    """The referral of a token; what is none of this company's stands as it is, only there."""
    try:
        return link.open_token(token, tenant.id, tenant.keys)
    except BadToken:
        return f"?{token[:40]}"


def _token(referral: str, tenant: Tenant) -> str:
    if referral.startswith("?"):
        return printable(referral[1:])
    return link.token(Referral(referral, tenant.id, ""), tenant.keys)


def _lists(its: Reconciliation, tenant: Tenant) -> dict[str, list[str]]:
    return {
        field.name: [_token(each, tenant) for each in getattr(its, field.name)]
        for field in fields(its)
    }


def _as_json(its: Reconciliation, tenant: Tenant) -> dict[str, object]:
    return {"company": tenant.id, "is_equal": its.is_equal, **_lists(its, tenant)}


def _print(its: Reconciliation, tenant: Tenant) -> None:
    table = screen.table(sayings.WHAT, sayings.COUNT, sayings.TOKENS, numbers=(sayings.COUNT,))
    for name, tokens in _lists(its, tenant).items():
        shown = "" if name == "matched" else " ".join(tokens)
        table.add_row(str(sayings.RECONCILED[name]), str(len(tokens)), shown)
    screen.out().print(table)
    if its.is_equal:
        screen.out().print(str(sayings.NO_DIFFERENCE))
