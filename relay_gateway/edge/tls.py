"""TLS on a connection with a client that began in the clear, and what its certificate says."""

from __future__ import annotations

import asyncio
import ssl
from typing import cast

from relay_gateway.edge.wire import Wire


async def upgrade(
    writer: asyncio.StreamWriter, context: ssl.SSLContext, within: float
) -> tuple[Wire, asyncio.StreamWriter]:
    """Shake hands as the server; reads and writes go on by what this returns.

    Raises `OSError`, and has dropped the connection then. Whoever calls has paused the reading
    before he has asked the client to begin.
    """
    # Not StreamWriter.start_tls: it goes on with the reader that may hold words from before, and
    # up to Python 3.12 with one that stops and starts the wrong transport. With a reader of its
    # own nothing from before can be heard.
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=_BLOCK, loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    plain = cast(asyncio.Transport, writer.transport)
    try:
        transport = await loop.start_tls(
            plain, protocol, context, server_side=True, ssl_handshake_timeout=within
        )
    except OSError:
        plain.abort()
        raise
    if transport is None:
        raise ConnectionResetError
    protocol.connection_made(transport)
    return Wire(reader), asyncio.StreamWriter(transport, protocol, reader, loop)


def names(writer: asyncio.StreamWriter) -> frozenset[str]:
    """The hosts' names and addresses in the certificate that the client has shown and we verified.

    RFC 6125, 6.4.4: the common name only where there is no alternative name.
    """
    shown = writer.get_extra_info("peercert") or {}
    others = shown.get("subjectAltName", ())
    if others:
        found = [value for kind, value in others if kind in ("DNS", "IP Address")]
    else:
        subject = (pair for group in shown.get("subject", ()) for pair in group)
        found = [value for name, value in subject if name == "commonName"]
    return frozenset(name.lower().rstrip(".") for name in found if name)


_BLOCK = 2**16
