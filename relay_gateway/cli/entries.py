"""`redeem`, `adjust`, `void` and `resume`: what people enter by hand, each with a name."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import click

from relay_gateway.cli import books, clerk, screen
from relay_gateway.cli.desk import config_option, settings
from relay_gateway.core import burst, link
from relay_gateway.core.account import state
from relay_gateway.core.credit import VOIDING, Event, Kind, Void
from relay_gateway.core.link import BadToken
from relay_gateway.core.tenant import Tenant
from relay_gateway.edge.ledger import Book

_by = click.option("--by", required=True, metavar="NAME", help="Who enters it.")
_id = click.option(
    "--id", "id_", metavar="TEXT", help="What makes two entries the same.  [default: words and day]"
)


@click.command()
@click.argument("company")
@click.argument("number", metavar="N", type=click.IntRange(1, 100_000))
@_by
@click.option("--note", default="", metavar="TEXT", help="What it was used for; no names.")
@_id
@config_option
def redeem(  # noqa: PLR0913 - each is one thing on the command line
    company: str, number: int, *, by: str, note: str, id_: str | None, path: Path | None
) -> None:
    """Enter that COMPANY has used N credits.

    More than there are left is refused.
    """
    config = settings(path)
    tenant = clerk.company(config, company)
    now = time.time()
    facts = {"n": str(number), "by": clerk.words("--by", by)}
    facts |= {"note": clerk.words("--note", note)} if note else {}
    event = clerk.entry(Kind.REDEEMED, tenant, now, id_, **facts)

    async def keep(book: Book) -> bool:
        known = await book.events(tenant.id)
        left = state(known, tenant.terms, now).left
        is_new = event.key not in {each.key for each in known}
        if is_new and left < number:
            what = f"{company} has {left} credits left"
            raise screen.Stopped(f"{what}; enter no more than these.", screen.USAGE)
        return await book.record(event)

    _told(books.run(config.ledger, keep), f"{company} has used {number}.")


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("company")
@click.argument("number", metavar="N", type=click.IntRange(-100_000, 100_000))
@_by
@click.option("--why", required=True, metavar="TEXT", help="The reason, for the statement.")
@_id
@config_option
def adjust(  # noqa: PLR0913 - each is one thing on the command line
    company: str, number: int, *, by: str, why: str, id_: str | None, path: Path | None
) -> None:
    """Give COMPANY N credits by hand, or take them if N is below zero."""
    config = settings(path)
    tenant = clerk.company(config, company)
    if number == 0:
        raise screen.Stopped("Zero changes nothing; write for example 1 or -1.", screen.USAGE)
    facts = {"n": str(number), "by": clerk.words("--by", by), "why": clerk.words("--why", why)}
    event = clerk.entry(Kind.ADJUSTED, tenant, time.time(), id_, **facts)
    kept = books.run(config.ledger, lambda book: book.record(event))
    _told(kept, f"{company} was adjusted by {number}.")


@click.command()
@click.argument("company")
@click.argument("referral", metavar="REFERRAL|TOKEN")
@click.option("--why", required=True, type=click.Choice([str(each) for each in Void]))
@_by
@config_option
def void(company: str, referral: str, *, why: str, by: str, path: Path | None) -> None:
    """Take a referral of COMPANY back, by its token in the link or its id in the ledger."""
    config = settings(path)
    tenant = clerk.company(config, company)
    id_ = _referral(referral, tenant)
    facts = (("by", clerk.words("--by", by)), ("reason", why))

    async def keep(book: Book) -> tuple[Sequence[Event], bool]:
        known = await book.about(tenant.id, id_)
        if not known:
            what = f"The ledger knows no referral {id_} of {company}"
            raise screen.Stopped(f"{what}; look for a typing error.", screen.NO_INPUT)
        person = next((each.person for each in known if each.person), "")
        event = Event(Kind.VOIDED, tenant.id, id_, person, time.time(), facts)
        return known, await book.record(event)

    known, is_new = books.run(config.ledger, keep)
    if any(each.kind in VOIDING for each in known):
        screen.say(f"The referral {id_} was void before.", "yellow")
    _told(is_new, f"The referral {id_} is void ({why}).")


@click.command()
@click.argument("company")
@_by
@config_option
def resume(company: str, *, by: str, path: Path | None) -> None:
    """Let COMPANY go on after the burst guard has stopped it.

    Look at the log first: `relay-gateway log --company COMPANY`.
    """
    config = settings(path)
    tenant = clerk.company(config, company)
    # One halt is ended once, by whoever comes first.
    name = clerk.words("--by", by)

    async def keep(book: Book) -> bool:
        known = await book.events(tenant.id)
        if not burst.is_halted(known):
            return False
        last = max(each.at for each in known if each.kind is Kind.HALTED)
        # A clock that lags behind another gateway's must not leave the halt the later one.
        at = max(time.time(), last + 0.001)
        return await book.record(clerk.entry(Kind.RESUMED, tenant, at, f"{last!r}", by=name))

    if books.run(config.ledger, keep):
        screen.say(f"{company} goes on.", "green")
    else:
        screen.say(f"{company} is not stopped by the burst guard; nothing was changed.", "yellow")


def _referral(text: str, tenant: Tenant) -> str:
    """The id of a referral, out of its token or as it is."""
    if len(text) == link.ID_LENGTH and link.is_person(text.upper()):
        return text.upper()
    try:
        return link.open_token(text, tenant.id, tenant.keys)
    except BadToken as bad:
        what = f"{text} is no referral of {tenant.id} ({bad})"
        how = "copy the 24 characters at the end of its link, or the 16 of its id"
        raise screen.Stopped(f"{what}; {how}.", screen.USAGE) from bad


def _told(is_new: bool, sentence: str) -> None:
    if is_new:
        screen.say(sentence, "green")
    else:
        again = "Nothing was changed: this had been entered before"
        screen.say(f"{again}. If it is another one, give it an --id.", "yellow")
