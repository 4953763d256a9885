"""Keeps mails that showed a fault of ours, redacted, in a folder to send us files from.

Nothing here holds up a mail or fails one: it begins when the next hop has answered, is done by a
process that may be ended, one mail at a time, and every fault is a line in the log.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from contextlib import suppress
from pathlib import Path

import structlog

from relay_gateway.core.decision import Decision
from relay_gateway.core.edit import Raw
from relay_gateway.core.envelope import Envelope
from relay_gateway.gateway import Think

log = structlog.get_logger()

MOST_FILES = 20
LONGEST = 2**20
SECONDS = 10.0


class Reproducers:
    """A folder of redacted mails, each named after its fault and its own bytes.

    `think` is `reproduce` done elsewhere; what takes it longer than `SECONDS` is given up.
    """

    def __init__(self, folder: Path, think: Think) -> None:
        self._folder = folder
        self._think = think
        self._task: asyncio.Task[None] | None = None

    def take(self, envelope: Envelope, raw: Raw) -> None:
        """See later whether this mail makes a reproducer; returns at once and never raises."""
        if len(raw) > LONGEST:
            _tell(envelope, why="the mail is too large")
        elif self._task is not None and not self._task.done():
            _tell(envelope, why="another one is being made")
        else:
            # A spooled mail is gone from the disk as soon as its client has our answer.
            self._task = asyncio.create_task(self._make(envelope, raw[:]))

    async def stop(self) -> None:
        """Give up what is not yet kept."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def settled(self) -> None:
        """Wait until the mail that was taken last is seen to."""
        if self._task is not None:
            await self._task

    async def _make(self, envelope: Envelope, raw: bytes) -> None:
        try:
            found = await asyncio.wait_for(self._think(envelope, raw), SECONDS)
            name, why = await asyncio.to_thread(self._keep, found)
            _tell(envelope, name, why)
        except Exception:
            # The mail is long delivered; what is lost is our own chance to mend something.
            log.exception("reproducer", id=envelope.id, reproducer="none")

    def _keep(self, found: Decision) -> tuple[str, str]:
        """The name of the file, or why there is none."""
        if not found.edits:
            return "none", "the redacted mail does not show the fault"
        new = found.edits[0].new
        path = self._folder / f"{found.reason}-{hashlib.sha256(new).hexdigest()[:16]}.eml"
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            if len(list(self._folder.glob("*.eml"))) >= MOST_FILES:
                return "none", "the folder is full"
            _write(path, new)
        return path.name, ""


def _tell(envelope: Envelope, name: str = "none", why: str = "") -> None:
    log.warning("reproducer", id=envelope.id, reproducer=name, why=why)


def _write(path: Path, data: bytes) -> None:
    """A file appears whole, or not at all; readable by its owner only."""
    draft = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(handle, "wb") as file:
            file.write(data)
        draft.rename(path)
    finally:
        draft.unlink(missing_ok=True)
