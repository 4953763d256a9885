"""Where mail goes on to, how that way is kept from being read, and how long it may take."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from enum import StrEnum


class Tls(StrEnum):
    """How the way to the next hop is kept from being read.

    `opportunistic` takes STARTTLS where it is offered and `require` insists on it, both without
    asking for whose certificate it is; `verify` and `implicit` check certificate and name.
    """

    NONE = "none"
    OPPORTUNISTIC = "opportunistic"
    REQUIRE = "require"
    VERIFY = "verify"
    IMPLICIT = "implicit"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. Ours towards the next hop end before those of a client (RFC 5321, 4.5.3.2).

    `client_command` is for a whole line, `client_data` for the next bytes of a mail; `connect` for
    all until a connection is ready for mail; `final_dot` is for all from DATA to the last reply and
    stays below the ten minutes a client waits.
    """

    client_command: float = 300.0
    client_data: float = 180.0
    connect: float = 30.0
    reply: float = 300.0
    final_dot: float = 550.0


@dataclass(frozen=True, slots=True)
class Destination:
    """A next hop: its address, and what we show to it and want to be shown.

    `context` holds whom we trust and our own certificate, `name` is the one that it has to show;
    `login` is a user with a password. Raises `ValueError` for a way less safe than `tls` says.
    """

    host: str
    port: int
    tls: Tls = Tls.NONE
    name: str = ""
    context: ssl.SSLContext | None = None
    login: tuple[bytes, bytes] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.tls is not Tls.NONE and self.context is None:
            raise ValueError("TLS needs a context")
        if self.is_verified and not (self.context and self.context.check_hostname):
            raise ValueError("a context that checks no name verifies nobody")

    @property
    def is_verified(self) -> bool:
        """Whether nobody else can be talking to us under TLS."""
        return self.tls in (Tls.VERIFY, Tls.IMPLICIT)
