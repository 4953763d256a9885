"""The line between a worker and its supervisor."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Callable
from contextlib import contextmanager

from relay_gateway.edge.signals import Signals
from relay_gateway.edge.worker import Lifeline, Word, Worker, fork


@contextmanager
def working(work: Callable[[Lifeline], None]):
    """A worker, ended at the end."""
    worker = fork(work, 60.0, lambda: None, 0.0)
    try:
        yield worker
    finally:
        worker.channel.close()
        worker.kill()


def heard(worker: Worker) -> Worker:
    """The worker, when it has said something or is gone."""
    worker.channel.setblocking(True)
    worker.channel.recv(1, socket.MSG_PEEK)
    worker.channel.setblocking(False)
    worker.listen(1.0)
    return worker


def status(worker: Worker) -> int:
    """Its exit status, when it has ended."""
    return os.waitstatus_to_exitcode(os.waitpid(worker.pid, 0)[1])


def answer(line: Lifeline) -> None:
    """Work until told to stop, with all that a worker does."""

    async def live() -> None:
        with line.attached():
            await line.ready()
            assert await line.word() is Word.RETIRE
            assert await line.word() is Word.STOP

    asyncio.run(live())


def until_ready(worker: Worker) -> Worker:
    while not worker.is_ready:
        heard(worker)
    return worker


def test_a_worker_begins_retires_and_stops_by_the_supervisors_word():
    with working(answer) as worker:
        until_ready(worker)
        assert worker.heard == 1.0
        for word in (Word.BEGIN, Word.RETIRE, Word.STOP):
            worker.tell(word)
        assert status(worker) == 0


def test_a_worker_that_has_lost_its_supervisor_ends():
    with working(answer) as worker:
        until_ready(worker)
        worker.channel.close()
        assert status(worker) == 1


def test_a_worker_is_deaf_to_what_all_processes_are_told():
    with working(answer) as worker:
        until_ready(worker)
        for its in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(worker.pid, its)
        for word in (Word.BEGIN, Word.RETIRE, Word.STOP):
            worker.tell(word)
        assert status(worker) == 0


def test_why_a_worker_cannot_work_is_told_in_its_words():
    def fail(line: Lifeline) -> None:
        raise OSError("The ledger\ncannot be used")

    with working(fail) as worker:
        assert heard(worker).last_words == "The ledger cannot be used"
        assert status(worker) == 1


def test_a_worker_closes_what_is_the_supervisors_before_it_works():
    ours, theirs = os.pipe()

    def look(line: Lifeline) -> None:
        try:
            os.fstat(ours)
        except OSError:
            line.tell("closed")

    worker = fork(look, 60.0, lambda: os.close(ours), 0.0)
    assert heard(worker).last_words == "closed"
    assert status(worker) == 0
    worker.channel.close()
    os.close(ours)
    os.close(theirs)


def test_signals_are_heard_in_their_order_and_none_is_slept_over():
    with Signals(signal.SIGHUP, signal.SIGUSR1) as signals:
        os.kill(os.getpid(), signal.SIGUSR1)
        os.kill(os.getpid(), signal.SIGHUP)
        assert signals.wait([], 60) == bytes([signal.SIGUSR1, signal.SIGHUP])
        assert signals.wait([], 0) == b""
