"""A new connection to the next hop: greeting, EHLO, TLS, login, until a mail can be sent on it."""

from __future__ import annotations

import asyncio
import ssl
from base64 import b64encode
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import cast

import structlog
from aiosmtplib import SMTPException, SMTPServerDisconnected

from relay_gateway.core.reply import NO_NEXT_HOP, Reply, reply
from relay_gateway.edge.destination import Destination, Timeouts, Tls
from relay_gateway.edge.line import Garbled, Line
from relay_gateway.edge.log import words

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Session:
    """A line that mails can be sent on, and the keywords of the reply to EHLO."""

    line: Line
    said: Reply
    offers: Mapping[bytes, bytes]


class Unready(Exception):
    """No mail can be sent now; `reply` is what the client hears, never a refusal of its mail."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.code)
        self.reply = reply


async def greet(destination: Destination, hostname: bytes, timeouts: Timeouts) -> Session:
    """Connect; raises `Unready`, having written down why.

    Where TLS is `opportunistic` and fails, the mail goes in the clear over a second connection, as
    with Postfix's `may`: whoever can break a handshake can take the offer away as well.
    """
    try:
        try:
            return await _attempt(destination, hostname, timeouts)
        except _Insecure as why:
            log.warning("next_hop_tls", reason=str(why), tls=str(destination.tls))
            if destination.tls is not Tls.OPPORTUNISTIC:
                raise Unready(_NOT_SAFE) from None
        in_clear = replace(destination, tls=Tls.NONE, context=None)
        return await _attempt(in_clear, hostname, timeouts)
    except (SMTPException, OSError, ValueError) as fault:
        log.warning("next_hop_unreachable", fault=type(fault).__name__)
        raise Unready(NO_NEXT_HOP) from None


class _Insecure(Exception):
    """There is no TLS as we were told to have; the words are fixed, for the log."""


async def _attempt(destination: Destination, hostname: bytes, timeouts: Timeouts) -> Session:
    async with asyncio.timeout(timeouts.connect):
        # The second address of a name is tried soon: one that swallows packets would use up the
        # whole time.
        _, line = await asyncio.get_running_loop().create_connection(
            Line, destination.host, destination.port, happy_eyeballs_delay=0.25
        )
        try:
            return await _Opening(line, destination, hostname, timeouts).run()
        except BaseException:
            line.drop()
            raise


class _Opening:
    def __init__(
        self, line: Line, destination: Destination, hostname: bytes, timeouts: Timeouts
    ) -> None:
        self._line, self._destination = line, destination
        self._hostname, self._timeouts = hostname, timeouts

    async def run(self) -> Session:
        tls = self._destination.tls
        if tls is Tls.IMPLICIT:
            await self._secure()
        heard = self._line.hear(self._timeouts.reply)
        greeting = await (_first(heard) if tls is Tls.IMPLICIT else heard)
        _expect(greeting.code == 220, greeting)
        said = await self._hello()
        if tls is Tls.OPPORTUNISTIC and b"STARTTLS" not in _offers(said):
            tls = Tls.NONE
        if tls not in (Tls.NONE, Tls.IMPLICIT):
            await self._start_tls(_offers(said))
            # RFC 3207, 4.2: what was said before TLS is forgotten.
            said = await _first(self._hello())
        if self._destination.login is not None:
            await self._log_in(_offers(said), *self._destination.login)
        return Session(self._line, said, MappingProxyType(self._usable(said)))

    async def _ask(self, command: bytes) -> Reply:
        return await self._line.ask(command, self._timeouts.reply)

    async def _hello(self) -> Reply:
        said = await self._ask(b"EHLO " + self._hostname)
        if 500 <= said.code < 600:
            said = await self._ask(b"HELO " + self._hostname)
            # The words behind a HELO are no keywords, whatever they look like.
            said = replace(said, lines=said.lines[:1])
        _expect(said.is_ok, said)
        return said

    async def _start_tls(self, offers: Mapping[bytes, bytes]) -> None:
        if b"STARTTLS" not in offers:
            raise _Insecure("not offered")
        if (await self._ask(b"STARTTLS")).code != 220:
            raise _Insecure("refused")
        await self._secure()

    async def _secure(self) -> None:
        name = self._destination.name or self._destination.host
        context = cast(ssl.SSLContext, self._destination.context)
        try:
            # Half of the time, for a second attempt is in the clear and needs an EHLO, too.
            await self._line.secure(context, name, self._timeouts.connect / 2)
        except ssl.SSLCertVerificationError as bad:
            is_other = bad.verify_code in _OTHER_NAME
            raise _Insecure("name" if is_other else "certificate") from None
        except (ssl.SSLError, ConnectionError):
            raise _Insecure("handshake") from None
        except Garbled:
            # Who begins with a word where TLS begins with the first byte knows no TLS there. Behind
            # STARTTLS such words were slipped in, and nothing more is said to whoever did that.
            if self._destination.tls is Tls.IMPLICIT:
                raise _Insecure("handshake") from None
            raise

    def _usable(self, said: Reply) -> dict[bytes, bytes]:
        offers = _offers(said)
        if not (self._line.is_secure and self._destination.is_verified):
            # RFC 8689, 4.2.1: such mail goes to nobody whose certificate we have not checked.
            offers.pop(b"REQUIRETLS", None)
        return offers

    async def _log_in(self, offers: Mapping[bytes, bytes], user: bytes, password: bytes) -> None:
        offered = offers.get(b"AUTH", b"").upper().split()
        if not self._line.is_secure:
            raise _locked_out("no TLS")
        if b"PLAIN" in offered:
            steps = [b"AUTH PLAIN " + b64encode(b"\0" + user + b"\0" + password)]
        elif b"LOGIN" in offered:
            steps = [b"AUTH LOGIN", b64encode(user), b64encode(password)]
        else:
            raise _locked_out("not offered")
        for step in steps:
            said = await self._ask(step)
            if said.code != 334:
                break
        if said.code != 235:
            raise _locked_out("refused", said.code)


_NOT_SAFE = reply(451, "4.7.5 The next mail server cannot be reached safely, please try later")
_LOCKED_OUT = reply(451, "4.7.0 The next mail server does not let us in, please try later")
# X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH.
_OTHER_NAME = (62, 64)


async def _first(words: Awaitable[Reply]) -> Reply:
    # In TLS 1.3 a server looks at our own certificate after our part of the handshake: not to let
    # us in for that, it can only close.
    try:
        return await words
    except (SMTPServerDisconnected, ConnectionError):
        raise _Insecure("handshake") from None


def _expect(is_fine: bool, said: Reply) -> None:
    if not is_fine:
        # Nobody has been named to it yet, so it cannot name anybody.
        its = {"code": said.code, "status": said.status, "text": words(said)}
        log.warning("next_hop_refused", reply=its)
        # A 5yz here refuses us, not the mail; it must not come back to its sender.
        raise Unready(said if 400 <= said.code < 500 else NO_NEXT_HOP)


def _locked_out(reason: str, code: int | None = None) -> Unready:
    # Not the words of the reply: there are servers that repeat the command, and so the password.
    log.error("next_hop_login", reason=reason, code=code)
    return Unready(_LOCKED_OUT)


def _offers(said: Reply) -> dict[bytes, bytes]:
    parted = (line.partition(b" ") for line in said.lines[1:])
    return {name.upper(): value for name, _, value in parted}
