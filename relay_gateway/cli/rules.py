"""`rules`: what the rules are, whether they keep their word, and what a change would do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.text import Text

from relay_gateway.cli import origin, phrases, screen
from relay_gateway.cli.cost import cost
from relay_gateway.cli.desk import config_option, desk
from relay_gateway.cli.difference import difference
from relay_gateway.cli.examples import examples
from relay_gateway.cli.replay import replay
from relay_gateway.cli.tongue import lang_option
from relay_gateway.config.book import Book
from relay_gateway.core.printable import printable
from relay_gateway.core.rules import Role, Rule, State

STATE_STYLES = {State.ON: "", State.SHADOW: "yellow", State.OFF: "dim"}


@click.group()
def rules() -> None:
    """List, test and time the rules, and see what a change of them would do."""


@rules.command("list")
@click.option("--language", metavar="LANGUAGE", help="Only this one, such as ja.")
@click.option(
    "--role", type=click.Choice([str(role) for role in Role]), help="Only rules of this role."
)
@click.option("--company", metavar="ID", help="The rules that this company's mails are judged by.")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object a rule.")
@lang_option
@config_option
def listing(
    *,
    language: str | None,
    role: str | None,
    company: str | None,
    is_json: bool,
    path: Path | None,
) -> None:
    """List every rule with its role, weight, state, place and number of examples."""
    bench = desk(path)
    own = bench.books.get(bench.company(company).id) if company else None
    book = own or bench.book
    chosen = [
        rule
        for pack in book.rules.packs
        for rule in pack.rules
        if language in (None, pack.language) and role in (None, str(rule.role))
    ]
    if is_json:
        for rule in chosen:
            screen.echo_json(_as_json(rule, book))
    elif chosen:
        _print(chosen, book)
    else:
        screen.say(str(phrases.NO_RULES))


def _as_json(rule: Rule, book: Book) -> dict[str, Any]:
    at = book.origins[rule.language, rule.name]
    return {
        "language": rule.language,
        "rule": rule.name,
        "role": str(rule.role),
        "weight": rule.weight,
        "state": str(rule.state),
        "file": at.file,
        "line": at.line,
        "shipped": at.is_shipped,
        "matches": len(rule.matches),
        "spares": len(rule.spares),
    }


def _print(chosen: list[Rule], book: Book) -> None:
    numbers = (phrases.WEIGHT, phrases.EXAMPLES)
    columns = (phrases.LANGUAGE, phrases.RULE, phrases.ROLE, phrases.WEIGHT, phrases.STATE)
    table = screen.table(*columns, phrases.EXAMPLES, phrases.ORIGIN, numbers=numbers)
    for rule in chosen:
        at = book.origins[rule.language, rule.name]
        shipped = f"  ({phrases.SHIPPED})" if at.is_shipped else ""
        table.add_row(
            rule.language,
            rule.name,
            str(phrases.ROLES[rule.role]),
            f"{rule.weight:g}",
            str(rule.state),
            str(len(rule.matches) + len(rule.spares)),
            Text.assemble(printable(origin.place(at)), (shipped, "dim")),
            style=STATE_STYLES[rule.state],
        )
    screen.out().print(table)


for _command in (examples, cost, difference, replay):
    rules.add_command(_command)
