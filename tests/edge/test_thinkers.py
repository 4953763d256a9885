"""Thoughts in processes of their own: bounded, replaceable, and never left behind."""

import asyncio
import contextlib
import os
import pickle
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from relay_gateway.core.decision import Decision, decide
from relay_gateway.core.reason import Reason
from relay_gateway.edge.thinkers import BrokenThought, NoNursery, Nursery, Thinkers
from tests.conftest import envelope
from tests.mails import JA_HTML, mail, multipart, part

ROOT = Path(__file__).parents[2]
HEAVY = b" " * 100_000
LONG = 60.0

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="waits for pids as Linux can"),
    pytest.mark.usefixtures("alone"),
]


# What a thinker can be told to do, by the first word of the mail; the second is where to ring.


def ring(path: bytes) -> socket.socket:
    """Tell the test who is thinking, and who forked him."""
    bell = socket.socket(socket.AF_UNIX)
    bell.connect(path)
    bell.sendall(f"{os.getpid()} {os.getppid()}".encode())
    return bell


def hold(path: bytes) -> None:
    with ring(path) as bell:
        bell.recv(1)


def loop(path: bytes) -> None:
    bell = ring(path)
    while bell:
        pass


def fail(_: bytes) -> None:
    raise ValueError("words of a mail")


def end(_: bytes) -> None:
    os._exit(3)


def eat(_: bytes) -> None:
    bytearray(2**28)


ACTS = {act.__name__.encode(): act for act in (hold, loop, fail, end, eat)}


def act(its, raw: bytes) -> Decision:
    """Do as the mail says; the decision tells who did it, for whom, and with how many files."""
    word, path, *_ = [*raw.split(), b"", b""]
    if word in ACTS:
        ACTS[word](path)
    inodes = {os.stat(f"/dev/fd/{name}").st_ino for name in "0123456789" if is_file(name)}
    return Decision(Reason.NO_REJECTION, its.id, detail=f"{os.getpid()} {len(raw)} {inodes}")


def is_file(name: str) -> bool:
    return os.path.exists(f"/dev/fd/{name}")


def pid(decision: Decision) -> int:
    return int(decision.detail.split()[0])


class Bell:
    """Where thinkers ring, and are held until they are let go."""

    def __init__(self, folder: str) -> None:
        self.path = f"{folder}/bell".encode()
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(self.path)
        self.socket.listen()
        self.socket.setblocking(False)

    async def rung(self) -> tuple[socket.socket, int, int]:
        """The next thinker that rings: its socket, its pid, and its nursery's."""
        held, _ = await asyncio.get_running_loop().sock_accept(self.socket)
        held.setblocking(False)
        words = await asyncio.get_running_loop().sock_recv(held, 64)
        one, other = map(int, words.split())
        return held, one, other


@pytest.fixture
def bell() -> Iterator[Bell]:
    # A socket's path has to be short.
    with tempfile.TemporaryDirectory() as folder:
        bell = Bell(folder)
        with bell.socket:
            yield bell


@asynccontextmanager
async def thinking(count=2, seconds=LONG, on_loss=lambda: None, how=act) -> AsyncIterator[Thinkers]:
    thinkers = Thinkers(Nursery.start(how, seconds, 2**26), count, on_loss)
    await thinkers.start()
    try:
        yield thinkers
    finally:
        await thinkers.stop()


@asynccontextmanager
async def watched(number: int) -> AsyncIterator[asyncio.Event]:
    """The end of a process that is still there, as an event."""
    ended = asyncio.Event()
    file = os.pidfd_open(number)
    asyncio.get_running_loop().add_reader(file, ended.set)
    try:
        yield ended
    finally:
        asyncio.get_running_loop().remove_reader(file)
        os.close(file)


async def test_a_thinker_decides_as_we_would_ourselves(policy):
    raw = mail(multipart("alternative", part(), part(JA_HTML, "text/html")))
    async with thinking(how=lambda its, raw: decide(its, raw, policy)) as thinkers:
        for one in (raw, mail(part("Lunch?")), b"\xff", b""):
            assert await thinkers.think(envelope(), one) == decide(envelope(), one, policy)


async def test_every_mail_gets_its_own_answer():
    async with thinking() as thinkers:
        mails = [b"x" * size for size in range(0, 200_000, 3_001)]
        answers = await asyncio.gather(*(thinkers.think(envelope(), raw) for raw in mails))
    assert [int(one.detail.split()[1]) for one in answers] == [len(raw) for raw in mails]
    assert 1 <= len({pid(one) for one in answers}) <= 2


