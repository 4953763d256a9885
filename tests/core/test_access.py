"""Who may bring mail, by address, certificate and login."""

from __future__ import annotations

import ipaddress
from dataclasses import replace

import pytest

from relay_gateway.core.access import Access, is_within
from relay_gateway.core.envelope import Client, Standing

OURS = ipaddress.ip_network("192.0.2.0/24")
PLATFORM = ipaddress.ip_network("198.51.100.0/24")
ACCESS = Access((OURS,), (PLATFORM,), frozenset({"mail.acme.example"}))


def test_a_relay_for_nobody_does_not_start():
    with pytest.raises(ValueError, match="networks"):
        Access(())


@pytest.mark.parametrize(
    ("host", "is_ours"),
    [
        ("192.0.2.7", True),
        ("::ffff:192.0.2.7", True),
        ("192.0.3.7", False),
        ("2001:db8::1", True),
        ("2001:db9::1", False),
        ("fe80::1%eth0", False),
        ("", False),
        ("localhost", False),
    ],
)
def test_only_named_networks_are_heard(host, is_ours):
    networks = (OURS, ipaddress.ip_network("2001:db8::/32"))
    assert is_within(host, networks) is is_ours
    assert Access(networks).hears(host) is is_ours
    assert Access(networks, has_other_ways=True).hears(host)


@pytest.mark.parametrize(
    ("address", "shown", "standing"),
    [
        ("192.0.2.7", {}, Standing.FREE),
        ("198.51.100.7", {}, Standing.SHARED),
        ("203.0.113.7", {}, Standing.STRANGER),
        ("203.0.113.7", {"user": "acme"}, Standing.FREE),
        ("203.0.113.7", {"names": frozenset({"mail.acme.example"})}, Standing.FREE),
        ("203.0.113.7", {"names": frozenset({"mail.other.example"})}, Standing.SHARED),
        ("198.51.100.7", {"names": frozenset({"mail.other.example"})}, Standing.SHARED),
    ],
)
def test_what_a_client_may_send_follows_from_what_it_has_shown(address, shown, standing):
    client = replace(Client(address, b"client.example"), **shown)
    assert ACCESS.standing(client) is standing
