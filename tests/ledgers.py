"""A ledger with a memory, for tests that do not care where events are kept."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

from relay_gateway.core import chain
from relay_gateway.core.chain import Entry, Head
from relay_gateway.core.credit import Event
from relay_gateway.edge.ledger import Complaint, missing, recordable


class ListLedger:
    """Keeps the ledger's promise in lists."""

    def __init__(self) -> None:
        self.chains: dict[str, list[Entry]] = {}
        self._salts = count(1)

    @property
    def kept(self) -> list[Event]:
        """All events, company by company in the order of their coming."""
        return [entry.event for entries in self.chains.values() for entry in entries]

    async def open(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to close."""

    async def record(self, event: Event) -> bool:
        """Keep the event; False if it was kept before."""
        recordable(event)
        entries = self.chains.get(event.tenant, [])
        if event.key in {entry.event.key for entry in entries}:
            return False
        head = chain.head(entries)
        entry = chain.entry(event, f"{next(self._salts):032x}", head.digest)
        self.chains[event.tenant] = [*entries, entry]
        return True

    async def events(self, tenant: str, since: float = 0.0) -> Sequence[Event]:
        """The events of one company that happened at `since` or later, oldest first."""
        own = [entry.event for entry in self.chains.get(tenant, ()) if entry.event.at >= since]
        return sorted(own, key=lambda event: event.at)

    async def about(self, tenant: str, referral: str) -> Sequence[Event]:
        """All that is known of one referral, oldest first."""
        return [event for event in await self.events(tenant) if event.referral == referral]

    async def tenants(self) -> Sequence[str]:
        """The companies of which anything is known, by name."""
        return sorted(self.chains)

    async def entries(self, tenant: str) -> Sequence[Entry]:
        """The events of one company in the order of their chain."""
        return list(self.chains.get(tenant, ()))

    async def head(self, tenant: str) -> Head:
        """Where the chain of one company stands."""
        return chain.head(self.chains.get(tenant, ()))

    async def forget(self, tenant: str, person: str, alias: str) -> int:
        """Put the alias in the person's place; the number of events that told of the person."""
        entries = self.chains.get(tenant, [])
        theirs = [at for at, entry in enumerate(entries) if entry.event.person == person]
        for at in theirs:
            entries[at] = chain.forgotten(entries[at], alias)
        return len(theirs)

    async def restore(self, entries: Sequence[Entry]) -> int:
        """Keep one company's entries as they are; the number of those that are new."""
        if not entries:
            return 0
        tenant = entries[0].event.tenant
        new = missing(self.chains.get(tenant, []), entries)
        self.chains[tenant] = list(entries)
        return len(new)

    async def complaints(self) -> Sequence[Complaint]:
        """Nothing is ever wrong with a list."""
        return ()
