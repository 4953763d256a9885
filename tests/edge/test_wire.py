"""Where a command and a mail end, and where they do not."""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay_gateway.core.path import BadCommand
from relay_gateway.edge.wire import LONGEST_LINE, BareNewline, Intake, Mail, Wire

LIMIT = 10_000


def wire(*blocks: bytes) -> Wire:
    """A wire whose client sends these blocks one by one and goes."""
    return Wire(Blocks(blocks))


class Blocks(asyncio.StreamReader):
    """Gives exactly the blocks it was made of, so that edges lie where a test wants them."""

    def __init__(self, blocks: tuple[bytes, ...]) -> None:
        self._left = list(blocks)

    async def read(self, n: int = -1) -> bytes:
        return self._left.pop(0) if self._left else b""


async def line(*blocks: bytes) -> bytes:
    return await wire(*blocks).line()


async def mail(*blocks: bytes, limit: int = LIMIT) -> Mail:
    return await wire(*blocks).mail(limit, 10)


async def test_commands_may_come_in_pieces_or_together():
    pieces = wire(b"NO", b"OP\r", b"\nQUIT\r\nRS", b"ET\r\n")
    assert [await pieces.line() for _ in range(3)] == [b"NOOP", b"QUIT", b"RSET"]
    with pytest.raises(EOFError):
        await pieces.line()


async def test_clients_that_say_much_at_once_take_turns():
    order = []

    async def listen(name: str) -> None:
        said = wire(b"NOOP\r\n" * 3)
        for _ in range(3):
            await said.line()
            order.append(name)

    await asyncio.gather(listen("a"), listen("b"))
    assert "".join(order) == "ababab"


@pytest.mark.parametrize("said", [b"NOOP\n", b"NO\nOP\r\n", b"NO\rOP\r\n", b"NOOP\r\r\n"])
async def test_a_command_with_another_line_end_is_none(said):
    with pytest.raises(BareNewline):
        await line(said)


async def test_a_long_line_is_refused_and_the_next_is_read():
    long = wire(b"x" * LONGEST_LINE, b"x" * 100_000, b"\r", b"\nNOOP\r\n")
    with pytest.raises(BadCommand) as bad:
        await long.line()
    assert bad.value.reply.code == 500
    assert await long.line() == b"NOOP"


async def test_a_long_line_with_another_line_end_ends_it_all():
    with pytest.raises(BareNewline):
        await line(b"x" * LONGEST_LINE, b"x" * 100_000, b"\nRCPT TO:<evil@x.example>\r\n")


@pytest.mark.usefixtures("stillness")
async def test_a_mail_that_does_not_come_is_not_waited_for():
    with pytest.raises(TimeoutError):
        await Wire(asyncio.StreamReader()).mail(LIMIT, 0.01)


@pytest.mark.usefixtures("stillness")
async def test_a_mail_that_only_drips_is_not_waited_for():
    reader = asyncio.StreamReader()
    drip = asyncio.create_task(_drip(reader))
    with pytest.raises(TimeoutError):
        await Wire(reader).mail(LIMIT, 0.1)
    drip.cancel()


async def _drip(reader: asyncio.StreamReader) -> None:
    for _ in range(20):
        reader.feed_data(b"x")
        await asyncio.sleep(0.01)
    reader.feed_data(b"\r\n.\r\n")


async def test_a_mail_that_does_not_end_is_none():
    with pytest.raises(EOFError):
        await mail(b"Subject: x\r\n\r\nhalf a ma")


@pytest.mark.parametrize("at", range(11))
async def test_an_end_is_found_across_the_edges_of_blocks(at):
    said = b"hello\r\n.\r\nQUIT\r\n"
    cut = wire(said[:at], said[at:]) if at else wire(said)
    assert await cut.mail(LIMIT, 10) == Mail(b"hello\r\n")
    assert await cut.line() == b"QUIT"


async def test_an_end_is_found_byte_by_byte():
    assert await mail(*(bytes([byte]) for byte in b"a\r\n..\r\n.\r\n")) == Mail(b"a\r\n.\r\n")


async def test_an_empty_mail_has_an_end():
    assert await mail(b".\r\n") == Mail(b"")


async def test_only_the_dots_of_the_line_are_taken_away():
    assert await mail(b"..a\r\n...\r\nb..\r\n.c\r\n.\r\n") == Mail(b".a\r\n..\r\nb..\r\nc\r\n")


LOOKALIKES = [
    b"\n.\n",
    b"\n.\r\n",
    b"\r.\r",
    b"\r.\r\n",
    b"\n.\r",
    b"\r.\n",
    b"\r\n.\n",
    b"\r\n.\r",
    b"\r\n.\r\r\n",
    b"\r\r\n.\r\r\n",
    b"\r\n\x00.\r\n",
    b"\r\n\x00\x00.\x00\r\n",
]


