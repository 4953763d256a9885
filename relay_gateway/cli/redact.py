"""`redact`: a mail to show to others, without its words."""

from __future__ import annotations

import sys

import click

from relay_gateway.cli import mailbox
from relay_gateway.core.redact import redact as without_words


@click.command()
@click.argument("mail")
def redact(mail: str) -> None:
    """Write a mail with every letter and digit of its words masked and its structure kept.

    MAIL is a file, or - for standard input. Send the result, not the mail, when you report one
    that the gateway did not change as it should. Look through it first: names of MIME and of HTML
    stay as they are.
    """
    sys.stdout.buffer.write(without_words(mailbox.one(mail)))
    sys.stdout.buffer.flush()
