"""One client's connection: it reads commands in turn and says replies; each wait has an end."""

from __future__ import annotations

import asyncio
import re
import ssl
from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import AnyStr, cast

import structlog
from aiosmtpd.smtp import SMTP

from relay_gateway.core.path import BadCommand
from relay_gateway.core.reply import OUR_FAULT, Reply, reply
from relay_gateway.edge import tls
from relay_gateway.edge.log import told
from relay_gateway.edge.next_hop import Timeouts
from relay_gateway.edge.wire import LONGEST_LINE, BareNewline, Wire

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Limits:
    """What one client, or all of them, may ask for.

    `message_size` is in octets, mails over `spool_size` are kept in the folder `spool` and not in
    memory; `connections` is for all clients together, `strangers` for those of them that may not
    send as yet; `commands` counts those since the last mail that named no recipient, `errors` and
    `logins` that fail are for a session, `hops` are `Received` fields, `data_rate` is in octets a
    second. A client that says nothing for `idle_release` seconds between two mails keeps no next
    hop waiting.
    """

    message_size: int = 50 * 2**20
    recipients: int = 1000
    connections: int = 2000
    connections_per_address: int = 1500
    strangers: int = 100
    commands: int = 500
    errors: int = 20
    logins: int = 3
    hops: int = 50
    data_rate: int = 500
    idle_release: float = 10.0
    spool_size: int = 2**20
    spool: Path | None = None


