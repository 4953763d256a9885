"""`password`: the line of a user in the users file."""

from __future__ import annotations

import sys

import click

from relay_gateway.cli import screen
from relay_gateway.edge.users import hashed


@click.command()
@click.argument("name")
def password(name: str) -> None:
    """Make a line for the users file of a listener, which holds no password but its hash.

    The password is asked for twice, or read from standard input: relay-gateway password hr >> users
    """
    if not name or ":" in name or name.startswith("#") or not name.isprintable() or " " in name:
        what = "A user's name has no colon, no blank and no # in front; choose another name."
        raise screen.Stopped(what, screen.USAGE)
    secret = _asked() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    if not secret:
        raise screen.Stopped("The password is empty; write it on standard input.", screen.NO_INPUT)
    click.echo(f"{name}:{hashed(secret)}")


def _asked() -> str:
    # Not to standard output: that is the file.
    answer: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return answer
