"""A gateway as its own process, started as a user starts it."""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from relay_gateway.cli.demo import COMPANY


@dataclass
class Station:
    """One gateway; it may be killed and started again on the same port, folder and next hop."""

    folder: Path
    next_hop: int
    port: int = 0
    is_up: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        (self.folder / "companies").mkdir()
        (self.folder / "companies" / "acme.yaml").write_text(COMPANY, "utf-8")

    @property
    def ledger(self) -> Path:
        return self.folder / "ledger.sqlite3"

    def _configure(self) -> Path:
        path = self.folder / "gateway.yaml"
        path.write_text(
            f'listen: {{address: "127.0.0.1:{self.port}", clients: [127.0.0.0/8],'
            " hostname: gateway.acme.example}\n"
            f"next_hop: {{host: 127.0.0.1, port: {self.next_hop}, tls: none}}\n"
            "ledger: sqlite:ledger.sqlite3\ncompanies: companies\nlog: {level: error}\n",
            "utf-8",
        )
        return path

    async def start(self) -> None:
        """Come up, and know the port."""
        path = self._configure()
        command = [sys.executable, "-m", "relay_gateway", "serve", "-c", str(path)]
        self.process = await asyncio.create_subprocess_exec(
            *command, stderr=asyncio.subprocess.PIPE
        )
        self.words = []
        async with asyncio.timeout(30):
            while not (line := (await self.process.stderr.readline()).decode()).startswith("List"):
                assert line, f"the gateway did not start: {self.words}"
                self.words.append(line)
        self.port = int(line.split(" for ")[0].rpartition(":")[2])
        self.drain = asyncio.create_task(self.process.stderr.read())
        self.is_up.set()

    async def kill(self, its: signal.Signals = signal.SIGKILL) -> int:
        """End it by a signal; its exit status."""
        self.is_up.clear()
        with suppress(ProcessLookupError):
            self.process.send_signal(its)
        async with asyncio.timeout(30):
            await self.drain
            return await self.process.wait()


@asynccontextmanager
async def station(folder: Path, next_hop: int):
    """A gateway at work, gone at the end."""
    its = Station(folder, next_hop)
    await its.start()
    try:
        yield its
    finally:
        await its.kill()
