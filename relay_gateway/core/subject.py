"""The subject of a mail as its reader sees it (RFC 2047), for judging only."""

from __future__ import annotations

from email.errors import HeaderParseError
from email.header import decode_header

from relay_gateway.core import charset
from relay_gateway.core.message import Message, Unfit

_LONGEST = 2000


def subject(message: Message) -> str:
    """The decoded subject; what cannot be decoded is left as it stands."""
    raw = message.value("subject")[:_LONGEST].decode("utf-8", "replace")
    try:
        return "".join(_word(word, label) for word, label in decode_header(raw))
    except (HeaderParseError, ValueError):
        return raw


def _word(word: bytes | str, label: str | None) -> str:
    if isinstance(word, str):
        return word
    try:
        return charset.read(word, label or "utf-8").text
    except Unfit:
        return word.decode("utf-8", "replace")
