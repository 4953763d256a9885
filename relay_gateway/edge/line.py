"""The line to the next hop: aiosmtplib's protocol, strict about replies and gentle with mails."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Iterator
from typing import cast

from aiosmtplib import SMTPException, SMTPResponse, SMTPServerDisconnected
from aiosmtplib.protocol import SMTPProtocol

from relay_gateway.core.edit import Raw
from relay_gateway.core.reply import Reply


class Garbled(SMTPException):
    """Bytes that are no reply, or one that nobody asked for."""

    def __init__(self) -> None:
        super().__init__("garbled reply")


class Line(SMTPProtocol):
    """Says commands and mails, and hears only complete, well-formed replies to them."""

    _wire: asyncio.WriteTransport | None = None

    @property
    def is_secure(self) -> bool:
        """Whether all is said under TLS."""
        return self._over_ssl

    async def secure(self, context: ssl.SSLContext, name: str, within: float) -> None:
        """Begin TLS. What was said before it in the clear is not taken along (RFC 3207, 4.2)."""
        waiter = self._response_waiter
        if self._wire is None or waiter is None or not self.is_connected:
            raise SMTPServerDisconnected("not connected")
        if self._buffer or waiter.done():
            raise Garbled
        self.transport = await self._loop.start_tls(
            self._wire, self, context, server_hostname=name, ssl_handshake_timeout=within
        )
        if self.transport is None:
            # It went at the very end of the handshake.
            raise ConnectionResetError
        self._over_ssl = True

    async def hear(self, within: float) -> Reply:
        """The reply to what was said last; the greeting at first."""
        return _reply(await self.read_response(timeout=within))

    async def ask(self, command: bytes, within: float) -> Reply:
        """Say a command, on a line where nobody has spoken unasked, and hear the reply."""
        if self._buffer:
            raise Garbled
        return _reply(await self.execute_command(command, timeout=within))

    # Not aiosmtplib's execute_data_command: it turns each CR and LF into CRLF, copies the mail
    # three times, writes without waiting, and takes a 250 to DATA for a failure with code 250.
    async def send(self, raw: Raw, patience: float) -> None:
        """Send a mail and its final dot; each block has to leave within `patience` seconds."""
        held = b""
        for stuffed in _stuffed(raw):
            if held:
                self.write(held)
                async with asyncio.timeout(patience):
                    await self._drain_helper()
            held = stuffed
            # Whoever answers before the end has not answered to the end, and never gets it.
            await self._listen()
            if self._buffer:
                raise Garbled
        self._response_pending = True
        self.write(held)
        async with asyncio.timeout(patience):
            await self._drain_helper()

    def drop(self) -> None:
        """Close at once: a farewell could be held up by what the other side does not read."""
        if self.transport is not None:
            cast(asyncio.WriteTransport, self.transport).abort()

    async def _listen(self) -> None:
        # In the first turn of the loop it looks for what has come, in the second it hands it over.
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._wire = cast(asyncio.WriteTransport, transport)

    # Not aiosmtplib's: it throws bytes away that come unasked, so that nobody sees that the
    # other side is out of step; and it takes a long reply for an error even if it accepts.
    def data_received(self, data: bytes) -> None:
        self._buffer.extend(data)
        waiter = self._response_waiter
        if len(self._buffer) > _LONGEST_REPLY:
            self.drop()
        elif self._response_pending and waiter is not None and not waiter.done():
            self._answer(waiter)

    def _answer(self, waiter: asyncio.Future[SMTPResponse]) -> None:
        try:
            # Whoever speaks while our words are still here does not answer them.
            if self._wire is not None and self._wire.get_write_buffer_size():
                raise Garbled
            response = self._read_response_from_buffer()
        except Garbled as garbled:
            self._set_response_exception(waiter, garbled)
        else:
            if response is not None:
                waiter.set_result(response)

    # Not aiosmtplib's: its int() takes " 25", "+25" and "2_5" for codes, lines may disagree, and
    # a second reply stays in the buffer to be taken for the answer to the next command.
    def _read_response_from_buffer(self) -> SMTPResponse | None:
        whole = _REPLY.match(self._buffer)
        if not whole:
            if _BEGINNING.fullmatch(self._buffer):
                return None
            raise Garbled
        said, rest = bytes(whole[0]), bytes(self._buffer[whole.end() :])
        lines = said.split(b"\r\n")[:-1]
        # RFC 5321, 3.8: 421 may be said at any time, so also right behind an acceptance.
        if not b"421".startswith(rest[:3]) or len({line[:3] for line in lines}) > 1:
            raise Garbled
        self._buffer[:] = rest
        text = b"\n".join(line[4:].translate(None, _CONTROL)[:_LONGEST_TEXT] for line in lines)
        return SMTPResponse(int(lines[0][:3]), text.decode("latin-1"))


def _stuffed(raw: Raw) -> Iterator[bytes]:
    """The mail in blocks, each dot at a line's start doubled, with the end (RFC 5321, 4.5.2)."""
    before, held = b"\r\n", b""
    for at in range(0, len(raw), _BLOCK):
        if held:
            yield held
        block = before + raw[at : at + _BLOCK]
        held = block.replace(b"\r\n.", b"\r\n..")[len(before) :]
        before = block[-2:]
    yield held + (b".\r\n" if before == b"\r\n" else b"\r\n.\r\n")


_BLOCK = 2**17
_LONGEST_REPLY = 2**17
# RFC 5321, 4.5.3.1.5: a line has 512 octets. There are clients that take a longer one for a
# failure, even if it is an acceptance.
_LONGEST_TEXT = 512 - len(b"250 \r\n")
_REPLY = re.compile(rb"(?:[2-5][0-9]{2}-[^\r\n]*\r\n)*[2-5][0-9]{2}(?: [^\r\n]*)?\r\n")
_BEGINNING = re.compile(
    rb"(?:[2-5][0-9]{2}-[^\r\n]*\r\n)*(?:[2-5](?:[0-9](?:[0-9](?:[ -][^\r\n]*)?)?)?)?\r?"
)
_CONTROL = bytes(set(range(32)) - {9}) + b"\x7f"


def _reply(response: SMTPResponse) -> Reply:
    # latin-1 brings each byte through aiosmtplib's str and back.
    return Reply(response.code, tuple(response.message.encode("latin-1").split(b"\n")))
