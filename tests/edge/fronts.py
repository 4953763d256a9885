"""A front end on a loopback socket, in front of a next hop that a test holds in its hands."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from relay_gateway.core.access import Access
from relay_gateway.core.envelope import Envelope
from relay_gateway.core.reply import Reply
from relay_gateway.edge.entrance import Entrance
from relay_gateway.edge.next_hop import Destination, NextHop, Timeouts
from relay_gateway.edge.smtp import FrontEnd
from tests.doubles import NextServer, Talker

LOOPBACK = Access((ipaddress.ip_network("127.0.0.0/8"),))
# A test that waits for one of ours waits as short as it can; the others never reach theirs.
IMPATIENT = Timeouts(client_command=0.2, client_data=0.2, connect=0.2, reply=0.2, final_dot=0.2)


async def pass_on(envelope: Envelope, raw: bytes, next_hop: NextHop) -> Reply:
    """A gateway without a thought."""
    return await next_hop.data(raw)


def next_hop(port: int, timeouts: Timeouts | None = None) -> NextHop:
    """A next hop on this machine."""
    return NextHop(Destination("127.0.0.1", port), "gateway.example", timeouts or Timeouts())


class Front(FrontEnd):
    """A front end that knows its port and brings clients."""

    port: int = 0

    async def empty(self) -> None:
        """Wait until nobody is here."""
        async with asyncio.timeout(60):
            while self.dialogs:
                await asyncio.wait([dialog.task for dialog in self.dialogs])

    async def client(self) -> Talker:
        """A client that has heard the greeting."""
        talker = await Talker.at(self.port)
        assert (await talker.hear()).startswith(b"220 gateway.example")
        return talker

    async def ready(self, *recipients: bytes) -> Talker:
        """A client that has named a sender and recipients, all of them accepted."""
        talker = await self.client()
        await talker.ask(b"EHLO client.example")
        assert (await talker.ask(b"MAIL FROM:<hr@acme.example>")).startswith(b"250")
        for recipient in recipients or (b"kim@mail.example",):
            assert (await talker.ask(b"RCPT TO:<" + recipient + b">")).startswith(b"250")
        return talker


@asynccontextmanager
async def front(server: NextServer | int, **but: Any) -> AsyncIterator[Front]:
    """A front end before this next server, or before a port."""
    port = server if isinstance(server, int) else server.port
    timeouts = but.setdefault("timeouts", Timeouts())
    entrance = Entrance("gateway.example", but.pop("access", LOOPBACK), **but.pop("entrance", {}))
    settings = {"relay": pass_on, **but}
    front_end = Front(entrance, next_hop=lambda: next_hop(port, timeouts), **settings)
    listening = await front_end.listen("127.0.0.1")
    front_end.port = listening.sockets[0].getsockname()[1]
    try:
        yield front_end
    finally:
        await front_end.stop(within=0)


async def go_private(talker: Talker, context: ssl.SSLContext) -> None:
    """The client's part of a handshake."""
    await talker.writer.start_tls(context, server_hostname="gateway.example")
