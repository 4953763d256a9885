"""XFORWARD: a forwarder says for whom it speaks (Postfix, XFORWARD_README)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from relay_gateway.core.envelope import Client
from relay_gateway.core.path import BadCommand
from relay_gateway.core.reply import reply


def read(argument: bytes) -> Mapping[bytes, bytes]:
    """The attributes by name in upper case, their values decoded; empty for one that is unknown."""
    found = {}
    for word in argument.split():
        name, _, value = word.partition(b"=")
        check = _CHECKS.get(name.upper())
        if check is None:
            raise BadCommand(_BAD_NAME)
        known = b"" if value.upper() in _UNAVAILABLE else _decoded(value)
        if known and not check(known):
            raise BadCommand(_BAD_VALUE)
        found[name.upper()] = known
    if not found:
        raise BadCommand(_SYNTAX)
    return found


def original(client: Client, said: Mapping[bytes, bytes]) -> Client:
    """The client for whom a forwarder speaks: what it may send is what the forwarder may."""
    address = _unprefixed(said.get(b"ADDR", b"")).decode("ascii") or client.address
    helo = said.get(b"HELO") or client.helo
    return replace(client, address=address, helo=helo, peer=client.address)


_SYNTAX = reply(501, "5.5.4 Syntax: XFORWARD attribute=value...")
_BAD_NAME = reply(501, "5.5.4 Bad attribute name")
_BAD_VALUE = reply(501, "5.5.4 Bad attribute value")
_LONGEST = 255
_UNAVAILABLE = (b"[UNAVAILABLE]", b"[TEMPUNAVAIL]")
_XTEXT = re.compile(rb"(?:[!-*,-<>-~]|\+[0-9A-Fa-f]{2})+")
_ESCAPE = re.compile(rb"\+([0-9A-Fa-f]{2})")
_CONTROL = re.compile(rb"[\0-\x1f\x7f]")


def _decoded(value: bytes) -> bytes:
    if not _XTEXT.fullmatch(value):
        raise BadCommand(_BAD_VALUE)
    decoded = _ESCAPE.sub(lambda escape: bytes.fromhex(escape[1].decode("ascii")), value)
    if len(decoded) > _LONGEST or _CONTROL.search(decoded):
        raise BadCommand(_BAD_VALUE)
    return decoded


def _is_address(value: bytes) -> bool:
    text = _unprefixed(value)
    try:
        address = ipaddress.ip_address(text.decode("ascii"))
    except ValueError:
        return False
    return address.version == (4 if text is value else 6) and b"%" not in text


def _unprefixed(address: bytes) -> bytes:
    return address[5:] if address[:5].upper() == b"IPV6:" else address


def _is_port(value: bytes) -> bool:
    return value.isdigit() and len(value) <= 5 and int(value) <= 65535


def _is(pattern: bytes) -> Callable[[bytes], bool]:
    compiled = re.compile(pattern, re.DOTALL | re.IGNORECASE)
    return lambda value: compiled.fullmatch(value) is not None


_CHECKS: Mapping[bytes, Callable[[bytes], bool]] = {
    b"NAME": _is(rb"[A-Z0-9._-]+"),
    b"ADDR": _is_address,
    b"PORT": _is_port,
    b"PROTO": _is(rb"[!-~]{1,64}"),
    b"HELO": _is(rb".+"),
    b"IDENT": _is(rb".+"),
    b"SOURCE": _is(rb"LOCAL|REMOTE"),
}
OFFER = "XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE"
