"""Makes bytes that nobody would send out of bytes that somebody did."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

# Above this only time grows, not what is found.
_LARGEST = 100_000

_HURTFUL = [
    *(
        b"\r\n",
        b"\n",
        b"\r",
        b"\0",
        b".",
        b"\r\n.\r\n",
        b"\n.\n",
        b"\r\n.\n",
        b"\r\n\r\n",
        b" ",
        b"\t",
    ),
    *(
        b"\x1b$B",
        b"\x1b(B",
        b"\x80",
        b"\xff",
        b"\xe3\x81",
        b"\xef\xbb\xbf",
        b"\x7f",
        b"<",
        b">",
        b'"',
    ),
    *(
        b"\\",
        b"@",
        b":",
        b";",
        b"=",
        b"--",
        b"=?utf-8?q?=0d=0a?=",
        b"%",
        b"+",
        b"9" * 30,
        b"x" * 3000,
    ),
]


class Mutator:
    """Mutations of samples, the same ones for the same seed."""

    def __init__(self, random: Random, samples: Sequence[bytes], words: Sequence[bytes]) -> None:
        self._random, self._samples = random, samples
        self._words = [*_HURTFUL, *words]

    def draw(self) -> bytes:
        """A sample, changed in a few places."""
        raw = self._random.choice(self._samples)
        for _ in range(self._random.choice((0, 1, 1, 2, 3, 5, 10))):
            change = self._random.choice(_CHANGES)
            raw = change(self, raw)[:_LARGEST]
        return raw

    def _span(self, raw: bytes) -> tuple[int, int]:
        """Two places near to each other, often at the edges of lines."""
        start, size = self._place(raw), int(self._random.paretovariate(0.6))
        return start, min(start + size, len(raw))

    def _place(self, raw: bytes) -> int:
        at = self._random.randint(0, len(raw))
        if self._random.random() < 0.5:
            return raw.find(b"\n", at) + 1 or at
        return at

    def _cut(self, raw: bytes) -> bytes:
        start, end = self._span(raw)
        return raw[:start] + raw[end:]

    def _end(self, raw: bytes) -> bytes:
        return raw[: self._place(raw)]

    def _flip(self, raw: bytes) -> bytes:
        if not raw:
            return raw
        at = self._random.randrange(len(raw))
        return raw[:at] + bytes([raw[at] ^ 1 << self._random.randrange(8)]) + raw[at + 1 :]

    def _insert(self, raw: bytes) -> bytes:
        at = self._place(raw)
        return raw[:at] + self._random.choice(self._words) + raw[at:]

    def _replace(self, raw: bytes) -> bytes:
        """One of the words that stand there becomes another one."""
        word = self._random.choice(self._words)
        at = raw.find(word)
        if at < 0:
            return self._insert(raw)
        return raw[:at] + self._random.choice(self._words) + raw[at + len(word) :]

    def _repeat(self, raw: bytes) -> bytes:
        start, end = self._span(raw)
        return raw[:start] + raw[start:end] * self._random.choice((2, 3, 50)) + raw[end:]

    def _swap(self, raw: bytes) -> bytes:
        lines = raw.split(b"\n")
        one, other = (self._random.randrange(len(lines)) for _ in range(2))
        lines[one], lines[other] = lines[other], lines[one]
        return b"\n".join(lines)

    def _splice(self, raw: bytes) -> bytes:
        other = self._random.choice(self._samples)
        start, end = self._span(other)
        at = self._place(raw)
        longer = self._random.choice((end, len(other)))
        return raw[:at] + other[start:longer] + raw[at:]


_CHANGES: list[Callable[[Mutator, bytes], bytes]] = [
    Mutator._cut,
    Mutator._end,
    Mutator._flip,
    Mutator._insert,
    Mutator._insert,
    Mutator._repeat,
    Mutator._replace,
    Mutator._replace,
    Mutator._splice,
    Mutator._swap,
]
