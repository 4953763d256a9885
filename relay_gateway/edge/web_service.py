"""The web service of a process as one thing: server, visits, webhooks."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from relay_gateway.core.access import Network
from relay_gateway.core.tenant import Tenant
from relay_gateway.edge.hook_store import HookStore
from relay_gateway.edge.hooks import Hooks
from relay_gateway.edge.intake import Intake
from relay_gateway.edge.metrics import Metrics
from relay_gateway.edge.rate import Rates
from relay_gateway.edge.site import Site
from relay_gateway.edge.visits import Visits
from relay_gateway.edge.web import Web
from relay_gateway.gateway import Clock, Ledger

_TO_WRITE_VISITS = 5.0


@dataclass(frozen=True, slots=True)
class Front:
    """The sockets that it answers on, how, and how often; `store` is the file of the webhooks.

    `watchers` may see the metrics.
    """

    sockets: Sequence[socket.socket] = field(repr=False)
    tls: ssl.SSLContext | None
    proxies: tuple[Network, ...]
    rate: int
    total_rate: int
    store: Path
    watchers: tuple[Network, ...] = ()


class WebService:
    """Leads visitors on and takes reports for these companies."""

    def __init__(  # noqa: PLR0913 - each is one thing that it needs
        self,
        front: Front,
        tenants: tuple[Tenant, ...],
        ledger: Ledger,
        clock: Clock,
        metrics: Metrics,
        *,
        note: Callable[[str], None] | None = None,
    ) -> None:
        self.visits = Visits(ledger)
        self._store = HookStore(front.store)
        self._hooks = Hooks(tenants, Intake(ledger, clock, note), self._store, clock)
        site = Site(
            tenants=tenants,
            visits=self.visits,
            hooks=self._hooks,
            ledger=ledger,
            clock=clock,
            rates=Rates(front.rate, front.total_rate, clock.elapsed),
            metrics=metrics,
            proxies=front.proxies,
            watchers=front.watchers,
        )
        self._web = Web(site.app(), front.sockets, front.tls)
        self._catching_up: asyncio.Task[None] | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        return self._web.address

    def start(self) -> None:
        """Answer from now on, and look again at the reports that were kept for later."""
        self.visits.start()
        self._web.start()
        if self._hooks.is_open:
            self._catching_up = asyncio.create_task(self._hooks.retry())

    async def stop(self, within: float) -> None:
        """Take no more; what is under way ends within so many seconds, visits are written."""
        await self._web.stop(within)
        if self._catching_up:
            await asyncio.wait([self._catching_up], timeout=within)
            self._catching_up.cancel()
        await self.visits.stop(min(within, _TO_WRITE_VISITS))
        self._store.close()
