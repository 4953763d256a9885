"""`person`: what one may ask for: to see, to be forgotten, to be left alone; and retention."""

from __future__ import annotations

import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import click

from relay_gateway.cli import books, clerk, screen
from relay_gateway.cli.desk import COMMAND, config_option, settings
from relay_gateway.cli.reload import renew
from relay_gateway.config import suppress as suppression
from relay_gateway.config.certificates import BadFile
from relay_gateway.core import link, retention
from relay_gateway.core.credit import DAY, Event
from relay_gateway.core.tenant import Tenant
from relay_gateway.edge import pid_file
from relay_gateway.edge.ledger import Book
from relay_gateway.edge.purge import alias
from relay_gateway.edge.purge import purge as purge_of


@click.group()
def person() -> None:
    """Show, forget or spare one person, found by address; forget those of long ago.

    The ledger holds no addresses: the keyed hash of the one given is looked for.
    """


def _address(command: COMMAND) -> COMMAND:
    return click.option(
        "--address",
        metavar="A",
        help="The person's mail address; on standard input it stays out of the shell's history.",
    )(command)


@person.command()
@click.argument("company")
@_address
@config_option
def export(company: str, address: str | None, path: Path | None) -> None:
    """Print all that the ledger of COMPANY knows of a person, as JSON."""
    config = settings(path)
    tenant = clerk.company(config, company)
    names = _names(tenant, address)
    events = retention.about(clerk.events(config, tenant), names)
    told = [_as_json(event, tenant) for event in events]
    screen.echo_json({"company": company, "person": names[0], "events": told})


@person.command()
@click.argument("company")
@_address
@config_option
def erase(company: str, address: str | None, path: Path | None) -> None:
    """Have the ledger of COMPANY forget who a person was; totals stay.

    It cannot be undone. Who is written to again counts anew.
    """
    config = settings(path)
    names = _names(clerk.company(config, company), address)
    if not clerk.has_begun(config):
        raise screen.Stopped("There is no ledger yet; it knows nobody.", screen.NO_INPUT)

    async def forget(book: Book) -> int:
        # An alias for each name: names that counted apart still do, and totals stay.
        return sum([await book.forget(company, name, alias()) for name in names])

    number = books.run(config.ledger, forget)
    if number:
        screen.say(f"Forgotten; {number} events tell of nobody now, and totals stay.", "green")
    else:
        screen.say(f"The ledger of {company} knows nothing of this address.", "yellow")


@person.command()
@click.argument("company")
@_address
@config_option
def suppress(company: str, address: str | None, path: Path | None) -> None:
    """Never add a link to mails of COMPANY to a person again.

    The keyed hash goes to scope.suppress_file, and a running gateway is told at once.
    """
    config = settings(path)
    tenant = clerk.company(config, company)
    place = tenant.scope.suppress_file
    if not place:
        how = f"write suppress_file: ../../var/{company}.suppress under scope in its file"
        raise screen.Stopped(f"{company} has no list of such persons; {how}.", screen.BAD_CONFIG)
    try:
        # By the first name alone: the last key, which makes it, never changes.
        is_new = suppression.add(Path(place), _names(tenant, address)[:1])
    except (OSError, BadFile) as fault:
        raise screen.Stopped(f"{place} cannot be written: {fault}.", screen.CANNOT_WRITE) from fault
    screen.say("Noted." if is_new else "This person stood on the list before.", "green")
    if pid_file.read(config.pid_file) is None:
        screen.say("No gateway is running with these settings; it reads the list when it starts.")
    else:
        renew(config)


@person.command()
@click.argument("company", required=False)
@click.option("--days", type=click.IntRange(1), help="Instead of credits.retention_days.")
@config_option
def purge(company: str | None, days: int | None, path: Path | None) -> None:
    """Forget who everybody was whose last event is older than credits.retention_days.

    Without COMPANY, of all companies. Totals stay. A running gateway does it once a day.
    """
    config = settings(path)
    tenants = (clerk.company(config, company),) if company else config.policy.tenants
    for tenant in tenants:
        if days is not None and days <= tenant.terms.dedupe_days:
            what = f"Whoever is forgotten after {days} days would count again within dedupe_days"
            raise screen.Stopped(
                f"{what}; write more than {tenant.terms.dedupe_days}.", screen.USAGE
            )
    if not clerk.has_begun(config):
        screen.say("There is no ledger yet; nobody is to be forgotten.", "yellow")
        return
    now = time.time()
    for tenant in tenants:
        before = now - (days or tenant.retention_days) * DAY
        number = books.run(config.ledger, partial(purge_of, tenant=tenant, before=before))
        screen.say(f"{tenant.id}: {number} persons forgotten; totals stay.", "green")


def _names(tenant: Tenant, address: str | None) -> tuple[str, ...]:
    """What the person may be called in the company's ledger."""
    if address is None and sys.stdin.isatty():
        address = click.prompt("Address", err=True)
    given = (sys.stdin.readline() if address is None else address or "").strip()
    local, _, domain = given.rpartition("@")
    if not local or not domain or not given.isprintable() or " " in given:
        what = "That is no mail address; give it by --address or on standard input"
        raise screen.Stopped(f"{what}.", screen.USAGE)
    return link.persons(tenant.id, given.encode(), tenant.keys)


def _as_json(event: Event, tenant: Tenant) -> dict[str, Any]:
    at = clerk.moment(event.at, tenant)
    told = {"kind": str(event.kind), "at": at, "referral": event.referral}
    return {**told, "facts": dict(event.facts)} if event.facts else told
