"""The ways in and out as the settings say them, and what is said of a file that cannot be used."""

from __future__ import annotations

import ssl
from ipaddress import ip_network

import pytest

from relay_gateway.config import Tls
from tests.certificates import authority
from tests.test_config import ACME, ENVIRON, GATEWAY, folder, loaded, told, write

__all__ = ["folder"]

HASH = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNo"
CERTIFICATE, KEY = authority().issue("relay.acme.example")
_, OTHERS_KEY = authority().issue("other.example")
LOCKED = """\
-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAgAAAAAAAAAAAICCAAwDAYIKoZIhvcNAgkFADAdBglghkgB
-----END ENCRYPTED PRIVATE KEY-----
"""


def listening(folder, text):
    listen = f"listen: {{clients: [10.0.0.0/8], {text}}}\n"
    write(folder, "gateway.yaml", listen + "rules: [my.yaml]\n")


def onward(folder, text):
    hop = f"next_hop: {{host: mx.acme.example, {text}}}\n"
    write(folder, "gateway.yaml", GATEWAY + hop)


def test_listeners_may_be_several(folder):
    write(
        folder,
        "gateway.yaml",
        'listen:\n- {address: "127.0.0.1:25", clients: [10.0.0.0/8]}\n'
        f'- {{address: "[::1]:465", tls: {{certificate: {CERTIFICATE}, key: {KEY}, implicit: true,'
        f" minimum: 1.3, client_ca: {authority().file}, client_names: [mail.acme.example]}},"
        ' shared: [192.0.2.0/24], proxies: [10.1.0.0/16], xforward: ["::1/128"],'
        " bare_newlines: normalize, received: false}\nrules: [my.yaml]\n",
    )
    plain, secure = loaded(folder).listeners

    assert (plain.address, plain.tls, plain.normalizes_newlines) == ("127.0.0.1:25", None, False)
    assert plain.has_received
    assert secure.address == "[::1]:465"
    assert secure.is_implicit
    assert secure.normalizes_newlines
    assert not secure.has_received
    assert secure.tls.minimum_version is ssl.TLSVersion.TLSv1_3
    assert secure.tls.verify_mode is ssl.CERT_NONE
    assert secure.asking.verify_mode is ssl.CERT_OPTIONAL
    assert secure.access.shared == (ip_network("192.0.2.0/24"),)
    assert secure.access.proxies == (ip_network("10.1.0.0/16"),)
    assert secure.access.forwarders == (ip_network("::1/128"),)
    assert secure.access.names == {"mail.acme.example"}
    assert secure.access.has_other_ways
    assert not plain.access.has_other_ways


def test_a_fault_in_a_list_of_listeners_is_told_where_it_stands(folder):
    text = "listen:\n- {clients: [10.0.0.0/8]}\n- {client: [10.0.0.0/8]}\nrules: [my.yaml]\n"
    write(folder, "gateway.yaml", text)
    assert told(folder)[0].startswith("gateway.yaml:3:4: unknown key client, did you mean clients?")


def test_users_are_read_and_comments_are_not(folder):
    write(folder, "users", f"# who may log in\n\nacme:{HASH}\n")
    listening(folder, f"tls: {{certificate: {CERTIFICATE}, key: {KEY}}}, users: users")
    (listener,) = loaded(folder).listeners
    assert listener.users == {"acme": HASH}
    assert HASH not in repr(listener)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("tls: {certificate: none.pem}", "none.pem does not exist"),
        ("tls: {certificate: CERTIFICATE}", "cannot be used"),
        ("tls: {certificate: CERTIFICATE, key: ANOTHER}", "must belong together"),
        ("tls: {certificate: CERTIFICATE, key: locked.key}", "without a passphrase"),
        ("tls: {certificate: KEY, key: KEY}", "cannot be used"),
        (
            "tls: {certificate: CERTIFICATE, key: KEY, client_ca: KEY}",
            "holds no certificates",
        ),
        (
            "tls: {certificate: CERTIFICATE, key: KEY, client_names: [a.example]}",
            "write client_ca: FILE",
        ),
        ("tls: {certificate: x, minimum: 1.1}", "did you mean 1.3?"),
        ("users: users", "users log in under TLS only"),
        ("users: nobody", "names nobody; make a line with relay-gateway password NAME"),
        ("users: twice", "line 2 o"),
        ("users: plain", "line 1 o"),
        ("users: absent", "does not exist"),
        ("bare_newlines: maybe", "choose one of refuse, normalize"),
    ],
)
def test_a_listener_that_cannot_be_is_told(folder, text, what):
    for name, lines in (
        ("users", f"acme:{HASH}\n"),
        ("nobody", "# none\n"),
        ("twice", f"acme:{HASH}\nacme:{HASH}\n"),
        ("plain", "acme:password\n"),
        ("locked.key", LOCKED),
    ):
        write(folder, name, lines)
    for name, path in {"CERTIFICATE": CERTIFICATE, "KEY": KEY, "ANOTHER": OTHERS_KEY}.items():
        text = text.replace(name, str(path))
    listening(folder, text)
    said = told(folder)
    assert all(line.startswith("gateway.yaml:1:") for line in said)
    assert any(what in line for line in said), said


