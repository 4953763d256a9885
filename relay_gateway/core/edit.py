"""Changes of bytes as values, and the one function that makes them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace `raw[start:end]` with `new`."""

    start: int
    end: int
    new: bytes


def apply(raw: bytes, edits: Iterable[Edit]) -> bytes:
    """The mail with its edits made; all other bytes are the sender's own."""
    pieces, at = [], 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        if not at <= edit.start <= edit.end <= len(raw):
            raise ValueError("edits overlap or lie outside the mail")
        pieces += [raw[at : edit.start], edit.new]
        at = edit.end
    return b"".join([*pieces, raw[at:]])
