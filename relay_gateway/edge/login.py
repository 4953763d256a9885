"""AUTH PLAIN and LOGIN: what a client says to show who it is (RFC 4954, RFC 4616)."""

from __future__ import annotations

import binascii
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from relay_gateway.core.path import BadCommand
from relay_gateway.core.reply import Reply, reply

MECHANISMS = "PLAIN LOGIN"
# RFC 4954, 4: of the AUTH command and of each answer.
LONGEST_LINE = 12288

Ask = Callable[[Reply], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class Credentials:
    """A name and the password that should prove it; `acts_for` is empty for the user itself."""

    user: str
    password: bytes = field(repr=False)
    acts_for: str = ""


async def credentials(argument: str, ask: Ask) -> Credentials:
    """What the client says by the mechanism of its choice; raises `BadCommand`."""
    mechanism, _, initial = argument.partition(" ")
    known = _MECHANISMS.get(mechanism.upper())
    if known is None:
        raise BadCommand(_BAD_MECHANISM if mechanism else _SYNTAX)
    first = initial.strip()
    # RFC 4954, 4: a response of no octets, which is not the same as none.
    given = b"" if first == "=" else _decoded(first.encode("latin-1")) if first else None
    return await known(given, ask)


async def _plain(given: bytes | None, ask: Ask) -> Credentials:
    said = await _asked(ask, "") if given is None else given
    if said.count(b"\0") != 2:
        raise BadCommand(_BAD_RESPONSE)
    acts_for, user, password = said.split(b"\0")
    if not user or not password:
        raise BadCommand(_BAD_RESPONSE)
    return Credentials(_name(user), password, _name(acts_for))


async def _login(given: bytes | None, ask: Ask) -> Credentials:
    user = await _asked(ask, "Username:") if given is None else given
    return Credentials(_name(user), await _asked(ask, "Password:"))


async def _asked(ask: Ask, question: str) -> bytes:
    challenge = binascii.b2a_base64(question.encode("ascii"), newline=False).decode("ascii")
    said = await ask(reply(334, challenge))
    if said == b"*":
        raise BadCommand(_CANCELLED)
    return _decoded(said)


def _decoded(said: bytes) -> bytes:
    try:
        return binascii.a2b_base64(said, strict_mode=True)
    except binascii.Error:
        raise BadCommand(_BAD_RESPONSE) from None


def _name(said: bytes) -> str:
    try:
        return said.decode("utf-8")
    except UnicodeDecodeError:
        raise BadCommand(_BAD_RESPONSE) from None


_MECHANISMS = {"PLAIN": _plain, "LOGIN": _login}
_SYNTAX = reply(501, "5.5.4 Syntax: AUTH mechanism")
_BAD_MECHANISM = reply(504, "5.5.4 Mechanism not recognized")
_BAD_RESPONSE = reply(501, "5.5.2 Cannot read this response")
_CANCELLED = reply(501, "5.7.0 Authentication cancelled")
