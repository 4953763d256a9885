"""`block`: the words of the offer, for whoever has to approve them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from relay_gateway.cli import screen
from relay_gateway.cli.desk import config_option, desk
from relay_gateway.core import words
from relay_gateway.core.block import Wording, cautions, forms
from relay_gateway.core.printable import printable
from relay_gateway.core.segment import Segment
from relay_gateway.core.tenant import Tenant

# Where each mail has its own code at the end of the link; no gateway takes this one for its own.
_CODE = "0123456789ABCDEFGHJKMNPQ"

_KINDS = {
    Segment.ANY: "all letters",
    Segment.MID_CAREER: "mid-career (中途)",
    Segment.NEW_GRADUATE: "new graduates (新卒)",
    Segment.INTERNSHIP: "internships (インターン)",
    Segment.PART_TIME: "part-time (アルバイト、パート)",
    Segment.TEMPORARY: "temporary work (派遣)",
}


@click.command()
@click.argument("company", required=False)
@click.option("--language", metavar="LANGUAGE", help="Only this one, such as ja.")
@click.option(
    "--segment", type=click.Choice([str(kind) for kind in Segment]), help="Only for these letters."
)
@config_option
def block(
    company: str | None, *, language: str | None, segment: str | None, path: Path | None
) -> None:
    """Show the words of a company's offer as they stand in a mail.

    Without COMPANY all companies are shown. Where some mails cannot hold a sign of the words, what
    they get instead is shown below.
    """
    at_hand = desk(path)
    tenants = (at_hand.company(company),) if company else at_hand.tenants
    shown = [told for tenant in tenants for told in _told(tenant, language, segment)]
    if not shown:
        raise screen.Stopped(f"No company has words in {language}.", screen.USAGE)
    console = screen.out()
    for number, (heading, lines) in enumerate(shown):
        console.print(("\n" if number else "") + printable(heading), style="bold")
        for line in ("", *lines):
            console.print(printable(line), soft_wrap=True)


def style(tenant: Tenant) -> str:
    """How a company says it, in a few words: the style or its own words, and what it has added."""
    language = next((each for each in tenant.languages if each in tenant.wordings), "")
    wording = tenant.wordings.get(language, Wording(()))
    manner = wording.manner
    added = {
        "operator": manner.operator,
        "disclosure": manner.disclosure,
        "opt_out": manner.opt_out,
    }
    name = "own words" if _is_own(wording, language) else str(manner.style)
    return ", ".join([name, *(key for key, is_added in added.items() if is_added)])


def _is_own(wording: Wording, language: str) -> bool:
    if language not in words.LANGUAGES:
        return True
    return wording.lines != words.lines(language, Segment.ANY, wording.manner)


def _told(
    tenant: Tenant, language: str | None, segment: str | None
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each block with its heading."""
    link = f"{tenant.shown_link}/{_CODE}"
    for its, wording in tenant.wordings.items():
        if language not in (None, its):
            continue
        head = f"{tenant.id} {tenant.name}, {its}"
        kinds = [Segment(segment)] if segment else [Segment.ANY, *wording.segments]
        told = {kind: forms(wording, kind, tenant.name, link) for kind in kinds}
        for kind, (first, *_) in told.items():
            yield f"{head}, {_KINDS[kind]}:", first
        lacking = (more for first, *more in told.values() if cautions("".join(first), its))
        for lines in dict.fromkeys(each for more in lacking for each in more):
            yield f"{head}, in mails that cannot hold a sign of it:", lines
