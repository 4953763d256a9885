"""The SMTP front end: what a client asks is asked of the next hop, and its words are the answer.

It holds no policy. It makes an `Envelope` and raw bytes, has them relayed, and says the reply.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import socket
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any, cast

import structlog

from relay_gateway.core import path
from relay_gateway.core.edit import Raw
from relay_gateway.core.envelope import Client, Envelope
from relay_gateway.core.path import BadCommand, Path
from relay_gateway.core.reply import NO_NEXT_HOP, OUR_FAULT, Reply, reply
from relay_gateway.edge.admission import Admission, Door
from relay_gateway.edge.conversation import COMMANDS, Limits, expect_nothing
from relay_gateway.edge.crowd import Crowd
from relay_gateway.edge.entrance import Entrance
from relay_gateway.edge.header import Header
from relay_gateway.edge.next_hop import NextHop, Timeouts
from relay_gateway.edge.users import Users
from relay_gateway.edge.wire import Intake, Mail

__all__ = ["Dialog", "FrontEnd", "Limits", "Relay", "Timeouts"]

log = structlog.get_logger()

Relay = Callable[[Envelope, Raw, NextHop], Coroutine[Any, Any, Reply]]


@dataclass(eq=False)
class FrontEnd:
    """Brings mails in by one entrance, over as many sockets as are listened on."""

    entrance: Entrance
    relay: Relay
    next_hop: Callable[[], NextHop]
    limits: Limits = field(default_factory=Limits)
    timeouts: Timeouts = field(default_factory=Timeouts)
    crowd: Crowd = field(default_factory=Crowd)
    dialogs: set[Dialog] = field(default_factory=set, init=False)
    _servers: list[asyncio.Server] = field(default_factory=list, init=False)
    headers: set[Header] = field(default_factory=set, init=False)

    def __post_init__(self) -> None:
        users = Users(self.entrance.users)
        self.door = Door(self.entrance, self.crowd, users, self.limits, self.timeouts)

    async def listen(
        self, host: str = "", port: int = 0, sock: socket.socket | None = None
    ) -> asyncio.Server:
        """Take clients at an address, or at a socket that was bound already."""
        loop = asyncio.get_running_loop()
        if sock is None:
            server = await loop.create_server(self._meet, host or None, port)
        else:
            # asyncio says listen() anew, for all processes that share the socket.
            server = await loop.create_server(self._meet, sock=sock, backlog=_BACKLOG)
        self._servers.append(server)
        return server

    def close(self) -> None:
        """Take no more clients."""
        for server in self._servers:
            server.close()

    async def retire(self, patience: float) -> None:
        """Take no more clients, and let those that are here go on; after so many seconds they hear
        farewell between two mails.
        """
        self.close()
        for _ in range(_TURNS):
            # Who has been accepted is here a few turns of the loop later.
            await asyncio.sleep(0)
        for header in tuple(self.headers):
            # Or as soon as a proxy has told whose connection it is.
            await header.settled()
        await self._settled(patience)
        for dialog in tuple(self.dialogs):
            dialog.wind_up()
        await self._settled(None)

    async def stop(self, within: float) -> None:
        """Take no more clients, bid idle ones farewell, and let mails on their way arrive."""
        self.door.is_stopping = True
        self.close()
        for header in tuple(self.headers):
            header.break_off()
        for dialog in tuple(self.dialogs):
            dialog.wind_up()
        await self._settled(within)
        for dialog in tuple(self.dialogs):
            dialog.break_off()
        await self._settled(_FAREWELL)

    def _meet(self) -> asyncio.BaseProtocol:
        proxies = self.entrance.access.proxies
        if not proxies:
            return Dialog(self)
        within = self.timeouts.connect
        return Header(proxies, partial(Dialog, self), self.headers, within)

    async def _settled(self, within: float | None) -> None:
        if tasks := [dialog.task for dialog in self.dialogs]:
            await asyncio.wait(tasks, timeout=within)


class Dialog(Admission):
    """One client's session in step with its own connection to the next hop."""

    def __init__(self, front_end: FrontEnd, address: str | None = None) -> None:
        super().__init__(front_end.door, address)
        self._front_end = front_end
        self._sender: Path | None = None
        self._sent_by: Client | None = None
        self._recipients: list[bytes] = []
        self._delivery: asyncio.Task[Reply] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to talk."""
        super().connection_made(transport)
        self._front_end.dialogs.add(self)

    @cached_property
    def _hop(self) -> NextHop:
        # Not before somebody needs it: most strangers never do.
        return self._front_end.next_hop()

    def _is_between_mails(self) -> bool:
        return self._sender is None

    def _cut(self) -> None:
        super()._cut()
        if self._delivery is None or self._delivery.done():
            # Nobody is left for whom to wait for it.
            self._hop.close()

    async def _leave(self) -> None:
        if self._delivery is not None and not self._delivery.done():
            # The next hop is at the mail: closing now could lose the acceptance.
            await asyncio.wait([self._delivery])
        try:
            await self._hop.quit()
        finally:
            await super()._leave()
            self._front_end.dialogs.discard(self)

    async def _line(self) -> bytes:
        if self._sender is None and self._hop.is_open:
            try:
                async with asyncio.timeout(self._limits.idle_release):
                    return await super()._line()
            except TimeoutError:
                # A thousand idle clients must not keep a thousand connections from others.
                await self._hop.quit()
        return await super()._line()

    async def smtp_EHLO(self, hostname: str) -> None:
        """Offer what this next hop offers and we can carry."""
        await self._introduce(hostname, "ESMTP")
        if not (self._hop.is_open or self._is_stranger or self._lacks_tls):
            await self._hop.open()
        await self._say(reply(250, self.hostname, *self._carried(), *self._offers()))

    async def smtp_HELO(self, hostname: str) -> None:
        """Offer nothing; the next hop is asked at MAIL."""
        await self._introduce(hostname, "SMTP")
        await self._say(reply(250, self.hostname))

    def _carried(self) -> list[str]:
        hop = self._hop.offers if self._hop.is_open else _UNKNOWN_OFFERS
        can_carry = (*_MIRRORED, "REQUIRETLS") if self._is_private else _MIRRORED
        mirrored = [name for name in can_carry if name.encode() in hop]
        return ["PIPELINING", f"SIZE {self._size_limit}", *mirrored]

    @property
    def _size_limit(self) -> int:
        ours = self._limits.message_size
        return min(ours, self._hop.size_limit or ours)

    # Not aiosmtpd's MAIL and RCPT: its parser decodes and rewrites addresses, one recipient can
    # become another; and it knows no DSN parameters.
    async def smtp_MAIL(self, arg: str | None) -> None:
        """Open a transaction at the next hop."""
        client = self._sender_client()
        if self._sender is not None:
            raise BadCommand(reply(503, "5.5.1 There is a sender already"))
        sender = path.mail(self._said)
        self._expect_carried(sender)
        if _declared_size(sender) > self._size_limit:
            await self._say(_TOO_LARGE)
            return
        # First forget what was said for the mail before.
        self._hop.forward()
        self._hop.forward(*self._forward_words.values())
        said = await self._hop.mail(sender, has_login=bool(client.user))
        if said.is_ok:
            self._sender, self._sent_by = sender, _spoken(client, sender)
        await self._say(said)

    def _expect_carried(self, named: Path) -> None:
        if self._hello == "SMTP" and named.parameters:
            raise BadCommand(reply(555, "5.5.4 No parameters without EHLO"))
        # RFC 8689, 4.2.1: such a mail must have come under TLS.
        if not self._is_private and b"REQUIRETLS" in map(path.keyword, named.parameters):
            raise BadCommand(_NEEDS_TLS)

    async def smtp_RCPT(self, arg: str | None) -> None:
        """Ask the next hop for a recipient."""
        if self._sender is None:
            # Not counted as an error: a pipelining client says these before it hears of MAIL.
            await self._say(reply(503, "5.5.1 Say MAIL first"))
            return
        recipient = path.rcpt(self._said, self._sender.is_utf8)
        self._expect_carried(recipient)
        if len(self._recipients) >= self._limits.recipients:
            await self._say(_TOO_MANY)
            return
        said = await self._hop.rcpt(recipient)
        if said.is_ok:
            self._recipients.append(recipient.address)
            self._commands -= 1
        await self._say(said)

    # Not aiosmtpd's: it makes an object of each line and refuses those over 1001 octets.
    async def smtp_DATA(self, arg: str) -> None:
        """Read a mail to its end and have it relayed."""
        expect_nothing(arg)
        if self._sender is None:
            raise BadCommand(reply(503, "5.5.1 Say MAIL first"))
        if not self._hop.is_open:
            # Not 503: nobody refused this mail for good.
            await self._forget()
            await self._say(NO_NEXT_HOP)
            return
        if not self._recipients:
            raise BadCommand(reply(503, "5.5.1 No valid recipients"))
        await self._say(reply(354, "End with CR LF . CR LF"))
        mail = await self._read_mail()
        try:
            said = self._fault(mail) or await self._deliver(self._sender, mail.raw)
        finally:
            self._put_away(mail)
        # First, for a next hop may be slow to forget, and the client waits for no more than this.
        await self._say(said)
        await self._forget()

    async def _read_mail(self) -> Mail:
        # Whatever goes wrong before its end, the rest of a mail must not be taken for commands.
        self._is_over = True
        limits, normalizes = self._limits, self._front_end.entrance.normalizes_newlines
        intake = Intake(limits.data_rate, limits.spool_size, limits.spool, normalizes)
        mail = await self._wire.mail(self._size_limit, self._timeouts.client_data, intake)
        self._is_over = False
        return mail

    def _fault(self, mail: Mail) -> Reply | None:
        if mail.is_too_large:
            return _TOO_LARGE
        if mail.has_bare_newline or mail.has_hidden_dot:
            return _AMBIGUOUS
        if mail.has_no_room:
            return _NO_ROOM
        # With a line before it a header without fields has an end, too.
        start = b"\r\n" + mail.raw[:_LONGEST_HEADER]
        header, _, _ = start.partition(b"\r\n\r\n")
        return _LOOP if len(_RECEIVED.findall(header)) > self._limits.hops else None

    def _put_away(self, mail: Mail) -> None:
        if self._delivery is None or self._delivery.done():
            mail.close()
        else:
            # The dialog ends before the delivery, which still reads.
            self._delivery.add_done_callback(lambda _: mail.close())

    async def _deliver(self, sender: Path, raw: Raw) -> Reply:
        client = cast(Client, self._sent_by)
        name = secrets.token_hex(8)
        envelope = Envelope(name, sender.address, tuple(self._recipients), client)
        self._delivery = asyncio.create_task(self._front_end.relay(envelope, raw, self._hop))
        # wait() and not await: whoever ends the dialog must not end the delivery, nor what is
        # recorded of it.
        await asyncio.wait([self._delivery])
        if fault := self._delivery.exception():
            log.error("relay_failed", exc_info=fault)
            # The mail may be delivered: a failure now would only have it sent again.
            return self._hop.taken or OUR_FAULT
        said = self._delivery.result()
        if said.is_ok:
            self._commands = 0
        return said

    def _addresses(self) -> Iterable[bytes]:
        sender = [self._sender.address] if self._sender else []
        return (*super()._addresses(), *sender, *self._recipients)

    async def _forget(self) -> None:
        await super()._forget()
        self._sender, self._sent_by, self._recipients = None, None, []
        await self._hop.reset()

    async def smtp_RSET(self, arg: str) -> None:
        """Forget the transaction here and at the next hop."""
        expect_nothing(arg)
        await self._forget()
        await self._say(reply(250, "2.0.0 Ok"))

    async def smtp_NOOP(self, arg: str) -> None:
        """Say that we are here."""
        await self._say(reply(250, "2.0.0 Ok"))

    async def smtp_VRFY(self, arg: str) -> None:
        """Tell nothing about anybody (RFC 5321, 7.3)."""
        await self._say(reply(252, "2.5.0 Send it and see"))

    async def smtp_EXPN(self, arg: str) -> None:
        """Tell nothing about anybody."""
        raise BadCommand(reply(502, "5.5.1 Not implemented"))

    # Not aiosmtpd's: it lists commands that are not spoken here.
    async def smtp_HELP(self, arg: str) -> None:
        """Name the commands."""
        await self._say(reply(214, "2.0.0 " + " ".join(sorted(filter(self._speaks, COMMANDS)))))

    # Not aiosmtpd's: it cancels its own task before all is written.
    async def smtp_QUIT(self, arg: str) -> None:
        """End the session."""
        expect_nothing(arg)
        await self._end(reply(221, "2.0.0 Bye"))


_BACKLOG = 1024
_TURNS = 4
_FAREWELL = 10.0
_LONGEST_HEADER = 2**18
# RFC 5322, 4.5.8: old mail may have blanks before the colon.
_RECEIVED = re.compile(rb"\nreceived[ \t]*:", re.IGNORECASE)
_MIRRORED = ("8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES")
# What can be said without having asked: almost every server has these.
_UNKNOWN_OFFERS = frozenset({b"8BITMIME", b"ENHANCEDSTATUSCODES"})

_NEEDS_TLS = reply(530, "5.7.10 Encryption needed")
_TOO_LARGE = reply(552, "5.3.4 Message too large")
_NO_ROOM = reply(452, "4.3.1 Insufficient system storage")
_TOO_MANY = reply(452, "4.5.3 Too many recipients, please send the others next")
_AMBIGUOUS = reply(550, "5.6.0 Bare CR or LF in the message")
_LOOP = reply(554, "5.4.6 Too many Received fields, this is a loop")


def _spoken(client: Client, sender: Path) -> Client:
    """The client with the protocol's keyword for this transaction (RFC 6531, 4.3)."""
    if not sender.is_utf8:
        return client
    return replace(client, protocol=client.protocol.replace("ESMTP", "UTF8SMTP"))


def _declared_size(sender: Path) -> int:
    sizes = (p for p in sender.parameters if path.keyword(p) == b"SIZE")
    return max((int(p.partition(b"=")[2]) for p in sizes), default=0)
