"""`rules replay`: the mails of the log decided anew, by what the log says of them alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from relay_gateway.cli import phrases, screen
from relay_gateway.cli.desk import Desk, config_option, desk, with_rules
from relay_gateway.cli.difference import STYLES, show_ways
from relay_gateway.cli.log import Lost, opened, parsed, written_at
from relay_gateway.cli.tongue import lang_option
from relay_gateway.config.book import Book
from relay_gateway.core.judge import Finding, Hit, Verdict, weigh
from relay_gateway.core.printable import printable
from relay_gateway.core.rules import Pack, Role, Rule, State


@dataclass(frozen=True, slots=True)
class Logged:
    """What the log says of one mail that was judged; its hits have numbers and no words."""

    id: str
    at: str
    company: str
    finding: Finding
    threshold: float
    language: str
    hits: tuple[Hit, ...]
    vetoes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Turn:
    """A mail that would be decided otherwise, and the rules whose weight or state does it."""

    mail: Logged
    finding: Finding
    rules: tuple[str, ...]


@click.command()
@click.argument("file", metavar="LOG")
@click.option("--rules", "new", required=True, metavar="NEW", help="The rules to decide by.")
@click.option("--days", type=click.IntRange(1), metavar="N", help="Only the last N days.")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object a changed mail.")
@lang_option
@config_option
def replay(file: str, *, new: str, days: int | None, is_json: bool, path: Path | None) -> None:
    """Decide the mails of a LOG anew by NEW weights, states and threshold, without the mails.

    LOG is a log in JSON, or - for standard input. NEW is a rules file, a folder of them or a
    gateway's settings. What a log cannot tell, such as what new words would find, is named.
    """
    bench = desk(path)
    other = with_rules(bench, new)
    lost, sums = Lost(), _Sums()
    since = datetime.now(UTC) - timedelta(days=days) if days else None
    with opened(file, path) as lines:
        for turn in _turns(parsed(lines, lost), other, since, sums):
            sums.turns.append(turn)
            if is_json:
                screen.echo_json(_as_json(turn))
    unknown = tuple(_unknown(bench, other))
    _print(screen.err() if is_json else screen.out(), sums, unknown, is_json=is_json)
    lost.tell()


class _Sums:
    """What is said at the end."""

    def __init__(self) -> None:
        self.mails = 0
        self.unsure = 0
        self.turns: list[Turn] = []


def _turns(
    lines: Iterable[Mapping[str, Any]], bench: Desk, since: datetime | None, sums: _Sums
) -> Iterator[Turn]:
    for line in lines:
        at = written_at(line)
        if "rules" not in line or (since and (at is None or at < since)):
            continue
        mail = None
        with suppress(KeyError, TypeError, ValueError, AttributeError):
            mail = _logged(line)
        if mail is None or _as_it_was(mail).finding is not mail.finding:
            sums.unsure += 1
            continue
        sums.mails += 1
        book = bench.books.get(mail.company, bench.book)
        finding = _anew(mail, book).finding
        if finding is not mail.finding:
            yield Turn(mail, finding, tuple(_causes(mail, book)))


def _logged(line: Mapping[str, Any]) -> Logged:
    # A line without `silenced` is of a version that did not say what guards took back.
    told = [*line["rules"], *line["silenced"]]
    return Logged(
        str(line.get("id", "")),
        str(line.get("timestamp", "")),
        str(line.get("company", "")),
        Finding(line["decision"]),
        float(line["threshold"]),
        str(line["language"]),
        tuple(map(_hit, told)),
        tuple(map(str, line["vetoes"])),
    )


def _hit(told: Mapping[str, Any]) -> Hit:
    return Hit(
        str(told["rule"]),
        Role(told["role"]),
        float(told["weight"]),
        int(told["paragraph"]),
        "",
        "",
        bool(told.get("shadow", False)),
        int(told["sentence"]),
    )


def _as_it_was(mail: Logged) -> Verdict:
    return _weighed(mail.language, mail.threshold, mail.hits, mail.vetoes)


def _anew(mail: Logged, book: Book) -> Verdict:
    """The verdict by the rules of a book."""
    pack = next((each for each in book.rules.packs if each.language == mail.language), None)
    rules = {rule.name: rule for rule in pack.rules} if pack else {}
    changed = (_changed(hit, rules.get(hit.rule)) for hit in mail.hits)
    hits = tuple(hit for hit in changed if hit is not None)
    on = {
        rule.name
        for each in book.rules.packs
        for rule in each.rules
        if rule.role is Role.VETO and rule.state is State.ON
    }
    vetoes = [name for name in mail.vetoes if name in on]
    vetoes += [hit.rule for hit in hits if hit.role is Role.VETO and not hit.is_shadow]
    threshold = pack.threshold if pack else mail.threshold
    return _weighed(mail.language, threshold, hits, tuple(dict.fromkeys(vetoes)))


def _changed(hit: Hit, rule: Rule | None) -> Hit | None:
    """The same words under the rule as it is now; None if it no longer speaks."""
    if rule is None or rule.state is State.OFF:
        return None
    return replace(hit, weight=rule.weight, is_shadow=rule.state is State.SHADOW)


def _weighed(
    language: str, threshold: float, hits: tuple[Hit, ...], vetoes: tuple[str, ...]
) -> Verdict:
    guarded = {hit.line for hit in hits if hit.role is Role.GUARD and not hit.is_shadow}
    lost = {hit for hit in hits if hit.role is Role.DECISION and hit.line in guarded}
    standing = tuple(hit for hit in hits if hit not in lost)
    silenced = tuple(hit for hit in hits if hit in lost)
    return weigh(Pack(language, threshold, ()), standing, silenced, vetoes)


def _causes(mail: Logged, book: Book) -> Iterator[str]:
    """What is otherwise now among all that spoke in the mail."""
    packs = {pack.language: pack for pack in book.rules.packs}
    pack = packs.get(mail.language)
    rules = {rule.name: rule for rule in pack.rules} if pack else {}
    seen = dict.fromkeys(hit.rule for hit in mail.hits if _changed(hit, rules.get(hit.rule)) != hit)
    every = {rule.name: rule for each in packs.values() for rule in each.rules}
    for name in mail.vetoes:
        if name not in every or every[name].state is not State.ON:
            seen[name] = None
    yield from seen
    if pack and pack.threshold != mail.threshold:
        yield "threshold"


def _unknown(bench: Desk, other: Desk) -> Iterator[str]:
    """Changes whose effect no log can tell."""
    pairs = [(bench.book, other.book)]
    pairs += [(bench.books.get(its, bench.book), book) for its, book in other.books.items()]
    told: dict[str, None] = {}
    for old, new in pairs:
        known = {
            (rule.language, rule.name): rule for pack in old.rules.packs for rule in pack.rules
        }
        for pack in new.rules.packs:
            for rule in pack.rules:
                if rule.state is not State.OFF:
                    told |= dict.fromkeys(_untold(known.get((rule.language, rule.name)), rule))
                    told |= dict.fromkeys(_unyielded(rule, known, pack))
    yield from told


def _untold(before: Rule | None, rule: Rule) -> Iterator[str]:
    if before is None:
        yield phrases.CANNOT_NEW(rule=rule.name)
        return
    keys = [key for key in _WORDS if getattr(before, key) != getattr(rule, key)]
    if keys:
        named = ", ".join("is" if key == "role" else key for key in keys)
        yield phrases.CANNOT_WORDS(rule=rule.name, keys=named)
    if before.state is State.OFF:
        yield phrases.CANNOT_OFF(rule=rule.name)


def _unyielded(rule: Rule, known: Mapping[tuple[str, str], Rule], pack: Pack) -> Iterator[str]:
    """A rule that gave way is not in the log, and one that did not may have to now."""
    on = {each.name for each in pack.rules if each.state is State.ON}
    was = {
        name
        for (language, name), each in known.items()
        if language == pack.language and each.state is State.ON
    }
    others = [name for name in rule.yields_to if name in on ^ was]
    if others:
        yield phrases.CANNOT_YIELD(rule=rule.name, others=", ".join(others))


# Weights and states are what a replay is about; examples have no effect.
_WORDS = tuple(
    each.name
    for each in fields(Rule)
    if each.name not in ("name", "language", "weight", "state", "matches", "spares")
)


def _as_json(turn: Turn) -> dict[str, Any]:
    return {
        "id": turn.mail.id,
        "timestamp": turn.mail.at,
        "company": turn.mail.company,
        "old": str(turn.mail.finding),
        "new": str(turn.finding),
        "rules": list(turn.rules),
    }


def _print(console: Console, sums: _Sums, unknown: tuple[str, ...], *, is_json: bool) -> None:
    if sums.turns and not is_json:
        _print_turns(console, sums.turns)
    said = phrases.REPLAYED(count=len(sums.turns), mails=sums.mails)
    console.print(said, style="bold" if sums.turns else "green", soft_wrap=True)
    if sums.unsure:
        console.print(phrases.UNSURE(count=sums.unsure), style="yellow", soft_wrap=True)
    if unknown:
        console.print(str(phrases.CANNOT), style="yellow", soft_wrap=True)
        for line in (*unknown, str(phrases.CANNOT_LANGUAGE)):
            console.print(f"  {line}", style="yellow", soft_wrap=True)


def _print_turns(console: Console, turns: list[Turn]) -> None:
    columns = (phrases.TIME, phrases.ID, phrases.COMPANY, phrases.BEFORE, phrases.AFTER)
    table = screen.table(*columns, phrases.MADE_BY)
    for turn in turns:
        mail = turn.mail
        names = map(printable, (mail.at[:19].replace("T", " "), mail.id, mail.company))
        findings = (str(phrases.FINDINGS[each]) for each in (mail.finding, turn.finding))
        table.add_row(*names, *findings, ", ".join(turn.rules), style=STYLES[turn.finding])
    console.print(table)
    console.print()
    show_ways(console, Counter((turn.mail.finding, turn.finding) for turn in turns))
    console.print()
    by_rule = screen.table(phrases.BY_RULE, phrases.MAILS, numbers=(phrases.MAILS,))
    counts = Counter(rule for turn in turns for rule in turn.rules)
    for rule, count in counts.most_common():
        by_rule.add_row(rule, str(count))
    console.print(by_rule)
    console.print()
