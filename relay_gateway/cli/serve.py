"""`serve`: the gateway itself, until it is told to stop."""

from __future__ import annotations

import os
import shlex
import sys
from functools import partial
from pathlib import Path

import click

from relay_gateway.app import set_up_log, work
from relay_gateway.cli.desk import config_option, settings
from relay_gateway.cli.samples import SAMPLES
from relay_gateway.cli.screen import BAD_CONFIG, UNAVAILABLE, Stopped, say
from relay_gateway.config import BadConfig, Config, ensure_secrets
from relay_gateway.config import load as load_config
from relay_gateway.edge import notify
from relay_gateway.edge.sockets import Address, allow_files, name
from relay_gateway.edge.supervisor import Plan, Refused, Supervisor


@click.command()
@config_option
def serve(path: Path | None) -> None:
    """Take mail, and pass it on; rejections with the company's link.

    Stops in order on SIGTERM or Ctrl-C: mails under way arrive, idle clients hear 421. Reads its
    settings anew on SIGHUP, as `relay-gateway reload` has it do.
    """
    try:
        config = ensure_secrets(settings(path))
        set_up_log(config)
        supervisor = Supervisor(
            load=partial(_load, config.path),
            notifier=notify.from_environment(os.environ),
            started=partial(_welcome, config),
            stopping=partial(say, "Stopping: mails under way arrive first."),
        )
        sys.exit(supervisor.run(_plan(config)))
    except BadConfig as refusal:
        raise Stopped("\n".join(map(str, refusal.faults)), BAD_CONFIG) from refusal
    except OSError as fault:
        raise Stopped(f"The gateway cannot start: {fault}.", UNAVAILABLE) from fault


def _load(path: Path) -> Plan:
    try:
        return _plan(ensure_secrets(load_config(path)))
    except BadConfig as refusal:
        raise Refused(tuple(map(str, refusal.faults))) from refusal


def _plan(config: Config) -> Plan:
    files = 2 * config.limits.connections + _OWN_FILES
    if allow_files(files):
        say(
            f"This process may open too few files for {config.limits.connections} clients; raise "
            f"its limit to {files} (ulimit -n, LimitNOFILE=), or lower limits.connections.",
            "yellow",
        )
    return Plan(
        addresses=_addresses(config),
        workers=config.workers,
        work=partial(work, config),
        adopt=partial(set_up_log, config),
        patience=config.timeouts.stop + _TO_TIDY_UP,
        pid_file=config.pid_file,
        facts={"rules": config.policy.rules.version},
    )


def _addresses(config: Config) -> tuple[Address, ...]:
    """Where to listen: for mail, then for the web service."""
    web = config.web
    mail = tuple((listener.host, listener.port) for listener in config.listeners)
    return (*mail, (web.host, web.port)) if web else mail


# Files beside the connections, each of which has one towards the next hop.
_OWN_FILES = 500
_TO_TIDY_UP = 30.0


def _welcome(config: Config, addresses: tuple[Address, ...]) -> None:
    """What listens, where mails land, and what to try next."""
    mail = addresses[: len(config.listeners)]
    for listener, address in zip(config.listeners, mail, strict=True):
        access = listener.access
        networks = ", ".join(map(str, access.clients + access.shared)) or "those who log in"
        say(f"Listening on {name(*address)} for {networks}.", "bold")
    if config.web is not None:
        say(f"The web service listens on {name(*addresses[-1])}.", "bold")
    for tenant in config.policy.tenants:
        say(f"Company {tenant.id}: {tenant.mode}, languages {', '.join(tenant.languages)}.")
    for caution in config.cautions:
        say(str(caution), "yellow")
    if config.next_hop is not None:
        say(f"Mail goes on to {name(config.next_hop.host, config.next_hop.port)}.")
        return
    say(f"No next_hop is configured: mail is kept in {_near(config.outbox / 'new')}.")
    command = [sys.argv[0], "send", _near(SAMPLES / "rejection.eml")]
    say(f"Try next: {shlex.join(command)} --to {name(*mail[-1])}", "green")


def _near(path: Path) -> str:
    """The path as seen from here, if it lies below."""
    path, here = path.resolve(), Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
