"""Thousands of letters through gateways and a ledger that are killed again and again: everybody
gets the letter, and every person counts once.

RELAY_CHAOS=10000 makes it as many letters as an audit wants to see.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

import pytest

from relay_gateway.cli.demo import COMPANY
from relay_gateway.core.account import state
from relay_gateway.core.credit import Event, Kind, Terms
from relay_gateway.edge.journal import Journal
from relay_gateway.edge.ledger import Book
from relay_gateway.edge.redis_ledger import RedisLedger
from relay_gateway.edge.sqlite_ledger import SqliteLedger
from tests.doubles import NextServer, Talker
from tests.e2e.station import Station
from tests.redis_server import RedisServer
from tests.test_gateway import REJECTION

LETTERS = int(os.environ.get("RELAY_CHAOS", "400"))
# Some are turned down twice, and count once.
PEOPLE = LETTERS * 9 // 10
CLIENTS = 24
LINK = re.compile(rb"https://careerrelay\.jp/c/acme/(\w{24})")
NUMBER = re.compile(rb"Message-ID: <(\d+)@acme")
# Nobody is to be held back for a burst, nor left alone because the machine is busy.
CALM = COMPANY + "burst: {per_hour: 1000000}\n"
SETTINGS = "timeouts: {think: 60}\nlimits: {connections_per_address: 1000}\n"

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="looks at processes as Linux can"),
    pytest.mark.timeout(120 + LETTERS // 5),
    pytest.mark.chaos,
]


@dataclass
class Post:
    """Mail servers that try until each letter is taken, each time at another gateway.

    `unheard` counts by letter the attempts after whose last byte no reply came: RFC 1047 knows that
    nobody can tell then whether it was taken.
    """

    gateways: Sequence[Station]
    server: NextServer
    unheard: Counter[int] = field(default_factory=Counter)
    attempts: int = 0

    async def deliver(self, numbers: Iterator[int]) -> None:
        """Each of these, one after the other."""
        talker: Talker | None = None
        for number in numbers:
            code = b""
            while code != b"250":
                self.attempts += 1
                talker = talker or await self._meet(number + self.attempts)
                code = await self._try(talker, number) if talker else b""
                if code != b"250" and talker:
                    await talker.close()
                    talker = None
        if talker:
            await talker.close()

    async def _meet(self, which: int) -> Talker | None:
        gateway = self.gateways[which % len(self.gateways)]
        await gateway.is_up.wait()
        try:
            talker = await Talker.at(gateway.port)
            await talker.hear()
            await talker.ask(b"EHLO mail.acme.example")
        except OSError:
            return None
        return talker

    async def _try(self, talker: Talker, number: int) -> bytes:
        """The code of the reply to this letter; nothing if the line was lost."""
        is_sent = False
        try:
            await talker.say(
                b"MAIL FROM:<saiyo@acme.example> BODY=8BITMIME\r\n"
                b"RCPT TO:<person%d@mail.example>\r\nDATA\r\n" % (number % PEOPLE)
            )
            said = [await talker.hear() for _ in range(3)]
            if not said[-1].startswith(b"354"):
                return b""
            is_sent = True
            await talker.say(REJECTION.replace(b"<1@acme", b"<%d@acme" % number) + b".\r\n")
            code = (await talker.hear())[:3]
        except (OSError, TimeoutError):
            code = b""
        if is_sent and not code:
            self.unheard[number] += 1
        return code


Blow = Callable[[], Awaitable[None]]


async def storm(post: Post, blows: Sequence[Blow]) -> float:
    """All letters sent while the blows fall, evenly spread; the seconds that it took."""
    numbers, start = iter(range(LETTERS)), perf_counter()
    crowd = asyncio.gather(*(post.deliver(numbers) for _ in range(CLIENTS)))
    for at, blow in enumerate(blows, 1):
        await post.server.taken(at * LETTERS // (len(blows) + 1))
        await blow()
    await crowd
    return perf_counter() - start


async def proved(post: Post, ledger: Book, told: str) -> None:
    """Every letter arrived, none twice whose reply was heard, and each person counts once."""
    copies: defaultdict[int, list[bytes]] = defaultdict(list)
    for mail in post.server.mails:
        copies[int(NUMBER.search(mail.raw)[1])].append(mail.raw)
    assert sorted(copies) == list(range(LETTERS))
    for number, its in copies.items():
        assert len(its) <= 1 + post.unheard[number]
        assert len({LINK.search(copy)[1] for copy in its}) == 1
    # One more, in case the last credit was earned in a process that was killed then.
    await post.deliver(iter([0]))
    await ledger.open()
    events = await granted(ledger)
    await ledger.close()
    kinds = Counter(event.kind for event in events)
    assert kinds[Kind.OFFERED] == kinds[Kind.ACCEPTED] == LETTERS
    assert state(events, Terms()).people == PEOPLE
    doubled = sum(len(its) - 1 for its in copies.values())
    print(
        f"{told}: {LETTERS} letters, {post.attempts} attempts, {post.unheard.total()} replies"
        f" never heard, {doubled} letters twice for it, {PEOPLE} people, {kinds[Kind.GRANTED]}"
        " credits"
    )


async def granted(ledger: Book) -> Sequence[Event]:
    """All events, once every credit that was earned is written down; each once, in turn."""
    async with asyncio.timeout(300):
        while True:
            events = await ledger.events("acme")
            numbers = [int(each.fact("id")) for each in events if each.kind is Kind.GRANTED]
            if len(numbers) >= PEOPLE // 10:
                assert sorted(numbers) == list(range(1, PEOPLE // 10 + 1))
                return events
            await asyncio.sleep(0.2)


async def drained(*journals: Path) -> None:
    """Wait until nothing waits in them."""
    async with asyncio.timeout(120):
        for path in journals:
            while await Journal(path, only_reads=True).waiting(1):  # noqa: ASYNC110 - others strike
                await asyncio.sleep(0.05)


async def whole(gateway: Station) -> None:
    """Its own command finds nothing wrong."""
    status, printed, words = await gateway.run("ledger", "check", "--verify")
    assert status == 0, (printed, words)


async def test_workers_killed_over_one_file_lose_nothing_and_count_each_once(tmp_path: Path):
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(NextServer(patience=300))
        its = Station(tmp_path, server.port, settings=f"{SETTINGS}workers: 4")
        its.company(CALM)
        stack.push_async_callback(its.kill)
        await its.start()
        post = Post([its], server)

        async def kill_a_worker() -> None:
            os.kill(its.workers[0], signal.SIGKILL)

        async def kill_all() -> None:
            await its.kill()
            await its.start()

        blows = [*[kill_a_worker] * 5, kill_all, *[kill_a_worker] * 5]
        seconds = await storm(post, blows)
        await drained(tmp_path / "ledger.journal.sqlite3")
        await proved(post, SqliteLedger(its.ledger), f"SQLite, {seconds:.0f} s")
        await whole(its)


async def test_gateways_and_their_redis_killed_and_paused_count_each_once(tmp_path: Path):
    async with AsyncExitStack() as stack:
        redis = RedisServer(tmp_path / "redis").start()
        stack.callback(redis.stop)
        server = await stack.enter_async_context(NextServer(patience=300))
        url = f"redis://127.0.0.1:{redis.port}/0"
        three: list[Station] = []
        for name in ("one", "two", "three"):
            (tmp_path / name).mkdir()
            book = f"{{url: {url!r}, journal: journal.sqlite3}}"
            its = Station(tmp_path / name, server.port, settings=SETTINGS, book=book)
            its.company(CALM.replace("../secret", f"{tmp_path}/secret"))
            stack.push_async_callback(its.kill)
            await its.start()
            three.append(its)
        post = Post(three, server)
        unlucky = iter(three * 2)

        async def kill_redis() -> None:
            await asyncio.to_thread(redis.kill)

        async def start_redis() -> None:
            await asyncio.to_thread(redis.start)

        async def pause() -> None:
            redis.pause()

        async def go_on() -> None:
            redis.go_on()

        async def kill_a_gateway() -> None:
            its = next(unlucky)
            await its.kill()
            await its.start()

        blows = [kill_redis, start_redis, kill_a_gateway, pause, go_on, kill_redis, kill_a_gateway]
        blows += [start_redis, pause, kill_a_gateway, go_on, kill_redis, start_redis]
        seconds = await storm(post, blows)
        await drained(*(each.folder / "journal.sqlite3" for each in three))
        await proved(post, RedisLedger(redis.place, 30.0), f"Redis, {seconds:.0f} s")
        await drained(*(each.folder / "journal.sqlite3" for each in three))
        await whole(three[0])
