"""How many events a second each ledger keeps, how long a mail waits for it, and how both grow.

python benchmarks/ledger.py [directory on the disk in question] [host:port of a Redis]

Without the second a redis-server from PATH is started in the directory, appendfsync always.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter, process_time

from relay_gateway.core.account import state
from relay_gateway.core.chain import broken
from relay_gateway.core.credit import Event, Kind, Terms
from relay_gateway.edge.ledger import Book
from relay_gateway.edge.redis_ledger import RedisLedger
from relay_gateway.edge.redis_server import Server
from relay_gateway.edge.sqlite_ledger import SqliteLedger

EVENTS = 4_000
WAITING = (1, 20, 100)
SIZES = (1_000, 10_000, 100_000)


async def main(directory: Path, server: Server | None) -> None:
    """Two tables: by mails that wait at the same time, and by events kept already."""
    print(f"{'':7} {'waiting':>7} {'events/s':>9} {'CPU ms':>7} {'p50 ms':>7} {'p99 ms':>7}")
    for name in ("sqlite", "redis") if server else ("sqlite",):
        for waiting in WAITING:
            ledger = made(name, directory / f"{waiting}.db", server)
            await ledger.open()
            print(f"{name:7} {waiting:7} {await commits(ledger, f'w{waiting}', EVENTS, waiting)}")
            await ledger.close()
    print()
    heads = ("events", "record ms", "about ms", "events() s", "last day s", "fold s", "verify s")
    print(f"{'':7} " + " ".join(f"{head:>10}" for head in heads))
    for name in ("sqlite", "redis") if server else ("sqlite",):
        await growth(name, made(name, directory / "growth.db", server))


def made(name: str, path: Path, server: Server | None) -> Book:
    """The ledger of this name."""
    if name == "redis" and server:
        return RedisLedger(server, 60.0)
    return SqliteLedger(path, 60.0)


async def commits(ledger: Book, tenant: str, count: int, waiting: int) -> str:
    """Rate, CPU of this process and waits, with so many mails at a time."""
    waits: list[float] = []
    numbers = iter(range(count))

    async def mails() -> None:
        for number in numbers:
            start = perf_counter()
            assert await ledger.record(event(tenant, number))
            waits.append(perf_counter() - start)

    wall, cpu = perf_counter(), process_time()
    await asyncio.gather(*(mails() for _ in range(waiting)))
    wall, cpu = perf_counter() - wall, process_time() - cpu
    waits.sort()
    p50, p99 = (waits[int(len(waits) * part)] * 1000 for part in (0.5, 0.99))
    return f"{count / wall:9,.0f} {cpu / count * 1000:7.3f} {p50:7.2f} {p99:7.2f}"


async def growth(name: str, ledger: Book) -> None:
    """One line for each size of a company."""
    await ledger.open()
    kept = 0
    for size in SIZES:
        numbers = iter(range(kept, size))
        await asyncio.gather(*(fill(ledger, numbers) for _ in range(100)))
        kept = size
        start = perf_counter()
        for number in range(100):
            await ledger.record(event("growth", size + number))
        record = (perf_counter() - start) * 10
        kept += 100
        start = perf_counter()
        for number in range(100):
            await ledger.about("growth", event("growth", number * size // 100).referral)
        about = (perf_counter() - start) * 10
        start = perf_counter()
        events = await ledger.events("growth")
        whole = perf_counter() - start
        start = perf_counter()
        await ledger.events("growth", events[-200].at)
        day = perf_counter() - start
        start = perf_counter()
        assert state(events, Terms()).people
        fold = perf_counter() - start
        entries = await ledger.entries("growth")
        start = perf_counter()
        assert broken(entries) is None
        verify = perf_counter() - start
        print(
            f"{name:7} {size:10,} {record:10.2f} {about:10.2f} {whole:10.3f} {day:10.3f} "
            f"{fold:10.3f} {verify:10.3f}"
        )
    await ledger.close()


async def fill(ledger: Book, numbers: Iterator[int]) -> None:
    """Keep these, one after the other."""
    for number in numbers:
        await ledger.record(event("growth", number))


def event(tenant: str, number: int) -> Event:
    """Four hundred accepted letters a day, each to another person."""
    name = f"{number * 2654435761 % 2**32:016X}"
    return Event(Kind.ACCEPTED, tenant, name, name, 1_700_000_000.0 + number * 216)


@contextmanager
def redis(directory: Path, address: str) -> Iterator[Server | None]:
    """The Redis at the address, or one of our own, if there can be one."""
    host, _, port = (address or "127.0.0.1:26399").rpartition(":")
    program = shutil.which("redis-server")
    if not address and program is None:
        print("There is no redis-server on PATH.", file=sys.stderr)
        yield None
        return
    own = None
    if not address:
        options = ["--port", port, "--dir", str(directory), "--appendonly", "yes", "--save", ""]
        options += ["--appendfsync", "always", "--logfile", "redis.log"]
        own = subprocess.Popen([str(program), *options])  # noqa: S603 - what was found on PATH
    try:
        yield Server(((host, int(port)),))
    finally:
        if own:
            own.terminate()
            own.wait()


if __name__ == "__main__":
    disk, address = (*sys.argv[1:], None, None)[:2]
    with (
        tempfile.TemporaryDirectory(dir=disk) as scratch,
        redis(Path(scratch), address or "") as found,
    ):
        asyncio.run(main(Path(scratch), found))
