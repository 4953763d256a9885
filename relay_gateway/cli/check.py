"""`check`: are the settings in order?"""

from __future__ import annotations

import os
from collections.abc import Iterator
from os.path import normpath
from pathlib import Path

import click
from rich.console import Console

from relay_gateway.cli import origin, phrases, screen
from relay_gateway.cli.block import style
from relay_gateway.cli.desk import config_option, settings
from relay_gateway.cli.tongue import Said, lang_option
from relay_gateway.config import Config, Fault, LedgerPlace, Listener
from relay_gateway.config.document import read
from relay_gateway.core.printable import printable
from relay_gateway.core.rules import Pack, State
from relay_gateway.core.tenant import Mode
from relay_gateway.edge import sockets

MODE_STYLES = {Mode.LIVE: "green", Mode.MONITOR: "yellow", Mode.PAUSED: "dim"}


@click.command()
@lang_option
@config_option
def check(path: Path | None) -> None:
    """Check the settings, companies and rules.

    All that is wrong is told at once: where it stands, and what to do about it. So is every shipped
    rule that a file of your own changes.
    """
    config = settings(path)
    faults = list(_unwritable(config))
    if faults:
        raise screen.Stopped("\n".join(map(str, faults)), screen.BAD_CONFIG)
    console = screen.out()
    console.print(phrases.IN_ORDER(path=config.path), style="green")
    console.print()
    _print_ways(console, config)
    console.print()
    _print_companies(console, config)
    console.print()
    _print_rules(console, config)
    console.print()
    _print_overrides(console, config)
    for note in (*config.cautions, *config.missing_secrets):
        screen.say(str(note), "yellow")


def _unwritable(config: Config) -> Iterator[Fault]:
    """The places that `serve` could not write to, as the user who runs this."""
    places = {
        ("ledger",): config.ledger.near,
        ("ledger", "journal"): config.ledger.journal,
        ("log", "file"): config.log.file,
        ("reproducers",): config.reproducers,
    }
    if config.next_hop is None:
        places["outbox",] = config.outbox
    document = read(config.path)
    for route, place in places.items():
        if place is not None and not _is_writable(place.absolute()):
            words = f"{normpath(place)} cannot be written by this user"
            yield document.at(route, f"{words}; name another place, or change its permissions")


def _is_writable(place: Path) -> bool:
    """Whether the file or folder, or the nearest folder above that exists, takes new files."""
    there = next(folder for folder in (place, *place.parents) if folder.exists())
    if there == place:
        return os.access(place, os.W_OK)
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)


def _print_ways(console: Console, config: Config) -> None:
    hop = config.next_hop
    kept = phrases.KEPT(path=normpath(config.outbox))
    onward = f"{hop.host}:{hop.port}, TLS {hop.tls}" if hop else kept
    file = normpath(config.log.file) if config.log.file else str(phrases.STDERR)
    ways = (
        *((phrases.LISTEN, _shown(listener)) for listener in config.listeners),
        *_web(config),
        (phrases.NEXT_HOP, onward),
        (phrases.LEDGER, _kept(config.ledger)),
        (phrases.JOURNAL, normpath(config.ledger.journal)),
        (phrases.LOG, f"{file} ({config.log.format}, {config.log.level})"),
    )
    for name, value in ways:
        console.print(screen.fact(name, value), soft_wrap=True)


def _kept(place: LedgerPlace) -> str:
    name = normpath(place.path) if place.path else place.name
    replicas = f", at least {place.wait_replicas} replicas" if place.wait_replicas else ""
    return f"{name}{replicas}"


def _web(config: Config) -> Iterator[tuple[Said, str]]:
    """Where the web service listens, and for whom."""
    web = config.web
    if web is None:
        return
    tenants = config.policy.tenants
    uses = {
        "links": [tenant.id for tenant in tenants if tenant.front],
        "webhooks": [tenant.id for tenant in tenants if tenant.hook_secrets],
    }
    told = "; ".join(f"{use} of {', '.join(ids)}" for use, ids in uses.items() if ids)
    tls = "TLS" if web.tls else "no TLS"
    yield phrases.WEB, f"{sockets.name(web.host, web.port)}, {tls}, for {told or 'nobody yet'}"


def _shown(listener: Listener) -> str:
    """The listener in one line: address, name, and the ways in."""
    access = listener.access
    ways = [
        ", ".join(map(str, access.clients)),
        f"shared {', '.join(map(str, access.shared))}" if access.shared else "",
        f"{len(listener.users)} users" if listener.users else "",
        f"certificates of {', '.join(sorted(access.names))}" if access.names else "",
    ]
    tls = ("TLS" if listener.is_implicit else "STARTTLS") if listener.tls else "no TLS"
    who = "; ".join(filter(None, ways))
    return f"{listener.address} as {listener.hostname}, {tls}, for {who}"


def _print_companies(console: Console, config: Config) -> None:
    table = screen.table(
        phrases.COMPANY,
        phrases.NAME,
        phrases.MODE,
        phrases.LANGUAGES,
        phrases.BLOCK,
        phrases.SENDERS,
    )
    for tenant in config.policy.tenants:
        senders = ", ".join(sorted(tenant.domains | tenant.addresses))
        languages = ", ".join(tenant.languages)
        name, words = printable(tenant.name), style(tenant)
        row = (tenant.id, name, str(tenant.mode), languages, words, senders)
        table.add_row(*row, style=MODE_STYLES[tenant.mode])
    console.print(table)


def _print_rules(console: Console, config: Config) -> None:
    """The gateway's rules, and those of companies with their own."""
    table = screen.table(phrases.RULES, *_COUNTS, numbers=_COUNTS)
    own = [(tenant.id, tenant.rules) for tenant in config.policy.tenants]
    for company, rules in (("", config.policy.rules), *own):
        for pack in rules.packs if rules else ():
            counts = (str(_count(pack, state)) for state in (State.ON, State.SHADOW, State.OFF))
            name = f"{company} {pack.language}".strip()
            table.add_row(name, *counts, f"{pack.threshold:g}")
    console.print(table)
    console.print(phrases.VERSION(version=config.policy.rules.version), style="dim")


_COUNTS = (phrases.ON, phrases.SHADOW, phrases.OFF, phrases.THRESHOLD)


def _print_overrides(console: Console, config: Config) -> None:
    lines = [*origin.changes(config.book)]
    for company, book in config.books.items():
        lines += origin.changes(book, company)
    console.print(str(phrases.OVERRIDES if lines else phrases.NO_OVERRIDES), style="bold")
    for line in lines:
        console.print(line, soft_wrap=True)


def _count(pack: Pack, state: State) -> int:
    return sum(rule.state is state for rule in pack.rules)