async def test_a_mail_is_never_held_whole():
    class Spool:
        asked: list[int] = []  # noqa: RUF012 - one spool only

        def __len__(self) -> int:
            return 1_000_000

        def __getitem__(self, part: slice) -> bytes:
            piece = b"x" * len(range(*part.indices(1_000_000)))
            self.asked.append(len(piece))
            return piece

    async with thinking() as thinkers:
        answer = await thinkers.think(envelope(), Spool())
    assert answer.detail.split()[1] == "1000000"
    assert max(Spool.asked) <= 2**16


async def test_a_thought_that_is_given_up_is_ended_at_once_and_the_next_mail_served(bell):
    async with thinking(count=1) as thinkers:
        endless = asyncio.create_task(thinkers.think(envelope(), b"loop " + bell.path))
        held, number, _ = await bell.rung()
        async with watched(number) as ended:
            endless.cancel()
            assert pid(await thinkers.think(envelope(), b"")) != number
            await ended.wait()
        held.close()
    assert endless.cancelled()


@pytest.mark.parametrize("blocked", [set(), {signal.SIGALRM}])
async def test_an_endless_thought_is_ended_by_its_own_alarm(bell, blocked):
    signal.pthread_sigmask(signal.SIG_BLOCK, blocked)
    try:
        async with thinking(count=1, seconds=0.5) as thinkers:
            with pytest.raises(TimeoutError):
                await thinkers.think(envelope(), b"loop " + bell.path)
            assert await thinkers.think(envelope(), b"")
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, blocked)


async def test_the_alarm_is_not_for_the_wait_between_two_mails(bell):
    async with thinking(count=1, seconds=0.5) as thinkers:
        first = pid(await thinkers.think(envelope(), b""))
        async with watched(first) as ended:
            # Another thinker's alarm tells that more than its time has gone by.
            async with thinking(count=1, seconds=0.6) as others:
                with pytest.raises(TimeoutError):
                    await others.think(envelope(), b"loop " + bell.path)
            assert pid(await thinkers.think(envelope(), b"")) == first
            assert not ended.is_set()


@pytest.mark.parametrize(
    ("word", "fault"), [(b"fail", "ValueError"), (b"eat", "MemoryError"), (b"end", "")]
)
async def test_a_thought_that_fails_is_told_and_the_next_mail_served(word, fault):
    async with thinking(count=1) as thinkers:
        with capture_logs() as logs, pytest.raises(BrokenThought, match=fault or "ended"):
            await thinkers.think(envelope(), word)
        assert await thinkers.think(envelope(), b"")
    assert [entry["fault"] for entry in logs] == [fault] * bool(fault)
    assert "words" not in str(logs)
    assert all(entry["where"][-1].startswith("test_thinkers.py:") for entry in logs)


async def test_heavy_mails_keep_no_letter_waiting(bell):
    heavy = b"hold " + bell.path + HEAVY
    async with thinking(count=2) as thinkers:
        slow = [asyncio.create_task(thinkers.think(envelope(), heavy)) for _ in range(3)]
        for _ in slow:
            held, number, _ = await bell.rung()
            assert pid(await thinkers.think(envelope(), b"")) != number
            held.close()
        await asyncio.gather(*slow)


async def test_a_mail_that_stops_waiting_gives_up_its_turn(bell):
    async with thinking(count=1) as thinkers:
        slow = asyncio.create_task(thinkers.think(envelope(), b"hold " + bell.path))
        held, number, _ = await bell.rung()
        impatient = asyncio.create_task(thinkers.think(envelope(), b""))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(impatient, 0)
        held.close()
        assert pid(await slow) == number
        assert pid(await thinkers.think(envelope(), b"")) == number


async def test_a_thinker_that_dies_between_two_mails_is_not_missed():
    async with thinking(count=1) as thinkers:
        number = pid(await thinkers.think(envelope(), b""))
        async with watched(number) as ended:
            os.kill(number, signal.SIGKILL)
            await ended.wait()
        assert pid(await thinkers.think(envelope(), b"")) != number
        with pytest.raises(ProcessLookupError):
            os.kill(number, 0)


async def test_thinking_stands_back_behind_relaying():
    async with thinking() as thinkers:
        number = pid(await thinkers.think(envelope(), b""))
        mine = os.getpriority(os.PRIO_PROCESS, 0)
        assert os.getpriority(os.PRIO_PROCESS, number) > mine


