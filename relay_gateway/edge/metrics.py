"""What a monitoring system asks for: mails by company and reason, and who is halted.

In the text form of Prometheus (https://prometheus.io/docs/instrumenting/exposition_formats/).
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from relay_gateway.core import burst
from relay_gateway.gateway import Ledger, Outcome

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_PATIENCE = 2.0


class Metrics:
    """Counts what this process has done with mails, and hands each outcome on."""

    def __init__(self, observe: Callable[[Outcome], None]) -> None:
        self._observe = observe
        self._mails: Counter[tuple[str, str]] = Counter()

    def observe(self, outcome: Outcome) -> None:
        """Count one mail."""
        decision = outcome.decision
        self._mails[decision.tenant, str(decision.reason)] += 1
        self._observe(outcome)

    async def text(self, companies: Iterable[str], ledger: Ledger) -> str:
        """All numbers now; those of the ledger are left out while it does not answer."""
        lines = [*self._counted()]
        try:
            async with asyncio.timeout(_PATIENCE):
                halted = [(each, await ledger.about(each, "")) for each in companies]
        except OSError:
            return "\n".join([*lines, *_gauge("ledger_up", _UP, [("", 0)]), ""])
        states = [(f'company="{each}"', int(burst.is_halted(its))) for each, its in halted]
        lines += (*_gauge("ledger_up", _UP, [("", 1)]), *_gauge("halted", _HALTED, states))
        return "\n".join([*lines, ""])

    def _counted(self) -> Iterator[str]:
        yield f"# HELP {_PREFIX}mails_total Mails by company and reason, of this worker process."
        yield f"# TYPE {_PREFIX}mails_total counter"
        for (company, reason), count in sorted(self._mails.items()):
            labels = f'company="{company}",reason="{reason}",worker="{os.getpid()}"'
            yield f"{_PREFIX}mails_total{{{labels}}} {count}"


_PREFIX = "relay_gateway_"
_UP = "Whether the ledger answers."
_HALTED = "Whether the burst guard has stopped the company until relay-gateway resume."


def _gauge(name: str, words: str, values: Iterable[tuple[str, int]]) -> Iterator[str]:
    yield f"# HELP {_PREFIX}{name} {words}"
    yield f"# TYPE {_PREFIX}{name} gauge"
    for labels, value in values:
        yield f"{_PREFIX}{name}{{{labels}}} {value}" if labels else f"{_PREFIX}{name} {value}"
