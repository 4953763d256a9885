"""XFORWARD: what a forwarder may say, and what comes of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay_gateway.core.envelope import Client, Standing
from relay_gateway.core.path import BadCommand
from relay_gateway.core.xforward import original, read

FORWARDER = Client("192.0.2.1", b"mx.acme.example", user="mx", standing=Standing.SHARED)


def test_all_attributes_are_read():
    said = read(
        b"NAME=mail.acme.example addr=192.0.2.7 PORT=25 PROTO=ESMTP HELO=a+2Bb"
        b" IDENT=4Q7x SOURCE=REMOTE"
    )
    assert said == {
        b"NAME": b"mail.acme.example",
        b"ADDR": b"192.0.2.7",
        b"PORT": b"25",
        b"PROTO": b"ESMTP",
        b"HELO": b"a+b",
        b"IDENT": b"4Q7x",
        b"SOURCE": b"REMOTE",
    }


@pytest.mark.parametrize("unknown", [b"[UNAVAILABLE]", b"[TEMPUNAVAIL]", b"[unavailable]"])
def test_what_is_unknown_changes_nothing(unknown):
    said = read(b"ADDR=" + unknown + b" HELO=" + unknown)
    assert original(FORWARDER, said) == replace(FORWARDER, peer=FORWARDER.address)


@pytest.mark.parametrize(
    ("said", "address"),
    [
        (b"192.0.2.7", "192.0.2.7"),
        (b"IPV6:2001:db8::7", "2001:db8::7"),
        (b"ipv6:2001:DB8::7", "2001:DB8::7"),
    ],
)
def test_the_client_is_whom_the_forwarder_names_and_may_no_more_than_it(said, address):
    client = original(FORWARDER, read(b"HELO=mail ADDR=" + said))
    assert (client.address, client.helo) == (address, b"mail")
    assert (client.standing, client.user) == (Standing.SHARED, "mx")


@pytest.mark.parametrize(
    "argument",
    [
        b"",
        b"  ",
        b"NAME",
        b"NAME=",
        b"=x",
        b"ROOM=1",
        b"NAME=two+20words",
        b"NAME=caf\xc3\xa9",
        b"ADDR=mail.acme.example",
        b"ADDR=2001:db8::7",
        b"ADDR=IPV6:192.0.2.7",
        b"ADDR=IPV6:fe80::1+25eth0",
        b"ADDR=IPV6:fe80::1%eth0",
        b"PORT=65536",
        b"PORT=-1",
        b"PORT=" + "²".encode("latin-1"),
        b"PROTO=" + b"x" * 65,
        b"HELO=a+0D+0Ab",
        b"HELO=a+7Fb",
        b"HELO=a+2",
        b"HELO=a=b",
        b"HELO=" + b"x" * 256,
        b"SOURCE=ELSEWHERE",
        b"NAME=good SOURCE=bad",
    ],
)
def test_a_bad_attribute_is_refused(argument):
    with pytest.raises(BadCommand) as refused:
        read(argument)
    assert refused.value.reply.code == 501


@given(
    st.lists(
        st.tuples(
            st.sampled_from([b"NAME", b"ADDR", b"PORT", b"PROTO", b"HELO", b"IDENT", b"SOURCE"]),
            st.binary(max_size=300),
        )
    )
)
def test_any_bytes_are_read_or_refused(pairs):
    try:
        said = read(b" ".join(name + b"=" + value for name, value in pairs))
    except BadCommand:
        return
    client = original(FORWARDER, said)
    assert client.address.isascii()
    assert not set(client.helo) & set(range(32))
