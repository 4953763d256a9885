"""What the gateway writes into the head of a mail: where it passed, and that it was changed."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable
from email.utils import formatdate
from textwrap import wrap

from relay_gateway.core.envelope import Client, Envelope
from relay_gateway.core.link import seal

MARK = b"X-Relay-Trace"

_VERSION = b"v1"
# RFC 5321, 4.1.3: a host name or an address literal. What else a client says is not repeated.
_HELO = re.compile(rb"[A-Za-z0-9._:\[\]-]{1,255}")
_ADDRESS = re.compile(r"[0-9A-Fa-f.:]{2,45}")


def received(envelope: Envelope, hostname: str, at: float) -> bytes:
    """The trace field of this hop (RFC 5321, 4.4); without recipients, who may stand in Bcc."""
    lines = [
        *_folded(f"Received: from {_helo(envelope.client)} ({_literal(envelope.client)})"),
        *_folded(f"\tby {hostname} with {envelope.client.protocol} id {envelope.id};"),
        f"\t{_date(at)}",
    ]
    return "".join(f"{line}\r\n" for line in lines).encode("ascii", "replace")


def mark(mail_id: bytes, keys: tuple[bytes, ...], line_end: bytes = b"\r\n") -> bytes:
    """The field that a rewritten mail carries; to its reader it says nothing about the letter."""
    return b"%s: %s %s%s" % (MARK, _VERSION, _mac(mail_id, keys[0]), line_end)


def is_marked(values: Iterable[bytes], mail_id: bytes, keys: tuple[bytes, ...]) -> bool:
    """Whether one of these values of marks was written for this mail with one of these keys."""
    macs = [b"%s %s" % (_VERSION, _mac(mail_id, key)) for key in keys]
    marks = [b" ".join(value.split()) for value in values]
    # All keys are tried, so that the time taken does not tell which one fits.
    fits = [hmac.compare_digest(mark, mac) for mark in marks for mac in macs]
    return any(fits)


def _mac(mail_id: bytes, key: bytes) -> bytes:
    return seal(key, "trace", mail_id)[:16].hex().encode()


def _helo(client: Client) -> str:
    return client.helo.decode("ascii") if _HELO.fullmatch(client.helo) else "unknown"


def _literal(client: Client) -> str:
    # A link-local address carries the name of our own interface after the %.
    address = client.address.partition("%")[0]
    if not _ADDRESS.fullmatch(address):
        return "unknown"
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


def _folded(text: str) -> list[str]:
    """RFC 5322, 2.1.1: lines of at most 78 characters where the words allow it."""
    indent = "\t" if text.startswith("\t") else ""
    return wrap(
        text.strip(),
        78,
        initial_indent=indent,
        subsequent_indent="\t",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _date(at: float) -> str:
    # RFC 5322, 3.3: "-0000" would say that the zone is unknown; ours is known to be UTC.
    return formatdate(at).removesuffix("-0000") + "+0000"
