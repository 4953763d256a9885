"""`log`: the gateway's log as a table, one row a mail."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from relay_gateway.cli import screen
from relay_gateway.cli.desk import config_option, settings
from relay_gateway.core.printable import printable
from relay_gateway.core.reason import Reason

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which mails to show; nothing means all. `ids` may be the beginning of one."""

    companies: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    since: datetime | None = None

    def fits(self, line: Mapping[str, Any]) -> bool:
        """Whether this line is asked for."""
        if self.companies and line.get("company") not in self.companies:
            return False
        if self.reasons and line.get("reason") not in self.reasons:
            return False
        if self.ids and not str(line.get("id", "")).startswith(self.ids):
            return False
        at = written_at(line)
        return self.since is None or (at is not None and at >= self.since)


def _since(_ctx: click.Context, _param: click.Parameter, value: str | None) -> datetime | None:
    try:
        return None if value is None else moment(value, datetime.now(UTC))
    except (ValueError, OverflowError):
        words = "is no time; write a date like 2026-02-12, a time like 2026-02-12T09:30"
        raise click.BadParameter(f"{value} {words}, or an age like 30m, 2h or 3d.") from None


_REASON = click.Choice([str(reason) for reason in Reason])


@click.command("log")
@click.argument("file", required=False)
@click.option("--json", "is_json", is_flag=True, help="Print the lines themselves.")
@click.option("--company", "companies", multiple=True, metavar="ID", help="Only this company.")
@click.option(
    "--reason", "reasons", multiple=True, type=_REASON, metavar="REASON", help="Only this reason."
)
@click.option("--id", "ids", multiple=True, metavar="ID", help="Only this mail.")
@click.option("--since", callback=_since, metavar="TIME", help="A date, a time or an age (2h, 3d).")
@config_option
def log(file: str | None, *, is_json: bool, path: Path | None, **wanted: Any) -> None:
    """Show the log as a table, one row a mail.

    FILE is the log of the settings unless named; - is standard input.
    """
    lost, asked = Lost(), Wanted(**wanted)
    with opened(file, path) as lines:
        chosen = (line for line in parsed(lines, lost) if asked.fits(line))
        if is_json:
            for line in chosen:
                screen.echo_json(line)
        else:
            _print(chosen)
    lost.tell()


def moment(text: str, now: datetime) -> datetime:
    """The time meant by an ISO date (in this machine's zone if it names none) or by an age."""
    age = re.fullmatch(r"([0-9]{1,6})([smhdw])", text)
    if age:
        return now - timedelta(**{_UNITS[age[2]]: int(age[1])})
    return datetime.fromisoformat(text).astimezone(UTC)


@contextmanager
def opened(file: str | None, config: Path | None) -> Iterator[Iterable[bytes]]:
    """The lines of a log: of this file, of standard input for `-`, or of the settings' log."""
    if file == "-":
        yield sys.stdin.buffer
        return
    path = Path(file) if file is not None else _of_settings(config)
    try:
        source = path.open("rb")
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        words = f"The log {path} cannot be read ({reason}); name another file."
        raise screen.Stopped(words, screen.NO_INPUT) from problem
    with source:
        yield source


def _of_settings(path: Path | None) -> Path:
    config = settings(path)
    if config.log.file is None:
        words = f"{config.path} names no log file; name one under log:, or here, or - for stdin."
        raise screen.Stopped(words, screen.USAGE)
    return config.log.file


@dataclass(slots=True)
class Lost:
    """How many lines were no JSON."""

    count: int = 0

    def tell(self) -> None:
        """Say so, if any were."""
        if self.count:
            words = "1 line that is" if self.count == 1 else f"{self.count} lines that are"
            screen.say(f"Passed over {words} no JSON (log.format: json writes it).", "yellow")


def parsed(lines: Iterable[bytes], lost: Lost) -> Iterator[dict[str, Any]]:
    """The lines about mails; the log also holds others, of starts and faults."""
    for raw in lines:
        if not raw.strip():
            continue
        try:
            line = json.loads(raw)
        except (ValueError, RecursionError):
            line = None
        if not isinstance(line, dict):
            lost.count += 1
        elif line.get("event") == "mail":
            yield line


def _print(lines: Iterable[Mapping[str, Any]]) -> None:
    columns = ("time", "id", "company", "decision", "reason", "score", "reply", "size", "seconds")
    table = screen.table(*columns, numbers=("score", "size", "seconds"))
    for line in lines:
        reason = str(line.get("reason", ""))
        table.add_row(*map(printable, _cells(line)), style=_STYLES.get(reason, ""))
    if table.row_count:
        screen.out().print(table)
    else:
        screen.say("No mail in this log fits.")


_STYLES = {
    **dict.fromkeys(("rejection", "upgraded_link"), "green"),
    **dict.fromkeys(("probable", "monitor"), "yellow"),
    **dict.fromkeys(("our_fault", "out_of_time", "verify_failed", "ledger_down"), "red"),
}


def _cells(line: Mapping[str, Any]) -> Iterator[str]:
    at = written_at(line)
    yield f"{at:%Y-%m-%d %H:%M:%S}" if at else "?"
    yield from (_text(line.get(name)) for name in ("id", "company", "decision", "reason", "score"))
    reply = line.get("reply")
    yield _text(reply.get("code")) if isinstance(reply, dict) else _text(reply)
    yield _text(line.get("size"))
    yield _seconds(line.get("seconds"))


def _text(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _seconds(stages: Any) -> str:
    """The whole of a mail's time with us and the next hop."""
    values = stages.values() if isinstance(stages, dict) else (stages,)
    known = [value for value in values if isinstance(value, int | float)]
    return f"{sum(known):.3f}" if known else ""


def written_at(line: Mapping[str, Any]) -> datetime | None:
    """When it was written, in this machine's zone."""
    try:
        at = datetime.fromisoformat(str(line.get("timestamp")))
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone()
    except (ValueError, OverflowError):
        return None
