"""How the commands on people and credits show moments, and enter what a person decides."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import datetime

from relay_gateway.cli import books, screen
from relay_gateway.cli.desk import unknown_company
from relay_gateway.config import Config
from relay_gateway.core.credit import Event, Kind
from relay_gateway.core.tenant import Tenant


def company(config: Config, name: str) -> Tenant:
    """The company of this name; an unknown one stops the command."""
    tenants = config.policy.tenants
    found = next((tenant for tenant in tenants if tenant.id == name), None)
    if found is None:
        raise unknown_company(name, tenants)
    return found


def events(config: Config, tenant: Tenant) -> Sequence[Event]:
    """All that is known of one company."""
    nothing: Sequence[Event] = ()
    return books.look(config.ledger, lambda ledger: ledger.events(tenant.id), nothing)


def has_begun(config: Config) -> bool:
    """Whether there is a ledger already."""
    return config.ledger.path is None or config.ledger.path.exists()


def day(at: float, tenant: Tenant) -> str:
    """The day of a moment where the company is."""
    return datetime.fromtimestamp(at, tenant.calendar.zone).date().isoformat()


def moment(at: float, tenant: Tenant) -> str:
    """A moment to the second where the company is, with its distance from UTC."""
    return datetime.fromtimestamp(int(at), tenant.calendar.zone).isoformat()


def words(name: str, text: str) -> str:
    """Words of the operator's, to be kept as they are; refused if they may name a candidate."""
    if not text.strip() or len(text) > 200 or not text.isprintable():
        raise screen.Stopped(f"{name} is one line of up to 200 signs; write it anew.", screen.USAGE)
    if _ADDRESS.search(text):
        what = f"{name} holds a mail address, and the ledger keeps none"
        raise screen.Stopped(f"{what}; write it without.", screen.USAGE)
    return text


_ADDRESS = re.compile(r"[^\s@＠]\s*[@＠]\s*[^\s@＠]")


def entry(kind: Kind, tenant: Tenant, at: float, id_: str | None, **facts: str) -> Event:
    """What is done to a company by hand; without an id, the same on the same day is the same."""
    told = [kind, tenant.id, day(at, tenant), *(f"{name}={facts[name]}" for name in sorted(facts))]
    digest = hashlib.sha256("\0".join(told).encode()).hexdigest()[:16]
    facts = {**facts, "id": words("--id", id_) if id_ is not None else digest}
    return Event(kind, tenant.id, "", "", at, tuple(sorted(facts.items())))
