"""A mail judged on the desk: the gateway's own decision, with an envelope made from its header."""

from __future__ import annotations

from dataclasses import dataclass, replace
from email.utils import getaddresses

from relay_gateway.cli.desk import Desk
from relay_gateway.core import message
from relay_gateway.core.decision import Decision, Policy, decide
from relay_gateway.core.envelope import Client, Envelope
from relay_gateway.core.judge import Finding
from relay_gateway.core.message import Message, Unreadable
from relay_gateway.core.reason import Reason
from relay_gateway.core.tenant import Mode, Tenant

# RFC 2606: nobody lives there, and no company can own it.
SOMEONE = b"someone@outside.invalid"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line says instead of the mail's header."""

    sender: str | None = None
    recipients: tuple[str, ...] = ()
    company: str | None = None
    is_forced: bool = False


@dataclass(frozen=True, slots=True)
class Trial:
    """What the gateway would do with a mail. `is_as_if`: the sender belongs to no company, and
    `tenant` has lent its name."""

    envelope: Envelope
    raw: bytes
    tenant: Tenant
    is_as_if: bool
    decision: Decision

    @property
    def company(self) -> str | None:
        """The company that the sender belongs to."""
        return None if self.is_as_if else self.tenant.id

    @property
    def finding(self) -> Finding:
        """The decision in one word; what a monitored company would get counts as inserted."""
        if self.decision.edits or self.decision.reason is Reason.MONITOR:
            return Finding.INSERT
        is_probable = self.decision.reason is Reason.PROBABLE
        return Finding.PROBABLE if is_probable else Finding.LEAVE


def judge(raw: bytes, desk: Desk, asked: Asked) -> Trial:
    """The decision on one mail; never raises for what a mail may contain."""
    header = _header(raw)
    envelope = _envelope(header, asked)
    tenant, is_as_if = _tenant(envelope.sender, desk, asked)
    # An address of the company's that is also another's would be judged as the other's.
    policy = Policy((tenant,), desk.rules, desk.inspect_size, asked.is_forced)
    return Trial(envelope, raw, tenant, is_as_if, decide(envelope, raw, policy))


def as_live(trial: Trial, desk: Desk) -> Trial:
    """The same trial for a company that is no longer only watched."""
    tenant = replace(trial.tenant, mode=Mode.LIVE)
    policy = Policy((tenant,), desk.rules, desk.inspect_size)
    decision = decide(trial.envelope, trial.raw, policy)
    return replace(trial, tenant=tenant, decision=decision)


def addresses(header: Message | None, *names: str) -> tuple[bytes, ...]:
    """The addresses in these header fields, in order, each once."""
    values = [value for name in names for value in (header.values(name) if header else ())]
    texts = [value.decode("utf-8", "surrogateescape") for value in values]
    found = [address for _, address in getaddresses(texts) if "@" in address]
    return tuple(dict.fromkeys(_bytes(address) for address in found))


def sender(header: Message | None) -> bytes:
    """Who wrote the mail, as its header says."""
    return next(iter(addresses(header, "from", "return-path")), b"")


def _header(raw: bytes) -> Message | None:
    try:
        return message.read(raw)
    except Unreadable:
        return None


def _envelope(header: Message | None, asked: Asked) -> Envelope:
    given = sender(header) if asked.sender is None else _bytes(asked.sender)
    asked_for = tuple(map(_bytes, asked.recipients))
    recipients = asked_for or addresses(header, "to", "cc", "bcc") or (SOMEONE,)
    return Envelope("desk", given, recipients, Client("127.0.0.1", b"localhost"))


def _tenant(address: bytes, desk: Desk, asked: Asked) -> tuple[Tenant, bool]:
    """The company to judge for, and whether it only lends its name."""
    own = next((tenant for tenant in desk.tenants if tenant.sends(address)), None)
    if asked.company is not None and (own is None or own.id != asked.company):
        own = None
    if own is not None:
        return (replace(own, mode=Mode.LIVE) if asked.is_forced else own), False
    lender = desk.company(asked.company)
    name = address.decode("utf-8", "replace").lower()
    return replace(lender, mode=Mode.LIVE, addresses=lender.addresses | {name}), True


def _bytes(address: str) -> bytes:
    return address.encode("utf-8", "surrogateescape")