def test_a_listener_with_logins_needs_no_networks(folder):
    write(folder, "users", f"acme:{HASH}\n")
    tls = f"tls: {{certificate: {CERTIFICATE}, key: {KEY}}}"
    write(folder, "gateway.yaml", f"listen: {{users: users, {tls}}}\nrules: [my.yaml]\n")
    (listener,) = loaded(folder).listeners
    assert listener.access.hears("203.0.113.1")


def test_the_next_hop_may_check_show_and_log_in(folder):
    write(folder, "password", "open sesame\n")
    onward(
        folder,
        f"tls: verify, name: mx.example, ca: {authority().file}, certificate: {CERTIFICATE},"
        f" key: {KEY}, login: {{user: relay, secret: {{file: password}}}}",
    )
    hop = loaded(folder).next_hop

    assert (hop.tls, hop.name, hop.login) == (Tls.VERIFY, "mx.example", (b"relay", b"open sesame"))
    assert hop.context.verify_mode is ssl.CERT_REQUIRED
    assert hop.context.check_hostname
    assert "sesame" not in repr(hop)


@pytest.mark.parametrize("tls", ["opportunistic", "require"])
def test_without_a_check_every_certificate_is_taken(folder, tls):
    onward(folder, f"tls: {tls}")
    context = loaded(folder).next_hop.context
    assert context.verify_mode is ssl.CERT_NONE


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("tls: verify, ca: none.pem", "none.pem does not exist"),
        ("tls: verify, certificate: none.pem", "none.pem does not exist"),
        ("tls: none, login: {user: relay, secret: {env: ACME_SECRET}}", "under TLS only"),
        ("tls: opportunistic, login: {user: relay, secret: {env: ACME_SECRET}}", "under TLS only"),
        ("tls: verify, login: {user: relay, secret: {env: NOT_SET}}", "NOT_SET is empty or not"),
        ("tls: verify, login: {user: relay, secret: {file: none}}", "does not exist"),
        ("tls: verify, login: {user: relay, secret: {}}", "a secret has one place"),
        ("tls: verify, login: {user: relay, secret: hidden}", "cannot stand like this"),
    ],
)
def test_a_next_hop_that_cannot_be_is_told(folder, text, what):
    onward(folder, text)
    said = told(folder)
    assert any(what in line for line in said), said
    assert not any("hidden" in line for line in said)


PROOF = """\
proof:
  networks: [10.1.0.0/16]
  users: [acme]
  certificates: [Mail.acme.example]
  header: {name: X-Relay-Key, secret: {env: HEADER}}
"""


def test_a_companys_proof_is_read(folder, monkeypatch):
    monkeypatch.setitem(ENVIRON, "HEADER", "n" * 32 + "\n" + "o" * 32)
    write(folder, "companies/acme.yaml", ACME + PROOF)
    proof = loaded(folder).policy.tenants[0].proof

    assert proof.networks == (ip_network("10.1.0.0/16"),)
    assert (proof.users, proof.certificates) == ({"acme"}, {"mail.acme.example"})
    assert (proof.header, proof.secrets) == ("x-relay-key", (b"n" * 32, b"o" * 32))
    assert "nnn" not in repr(proof)


@pytest.mark.parametrize(
    ("value", "name", "what"),
    [
        ("", "X-Relay-Key", "HEADER is empty or not set"),
        ("short", "X-Relay-Key", "fewer than 32 characters"),
        ("n" * 32, "Subject", "begins with X-"),
    ],
)
def test_a_proof_that_cannot_be_is_told(folder, monkeypatch, value, name, what):
    monkeypatch.setitem(ENVIRON, "HEADER", value)
    write(folder, "companies/acme.yaml", ACME + PROOF.replace("X-Relay-Key", name))
    (said,) = told(folder)
    assert said.startswith("companies/acme.yaml:10:")
    assert what in said
    assert "short" not in said