@pytest.mark.parametrize("lookalike", LOOKALIKES)
async def test_what_only_looks_like_an_end_is_read_over_and_told(lookalike):
    smuggled = b"one" + lookalike + b"MAIL FROM:<evil@x.example>\r\n.\r\nNOOP\r\n"
    tricked = wire(smuggled)
    read = await tricked.mail(LIMIT, 10)
    assert read.has_bare_newline or read.has_hidden_dot
    assert await tricked.line() == b"NOOP"


async def test_nuls_elsewhere_hide_nothing():
    read = await mail(b"a\0b\r\n\0\r\nx\0.\r\n.\r\n")
    assert not read.has_hidden_dot
    assert read.raw == b"a\0b\r\n\0\r\nx\0.\r\n"


@pytest.mark.parametrize("size", range(1, 12))
async def test_nuls_elsewhere_hide_nothing_in_blocks_of_any_size(size):
    said = b"\0a\r\na\0.\r\nab\0.\r\n\0 .\r\n\0.a\r\n.\r\n"
    assert not (await mail(*blocks(said, [size]))).has_hidden_dot


@pytest.mark.parametrize("size", range(1, 12))
@pytest.mark.parametrize("before", [b"", b"a\r\n", b"\0a\r\n", b"\0\0a\0\r\n"])
@pytest.mark.parametrize("line", [b"\0.\r\n", b"\0\0.\0\0\r\n", b".\0.\r\n"])
async def test_a_hidden_dot_is_found_in_blocks_of_any_size(size, before, line):
    assert (await mail(*blocks(before + line + b".\r\n", [size]))).has_hidden_dot


async def test_a_mail_of_exactly_the_limit_passes_without_its_dots_counting():
    raw = b".\r\n" * 100
    assert await mail(*[b"..\r\n"] * 100, b".\r\n", limit=len(raw)) == Mail(raw)


async def test_a_mail_over_the_limit_is_read_but_not_kept():
    large = wire(*[b"x" * 98 + b"\r\n"] * 500, b".\r\nNOOP\r\n")
    assert await large.mail(LIMIT, 10) == Mail(b"", is_too_large=True)
    assert await large.line() == b"NOOP"


async def test_a_mail_one_over_the_limit_is_too_large():
    assert (await mail(b"x" * 9 + b"\r\n.\r\n", limit=10)).is_too_large


@given(
    st.lists(st.sampled_from([b"\r\n", b".", b"a", b"\0", b"\xff", b" "]), max_size=40),
    st.lists(st.integers(0, 60), max_size=5),
)
async def test_a_mail_comes_as_it_was_sent_however_it_is_cut(pieces, cuts):
    raw = b"".join([*pieces, b"\r\n"])
    stuffed = b"".join(
        (b"." if part.startswith(b".") else b"") + part + b"\r\n"
        for part in raw.split(b"\r\n")[:-1]
    )
    said = stuffed + b".\r\nQUIT\r\n"
    edges = sorted({0, len(said), *(cut for cut in cuts if cut < len(said))})
    cut = wire(*(said[a:b] for a, b in pairwise(edges)))
    assert (await cut.mail(LIMIT, 10)).raw == raw
    assert await cut.line() == b"QUIT"


@pytest.mark.usefixtures("stillness")
async def test_a_client_slower_than_the_rate_is_not_waited_for():
    reader = asyncio.StreamReader()
    drip = asyncio.create_task(_drip(reader))
    # A hundred octets a second are enough for 50.
    slow = await Wire(reader).mail(LIMIT, 0.1, Intake(data_rate=50))
    assert slow.raw == b"x" * 20 + b"\r\n"
    await drip


@pytest.mark.usefixtures("stillness")
async def test_a_client_that_said_much_is_not_waited_for_longer():
    reader = asyncio.StreamReader()
    reader.feed_data(b"x" * 100_000)
    waiting = asyncio.create_task(Wire(reader).mail(10**6, 0.01, Intake(data_rate=1)))
    await asyncio.wait([waiting], timeout=60)
    assert waiting.done()
    assert isinstance(waiting.exception(), TimeoutError)


@pytest.mark.usefixtures("stillness")
async def test_a_slow_disk_is_not_the_fault_of_the_client():
    disk = Event()
    pool = ThreadPoolExecutor(1)
    loop = asyncio.get_running_loop()
    loop.set_default_executor(pool)
    pool.submit(disk.wait)
    loop.call_later(0.2, disk.set)
    said = Slow((b"x" * 100, b"\r\n.\r\n"))
    read = await Wire(said).mail(LIMIT, 0.1, Intake(spool_size=10))
    assert read.raw[:] == b"x" * 100 + b"\r\n"
    read.close()


class Slow(Blocks):
    """Gives its blocks not before others have had their turn."""

    async def read(self, n: int = -1) -> bytes:
        for _ in range(10):
            await asyncio.sleep(0)
        return await super().read(n)


