"""Large mails: on disk while they are on their way, and nothing of them anywhere after."""

from __future__ import annotations

import asyncio
import os
import random
import resource
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from relay_gateway.edge.smtp import Limits, Timeouts
from relay_gateway.edge.spool import Keeper, Spool
from tests.doubles import DROP, NextServer
from tests.edge.fronts import front

MAIL = b"Subject: large\r\n\r\n" + b"x" * 70 + b"\r\n"


def unlinked() -> int:
    """How many open files of this process have no name."""
    found = 0
    for number in os.listdir("/proc/self/fd"):
        try:
            found += os.readlink(f"/proc/self/fd/{number}").endswith("(deleted)")
        except FileNotFoundError:
            continue
    return found


@pytest.fixture(autouse=True)
def nothing_left():
    """Each test closes what it opened."""
    before = unlinked()
    yield
    assert unlinked() == before


def spooling(folder: Path, **but: int) -> Limits:
    return Limits(spool_size=10, spool=folder, **but)


@contextmanager
def disk_of(size: int):
    """A disk on which no file can be larger."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def hanging_disk():
    """A disk on which no write ends."""
    disk, pool = Event(), ThreadPoolExecutor(1)
    asyncio.get_running_loop().set_default_executor(pool)
    pool.submit(disk.wait)
    try:
        yield disk
    finally:
        disk.set()


async def spool(*pieces: bytes) -> Spool:
    its = Spool(None)
    for piece in pieces:
        await its.append(piece)
    return its


EDGES = st.none() | st.integers(-30, 30)


@given(st.lists(st.binary(min_size=1, max_size=9), max_size=4), st.tuples(EDGES, EDGES))
async def test_a_spool_is_cut_as_bytes_are(pieces, edges):
    raw, its = b"".join(pieces), await spool(*pieces)
    assert (len(its), its[slice(*edges)]) == (len(raw), raw[slice(*edges)])
    its.close()


async def test_a_spool_has_no_name_and_no_other_readers(tmp_path):
    its = Spool(tmp_path)
    await its.append(b"secret")
    assert os.listdir(tmp_path) == []
    assert os.stat(its._file.fileno()).st_mode & 0o777 == 0o600
    its.close()


async def test_half_a_mail_is_none():
    its = await spool(b"whole mail")
    os.truncate(its._file.fileno(), 5)
    with pytest.raises(OSError, match="shorter"):
        its[:]
    its.close()
    with pytest.raises(OSError, match="closed"):
        its[:]


async def test_half_a_piece_is_none():
    its = Spool(None)
    with disk_of(100), pytest.raises(OSError, match="too large"):
        await its.append(b"x" * 200)
    its.close()


async def test_a_disk_that_hangs_is_as_good_as_full():
    its = await spool(b"one")
    with hanging_disk():
        with pytest.raises(OSError):  # noqa: PT011 - TimeoutError is one
            await its.append(b"two", within=0.01)
        its.close()
        # The write that nobody waits for still has its file.
        assert not its._file.closed
    await its._writing
    await asyncio.sleep(0)


async def test_a_write_that_is_cancelled_keeps_its_file_to_its_end():
    its = await spool(b"one")
    with hanging_disk():
        writing = asyncio.create_task(its.append(b"two"))
        await asyncio.sleep(0)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        its.close()
        assert not its._file.closed
    await its._writing
    await asyncio.sleep(0)


async def test_what_is_too_large_is_not_kept_on_disk():
    before = unlinked()
    keeper = Keeper(100, 10, None)
    await keeper.add(b"x" * 60)
    assert unlinked() == before + 1
    await keeper.add(b"x" * 60)
    assert (keeper.is_too_large, unlinked()) == (True, before)
    assert await keeper.whole() == b""


async def test_fifty_megabytes_arrive_as_they_were_sent():
    lines = random.Random(1)  # noqa: S311 - no secret, the same each time
    piece = b"".join(
        lines.randbytes(lines.randrange(990)).translate(None, b"\r\n\0") + b"\r\n"
        for _ in range(2_000)
    )
    raw = b"Subject: large\r\n\r\n" + piece * (50 * 10**6 // len(piece))
    stuffed = raw.replace(b"\r\n.", b"\r\n..")
    async with NextServer() as server, front(server, limits=Limits()) as gateway:
        talker = await gateway.ready()
        await talker.ask(b"DATA")
        assert (await talker.ask(stuffed + b".")).startswith(b"250")
        assert sha256(server.mails[0].raw).digest() == sha256(raw).digest()
        await talker.close()


async def test_a_mail_on_disk_is_there_as_long_as_the_next_hop_needs_it(tmp_path):
    before, answer = unlinked(), asyncio.Event()
    replies = {"DOT": (answer, b"250 2.0.0 taken\r\n")}
    async with NextServer(replies) as server, front(server, limits=spooling(tmp_path)) as gateway:
        talker = await gateway.ready()
        await talker.ask(b"DATA")
        await talker.say(MAIL + b".\r\n")
        await server.reached("DOT")
        assert unlinked() == before + 1
        assert os.listdir(tmp_path) == []
        answer.set()
        assert (await talker.hear()).startswith(b"250")
        assert unlinked() == before
        await talker.close()
    assert server.mails[0].raw == MAIL


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (MAIL + b"bare\nnewline\r\n.\r\n", b"550"),
        (MAIL + b"\0.\r\n.\r\n", b"550"),
        (b"Received: x\r\n" * 60 + MAIL + b".\r\n", b"554"),
        (MAIL * 20 + b".\r\n", b"552"),
    ],
)
async def test_nothing_is_left_of_a_mail_that_is_refused(tmp_path, said, code):
    before = unlinked()
    async with (
        NextServer() as server,
        front(server, limits=spooling(tmp_path, message_size=1500)) as gateway,
    ):
        talker = await gateway.ready()
        await talker.ask(b"DATA")
        await talker.say(said)
        assert (await talker.hear()).startswith(code)
        assert unlinked() == before
        assert (await talker.ask(b"QUIT")).startswith(b"221")
        await talker.close()


async def test_nothing_is_left_of_a_mail_that_the_next_hop_drops(tmp_path):
    async with (
        NextServer({"DOT": DROP}) as server,
        front(server, limits=spooling(tmp_path)) as gateway,
    ):
        talker = await gateway.ready()
        await talker.ask(b"DATA")
        assert (await talker.ask(MAIL + b".")).startswith(b"451")
        await talker.close()


async def test_nothing_is_left_of_a_mail_whose_client_went(tmp_path):
    async with NextServer() as server, front(server, limits=spooling(tmp_path)) as gateway:
        talker = await gateway.ready()
        await talker.ask(b"DATA")
        await talker.say(MAIL)
        await talker.close()


async def test_nothing_is_left_of_a_mail_whose_client_waits(tmp_path):
    async with (
        NextServer() as server,
        front(server, limits=spooling(tmp_path), timeouts=Timeouts(client_data=0.2)) as gateway,
    ):
        talker = await gateway.ready()
        await talker.ask(b"DATA")
        await talker.say(MAIL)
        assert (await talker.hear()).startswith(b"421")
        await talker.close()


async def test_a_dialog_that_is_cancelled_leaves_the_mail_to_its_delivery(tmp_path):
    before, answer = unlinked(), asyncio.Event()
    replies = {"DATA": (answer, b"354 go ahead\r\n")}
    async with NextServer(replies) as server, front(server, limits=spooling(tmp_path)) as gateway:
        talker = await gateway.ready()
        await talker.ask(b"DATA")
        await talker.say(MAIL + b".\r\n")
        await server.reached("DATA")
        (dialog,) = gateway.dialogs
        dialog.task.cancel()
        await talker.line()
        assert unlinked() == before + 1
        answer.set()
        await server.taken()
        await talker.close()
    assert server.mails[0].raw == MAIL


async def test_a_fault_of_ours_leaves_nothing(tmp_path):
    async def fail(*_: object) -> None:
        raise ValueError

    async with (
        NextServer() as server,
        front(server, relay=fail, limits=spooling(tmp_path)) as gateway,
    ):
        talker = await gateway.ready()
        await talker.ask(b"DATA")
        assert (await talker.ask(MAIL + b".")).startswith(b"451")
        await talker.close()


async def test_a_mail_without_room_is_read_to_its_end_and_may_come_again(tmp_path):
    async with (
        NextServer() as server,
        front(server, limits=spooling(tmp_path / "missing")) as gateway,
    ):
        talker = await gateway.ready()
        await talker.ask(b"DATA")
        with capture_logs() as told:
            refused = await talker.ask(MAIL * 1000 + b".")
        assert refused == b"452 4.3.1 Insufficient system storage"
        assert [each["event"] for each in told] == ["spool_failed", "refused"]
        (tmp_path / "missing").mkdir()
        await talker.ask(b"MAIL FROM:<hr@acme.example>")
        await talker.ask(b"RCPT TO:<kim@mail.example>")
        await talker.ask(b"DATA")
        assert (await talker.ask(MAIL + b".")).startswith(b"250")
        await talker.close()
        assert [mail.raw for mail in server.mails] == [MAIL]


async def test_a_disk_that_gets_full_half_way_is_no_verdict_on_the_mail(tmp_path):
    async with NextServer() as server, front(server, limits=spooling(tmp_path)) as gateway:
        talker = await gateway.ready()
        await talker.ask(b"DATA")
        with disk_of(300_000), capture_logs() as told:
            refused = await talker.ask(MAIL * 10_000 + b".")
        assert refused == b"452 4.3.1 Insufficient system storage"
        assert [each["event"] for each in told] == ["spool_failed", "refused"]
        assert (await talker.ask(b"NOOP")).startswith(b"250")
        await talker.close()
    assert server.mails == []


async def test_what_is_wrong_with_a_mail_is_told_whether_there_is_room_or_not(tmp_path):
    limits = spooling(tmp_path / "missing", message_size=1500)
    async with NextServer() as server, front(server, limits=limits) as gateway:
        talker = await gateway.ready()
        await talker.ask(b"DATA")
        assert (await talker.ask(MAIL * 20 + b".")).startswith(b"552")
        await talker.close()


async def test_newlines_are_normalized_where_the_entrance_says_so():
    entrance = {"normalizes_newlines": True}
    async with NextServer() as server, front(server, entrance=entrance) as gateway:
        talker = await gateway.ready()
        await talker.ask(b"DATA")
        said = b"Subject: x\n\none\n.\nMAIL FROM:<evil@x.example>\rtwo\r\n."
        assert (await talker.ask(said)).startswith(b"250")
        assert (await talker.ask(b"QUIT")).startswith(b"221")
        await talker.close()
    assert [mail.raw for mail in server.mails] == [
        b"Subject: x\r\n\r\none\r\n.\r\nMAIL FROM:<evil@x.example>\r\ntwo\r\n"
    ]
