"""Whose mail is this? What the client and the mail itself show for it, before anything is read."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass

from relay_gateway.core.access import is_within
from relay_gateway.core.edit import Edit, Raw
from relay_gateway.core.envelope import Client, Envelope, Standing
from relay_gateway.core.reason import Reason
from relay_gateway.core.reply import HEADER_TOO_LARGE, NO_PROOF, Reply
from relay_gateway.core.tenant import Proof, Tenant


@dataclass(frozen=True, slots=True)
class Introduction:
    """The company that a mail is proved to come from, or the reason why there is none.

    `refusal` is the answer to a mail that its client may not send; `edits` take out of it the
    secrets that nobody further on may see.
    """

    tenant: Tenant | None
    reason: Reason | None
    refusal: Reply | None = None
    edits: tuple[Edit, ...] = ()


def introduce(envelope: Envelope, raw: Raw, tenants: tuple[Tenant, ...]) -> Introduction:
    """Who sends this mail, by its sender and the proof that its company asks for.

    A bounce has no sender to go by (RFC 5321, 4.5.5): any company's proof lets it pass, and it is
    nobody's rejection.
    """
    names = {tenant.proof.header.encode() for tenant in tenants if tenant.proof.header}
    head = _head(raw) if names else b""
    if head is None:
        # Behind what we look at a secret would go on; no mail has so long a header.
        return Introduction(None, Reason.UNREADABLE, HEADER_TOO_LARGE)
    fields = tuple(_fields(head, names)) if names else ()
    edits = tuple(Edit(field.start, field.end, b"") for field in fields)
    tenant = next((each for each in tenants if each.sends(envelope.sender)), None)
    asked = tenants if not envelope.sender else (tenant,) if tenant else ()
    is_proved = any(_proves(each.proof, envelope.client, fields) for each in asked)
    is_free = envelope.client.standing is Standing.FREE
    refusal = None if is_proved or is_free else NO_PROOF
    if tenant is None:
        return Introduction(None, Reason.NO_COMPANY, refusal, edits)
    if tenant.proof.is_asked and not is_proved:
        return Introduction(None, Reason.NO_PROOF, refusal, edits)
    return Introduction(tenant, None, refusal, edits)


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
        or is_within(client.peer or client.address, proof.networks)
    )


_LONGEST_HEADER = 2**20


def _head(raw: Raw) -> bytes | None:
    """All of the header, and perhaps more; None if its end is not near."""
    for size in (2**16, _LONGEST_HEADER):
        head = raw[:size]
        if len(head) < size or _END_OF_HEADER.search(head):
            return head
    return None


_END_OF_HEADER = re.compile(rb"(?:\A|\n)\r?\n")


def _fields(head: bytes, names: set[bytes]) -> Iterator[_Field]:
    """The fields of these names at the start of a mail, whatever else is wrong with it."""
    end = _END_OF_HEADER.search(head)
    named = b"|".join(map(re.escape, sorted(names)))
    field = re.compile(rb"(?im)^(%b)[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)(?:\n|\Z)" % named)
    # One past the match begins with the line end of the last field.
    for match in field.finditer(head, 0, end.start() + 1 if end else len(head)):
        yield _Field(match.start(), match.end(), match[1].lower().decode(), match[2].strip())
