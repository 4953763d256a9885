"""Who sends a mail to whom, as the SMTP client said it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Standing(StrEnum):
    """What a client may send: anything, mail that proves its company, or nothing as yet."""

    FREE = "free"
    SHARED = "shared"
    STRANGER = "stranger"


@dataclass(frozen=True, slots=True)
class Client:
    """The peer that brought the mail: its IP address, its HELO name and the protocol spoken.

    `protocol` is a keyword of RFC 3848 (`SMTP`, `ESMTP`, `ESMTPS`, `ESMTPSA`). `user` has logged
    in; `names` stand, in lower case, in the certificate that it has shown and we could verify.
    `peer` is who connected, where that is a forwarder who named `address` and `helo`.
    """

    address: str
    helo: bytes
    protocol: str = "ESMTP"
    user: str = ""
    names: frozenset[str] = frozenset()
    standing: Standing = Standing.FREE
    peer: str = ""


@dataclass(frozen=True, slots=True)
class Envelope:
    """One transaction: `id` is our name for it, in the log and in the `Received:` field.

    Addresses are the bytes that stood between `<` and `>`; `sender` is empty for a bounce.
    `recipients` holds only those that the next hop has accepted.
    """

    id: str
    sender: bytes
    recipients: tuple[bytes, ...]
    client: Client


def domain_of(address: bytes) -> str:
    """The domain of an address in lower case, without a trailing dot; empty if it has none."""
    _, at, domain = address.rpartition(b"@")
    return domain.decode("utf-8", "replace").lower().rstrip(".") if at else ""
