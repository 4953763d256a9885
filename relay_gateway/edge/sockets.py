"""Sockets that listen before there is anybody to answer, so that processes can share them."""

from __future__ import annotations

import errno
import resource
import socket
import time
from collections import Counter
from collections.abc import Iterable, Mapping

Address = tuple[str, int]

# By host, port, and which one of several: port 0 may be asked for twice. A name may have several
# addresses.
Sockets = Mapping[tuple[str, int, int], tuple[socket.socket, ...]]


def bind(addresses: Iterable[Address], held: Sockets) -> Sockets:
    """Listen at these addresses, in their order; where `held` does so already it stays as it is.

    If one cannot be had nothing new stays open, and `OSError` says why.
    """
    found: dict[tuple[str, int, int], tuple[socket.socket, ...]] = {}
    seen: Counter[Address] = Counter()
    try:
        for address in addresses:
            key = (*address, seen[address])
            seen[address] += 1
            found[key] = held[key] if key in held else _patiently(*address)
    except OSError:
        close(found, but=held)
        raise
    return found


def close(sockets: Sockets, but: Sockets) -> None:
    """Close those that are not among the others."""
    for key, group in sockets.items():
        if key not in but:
            for each in group:
                each.close()


def name(host: str, port: int) -> str:
    """The address as one writes it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def allow_files(needed: int) -> int:
    """Let this process and its children open as many files as they may; how many are lacking."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    except (OSError, ValueError):
        # Some systems call the limit infinite and then grant less.
        pass
    return 0 if soft == resource.RLIM_INFINITY else max(0, needed - soft)


_PATIENCE = 2.0
_PAUSE = 0.1
_BACKLOG = 1024


def _patiently(host: str, port: int) -> tuple[socket.socket, ...]:
    """A gateway that stops just now may hold the port a little longer."""
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            return _open(host, port)
        except OSError as fault:
            if fault.errno != errno.EADDRINUSE or time.monotonic() >= end:
                raise OSError(_sentence(host, port, fault)) from fault
        time.sleep(_PAUSE)


def _sentence(host: str, port: int, fault: OSError) -> str:
    where = name(host, port)
    if fault.errno == errno.EADDRINUSE:
        return f"{where} is in use; stop what listens there, or write another listen.address"
    if fault.errno == errno.EACCES:
        return (
            f"{where} is for privileged programs only; grant CAP_NET_BIND_SERVICE, "
            "or write another listen.address"
        )
    return f"{where} cannot be listened at ({fault.strerror}); write another listen.address"


def _open(host: str, port: int) -> tuple[socket.socket, ...]:
    """One socket for each address of the name."""
    # The protocol is named: without it asyncio would leave Nagle's algorithm on.
    found = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP, flags=socket.AI_PASSIVE
    )
    opened: list[socket.socket] = []
    try:
        for family, kind, protocol, _, address in dict.fromkeys(found):
            if family in (socket.AF_INET, socket.AF_INET6):
                opened.append(_listening(family, kind, protocol, address))
    except OSError as fault:
        # A name may stand for an IPv6 address on a machine without IPv6.
        if not opened or fault.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
            for each in opened:
                each.close()
            raise
    return tuple(opened)


def _listening(family: int, kind: int, protocol: int, address: object) -> socket.socket:
    made = socket.socket(family, kind, protocol)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # So that [::] and 0.0.0.0 may both be listened at, and addresses look as they are.
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)  # type: ignore[arg-type]
        made.listen(_BACKLOG)
        made.setblocking(False)
    except OSError:
        made.close()
        raise
    return made
