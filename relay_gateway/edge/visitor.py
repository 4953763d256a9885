"""Where a request comes from: only to count it, and never kept."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from starlette.types import Scope

from relay_gateway.core.access import Network


def address_of(scope: Scope, proxies: Iterable[Network]) -> str:
    """The last address that none of our own proxies stands at.

    `X-Forwarded-For` is believed as far as our proxies have written it, from the right: what stands
    further left may be the visitor's own invention.
    """
    ours = tuple(proxies)
    address = str((scope.get("client") or ("",))[0])
    said = b",".join(value for name, value in scope["headers"] if name == b"x-forwarded-for")
    steps = said.decode("latin-1").split(",") if said else []
    while steps and _is_in(address, ours):
        address = steps.pop().strip()
    return address


def is_watcher(scope: Scope, watchers: tuple[Network, ...], proxies: tuple[Network, ...]) -> bool:
    """Whether this comes from one of these networks, and not by a proxy that we do not know: with
    one on this host all the world would seem to be here.
    """
    direct = str((scope.get("client") or ("",))[0])
    is_forwarded = any(name in _FORWARDED for name, _ in scope["headers"])
    if is_forwarded and not _is_in(direct, proxies):
        return False
    return _is_in(address_of(scope, proxies), watchers)


_FORWARDED = (b"x-forwarded-for", b"x-real-ip", b"forwarded", b"via")


def _is_in(address: str, networks: tuple[Network, ...]) -> bool:
    try:
        its = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(its, ipaddress.IPv6Address) and its.ipv4_mapped is not None:
        its = its.ipv4_mapped
    return any(its in network for network in networks)
