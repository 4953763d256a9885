"""`serve`: the gateway itself, until it is told to stop."""

from __future__ import annotations

import asyncio
import shlex
import signal
import sys
from pathlib import Path

import click

from relay_gateway.app import Running, running
from relay_gateway.cli.desk import config_option, settings
from relay_gateway.cli.samples import SAMPLES
from relay_gateway.cli.screen import BAD_CONFIG, UNAVAILABLE, Stopped, say
from relay_gateway.config import BadConfig, Config, ensure_secrets
from relay_gateway.edge import log


@click.command()
@config_option
def serve(path: Path | None) -> None:
    """Take mail, and pass it on; rejections with the company's link.

    Stops in order on SIGTERM or Ctrl-C: mails under way arrive, idle clients hear 421.
    """
    try:
        config = ensure_secrets(settings(path))
        log.setup(config.log.format, config.log.level, config.log.file)
        asyncio.run(_serve(config))
    except BadConfig as refusal:
        raise Stopped("\n".join(map(str, refusal.faults)), BAD_CONFIG) from refusal
    except OSError as fault:
        raise Stopped(f"The gateway cannot start: {fault}.", UNAVAILABLE) from fault


async def _serve(config: Config) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for its in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(its, stop.set)
    async with running(config) as gateway:
        _welcome(config, gateway)
        await stop.wait()
        say("Stopping: mails under way arrive first.")


def _welcome(config: Config, gateway: Running) -> None:
    """What listens, where mails land, and what to try next."""
    networks = ", ".join(map(str, config.listen.clients))
    say(f"Listening on {gateway.host}:{gateway.port} for {networks}.", "bold")
    for tenant in config.policy.tenants:
        say(f"Company {tenant.id}: {tenant.mode}, languages {', '.join(tenant.languages)}.")
    if gateway.outbox is None:
        say(f"Mail goes on to {gateway.next_hop[0]}:{gateway.next_hop[1]}.")
        return
    say(f"No next_hop is configured: mail is kept in {_near(gateway.outbox / 'new')}.")
    command = [sys.argv[0], "send", _near(SAMPLES / "rejection.eml")]
    say(f"Try next: {shlex.join(command)} --to {gateway.host}:{gateway.port}", "green")


def _near(path: Path) -> str:
    """The path as seen from here, if it lies below."""
    path, here = path.resolve(), Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
