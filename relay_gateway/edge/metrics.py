"""What a monitoring system asks for: mails by company and reason, who is halted, what waits.

In the text form of Prometheus (https://prometheus.io/docs/instrumenting/exposition_formats/).
Whichever worker answers, the numbers are those of the whole gateway.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from typing import Protocol, TypeVar

from relay_gateway.core import burst
from relay_gateway.edge.counts import Counts, Labels
from relay_gateway.gateway import Ledger, Outcome

Result = TypeVar("Result")

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_PATIENCE = 2.0


class Watched(Ledger, Protocol):
    """A ledger that can be asked how it is."""

    async def ask(self) -> bool:
        """True if it answers itself, whatever may stand in for it; else `OSError`."""

    async def backlog(self) -> int:
        """How many events wait for it on this host."""


class Metrics:
    """Counts what becomes of mails, and hands each outcome on."""

    def __init__(self, observe: Callable[[Outcome], None], counts: Counts, ledger: Watched) -> None:
        self._observe = observe
        self._counts = counts
        self._ledger = ledger

    def observe(self, outcome: Outcome) -> None:
        """Count one mail."""
        decision = outcome.decision
        self._counts.add(decision.tenant, str(decision.reason))
        self._observe(outcome)

    async def stop(self) -> None:
        """Leave nothing uncounted."""
        await self._counts.stop()

    async def text(self, companies: Iterable[str]) -> str:
        """All numbers now; what cannot be known now is left out."""
        waiting = await _known(self._ledger.backlog())
        is_up = await _known(self._ledger.ask()) is not None
        halted = {}
        if is_up:
            halted = {each: await _known(self._ledger.about(each, "")) for each in companies}
        states = [
            (f'company="{each}"', int(burst.is_halted(its)))
            for each, its in halted.items()
            if its is not None
        ]
        lines = (
            *_counted(await self._counts.totals()),
            *_gauge("journal_events", _WAITING, [("", waiting)] if waiting is not None else []),
            *_gauge("ledger_up", _UP, [("", int(is_up))]),
            *_gauge("halted", _HALTED, states),
        )
        return "\n".join([*lines, ""])


async def _known(asked: Awaitable[Result]) -> Result | None:
    """The answer; None if there is none soon."""
    try:
        async with asyncio.timeout(_PATIENCE):
            return await asked
    except OSError:
        return None


_PREFIX = "relay_gateway_"
_MAILS = "Mails by company and reason, of all workers of this gateway."
_UP = "Whether the ledger answers."
_WAITING = "Events that wait in the journal of this host for the ledger."
_HALTED = "Whether the burst guard has stopped the company until relay-gateway resume."


def _counted(totals: Mapping[Labels, int]) -> Iterator[str]:
    yield f"# HELP {_PREFIX}mails_total {_MAILS}"
    yield f"# TYPE {_PREFIX}mails_total counter"
    for (company, reason), count in sorted(totals.items()):
        yield f'{_PREFIX}mails_total{{company="{company}",reason="{reason}"}} {count}'


def _gauge(name: str, words: str, values: Iterable[tuple[str, int]]) -> Iterator[str]:
    yield f"# HELP {_PREFIX}{name} {words}"
    yield f"# TYPE {_PREFIX}{name} gauge"
    for labels, value in values:
        yield f"{_PREFIX}{name}{{{labels}}} {value}" if labels else f"{_PREFIX}{name} {value}"
