"""What large mails cost a gateway in memory, and whether they arrive as they were sent.

    python benchmarks/memory.py [SENDER]

A gateway as it is served stands before a next hop in another process. The mails of SENDER, by
default of the company whose mails are read, are sent in blocks: one of 50 MB, then 20 of 10 MB at
once. RSS is of the worker, which has all connections; PSS is of supervisor, worker and thinkers
together, looked at ten times a second.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import multiprocessing
import re
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random

from relay_gateway.edge.spool import MEMORY_PER_CONNECTION

MIB = 2**20
COMPANY = """\
id: acme
name: Acme Inc.
mode: live
senders: {domains: [acme.example]}
link: https://careerrelay.jp/c/acme
languages: [ja, en]
secret: {file: ../acme.secret, create: true}
"""
SETTINGS = """\
listen: {{address: "127.0.0.1:0", clients: [127.0.0.0/8], hostname: gateway.acme.example}}
next_hop: {{host: 127.0.0.1, port: {port}, tls: none}}
ledger: sqlite:ledger.sqlite3
companies: companies
log: {{level: error}}
"""
HEAD = (
    b"From: hr@acme.example\r\nTo: kim@mail.example\r\nMessage-ID: <%d@acme.example>\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\n"
)


def mail(number: int, size: int) -> list[bytes]:
    """A mail of about this size, in pieces; each has lines that begin with dots."""
    dice = Random(number)  # noqa: S311 - no secret, the same each time
    lines = base64.encodebytes(dice.randbytes(45_000)).replace(b"\n", b"\r\n")
    piece = lines + b".\r\n..two dots\r\n"
    return [HEAD % number, *[piece] * (size // len(piece))]


def sink(told: Connection) -> None:
    """A next hop that keeps no mail, only what it hashes to without what the gateway adds."""
    asyncio.run(_sink(told))


async def _sink(told: Connection) -> None:
    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 next.example\r\n")
        with contextlib.suppress(ConnectionError):
            while line := await reader.readline():
                verb = line[:4].upper()
                if verb == b"EHLO":
                    writer.write(b"250-next.example\r\n250 SIZE 104857600\r\n")
                elif verb == b"DATA":
                    writer.write(b"354 go\r\n")
                    told.send(await _hashed(reader))
                    writer.write(b"250 2.0.0 taken\r\n")
                else:
                    writer.write(b"250 2.0.0 fine\r\n")
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0, limit=MIB)
    told.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


async def _hashed(reader: asyncio.StreamReader) -> str:
    """Line by line, so as not to have the gateway's own reading judge itself."""
    its, is_added = hashlib.sha256(), True
    while (line := await reader.readline()) != b".\r\n":
        # The field that tells of this hop stands first, and may be folded.
        is_added = is_added and line.startswith((b"Received:", b"\t", b" "))
        if not is_added:
            its.update(line.removeprefix(b"."))
    return its.hexdigest()


