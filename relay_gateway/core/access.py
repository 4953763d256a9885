"""Who may bring mail to a listener: by address, by certificate, by login."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from relay_gateway.core.envelope import Client, Standing

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Access:
    """The ways into one listener.

    `clients` may send whatever they like, `shared` only mail that proves its company; `names` are
    those in certificates that may send whatever they like. `proxies` begin with the PROXY
    protocol and `forwarders` are believed when they say XFORWARD. With `has_other_ways` strangers
    are heard, because they may log in or show a certificate.
    """

    clients: tuple[Network, ...]
    shared: tuple[Network, ...] = ()
    names: frozenset[str] = frozenset()
    proxies: tuple[Network, ...] = ()
    forwarders: tuple[Network, ...] = ()
    has_other_ways: bool = False

    def __post_init__(self) -> None:
        if not (self.clients or self.shared or self.has_other_ways):
            raise ValueError("name the networks whose clients may send; none would be no relay")

    def hears(self, address: str) -> bool:
        """Whether a client at this address is greeted at all."""
        return self.has_other_ways or is_within(address, self.clients + self.shared)

    def standing(self, client: Client) -> Standing:
        """What this client may send, by all that it has shown so far."""
        if client.user or is_within(client.address, self.clients):
            return Standing.FREE
        if self.names.intersection(client.names):
            return Standing.FREE
        if client.names or is_within(client.address, self.shared):
            return Standing.SHARED
        return Standing.STRANGER


def is_within(address: str, networks: tuple[Network, ...]) -> bool:
    """Whether an IP address lies in one of the networks; IPv4 in IPv6 is IPv4 (RFC 4291, 2.5.5)."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    return any(ip in network for network in networks)
