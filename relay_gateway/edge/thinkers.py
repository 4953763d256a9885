"""Thoughts in processes of their own, so that one that never ends is ended by the kernel.

A worker has a nursery: a small process forked from it before it had any thread or event loop, which
keeps the policy and forks thinkers. A thinker takes mails one after the other from the socket that
it was born with, and lives as long as the other end of a pipe is open: closing that ends it also in
the middle of a thought, and a worker that dies closes all.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import gc
import os
import pickle
import resource
import signal
import socket
import struct
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog

from relay_gateway.core.decision import Decision
from relay_gateway.core.edit import Raw
from relay_gateway.core.envelope import Envelope

log = structlog.get_logger()

Decide = Callable[[Envelope, bytes], Decision]

# What a thinker is told of a mail before its bytes: the sizes of the envelope and of the mail.
_QUESTION = struct.Struct("!IQ")
_ANSWER = struct.Struct("!I")
_SLICE = 2**16
_HEAVY = 2**16


class BrokenThought(RuntimeError):
    """A mail that could not be thought through: the text says what the thinker came to."""


class NoNursery(RuntimeError):
    """The process that forks thinkers is gone; the worker has to end and be started again."""


@dataclass(frozen=True, slots=True)
class _Fault:
    """An exception in a thinker: what it was and where, without words that may quote the mail."""

    name: str
    where: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Bounds:
    """The longest thought in seconds, and how many bytes it may take beside what is there."""

    seconds: float
    memory: int


class Line:
    """The near end of a thinker: what it is asked over, and the pipe that keeps it alive."""

    def __init__(self, near: socket.socket, life: int) -> None:
        near.setblocking(False)
        self.near = near
        self._life = life

    @property
    def is_alive(self) -> bool:
        """Whether the thinker, who has nothing to say between two mails, is still there."""
        try:
            self.near.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def close(self) -> None:
        """End the thinker at once."""
        os.close(self._life)
        self.near.close()


class Nursery:
    """The near end of the process that forks thinkers.

    Order of calls: `Nursery.start` in a process without threads or a running event loop; then the
    loop, and in it `Thinkers(nursery, …)`, `start`, any number of `think`, `stop`. `stop` of the
    thinkers stops the nursery too; where none were made, `Nursery.stop` does.
    """

    def __init__(self, near: socket.socket, pid: int, seconds: float) -> None:
        self.seconds = seconds
        self._near = near
        self._pid = pid

    @classmethod
    def start(cls, decide: Decide, seconds: float, memory: int = 2**30) -> Nursery:
        """Fork a nursery whose thinkers `decide`, each within `seconds` and `memory` more bytes.

        `decide` and all that it holds are copied by the fork, never pickled.
        """
        if threading.active_count() > 1:
            raise RuntimeError("start the nursery before any thread")
        near, far = socket.socketpair()
        pid = os.fork()
        if not pid:
            _never_return(partial(_tend, far, decide, _Bounds(seconds, memory)))
        far.close()
        near.setblocking(False)
        return cls(near, pid, seconds)

    def fileno(self) -> int:
        """The socket that becomes readable when the nursery is gone."""
        return self._near.fileno()

    def thinker(self) -> Line:
        """The near end of a thinker that is being forked; `NoNursery` if nobody can fork it."""
        near, far = socket.socketpair()
        death, life = os.pipe()
        line = Line(near, life)
        try:
            socket.send_fds(self._near, [b"."], [far.fileno(), death])
        except OSError as gone:
            line.close()
            raise NoNursery("the nursery is gone") from gone
        finally:
            far.close()
            os.close(death)
        return line

    def stop(self) -> None:
        """End the nursery; thinkers live as long as their own lines. May be said twice."""
        if self._near.fileno() < 0:
            return
        self._near.close()
        # It keeps nothing that could be lost, and its number is ours until it is waited for.
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)


class Thinkers:
    """A fixed number of thinkers, one mail each; `think` may be cancelled at any time.

    `on_loss` is called once, in the loop, if the nursery dies: what thinkers are left go on, but
    none is replaced, so the worker had better end in order.
    """

    def __init__(self, nursery: Nursery, count: int, on_loss: Callable[[], None]) -> None:
        self._nursery = nursery
        self._count = count
        self._on_loss = on_loss
        self._free: list[Line] = []
        self._is_open = True
        self._turns = asyncio.Semaphore(count)
        # Heavy mails leave one thinker to ordinary letters.
        self._heavy = asyncio.Semaphore(max(1, count - 1))

    async def start(self) -> None:
        """Have all thinkers forked."""
        asyncio.get_running_loop().add_reader(self._nursery, self._lost)
        self._free = [self._nursery.thinker() for _ in range(self._count)]

    async def stop(self) -> None:
        """End all processes; a thought still under way goes on, and its thinker ends with it."""
        self._is_open = False
        asyncio.get_running_loop().remove_reader(self._nursery)
        while self._free:
            self._free.pop().close()
        self._nursery.stop()

    async def think(self, envelope: Envelope, raw: Raw) -> Decision:
        """Have the mail decided by the next thinker that is free.

        Raises `TimeoutError` for a thought that took longer than the nursery's `seconds`,
        `BrokenThought` for one that failed, and `NoNursery`. Cancelled, it ends the thinker.
        """
        if len(raw) <= _HEAVY:
            return await self._in_turn(envelope, raw)
        async with self._heavy:
            return await self._in_turn(envelope, raw)

    async def _in_turn(self, envelope: Envelope, raw: Raw) -> Decision:
        async with self._turns:
            line = self._living()
            try:
                answer = await self._ask(line, envelope, raw)
            except BaseException:
                line.close()
                # The next mail asks again, and hears of it.
                with contextlib.suppress(NoNursery):
                    self._keep(self._nursery.thinker())
                raise
            self._keep(line)
        if isinstance(answer, _Fault):
            log.error("thought_failed", id=envelope.id, fault=answer.name, where=answer.where)
            raise BrokenThought(f"{answer.name} in a thinker")
        return answer

    def _keep(self, line: Line) -> None:
        if self._is_open:
            self._free.append(line)
        else:
            line.close()

    def _living(self) -> Line:
        while self._free:
            line = self._free.pop()
            if line.is_alive:
                return line
            line.close()
        return self._nursery.thinker()

    async def _ask(self, line: Line, envelope: Envelope, raw: Raw) -> Decision | _Fault:
        loop = asyncio.get_running_loop()
        try:
            # Before, for its alarm runs as soon as it has the mail, and we may be held up then.
            asked = loop.time()
            await _send(line.near, envelope, raw)
            found = await _receive(line.near)
        except (EOFError, OSError) as gone:
            raise BrokenThought("a thinker ended in the middle of a thought") from gone
        if found is None and loop.time() - asked >= self._nursery.seconds:
            raise TimeoutError("a thought took too long")
        if found is None:
            raise BrokenThought("a thinker ended in the middle of a thought")
        answer: Decision | _Fault = pickle.loads(found)  # noqa: S301 - from our own child
        return answer

    def _lost(self) -> None:
        asyncio.get_running_loop().remove_reader(self._nursery)
        log.error("nursery_lost")
        self._on_loss()


async def _send(near: socket.socket, envelope: Envelope, raw: Raw) -> None:
    """A mail may lie in a file: it is cut out of it slice by slice."""
    loop = asyncio.get_running_loop()
    head = pickle.dumps(envelope)
    question = _QUESTION.pack(len(head), len(raw)) + head
    await loop.sock_sendall(near, question + raw[:_SLICE])
    for at in range(_SLICE, len(raw), _SLICE):
        await loop.sock_sendall(near, raw[at : at + _SLICE])


async def _receive(near: socket.socket) -> bytes | None:
    """What the thinker answers; None if it ends instead."""
    loop = asyncio.get_running_loop()
    found = bytearray()
    while len(found) < _ANSWER.size or len(found) < _ANSWER.size + _ANSWER.unpack_from(found)[0]:
        piece = await loop.sock_recv(near, _SLICE)
        if not piece:
            return None
        found += piece
    return bytes(found[_ANSWER.size :])


# What follows runs in the nursery and its thinkers.


def _never_return(run: Callable[[], None]) -> None:
    # What stands above on the stack is the parent's: its handlers and buffers must not run here.
    try:
        run()
    finally:
        os._exit(0)


def _tend(far: socket.socket, decide: Decide, bounds: _Bounds) -> None:
    """Fork a thinker for each socket that is handed over, until the worker is gone."""
    _detach(far.fileno())
    _bound_memory(bounds.memory)
    while True:
        _, handed, _, _ = socket.recv_fds(far, 1, 2)
        if len(handed) != 2:
            return
        line, death = handed
        # Where no more processes can be had, the other end sees its socket closed.
        with contextlib.suppress(OSError):
            if not os.fork():
                far.close()
                _never_return(partial(_serve, line, death, decide, bounds))
        os.close(line)
        os.close(death)


def _detach(kept: int) -> None:
    """Forget the worker's files and signals, and stand back behind it.

    A signal to the whole process group is for the worker, who still needs its thinkers to drain.
    """
    # Nothing from before the fork is ever collected: it would close numbers that are used anew.
    gc.freeze()
    for number in {int(name) for name in os.listdir("/dev/fd")} - {0, 1, 2, kept}:
        with contextlib.suppress(OSError):
            os.close(number)
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(ignored, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    # With all processors thinking, the slowest answers of the worker come five times as fast.
    os.nice(5)


def _bound_memory(more: int) -> None:
    pages = Path("/proc/self/statm")
    if sys.platform != "linux" or not pages.exists():
        return
    most = int(pages.read_text("ascii").split()[0]) * resource.getpagesize() + more
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))


def _serve(line: int, death: int, decide: Decide, bounds: _Bounds) -> None:
    """Think of one mail after the other, until nobody asks any more."""
    _die_with(death)
    with socket.socket(fileno=line) as far, far.makefile("rb") as reader:
        while head := reader.read(_QUESTION.size):
            size, length = _QUESTION.unpack(head)
            envelope = pickle.loads(reader.read(size))  # noqa: S301 - from our own parent
            raw = reader.read(length)
            signal.setitimer(signal.ITIMER_REAL, bounds.seconds)
            answer = _answer(decide, envelope, raw)
            signal.setitimer(signal.ITIMER_REAL, 0)
            far.sendall(_ANSWER.pack(len(answer)) + answer)


def _die_with(death: int) -> None:
    """Have the kernel say SIGIO, which ends a process, when the other end of the pipe closes."""
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    fcntl.fcntl(death, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(death, fcntl.F_SETFL, fcntl.fcntl(death, fcntl.F_GETFL) | os.O_ASYNC)


def _answer(decide: Decide, envelope: Envelope, raw: bytes) -> bytes:
    try:
        return pickle.dumps(decide(envelope, raw))
    except Exception as fault:  # noqa: BLE001 - said to the worker, who lets the original go on
        frames = traceback.extract_tb(fault.__traceback__, limit=-8)
        where = (f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames)
        return pickle.dumps(_Fault(type(fault).__name__, tuple(where)))
