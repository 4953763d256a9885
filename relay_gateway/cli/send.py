"""`send`: a small mail client for trying out; it shows each reply, and changes line ends only."""

from __future__ import annotations

import re
import smtplib
from collections.abc import Iterator

import click

from relay_gateway.cli import mailbox, screen, trial
from relay_gateway.core.message import Message, Unreadable, read
from relay_gateway.core.printable import printable

_TIMEOUT = 60


def _server(_ctx: click.Context, _param: click.Parameter, value: str) -> tuple[str, int]:
    match = re.fullmatch(r"\[([0-9A-Fa-f:.]+)\]:([0-9]{1,5})|([^:\[\]\s]+):([0-9]{1,5})", value)
    host, port = (match[1] or match[3], int(match[2] or match[4])) if match else ("", 0)
    if not 0 < port < 65536:
        raise click.BadParameter(f"{value} is no server; write for example 127.0.0.1:2525.")
    return host, port


class _Shown(smtplib.SMTP):
    """An SMTP client whose every command and reply is seen."""

    def putcmd(self, cmd: str, args: str = "") -> None:
        """Send a command and show it."""
        screen.out().print(f"> {printable(f'{cmd} {args}'.strip())}", style="dim", soft_wrap=True)
        super().putcmd(cmd, args)

    def getreply(self) -> tuple[int, bytes]:
        """Take a reply and show it."""
        code, words = super().getreply()
        style = "green" if code < 400 else "red"
        for line in words.decode("utf-8", "backslashreplace").split("\n"):
            screen.out().print(f"< {code} {printable(line)}", style=style, soft_wrap=True)
        return code, words


@click.command()
@click.argument("mails", nargs=-1, required=True, metavar="MAIL...")
@click.option(
    "--to",
    "server",
    callback=_server,
    default="127.0.0.1:2525",
    show_default=True,
    metavar="HOST:PORT",
    help="The server.",
)
@click.option("--from", "sender", metavar="ADDRESS", help="Instead of the header's From:.")
@click.option(
    "--rcpt", "recipients", multiple=True, metavar="ADDRESS", help="Instead of the header's To:."
)
def send(
    mails: tuple[str, ...],
    *,
    server: tuple[str, int],
    sender: str | None,
    recipients: tuple[str, ...],
) -> None:
    """Send mails to a server, and show its replies.

    MAIL... are files, or - for standard input; each is one mail.
    Exit status 1: the server refused a mail or one of its recipients.
    """
    letters = [_letter(mail, sender, recipients) for mail in mails]
    host, port = server
    try:
        with _Shown(host, port, timeout=_TIMEOUT) as client:
            client.ehlo_or_helo_if_needed()
            is_taken = [_transact(client, *letter) for letter in letters]
    except (OSError, ValueError, smtplib.SMTPException) as problem:
        # ValueError: smtplib refuses line ends in addresses.
        words = f"The conversation with {host}:{port} failed ({problem}); is the server running?"
        raise screen.Stopped(words, screen.UNAVAILABLE) from problem
    if not all(is_taken):
        raise SystemExit(1)


def _letter(
    mail: str, sender: str | None, recipients: tuple[str, ...]
) -> tuple[str, list[str], bytes]:
    raw = mailbox.one(mail)
    header = _header(raw)
    from_ = trial.sender(header).decode("utf-8", "replace") if sender is None else sender
    found = trial.addresses(header, "to", "cc", "bcc")
    to = list(recipients) or [address.decode("utf-8", "replace") for address in found]
    if not to:
        raise screen.Stopped(f"{mail} names nobody it goes to; use --rcpt.", screen.USAGE)
    return from_, to, re.sub(rb"(?<!\r)\n", b"\r\n", raw)


def _header(raw: bytes) -> Message | None:
    try:
        return read(raw)
    except Unreadable:
        return None


def _transact(client: smtplib.SMTP, sender: str, recipients: list[str], raw: bytes) -> bool:
    """One mail; whether it was taken for all of its recipients."""
    code, _ = client.mail(sender, tuple(_options(client, [sender, *recipients], raw)))
    if code >= 300:
        client.rset()
        return False
    codes = [client.rcpt(recipient)[0] for recipient in recipients]
    if not any(code < 300 for code in codes):
        client.rset()
        return False
    try:
        code, _ = client.data(raw)
    except smtplib.SMTPDataError:
        client.rset()
        return False
    return all(code < 300 for code in (code, *codes))


def _options(client: smtplib.SMTP, addresses: list[str], raw: bytes) -> Iterator[str]:
    if not all(map(str.isascii, addresses)):
        if not client.has_extn("smtputf8"):
            raise smtplib.SMTPNotSupportedError("it takes no addresses beyond ASCII")
        client.command_encoding = "utf-8"
        yield "SMTPUTF8"
    if not raw.isascii() and client.has_extn("8bitmime"):
        yield "BODY=8BITMIME"
