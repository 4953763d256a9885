"""Ports that nobody else is given, neither to listen on nor to call from."""

from __future__ import annotations

import socket
import sys
import weakref
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress


@contextmanager
def reserved() -> Iterator[int]:
    """A port that only who is told of it can listen on, as often as he likes, while this lasts."""
    with closing(_holder(0)) as holder:
        yield _number(holder)


def reserve(owner: object, *above: int) -> int:
    """Such a port for as long as there is the owner, and with it those that lie so far above it."""
    while True:
        holders = [_holder(0)]
        port = _number(holders[0])
        with suppress(OSError, OverflowError):
            for distance in above:
                holders.append(_holder(port + distance))
            for each in holders:
                weakref.finalize(owner, each.close)
            return port
        for each in holders:
            each.close()


def _holder(port: int) -> socket.socket:
    # Linux lets others listen at an address that one who may be reused is bound to and does not
    # listen at; it gives the port to nobody who asks for any, and calls from it for nobody.
    holder = socket.socket()
    try:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", port))
    except (OSError, OverflowError):
        holder.close()
        raise
    return holder


def _number(holder: socket.socket) -> int:
    port = int(holder.getsockname()[1])
    if sys.platform != "linux":
        # Elsewhere nobody else could listen there: a port that is free just now has to do.
        holder.close()
    return port
