"""`--from`, `--to` and `--company`: who the commands take the mail to come from and go to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from relay_gateway.cli.trial import Asked

COMMAND = TypeVar("COMMAND", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--company", metavar="ID", help="Judge as if this company had sent the mail."),
    click.option(
        "--to", "recipients", multiple=True, metavar="ADDRESS", help="Instead of the header's To:."
    ),
    click.option("--from", "sender", metavar="ADDRESS", help="Instead of the header's From:."),
)


def envelope_options(command: COMMAND) -> COMMAND:
    """The three options, the same in all commands that judge mails."""
    for option in _OPTIONS:
        command = option(command)
    return command


def asked(given: Mapping[str, Any], *, is_forced: bool = False) -> Asked:
    """What these options say."""
    return Asked(given["sender"], given["recipients"], given["company"], is_forced)
