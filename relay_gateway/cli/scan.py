"""`scan`: the same judgement over heaps of mail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from relay_gateway.cli import labels as labelling
from relay_gateway.cli import mailbox, phrases, screen, tally
from relay_gateway.cli.desk import Desk, config_option, desk
from relay_gateway.cli.envelope import asked, envelope_options
from relay_gateway.cli.labels import Agreement, Labels
from relay_gateway.cli.progress import Row, rows
from relay_gateway.cli.tally import Tally
from relay_gateway.cli.tongue import lang_option
from relay_gateway.core.rules import RuleSet


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option(
    "--labels",
    "labels",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="What the mails are: JSON lines or CSV of path or id, and label (rejection, other).",
)
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object a mail.")
@envelope_options
@lang_option
@config_option
def scan(
    paths: tuple[str, ...],
    *,
    labels: Path | None,
    is_json: bool,
    path: Path | None,
    **given: Any,
) -> None:
    """Judge any number of mails, and sum up.

    PATH... are .eml files, folders, mbox files, Maildirs, or - for standard input. Nothing is
    changed and nothing is counted. With --labels precision and recall are told as well, with their
    95 % bounds and every mail that was decided wrong.
    """
    bench, wanted = desk(path), asked(given)
    lender = bench.company(wanted.company).id
    known = labelling.read(labels) if labels else None
    sums = Tally(agreement=Agreement() if known else None)
    for (row,) in rows(mailbox.files(paths), (bench,), wanted, is_json=is_json):
        is_rejection = known.of(row.path, row.id) if known else None
        sums.add(row, is_rejection)
        if row.fault:
            screen.say(row.fault, "yellow")
        if is_json:
            screen.echo_json(_as_json(row) | _label(known, is_rejection))
    if not is_json:
        _print(sums, bench)
    if sums.strangers:
        said = phrases.STRANGERS(count=sums.strangers, mails=sums.mails, company=lender)
        screen.say(said, "yellow")


def _as_json(row: Row) -> dict[str, Any]:
    verdict = row.verdict
    return {
        "path": row.path,
        "id": row.id,
        "company": row.company,
        "decision": str(row.finding),
        "reason": str(row.reason),
        "score": verdict.score if verdict else 0.0,
        "language": verdict.language if verdict else "",
        "hits": [
            {"rule": hit.rule, "weight": hit.weight, "words": hit.words}
            for hit in (verdict.hits if verdict else ())
        ],
        "vetoes": list(verdict.vetoes if verdict else ()),
    }


def _label(known: Labels | None, is_rejection: bool | None) -> dict[str, Any]:
    if known is None:
        return {}
    return {"label": {True: "rejection", False: "other", None: None}[is_rejection]}


def _print(sums: Tally, bench: Desk) -> None:
    if not sums.mails:
        screen.say(str(phrases.NO_MAIL))
        return
    own: list[RuleSet] = [tenant.rules for tenant in bench.tenants if tenant.rules]
    tally.show(screen.out(), sums, (bench.rules, *own))
