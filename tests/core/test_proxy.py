"""The header of a proxy: read to its end and no further."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay_gateway.core.proxy import BadHeader, lacking, source

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def v2(kind: int, rest: bytes, version: int = 0x21) -> bytes:
    return SIGNATURE + bytes([version, kind]) + len(rest).to_bytes(2) + rest


def ask(stream: bytes) -> tuple[str, int]:
    """What a stream that begins with a header says, and how much of it was taken."""
    taken = 0
    while more := lacking(stream[:taken]):
        if taken + more > len(stream):
            raise BadHeader
        taken += more
    return source(stream[:taken]), taken


ADDRESSES = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))


@st.composite
def headers(draw):
    client = draw(ADDRESSES)
    other = draw(st.ip_addresses(v=client.version))
    if draw(st.booleans()):
        kind = "TCP4" if client.version == 4 else "TCP6"
        return client, f"PROXY {kind} {client} {other} 40000 25\r\n".encode()
    extra = draw(st.binary(max_size=300))
    ports = b"\x9c\x40\0\x19"
    kind = 0x11 if client.version == 4 else 0x21
    return client, v2(kind, client.packed + other.packed + ports + extra)


@given(headers(), st.binary(max_size=50))
def test_a_header_names_the_client_and_nothing_behind_it_is_taken(header, behind):
    client, head = header
    said, taken = ask(head + behind)
    assert ipaddress.ip_address(said) == client
    assert taken == len(head)


@given(headers(), st.data())
def test_half_a_header_lacks_something(header, data):
    _, head = header
    end = data.draw(st.integers(0, len(head) - 1))
    assert lacking(head[:end]) > 0


@pytest.mark.parametrize(
    "head",
    [
        b"PROXY UNKNOWN\r\n",
        b"PROXY UNKNOWN ffff::1 what ever\r\n",
        v2(0x00, b"", 0x20),
        v2(0x11, b"x" * 12, 0x20),
        v2(0x00, b"whatever"),
    ],
)
def test_a_proxy_may_speak_for_itself(head):
    assert ask(head + b"EHLO") == ("", len(head))


@pytest.mark.parametrize(
    "head",
    [
        b"EHLO client.example\r\n",
        b"PROXY UNKNOWN \n behind",
        b"PROXY UNKNOWNS\r\n",
        b"PROXY TCP4 192.0.2.1\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n",
        b"PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n",
        b"PROXY TCP4 192.0.2.256 192.0.2.2 1 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2 1 2\r\n",
        b"PROXY TCP4 ::1 ::2 1 2\r\n",
        b"PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY TCP6 fe80::1%eth0 ::2 1 2\r\n",
        b"PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY UNKNOWN " + b"x" * 94 + b"\r\n",
        v2(0x11, b"x" * 12, 0x31),
        v2(0x11, b"x" * 12, 0x22),
        v2(0x11, b"x" * 11),
        v2(0x21, b"x" * 12),
        v2(0x12, b"x" * 12),
        v2(0x31, b"x" * 216),
        v2(0x11, b"x" * 4081),
    ],
)
def test_anything_else_is_no_header(head):
    with pytest.raises(BadHeader):
        ask(head)


@given(st.sampled_from([b"", b"PROXY ", b"PROXY TCP4 ", SIGNATURE]), st.binary(max_size=5000))
def test_any_bytes_are_a_header_or_none(start, rest):
    stream = start + rest
    try:
        said, taken = ask(stream)
    except BadHeader:
        return
    assert taken <= len(stream)
    assert not said or ipaddress.ip_address(said)


def test_the_longest_line_is_read():
    head = b"PROXY UNKNOWN " + b"x" * 91 + b"\r\n"
    assert len(head) == 107
    assert ask(head) == ("", 107)
