"""The file by which others find a running gateway, and hear what became of a reload.

`PID GENERATION`, then how many reloads were begun and how many ended, then why the last one
failed, if it did, and at the end a checksum, for it may be read while it is written. It counts only
while somebody holds its lock: a file that is left over does not.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from zlib import crc32

from relay_gateway.edge.lock import lock


@dataclass(frozen=True, slots=True)
class Note:
    """What stands in the file."""

    pid: int
    generation: int
    begun: int = 0
    ended: int = 0
    faults: tuple[str, ...] = ()

    def text(self) -> str:
        """The lines of the file."""
        faults = (" ".join(fault.split()) for fault in self.faults)
        head = f"{self.pid} {self.generation}", f"{self.begun} {self.ended}"
        lines = (*head, *faults)
        return "".join(f"{line}\n" for line in (*lines, _checksum(lines)))


class PidFile:
    """A file that this process holds until it ends."""

    def __init__(self, path: Path) -> None:
        """Take the file; `OSError` if it cannot be written, or if another process holds it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
        try:
            lock(self._handle, _PATIENCE)
        except OSError as fault:
            os.close(self._handle)
            is_held = isinstance(fault, BlockingIOError)
            raise (OSError("another gateway holds it") if is_held else fault) from None

    def write(self, note: Note) -> None:
        """Say something else than before; whoever reads just now finds the one or the other."""
        text = note.text().encode("utf-8", "replace")
        os.pwrite(self._handle, text, 0)
        os.ftruncate(self._handle, len(text))

    def leave(self) -> None:
        """Hold it no longer, in this process; a child does so and its parent holds on."""
        os.close(self._handle)


def read(path: Path) -> Note | None:
    """What the gateway that holds the file has to say; None if no gateway holds it."""
    try:
        with path.open("rb", buffering=0) as file:
            return None if _is_free(file.fileno()) else _steady(file)
    except FileNotFoundError:
        return None


# Somebody who looks whether the file is held holds it for a moment.
_PATIENCE = 1.0
_PAUSE = 0.05


def _is_free(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(handle, fcntl.LOCK_UN)
    return True


def _steady(file: FileIO) -> Note:
    """What stands there, once it is written to its end."""
    end = time.monotonic() + _PATIENCE
    while True:
        file.seek(0)
        raw = file.read()
        note = _parsed(raw)
        if note.pid or not raw or time.monotonic() >= end:
            return note
        time.sleep(_PAUSE)


def _parsed(raw: bytes) -> Note:
    """What stands there; with no process where somebody is about to write."""
    lines = raw.decode("utf-8", "replace").splitlines()
    try:
        *lines, told = lines
        pid, generation = map(int, lines[0].split())
        begun, ended = map(int, lines[1].split())
    except (IndexError, ValueError):
        return Note(0, 0)
    is_whole = told == _checksum(lines)
    return Note(pid, generation, begun, ended, tuple(lines[2:])) if is_whole else Note(0, 0)


def _checksum(lines: Sequence[str]) -> str:
    return f"{crc32(chr(10).join(lines).encode('utf-8', 'replace')):08x}"
