"""One onward SMTP connection in step with a client: its words are the client's answers.

Whatever is not a complete, well-formed, expected reply on a connection without left-over bytes
is no reply: the connection is dropped, and the client hears that it may try again.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from functools import lru_cache
from types import MappingProxyType

from aiosmtplib import SMTPException, SMTPServerDisconnected

from relay_gateway.core.path import Path, keyword
from relay_gateway.core.reply import NO_NEXT_HOP, Reply, reply
from relay_gateway.edge.line import Line


class Tls(StrEnum):
    """How the way to the next hop is kept from being read.

    `opportunistic` takes STARTTLS where it is offered and `require` insists on it, both without
    asking for whose certificate it is; `verify` and `implicit` check certificate and name.
    """

    NONE = "none"
    OPPORTUNISTIC = "opportunistic"
    REQUIRE = "require"
    VERIFY = "verify"
    IMPLICIT = "implicit"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. Ours towards the next hop end before those of a client (RFC 5321, 4.5.3.2).

    `client_command` is for a whole line, `client_data` for the next bytes of a mail; `connect` for
    all up to the reply to EHLO; `final_dot` stays below the ten minutes a client waits.
    """

    client_command: float = 300.0
    client_data: float = 180.0
    connect: float = 30.0
    reply: float = 300.0
    final_dot: float = 550.0


class _State(Enum):
    CLOSED = auto()
    NEW = auto()
    BUSY = auto()  # in a transaction, or not sure to be out of one
    USED = auto()  # between transactions


_SUCCESS = range(200, 300)


