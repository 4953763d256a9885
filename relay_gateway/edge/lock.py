"""A file's lock, which one process of a host has at a time, until it closes the file or ends."""

from __future__ import annotations

import fcntl
import time

_PAUSE = 0.005


def lock(handle: int, within: float = 0.0) -> None:
    """Take the lock of an open file; `BlockingIOError` if another has it for so many seconds."""
    end = time.monotonic() + within
    while True:
        try:
            return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                raise
        time.sleep(_PAUSE)
