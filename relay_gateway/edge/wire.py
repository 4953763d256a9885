"""What a client sends: command lines and mails, cut out of its stream in blocks.

A command ends in CRLF and a mail in CRLF.CRLF, and nothing else ends them: whoever sees an end
elsewhere sees another mail inside this one (SMTP smuggling).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from relay_gateway.core.edit import Raw
from relay_gateway.core.path import BadCommand
from relay_gateway.core.reply import reply
from relay_gateway.edge.spool import Keeper, Spool

LONGEST_LINE = 2048
_BLOCK = 2**16
_END = b"\r\n.\r\n"


class BareNewline(BadCommand):
    """A line end that is not CRLF in a command: what follows cannot be trusted to be a command."""


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail read to its true end, without the dots that only the line needed.

    With `has_bare_newline` (a CR or LF alone) or `has_hidden_dot` (a dot behind NULs that some
    servers do not see) a less strict server could find another end in it. One that `is_too_large`
    or that we have no room for was read and not kept.
    """

    raw: Raw
    has_bare_newline: bool = False
    has_hidden_dot: bool = False
    is_too_large: bool = False
    has_no_room: bool = False

    def close(self) -> None:
        """Give back the room that the mail takes on disk."""
        if isinstance(self.raw, Spool):
            self.raw.close()


@dataclass(frozen=True, slots=True)
class Intake:
    """How mails are taken in: how fast at least, in octets a second, and where they are kept.

    With `normalizes` a CR or LF alone becomes CRLF; it ends no mail all the same.
    """

    data_rate: int = 500
    spool_size: int = 2**20
    spool: Path | None = None
    normalizes: bool = False


_USUAL = Intake()


