"""`rules cost`: which rules are dear, on the mails at hand."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console

from relay_gateway.cli import mailbox, phrases, screen
from relay_gateway.cli.desk import config_option, desk
from relay_gateway.cli.tongue import lang_option
from relay_gateway.core import normal
from relay_gateway.core.judge import judge
from relay_gateway.core.letter import Letter
from relay_gateway.core.message import Unfit, Unreadable, read
from relay_gateway.core.page import pages
from relay_gateway.core.rules import (
    Pack,
    Reader,
    Rule,
    RuleSet,
    Sentences,
    State,
    Where,
    sentences,
)
from relay_gateway.core.subject import subject


@dataclass(frozen=True, slots=True)
class Price:
    """What one rule costs over all mails, in seconds of CPU, and in how many it speaks."""

    rule: Rule
    seconds: float
    hits: int


@dataclass(frozen=True, slots=True)
class _Text:
    """The words of one mail: as they are judged, and as the rules read them."""

    title: str
    letters: tuple[Letter, ...]
    lines: Sentences


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--top", default=20, show_default=True, help="How many rules to show.")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object a rule.")
@lang_option
@config_option
def cost(paths: tuple[str, ...], *, top: int, is_json: bool, path: Path | None) -> None:
    """Show the dearest rules on these mails: CPU time, share and hits.

    PATH... are .eml files, folders, mbox files or Maildirs. Each rule is read alone.
    """
    rules = desk(path).rules
    texts = tuple(_texts(paths))
    if not texts:
        screen.say(str(phrases.NO_MAIL))
        return
    prices = sorted(_prices(rules, texts), key=lambda each: -each.seconds)
    whole = sum(price.seconds for price in prices) or 1.0
    if is_json:
        for price in prices:
            screen.echo_json(
                {
                    "language": price.rule.language,
                    "rule": price.rule.name,
                    "microseconds": round(price.seconds * 1e6, 1),
                    "share": round(price.seconds / whole, 4),
                    "hits": price.hits,
                }
            )
        return
    _print(screen.out(), prices[:top], whole, texts)
    screen.out().print(_note(rules, texts), style="dim", soft_wrap=True)


def _texts(paths: tuple[str, ...]) -> Iterator[_Text]:
    for file in mailbox.files(paths):
        for found in mailbox.mails(file):
            if found.fault:
                screen.say(found.fault, "yellow")
                continue
            try:
                message = read(mailbox.without_from(found.raw))
                letters = tuple(page.letter for group in pages(message) for page in group)
            except (Unreadable, Unfit):
                continue
            if letters:
                yield _text(subject(message), letters)


def _text(title: str, letters: tuple[Letter, ...]) -> _Text:
    own = [(part.text, Where.BODY) for letter in letters for part in letter.own]
    lines = [
        (sentence, where)
        for text, where in [(title, Where.SUBJECT), *own]
        for sentence in normal.sentences(normal.normalise(text))
    ]
    return _Text(title, letters, sentences(lines))


def _prices(rules: RuleSet, texts: tuple[_Text, ...]) -> Iterator[Price]:
    for pack in rules.packs:
        for rule in pack.rules:
            if rule.state is not State.OFF:
                yield _price(rule, Reader(Pack(pack.language, pack.threshold, (rule,))), texts)


def _price(rule: Rule, reader: Reader, texts: tuple[_Text, ...]) -> Price:
    # RE2 builds its automata when they are first used; that is paid once, not by each mail.
    for text in texts[:_WARM]:
        _is_heard(reader, text.lines)
    begin = time.thread_time()
    hits = sum(_is_heard(reader, text.lines) for text in texts)
    return Price(rule, time.thread_time() - begin, hits)


_WARM = 20


def _is_heard(reader: Reader, lines: Sentences) -> bool:
    possible = reader.sift(lines.whole)
    return bool(possible) and any(reader.hear(lines, possible))


def _print(console: Console, prices: list[Price], whole: float, texts: tuple[_Text, ...]) -> None:
    columns = (phrases.LANGUAGE, phrases.RULE, phrases.ROLE)
    numbers = (phrases.COST, phrases.A_MAIL, phrases.SHARE, phrases.HITS)
    table = screen.table(*columns, *numbers, numbers=numbers)
    for price in prices:
        table.add_row(
            price.rule.language,
            price.rule.name,
            str(phrases.ROLES[price.rule.role]),
            f"{price.seconds * 1e6:.0f}",
            f"{price.seconds * 1e6 / len(texts):.1f}",
            f"{price.seconds / whole:.1%}",
            str(price.hits),
        )
    console.print(table)


def _note(rules: RuleSet, texts: tuple[_Text, ...]) -> str:
    for text in texts[:_WARM]:
        _judge(text, rules)
    begin = time.thread_time()
    for text in texts:
        _judge(text, rules)
    together = (time.thread_time() - begin) * 1e6 / len(texts)
    size = sum(len(text.lines.whole) for text in texts) / 1024
    return phrases.COST_NOTE(mails=len(texts), kilobytes=size, together=together)


def _judge(text: _Text, rules: RuleSet) -> None:
    for letter in text.letters:
        judge(text.title, letter, rules)
