"""A gateway as its own processes, started as a user starts it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from relay_gateway.cli.demo import COMPANY
from relay_gateway.core.credit import Event
from relay_gateway.edge.journal import Journal
from relay_gateway.edge.sqlite_ledger import SqliteLedger
from tests.ports import reserve

# Enough to know the letters of these tests; the shipped rules take most of the time of a start.
FEW_RULES = """\
language: ja
threshold: 3
rules:
- {name: see-off, is: decision, weight: 2, words: [採用を見送, 見送らせて]}
- {name: application, is: context, weight: 1, words: [応募, 選考]}
- {name: somebody, is: addressee, weight: 1, words: [様]}
"""


@dataclass
class Station:
    """One gateway; it may be killed and started again on the same port, folder and next hop.

    The port is nobody else's meanwhile. `settings` are further lines of its file; `listen` are
    further keys of its listener; `ledger` is the file of its events, and `book` says so to it
    unless it says otherwise.
    """

    folder: Path
    next_hop: int
    settings: str = ""
    listen: str = ""
    book: str = "sqlite:ledger.sqlite3"
    environ: dict[str, str] = field(default_factory=dict)
    port: int = 0
    is_up: asyncio.Event = field(default_factory=asyncio.Event)
    words: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        (self.folder / "companies").mkdir()
        (self.folder / "few.yaml").write_text(FEW_RULES, "utf-8")
        self.company(COMPANY)
        self.port = self.port or reserve(self)

    @property
    def ledger(self) -> Path:
        return self.folder / "ledger.sqlite3"

    @property
    def path(self) -> Path:
        return self.folder / "gateway.yaml"

    def company(self, text: str) -> None:
        """Write the settings of the company, which needs no rules but the few that there are."""
        text = text.replace("languages: [ja, en]", "languages: [ja]")
        (self.folder / "companies" / "acme.yaml").write_text(text, "utf-8")

    def configure(self) -> None:
        """Write the settings of the gateway."""
        rules = "" if "rules:" in self.settings else "rules: [./few.yaml]\n"
        # No letter is to be left alone because the machine is busy.
        calm = "" if "timeouts:" in self.settings else "timeouts: {think: 60}\n"
        self.path.write_text(
            f'listen: {{address: "127.0.0.1:{self.port}", clients: [127.0.0.0/8],'
            f" hostname: gateway.acme.example, {self.listen}}}\n"
            f"next_hop: {{host: 127.0.0.1, port: {self.next_hop}, tls: none}}\n"
            f"ledger: {self.book}\ncompanies: companies\n{rules}{calm}{self.settings}\n",
            "utf-8",
        )

    async def start(self) -> None:
        """Come up."""
        self.configure()
        self.words = []
        self._news = asyncio.Condition()
        self.process = await asyncio.create_subprocess_exec(
            *self._command("serve"),
            stderr=asyncio.subprocess.PIPE,
            env=os.environ | self.environ,
            start_new_session=True,
        )
        self.drain = asyncio.create_task(self._read())
        await self._until(lambda line: line.startswith("Listening on "))
        self.is_up.set()

    async def said(self, event: str, times: int = 1) -> dict[str, Any]:
        """The log line of this event, when it has come so often."""
        seen: list[dict[str, Any]] = []

        def is_it(line: str) -> bool:
            if f'"event": "{event}"' in line:
                seen.append(json.loads(line))
            return len(seen) >= times

        await self._until(is_it)
        return seen[-1]

    async def reload(self) -> int:
        """Have it read its settings anew, by the signal; the generation that this makes."""
        before = sum('"event": "reloaded"' in line for line in self.words)
        self.tell(signal.SIGHUP)
        return (await self.said("reloaded", before + 1))["generation"]

    async def ask(self, *command: str) -> tuple[int, str]:
        """Run another command with the same settings: its exit status and what it says to the
        user.
        """
        status, _, words = await self.run(*command)
        return status, words.decode()

    async def run(self, *command: str, stdin: bytes = b"") -> tuple[int, bytes, bytes]:
        """Run another command with the same settings: its exit status and all its output."""
        pipe = asyncio.subprocess.PIPE
        its = await asyncio.create_subprocess_exec(
            *self._command(*command), stdin=pipe, stdout=pipe, stderr=pipe
        )
        async with asyncio.timeout(60):
            printed, words = await its.communicate(stdin)
        return its.returncode, printed, words

    async def events(self) -> list[Event]:
        """What its file of events holds, once no event waits beside it for a busy disk."""
        journal = Journal(self.ledger.with_name("ledger.journal.sqlite3"), only_reads=True)
        async with asyncio.timeout(60):
            while await journal.waiting(1):  # noqa: ASYNC110 - another process strikes out
                await asyncio.sleep(0.05)
        ledger = SqliteLedger(self.ledger, only_reads=True)
        await ledger.open()
        try:
            return list(await ledger.events("acme"))
        finally:
            await ledger.close()

    def tell(self, its: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(its)

    async def kill(self, its: signal.Signals = signal.SIGKILL) -> int:
        """End it by a signal; its exit status."""
        self.is_up.clear()
        with suppress(ProcessLookupError):
            self.process.send_signal(its)
        async with asyncio.timeout(60):
            await self.drain
            return await self.process.wait()

    @property
    def workers(self) -> list[int]:
        """The processes that take mail."""
        return children(self.process.pid)

    def _command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "relay_gateway", *words, "-c", str(self.path)]

    async def _read(self) -> None:
        while line := (await self.process.stderr.readline()).decode():
            async with self._news:
                self.words.append(line)
                self._news.notify_all()
        async with self._news:
            self._news.notify_all()

    async def _until(self, is_it: Callable[[str], bool]) -> str:
        read = 0
        async with asyncio.timeout(60), self._news:
            while True:
                for line in self.words[read:]:
                    if is_it(line):
                        return line
                read = len(self.words)
                assert not self.drain.done(), f"it said only: {self.words}"
                await self._news.wait()


def children(pid: int) -> list[int]:
    """The processes that this one has started, the oldest first."""
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def family(pid: int) -> list[int]:
    """This process and all that come from it."""
    return [pid, *(each for child in children(pid) for each in family(child))]


async def gone(pid: int) -> None:
    """Wait until this process has ended."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(handle, ended.set)
    try:
        async with asyncio.timeout(60):
            await ended.wait()
    finally:
        asyncio.get_running_loop().remove_reader(handle)
        os.close(handle)


@asynccontextmanager
async def station(folder: Path, next_hop: int, **but: Any):
    """A gateway at work, gone at the end."""
    its = Station(folder, next_hop, **but)
    try:
        await its.start()
        yield its
    finally:
        await its.kill()
