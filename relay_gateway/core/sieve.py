"""One pass over a letter tells which of all languages' patterns may match in it at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import re2


class Sieve:
    """A pass for the literals of all patterns; it costs hardly more for eight packs than for one.

    `re2.Set` would be one automaton of the patterns themselves, which bounded repeats make too
    large to keep: it was measured at twenty times the cost.
    """

    def __init__(self, packs: Sequence[Sequence[str]]) -> None:
        self._count = len(packs)
        self._meshes = _meshes(
            [
                _Pattern(owner, number, source)
                for owner, sources in enumerate(packs)
                for number, source in enumerate(sources)
            ]
        )

    def sift(self, text: bytes) -> tuple[frozenset[int], ...]:
        """For each pack the numbers of its patterns that may match in a text; no other does."""
        possible: list[set[int]] = [set() for _ in range(self._count)]
        for mesh, patterns in self._meshes:
            for index in mesh.Match(text, potential=True) or ():
                possible[patterns[index].owner].add(patterns[index].number)
        return tuple(map(frozenset, possible))


def options() -> Any:
    """How RE2 reads the patterns of rules."""
    its = re2.Options()
    # A pattern is refused with a sentence of ours, not with a line on stderr.
    its.log_errors = False
    # Nobody asks for a part of the words, and finding parts takes RE2 off its fast way.
    its.never_capture = True
    return its


class _Pattern(NamedTuple):
    owner: int
    number: int
    source: str


def _meshes(patterns: Sequence[_Pattern]) -> tuple[tuple[Any, Sequence[_Pattern]], ...]:
    """One filter of all patterns, or as few as RE2 has room for."""
    if not patterns:
        return ()
    mesh = re2.Filter()
    for pattern in patterns:
        mesh.Add(pattern.source, options())
    try:
        mesh.Compile()
    except re2.error:
        # Its memory is fixed: seven packs of the size of the Japanese one are too many for it.
        if len(patterns) == 1:
            raise
        half = len(patterns) // 2
        return (*_meshes(patterns[:half]), *_meshes(patterns[half:]))
    return ((mesh, patterns),)
