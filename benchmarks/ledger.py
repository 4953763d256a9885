"""How many events a second the SQLite ledger keeps, and how long each waits for its commit.

python benchmarks/ledger.py [directory on the disk in question]
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from time import perf_counter, process_time

from relay_gateway.core.credit import Event, Kind
from relay_gateway.edge.sqlite_ledger import SqliteLedger

EVENTS = 4_000
WAITING = (1, 20, 100)


async def main(directory: Path) -> None:
    """One line for each number of mails that wait at the same time."""
    print(f"{'waiting':>7} {'events/s':>9} {'CPU ms':>7} {'p50 ms':>7} {'p99 ms':>7}")
    for waiting in WAITING:
        ledger = SqliteLedger(directory / f"ledger-{waiting}.db")
        await ledger.open()
        waits, seconds, cpu = await measure(ledger, waiting)
        await ledger.close()
        p50, p99 = (waits[int(len(waits) * part)] * 1000 for part in (0.5, 0.99))
        rate, each = len(waits) / seconds, cpu / len(waits) * 1000
        print(f"{waiting:7} {rate:9,.0f} {each:7.3f} {p50:7.2f} {p99:7.2f}")


async def measure(ledger: SqliteLedger, waiting: int) -> tuple[list[float], float, float]:
    """Sorted waits, wall seconds and CPU seconds of `waiting` mails at a time."""
    waits: list[float] = []
    numbers = iter(range(EVENTS))

    async def mails() -> None:
        for number in numbers:
            name = f"{number * 2654435761 % 2**32:016X}"
            start = perf_counter()
            assert await ledger.record(Event(Kind.ACCEPTED, "acme", name, name, float(number)))
            waits.append(perf_counter() - start)

    wall, cpu = perf_counter(), process_time()
    await asyncio.gather(*(mails() for _ in range(waiting)))
    return sorted(waits), perf_counter() - wall, process_time() - cpu


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if sys.argv[1:] else None) as scratch:
        asyncio.run(main(Path(scratch)))
