"""The trace field is well-formed whatever the client says; the mark is ours only with our key."""

import email
import re
from email import policy
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay_gateway.core.envelope import Client, Envelope
from relay_gateway.core.trace import MARK, is_marked, mark, received

MAIL = b"<20261122.1@acme.example>"
KEYS = (b"new" * 11, b"old" * 11)
AT = 1_795_348_800.0


def envelope(address: str = "192.0.2.7", helo: bytes = b"mail.acme.example") -> Envelope:
    people = (b"secret@mail.example",)
    return Envelope("7F3A", b"hr@acme.example", people, Client(address, helo, "ESMTPS"))


def field(address: str = "192.0.2.7", helo: bytes = b"mail.acme.example") -> bytes:
    return received(envelope(address, helo), "relay.acme.example", AT)


def test_the_field_says_from_whom_by_whom_and_when():
    assert field() == (
        b"Received: from mail.acme.example ([192.0.2.7])\r\n"
        b"\tby relay.acme.example with ESMTPS id 7F3A;\r\n"
        b"\tSun, 22 Nov 2026 12:00:00 +0000\r\n"
    )


def test_the_field_names_nobody():
    assert b"secret" not in field()
    assert b"hr@" not in field()


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("2001:db8::1", b"([IPv6:2001:db8::1])"),
        ("fe80::1%eth0", b"([IPv6:fe80::1])"),
        ("", b"(unknown)"),
        ("/run/socket", b"(unknown)"),
    ],
)
def test_the_address_is_a_literal(address, shown):
    assert shown in field(address)


@pytest.mark.parametrize("helo", [b"[192.0.2.7]", b"[IPv6:2001:db8::1]", b"PC_01", b"a" * 255])
def test_a_proper_greeting_is_repeated(helo):
    assert b" " + helo + b" " in re.sub(rb"\s+", b" ", field(helo=helo))


@pytest.mark.parametrize(
    "helo", [b"", b"a b", b"a\r\nBcc: x", b"(", b"\x1b[2J", "例え".encode(), b"a" * 256, b"a;b"]
)
def test_an_improper_greeting_is_not_repeated(helo):
    assert field(helo=helo).startswith(b"Received: from unknown (")


@given(st.text(max_size=300), st.binary(max_size=300))
def test_the_field_is_one_field_whatever_the_client_says(address, helo):
    raw = field(address, helo)
    assert re.fullmatch(rb"Received:( [!-~]+)+\r\n(\t[ -~]+\r\n)+", raw)
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    parsed = email.message_from_bytes(raw + b"\r\n", policy=policy.compat32)
    assert parsed.keys() == ["Received"]


@given(st.integers(0, 4_000_000_000))
def test_the_date_is_the_time_given(at):
    date = received(envelope(), "relay.acme.example", float(at)).rpartition(b";")[2]
    assert parsedate_to_datetime(date.decode().strip()).timestamp() == at


def test_long_names_are_folded():
    raw = received(envelope(helo=b"a" * 60), "b" * 60, AT)
    assert max(map(len, raw.split(b"\r\n"))) <= 78


def test_the_mark_is_one_neutral_field():
    assert re.fullmatch(rb"X-Relay-Trace: v1 [0-9a-f]{32}\r\n", mark(MAIL, KEYS))
    assert MARK == b"X-Relay-Trace"


def value(keys: tuple[bytes, ...] = KEYS) -> bytes:
    return mark(MAIL, keys).partition(b":")[2]


def test_a_mark_is_known_by_any_of_our_keys():
    assert is_marked([value()], MAIL, KEYS)
    assert is_marked([value(KEYS[1:])], MAIL, KEYS)


def test_a_folded_mark_is_known():
    assert is_marked([value().replace(b" v1 ", b"\r\n v1\r\n\t")], MAIL, KEYS)


def test_a_mark_of_another_mail_or_key_is_not_ours():
    assert not is_marked([value()], b"<other@acme.example>", KEYS)
    assert not is_marked([value((b"x" * 33,))], MAIL, KEYS)
    assert not is_marked([value()], MAIL, ())
    assert not is_marked([value().replace(b"v1", b"v2")], MAIL, KEYS)


@given(st.binary(max_size=60))
def test_no_other_value_is_a_mark(other):
    assert not is_marked([other], MAIL, KEYS)


@given(st.integers(4, 35), st.integers(0, 255))
def test_a_mark_with_one_byte_changed_is_not_ours(at, byte):
    good = value()
    changed = good[:at] + bytes([byte]) + good[at + 1 :]
    assert is_marked([changed], MAIL, KEYS) == (changed.split() == good.split())


def test_the_mark_ends_as_the_lines_of_the_mail_do():
    assert mark(MAIL, KEYS, b"\n") == mark(MAIL, KEYS).replace(b"\r\n", b"\n")
