"""The first bytes from a proxy: whose connection it passes on. All others begin at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import structlog

from relay_gateway.core import proxy
from relay_gateway.core.access import Network, is_within
from relay_gateway.core.proxy import BadHeader

log = structlog.get_logger()


class Header(asyncio.BufferedProtocol):
    """Reads the header of a listed proxy and gives the connection to whom it belongs.

    It takes not one octet more than the header: what follows may be the client's part of a TLS
    handshake. A header that is none, or does not come in time, ends the connection.
    """

    def __init__(
        self,
        proxies: tuple[Network, ...],
        begin: Callable[[str | None], asyncio.BaseProtocol],
        others: set[Header],
        within: float,
    ) -> None:
        self._proxies, self._begin = proxies, begin
        self._others, self._within = others, within
        self._head, self._room = b"", bytearray()
        self._is_settled = asyncio.Event()

    async def settled(self) -> None:
        """Wait until there is a client, or nobody any more."""
        await self._is_settled.wait()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the header, if it is a proxy that has connected."""
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self._peer = str(peer[0]) if peer else ""
        if not is_within(self._peer, self._proxies):
            self._hand_over(None)
            return
        self._others.add(self)
        loop = asyncio.get_running_loop()
        self._patience = loop.call_later(self._within, self._refuse)

    def get_buffer(self, sizehint: int) -> bytearray:
        """Room for the octets that are surely missing."""
        self._room = bytearray(proxy.lacking(self._head))
        return self._room

    def buffer_updated(self, nbytes: int) -> None:
        """Go on with the header, and at its end with the client."""
        self._head += self._room[:nbytes]
        try:
            if proxy.lacking(self._head) == 0:
                address = proxy.source(self._head)
                self._settle()
                self._hand_over(address or None)
        except BadHeader:
            self._refuse()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is there any more."""
        self._settle()

    def break_off(self) -> None:
        """End now."""
        self._transport.abort()

    def _hand_over(self, address: str | None) -> None:
        client = self._begin(address)
        self._transport.set_protocol(client)
        client.connection_made(self._transport)

    def _refuse(self) -> None:
        log.warning("proxy_failed", client=self._peer)
        self._transport.abort()

    def _settle(self) -> None:
        if self in self._others:
            self._others.remove(self)
            self._patience.cancel()
            self._is_settled.set()
