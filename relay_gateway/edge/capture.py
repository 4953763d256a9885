"""A next hop on this machine that keeps what leaves as a Maildir, for trying things out."""

from __future__ import annotations

import asyncio
import itertools
import os
import secrets
import time
from collections import defaultdict
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session


async def capture(directory: Path, host: str = "127.0.0.1", port: int = 0) -> asyncio.Server:
    """Take every mail and keep its very bytes; 250 only when it is safely on the disk."""
    maildir = _Maildir(directory)
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: _Capture(maildir, loop), host, port)


class _Capture(SMTP):
    # aiosmtpd's 1001 refuses mails that real servers send.
    line_length_limit = 2**26

    def __init__(self, maildir: _Maildir, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(
            maildir,
            data_size_limit=2**26,
            enable_SMTPUTF8=True,
            hostname="capture.localhost",
            ident="ESMTP",
            loop=loop,
        )
        # aiosmtpd's 512 is too short for long addresses, and its table is shared by all servers.
        self.command_size_limit = _LONGEST_COMMAND
        self.command_size_limits = defaultdict(lambda: _LONGEST_COMMAND)


class _Maildir:
    """A Maildir: a mail is written in `tmp/` and appears whole in `new/`, or not at all."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._numbers = itertools.count()
        for name in ("tmp", "new", "cur"):
            (directory / name).mkdir(parents=True, exist_ok=True)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Keep one mail."""
        await asyncio.to_thread(self._keep, envelope.original_content or b"")
        return "250 2.0.0 Kept"

    async def handle_exception(self, error: Exception) -> str:
        """A full disk is no verdict on the mail."""
        del error
        return "451 4.3.0 Could not be kept, please try again later"

    def _keep(self, raw: bytes) -> None:
        # Zero-padded, so that the order of the names is that of arrival.
        name = f"{time.time_ns():020d}.{next(self._numbers):06d}.{secrets.token_hex(4)}.capture"
        draft = self._directory / "tmp" / name
        with draft.open("xb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(self._directory / "new" / name)
        _sync(self._directory / "new")


_LONGEST_COMMAND = 2048


def _sync(directory: Path) -> None:
    # Without it the rename may be lost in a power failure.
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
