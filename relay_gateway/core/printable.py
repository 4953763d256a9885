"""Text that somebody else has written, as a terminal or a reader of logs may be given it."""

from __future__ import annotations


def printable(text: str) -> str:
    """The text with every control, format and other invisible character written as an escape."""
    if text.isprintable():
        return text
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text
    )
