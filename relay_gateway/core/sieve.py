"""One pass over a letter tells which of a language's patterns may match in it at all."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import re2

from relay_gateway.core import normal


class Sieve:
    """A pass for the literals of all patterns of one pack.

    `re2.Set` would be one automaton of the patterns themselves, which bounded repeats make too
    large to keep: it was measured at twenty times the cost. So is one filter of all packs: the
    automaton of its literals outgrows the memory that RE2 gives it, and is built again and again.
    """

    def __init__(self, sources: Sequence[str]) -> None:
        self._meshes = _meshes(sources, 0)
        # The meshes hold them compiled: a second time would double the cost of a start.
        self.patterns = tuple(
            mesh.re(index) for mesh, numbers in self._meshes for index in range(len(numbers))
        )

    def sift(self, text: bytes) -> frozenset[int]:
        """The numbers of the patterns that may match in a text; no other does."""
        return self._numbers(text, may_match=True)

    def catch(self, text: bytes) -> frozenset[int]:
        """The numbers of the patterns that do match: to learn where would cost as much again."""
        return self._numbers(text, may_match=False)

    def _numbers(self, text: bytes, *, may_match: bool) -> frozenset[int]:
        return frozenset(
            numbers[index]
            for mesh, numbers in self._meshes
            for index in mesh.Match(text, potential=may_match) or ()
        )


def together(
    pattern: Any, whole: bytes, lines: Sequence[bytes], starts: Sequence[int]
) -> Iterator[tuple[int, bytes]]:
    """The lines in which a pattern matches, and the first words that it matches there; `starts`
    tell where in the whole text they stand.
    """
    index = 0
    while index < len(lines) and (match := pattern.search(whole, starts[index])):
        words = match[0]
        if b"\n" in words:
            # It took two lines for one, and may have passed over words in the second.
            yield from apart(pattern, lines, range(index, len(lines)))
            return
        index = bisect_right(starts, match.start())
        yield index - 1, words


def apart(
    pattern: Any, lines: Sequence[bytes], numbers: Iterable[int]
) -> Iterator[tuple[int, bytes]]:
    """The same for some of the lines, each by itself."""
    for index in numbers:
        match = pattern.search(lines[index])
        if match:
            yield index, match[0]


def options() -> Any:
    """How RE2 reads the patterns of rules."""
    its = re2.Options()
    # A pattern is refused with a sentence of ours, not with a line on stderr.
    its.log_errors = False
    # Nobody asks for a part of the words, and finding parts takes RE2 off its fast way.
    its.never_capture = True
    return its


def source(pattern: str) -> str:
    """A pattern as RE2 is given it: in normal form, over lines."""
    # Lines are sentences: `^` and `$` mean the same in one sentence and in many.
    return f"(?m:{normal.pattern(pattern)})"


def refusal(pattern: str) -> str:
    """Why a pattern cannot be used, or nothing."""
    try:
        compiled = re2.compile(source(pattern), options())
    except re2.error as error:
        reason = error.args[0]
        return f"is no RE2 pattern: {reason.decode() if isinstance(reason, bytes) else reason}"
    return "matches every text" if compiled.search(b"") else ""


def _meshes(sources: Sequence[str], first: int) -> tuple[tuple[Any, range], ...]:
    """One filter of all patterns, or as few as RE2 has room for, each with their numbers."""
    if not sources:
        return ()
    mesh = re2.Filter()
    for source in sources:
        mesh.Add(source, options())
    try:
        mesh.Compile()
    except re2.error:
        # Its memory is fixed: seven times the Japanese pack is too much for it.
        if len(sources) == 1:
            raise
        half = len(sources) // 2
        return (*_meshes(sources[:half], first), *_meshes(sources[half:], first + half))
    return ((mesh, range(first, first + len(sources))),)
