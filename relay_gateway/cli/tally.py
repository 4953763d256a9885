"""What a scan says at the end: mail by mail, rule by rule, reason by reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.text import Text

from relay_gateway.cli import phrases, screen
from relay_gateway.cli.labels import Agreement, Rate
from relay_gateway.cli.progress import Row
from relay_gateway.cli.tongue import Said
from relay_gateway.core.judge import Finding
from relay_gateway.core.printable import printable
from relay_gateway.core.reason import Reason
from relay_gateway.core.rules import Role, RuleSet, State

Named = tuple[str, Role, str]
STYLES = {Finding.INSERT: "green", Finding.PROBABLE: "yellow", Finding.LEAVE: ""}


@dataclass(slots=True)
class Use:
    """Of one rule: mails that it spoke in, inserts among them, and those that rest on it alone."""

    hits: int = 0
    inserts: int = 0
    sole: int = 0
    overlaps: int = 0
    companions: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Tally:
    """The sums; of the mails themselves only those that matter are kept."""

    mails: int = 0
    strangers: int = 0
    reasons: Counter[tuple[Finding, Reason]] = field(default_factory=Counter)
    uses: dict[Named, Use] = field(default_factory=dict)
    found: list[Row] = field(default_factory=list)
    agreement: Agreement | None = None
    wrong: list[Row] = field(default_factory=list)
    missed: list[Row] = field(default_factory=list)

    def add(self, row: Row, is_rejection: bool | None = None) -> None:
        """One more mail, and what people say it is."""
        self.mails += 1
        self.strangers += row.company is None
        self.reasons[row.finding, row.reason] += 1
        self._add_uses(row)
        is_insert = row.finding is Finding.INSERT
        if row.finding is not Finding.LEAVE:
            self.found.append(row)
        if self.agreement:
            self.agreement.add(row.finding, is_rejection)
            if is_insert and is_rejection is False:
                self.wrong.append(row)
            elif is_rejection and not is_insert:
                self.missed.append(row)

    def _add_uses(self, row: Row) -> None:
        verdict = row.verdict
        hits = verdict.hits if verdict else ()
        language = verdict.language if verdict else ""
        spoken = {(language, hit.role, hit.rule) for hit in hits}
        weighed = {(language, hit.role, hit.rule) for hit in hits if not hit.is_shadow}
        for named in spoken:
            use = self.uses.setdefault(named, Use())
            others = {rule for _, role, rule in weighed if role is named[1]} - {named[2]}
            is_insert = row.finding is Finding.INSERT
            use.hits += 1
            use.inserts += is_insert
            use.overlaps += bool(others)
            use.companions.update(others)
            is_sole = named[1] is Role.DECISION and named in weighed and not others
            use.sole += is_insert and is_sole


def show(console: Console, tally: Tally, rules: Sequence[RuleSet]) -> None:
    """All tables of a scan."""
    if tally.found:
        _show_mails(console, tally.found)
        console.print()
    if tally.uses:
        _show_rules(console, tally.uses)
        console.print(str(phrases.SCAN_NOTE), style="dim", soft_wrap=not console.is_terminal)
        console.print()
    _show_never(console, tally, rules)
    table = screen.table(phrases.DECISION, phrases.REASON, phrases.MAILS, numbers=(phrases.MAILS,))
    for (finding, reason), count in _ranked(tally.reasons):
        word = str(phrases.FINDINGS[finding])
        table.add_row(word, str(reason), str(count), style=STYLES[finding])
    table.add_row("", str(phrases.ALL), str(tally.mails), style="bold")
    console.print(table)
    if tally.agreement:
        console.print()
        _show_agreement(console, tally, tally.agreement)


def _show_mails(console: Console, found: Sequence[Row]) -> None:
    columns = (phrases.DECISION, phrases.SCORE, phrases.LANGUAGE, phrases.MAIL, phrases.ID)
    table = screen.table(*columns, numbers=(phrases.SCORE,))
    for row in found:
        score = f"{row.verdict.score:g}" if row.verdict else ""
        language = row.verdict.language if row.verdict else ""
        word = str(phrases.FINDINGS[row.finding])
        names = printable(row.path), printable(row.id)
        table.add_row(word, score, language, *names, style=STYLES[row.finding])
    console.print(table)


def _show_rules(console: Console, uses: dict[Named, Use]) -> None:
    numbers = (phrases.HITS, phrases.INSERTS, phrases.SOLE, phrases.OVERLAPS)
    columns = (phrases.RULE, phrases.ROLE, phrases.LANGUAGE, *numbers, phrases.COMPANION)
    table = screen.table(*columns, numbers=numbers)
    for (language, role, rule), use in sorted(uses.items(), key=lambda each: _by_role(*each)):
        sole = str(use.sole) if role is Role.DECISION else ""
        most = "".join(f"{name} {count}" for name, count in use.companions.most_common(1))
        counts = (str(use.hits), str(use.inserts), sole, str(use.overlaps))
        table.add_row(rule, str(phrases.ROLES[role]), language, *counts, most)
    console.print(table)


def _by_role(named: Named, use: Use) -> tuple[str, int, int, str]:
    return named[0], list(Role).index(named[1]), -use.hits, named[2]


def _show_never(console: Console, tally: Tally, rules: Sequence[RuleSet]) -> None:
    fired = {(language, rule) for language, _, rule in tally.uses}
    silent = dict.fromkeys(
        f"{pack.language}: {rule.name}"
        for each in rules
        for pack in each.packs
        for rule in pack.rules
        if rule.state is not State.OFF and (pack.language, rule.name) not in fired
    )
    if silent:
        console.print(Text(phrases.NEVER(count=len(silent)), "bold"))
        for language in dict.fromkeys(each.partition(": ")[0] for each in silent):
            names = (each.partition(": ")[2] for each in silent if each.startswith(f"{language}: "))
            told = f"{language}: {', '.join(names)}"
            console.print(told, style="dim", soft_wrap=not console.is_terminal)
        console.print()


def _show_agreement(console: Console, tally: Tally, agreement: Agreement) -> None:
    table = screen.table(
        phrases.MEASURE, phrases.VALUE, phrases.BOUNDS, numbers=(phrases.VALUE, phrases.BOUNDS)
    )
    table.add_row(str(phrases.PRECISION), *_rate(agreement.precision))
    table.add_row(str(phrases.RECALL), *_rate(agreement.recall))
    console.print(table)
    for heading, found, style in _lists(tally):
        console.print()
        console.print(Text(heading(count=len(found)), f"bold {style}"))
        for row in found:
            told = f"  {printable(row.path)}  {printable(row.id)}"
            why = f"  {row.reason}  {', '.join(_evidence(row))}"
            console.print(Text.assemble(told, (why, "dim")), soft_wrap=True)
    if agreement.unlabelled:
        console.print()
        said = phrases.UNLABELLED(count=agreement.unlabelled, mails=tally.mails)
        console.print(said, style="yellow", soft_wrap=True)


def _lists(tally: Tally) -> Iterator[tuple[Said, list[Row], str]]:
    if tally.wrong:
        yield phrases.WRONG, tally.wrong, "red"
    if tally.missed:
        yield phrases.MISSED, tally.missed, "yellow"


def _evidence(row: Row) -> Iterator[str]:
    """The rules on which the decision rests."""
    verdict = row.verdict
    if verdict:
        yield from dict.fromkeys(verdict.vetoes)
        decisions = (hit.rule for hit in verdict.hits if hit.role is Role.DECISION)
        yield from dict.fromkeys(decisions)


def _rate(rate: Rate) -> tuple[str, str]:
    low, high = rate.bounds
    value = f"{rate.value:.1%} ({rate.good}/{rate.all})" if rate.all else "– (0/0)"
    return value, f"{low:.1%} – {high:.1%}"


def _ranked(counts: Counter[Any]) -> list[tuple[Any, int]]:
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
