"""How a client comes in: from where, under TLS or not, by which proofs, and what it may do then."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field, replace

import structlog

from relay_gateway.core import xforward
from relay_gateway.core.access import is_within
from relay_gateway.core.envelope import Client, Standing
from relay_gateway.core.path import BadCommand, keyword
from relay_gateway.core.reply import Reply, reply
from relay_gateway.edge import login, tls
from relay_gateway.edge.conversation import (
    ENOUGH,
    STOPPING,
    UNKNOWN,
    Conversation,
    Limits,
    expect_nothing,
)
from relay_gateway.edge.crowd import Crowd, Place
from relay_gateway.edge.entrance import Entrance
from relay_gateway.edge.login import Credentials
from relay_gateway.edge.next_hop import Timeouts
from relay_gateway.edge.users import Users

log = structlog.get_logger()


@dataclass(eq=False)
class Door:
    """One listener as its clients meet it; the crowd may be that of several listeners."""

    entrance: Entrance
    crowd: Crowd
    users: Users
    limits: Limits
    timeouts: Timeouts
    is_stopping: bool = field(default=False, init=False)


class Admission(Conversation):
    """Decides whether a client is heard, and learns who it is: address, certificate, login."""

    def __init__(self, door: Door, address: str | None = None) -> None:
        super().__init__(door.entrance.hostname, door.limits, door.timeouts)
        self._door, self._entrance = door, door.entrance
        self._address = address
        self._place: Place | None = None
        self._is_private = False
        self._hello, self._helo = "", b""
        self._user, self._names = "", frozenset[str]()
        self._failed_logins = 0
        self._forwarded: dict[bytes, bytes] = {}
        self._forward_words: dict[bytes, bytes] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to talk; under implicit TLS nothing is read before the handshake."""
        super().connection_made(transport)
        if self._entrance.is_implicit:
            self._socket.pause_reading()

    async def _leave(self) -> None:
        if self._place is not None:
            self._door.crowd.leave(self._place, self._host)

    @property
    def _host(self) -> str:
        """The client's address; behind a proxy, the one that the proxy names."""
        if self._address is None:
            self._address = super()._host
        return self._address

    @property
    def _client(self) -> Client:
        """Who the client is by all that it has shown so far."""
        protocol = self._hello
        if protocol == "ESMTP":
            protocol += "S" * self._is_private + "A" * bool(self._user)
        known = Client(self._host, self._helo, protocol, self._user, self._names)
        return replace(known, standing=self._entrance.access.standing(known))

    @property
    def _is_stranger(self) -> bool:
        return self._client.standing is Standing.STRANGER

    @property
    def _lacks_tls(self) -> bool:
        return self._entrance.is_tls_required and not self._is_private

    @property
    def _may_log_in(self) -> bool:
        return bool(self._door.users) and self._is_private

    @property
    def _longest_line(self) -> int:
        return login.LONGEST_LINE if self._may_log_in else super()._longest_line

    async def _greeting(self) -> Reply:
        refused = self._refused()
        if refused is None and self._entrance.is_implicit:
            await self._go_private()
            refused = STOPPING if self._door.is_stopping else self._promoted()
        elif refused is not None and (self._entrance.is_implicit or self._place is None):
            # A handshake, or more of those that are sent away, would cost more than they are worth.
            self._log_refusal(refused)
            raise ConnectionAbortedError
        return refused or reply(220, f"{self.hostname} ESMTP")

    def _refused(self) -> Reply | None:
        """Why the client is not heard, if so; it then waits at the door until it is gone."""
        refused: Reply | None = _CROWDED
        if not self._entrance.access.hears(self._host):
            refused = _DENIED
        elif self._door.is_stopping:
            refused = STOPPING
        elif self._takes(Place.STRANGER if self._is_stranger else Place.KNOWN):
            return None
        self._takes(Place.DOOR)
        return refused

    def _takes(self, place: Place) -> bool:
        has_room = self._door.crowd.take(place, self._host, self._limits)
        if has_room:
            self._place = place
        return has_room

    def _promoted(self) -> Reply | None:
        """Why a client that may be no stranger any more is not heard, if so."""
        if self._place is Place.STRANGER and not self._is_stranger:
            if not self._door.crowd.promote(self._limits):
                return _CROWDED
            self._place = Place.KNOWN
        return None

    def _check(self, verb: str) -> None:
        if not self._speaks(verb):
            raise BadCommand(UNKNOWN if verb == "XFORWARD" else _NOT_HERE)
        if verb in _PRIVATE and self._lacks_tls:
            raise BadCommand(_TLS_FIRST)

    def _speaks(self, verb: str) -> bool:
        ways = {
            "STARTTLS": self._entrance.tls is not None,
            "AUTH": bool(self._door.users),
            "XFORWARD": self._is_forwarder,
        }
        return ways.get(verb, True)

    def _offers(self) -> list[str]:
        """What EHLO offers besides what the next hop does."""
        can_start = self._entrance.tls is not None and not self._is_private
        return [
            *(["STARTTLS"] if can_start else []),
            *([f"AUTH {login.MECHANISMS}"] if self._may_log_in else []),
            *([xforward.OFFER] if self._is_forwarder and not self._lacks_tls else []),
        ]

    async def _introduce(self, name: str, protocol: str) -> None:
        """Take note of EHLO or HELO."""
        if not _NAME.fullmatch(name):
            raise BadCommand(reply(501, "5.5.4 Say your host name"))
        await self._forget()
        self._hello, self._helo = protocol, name.encode("ascii")

    async def _forget(self) -> None:
        """Forget the transaction, and for whom it would have been forwarded."""
        self._forwarded, self._forward_words = {}, {}

    def _sender_client(self) -> Client:
        """Who may open a transaction now; raises `BadCommand` for who may not."""
        if not self._hello:
            raise BadCommand(reply(503, "5.5.1 Say EHLO first"))
        client = self._client
        if client.standing is Standing.STRANGER:
            raise BadCommand(_LOGIN_FIRST if self._door.users else _NO_RELAY)
        return xforward.original(client, self._forwarded)

    async def smtp_STARTTLS(self, arg: str) -> None:
        """Go on under TLS as if the client had only now come (RFC 3207)."""
        expect_nothing(arg)
        if self._is_private:
            raise BadCommand(reply(503, "5.5.1 TLS is on already"))
        await self._forget()
        # Before the reply: the client's handshake may follow at once and belongs to TLS.
        self._socket.pause_reading()
        await self._say(reply(220, "2.0.0 Ready to start TLS"))
        await self._go_private()
        if crowded := self._promoted():
            await self._end(crowded)

    async def _go_private(self) -> None:
        context = self._entrance.tls
        if self._is_stranger and self._entrance.asking is not None:
            context = self._entrance.asking
        if context is None:
            raise ConnectionAbortedError
        try:
            await self._secure(context)
        except OSError as failed:
            why = getattr(failed, "reason", None) or type(failed).__name__
            log.warning("tls_failed", client=self._host, why=why)
            raise ConnectionAbortedError from None
        self._is_private, self._names = True, tls.names(self._writer)
        self._hello, self._helo = "", b""

    async def smtp_AUTH(self, arg: str) -> None:
        """Have the client show by a password who it is (RFC 4954)."""
        # What a password stands in is kept no longer than needed.
        self._said = b"AUTH"
        self._check_login()
        shown = await login.credentials(arg, self._ask)
        is_own = shown.acts_for in ("", shown.user)
        is_right = await self._door.users.is_right(shown.user, shown.password)
        if is_right and is_own:
            await self._welcome(shown)
        else:
            await self._reject()

    def _check_login(self) -> None:
        if not self._is_private:
            raise BadCommand(_NOT_HERE if self._entrance.tls is None else _NEEDS_TLS)
        if self._hello != "ESMTP":
            raise BadCommand(reply(503, "5.5.1 Say EHLO first"))
        if self._user or not self._is_between_mails():
            raise BadCommand(reply(503, "5.5.1 Not now"))

    async def _ask(self, question: Reply) -> bytes:
        await self._say(question)
        return await self._next_line()

    async def _welcome(self, shown: Credentials) -> None:
        self._user = shown.user
        # The names of mail servers' accounts; one that is somebody's address is not written out.
        account = shown.user.partition("@")[0]
        log.info("login", client=self._host, user=account, is_ok=True)
        if crowded := self._promoted():
            await self._end(crowded)
        else:
            await self._say(reply(235, "2.7.0 Authentication successful"))

    async def _reject(self) -> None:
        # No name: it may be a password that was typed in the wrong place.
        log.warning("login", client=self._host, is_ok=False)
        self._failed_logins += 1
        await self._refuse(_WRONG_LOGIN)
        if self._failed_logins >= self._limits.logins and not self._is_over:
            await self._end(ENOUGH)

    @property
    def _is_forwarder(self) -> bool:
        return is_within(self._host, self._entrance.access.forwarders)

    async def smtp_XFORWARD(self, arg: str) -> None:
        """Note for whom the next transaction is forwarded."""
        if not self._is_between_mails():
            raise BadCommand(reply(503, "5.5.1 Not in a transaction"))
        _, _, argument = self._said.partition(b" ")
        self._forwarded.update(xforward.read(argument))
        self._forward_words |= {keyword(word): word for word in argument.split()}
        await self._say(reply(250, "2.0.0 Ok"))


_NAME = re.compile(r"[!-~]{1,255}")
# RFC 3207, 4: all but NOOP, EHLO, STARTTLS and QUIT may be refused until TLS is on.
_PRIVATE = frozenset("MAIL RCPT DATA VRFY EXPN XFORWARD".split())

_DENIED = reply(554, "5.7.1 Access denied")
_CROWDED = reply(421, "4.7.0 Too many connections, please try again later")
_NOT_HERE = reply(502, "5.5.1 Not implemented")
_TLS_FIRST = reply(530, "5.7.0 Must issue a STARTTLS command first")
_NEEDS_TLS = reply(538, "5.7.11 Encryption required for authentication")
_LOGIN_FIRST = reply(530, "5.7.0 Authentication required")
_NO_RELAY = reply(550, "5.7.1 You may not send mail here")
_WRONG_LOGIN = reply(535, "5.7.8 Authentication credentials invalid")
