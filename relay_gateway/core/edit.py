"""Changes of bytes as values, and what a mail is with them made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol


class Raw(Protocol):
    """The bytes of a mail, wherever they are kept; `bytes` itself is one."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace `raw[start:end]` with `new`."""

    start: int
    end: int
    new: bytes


class Edited:
    """A mail with its edits made, cut out of the original as it is asked for.

    All bytes outside the edits are the sender's own. Raises `ValueError` for edits that overlap.
    """

    def __init__(self, raw: Raw, edits: Iterable[Edit]) -> None:
        self._raw = raw
        self._pieces = tuple(_pieces(len(raw), edits))
        self._size = sum(piece.size for piece in self._pieces)

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, part: slice, /) -> bytes:
        start, end, _ = part.indices(self._size)
        found, at = [], 0
        for piece in self._pieces:
            here = slice(max(start - at, 0), max(min(end - at, piece.size), 0))
            if here.start < here.stop:
                found.append(piece.cut(self._raw, here))
            at += piece.size
        return b"".join(found)


def apply(raw: bytes, edits: Iterable[Edit]) -> bytes:
    """The mail with its edits made, whole."""
    return Edited(raw, edits)[:]


@dataclass(frozen=True, slots=True)
class _Piece:
    """What stands between two places of the original, or what is new."""

    start: int
    end: int
    new: bytes | None = None

    @property
    def size(self) -> int:
        return self.end - self.start if self.new is None else len(self.new)

    def cut(self, raw: Raw, part: slice) -> bytes:
        if self.new is not None:
            return self.new[part]
        return raw[self.start + part.start : self.start + part.stop]


def _pieces(size: int, edits: Iterable[Edit]) -> Iterator[_Piece]:
    at = 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        if not at <= edit.start <= edit.end <= size:
            raise ValueError("edits overlap or lie outside the mail")
        yield _Piece(at, edit.start)
        yield _Piece(0, 0, edit.new)
        at = edit.end
    yield _Piece(at, size)
