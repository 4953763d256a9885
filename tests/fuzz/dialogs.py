"""What the edge promises for any bytes from either side: it is never out of step, nor at a loss."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Iterator

from structlog.testing import capture_logs

from relay_gateway.core import path
from relay_gateway.core.access import Access
from relay_gateway.core.path import BadCommand
from relay_gateway.core.reply import Reply
from relay_gateway.edge import login
from relay_gateway.edge.next_hop import NextHop, Timeouts
from tests.doubles import USUAL, NextServer, Talker
from tests.edge.fronts import LOOPBACK, front, next_hop

_WITHIN = 20

# ---- clients

SESSIONS = [
    b"EHLO client.example\r\nMAIL FROM:<hr@acme.example> BODY=8BITMIME RET=HDRS\r\n"
    b"RCPT TO:<kim@mail.example> NOTIFY=NEVER\r\nDATA\r\nSubject: x\r\n\r\n..dot\r\n.\r\nQUIT\r\n",
    b"HELO client.example\r\nMAIL FROM:<>\r\nRCPT TO:<hr@acme.example>\r\nDATA\r\n\r\n.\r\n"
    b"RSET\r\nNOOP\r\nVRFY kim\r\nEXPN all\r\nHELP\r\nQUIT\r\n",
    b"EHLO [192.0.2.1]\r\nMAIL FROM:<hr@acme.example> SMTPUTF8\r\nRCPT TO:<"
    + "採用@mail.example".encode()
    + b">\r\nDATA\r\n.\r\nMAIL FROM:<hr@acme.example> SIZE=7\r\nRSET\r\nEHLO again.example\r\n"
    b"STARTTLS\r\nAUTH PLAIN AGEAYg==\r\nXFORWARD NAME=x ADDR=192.0.2.9\r\nBDAT 3 LAST\r\nabc",
    b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
]
WORDS_OF_CLIENTS = [
    *(b"EHLO x\r\n", b"HELO x\r\n", b"MAIL FROM:<a@b.example>\r\n", b"RCPT TO:<c@d.example>\r\n"),
    *(b"DATA\r\n", b"RSET\r\n", b"NOOP\r\n", b"QUIT\r\n", b"STARTTLS\r\n", b"AUTH LOGIN\r\n"),
    *(b"\r\n.\r\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\r\n\0.\r\n", b"..\r\n"),
    *(b" SMTPUTF8", b" BODY=8BITMIME", b" SIZE=99999999999", b"XCLIENT ADDR=1.2.3.4\r\n"),
    *(b"XFORWARD ADDR=192.0.2.1\r\n", b"BDAT 0 LAST\r\n", b"ETRN x\r\n", b"TURN\r\n"),
]
_TRUSTING = Access(LOOPBACK.clients, forwarders=LOOPBACK.clients)
_REPLY_LINE = re.compile(rb"[2-5][0-9]{2}[ -][\t -~\x80-\xff]*\r\n")
_COMMAND = re.compile(
    rb"(?:(?:EHLO|HELO) [!-~]+|DATA|RSET|QUIT|NOOP|XFORWARD [!-~]+(?: [!-~]+)*"
    rb"|MAIL FROM:<.*>(?: [!-~\x80-\xff]+)*|RCPT TO:<.*>(?: [!-~\x80-\xff]+)*)",
    re.DOTALL,
)


async def check_client(said: bytes) -> None:
    """Replies and nothing else for the client, commands and nothing else for the next hop."""
    with capture_logs() as lines:
        async with (
            NextServer() as server,
            front(server, access=_TRUSTING) as front_end,
            asyncio.timeout(_WITHIN),
        ):
            heard = await _overheard(front_end.port, said)
            await front_end.empty()
    assert all(_REPLY_LINE.fullmatch(line) for line in heard.splitlines(keepends=True)), heard
    assert [line for line in lines if line["event"] != "refused"] == []
    for line in server.lines:
        _check_command(line)
    for mail in server.mails:
        assert mail.raw.count(b"\r") == mail.raw.count(b"\n") == mail.raw.count(b"\r\n"), mail


async def _overheard(port: int, said: bytes) -> bytes:
    """All that a client hears who says all at once, in odd pieces, and then no more."""
    client = await Talker.at(port)
    hearing = asyncio.create_task(client.reader.read())
    # The front end may have hung up already.
    with contextlib.suppress(ConnectionError):
        for piece in _pieces(said):
            await client.say(piece)
        client.writer.write_eof()
    heard = b""
    with contextlib.suppress(ConnectionError):
        heard = await hearing
    await client.close()
    return heard


def _pieces(said: bytes) -> Iterator[bytes]:
    """The same pieces for the same bytes: few large ones, with an edge in an odd place."""
    size = max(1, sum(said[:64]) % (len(said) + 1))
    for at in range(0, len(said), max(size, len(said) // 8, 1)):
        yield said[at : at + max(size, len(said) // 8, 1)]


def _check_command(line: bytes) -> None:
    assert _COMMAND.fullmatch(line), line
    if line.startswith(b"MAIL"):
        path.mail(line)
    elif line.startswith(b"RCPT"):
        path.rcpt(line, is_utf8=True)


LOGINS = [
    b"PLAIN AGhyAHNlY3JldA==",
    b"PLAIN\r\nAGhyAHNlY3JldA==",
    b"LOGIN\r\naHI=\r\nc2VjcmV0",
    b"LOGIN aHI=\r\n*",
]
WORDS_OF_LOGINS = [b"PLAIN ", b"LOGIN ", b"=", b"====", b"AAAA", b"*", b"\r\n", b"/+/+", b"gICA"]


async def check_login(said: bytes) -> None:
    """A name and a password, or a refusal."""
    argument, *answers = said.split(b"\r\n")

    async def ask(question: Reply) -> bytes:
        assert question.code == 334
        return answers.pop(0) if answers else b""

    with contextlib.suppress(BadCommand):
        shown = await login.credentials(argument.decode("latin-1"), ask)
        shown.user.encode("utf-8")


# ---- next hops

# A reply for each step in turn; this stands between them, so that no mutation has to know it.
_NEXT = b"\0|\0"
_STEPS = ("CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "DOT", "RSET", "QUIT")
_WELL = [USUAL[step] if step != "QUIT" else b"221 2.0.0 bye\r\n" for step in _STEPS]


def _with(step: str, said: bytes) -> bytes:
    return _NEXT.join(
        said if name == step else well for name, well in zip(_STEPS, _WELL, strict=True)
    )


ANSWERS = [
    _NEXT.join(_WELL),
    _with("DATA", b"550 5.7.1 no\r\n"),
    _with("DOT", b"550-5.7.1 no\r\n550 5.7.1 never\r\n"),
    _with("DOT", b"250-2.0.0 taken\r\n250 2.0.0 as 4711\r\n"),
    _with("DATA", b"354 go\r\n250 taken\r\n"),
    _with("RCPT", b"421 4.3.2 bye\r\n"),
    _with("EHLO", b"250-next.example\r\n250-SIZE 100\r\n250 DSN\r\n"),
]
WORDS_OF_NEXT_HOPS = [
    *(b"250 ok\r\n", b"250-ok\r\n", b"354 go\r\n", b"354", b"250", b"250-", b"251", b"299", b"199"),
    *(b"421 bye\r\n", b"550 no\r\n", b"600 x\r\n", b" 25", b"+25", b"2_5", b"25\r\n", b"-1", _NEXT),
    *(b"250\r\n", b"250 \r\n", b"250\t", b"250-STARTTLS\r\n", b"SIZE ", b"220 x\r\n", b"999"),
]
MAIL = path.mail(b"MAIL FROM:<hr@acme.example> SIZE=30")
RCPT = path.rcpt(b"RCPT TO:<kim@mail.example>", is_utf8=False)
# A half reply is waited for; no more may come.
_BRIEF = Timeouts(connect=0.05, reply=0.05, final_dot=0.05)
_ACCEPTANCE = re.compile(rb"(?:(2[0-9]{2})-[^\r\n]*\r\n)*2[0-9]{2}(?: [^\r\n]*)?\r\n")


class _Parrot:
    """Says its pieces in turn: the first when it is called, one for each thing it hears."""

    def __init__(self, said: bytes) -> None:
        self.pieces = said.split(_NEXT)
        self.dot = b""
        self._calls: list[asyncio.Task[None]] = []

    def call(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._calls.append(asyncio.create_task(self._talk(reader, writer)))

    async def gone(self) -> None:
        """Wait until nobody is talked to."""
        for call in self._calls:
            call.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(self._piece())
            while self.pieces:
                line = await reader.readuntil(b"\r\n")
                said = self._piece()
                writer.write(said)
                if line == b"DATA\r\n" and said.startswith(b"354"):
                    await reader.readuntil(b"\r\n.\r\n")
                    self.dot = self._piece()
                    writer.write(self.dot)
        except (ConnectionError, asyncio.IncompleteReadError):
            # The other side goes when it likes.
            pass
        finally:
            writer.close()

    def _piece(self) -> bytes:
        return self.pieces.pop(0) if self.pieces else b""


async def check_next_hop(said: bytes) -> None:
    """A reply that can be said, whatever was heard; and an acceptance only if it was one."""
    parrot = _Parrot(said)
    server = await asyncio.start_server(parrot.call, "127.0.0.1", 0)
    hop = next_hop(server.sockets[0].getsockname()[1], _BRIEF)
    with capture_logs() as lines:
        try:
            async with asyncio.timeout(_WITHIN):
                await _deliver(hop, parrot)
        finally:
            hop.close()
            server.close()
            await parrot.gone()
    assert [line for line in lines if line["log_level"] in ("error", "critical")] == []


async def _deliver(hop: NextHop, parrot: _Parrot) -> None:
    replies = [await hop.mail(MAIL)]
    if replies[-1].is_ok:
        replies.append(await hop.rcpt(RCPT))
    if replies[-1].is_ok:
        replies.append(await hop.data(b"Subject: x\r\n\r\nhello\r\n"))
        if replies[-1].is_ok:
            assert _ACCEPTANCE.match(parrot.dot), parrot.dot
    await hop.reset()
    # An answer to this is waited for longer than we have time.
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(hop.quit(), _BRIEF.reply)
    for each in replies:
        _check_reply(each)


def _check_reply(said: Reply) -> None:
    assert 200 <= said.code < 600, said
    assert all(_REPLY_LINE.fullmatch(b"250 " + line + b"\r\n") for line in said.lines), said
