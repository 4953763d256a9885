"""Where a mail is kept while it is on its way: a small one in memory, a large one on disk.

The disk is slow and may be full. Both are ours to bear: no other client waits for a write, and a
mail that finds no room is refused for the moment and not lost.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from functools import partial
from io import BytesIO, FileIO
from pathlib import Path
from typing import cast

import structlog

from relay_gateway.core.edit import Raw

MEMORY_PER_CONNECTION = 3 * 2**20
"""What one connection takes in octets, at most, with mails of whatever size (`spool_size` 1 MiB).

While a mail comes: 1.2 MiB of it that is not written yet (spool_size, a block, and what BytesIO
holds ready), 0.5 MiB that the stream has read ahead (it stops at 128 KiB, after a read of up to
256 KiB), 0.5 MiB of TLS, 0.2 MiB for the block in hand. While it goes on: 1 MiB if it is in
memory, else none; 1 MiB for the blocks of the next hop (cut, with its dots, held, not yet sent);
0.5 MiB of TLS, and 0.5 MiB read ahead. Processes that read mails come on top, a fixed number.
"""


class Spool:
    """The bytes of one mail, in a file that has no name: a crash leaves nothing behind.

    Only who may read the memory of this process may read it (mode 0600). Raises `OSError` for
    whatever the disk does, also if bytes are missing: half a mail must not look like one.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._file: FileIO | None = None
        self._size = 0
        self._writing: asyncio.Future[None] | None = None

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, part: slice, /) -> bytes:
        start, end, _ = part.indices(self._size)
        pieces, at = [], start
        while at < end:
            piece = os.pread(self._open_file().fileno(), end - at, at)
            if not piece:
                raise OSError("the spool file is shorter than it was")
            pieces.append(piece)
            at += len(piece)
        return b"".join(pieces)

    async def append(self, piece: bytes, within: float = 60.0) -> None:
        """Write at the end, in another thread; a disk that hangs is as good as a full one."""
        loop = asyncio.get_running_loop()
        self._writing = loop.run_in_executor(None, self._write, piece)
        async with asyncio.timeout(within):
            await asyncio.shield(self._writing)
        self._size += len(piece)

    def close(self) -> None:
        """Give the space back; now, or when the write that nobody waits for any more is over."""
        if self._writing is None or self._writing.done():
            self._close()
        else:
            # Closed under the thread, its number could be another mail's in the next moment.
            self._writing.add_done_callback(lambda _: self._close())

    def _write(self, piece: bytes) -> None:
        if self._file is None:
            # The signatures of the standard library do not tell: without a buffer it is a FileIO.
            file = partial(tempfile.TemporaryFile, buffering=0, dir=self._folder)
            self._file = cast(FileIO, file())
        left = memoryview(piece)
        while left:
            left = left[self._file.write(left) :]

    def _open_file(self) -> FileIO:
        if self._file is None:
            raise OSError("the spool is closed")
        return self._file

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file = None


class Keeper:
    """Keeps a mail as it comes in pieces: up to `spool_size` in memory, beyond in a `Spool`.

    Of a mail over `limit` octets, or one that finds no room, nothing is kept; the rest of it may
    still come.
    """

    def __init__(self, limit: int, spool_size: int, folder: Path | None) -> None:
        self._limit, self._room, self._folder = limit, spool_size, folder
        self._memory: BytesIO | None = BytesIO()
        self._spool: Spool | None = None
        self._size = 0
        self.has_no_room = False

    @property
    def is_too_large(self) -> bool:
        """Whether more has come than may be kept."""
        return self._size > self._limit

    async def add(self, piece: bytes) -> None:
        """Keep one more piece, as far as there is use and room for it."""
        self._size += len(piece)
        if self.is_too_large:
            self.close()
        if self._memory is None:
            return
        self._memory.write(piece)
        if self._memory.tell() > self._room:
            await self._spill(self._memory.getvalue())

    async def whole(self) -> Raw:
        """All that was kept, whose `close()` is now the caller's; empty if it is not all."""
        if self._spool is not None and self._memory is not None and self._memory.tell():
            await self._spill(self._memory.getvalue())
        if self._memory is None:
            return b""
        return self._memory.getvalue() if self._spool is None else self._spool

    def close(self) -> None:
        """Keep nothing any more."""
        self._memory = None
        if self._spool is not None:
            self._spool.close()

    async def _spill(self, piece: bytes) -> None:
        # Not truncated but new: then the piece is not copied.
        self._memory, self._room = BytesIO(), _PIECE
        if self._spool is None:
            self._spool = Spool(self._folder)
        try:
            await self._spool.append(piece)
        except OSError as error:
            log.error("spool_failed", size=self._size, exc_info=error)
            self.has_no_room = True
            self.close()


log = structlog.get_logger()

_PIECE = 2**18
