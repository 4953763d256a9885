"""`scan`: the same judgement over heaps of mail."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from relay_gateway.cli import mailbox, screen, trial
from relay_gateway.cli.desk import Desk, config_option, desk
from relay_gateway.cli.envelope import asked, envelope_options
from relay_gateway.cli.mailbox import Found
from relay_gateway.cli.trial import Asked, Trial
from relay_gateway.core.judge import Finding, Verdict
from relay_gateway.core.message import Unreadable, read
from relay_gateway.core.reason import Reason
from relay_gateway.edge.log import printable


@dataclass(frozen=True, slots=True)
class Row:
    """One mail of the scan."""

    path: str
    id: str
    finding: Finding
    reason: Reason
    company: str | None
    verdict: Verdict | None
    fault: str = ""


@dataclass(slots=True)
class _Sums:
    """What is said at the end; of the mails themselves only those that matter are kept."""

    mails: int = 0
    strangers: int = 0
    reasons: Counter[tuple[Finding, Reason]] = field(default_factory=Counter)
    rules: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    found: list[Row] = field(default_factory=list)

    def add(self, row: Row) -> None:
        self.mails += 1
        self.strangers += row.company is None
        self.reasons[row.finding, row.reason] += 1
        verdict = row.verdict
        hits = verdict.hits if verdict else ()
        language = verdict.language if verdict else ""
        self.rules.update({(language, str(hit.role), hit.rule) for hit in hits})
        if row.finding is not Finding.LEAVE:
            self.found.append(row)


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object a mail.")
@envelope_options
@config_option
def scan(paths: tuple[str, ...], *, is_json: bool, path: Path | None, **given: Any) -> None:
    """Judge any number of mails, and sum up.

    PATH... are .eml files, folders, mbox files, Maildirs, or - for standard input.
    Nothing is changed and nothing is counted.
    """
    bench, wanted = desk(path), asked(given)
    bench.company(wanted.company)
    sums = _Sums()
    for row in _rows(mailbox.files(paths), bench, wanted, is_json=is_json):
        sums.add(row)
        if row.fault:
            screen.say(row.fault, "yellow")
        if is_json:
            screen.echo_json(_as_json(row))
    if not is_json:
        _print(sums)
    if sums.strangers:
        lender = bench.company(wanted.company).id
        words = f"{sums.strangers} of {sums.mails} mails are from no company"
        screen.say(f"{words}; judged as if sent by {lender}.", "yellow")


def _rows(files: tuple[str, ...], bench: Desk, wanted: Asked, *, is_json: bool) -> Iterator[Row]:
    """The mails in order, with a bar on a terminal that shows nothing else meanwhile."""
    console = screen.err()
    is_quiet = not console.is_terminal or (is_json and sys.stdout.isatty())
    bar = Progress(
        TextColumn("{task.fields[mails]} mails"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=is_quiet,
        redirect_stdout=False,
    )
    with bar:
        task = bar.add_task("", total=sum(map(_size, files)), mails=0)
        for number, found in enumerate(
            (found for file in files for found in mailbox.mails(file)), 1
        ):
            yield _row(found, bench, wanted)
            bar.update(task, advance=len(found.raw), mails=number)


def _size(path: str) -> int:
    try:
        return os.path.getsize(path)
    except OSError:
        return 0


def _row(found: Found, bench: Desk, wanted: Asked) -> Row:
    if found.fault:
        unread = Finding.LEAVE, Reason.UNREADABLE, bench.company(None).id, None
        return Row(found.path, str(found.position), *unread, found.fault)
    raw = mailbox.without_from(found.raw)
    judged = trial.judge(raw, bench, wanted)
    return Row(
        found.path,
        _id(judged, found.position),
        judged.finding,
        judged.decision.reason,
        judged.company,
        judged.decision.verdict,
    )


def _id(judged: Trial, position: int) -> str:
    try:
        given = read(judged.raw).value("message-id")
    except Unreadable:
        given = b""
    return given.decode("utf-8", "replace") or str(position)


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


def _print(sums: _Sums) -> None:
    console = screen.out()
    if not sums.mails:
        screen.say("There is no mail here; name .eml files, an mbox, a Maildir or their folder.")
        return
    if sums.found:
        table = screen.table("decision", "score", "language", "mail", "id", numbers=("score",))
        for row in sums.found:
            score = f"{row.verdict.score:g}" if row.verdict else ""
            language = row.verdict.language if row.verdict else ""
            names = printable(row.path), printable(row.id)
            table.add_row(str(row.finding), score, language, *names, style=_STYLES[row.finding])
        console.print(table)
        console.print()
    if sums.rules:
        table = screen.table("rule", "role", "language", "mails", numbers=("mails",))
        for (language, role, rule), count in _ranked(sums.rules):
            table.add_row(rule, role, language, str(count))
        console.print(table)
        console.print()
    table = screen.table("decision", "reason", "mails", numbers=("mails",))
    for (finding, reason), count in _ranked(sums.reasons):
        table.add_row(str(finding), str(reason), str(count), style=_STYLES[finding])
    table.add_row("", "all", str(sums.mails), style="bold")
    console.print(table)


_STYLES = {Finding.INSERT: "green", Finding.PROBABLE: "yellow", Finding.LEAVE: ""}


def _ranked(counts: Counter[Any]) -> list[tuple[Any, int]]:
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
