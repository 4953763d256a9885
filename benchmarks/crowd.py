"""How long a normal client waits for its 250, alone and beside a thousand idle and twenty hostile.

    python benchmarks/crowd.py [MAILS]

Gateway, next hop, crowd and client are processes of their own on the loopback, as many as the
machine has to share its cores among; so the second figure includes what the crowd itself takes.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import re
import resource
import smtplib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

COMPANY = """\
id: acme
name: Acme Inc.
mode: live
senders: {domains: [acme.example]}
link: https://careerrelay.jp/c/acme
languages: [ja, en]
secret: {file: ../acme.secret, create: true}
"""
LETTER = (
    """\
From: hr@acme.example
To: kim@mail.example
Subject: Your application
Message-ID: <{number}@acme.example>

Dear Kim,

Thank you for applying for the position of accountant at Acme.
After careful consideration we have decided not to move forward with your application.
We wish you every success in your job search.

Acme Inc., recruiting team
"""
    + "-- \n"
    + "This line fills the letter up to its usual size.\n" * 40
)
BOMB = (
    b"From: hr@acme.example\r\nTo: kim@mail.example\r\nMessage-ID: <%d@bomb.example>\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    + b"<span>" * 190
    + b"a<br>" * 20_000
    + b"\r\n.\r\n"
)
IDLE, HOSTILE = 1000, 20


def main() -> None:
    mails = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    raise_limit()
    with (
        tempfile.TemporaryDirectory() as folder,
        process(sink) as next_hop,
        gateway(Path(folder), next_hop) as port,
    ):
        latencies(port, 20)
        alone = latencies(port, mails)
        with process(crowd, port):
            beside = latencies(port, mails)
    print(f"{'':<32}{'median':>10}{'p95':>10}{'most':>10}   ms from connect to QUIT")
    show("alone", alone)
    show(f"beside {IDLE} idle, {HOSTILE} hostile", beside)
    print(f"{'ratio of medians':<32}{statistics.median(beside) / statistics.median(alone):>10.2f}")


def show(name: str, times: list[float]) -> None:
    tail = statistics.quantiles(times, n=20)[-1]
    print(f"{name:<32}{statistics.median(times):>10.1f}{tail:>10.1f}{max(times):>10.1f}")


def latencies(port: int, mails: int) -> list[float]:
    """Milliseconds that each of so many mails takes, one connection each."""
    times = []
    for number in range(mails):
        letter = LETTER.replace("{number}", f"{number}.{time.time_ns()}")
        start = time.perf_counter()
        with smtplib.SMTP("127.0.0.1", port, timeout=60) as client:
            client.sendmail("hr@acme.example", ["kim@mail.example"], letter)
        times.append(1000 * (time.perf_counter() - start))
    return times


@contextlib.contextmanager
def gateway(folder: Path, next_hop: int) -> Iterator[int]:
    """A gateway as a user starts it; its port."""
    (folder / "companies").mkdir()
    (folder / "companies" / "acme.yaml").write_text(COMPANY)
    settings = folder / "gateway.yaml"
    settings.write_text(
        'listen: {address: "127.0.0.1:0", clients: [127.0.0.0/8]}\n'
        f"next_hop: {{host: 127.0.0.1, port: {next_hop}, tls: none}}\n"
        "ledger: sqlite:ledger.sqlite3\nlog: {level: error, file: gateway.log}\n"
    )
    command = [sys.executable, "-m", "relay_gateway", "serve", "-c", str(settings)]
    serving = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)  # noqa: S603 - our own
    try:
        while not (said := re.match(r"Listening on .*:(\d+) for", serving.stderr.readline())):
            assert serving.poll() is None, "the gateway did not start"
        yield int(said[1])
    finally:
        serving.terminate()
        serving.communicate(timeout=60)


@contextlib.contextmanager
def process(work: object, *arguments: object) -> Iterator[int]:
    """Something at work in a process of its own; what it says when it is ready."""
    ours, theirs = multiprocessing.Pipe()
    working = multiprocessing.Process(target=enter, args=(work, theirs, *arguments), daemon=True)
    working.start()
    try:
        yield ours.recv()
    finally:
        working.kill()
        working.join()


def enter(work: object, pipe: object, *arguments: object) -> None:
    raise_limit()
    asyncio.run(work(pipe, *arguments))


def raise_limit() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def sink(pipe: object) -> None:
    """A next hop that takes everything."""
    server = await asyncio.start_server(take, "127.0.0.1", 0, limit=2**26, backlog=2048)
    pipe.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 next.example\r\n")
    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        while True:
            verb = (await reader.readuntil(b"\r\n"))[:4].upper()
            if verb == b"DATA":
                writer.write(b"354 go\r\n")
                await reader.readuntil(b"\r\n.\r\n")
            elif verb == b"EHLO":
                writer.write(b"250-next.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n")
            writer.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 2.0.0 fine\r\n")
            await writer.drain()
    writer.close()


async def crowd(pipe: object, port: int) -> None:
    """A thousand who have said EHLO and twenty who mean ill."""
    idle = [await greeted(port) for _ in range(IDLE)]
    kinds = (drip, never_read, flood, cycle, bomb)
    hostile = [asyncio.create_task(kinds[at % len(kinds)](port)) for at in range(HOSTILE)]
    await asyncio.sleep(1)
    pipe.send(len(idle))
    await asyncio.gather(*hostile)


async def greeted(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await reader.readuntil(b"\r\n")
    writer.write(b"EHLO crowd.example\r\n")
    await reader.readuntil(b"250 ")
    return reader, writer


async def again(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Connections, a new one whenever the last was cut off."""
    while True:
        with contextlib.suppress(OSError, EOFError):
            reader, writer = await greeted(port)
            yield reader, writer
            writer.close()
        await asyncio.sleep(0.05)


async def drip(port: int) -> None:
    async for _, writer in again(port):
        with contextlib.suppress(OSError):
            while not writer.is_closing():
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.1)


async def never_read(port: int) -> None:
    async for _, writer in again(port):
        with contextlib.suppress(OSError):
            while not writer.is_closing():
                writer.write(b"NOOP\r\n" * 1000)
                await writer.drain()


async def flood(port: int) -> None:
    async for reader, writer in again(port):
        with contextlib.suppress(OSError):
            while not writer.is_closing():
                writer.write(b"NOOP\r\n" * 100)
                if not await reader.read(2**16):
                    break


async def cycle(port: int) -> None:
    async for reader, writer in again(port):
        with contextlib.suppress(OSError):
            while not writer.is_closing():
                writer.write(b"MAIL FROM:<hr@acme.example>\r\nRSET\r\n")
                if not await reader.read(2**16):
                    break


async def bomb(port: int) -> None:
    number = 0
    async for reader, writer in again(port):
        number += 1
        writer.write(b"MAIL FROM:<hr@acme.example>\r\nRCPT TO:<kim@mail.example>\r\nDATA\r\n")
        await reader.readuntil(b"354")
        writer.write(BOMB % time.time_ns())
        await reader.readuntil(b"250 ")


if __name__ == "__main__":
    main()
