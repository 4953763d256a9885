"""A clock that does not go while anything is to be done: a test of waiting takes no time, and no
load of the machine makes any time go by in it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from selectors import BaseSelector
from typing import Any

# What was sent through the kernel comes within this time when all is quiet.
_QUIET = 0.02


@contextmanager
def still() -> Iterator[None]:
    """In the running loop time stands still, and leaps to what is due when nothing else happens.

    Only for tests whose ends all are in this loop: it knows nothing of threads and processes.
    """
    loop: Any = asyncio.get_running_loop()
    real, clock = loop._selector, _Leaping(loop._selector, loop.time())
    loop._selector, loop.time = clock, lambda: clock.now
    try:
        yield
    finally:
        del loop.time
        loop._selector = real


class _Leaping:
    """The loop's selector; a wait in which nothing comes is over at once."""

    def __init__(self, real: BaseSelector, now: float) -> None:
        self._real = real
        self.now = now

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None or timeout <= 0:
            return self._real.select(timeout)
        found = self._real.select(min(timeout, _QUIET))
        if not found:
            self.now += timeout
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)