def mails(said: bytes) -> list[tuple[bytes, bool, bool]]:
    """All mails in what a client says: their bytes, bare newlines, hidden dots. Line by line."""
    found, lines = [], []
    for line in said.split(b"\r\n"):
        if line == b".":
            raw = b"".join(each.removeprefix(b".") + b"\r\n" for each in lines)
            found.append((raw, is_bare(raw), is_hidden(raw)))
            lines = []
        else:
            lines.append(line)
    return found


def is_bare(raw: bytes) -> bool:
    return re.search(rb"\r(?!\n)|(?<!\r)\n", raw) is not None


def is_hidden(raw: bytes) -> bool:
    lines = raw.split(b"\n")[:-1]
    return any(re.fullmatch(rb"\0+\.\0*\r", line) for line in lines)


def normal(raw: bytes) -> bytes:
    return re.sub(rb"\r\n|\r|\n", b"\r\n", raw)


def blocks(said: bytes, sizes: list[int]) -> list[bytes]:
    """What a client says, cut into blocks of these sizes in turn."""
    cut, at = [], 0
    while at < len(said):
        size = sizes[len(cut) % len(sizes)]
        cut.append(said[at : at + size])
        at += size
    return cut


async def read_all(said: list[bytes], intake: Intake) -> list[tuple[bytes, bool, bool]]:
    tricked, found = wire(*said), []
    try:
        while True:
            mail = await tricked.mail(LIMIT, 10, intake)
            found.append((mail.raw[:], mail.has_bare_newline, mail.has_hidden_dot))
            mail.close()
    except EOFError:
        return found


# Bytes that hurt, and pieces of them that a random order would seldom bring together.
HURTFUL = st.lists(
    st.sampled_from(
        [*(bytes([byte]) for byte in b"\r\n.\0a"), b"\r\n", b"\r\n.", b"\r\n.\r\n", b"\0\0"]
    ),
    max_size=30,
).map(lambda pieces: b"".join([*pieces, b"\r\n.\r\n"]))
SIZES = st.lists(st.integers(1, 9), min_size=1, max_size=5)


@given(HURTFUL, SIZES)
async def test_mails_are_read_as_they_were_sent_however_they_are_cut(said, sizes):
    assert await read_all(blocks(said, sizes), Intake()) == mails(said)


@given(HURTFUL, SIZES, st.integers(1, 20))
async def test_a_spool_changes_nothing(said, sizes, spool_size):
    assert await read_all(blocks(said, sizes), Intake(spool_size=spool_size)) == mails(said)


@given(HURTFUL, SIZES, st.integers(1, 100))
async def test_only_line_ends_are_normalized(said, sizes, spool_size):
    intake = Intake(normalizes=True, spool_size=spool_size)
    raws = [normal(raw) for raw, _, _ in mails(said)]
    assert await read_all(blocks(said, sizes), intake) == [
        (raw, False, is_hidden(raw)) for raw in raws
    ]


async def test_a_line_that_becomes_a_dot_is_no_end():
    read = wire(b"one\n.\nMAIL FROM:<evil@x.example>\r\n.\r\nQUIT\r\n")
    mail = await read.mail(LIMIT, 10, Intake(normalizes=True))
    assert mail == Mail(b"one\r\n.\r\nMAIL FROM:<evil@x.example>\r\n")
    assert await read.line() == b"QUIT"


async def test_a_mail_that_grows_over_the_limit_is_too_large():
    grown = await wire(b"\n" * 9 + b"\r\n.\r\n").mail(19, 10, Intake(normalizes=True))
    assert grown.is_too_large
    kept = await wire(b"\n" * 9 + b"\r\n.\r\n").mail(20, 10, Intake(normalizes=True))
    assert kept.raw == b"\r\n" * 10


@pytest.mark.parametrize("size", [1, 2, 1000, 2**16, 2**20])
async def test_a_dot_behind_any_number_of_nuls_is_found(size):
    said = b"one\r\n" + b"\0" * size + b"." + b"\0" * size + b"\r\ntwo\r\n.\r\n"
    in_memory = Intake(spool_size=2**22)
    read = await wire(*blocks(said, [2**16, 3])).mail(2**22, 10, in_memory)
    assert read.has_hidden_dot
    nearly = said.replace(b"\0.", b"\0 .")
    read = await wire(*blocks(nearly, [2**16, 3])).mail(2**22, 10, in_memory)
    assert not read.has_hidden_dot


@pytest.mark.usefixtures("stillness")
async def test_the_rest_of_a_line_that_is_too_long_is_no_command_even_after_a_pause():
    reader = asyncio.StreamReader()
    wire = Wire(reader)
    reader.feed_data(b"x" * 3000 + b"M")
    with pytest.raises(TimeoutError):
        # As a session does that lets go of its next hop meanwhile.
        async with asyncio.timeout(0.05):
            await wire.line()
    reader.feed_data(b"AIL FROM:<evil@x.example>\r\nNOOP\r\n")

    with pytest.raises(BadCommand):
        await wire.line()
    assert await wire.line() == b"NOOP"
