"""What one listener asks of its clients, and what it shows them."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field

from relay_gateway.core.access import Access


@dataclass(frozen=True, slots=True)
class Entrance:
    """A way in: our name, who may come, and by which proofs.

    Strangers are met with `asking` if there is one: it wants to see a certificate, and ends the
    handshake over one that it cannot verify. Who comes from a known address needs none, and may
    show one of anybody's.
    `users` are argon2 hashes by name. With `is_implicit` TLS begins with the first byte; with
    `is_tls_required` no mail is taken without.
    """

    hostname: str
    access: Access
    tls: ssl.SSLContext | None = None
    asking: ssl.SSLContext | None = None
    is_implicit: bool = False
    is_tls_required: bool = False
    users: Mapping[str, str] = field(default_factory=dict, repr=False)
    normalizes_newlines: bool = False
