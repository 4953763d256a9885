"""What leaves is kept, whole or not at all."""

from __future__ import annotations

import shutil
from pathlib import Path

from relay_gateway.core.path import Path as Address
from relay_gateway.edge.capture import capture
from relay_gateway.edge.next_hop import NextHop
from tests.edge.fronts import next_hop


async def deliver(hop: NextHop, raw: bytes) -> int:
    for reply in (await hop.mail(Address(b"")), await hop.rcpt(Address(b"kim@mail.example"))):
        assert reply.is_ok
    return (await hop.data(raw)).code


def kept(directory: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted((directory / "new").iterdir())]


async def test_mails_are_kept_byte_for_byte_in_their_order(tmp_path):
    mails = [b"one\r\n", b"", b".\r\n..\r\n\0\xff\r\n", b"x" * 100_000 + b"\r\n"]
    server = await capture(tmp_path)
    hop = next_hop(server.sockets[0].getsockname()[1])
    assert [await deliver(hop, raw) for raw in mails] == [250] * 4
    await hop.quit()
    server.close()
    assert kept(tmp_path) == mails
    assert not list((tmp_path / "tmp").iterdir())


async def test_it_offers_what_japanese_mail_needs(tmp_path):
    server = await capture(tmp_path)
    hop = next_hop(server.sockets[0].getsockname()[1])
    await hop.open()
    assert {b"8BITMIME", b"SMTPUTF8", b"SIZE"} <= set(hop.offers)
    await hop.quit()
    server.close()


async def test_what_cannot_be_kept_is_not_taken(tmp_path):
    server = await capture(tmp_path / "box")
    shutil.rmtree(tmp_path / "box")
    hop = next_hop(server.sockets[0].getsockname()[1])
    assert await deliver(hop, b"one\r\n") == 451
    await hop.quit()
    server.close()
