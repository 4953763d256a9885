"""What all processes of a host have counted, in one small file: it outlives each of them.

A process writes what is new about once a second and when somebody asks, so that one that is killed
takes the counts of its last second along. They are for watching; credits are counted from events.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import structlog

from relay_gateway.edge.lock import lock

log = structlog.get_logger()

# Company and reason.
Labels = tuple[str, str]

_PAUSE = 1.0
_PATIENCE = 1.0
_LARGEST = 8 * 1024 * 1024


class Counts:
    """Adds up in `path` what is counted here and in other processes; it never holds up who counts.

    While the file cannot be used the numbers of this process are kept for later.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._new: Counter[Labels] = Counter()
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[Mapping[Labels, int]] | None = None
        self._is_well = True

    def add(self, company: str, reason: str) -> None:
        """Count one."""
        self._new[company, reason] += 1
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_PAUSE, self._begin)

    async def totals(self) -> Mapping[Labels, int]:
        """All that was counted; only what is not written yet if the file cannot be used."""
        given, self._new = self._new, Counter()
        try:
            found = await asyncio.to_thread(_add, self._path, given)
        except OSError as fault:
            # What has come meanwhile is newer, and both are for the next time.
            self._new.update(given)
            if self._is_well:
                how = f"make {self._path} readable and writable"
                log.warning("metrics_failed", why=str(fault) or "somebody holds it", how=how)
            self._is_well = False
            return dict(self._new)
        self._is_well = True
        return found

    async def stop(self) -> None:
        """Write what is left."""
        if self._timer is not None:
            self._timer.cancel()
        if self._writing is not None:
            await asyncio.wait([self._writing])
        await self.totals()

    def _begin(self) -> None:
        self._timer = None
        self._writing = asyncio.create_task(self.totals())


def _add(path: Path, new: Mapping[Labels, int]) -> Mapping[Labels, int]:
    """What stands in the file after these were added, in one step for all who read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o640)
    try:
        # In turn with the others, none of which holds it for long.
        lock(handle, _PATIENCE)
        found = _parsed(os.pread(handle, _LARGEST, 0))
        if new:
            found.update(new)
            rows = [[*labels, number] for labels, number in sorted(found.items())]
            text = json.dumps(rows).encode()
            # Ours only grows: whoever ends in between leaves the old numbers or the new ones.
            if len(text) < os.fstat(handle).st_size:
                os.ftruncate(handle, 0)
            os.pwrite(handle, text, 0)
        return found
    finally:
        os.close(handle)


def _parsed(raw: bytes) -> Counter[Labels]:
    """The numbers of the file; none, to begin anew, if somebody else has written there."""
    try:
        rows = json.loads(raw)
        return Counter({(str(company), str(reason)): int(n) for company, reason, n in rows})
    except (ValueError, TypeError):
        return Counter()
