"""`rules diff`: which mails change their decision, and by which rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from relay_gateway.cli import mailbox, phrases, screen
from relay_gateway.cli.desk import config_option, desk, with_rules
from relay_gateway.cli.envelope import asked, envelope_options
from relay_gateway.cli.progress import Row, rows
from relay_gateway.cli.tongue import lang_option
from relay_gateway.core.judge import Finding, Verdict
from relay_gateway.core.printable import printable

STYLES = {Finding.INSERT: "green", Finding.PROBABLE: "yellow", Finding.LEAVE: ""}


@dataclass(frozen=True, slots=True)
class Turn:
    """A mail that is decided otherwise, and the rules that differ; `threshold` is one of them."""

    path: str
    id: str
    before: Row
    after: Row
    rules: tuple[str, ...]


@click.command("diff")
@click.argument("old")
@click.argument("new")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object a changed mail.")
@envelope_options
@lang_option
@config_option
def difference(
    old: str, new: str, paths: tuple[str, ...], *, is_json: bool, path: Path | None, **given: Any
) -> None:
    """Show which mails are decided otherwise by NEW rules than by OLD ones.

    OLD and NEW are rules files, folders of them, shipped packs (ja) or gateways' settings; a file
    without a threshold comes after the shipped rules of its language. PATH... are mails.
    """
    bench, wanted = desk(path), asked(given)
    benches = with_rules(bench, old), with_rules(bench, new)
    mails = 0
    turns: list[Turn] = []
    for before, after in rows(mailbox.files(paths), benches, wanted):
        mails += 1
        if before.finding is not after.finding:
            turns.append(_turn(before, after))
            if is_json:
                screen.echo_json(_as_json(turns[-1]))
    if not is_json:
        _print(screen.out(), turns, mails)


def _turn(before: Row, after: Row) -> Turn:
    return Turn(
        after.path, after.id, before, after, tuple(_differing(before.verdict, after.verdict))
    )


def _differing(old: Verdict | None, new: Verdict | None) -> Iterator[str]:
    """The rules that speak in one of the two only, or with another weight."""
    one, other = _spoken(old), _spoken(new)
    yield from sorted(
        rule for rule in one.keys() | other.keys() if one.get(rule) != other.get(rule)
    )
    if old and new and old.threshold != new.threshold and old.language == new.language:
        yield "threshold"


def _spoken(verdict: Verdict | None) -> dict[str, tuple[object, ...]]:
    if verdict is None:
        return {}
    silenced = {hit.rule: (hit.weight, "silenced") for hit in verdict.silenced}
    vetoes = dict.fromkeys(verdict.vetoes, ("veto",))
    hits = {hit.rule: (hit.weight, hit.role, hit.is_shadow) for hit in verdict.hits}
    return {**silenced, **vetoes, **hits}


def _as_json(turn: Turn) -> dict[str, Any]:
    return {
        "path": turn.path,
        "id": turn.id,
        "old": {"decision": str(turn.before.finding), "reason": str(turn.before.reason)},
        "new": {"decision": str(turn.after.finding), "reason": str(turn.after.reason)},
        "rules": list(turn.rules),
    }


def _print(console: Console, turns: list[Turn], mails: int) -> None:
    if not turns:
        console.print(phrases.UNCHANGED(mails=mails), style="green")
        return
    columns = (phrases.BEFORE, phrases.AFTER, phrases.MADE_BY, phrases.MAIL, phrases.ID)
    table = screen.table(*columns)
    for turn in turns:
        finding = turn.after.finding
        names = printable(turn.path), printable(turn.id)
        cells = _told(turn.before.finding), _told(finding), ", ".join(turn.rules)
        table.add_row(*cells, *names, style=STYLES[finding])
    console.print(table)
    console.print()
    show_ways(console, Counter((t.before.finding, t.after.finding) for t in turns))
    console.print(phrases.CHANGED(count=len(turns), mails=mails), style="bold")


def show_ways(console: Console, ways: Counter[tuple[Finding, Finding]]) -> None:
    """How many mails went from which decision to which."""
    for (before, after), count in sorted(ways.items(), key=lambda pair: -pair[1]):
        console.print(f"  {_told(before)} → {_told(after)}  {count}", style=STYLES[after])


def _told(finding: Finding) -> str:
    return str(phrases.FINDINGS[finding])
