"""`reload`: has a running gateway read its settings anew."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import click

from relay_gateway.cli.desk import config_option, settings
from relay_gateway.cli.screen import TRY_AGAIN, UNAVAILABLE, Stopped, say
from relay_gateway.config import Config
from relay_gateway.edge import pid_file
from relay_gateway.edge.pid_file import Note


@click.command()
@config_option
def reload(path: Path | None) -> None:
    """Have the running gateway read its settings anew, with companies, rules and certificates.

    They are checked first. Mails under way arrive under the settings that they came under.
    """
    renew(settings(path))


def renew(config: Config) -> None:
    """Have the gateway with these settings read them anew, and say what became of it."""
    before = _note(config)
    _signal(before)
    after = _outcome(config, before)
    if after is None:
        raise Stopped(
            f"The gateway (process {before.pid}) has not answered yet; look at its log.", TRY_AGAIN
        )
    if after.generation == before.generation:
        faults = "\n".join(after.faults)
        raise Stopped(f"The gateway keeps its settings:\n{faults}", TRY_AGAIN)
    say(f"The gateway goes by these settings now (generation {after.generation}).", "green")


# A gateway may try for two seconds to get a port, and start many workers on a slow machine.
_PATIENCE = 15.0
_PAUSE = 0.05


def _note(config: Config) -> Note:
    """What the running gateway says of itself."""
    try:
        note = pid_file.read(config.pid_file)
    except OSError as fault:
        words = f"{config.pid_file} cannot be read ({fault.strerror})"
        raise Stopped(f"{words}; run this as the gateway's user.", UNAVAILABLE) from fault
    if note is None or note.pid == 0:
        words = f"No gateway with these settings is running ({config.pid_file} is held by none)"
        raise Stopped(f"{words}; start it with relay-gateway serve.", UNAVAILABLE)
    return note


def _signal(note: Note) -> None:
    try:
        os.kill(note.pid, signal.SIGHUP)
    except OSError as fault:
        words = f"Process {note.pid} cannot be told ({fault.strerror})"
        raise Stopped(f"{words}; run this as the gateway's user.", UNAVAILABLE) from fault


def _outcome(config: Config, before: Note) -> Note | None:
    """The note after a reload that began after this one; None if that takes too long."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        time.sleep(_PAUSE)
        now = _note_again(config)
        if now.pid == before.pid and now.ended > before.begun:
            return now
    return None


def _note_again(config: Config) -> Note:
    """As `_note`; but a gateway that is just writing is there."""
    return pid_file.read(config.pid_file) or _note(config)