class Conversation(SMTP):
    """aiosmtpd's connection, session and commands, with our own reading, waiting and writing."""

    # aiosmtpd's 1001 is also how much is read at a time.
    line_length_limit = 2**16

    def __init__(self, hostname: str, limits: Limits, timeouts: Timeouts) -> None:
        # A server that is its own handler recurses on the first exception.
        super().__init__(_NOBODY, hostname=hostname, loop=asyncio.get_running_loop())
        self._limits, self._timeouts = limits, timeouts
        self._said = b""
        self._commands = self._errors = 0
        self._patience: asyncio.Timeout | None = None
        self._is_over = self._is_winding_up = False

    # aiosmtpd looks through all its names for commands and mechanisms, for each client anew: that
    # is four fifths of what a new one costs. Ours are known by name.
    def __dir__(self) -> tuple[str, ...]:
        return ()

    @property
    def task(self) -> asyncio.Task[None]:
        """What holds the conversation."""
        return cast("asyncio.Task[None]", self._handler_coroutine)

    def wind_up(self) -> None:
        """End between two mails: now, or after this one."""
        self._is_winding_up = True
        if self._is_between_mails():
            self._wake()

    def break_off(self) -> None:
        """End now, with a word if a command is waited for."""
        self._is_winding_up = True
        if not self._wake():
            self._cut()

    @property
    def _host(self) -> str:
        """Whom we talk with, for the log."""
        peer = self.session.peer if self.session is not None else None
        return str(peer[0]) if peer else ""

    @abstractmethod
    async def _greeting(self) -> Reply:
        """The first reply; the conversation ends with it unless it is a 220."""

    @abstractmethod
    def _check(self, verb: str) -> None:
        """Raise `BadCommand` for a command that is not spoken here and now."""

    @abstractmethod
    def _is_between_mails(self) -> bool:
        """Whether there is no transaction."""

    @abstractmethod
    async def _leave(self) -> None:
        """Give back what the conversation holds."""

    def _wake(self) -> bool:
        if self._patience is None:
            return False
        self._patience.reschedule(self.loop.time())
        return True

    # Not aiosmtpd's timer: it is one for everything, also for the next hop's work on a dot, and
    # closes without a word. Each wait here has its own.
    def _reset_timeout(self, duration: float | None = None) -> None:
        pass

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to talk."""
        self._socket = cast(asyncio.Transport, transport)
        super().connection_made(transport)
        self._wire = Wire(self._reader)

    # Not aiosmtpd's: it cancels the command that runs, and with it a delivery under way. The
    # conversation notices by itself that nobody is there.
    def connection_lost(self, error: Exception | None) -> None:
        asyncio.StreamReaderProtocol.connection_lost(self, error)
        self.transport = None

    # Not aiosmtpd's: likewise. A client may close its half and still wait for the reply.
    def eof_received(self) -> bool | None:
        return asyncio.StreamReaderProtocol.eof_received(self)

    # Not aiosmtpd's: it takes a bare LF for the end of a command, logs addresses, waits for ever
    # for a client that does not read, and knows no list of clients.
    async def _handle_client(self) -> None:
        try:
            await self._converse()
        except (OSError, EOFError):
            # The client is gone; whatever the next hop took stays taken.
            pass
        finally:
            await self._part()
            await self._leave()

    async def _converse(self) -> None:
        greeting = await self._greeting()
        await self._say(greeting)
        while greeting.code == 220 and not self._is_over:
            await self._take_turn()

    async def _take_turn(self) -> None:
        try:
            await self._obey(await self._next_line())
        except BareNewline as bad:
            await self._end(bad.reply)
        except BadCommand as bad:
            await self._refuse(bad.reply)
        except TimeoutError:
            await self._end(STOPPING if self._is_winding_up else _IDLE)
        except (OSError, EOFError):
            raise
        except Exception as error:  # noqa: BLE001 - a fault of ours is no verdict on the mail
            await self.push(await self.handle_exception(error))
        if self._is_winding_up and self._is_between_mails() and not self._is_over:
            await self._end(STOPPING)

    async def _next_line(self) -> bytes:
        async with asyncio.timeout(self._timeouts.client_command) as patience:
            self._patience = patience
            try:
                return await self._line()
            finally:
                self._patience = None

    async def _line(self) -> bytes:
        return await self._wire.line(self._longest_line)

    @property
    def _longest_line(self) -> int:
        """How many octets a command may have."""
        return LONGEST_LINE

    async def _secure(self, context: ssl.SSLContext) -> None:
        """Go on under TLS; whatever was said before it and not answered is forgotten.

        RFC 3207, 4.2: it could have been said by somebody else. Raises `OSError`.
        """
        within = self._timeouts.connect
        # The plain writer stays alive: the last one to let go of it closes the connection.
        self._plain = self._writer
        self._wire, self._writer = await tls.upgrade(self._writer, context, within)

    async def _obey(self, line: bytes) -> None:
        verb, _, argument = line.partition(b" ")
        name = verb.upper().decode("latin-1")
        self._said = line
        self._commands += 1
        if name in _HTTP or name.endswith(":") or self._commands > self._limits.commands:
            # A browser made to talk to us would go on with words that are commands.
            await self._end(ENOUGH)
        elif name not in COMMANDS:
            raise BadCommand(UNKNOWN)
        else:
            self._check(name)
            if self._commands > _EAGER:
                # Who talks for the sake of talking shall not keep others waiting.
                await asyncio.sleep(_PAUSE)
            # Each of them is ours: aiosmtpd's own STARTTLS and AUTH are never reached.
            await getattr(self, f"smtp_{name}")(argument.strip().decode("latin-1"))

    async def _refuse(self, refusal: Reply) -> None:
        self._errors += 1
        if self._errors > self._limits.errors:
            await self._end(ENOUGH)
        else:
            await self._say(refusal)

    async def _end(self, farewell: Reply) -> None:
        self._is_over = True
        await self._say(farewell)

    async def _part(self) -> None:
        is_gone = self._socket.is_closing()
        self._writer.close()
        if is_gone:
            return
        try:
            async with asyncio.timeout(_FAREWELL):
                await self._writer.wait_closed()
        except OSError:
            self._cut()

    def _cut(self) -> None:
        # Not close(): it never ends while the client does not read. And the socket's own: under
        # TLS there may be a farewell to wait for.
        self._socket.abort()

    # Not aiosmtpd's: the words of a next hop may be no UTF-8 and a client may never read them.
    async def push(self, status: AnyStr) -> None:
        line = status if isinstance(status, bytes) else status.encode("ascii", "replace")
        await self._write(line + b"\r\n")

    # Not aiosmtpd's: it answers 500, a permanent refusal, and tells the exception's name.
    async def handle_exception(self, error: Exception) -> str:
        log.exception("session_failed", exc_info=error)
        return OUR_FAULT.wire().decode("ascii").rstrip("\r\n")

    async def _say(self, said: Reply) -> None:
        if said.code >= 400 and said is not STOPPING:
            self._log_refusal(said)
        await self._write(said.wire())

    def _log_refusal(self, said: Reply) -> None:
        verb = self._said.partition(b" ")[0].upper().decode("latin-1")
        command = verb if verb in COMMANDS else ""
        its = told(said, self._addresses())
        log.warning("refused", client=self._host, command=command, reply=its)

    def _addresses(self) -> Iterable[bytes]:
        """Who was named, as far as it is known here."""
        return _ADDRESS.findall(self._said)

    async def _write(self, wire: bytes) -> None:
        self._writer.write(wire)
        try:
            async with asyncio.timeout(self._timeouts.client_command):
                await self._writer.drain()
        except TimeoutError:
            self._cut()
            raise ConnectionAbortedError from None


class _Nobody:
    """A handler that handles nothing and is looked through in no time."""

    def __dir__(self) -> tuple[str, ...]:
        return ()


COMMANDS = frozenset(
    "EHLO HELO STARTTLS AUTH XFORWARD MAIL RCPT DATA RSET NOOP VRFY EXPN HELP QUIT".split()
)
# Commands that led to no mail, as `smtpd_junk_command_limit` of Postfix, and seconds.
_EAGER, _PAUSE = 100, 0.02
STOPPING = reply(421, "4.3.2 Going down, please try again")
_ADDRESS = re.compile(rb"<([^<>]+)>")
_FAREWELL = 10.0
_NOBODY = _Nobody()
_HTTP = frozenset("GET POST PUT HEAD DELETE OPTIONS CONNECT TRACE PATCH".split())
_IDLE = reply(421, "4.4.2 Waited too long")
ENOUGH = reply(421, "4.7.0 Too many errors or commands")
UNKNOWN = reply(500, "5.5.2 Command not recognized")


def expect_nothing(argument: str | None) -> None:
    """Refuse a command that has an argument although it takes none."""
    if argument:
        raise BadCommand(reply(501, "5.5.4 No argument here"))
