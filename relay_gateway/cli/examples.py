"""`rules test`: does every rule find its examples, and spare the others?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from relay_gateway.cli import origin, phrases, screen
from relay_gateway.cli.desk import DEFAULT, config_option, desk, rules_files
from relay_gateway.cli.tongue import lang_option
from relay_gateway.config import packs, shape
from relay_gateway.config.document import Document
from relay_gateway.config.models import DEFAULT_RULES, GatewayFile
from relay_gateway.config.packs import Joined, Placed
from relay_gateway.core import normal, rules
from relay_gateway.core.printable import printable
from relay_gateway.core.rules import BadRules, Pack, Reader, Role, State, Where


@dataclass(frozen=True, slots=True)
class Failure:
    """What a rule does not keep: where it is written, and the sentence to read about it."""

    place: str
    said: str


@dataclass(frozen=True, slots=True)
class Tested:
    """A rule and its failures."""

    placed: Placed
    failures: tuple[Failure, ...]

    @property
    def count(self) -> int:
        """How many examples it has."""
        return len(self.placed.written.matches) + len(self.placed.written.spares)


@click.command("test")
@click.argument("files", nargs=-1, metavar="[FILE]...")
@lang_option
@config_option
def examples(files: tuple[str, ...], *, path: Path | None) -> None:
    """Run the examples of all rules, or of these FILEs before they are in the settings.

    A FILE without a threshold is read after the shipped rules of its language, as it would be at
    work. The exit status is 1 if an example fails, and each stands there as file:line:column.
    """
    if files:
        paths = tuple(each for name in files for each in rules_files(name))
        found = packs.read_files(paths)
        wanted = {str(each) for each in paths}
    else:
        found = _of_settings(path)
        wanted = set()
    if found.book is None and found.is_unread:
        raise screen.Stopped("\n".join(map(str, found.faults)), screen.BAD_CONFIG)
    tested = [
        each
        for one in found.joined.values()
        for each in _tested(one)
        if not wanted or each.placed.origin.file in wanted
    ]
    if not files and not any(each.failures for each in tested):
        # The companies' own files, which are as bad as any.
        desk(path)
    _print(screen.out(), tested)
    if any(each.failures for each in tested):
        raise SystemExit(1)


def _of_settings(path: Path | None) -> packs.Found:
    if path is None and not DEFAULT.exists():
        return packs.read(Document(str(DEFAULT), {}, {}, {}, ()), DEFAULT_RULES)
    found, file, faults = shape.read(path or DEFAULT, GatewayFile)
    if file is None:
        raise screen.Stopped("\n".join(map(str, faults)), screen.BAD_CONFIG)
    return packs.read(found, file.rules)


def _tested(one: Joined) -> Iterator[Tested]:
    failed: dict[int, list[rules.Fault]] = {}
    try:
        rules.build([one.as_written])
    except BadRules as refusal:
        for fault in refusal.faults:
            failed.setdefault(fault.rule_index, []).append(fault)
    for index, placed in enumerate(one.rules):
        failures = tuple(_failure(one, placed, fault) for fault in failed.get(index, ()))
        yield Tested(placed, failures)


def _failure(one: Joined, placed: Placed, fault: rules.Fault) -> Failure:
    at = placed.at(fault)
    place = f"{at.file}:{at.line}:{at.column}"
    if fault.item is None or fault.field not in ("matches", "spares"):
        return Failure(place, fault.what)
    example = getattr(placed.written, fault.field)[fault.item]
    if fault.field == "spares":
        return Failure(place, phrases.SPARES_FAIL(example=example))
    guard = _guard(one.as_written, example)
    why = phrases.TAKEN_BACK(rule=guard) if guard and placed.rule.role is Role.DECISION else ""
    return Failure(place, phrases.MATCHES_FAIL(example=example) + why)


def _guard(pack: Pack, example: str) -> str:
    """The guards that speak in an example."""
    guards = tuple(r for r in pack.rules if r.role is Role.GUARD and r.state is State.ON)
    reader = Reader(Pack(pack.language, pack.threshold, guards))
    lines = normal.sentences(normal.normalise(example))
    found = [one.rule.name for line in lines for one in reader.speaking(line, Where.BODY)]
    return ", ".join(dict.fromkeys(found))


def _print(console: Console, tested: list[Tested]) -> None:
    columns = (phrases.RESULT, phrases.LANGUAGE, phrases.RULE, phrases.EXAMPLES, phrases.ORIGIN)
    table = screen.table(*columns, numbers=(phrases.EXAMPLES,))
    for each in tested:
        is_good = not each.failures
        result = Text(str(phrases.PASS if is_good else phrases.FAIL), "green" if is_good else "red")
        rule = each.placed.rule
        place = printable(origin.place(each.placed.origin))
        table.add_row(result, rule.language, rule.name, str(each.count), place)
    console.print(table)
    console.print()
    for each in tested:
        for failure in each.failures:
            said = f"{failure.place}: {each.placed.rule.name}: {failure.said}"
            console.print(printable(said), style="red", soft_wrap=True)
    count = sum(each.count for each in tested)
    failed = sum(len(each.failures) for each in tested)
    if failed:
        console.print(phrases.FAILED(failed=failed, examples=count), style="bold red")
    else:
        said = phrases.TESTED(rules=len(tested), examples=count)
        console.print(said, style="green")
