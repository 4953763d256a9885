"""Whose mail is this? What the client and the mail itself show for it, before anything is read."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass

from relay_gateway.core.access import is_within
from relay_gateway.core.edit import Edit, Raw
from relay_gateway.core.envelope import Client, Envelope, Standing
from relay_gateway.core.message import MAX_HEADER
from relay_gateway.core.reason import Reason
from relay_gateway.core.tenant import Proof, Tenant


@dataclass(frozen=True, slots=True)
class Introduction:
    """The company that a mail is proved to come from, or the reason why there is none.

    `may_pass` is False for a mail that its client may not send; `edits` take out of it the
    secrets that nobody further on may see.
    """

    tenant: Tenant | None
    reason: Reason | None
    may_pass: bool
    edits: tuple[Edit, ...] = ()


def introduce(envelope: Envelope, raw: Raw, tenants: tuple[Tenant, ...]) -> Introduction:
    """Who sends this mail, by its sender and the proof that its company asks for.

    A bounce has no sender to go by (RFC 5321, 4.5.5): any company's proof lets it pass, and it is
    nobody's rejection.
    """
    names = {tenant.proof.header.encode() for tenant in tenants if tenant.proof.header}
    fields = tuple(_fields(raw[:MAX_HEADER], names)) if names else ()
    edits = tuple(Edit(field.start, field.end, b"") for field in fields)
    senders = tuple(each for each in tenants if not envelope.sender or each.sends(envelope.sender))
    is_proved = any(_proves(each.proof, envelope.client, fields) for each in senders)
    may_pass = is_proved or envelope.client.standing is Standing.FREE
    tenant = senders[0] if senders and envelope.sender else None
    if tenant is None:
        return Introduction(None, Reason.NO_COMPANY, may_pass, edits)
    if tenant.proof.is_asked and not is_proved:
        return Introduction(None, Reason.NO_PROOF, may_pass, edits)
    return Introduction(tenant, None, may_pass, edits)


@dataclass(frozen=True, slots=True)
class _Field:
    start: int
    end: int
    name: str
    value: bytes


def _proves(proof: Proof, client: Client, fields: tuple[_Field, ...]) -> bool:
    # All values are compared, so that the time taken does not tell which one fits, or how far.
    fits = [
        hmac.compare_digest(field.value, secret)
        for field in fields
        for secret in proof.secrets
        if field.name == proof.header
    ]
    return (
        any(fits)
        or client.user in proof.users
        or not client.names.isdisjoint(proof.certificates)
        or is_within(client.address, proof.networks)
    )


_END_OF_HEADER = re.compile(rb"(?:\A|\n)\r?\n")


def _fields(head: bytes, names: set[bytes]) -> Iterator[_Field]:
    """The fields of these names at the start of a mail, whatever else is wrong with it."""
    end = _END_OF_HEADER.search(head)
    named = b"|".join(map(re.escape, sorted(names)))
    field = re.compile(rb"(?im)^(%b)[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)(?:\n|\Z)" % named)
    # One past the match begins with the line end of the last field.
    for match in field.finditer(head, 0, end.start() + 1 if end else len(head)):
        yield _Field(match.start(), match.end(), match[1].lower().decode(), match[2].strip())
