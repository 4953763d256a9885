"""Whose mail it is: by sender, address, login, certificate or a secret field."""

from __future__ import annotations

import ipaddress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay_gateway.core.edit import apply
from relay_gateway.core.envelope import Client, Standing
from relay_gateway.core.proof import introduce
from relay_gateway.core.reason import Reason
from relay_gateway.core.reply import HEADER_TOO_LARGE, NO_PROOF
from relay_gateway.core.tenant import Proof
from tests.conftest import ACME, envelope

OLD, NEW = b"0123456789abcdef0123456789abcdef", b"fedcba9876543210fedcba9876543210"
PROOF = Proof(
    networks=(ipaddress.ip_network("192.0.2.0/24"),),
    users=frozenset({"acme"}),
    certificates=frozenset({"mail.acme.example"}),
    header="x-relay-key",
    secrets=(NEW, OLD),
)
PROVED = replace(ACME, proof=PROOF)
MAIL = b"From: hr@acme.example\r\nSubject: hello\r\n\r\nX-Relay-Key: text\r\n"


def keyed(value: bytes, name: bytes = b"X-Relay-Key") -> bytes:
    return MAIL.replace(b"Subject", name + b": " + value + b"\r\nSubject", 1)


def sent_by(sender: bytes = b"hr@acme.example", **client):
    who = replace(Client("203.0.113.1", b"client", standing=Standing.SHARED), **client)
    return replace(envelope(), sender=sender, client=who)


def test_without_a_proof_to_ask_for_the_sender_is_believed():
    known = introduce(envelope(), MAIL, (ACME,))
    assert (known.tenant, known.reason, known.refusal) == (ACME, None, None)


@pytest.mark.parametrize(
    ("shown", "raw"),
    [
        ({"address": "192.0.2.9"}, MAIL),
        ({"user": "acme"}, MAIL),
        ({"names": frozenset({"mail.acme.example"})}, MAIL),
        ({}, keyed(NEW)),
        ({}, keyed(OLD)),
        ({}, keyed(NEW, b"x-RELAY-key")),
        ({}, keyed(b"\r\n\t" + NEW)),
        ({}, b"no field\r\n" + keyed(NEW)),
    ],
)
def test_one_way_to_prove_the_company_is_enough(shown, raw):
    known = introduce(sent_by(**shown), raw, (PROVED,))
    assert known.tenant is PROVED
    assert known.refusal is None


@pytest.mark.parametrize(
    "raw", [MAIL, keyed(b""), keyed(NEW[:-1]), keyed(NEW + b"0"), keyed(NEW, b"X-Relay-Kez")]
)
def test_an_unproved_mail_passes_unjudged_from_who_may_send_and_else_not(raw):
    shared = introduce(sent_by(user="other"), raw, (PROVED,))
    assert (shared.tenant, shared.reason, shared.refusal) == (None, Reason.NO_PROOF, NO_PROOF)
    free = introduce(sent_by(standing=Standing.FREE), raw, (PROVED,))
    assert (free.tenant, free.reason, free.refusal) == (None, Reason.NO_PROOF, None)


def test_one_company_does_not_speak_for_another():
    other = replace(
        ACME,
        id="other",
        domains=frozenset({"other.example"}),
        proof=Proof(header="x-relay-key", secrets=(b"x" * 32,)),
    )
    known = introduce(sent_by(b"hr@other.example"), keyed(NEW), (PROVED, other))
    assert (known.tenant, known.refusal) == (None, NO_PROOF)


def test_a_shared_address_without_a_proof_to_ask_for_proves_nothing():
    assert introduce(sent_by(), MAIL, (ACME,)).refusal is NO_PROOF


def test_a_proved_bounce_passes_and_is_nobodys():
    known = introduce(sent_by(b""), keyed(NEW), (PROVED,))
    assert (known.tenant, known.reason, known.refusal) == (None, Reason.NO_COMPANY, None)
    assert introduce(sent_by(b""), MAIL, (PROVED,)).refusal is NO_PROOF


@pytest.mark.parametrize("value", [NEW, OLD, b"guessed", b"\r\n " + NEW])
@pytest.mark.parametrize("sender", [b"hr@acme.example", b"somebody@else.example", b""])
def test_the_secret_field_leaves_no_mail_and_nothing_else_does(value, sender):
    known = introduce(sent_by(sender, standing=Standing.FREE), keyed(value), (PROVED,))
    assert apply(keyed(value), known.edits) == MAIL


@pytest.mark.parametrize("size", [65_500, 65_530, 102_380, 102_400, 1_000_000])
def test_the_secret_goes_wherever_in_the_header_it_stands(size):
    fill = b"X-Fill: " + b"y" * size + b"\r\n"
    known = introduce(sent_by(), fill + keyed(NEW), (PROVED,))
    assert known.tenant is PROVED
    assert apply(fill + keyed(NEW), known.edits) == fill + MAIL


def test_a_header_without_end_is_refused_before_a_secret_could_hide_in_it():
    fill = b"X-Fill: " + b"y" * 2**20 + b"\r\n"
    known = introduce(sent_by(standing=Standing.FREE), fill + keyed(NEW), (PROVED,))
    assert known.refusal is HEADER_TOO_LARGE
    assert introduce(sent_by(standing=Standing.FREE), fill + MAIL, (ACME,)).refusal is None


def test_only_the_company_of_the_sender_is_asked_for_its_proof():
    other = replace(
        ACME,
        id="other",
        domains=frozenset(),
        addresses=frozenset({"hr@acme.example"}),
        proof=Proof(header="x-other-key", secrets=(b"x" * 32,)),
    )
    raw = keyed(b"x" * 32, b"X-Other-Key")
    assert introduce(sent_by(), raw, (PROVED, other)).refusal is NO_PROOF


def test_a_forwarded_client_proves_nothing_by_its_address():
    forwarded = sent_by(address="192.0.2.9", peer="127.0.0.1")
    assert introduce(forwarded, MAIL, (PROVED,)).refusal is NO_PROOF
    assert introduce(sent_by(address="10.0.0.1", peer="192.0.2.9"), MAIL, (PROVED,)).tenant


@given(st.lists(st.sampled_from([b"\r\n", b"\n", b" ", b"X-Relay-Key:", NEW, b"a: b", b"\xff"])))
def test_any_bytes_are_introduced_and_only_secret_fields_go(pieces):
    raw = b"".join(pieces)
    known = introduce(sent_by(), raw, (PROVED,))
    for edit in known.edits:
        assert raw[edit.start : edit.end].lower().startswith(b"x-relay-key:")
        assert edit.new == b""
