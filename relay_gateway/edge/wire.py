"""What a client sends: command lines and mails, cut out of its stream in blocks.

A command ends in CRLF and a mail in CRLF.CRLF, and nothing else ends them: whoever sees an end
elsewhere sees another mail inside this one (SMTP smuggling).
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass

from relay_gateway.core.path import BadCommand
from relay_gateway.core.reply import reply

LONGEST_LINE = 2048
_BLOCK = 2**16
_END = b"\r\n.\r\n"


class BareNewline(BadCommand):
    """A line end that is not CRLF in a command: what follows cannot be trusted to be a command."""


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail read to its true end, without the dots that only the line needed.

    With `has_bare_newline` (a CR or LF alone) or `has_hidden_dot` (a dot behind NULs that some
    servers do not see) a less strict server could find another end in it.
    """

    raw: bytes
    has_bare_newline: bool = False
    has_hidden_dot: bool = False
    is_too_large: bool = False


class Wire:
    """Reads in blocks: an object for each line costs most of what a mail costs.

    What follows a command or a mail stays here for the next one, so clients may pipeline.
    Raises `EOFError` when the client is gone.
    """

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self._buffer = bytearray()

    async def line(self) -> bytes:
        """The next command without its line end; raises `BadCommand` for what is none."""
        searched = 0
        if self._buffer:
            # Who says a thousand commands at once has them answered in turn with other clients.
            await asyncio.sleep(0)
        while (end := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            if searched > LONGEST_LINE:
                return await self._overlong()
            self._buffer += await self._block()
        line = bytes(self._buffer[: end + 1])
        del self._buffer[: end + 1]
        if not line.endswith(b"\r\n") or b"\r" in line[:-2]:
            raise BareNewline(_BARE_NEWLINE)
        if len(line) > LONGEST_LINE:
            raise BadCommand(_TOO_LONG)
        return line[:-2]

    async def mail(self, limit: int, patience: float) -> Mail:
        """The mail up to its end; of one over `limit` octets the rest is read but not kept.

        The next bytes have to come within `patience` seconds, sooner from a client that only
        drips; raises `TimeoutError` if they do not.
        """
        # As if the CRLF of the DATA command belonged to the mail: then an empty one has an end.
        body = bytearray(b"\r\n") + self._buffer
        self._buffer.clear()
        # RFC 1870: the size is counted without the dots; at worst each three octets have one.
        most = limit * 4 // 3 + len(_END)
        searched, is_too_large = 0, False
        async with asyncio.timeout(patience) as deadline:
            while (end := body.find(_END, searched)) < 0:
                if len(body) > most:
                    is_too_large = True
                    del body[: 1 - len(_END)]
                searched = max(0, len(body) + 1 - len(_END))
                block = await self._block()
                body += block
                _put_off(deadline, len(block), patience)
        self._buffer += memoryview(body)[end + len(_END) :]
        if is_too_large:
            return Mail(b"", is_too_large=True)
        return _judge(_unstuffed(body, end + 2), limit)

    async def _overlong(self) -> bytes:
        while (end := self._buffer.find(b"\n")) < 0:
            del self._buffer[:-1]
            self._buffer += await self._block()
        is_clean = self._buffer[max(0, end - 1) : end] == b"\r"
        del self._buffer[: end + 1]
        raise BadCommand(_TOO_LONG) if is_clean else BareNewline(_BARE_NEWLINE)

    async def _block(self) -> bytes:
        block = await self._reader.read(_BLOCK)
        if not block:
            raise EOFError
        return block


_BARE_NEWLINE = reply(500, "5.5.2 Lines end in CR LF")
_TOO_LONG = reply(500, "5.5.2 Line too long")
_HIDDEN_DOT = re.compile(rb"(?:\A|\n)\0+\.\0*\r\n")


# Octets a second, as `smtpd_min_data_rate` of Postfix.
_SLOWEST = 500


def _put_off(deadline: asyncio.Timeout, size: int, patience: float) -> None:
    """Wait longer for a client that makes progress, but never longer than for one that is new."""
    now = asyncio.get_running_loop().time()
    when = deadline.when() or now
    deadline.reschedule(min(when + size / _SLOWEST, now + patience))


def _unstuffed(body: bytearray, end: int) -> bytes:
    with memoryview(body) as view:
        stuffed = bytes(view[:end])
    return stuffed.replace(b"\r\n.", b"\r\n")[2:]


def _judge(raw: bytes, limit: int) -> Mail:
    if len(raw) > limit:
        return Mail(b"", is_too_large=True)
    # Three counts: a tenth of the time that a pattern takes.
    newlines = raw.count(b"\r\n")
    has_bare_newline = not newlines == raw.count(b"\r") == raw.count(b"\n")
    has_hidden_dot = b"\0" in raw and _HIDDEN_DOT.search(raw) is not None
    return Mail(raw, has_bare_newline, has_hidden_dot)
