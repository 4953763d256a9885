"""A process that works, and the line between it and its supervisor.

The worker says `ready` or `failed` with a sentence, `retired` when it takes no more clients, and
beats; it hears when to begin, to retire and to stop. When its supervisor dies it ends at once.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum

import structlog

log = structlog.get_logger()


class Word(StrEnum):
    """What a supervisor says: take clients, let the clients go in peace, end soon."""

    BEGIN = "begin"
    RETIRE = "retire"
    STOP = "stop"


class Lifeline:
    """The worker's end of the line."""

    def __init__(self, channel: socket.socket, beat: float) -> None:
        self._channel, self._beat = channel, beat
        self._words: asyncio.Queue[Word] = asyncio.Queue()
        self._rest = b""

    @contextmanager
    def attached(self) -> Iterator[None]:
        """Beat as long as the event loop turns, and hear."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self._channel, self._hear)
        beating = asyncio.create_task(self._keep_beating())
        try:
            yield
        finally:
            beating.cancel()
            loop.remove_reader(self._channel)

    async def ready(self) -> None:
        """Say that all is prepared, and wait until it is time."""
        self.tell("ready")
        while await self.word() is not Word.BEGIN:
            pass

    async def word(self) -> Word:
        """The supervisor's next word."""
        return await self._words.get()

    def tell(self, text: str) -> None:
        """Say something to the supervisor; it may be too busy to listen."""
        line = " ".join(text.split())[:_LONGEST]
        # A supervisor that is gone is noticed by the reader.
        with suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
            self._channel.send(line.encode("utf-8", "replace") + b"\n")

    async def _keep_beating(self) -> None:
        while True:
            self.tell(_BEAT)
            await asyncio.sleep(self._beat)

    def _hear(self) -> None:
        try:
            heard = self._channel.recv(4096)
        except BlockingIOError:
            return
        except ConnectionResetError:
            heard = b""
        if not heard:
            # Nobody would restart or stop us, and a new supervisor needs the port.
            os._exit(1)
        *lines, self._rest = (self._rest + heard).split(b"\n")
        for line in lines:
            self._words.put_nowait(Word(line.decode("ascii")))


@dataclass(eq=False, slots=True)
class Worker:
    """The supervisor's end of the line. `heard` is when the worker last gave a sign of life."""

    pid: int
    channel: socket.socket
    born: float
    heard: float
    is_ready: bool = False
    is_at_work: bool = False
    is_retired: bool = False
    is_killed: bool = False
    last_words: str = ""
    _rest: bytes = field(default=b"", repr=False)

    def listen(self, now: float) -> None:
        """Take in what it has said."""
        with suppress(BlockingIOError, ConnectionResetError):
            while heard := self.channel.recv(65536):
                self.heard = now
                *lines, self._rest = (self._rest + heard).split(b"\n")
                for line in lines:
                    self._take(line.decode("utf-8", "replace"))

    def tell(self, word: Word) -> None:
        """Say a word; one that has died is noticed otherwise."""
        with suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
            self.channel.send(word.encode() + b"\n")

    def kill(self) -> None:
        """End it at once."""
        self.is_killed = True
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def _take(self, line: str) -> None:
        if line == "ready":
            self.is_ready = True
        elif line == "retired":
            self.is_retired = True
        elif line != _BEAT:
            self.last_words = line.removeprefix(_FAILED)


def fork(
    work: Callable[[Lifeline], None], beat: float, forget: Callable[[], None], now: float
) -> Worker:
    """Start a process that does this work and nothing else.

    It first calls `forget`, to close what belongs to the supervisor alone. Call it in a process
    without threads.
    """
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    parent = os.getpid()
    # A signal between the fork and the first line of the child would be told to the parent.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        pid = os.fork()
        if pid == 0:
            _live(work, Lifeline(theirs, beat), (ours.close, forget), parent)
    except OSError:
        ours.close()
        raise
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()
    return Worker(pid, ours, born=now, heard=now)


# For what a terminal or service manager says to all processes at once the supervisor finds words.
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
_BEAT = "."
_FAILED = "failed "
_LONGEST = 1000
_PR_SET_PDEATHSIG = 1


def _live(
    work: Callable[[Lifeline], None],
    line: Lifeline,
    closings: tuple[Callable[[], None], ...],
    parent: int,
) -> None:
    """The whole life of a worker; it never returns."""
    status = 1
    try:
        _die_with(parent)
        _be_deaf()
        for close in closings:
            close()
        work(line)
        status = 0
    except OSError as fault:
        line.tell(f"{_FAILED}{fault}")
    except BaseException:
        log.exception("worker_failed")
        raise
    finally:
        with suppress(OSError):
            sys.stderr.flush()
        os._exit(status)


def _die_with(parent: int) -> None:
    """End when the parent ends, however it does; elsewhere than on Linux the line tells."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _be_deaf() -> None:
    signal.set_wakeup_fd(-1)
    for its in _SIGNALS:
        signal.signal(its, signal.SIG_DFL if its is signal.SIGCHLD else signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