class NextHop:
    """A next hop that is connected when a transaction needs it. No method raises for what the
    network does; each gives the reply for the client.
    """

    def __init__(  # noqa: PLR0913 - each is a fact of one connection
        self,
        host: str,
        port: int,
        tls: Tls,
        local_hostname: str,
        timeouts: Timeouts,
        *,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._host, self._port = host, port
        self._tls, self._trust = tls, trust
        self._local_hostname = local_hostname.encode("idna")
        self._timeouts = timeouts
        self._line: Line | None = None
        self._state = _State.CLOSED
        self.offers: Mapping[bytes, bytes] = MappingProxyType({})
        self.taken: Reply | None = None

    @property
    def is_open(self) -> bool:
        """Whether there is a connection that commands can be said on."""
        return self._line is not None and self._line.is_connected

    @property
    def size_limit(self) -> int:
        """The largest mail that the next hop takes, in octets; 0 if it names no limit."""
        said = self.offers.get(b"SIZE", b"") if self.is_open else b""
        # RFC 1870, 3: 0 and no number at all mean that there is no fixed limit.
        return int(said) if said.isdigit() and len(said) <= 20 else 0

    async def open(self) -> Reply:
        """Connect and say EHLO; `offers` are then the keywords of the reply."""
        self.close()
        try:
            async with asyncio.timeout(self._timeouts.connect):
                said = await self._greet()
        except (SMTPException, OSError, ValueError):
            said = NO_NEXT_HOP
        if said.is_ok:
            self._state = _State.NEW
            return said
        self.close()
        # A 5yz here refuses us, not the mail; it must not come back to its sender.
        return said if 400 <= said.code < 500 else NO_NEXT_HOP

    async def mail(self, path: Path) -> Reply:
        """Open a transaction, on the connection of the last one if that is clean."""
        self.taken = None
        if self._state is _State.BUSY:
            await self.reset()
        is_reused = self._state is _State.USED and self.is_open
        said = await self._mail(path)
        # Servers close connections that were idle for long; that is no news for the client.
        if is_reused and not self.is_open:
            said = await self._mail(path)
        return said

    async def rcpt(self, path: Path) -> Reply:
        """Ask for one recipient."""
        if refused := self._refused(path):
            return refused
        return await self._ask(_command(b"RCPT TO:", path, path.parameters))

    async def data(self, raw: bytes) -> Reply:
        """Send the whole mail; after a 2yz it is the next hop's, whatever happens then."""
        said = await self._ask(b"DATA", range(354, 355))
        if said.code != 354 or self._line is None:
            return said
        try:
            await self._line.send(raw, self._timeouts.reply)
            said = await self._line.hear(self._timeouts.final_dot)
        except (SMTPException, OSError):
            return self._lost()
        said = self._judged(said, _SUCCESS)
        if said.is_ok:
            self.taken, self._state = said, _State.USED
        return said

    async def reset(self) -> None:
        """Forget the transaction; a connection that does not forget it is closed."""
        if self._state is not _State.BUSY:
            return
        said = await self._ask(b"RSET")
        if said.is_ok:
            self._state = _State.USED
        else:
            self.close()

    async def quit(self) -> None:
        """Take leave, not caring for an answer that will not come."""
        if self.is_open and self._line is not None:
            try:
                async with asyncio.timeout(_FAREWELL):
                    await self._line.ask(b"QUIT", _FAREWELL)
            except (SMTPException, OSError):
                # Whatever was to be delivered is; nobody waits for this.
                pass
        self.close()

    def close(self) -> None:
        """Drop the connection."""
        if self._line is not None:
            self._line.drop()
        self._line, self._state = None, _State.CLOSED

    async def _greet(self) -> Reply:
        await self._connect()
        said = await self._open_line().hear(self._timeouts.reply)
        if said.code != 220:
            return NO_NEXT_HOP if said.is_ok else said
        said = await self._hello()
        if said.is_ok and self._wants_tls():
            said = await self._start_tls()
        return said

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        tls = (self._context(), self._host) if self._tls is Tls.IMPLICIT else (None, None)
        # The second address of a name is tried soon: one that swallows packets would use up the
        # whole time.
        _, line = await loop.create_connection(
            Line,
            self._host,
            self._port,
            ssl=tls[0],
            server_hostname=tls[1],
            happy_eyeballs_delay=0.25,
        )
        self._line = line

    async def _hello(self) -> Reply:
        said = await self._open_line().ask(b"EHLO " + self._local_hostname, self._timeouts.reply)
        self.offers = _offers(said) if said.is_ok else MappingProxyType({})
        if 500 <= said.code < 600:
            said = await self._open_line().ask(
                b"HELO " + self._local_hostname, self._timeouts.reply
            )
        return said

    def _wants_tls(self) -> bool:
        if self._tls is Tls.OPPORTUNISTIC:
            return b"STARTTLS" in self.offers
        return self._tls in (Tls.REQUIRE, Tls.VERIFY)

    async def _start_tls(self) -> Reply:
        if b"STARTTLS" not in self.offers:
            return NO_NEXT_HOP
        await self._open_line().start_tls(
            self._context(), server_hostname=self._host, timeout=self._timeouts.connect
        )
        # RFC 3207, 4.2: what was said before TLS is forgotten.
        return await self._hello()

    def _context(self) -> ssl.SSLContext:
        if self._tls in (Tls.VERIFY, Tls.IMPLICIT):
            return _context(is_verified=True) if self._trust is None else self._trust
        return _context(is_verified=False)

    def _open_line(self) -> Line:
        if self._line is None:
            raise SMTPServerDisconnected("not connected")
        return self._line

    async def _mail(self, path: Path) -> Reply:
        if not self.is_open:
            said = await self.open()
            if not said.is_ok:
                return said
        if refused := self._refused(path):
            return refused
        # The size may change on the way, and without SIZE it means nothing: the one parameter
        # that may be left out.
        has_size = b"SIZE" in self.offers
        carried = (p for p in path.parameters if has_size or keyword(p) != b"SIZE")
        self._state = _State.BUSY
        return await self._ask(_command(b"MAIL FROM:", path, tuple(carried)))

    def _refused(self, path: Path) -> Reply | None:
        if self.is_open:
            for parameter in path.parameters:
                extension = _EXTENSIONS[keyword(parameter)]
                if extension not in self.offers and extension != b"SIZE":
                    return _NOT_OFFERED
        return None

    async def _ask(self, command: bytes, expected: range = _SUCCESS) -> Reply:
        if self._line is None:
            # Only MAIL connects: on a new connection the rest would be out of sequence, a
            # permanent refusal of a mail that should be sent again.
            return NO_NEXT_HOP
        try:
            said = await self._line.ask(command, self._timeouts.reply)
        except (SMTPException, OSError):
            return self._lost()
        return self._judged(said, expected)

    def _judged(self, said: Reply, expected: range) -> Reply:
        if said.code == 421:
            self.close()
        elif said.code not in expected and said.code < 400:
            return self._lost()
        return said

    def _lost(self) -> Reply:
        self.close()
        return NO_NEXT_HOP


_FAREWELL = 5.0
_NOT_OFFERED = reply(555, "5.5.4 Parameter not supported by the next mail server")

_EXTENSIONS = {
    b"SIZE": b"SIZE",
    b"BODY": b"8BITMIME",
    b"SMTPUTF8": b"SMTPUTF8",
    b"RET": b"DSN",
    b"ENVID": b"DSN",
    b"NOTIFY": b"DSN",
    b"ORCPT": b"DSN",
    b"AUTH": b"AUTH",
}


def _command(verb: bytes, path: Path, parameters: tuple[bytes, ...]) -> bytes:
    return b" ".join([verb + b"<" + path.address + b">", *parameters])


def _offers(said: Reply) -> Mapping[bytes, bytes]:
    parted = (line.partition(b" ") for line in said.lines[1:])
    return MappingProxyType({name.upper(): value for name, _, value in parted})


@lru_cache
def _context(*, is_verified: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not is_verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
