"""`statement`: a company's month on paper."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import click

from relay_gateway.cli import books, clerk, screen, sheet_forms
from relay_gateway.cli.desk import config_option, settings
from relay_gateway.cli.sheet import sheet
from relay_gateway.cli.tongue import lang_option
from relay_gateway.config import Config
from relay_gateway.core.chain import Head
from relay_gateway.core.credit import Event
from relay_gateway.core.statement import Period, period
from relay_gateway.core.statement import statement as of_period
from relay_gateway.core.tenant import Tenant
from relay_gateway.edge.ledger import Book


@click.command()
@click.argument("company")
@click.option("--month", metavar="YYYY-MM", help="The month that closes.  [default: the last one]")
@click.option("--text", "form", flag_value="text", default=True, help="Plain text (the default).")
@click.option("--csv", "form", flag_value="csv", help="CSV for a spreadsheet, UTF-8 with BOM.")
@click.option("--html", "form", flag_value="html", help="One page of HTML, to print or to send.")
@lang_option
@config_option
def statement(company: str, month: str | None, form: str, path: Path | None) -> None:
    """Print the monthly statement of COMPANY: how it counted, what that earned, and the proof.

    A month ends on the company's closing day (締め日). What happened later is not on it.
    """
    config = settings(path)
    tenant = clerk.company(config, company)
    now = time.time()
    month = month or _last_closed(tenant, now)
    events, head = _read(config, tenant)
    made = of_period(events, tenant.terms, months(month, tenant), now)
    printed = sheet(tenant, month, made, head, now)
    if form == "csv":
        sys.stdout.buffer.write(sheet_forms.spreadsheet(printed))
        sys.stdout.buffer.flush()
    else:
        click.echo((sheet_forms.page if form == "html" else sheet_forms.text)(printed), nl=False)


def months(month: str, tenant: Tenant) -> Period:
    """The period of a month as it is written on the command line."""
    match = re.fullmatch(r"(20[0-9]{2})-(0[1-9]|1[0-2])", month)
    if not match:
        raise screen.Stopped(f"{month} is no month; write for example 2026-11.", screen.USAGE)
    return period(int(match[1]), int(match[2]), tenant.calendar)


def _last_closed(tenant: Tenant, now: float) -> str:
    today = datetime.fromtimestamp(now, tenant.calendar.zone)
    each = today.year * 12 + today.month - 1
    while period(each // 12, each % 12 + 1, tenant.calendar).end > now:
        each -= 1
    return f"{each // 12:04}-{each % 12 + 1:02}"


def _read(config: Config, tenant: Tenant) -> tuple[Sequence[Event], Head]:
    async def read(book: Book) -> tuple[Sequence[Event], Head]:
        return await book.events(tenant.id), await book.head(tenant.id)

    nothing: tuple[Sequence[Event], Head] = ((), Head())
    return books.look(config.ledger, read, nothing)
