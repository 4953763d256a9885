"""`bounces`: delivery notifications from a mailbox, which take referrals back."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from relay_gateway.cli import mailbox, screen
from relay_gateway.cli.desk import config_option, settings
from relay_gateway.cli.intake import intake
from relay_gateway.cli.screen import IO_FAULT, Stopped
from relay_gateway.config import Config
from relay_gateway.core import dsn
from relay_gateway.core.dsn import Failure
from relay_gateway.edge.intake import Taken

_SENTENCES = {
    Taken.NEW: "taken back",
    Taken.KNOWN: "known before",
    Taken.IGNORED: "not final, left as they are",
    Taken.STRANGE: "of mails without a referral",
}
_OTHERS = "mails that are no delivery notification"


@dataclass(frozen=True, slots=True)
class _Said:
    """What one notification says of one recipient, and where it lay."""

    where: str
    failure: Failure


@click.command()
@click.argument("mails", nargs=-1, required=True)
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")
@config_option
def bounces(mails: tuple[str, ...], *, is_json: bool, path: Path | None) -> None:
    """Take back the referrals of letters that did not arrive.

    MAILS are files, mbox files, Maildirs or other folders, or - for standard input, with delivery
    status notifications (RFC 3464). Only failures for good (5.x.x) count; delays do not. The same
    mailbox again changes nothing. Addresses are read, and neither shown nor kept.
    """
    config = settings(path)
    said, others = _read(mails)
    try:
        outcomes = asyncio.run(_take(config, said))
    except OSError as problem:
        how = "run it again, what was taken counts once"
        raise Stopped(f"{problem}; {how}.", IO_FAULT) from problem
    counts = Counter(outcomes)
    if is_json:
        screen.echo_json({str(taken): counts[taken] for taken in _SENTENCES} | {"others": others})
        return
    for one, taken in zip(said, outcomes, strict=True):
        if taken is Taken.STRANGE:
            screen.say(f"{one.where}: {one.failure.status}, and the ledger knows of no such mail.")
    words = [f"{counts[taken]} {words}" for taken, words in _SENTENCES.items()]
    screen.out().print(f"{', '.join(words)}; {others} {_OTHERS}.")


def _read(paths: tuple[str, ...]) -> tuple[Sequence[_Said], int]:
    """What the notifications say, and how many mails are none."""
    said: list[_Said] = []
    others = 0
    for where, raw in _mails(paths):
        found = dsn.failures(raw)
        if found is None:
            others += 1
        said += (_Said(where, failure) for failure in found or ())
    return said, others


def _mails(paths: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    for path in mailbox.files(paths):
        for mail in mailbox.mails(path):
            if mail.fault:
                screen.say(mail.fault, "yellow")
            else:
                yield f"{mail.path}:{mail.position}", mail.raw


async def _take(config: Config, said: Sequence[_Said]) -> list[Taken]:
    tenants = config.policy.tenants
    async with intake(config) as its:
        # In turn: two notifications of one mail are told apart from one.
        return [await its.returned(tenants, one.failure) for one in said]
