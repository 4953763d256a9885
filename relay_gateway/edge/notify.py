"""Tells whoever started us how we are: systemd's notification protocol (sd_notify(3)).

Without a `NOTIFY_SOCKET` nobody wants to know, and nothing is said.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass

import structlog

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Notifier:
    """Says what the service manager understands.

    `address` is a path, or a name with `@` in the abstract name space. `watchdog` is the seconds
    of silence after which we are taken for dead; 0 if nobody watches.
    """

    address: str = ""
    watchdog: float = 0.0

    def ready(self, status: str) -> None:
        """All is as it should be, also after a reload."""
        self._say("READY=1", f"STATUS={status}", f"MAINPID={os.getpid()}")

    def reloading(self) -> None:
        """The settings are being read anew; `ready` follows, whatever comes of it."""
        # The manager compares it with its own clock, and ignores a word from before its signal.
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._say("RELOADING=1", f"MONOTONIC_USEC={now}", "STATUS=Reading the settings anew")

    def stopping(self) -> None:
        """Mails under way arrive, then we end."""
        self._say("STOPPING=1", "STATUS=Mails under way arrive")

    def alive(self) -> None:
        """We have not got stuck."""
        self._say("WATCHDOG=1")

    def _say(self, *lines: str) -> None:
        if not self.address:
            return
        # sd_notify(3): an @ stands for the zero byte that abstract names begin with.
        name = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
                line.settimeout(_PATIENCE)
                line.sendto("\n".join(lines).encode(), name)
        except OSError:
            # Mail flows all the same.
            log.warning("notify_failed", exc_info=True)


def from_environment(environ: Mapping[str, str]) -> Notifier:
    """What the service manager asked for, if there is one and it meant this process."""
    address = environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return Notifier()
    microseconds = environ.get("WATCHDOG_USEC", "")
    is_meant = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    is_watched = is_meant and microseconds.isascii() and microseconds.isdigit()
    return Notifier(address, int(microseconds) / 1e6 if is_watched else 0.0)


_PATIENCE = 1.0