@pytest.mark.parametrize("word", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_a_signal_to_the_group_leaves_thinkers_to_drain(bell, word):
    async with thinking(count=1) as thinkers:
        slow = asyncio.create_task(thinkers.think(envelope(), b"hold " + bell.path))
        held, number, nursery = await bell.rung()
        os.kill(number, word)
        os.kill(nursery, word)
        held.close()
        assert pid(await slow) == number
        with pytest.raises(BrokenThought):
            await thinkers.think(envelope(), b"end")
        assert await thinkers.think(envelope(), b"")


async def test_thinkers_hold_none_of_our_files(bell):
    async with thinking() as thinkers:
        answer = await thinkers.think(envelope(), b"")
    assert str(os.fstat(bell.socket.fileno()).st_ino) not in answer.detail


async def test_stopping_ends_every_process(bell):
    async with contextlib.AsyncExitStack() as stack:
        async with thinking(count=2) as thinkers:
            idle = pid(await thinkers.think(envelope(), b""))
            busy = asyncio.create_task(thinkers.think(envelope(), b"loop " + bell.path))
            held, number, nursery = await bell.rung()
            ends = [await stack.enter_async_context(watched(n)) for n in (idle, number, nursery)]
            busy.cancel()
            await asyncio.wait([busy])
        held.close()
        await asyncio.gather(*(ended.wait() for ended in ends))


async def test_a_thought_under_way_outlives_the_stop_and_takes_its_thinker_with_it(bell):
    async with thinking(count=1) as thinkers:
        busy = asyncio.create_task(thinkers.think(envelope(), b"hold " + bell.path))
        held, number, _ = await bell.rung()
    async with watched(number) as ended:
        held.close()
        assert pid(await busy) == number
        await ended.wait()
    with pytest.raises(NoNursery):
        await thinkers.think(envelope(), b"")


WORKER = """
import asyncio, sys
from relay_gateway.edge.thinkers import Nursery, Thinkers
from tests.conftest import envelope
from tests.edge.test_thinkers import act

nursery = Nursery.start(act, 60.0)

async def work():
    thinkers = Thinkers(nursery, 2, print)
    await thinkers.start()
    mails = [word + b" " + sys.argv[1].encode() for word in (b"hold", b"loop")]
    await asyncio.gather(*(thinkers.think(envelope(), raw) for raw in mails))

asyncio.run(work())
"""


async def test_a_worker_that_is_killed_leaves_nobody_behind(bell):
    command = [sys.executable, "-c", WORKER, os.fsdecode(bell.path)]
    async with contextlib.AsyncExitStack() as stack:
        with subprocess.Popen(command, cwd=ROOT) as worker:  # noqa: ASYNC220 - it is at once
            rung = [await bell.rung(), await bell.rung()]
            numbers = {number for _, *pair in rung for number in pair}
            ends = [await stack.enter_async_context(watched(number)) for number in numbers]
            worker.kill()
        assert len(ends) == 3
        await asyncio.gather(*(ended.wait() for ended in ends))
        for held, *_ in rung:
            held.close()


async def test_a_lost_nursery_is_told_once_and_thinking_goes_on_with_whom_is_left(bell):
    lost, told = asyncio.Event(), []
    with capture_logs() as logs:
        async with thinking(count=1, on_loss=lambda: (told.append(1), lost.set())) as thinkers:
            slow = asyncio.create_task(thinkers.think(envelope(), b"hold " + bell.path))
            held, number, nursery = await bell.rung()
            os.kill(nursery, signal.SIGKILL)
            await lost.wait()
            held.close()
            assert pid(await slow) == number
            with pytest.raises(BrokenThought):
                await thinkers.think(envelope(), b"end")
            for _ in range(3):
                with pytest.raises(NoNursery):
                    await thinkers.think(envelope(), b"")
    assert told == [1]
    assert [entry["event"] for entry in logs] == ["nursery_lost"]


def test_no_nursery_is_started_beside_a_thread():
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        with pytest.raises(RuntimeError, match="before any thread"):
            Nursery.start(act, LONG)
    finally:
        stop.set()
        thread.join()


def test_a_nursery_may_be_stopped_unused_and_twice():
    nursery = Nursery.start(act, LONG)
    nursery.stop()
    nursery.stop()
    with pytest.raises(NoNursery):
        nursery.thinker()


def test_what_thinkers_say_can_be_said(policy):
    decision = decide(envelope(), mail(), policy)
    assert decision.referral
    assert pickle.loads(pickle.dumps(decision)) == decision  # noqa: S301 - our own
