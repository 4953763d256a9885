"""Certificates, keys, passwords and users, read from where the settings say."""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Mapping
from pathlib import Path

from relay_gateway.config.models import LeastTls, Ledger, ListenTls, NextHop, SecretValue, Tls


class BadFile(Exception):
    """What is wrong with a file, as a sentence; `key` is the setting that names it."""

    def __init__(self, key: str, what: str) -> None:
        super().__init__(what)
        self.key = key


def server_context(tls: ListenTls, folder: Path) -> ssl.SSLContext:
    """How we speak TLS with clients; raises `BadFile`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    is_new = tls.minimum is LeastTls.V1_3
    context.minimum_version = ssl.TLSVersion.TLSv1_3 if is_new else ssl.TLSVersion.TLSv1_2
    # CVE-2011-1473: a client could have us do handshake after handshake on one connection.
    context.options |= ssl.OP_NO_RENEGOTIATION
    _show(context, folder / tls.certificate, folder / tls.key if tls.key else None)
    return context


def asking_context(tls: ListenTls, folder: Path) -> ssl.SSLContext | None:
    """How we speak TLS with clients whose certificate we want to see; raises `BadFile`."""
    if tls.client_ca is None:
        return None
    context = server_context(tls, folder)
    _trust(context, folder / tls.client_ca, "client_ca")
    context.verify_mode = ssl.CERT_OPTIONAL
    return context


def client_context(next_hop: NextHop, folder: Path) -> ssl.SSLContext:
    """How we speak TLS with the next hop; raises `BadFile`."""
    context = _asking(next_hop, folder)
    if next_hop.tls not in (Tls.VERIFY, Tls.IMPLICIT):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def ledger_context(ledger: Ledger, folder: Path) -> ssl.SSLContext:
    """How we speak TLS with a Redis, which always proves who it is; raises `BadFile`."""
    return _asking(ledger, folder)


def users(path: Path) -> Mapping[str, str]:
    """The argon2 hashes by user name; raises `BadFile` naming the line that is none."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError, ValueError) as problem:
        raise BadFile("users", f"the file {path} {_unread(problem)}") from None
    found: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, hashed = line.strip().partition(":")
        if not name or name in found or not _ARGON2.fullmatch(hashed):
            fault = "names a user again" if name in found else "is no name:hash"
            how = "make a line with relay-gateway password NAME"
            raise BadFile("users", f"line {number} of {path} {fault}; {how}")
        found[name] = hashed
    if not found:
        how = "make a line with relay-gateway password NAME"
        raise BadFile("users", f"the file {path} names nobody; {how}")
    return found


def values(place: SecretValue, folder: Path, environ: Mapping[str, str]) -> tuple[bytes, ...]:
    """The lines of a secret, at least one; raises `BadFile`."""
    if place.env is not None:
        where, lines = (
            f"the environment variable {place.env}",
            environ.get(place.env, "").splitlines(),
        )
    else:
        path = folder / (place.file or "")
        where, lines = f"the file {path}", _lines(path)
    found = tuple(os.fsencode(line.strip()) for line in lines if line.strip())
    if not found:
        raise BadFile("secret", f"{where} is empty or not set; write the secret there")
    return found


_ARGON2 = re.compile(r"\$argon2(?:id|i|d)\$[A-Za-z0-9+/=,$]+")


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8", "surrogateescape").splitlines()
    except (OSError, ValueError) as problem:
        raise BadFile("secret", f"the file {path} {_unread(problem)}") from None


def _asking(other: NextHop | Ledger, folder: Path) -> ssl.SSLContext:
    """Who is believed to be the other one, and what is shown to it."""
    if other.ca is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        _trust(context, folder / other.ca, "ca")
    else:
        context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if other.certificate is not None:
        _show(context, folder / other.certificate, folder / other.key if other.key else None)
    return context


def _show(context: ssl.SSLContext, certificate: Path, key: Path | None) -> None:
    for name, path in (("certificate", certificate), ("key", key)):
        if path is not None:
            _look(path, name)
    try:
        # Without this a key with a passphrase would be asked for at the terminal.
        context.load_cert_chain(certificate, key, password=lambda: b"")
    except (OSError, ssl.SSLError) as problem:
        where = certificate if key is None else f"{certificate} with the key {key}"
        how = "both are needed in PEM, and they must belong together, the key without a passphrase"
        raise BadFile(
            "certificate", f"{where} cannot be used ({_reason(problem)}); {how}"
        ) from None


def _trust(context: ssl.SSLContext, path: Path, key: str) -> None:
    _look(path, key)
    try:
        context.load_verify_locations(path)
    except (OSError, ssl.SSLError) as problem:
        what = f"{path} holds no certificates in PEM ({_reason(problem)}); name another file"
        raise BadFile(key, what) from None


def _look(path: Path, key: str) -> None:
    try:
        with path.open("rb"):
            pass
    except (OSError, ValueError) as problem:
        raise BadFile(key, f"the file {path} {_unread(problem)}") from None


def _unread(problem: Exception) -> str:
    if isinstance(problem, FileNotFoundError):
        return "does not exist; correct the path, or create it"
    reason = getattr(problem, "strerror", None) or "no UTF-8 text"
    return f"cannot be read ({reason}); make it readable for us"


def _reason(problem: Exception) -> str:
    return getattr(problem, "reason", None) or getattr(problem, "strerror", None) or "no PEM"
