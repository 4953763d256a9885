"""`send` speaks with a real server."""

from __future__ import annotations

import asyncio
import socket

import pytest

from tests.cli.conftest import REJECTION, mail, run
from tests.doubles import NextServer


async def send(server, *arguments, stdin=None):
    """Run `send` beside the server."""
    where = ("--to", f"127.0.0.1:{server.port}")
    return await asyncio.to_thread(run, "send", *arguments, *where, stdin=stdin)


def address(argument):
    """What follows `FROM:` or `TO:`; smtplib's case of it changes with its version."""
    return argument.partition(b":")[2]


async def test_the_server_gets_the_mail_byte_for_byte(here):
    (here / "mail.eml").write_bytes(REJECTION)
    async with NextServer() as server:
        result = await send(server, "mail.eml")
    (taken,) = server.mails
    assert taken.raw == REJECTION
    assert address(taken.mail).startswith(b"<saiyo@acme.example>")
    assert [address(rcpt) for rcpt in taken.rcpts] == [b"<sato@mail.example>"]
    assert result.exit_code == 0


async def test_every_reply_is_shown(here):
    async with NextServer() as server:
        result = await send(server, "-", stdin=mail())
    shown = result.stdout.splitlines()
    assert shown[0] == "< 220 next.example ESMTP"
    assert "> mail from:<saiyo@acme.example>" in [line.casefold() for line in shown]
    assert "< 250 2.0.0 taken" in shown
    assert shown[-1] == "< 221 2.0.0 bye"


async def test_line_feeds_and_lines_of_dots_arrive_as_mail_asks(here):
    raw = b"To: a@gmail.example\n\n.\n..two\nbare\n"
    async with NextServer() as server:
        await send(server, "-", "--from", "", stdin=raw)
    assert server.mails[0].raw == raw.replace(b"\n", b"\r\n")
    assert address(server.mails[0].mail).startswith(b"<>")


async def test_options_name_who_sends_and_who_gets_it(here):
    addresses = ("--from", "x@acme.example", "--rcpt", "a@b.example", "--rcpt", "c@b.example")
    async with NextServer() as server:
        await send(server, "-", *addresses, stdin=mail())
    assert [address(rcpt) for rcpt in server.mails[0].rcpts] == [
        b"<a@b.example>",
        b"<c@b.example>",
    ]


async def test_several_mails_go_over_one_line(here):
    for name in ("1.eml", "2.eml"):
        (here / name).write_bytes(mail(Message_ID=f"<{name}>"))
    async with NextServer() as server:
        await send(server, "1.eml", "2.eml")
    assert (len(server.mails), server.connections) == (2, 1)


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA", "DOT"])
async def test_a_refusal_is_shown_and_the_next_mail_is_sent(here, step):
    (here / "mail.eml").write_bytes(mail())
    (here / "next.eml").write_bytes(mail("The next one.\r\n"))
    async with NextServer(replies={step: [b"550 5.7.1 not today\r\n"]}) as server:
        result = await send(server, "mail.eml", "next.eml")
    assert result.exit_code == 1
    assert "< 550 5.7.1 not today" in result.stdout
    assert [each.raw for each in server.mails] == [mail("The next one.\r\n")]


async def test_a_server_that_hangs_up_is_a_sentence(here):
    async with NextServer(replies={"CONNECT": b"554 5.7.1 go away\r\n"}) as server:
        result = await send(server, "-", stdin=mail())
    assert result.exit_code == 69


def test_a_server_that_is_not_there_is_a_sentence(here):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        result = run("send", "-", "--to", f"127.0.0.1:{taken.getsockname()[1]}", stdin=mail())
    assert result.exit_code == 69
    assert "running" in result.stderr


async def test_what_a_server_says_is_no_command_to_the_terminal(here):
    async with NextServer(replies={"DOT": b"250 \x1b[31mred\x07\r\n"}) as server:
        result = await send(server, "-", stdin=mail())
    assert result.stdout.replace("\n", "").isprintable()


@pytest.mark.parametrize("server", ["nowhere", "host:0", "host:99999", ":25", "a b:25"])
def test_what_is_no_server_is_refused(here, server):
    result = run("send", "-", "--to", server, stdin=mail())
    assert result.exit_code == 2


def test_a_mail_to_nobody_is_not_sent(here):
    result = run("send", "-", stdin=b"From: a@acme.example\r\n\r\nhello\r\n")
    assert result.exit_code == 2
    assert "--rcpt" in result.stderr
