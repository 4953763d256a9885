"""Stand-ins that remember: a next hop whose every step can be made to go wrong."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any


class Act(Enum):
    """What a next hop may do instead of answering."""

    DROP = auto()  # close the connection
    HANG = auto()  # say nothing until the other side goes


DROP, HANG = Act.DROP, Act.HANG


class Drip(bytes):
    """An answer that comes one byte at a time."""


# An answer: bytes to send, an act, an event to wait for, or several of these in turn.
# A list gives one answer for each time the step is reached; the usual one after its end.
Answer = bytes | Act | asyncio.Event | tuple[Any, ...]
Answers = Mapping[str, Answer | list[Answer]]


@dataclass(frozen=True, slots=True)
class Accepted:
    """A mail that the next hop took: the arguments of its commands and its bytes, unstuffed."""

    mail: bytes
    rcpts: tuple[bytes, ...]
    raw: bytes


USUAL = {
    "CONNECT": b"220 next.example ESMTP\r\n",
    "EHLO": (
        b"250-next.example\r\n250-PIPELINING\r\n250-SIZE 104857600\r\n250-8BITMIME\r\n"
        b"250-SMTPUTF8\r\n250-DSN\r\n250 ENHANCEDSTATUSCODES\r\n"
    ),
    "HELO": b"250 next.example\r\n",
    "MAIL": b"250 2.1.0 sender fine\r\n",
    "RCPT": b"250 2.1.5 recipient fine\r\n",
    "DATA": b"354 go ahead\r\n",
    "DOT": b"250 2.0.0 taken\r\n",
    "RSET": b"250 2.0.0 forgotten\r\n",
    "NOOP": b"250 2.0.0 still here\r\n",
    "STARTTLS": b"220 2.0.0 go\r\n",
    "AUTH": b"235 2.7.0 welcome\r\n",
    "XFORWARD": b"250 2.0.0 noted\r\n",
    "QUIT": (b"221 2.0.0 bye\r\n", DROP),
}


@dataclass
class NextServer:
    """A real SMTP server on a loopback socket that does what `replies` says and remembers.

    The steps are CONNECT, EHLO, HELO, STARTTLS, AUTH, XFORWARD, MAIL, RCPT, DATA, DOT, RSET, NOOP
    and QUIT; AUTH is the last word on a login. `replies` may be changed while it runs. Use it as
    `async with NextServer(replies={...}) as server`.
    """

    replies: dict[str, Answer | list[Answer]] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None
    is_implicit: bool = False
    port: int = 0
    patience: float = 60.0
    mails: list[Accepted] = field(default_factory=list)
    lines: list[bytes] = field(default_factory=list)
    connections: int = 0
    steps: list[str] = field(default_factory=list)

    async def __aenter__(self) -> NextServer:
        self._news = asyncio.Condition()
        self._tasks: list[asyncio.Task[None]] = []
        self._writers: list[asyncio.StreamWriter] = []
        context = self.tls if self.is_implicit else None
        self._server = await asyncio.start_server(
            self._greet, "127.0.0.1", self.port, ssl=context, limit=2**22
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Go away at once, as a killed server does."""
        self._server.close()
        for writer in self._writers:
            # Before 3.11.5 a TLS transport that has been closed can be aborted no more.
            if not writer.transport.is_closing():
                writer.transport.abort()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def reached(self, step: str, times: int = 1) -> None:
        """Wait until this step has been reached so often."""
        await self._until(lambda: self.steps.count(step) >= times)

    async def taken(self, count: int = 1) -> None:
        """Wait until so many mails have been taken."""
        await self._until(lambda: len(self.mails) >= count)

    async def _until(self, is_true: Callable[[], bool]) -> None:
        async with asyncio.timeout(self.patience), self._news:
            await self._news.wait_for(is_true)

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()

    def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        self._tasks.append(asyncio.create_task(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        gone = (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError)
        try:
            with contextlib.suppress(*gone):
                await _Conversation(self, reader, writer).hold()
        finally:
            writer.close()
        with contextlib.suppress(*gone):
            await writer.wait_closed()

    def answer(self, step: str) -> Answer:
        """What to do at this step, now."""
        answer = self.replies.get(step, USUAL[step])
        if isinstance(answer, list):
            answer = answer.pop(0) if answer else USUAL[step]
        return answer


class _Conversation:
    def __init__(
        self, server: NextServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._server, self._reader, self._writer = server, reader, writer
        self._mail = b""
        self._rcpts: list[bytes] = []

    async def hold(self) -> None:
        await self._step("CONNECT")
        while True:
            line = await self._line()
            verb, _, rest = line.partition(b" ")
            step = verb.upper().decode("latin-1")
            if step not in USUAL or step in ("CONNECT", "DOT"):
                self._writer.write(b"500 5.5.2 what?\r\n")
                continue
            if step == "AUTH" and rest.upper() == b"LOGIN":
                await self._ask_who()
            said = await self._step(step)
            await self._after(step, rest, said)

    async def _line(self) -> bytes:
        line = (await self._reader.readuntil(b"\r\n"))[:-2]
        self._server.lines.append(line)
        return line

    async def _ask_who(self) -> None:
        for prompt in (b"334 VXNlcm5hbWU6\r\n", b"334 UGFzc3dvcmQ6\r\n"):
            self._writer.write(prompt)
            await self._line()

    async def _after(self, step: str, rest: bytes, said: bytes) -> None:
        is_ok = said.startswith(b"2")
        if step == "MAIL" and is_ok:
            self._mail, self._rcpts = rest, []
        elif step == "RCPT" and is_ok:
            self._rcpts.append(rest)
        elif step == "RSET":
            self._mail, self._rcpts = b"", []
        elif step == "DATA" and said.startswith(b"354"):
            await self._take()
        elif step == "STARTTLS" and is_ok and self._server.tls:
            await self._writer.start_tls(self._server.tls)

    async def _take(self) -> None:
        lines = []
        while (line := await self._reader.readuntil(b"\r\n")) != b".\r\n":
            lines.append(line.removeprefix(b"."))
        mail = Accepted(self._mail, tuple(self._rcpts), b"".join(lines))
        await self._step("DOT", before=lambda said: self._keep(said, mail))

    def _keep(self, said: bytes, mail: Accepted) -> None:
        if said.startswith(b"2"):
            self._server.mails.append(mail)

    async def _step(self, step: str, before: Callable[[bytes], None] | None = None) -> bytes:
        answer = self._server.answer(step)
        self._server.steps.append(step)
        await self._server._tell()
        said = b""
        for part in answer if isinstance(answer, tuple) else (answer,):
            if isinstance(part, bytes) and not said:
                said = bytes(part)
                if before:
                    before(said)
                    await self._server._tell()
            await self._do(part)
        return said

    async def _do(self, part: Any) -> None:
        match part:
            case Act.DROP:
                self._writer.close()
                raise ConnectionResetError
            case Act.HANG:
                await self._reader.read()
                raise ConnectionResetError
            case asyncio.Event():
                await part.wait()
            case _:
                await self._send(part)

    async def _send(self, said: bytes) -> None:
        for piece in _pieces(said):
            self._writer.write(piece)
            await self._writer.drain()


def _pieces(said: bytes) -> Iterator[bytes]:
    if not isinstance(said, Drip):
        yield said
        return
    for byte in said:
        yield bytes([byte])


class Talker:
    """A client that says bytes and hears lines, over a real socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def at(cls, port: int) -> Talker:
        """Connect to a port on this machine."""
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def say(self, said: bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(said)
        await self.writer.drain()

    async def line(self) -> bytes:
        """The next line without its end; empty when the other side has gone."""
        try:
            async with asyncio.timeout(60):
                return (await self.reader.readline()).removesuffix(b"\r\n")
        except ConnectionError:
            return b""

    async def hear(self) -> bytes:
        """The next whole reply, its lines joined by newlines; empty when there is none."""
        lines = [await self.line()]
        while lines[-1][3:4] == b"-":
            lines.append(await self.line())
        return b"\n".join(lines)

    async def ask(self, command: bytes) -> bytes:
        """Say a command and hear the reply."""
        await self.say(command + b"\r\n")
        return await self.hear()

    async def close(self) -> None:
        """Go at once."""
        self.writer.transport.abort()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()