class Wire:
    """Reads in blocks: an object for each line costs most of what a mail costs.

    What follows a command or a mail stays here for the next one, so clients may pipeline.
    Raises `EOFError` when the client is gone.
    """

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self._buffer = bytearray()
        self._is_overlong = False

    async def line(self, longest: int = LONGEST_LINE) -> bytes:
        """The next command without its line end; raises `BadCommand` for what is none."""
        searched = 0
        if self._is_overlong:
            return await self._overlong()
        if self._buffer:
            # Who says a thousand commands at once has them answered in turn with other clients.
            await asyncio.sleep(0)
        while (end := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            if searched > longest:
                return await self._overlong()
            self._buffer += await self._block()
        line = bytes(self._buffer[: end + 1])
        del self._buffer[: end + 1]
        if not line.endswith(b"\r\n") or b"\r" in line[:-2]:
            raise BareNewline(_BARE_NEWLINE)
        if len(line) > longest:
            raise BadCommand(_TOO_LONG)
        return line[:-2]

    async def mail(self, limit: int, patience: float, intake: Intake = _USUAL) -> Mail:
        """The mail up to its end; of one over `limit` octets the rest is read but not kept.

        The next bytes have to come within `patience` seconds, sooner from a client that only
        drips; raises `TimeoutError` if they do not. Whoever gets the mail has to close it.
        """
        content = _Content(normalizes=intake.normalizes)
        keeper = Keeper(limit, intake.spool_size, intake.spool)
        pace = _Pace(patience, intake.data_rate)
        try:
            while content.rest is None:
                block = self._leftover() or await pace.next(self._block)
                await keeper.add(content.take(block))
            raw = await keeper.whole()
        except BaseException:
            keeper.close()
            raise
        self._buffer += content.rest
        if keeper.is_too_large:
            return Mail(b"", is_too_large=True)
        is_hidden = content.has_hidden_dot
        return Mail(raw, content.has_bare_newline, is_hidden, has_no_room=keeper.has_no_room)

    async def _overlong(self) -> bytes:
        # Remembered, for whoever waits for the line may give up and come again.
        self._is_overlong = True
        while (end := self._buffer.find(b"\n")) < 0:
            del self._buffer[:-1]
            self._buffer += await self._block()
        is_clean = self._buffer[max(0, end - 1) : end] == b"\r"
        del self._buffer[: end + 1]
        self._is_overlong = False
        raise BadCommand(_TOO_LONG) if is_clean else BareNewline(_BARE_NEWLINE)

    def _leftover(self) -> bytes:
        leftover = bytes(self._buffer)
        self._buffer.clear()
        return leftover

    async def _block(self) -> bytes:
        block = await self._reader.read(_BLOCK)
        if not block:
            raise EOFError
        return block


class _Pace:
    """Waits longer for a client that makes progress, but never longer than for one that is new.

    Only the time that is waited here counts: not what the disk takes in between.
    """

    def __init__(self, patience: float, rate: int) -> None:
        self._patience, self._rate = patience, rate
        self._left = patience

    async def next(self, read: Callable[[], Awaitable[bytes]]) -> bytes:
        """The next block; raises `TimeoutError` if it does not come in time."""
        now = asyncio.get_running_loop().time
        start = now()
        async with asyncio.timeout(self._left):
            block = await read()
        left = self._left + start - now() + len(block) / self._rate
        self._left = min(left, self._patience)
        return block


class _Content:
    """What a mail says, cut out of its wire block by block, and what is wrong with it.

    Of the blocks before only a few octets and numbers are known here, so that a mail or a line of
    any length takes no more than its block.
    """

    def __init__(self, *, normalizes: bool) -> None:
        self.rest: bytes | None = None
        # As if the CRLF of the DATA command belonged to the mail: then an empty one has an end.
        # These are the last two octets that were taken, and those that may begin the end.
        self._tail = b"\r\n"
        self._newlines = _Normal() if normalizes else _Newlines()
        self._lines = _Lines()

    @property
    def has_bare_newline(self) -> bool:
        """Whether a CR or LF stands alone."""
        return self._newlines.has_bare

    @property
    def has_hidden_dot(self) -> bool:
        """Whether a line is a dot but for its NULs."""
        return self._lines.has_hidden_dot

    def take(self, block: bytes) -> bytes:
        """The content of one more block; `rest` is what follows the end, once that is there."""
        # What is large is mostly base64, which has no dots: nothing to look for, nothing to copy.
        if len(self._tail) == 2 and b"." not in block:
            self._tail = (self._tail + block[-2:])[-2:]
        else:
            block = self._cut(self._tail + block)
        content = self._newlines.take(block)
        self._lines.take(content)
        return content

    def _cut(self, wire: bytes) -> bytes:
        stop = wire.find(_END) + 2
        if stop >= 2:
            self.rest = wire[stop + len(_END) - 2 :]
        else:
            stop = len(wire) - _held(wire)
            self._tail = wire[stop - 2 :]
        return wire[:stop].replace(b"\r\n.", b"\r\n")[2:]


def _held(wire: bytes) -> int:
    """How many octets at the end cannot be told from the end of the mail yet."""
    if wire.endswith(b"\r\n.\r"):
        return 2
    return 1 if wire.endswith(b"\r\n.") else 0


class _Newlines:
    """Counts line ends; three counts take a tenth of the time that a pattern takes."""

    def __init__(self) -> None:
        self._crlf = self._cr = self._lf = 0
        self._last = b""

    @property
    def has_bare(self) -> bool:
        """Whether there are more CRs or LFs than belong to a CRLF."""
        return not self._crlf == self._cr == self._lf

    def take(self, content: bytes) -> bytes:
        """The content as it is."""
        self._crlf += content.count(b"\r\n")
        self._crlf += self._last == b"\r" and content.startswith(b"\n")
        self._cr += content.count(b"\r")
        self._lf += content.count(b"\n")
        self._last = content[-1:]
        return content


class _Normal:
    """Makes a CRLF of each CR or LF that stands alone."""

    has_bare = False

    def __init__(self) -> None:
        self._last = b""

    def take(self, content: bytes) -> bytes:
        """The content with the line ends it should have; a CR at its end waits for what follows."""
        content = self._last + content
        self._last = b"\r" if content.endswith(b"\r") else b""
        content = content.removesuffix(self._last)
        if content.count(b"\r\n") == content.count(b"\r") == content.count(b"\n"):
            return content
        return content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")


class _Lines:
    """Looks for lines that are a dot to servers that do not see NULs."""

    def __init__(self) -> None:
        self.has_hidden_dot = False
        # How the line under way begins, any number of NULs as one; "x" if it hides no dot.
        self._start = b""

    def take(self, content: bytes) -> None:
        """Look at more content."""
        if b"\0" in content or b"\0" in self._start:
            self._search(b"\n" + self._start + content)
        elif content:
            self._start = b"" if content.endswith(b"\n") else b"x"

    def _search(self, lines: bytes) -> None:
        if _HIDDEN_DOT.search(lines):
            self.has_hidden_dot = True
        line = lines[lines.rfind(b"\n") + 1 :]
        if _HIDDEN_START.fullmatch(line):
            self._start = _NULS.sub(b"\0", line)
        else:
            self._start = b"x" if line else b""


_BARE_NEWLINE = reply(500, "5.5.2 Lines end in CR LF")
_TOO_LONG = reply(500, "5.5.2 Line too long")
_HIDDEN_DOT = re.compile(rb"\n\0+\.\0*\r\n")
_HIDDEN_START = re.compile(rb"\0+(?:\.\0*\r?)?")
_NULS = re.compile(rb"\0+")
