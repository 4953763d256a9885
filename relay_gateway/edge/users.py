"""Who may log in: names and passwords, of which only hashes are known."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# OWASP's least for argon2id: 19 MiB and two passes on one lane take some 30 ms, so that whoever
# steals the file tries a few dozen passwords a second on each core, and a login costs nobody much.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


class Users:
    """The users of one listener by name, with the hashes of their passwords."""

    def __init__(self, hashes: Mapping[str, str]) -> None:
        self._hashes = hashes
        # Each takes memory and a core while it lasts, and who asks need not be anybody.
        self._turn = asyncio.Semaphore(1)

    def __bool__(self) -> bool:
        return bool(self._hashes)

    async def is_right(self, name: str, password: bytes) -> bool:
        """Whether this is the user's password; it takes as long for a name that nobody has."""
        hashed = self._hashes.get(name)
        # Any user's hash costs what this one would.
        other = next(iter(self._hashes.values()), "")
        async with self._turn:
            fits = await asyncio.to_thread(_fits, other if hashed is None else hashed, password)
        return fits and hashed is not None


def hashed(password: str) -> str:
    """What the users file holds for a password."""
    return _HASHER.hash(password)


def _fits(hashed: str, password: bytes) -> bool:
    try:
        return _HASHER.verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False
