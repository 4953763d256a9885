"""`redact`: a mail to show to others, without its words."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from relay_gateway.cli import mailbox
from relay_gateway.cli.desk import config_option, desk
from relay_gateway.core.redact import redact as without_words


@click.command()
@click.argument("mail")
@click.option(
    "--keep/--no-keep",
    "keeps",
    default=True,
    help="Keep the words that the rules look for where they find them.  [default: keep]",
)
@config_option
def redact(mail: str, *, keeps: bool, path: Path | None) -> None:
    """Write a mail with its words masked letter by letter and its structure kept.

    MAIL is a file, or - for standard input. The words that the rules look for stay in the sentences
    where they find them, so that the mail is judged as before; everything else that somebody wrote
    goes. Send the result, not the mail, when you report one that the gateway judged or changed
    wrongly. Look through it first: names of MIME and of HTML stay as they are.
    """
    raw = mailbox.one(mail)
    rules = desk(path).rules if keeps else None
    sys.stdout.buffer.write(without_words(raw, rules))
    sys.stdout.buffer.flush()
