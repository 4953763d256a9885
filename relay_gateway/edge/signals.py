"""Signals as news to wait for, beside what others say, in a process without an event loop."""

from __future__ import annotations

import os
import select
import signal
import socket
from collections.abc import Iterable
from contextlib import suppress
from types import FrameType
from typing import Any


class Signals:
    """Collects these signals while it is entered; main thread only."""

    def __init__(self, *its: signal.Signals) -> None:
        self._its = its
        self._before: list[tuple[signal.Signals, Any]] = []

    def __enter__(self) -> Signals:
        # An end of a pipe and no flag: a signal right before the wait would else be slept over.
        self._heard, self._told = os.pipe()
        for end in (self._heard, self._told):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(self._told, warn_on_full_buffer=False)
        self._before = [(each, signal.signal(each, _nothing)) for each in self._its]
        return self

    def __exit__(self, *_: object) -> None:
        for each, handler in self._before:
            signal.signal(each, handler)
        signal.set_wakeup_fd(-1)
        self.leave()

    def leave(self) -> None:
        """Close it; a child does so that its parent's signals stay its parent's."""
        os.close(self._heard)
        os.close(self._told)

    def wait(self, others: Iterable[socket.socket], seconds: float) -> bytes:
        """Wait for a signal, or until there is something to read elsewhere; signals in order."""
        poll = select.poll()
        for each in (self._heard, *(other.fileno() for other in others)):
            poll.register(each, select.POLLIN)
        poll.poll(seconds * 1000)
        with suppress(BlockingIOError):
            return os.read(self._heard, 4096)
        return b""


def _nothing(number: int, frame: FrameType | None) -> None:
    """Whoever waits reads the number elsewhere."""
