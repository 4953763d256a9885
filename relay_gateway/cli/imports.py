"""`import`: registrations from a CSV file, for those who have no webhook."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from relay_gateway.cli import screen
from relay_gateway.cli.desk import config_option, settings, unknown_company
from relay_gateway.cli.intake import intake
from relay_gateway.cli.rows import rows
from relay_gateway.cli.screen import DATA_FAULT, IO_FAULT, Stopped
from relay_gateway.config import Config
from relay_gateway.core import report, trail
from relay_gateway.core.report import BadReport, Registration
from relay_gateway.core.tenant import Tenant
from relay_gateway.edge.intake import Taken

_SHOWN = 20
_AT_ONCE = 100
# For people: what became of the lines, in this order.
_SENTENCES = {
    Taken.NEW: "new",
    Taken.KNOWN: "known before",
    Taken.EARLY: "kept for a mail that is not known yet",
    Taken.TEST: "tests, not counted",
}


@click.command("import")
@click.argument("company")
@click.argument("file")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")
@config_option
def import_(company: str, file: str, *, is_json: bool, path: Path | None) -> None:
    """Take a company's registrations from a CSV file, all of its lines or none.

    FILE is a file, or - for standard input, with the columns event_id, token, registered_at and,
    if you like, test: what a webhook would say. A column more is refused, because nothing that may
    name a person may reach the ledger. The same file again changes nothing.
    """
    config = settings(path)
    tenants = config.policy.tenants
    tenant = next((each for each in tenants if each.id == company), None)
    if tenant is None:
        raise unknown_company(company, tenants)
    told = _registrations(file, tenant)
    try:
        counts = asyncio.run(_take(config, tenant, told))
    except OSError as problem:
        how = "import the file again, what was taken counts once"
        raise Stopped(f"{problem}; {how}.", IO_FAULT) from problem
    if is_json:
        screen.echo_json({str(taken): counts[taken] for taken in _SENTENCES})
        return
    words = ", ".join(f"{counts[taken]} {words}" for taken, words in _SENTENCES.items())
    screen.out().print(f"{len(told)} registrations of {tenant.id}: {words}.")


async def _take(config: Config, tenant: Tenant, told: Sequence[Registration]) -> Counter[Taken]:
    counts: Counter[Taken] = Counter()
    async with intake(config) as its:
        for start in range(0, len(told), _AT_ONCE):
            some = told[start : start + _AT_ONCE]
            counts.update(await asyncio.gather(*(its.registered((tenant,), one) for one in some)))
    return counts


def _registrations(file: str, tenant: Tenant) -> tuple[Registration, ...]:
    """All lines of the file, or all that is wrong with them."""
    found: list[Registration] = []
    faults: list[str] = []
    for line, row in _rows(file):
        try:
            told = report.registration(row)
            if not told.is_test and trail.follow(told.token, (tenant,)) is None:
                raise BadReport(f"token is of no link of {tenant.id}; look whose file this is")
            found.append(told)
        except BadReport as why:
            faults.append(f"{file}:{line}: {why}")
    if faults:
        more = len(faults) - _SHOWN
        shown = [*faults[:_SHOWN], *([f"and {more} lines more"] if more > 0 else [])]
        raise Stopped("\n".join([*shown, "Nothing was taken."]), DATA_FAULT)
    return tuple(found)


def _rows(file: str) -> Iterator[tuple[int, dict[str, object]]]:
    """The lines by their numbers, as fields; a heading that is not in order stops everything."""
    lines = rows(file)
    _, names = next(lines)
    _check(file, names)
    for line, row in lines:
        yield line, _fields(file, line, names, row)


def _check(file: str, names: list[str]) -> None:
    try:
        report.names(names)
    except BadReport as why:
        raise Stopped(f"{file}:1: {why}. Nothing was taken.", DATA_FAULT) from why


def _fields(file: str, line: int, names: list[str], row: list[str]) -> dict[str, object]:
    if len(row) != len(names):
        what = f"has {len(row)} columns, the heading has {len(names)}"
        raise Stopped(f"{file}:{line}: {what}. Nothing was taken.", DATA_FAULT)
    return dict(zip(names, row, strict=True))
