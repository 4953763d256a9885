"""`check`: are the settings in order?"""

from __future__ import annotations

from os.path import normpath
from pathlib import Path

import click
from rich.console import Console

from relay_gateway.cli import screen
from relay_gateway.cli.desk import config_option, settings
from relay_gateway.config import Config
from relay_gateway.core.rules import Pack, State
from relay_gateway.core.tenant import Mode
from relay_gateway.edge.log import printable

MODE_STYLES = {Mode.LIVE: "green", Mode.MONITOR: "yellow", Mode.PAUSED: "dim"}


@click.command()
@config_option
def check(path: Path | None) -> None:
    """Check the settings, companies and rules.

    All that is wrong is told at once: where it stands, and what to do about it.
    """
    config = settings(path)
    console = screen.out()
    console.print(f"{config.path} is in order.", style="green")
    console.print()
    _print_ways(console, config)
    console.print()
    _print_companies(console, config)
    console.print()
    _print_rules(console, config)
    for missing in config.missing_secrets:
        screen.say(str(missing), "yellow")


def _print_ways(console: Console, config: Config) -> None:
    hop = config.next_hop
    kept = f"none; mails are kept in {normpath(config.outbox)}"
    onward = f"{hop.host}:{hop.port}, TLS {hop.tls}" if hop else kept
    file = normpath(config.log.file) if config.log.file else "standard error"
    ways = (
        ("listen", f"{config.listen.address} as {config.hostname}"),
        ("clients", ", ".join(map(str, config.listen.clients))),
        ("next hop", onward),
        ("ledger", normpath(config.ledger)),
        ("log", f"{file} ({config.log.format}, {config.log.level})"),
    )
    for name, value in ways:
        console.print(f"{name:<9} {printable(value)}", soft_wrap=True)


def _print_companies(console: Console, config: Config) -> None:
    table = screen.table("company", "name", "mode", "languages", "senders")
    for tenant in config.policy.tenants:
        senders = ", ".join(sorted(tenant.domains | tenant.addresses))
        languages = ", ".join(tenant.languages)
        row = (tenant.id, printable(tenant.name), str(tenant.mode), languages, senders)
        table.add_row(*row, style=MODE_STYLES[tenant.mode])
    console.print(table)


def _print_rules(console: Console, config: Config) -> None:
    rules = config.policy.rules
    table = screen.table("rules", "on", "shadow", "off", "threshold", numbers=_COUNTS)
    for pack in rules.packs:
        counts = (str(_count(pack, state)) for state in (State.ON, State.SHADOW, State.OFF))
        table.add_row(pack.language, *counts, f"{pack.threshold:g}")
    console.print(table)
    console.print(f"version {rules.version}", style="dim")


_COUNTS = ("on", "shadow", "off", "threshold")


def _count(pack: Pack, state: State) -> int:
    return sum(rule.state is state for rule in pack.rules)
