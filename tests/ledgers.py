"""A ledger with a memory, for tests that do not care where events are kept."""

from __future__ import annotations

from collections.abc import Sequence

from relay_gateway.core.credit import Event


class ListLedger:
    """Keeps the ledger's promise in a list."""

    def __init__(self) -> None:
        self.kept: list[Event] = []

    async def open(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to close."""

    async def record(self, event: Event) -> bool:
        """Keep the event; False if it was kept before."""
        if (event.tenant, event.key) in {(kept.tenant, kept.key) for kept in self.kept}:
            return False
        self.kept.append(event)
        return True

    async def events(self, tenant: str) -> Sequence[Event]:
        """All events of one company, oldest first."""
        own = [event for event in self.kept if event.tenant == tenant]
        return sorted(own, key=lambda event: event.at)
