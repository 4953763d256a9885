"""One onward SMTP connection in step with a client: its words are the client's answers.

Whatever is not a complete, well-formed, expected reply on a connection without left-over bytes
is no reply: the connection is dropped, and the client hears that it may try again. Parameters are
carried as they stand, also the SIZE of a mail that grows on its way: it is the client's estimate.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Set
from enum import Enum, auto
from types import MappingProxyType

import structlog
from aiosmtplib import SMTPException

from relay_gateway.core.edit import Raw
from relay_gateway.core.path import Path, keyword
from relay_gateway.core.reply import NO_NEXT_HOP, Reply, reply
from relay_gateway.edge.destination import Destination, Timeouts, Tls
from relay_gateway.edge.greeting import Unready, greet
from relay_gateway.edge.line import Line

__all__ = ["Destination", "NextHop", "Timeouts", "Tls"]

log = structlog.get_logger()


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

    def __init__(self, destination: Destination, local_hostname: str, timeouts: Timeouts) -> None:
        self._destination, self._timeouts = destination, timeouts
        self._local_hostname = local_hostname.encode("idna")
        self._line: Line | None = None
        self._state = _State.CLOSED
        self._forwarded: dict[bytes, bytes] = {}
        self._sender: tuple[Path, bool] | None = None
        self._named: dict[bytes, Path] = {}
        self.offers: Mapping[bytes, bytes] = MappingProxyType({})
        # When all is to be over, of a mail that goes on in several transactions.
        self._until: float | None = None
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
        self.offers = MappingProxyType({})
        try:
            session = await greet(self._destination, self._local_hostname, self._timeouts)
        except Unready as unready:
            return unready.reply
        self._line, self.offers, self._state = session.line, session.offers, _State.NEW
        return session.said

    def forward(self, *lines: bytes) -> None:
        """Pass on before each MAIL what a proxy says of its own client, the arguments of XFORWARD
        as received; without any, forget what was said.
        """
        if not lines:
            self._forwarded.clear()
        for attribute in b" ".join(lines).split():
            self._forwarded[keyword(attribute)] = attribute

    async def mail(self, path: Path, *, has_login: bool = False) -> Reply:
        """Open a transaction, on the connection of the last one if that is clean.

        `has_login` says that the client has logged in with us.
        """
        self.taken, self._until = None, None
        self._sender, self._named = (path, has_login), {}
        return await self._opened(path, has_login)

    async def begin(self, recipients: tuple[bytes, ...]) -> Reply:
        """Open the same transaction anew for some of its recipients, as the client named them; the
        reply that refuses it, if any does.
        """
        if self._sender is None:
            return NO_NEXT_HOP
        self.taken = None
        if self._until is None:
            self._until = self._at_the_latest()
        try:
            async with asyncio.timeout_at(self._until):
                return await self._renamed(self._sender, recipients)
        except TimeoutError as fault:
            return self._lost(fault)

    async def _renamed(self, sender: tuple[Path, bool], recipients: tuple[bytes, ...]) -> Reply:
        said = await self._opened(*sender)
        for recipient in recipients:
            if not said.is_ok:
                break
            path = self._named[recipient]
            said = await self._ask(_command(b"RCPT TO:", path, path.parameters))
        return said

    def _at_the_latest(self) -> float:
        return asyncio.get_running_loop().time() + self._timeouts.final_dot

    async def _opened(self, path: Path, has_login: bool) -> Reply:
        if self._state is _State.BUSY:
            await self.reset()
        # The size may change on the way, and without SIZE it means nothing. RFC 4954, 5: who has
        # submitted a mail is told to servers that know logins; Postfix says `AUTH=<>` to us if it
        # has logged in.
        may_omit = {b"SIZE", b"AUTH"} if has_login else {b"SIZE"}
        is_reused = self._state is _State.USED and self.is_open
        said = await self._mail(path, may_omit)
        # Servers close connections that were idle for long; that is no news for the client.
        if is_reused and not self.is_open:
            said = await self._mail(path, may_omit)
        return said

    async def rcpt(self, path: Path) -> Reply:
        """Ask for one recipient."""
        if refused := self._refused(path.parameters):
            return refused
        self._named[path.address] = path
        return await self._ask(_command(b"RCPT TO:", path, path.parameters))

    async def data(self, raw: Raw) -> Reply:
        """Send the whole mail; after a 2yz it is the next hop's, whatever happens then.

        All of it takes `final_dot` seconds at most, and so do all transactions of one mail: a
        client that has heard nothing after ten minutes sends the mail again.
        """
        try:
            async with asyncio.timeout_at(self._until or self._at_the_latest()):
                said = await self._ask(b"DATA", range(354, 355))
                if said.code != 354 or self._line is None:
                    return said
                await self._line.send(raw, self._timeouts.reply)
                said = await self._line.hear(self._timeouts.final_dot)
        except (SMTPException, OSError) as fault:
            return self._lost(fault)
        said = self._judged(said, _SUCCESS)
        if said.is_ok:
            self._state = _State.USED
            # What is taken for some the client may not hear for all.
            self.taken = said if self._until is None else None
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

    async def _mail(self, path: Path, may_omit: Set[bytes]) -> Reply:
        if not self.is_open:
            said = await self.open()
            if not said.is_ok:
                return said
        carried = tuple(p for p in path.parameters if self._offers(p) or keyword(p) not in may_omit)
        if refused := self._refused(carried):
            return refused
        self._state = _State.BUSY
        for command in _xforward(self._forwarded, self.offers.get(b"XFORWARD", b"")):
            # A refusal of this is none of the mail; a lost line is noticed at MAIL.
            await self._ask(command)
        return await self._ask(_command(b"MAIL FROM:", path, carried))

    def _offers(self, parameter: bytes) -> bool:
        return _EXTENSIONS.get(keyword(parameter)) in self.offers

    def _refused(self, parameters: tuple[bytes, ...]) -> Reply | None:
        for parameter in parameters if self.is_open else ():
            if not self._offers(parameter):
                return _NOT_OFFERED.get(keyword(parameter), _NOT_KNOWN)
        return None

    async def _ask(self, command: bytes, expected: range = _SUCCESS) -> Reply:
        if self._line is None:
            # Only MAIL connects: on a new connection the rest would be out of sequence, a
            # permanent refusal of a mail that should be sent again.
            return NO_NEXT_HOP
        try:
            said = await self._line.ask(command, self._timeouts.reply)
        except (SMTPException, OSError) as fault:
            return self._lost(fault)
        return self._judged(said, expected)

    def _judged(self, said: Reply, expected: range) -> Reply:
        if said.code == 421:
            self.close()
        elif said.code not in expected and said.code < 400:
            return self._lost(said.code)
        return said

    def _lost(self, why: Exception | int) -> Reply:
        told = why if isinstance(why, int) else type(why).__name__
        log.warning("next_hop_lost", fault=told)
        self.close()
        return NO_NEXT_HOP


_FAREWELL = 5.0
_NOT_KNOWN = reply(555, "5.5.4 Parameter not supported by the next mail server")
_NOT_OFFERED = {
    # RFC 8689, 5 and RFC 6531, 3.5 have their own words for this.
    b"REQUIRETLS": reply(550, "5.7.30 REQUIRETLS support required"),
    b"SMTPUTF8": reply(550, "5.6.7 SMTPUTF8 not supported by the next mail server"),
}

_EXTENSIONS = {
    b"SIZE": b"SIZE",
    b"BODY": b"8BITMIME",
    b"SMTPUTF8": b"SMTPUTF8",
    b"RET": b"DSN",
    b"ENVID": b"DSN",
    b"NOTIFY": b"DSN",
    b"ORCPT": b"DSN",
    b"AUTH": b"AUTH",
    b"REQUIRETLS": b"REQUIRETLS",
}
# RFC 5321, 4.5.3.1.4.
_LONGEST_COMMAND = 512 - len(b"\r\n")


def _command(verb: bytes, path: Path, parameters: tuple[bytes, ...]) -> bytes:
    return b" ".join([verb + b"<" + path.address + b">", *parameters])


def _xforward(attributes: Mapping[bytes, bytes], listed: bytes) -> Iterator[bytes]:
    """The commands for what the next hop wants to hear, none longer than a command may be."""
    names = listed.upper().split()
    command = b""
    for attribute in (attributes[name] for name in attributes if name in names):
        if command and len(command) + len(attribute) >= _LONGEST_COMMAND:
            yield command
            command = b""
        command = (command or b"XFORWARD") + b" " + attribute
    if command:
        yield command
