"""Heaps of mail judged one after the other, with a bar on a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from relay_gateway.cli import mailbox, phrases, screen, trial
from relay_gateway.cli.desk import Desk
from relay_gateway.cli.mailbox import Found
from relay_gateway.cli.trial import Asked, Trial
from relay_gateway.core.judge import Finding, Verdict
from relay_gateway.core.message import Unreadable, read
from relay_gateway.core.reason import Reason


@dataclass(frozen=True, slots=True)
class Row:
    """One mail and what became of it."""

    path: str
    id: str
    finding: Finding
    reason: Reason
    company: str | None
    verdict: Verdict | None
    fault: str = ""


def rows(
    files: tuple[str, ...], benches: Sequence[Desk], wanted: Asked, *, is_json: bool = False
) -> Iterator[tuple[Row, ...]]:
    """The mails in order, each as every desk judges it."""
    for found in _shown(files, is_json=is_json):
        yield tuple(_row(found, bench, wanted) for bench in benches)


def _shown(files: tuple[str, ...], *, is_json: bool) -> Iterator[Found]:
    """The mails, with a bar on a terminal that shows nothing else meanwhile."""
    console = screen.err()
    is_quiet = not console.is_terminal or (is_json and sys.stdout.isatty())
    bar = Progress(
        TextColumn("{task.fields[told]}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=is_quiet,
        redirect_stdout=False,
    )
    with bar:
        task = bar.add_task("", total=sum(map(_size, files)), told="")
        every = (found for file in files for found in mailbox.mails(file))
        for number, found in enumerate(every, 1):
            yield found
            bar.update(task, advance=len(found.raw), told=phrases.BAR(count=number))


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
