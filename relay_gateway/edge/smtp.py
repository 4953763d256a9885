"""The SMTP front end: what a client asks is asked of the next hop, and its words are the answer.

It holds no policy. It makes an `Envelope` and raw bytes, has them relayed, and says the reply.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import secrets
import socket
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import structlog

from relay_gateway.core import path
from relay_gateway.core.envelope import Client, Envelope
from relay_gateway.core.path import BadCommand, Path
from relay_gateway.core.reply import NO_NEXT_HOP, OUR_FAULT, Reply, reply
from relay_gateway.edge.conversation import COMMANDS, STOPPING, Conversation, Limits
from relay_gateway.edge.next_hop import NextHop, Timeouts
from relay_gateway.edge.wire import Mail

__all__ = ["Dialog", "FrontEnd", "Limits", "Network", "Relay", "Timeouts"]

log = structlog.get_logger()

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Relay = Callable[[Envelope, bytes, NextHop], Coroutine[Any, Any, Reply]]


@dataclass(eq=False)
class FrontEnd:
    """Brings mails in from clients in `networks`, over as many sockets as are listened on."""

    hostname: str
    relay: Relay
    next_hop: Callable[[], NextHop]
    networks: Sequence[Network]
    limits: Limits = field(default_factory=Limits)
    timeouts: Timeouts = field(default_factory=Timeouts)
    dialogs: set[Dialog] = field(default_factory=set, init=False)
    is_stopping: bool = field(default=False, init=False)
    _servers: list[asyncio.Server] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        if not self.networks:
            raise ValueError("name the networks whose clients may send; none would be no relay")

    async def listen(
        self, host: str = "", port: int = 0, sock: socket.socket | None = None
    ) -> asyncio.Server:
        """Take clients at an address, or at a socket that was bound already."""
        loop = asyncio.get_running_loop()
        if sock is None:
            server = await loop.create_server(lambda: Dialog(self), host or None, port)
        else:
            server = await loop.create_server(lambda: Dialog(self), sock=sock)
        self._servers.append(server)
        return server

    async def stop(self, within: float) -> None:
        """Take no more clients, bid idle ones farewell, and let mails on their way arrive."""
        self.is_stopping = True
        for server in self._servers:
            server.close()
        for dialog in tuple(self.dialogs):
            dialog.wind_up()
        await self._settled(within)
        for dialog in tuple(self.dialogs):
            dialog.break_off()
        await self._settled(_FAREWELL)

    def admits(self, host: str) -> bool:
        """Whether a client at this address may send."""
        try:
            address = ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            return False
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        return any(address in network for network in self.networks)

    async def _settled(self, within: float) -> None:
        if tasks := [dialog.task for dialog in self.dialogs]:
            await asyncio.wait(tasks, timeout=within)


class Dialog(Conversation):
    """One client's session in step with its own connection to the next hop."""

    def __init__(self, front_end: FrontEnd) -> None:
        super().__init__(front_end.hostname, front_end.limits, front_end.timeouts)
        self._front_end = front_end
        self._hop = front_end.next_hop()
        self._client: Client | None = None
        self._sender: Path | None = None
        self._recipients: list[bytes] = []
        self._delivery: asyncio.Task[Reply] | None = None

    def _greeting(self) -> Reply:
        if not self._front_end.admits(self._host):
            return _DENIED
        self._front_end.dialogs.add(self)
        if self._front_end.is_stopping:
            return STOPPING
        if len(self._front_end.dialogs) > self._limits.connections:
            return _CROWDED
        return reply(220, f"{self.hostname} ESMTP")

    def _is_between_mails(self) -> bool:
        return self._sender is None

    async def _leave(self) -> None:
        if self._delivery is not None and not self._delivery.done():
            # The next hop is at the mail: closing now could lose the acceptance.
            await asyncio.wait([self._delivery])
        await self._hop.quit()
        self._front_end.dialogs.discard(self)

    async def smtp_EHLO(self, hostname: str) -> None:
        """Offer what this next hop offers and we can carry."""
        await self._greet(hostname, "ESMTP")
        if not self._hop.is_open:
            await self._hop.open()
        await self._say(reply(250, self.hostname, *self._offers()))

    async def smtp_HELO(self, hostname: str) -> None:
        """Offer nothing; the next hop is asked at MAIL."""
        await self._greet(hostname, "SMTP")
        await self._say(reply(250, self.hostname))

    async def _greet(self, name: str, protocol: str) -> None:
        if not _NAME.fullmatch(name):
            raise BadCommand(reply(501, "5.5.4 Say your host name"))
        await self._forget()
        self._client = Client(self._host, name.encode("ascii"), protocol)

    def _offers(self) -> list[str]:
        hop = self._hop.offers if self._hop.is_open else _UNKNOWN_OFFERS
        mirrored = [name for name in _MIRRORED if name.encode() in hop]
        return ["PIPELINING", f"SIZE {self._size_limit}", *mirrored]

    @property
    def _size_limit(self) -> int:
        ours = self._limits.message_size
        return min(ours, self._hop.size_limit or ours)

    # Not aiosmtpd's MAIL and RCPT: its parser decodes and rewrites addresses, one recipient can
    # become another; and it knows no DSN parameters.
    async def smtp_MAIL(self, arg: str | None) -> None:
        """Open a transaction at the next hop."""
        if self._client is None:
            raise BadCommand(reply(503, "5.5.1 Say EHLO first"))
        if self._sender is not None:
            raise BadCommand(reply(503, "5.5.1 There is a sender already"))
        sender = path.mail(self._said)
        if self._client.protocol == "SMTP" and sender.parameters:
            raise BadCommand(reply(555, "5.5.4 No parameters without EHLO"))
        if _declared_size(sender) > self._size_limit:
            await self._say(_TOO_LARGE)
            return
        said = await self._hop.mail(sender)
        if said.is_ok:
            self._sender = sender
        await self._say(said)

    async def smtp_RCPT(self, arg: str | None) -> None:
        """Ask the next hop for a recipient."""
        if self._sender is None or self._client is None:
            # Not counted as an error: a pipelining client says these before it hears of MAIL.
            await self._say(reply(503, "5.5.1 Say MAIL first"))
            return
        recipient = path.rcpt(self._said, self._sender.is_utf8)
        if self._client.protocol == "SMTP" and recipient.parameters:
            raise BadCommand(reply(555, "5.5.4 No parameters without EHLO"))
        if len(self._recipients) >= self._limits.recipients:
            await self._say(_TOO_MANY)
            return
        said = await self._hop.rcpt(recipient)
        if said.is_ok:
            self._recipients.append(recipient.address)
        await self._say(said)

    # Not aiosmtpd's: it makes an object of each line and refuses those over 1001 octets.
    async def smtp_DATA(self, arg: str) -> None:
        """Read a mail to its end and have it relayed."""
        _expect_nothing(arg)
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
        said = self._fault(mail) or await self._deliver(self._sender, mail.raw)
        # First, for a next hop may be slow to forget, and the client waits for no more than this.
        await self._say(said)
        await self._forget()

    async def _read_mail(self) -> Mail:
        # Whatever goes wrong before its end, the rest of a mail must not be taken for commands.
        self._is_over = True
        mail = await self._wire.mail(self._size_limit, self._timeouts.client_data)
        self._is_over = False
        return mail

    def _fault(self, mail: Mail) -> Reply | None:
        if mail.is_too_large:
            return _TOO_LARGE
        if mail.has_bare_newline or mail.has_hidden_dot:
            return _AMBIGUOUS
        # With a line before it a header without fields has an end, too.
        start = b"\r\n" + mail.raw[:_LONGEST_HEADER].lower()
        header, _, _ = start.partition(b"\r\n\r\n")
        return _LOOP if header.count(b"\nreceived:") > self._limits.hops else None

    async def _deliver(self, sender: Path, raw: bytes) -> Reply:
        client = cast(Client, self._client)
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

    async def _forget(self) -> None:
        self._sender, self._recipients = None, []
        await self._hop.reset()

    async def smtp_RSET(self, arg: str) -> None:
        """Forget the transaction here and at the next hop."""
        _expect_nothing(arg)
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
        await self._say(reply(214, "2.0.0 " + " ".join(sorted(COMMANDS))))

    # Not aiosmtpd's: it cancels its own task before all is written.
    async def smtp_QUIT(self, arg: str) -> None:
        """End the session."""
        _expect_nothing(arg)
        await self._end(reply(221, "2.0.0 Bye"))


_FAREWELL = 10.0
_LONGEST_HEADER = 2**18
_MIRRORED = ("8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES")
# What can be said without having asked: almost every server has these.
_UNKNOWN_OFFERS = frozenset({b"8BITMIME", b"ENHANCEDSTATUSCODES"})
_NAME = re.compile(r"[!-~]{1,255}")

_DENIED = reply(554, "5.7.1 Access denied")
_CROWDED = reply(421, "4.7.0 Too many connections, please try again later")
_TOO_LARGE = reply(552, "5.3.4 Message too large")
_TOO_MANY = reply(452, "4.5.3 Too many recipients, please send the others next")
_AMBIGUOUS = reply(550, "5.6.0 Bare CR or LF in the message")
_LOOP = reply(554, "5.4.6 Too many Received fields, this is a loop")


def _declared_size(sender: Path) -> int:
    sizes = (p for p in sender.parameters if path.keyword(p) == b"SIZE")
    return max((int(p.partition(b"=")[2]) for p in sizes), default=0)


def _expect_nothing(argument: str | None) -> None:
    if argument:
        raise BadCommand(reply(501, "5.5.4 No argument here"))