async def send(port: int, sender: str, pieces: list[bytes]) -> str:
    """Send a mail that is never whole here either; what it hashes to."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await reader.readline()
    await _ask(reader, writer, b"EHLO client.example\r\n", b"250 ")
    await _ask(reader, writer, b"MAIL FROM:<%b>\r\n" % sender.encode(), b"250 ")
    await _ask(reader, writer, b"RCPT TO:<kim@mail.example>\r\n", b"250 ")
    await _ask(reader, writer, b"DATA\r\n", b"354 ")
    its = hashlib.sha256()
    for piece in pieces:
        its.update(piece)
        writer.write(piece.replace(b"\r\n.", b"\r\n.."))
        await writer.drain()
    await _ask(reader, writer, b".\r\n", b"250 ")
    writer.close()
    return its.hexdigest()


async def _ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, said: bytes, wanted: bytes
) -> None:
    writer.write(said)
    while (line := await reader.readline())[3:4] == b"-":
        pass
    assert line.startswith(wanted), line


def children(pid: int) -> list[int]:
    """The processes that this one has started."""
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def family(pid: int) -> list[int]:
    """This process and all that come from it."""
    return [pid, *(each for child in children(pid) for each in family(child))]


def resident(pid: int, name: str) -> int:
    """VmRSS or VmHWM, the peak of it, in octets."""
    found = re.search(rf"{name}:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) * 1024


def proportional(pid: int) -> int:
    """PSS of a process and all that come from it, in octets."""
    total = 0
    for each in family(pid):
        with contextlib.suppress(OSError):
            found = re.search(r"Pss:\s+(\d+)", Path(f"/proc/{each}/smaps_rollup").read_text())
            total += int(found[1]) * 1024 if found else 0
    return total


class Watch:
    """Looks at the memory of a gateway while mails pass."""

    def __init__(self, pid: int) -> None:
        self._pid, self.worker = pid, children(pid)[0]
        self.peak = 0

    def begin(self) -> int:
        """Forget all peaks; what the worker has now."""
        Path(f"/proc/{self.worker}/clear_refs").write_text("5")
        self.peak = 0
        return resident(self.worker, "VmRSS")

    async def look(self) -> None:
        """Look until it is cancelled."""
        while True:
            with contextlib.suppress(OSError):
                self.peak = max(self.peak, proportional(self._pid))
            await asyncio.sleep(0.1)


async def measure(watch: Watch, port: int, sender: str, mails: list[list[bytes]]) -> list[str]:
    """Send mails at once, and print what that took."""
    before = watch.begin()
    looking = asyncio.create_task(watch.look())
    start = time.perf_counter()
    sent = await asyncio.gather(*(send(port, sender, pieces) for pieces in mails))
    seconds = time.perf_counter() - start
    looking.cancel()
    peak = resident(watch.worker, "VmHWM")
    size = sum(map(len, mails[0])) / 10**6
    print(
        f"{len(mails):>2} x {size:.0f} MB: RSS {before / MIB:.1f} MiB before, {peak / MIB:.1f} at"
        f" most, {(peak - before) / MIB / len(mails):.2f} a connection"
        f" (bound {MEMORY_PER_CONNECTION / MIB:.0f}); PSS of all {watch.peak / MIB:.0f} MiB;"
        f" {size * len(mails) / seconds:.0f} MB/s"
    )
    return sent


@contextlib.asynccontextmanager
async def serving(folder: Path, next_hop: int) -> AsyncIterator[tuple[int, int]]:
    """A gateway as a user starts it: its process and its port."""
    (folder / "companies").mkdir()
    (folder / "companies" / "acme.yaml").write_text(COMPANY)
    settings = folder / "gateway.yaml"
    settings.write_text(SETTINGS.format(port=next_hop))
    gateway = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "relay_gateway", "serve", "-c", str(settings)),
        stderr=asyncio.subprocess.PIPE,
    )
    assert gateway.stderr
    try:
        while line := (await gateway.stderr.readline()).decode():
            if found := re.match(r"Listening on \S+:(\d+) ", line):
                yield gateway.pid, int(found[1])
                break
            print(line, end="")
    finally:
        gateway.terminate()
        await gateway.communicate()


async def main(sender: str = "hr@acme.example") -> None:
    """Measure one very large mail, and many large ones."""
    told, tell = multiprocessing.Pipe()
    next_hop = multiprocessing.get_context("spawn").Process(target=sink, args=(tell,), daemon=True)
    next_hop.start()
    with tempfile.TemporaryDirectory() as folder:
        async with serving(Path(folder), told.recv()) as (pid, port):
            watch = Watch(pid)
            sent = [await send(port, sender, mail(0, 1000))]
            sent += await measure(watch, port, sender, [mail(1, 50 * 10**6)])
            many = [mail(number, 10 * 10**6) for number in range(2, 22)]
            sent += await measure(watch, port, sender, many)
    arrived = [told.recv() for _ in sent]
    is_same = sorted(arrived) == sorted(sent)
    print("all arrived as they were sent" if is_same else "NOT ALL ARRIVED AS THEY WERE SENT")
    sys.exit(not is_same)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
