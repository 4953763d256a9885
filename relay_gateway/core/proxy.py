"""The header of the PROXY protocol: whose connection a proxy passes on (HAProxy, v1 and v2)."""

from __future__ import annotations

import ipaddress
import re

# The shortest header has 15 octets ("PROXY UNKNOWN" CR LF); what follows may not be ours to read.
SHORTEST = 15
# v1 has at most 107. v2 may be longer for what proxies add; real ones add less than 300.
_LONGEST_V1 = 107
_LONGEST_V2 = 4096


class BadHeader(Exception):
    """Bytes that are no such header, or one of a connection that cannot be mail."""


def lacking(head: bytes) -> int:
    """How many octets are surely missing to the end of the header; 0 at its end."""
    if not (head.startswith((_V1, _V2)) or _V1.startswith(head) or _V2.startswith(head)):
        raise BadHeader
    if len(head) < SHORTEST:
        return SHORTEST - len(head)
    if head.startswith(_V1):
        return _lacking_v1(head)
    if len(head) < _FIXED:
        return _FIXED - len(head)
    length = _FIXED + int.from_bytes(head[14:16])
    if length > _LONGEST_V2:
        raise BadHeader
    return length - len(head)


def source(head: bytes) -> str:
    """The address of the client in a whole header; empty if the proxy speaks for itself."""
    return _source_v1(head) if head.startswith(_V1) else _source_v2(head)


_V1 = b"PROXY "
_V2 = b"\r\n\r\n\0\r\nQUIT\n"
_FIXED = len(_V2) + 4
_LINE = re.compile(
    rb"PROXY (?:UNKNOWN(?: [^\r\n]*)?"
    rb"|TCP(?P<family>[46]) (?P<source>[0-9A-Fa-f.:]+) (?P<target>[0-9A-Fa-f.:]+)"
    rb" (?P<port>0|[1-9][0-9]{0,4}) (?P<to>0|[1-9][0-9]{0,4}))\r\n"
)
_MOST_PORT = 65535


def _lacking_v1(head: bytes) -> int:
    end = head.find(b"\n")
    if 0 <= end < len(head) - 1 or len(head) > _LONGEST_V1:
        raise BadHeader
    # A line has no length in front: more than one octet could be the client's.
    return 0 if end >= 0 else 1


def _source_v1(head: bytes) -> str:
    line = _LINE.fullmatch(head)
    if not line or len(head) > _LONGEST_V1:
        raise BadHeader
    if line["family"] is None:
        return ""
    if max(int(line["port"]), int(line["to"])) > _MOST_PORT:
        raise BadHeader
    version = int(line["family"])
    _address(line["target"], version)
    return _address(line["source"], version)


def _address(text: bytes, version: int) -> str:
    try:
        address = ipaddress.ip_address(text.decode("ascii"))
    except ValueError:
        raise BadHeader from None
    if address.version != version:
        raise BadHeader
    return str(address)


def _source_v2(head: bytes) -> str:
    if lacking(head) != 0:
        raise BadHeader
    version, command = divmod(head[12], 16)
    family, transport = divmod(head[13], 16)
    if version != 2 or command > 1:
        raise BadHeader
    if command == 0 or (family, transport) == (0, 0):
        return ""
    if transport != 1 or family not in _LENGTHS:
        raise BadHeader
    length = _LENGTHS[family]
    if len(head) < _FIXED + 2 * length + 4:
        raise BadHeader
    return str(ipaddress.ip_address(head[_FIXED : _FIXED + length]))


# TCP over IPv4 and IPv6. A Unix socket has no address that access could go by.
_LENGTHS = {1: 4, 2: 16}
