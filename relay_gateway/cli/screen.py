"""What people see: colour and tables on a terminal, plain text in a pipe, and how commands end."""

from __future__ import annotations

import json
import sys
from typing import IO, Any

import click
from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from relay_gateway.core.printable import printable

# sysexits.h; 2 is click's own for a wrong use of the command line.
USAGE = 2
DATA_FAULT = 65
NO_INPUT = 66
UNAVAILABLE = 69
CANNOT_WRITE = 73
IO_FAULT = 74
TRY_AGAIN = 75
BAD_CONFIG = 78

# In a pipe a line is as long as it is: whoever reads it there may cut it as he likes.
_PIPE_WIDTH = 2000


class Stopped(click.ClickException):
    """A command that cannot go on: sentences for standard error and the exit status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        # click reads it from the instance, though it calls it a variable of the class.
        self.exit_code = status  # type: ignore[misc]

    def show(self, file: IO[Any] | None = None) -> None:
        """The sentences alone, without a heading of click's."""
        say(self.message, style="red")


def out() -> Console:
    """Standard output."""
    return _console(sys.stdout.isatty(), is_error=False)


def err() -> Console:
    """Standard error."""
    return _console(sys.stderr.isatty(), is_error=True)


def say(sentence: str, style: str = "") -> None:
    """A sentence to standard error; it may hold what somebody else has written."""
    lines = "\n".join(map(printable, sentence.split("\n")))
    err().print(lines, style=style or None, soft_wrap=True)


def echo_json(value: dict[str, Any]) -> None:
    """One JSON object on one line of standard output."""
    click.echo(as_json(value))


def as_json(value: Any) -> str:
    """JSON on one line that no terminal takes for a command, whatever the text in it."""
    text = json.dumps(value, ensure_ascii=False)
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else _escape(sign) for sign in text)


def fact(name: object, value: str, width: int = 9) -> Text:
    """A name and what it is; the values of several stand below each other."""
    head = str(name)
    gap = " " * max(width - cell_len(head), 0)
    return Text.assemble((f"{head}{gap} ", "dim"), printable(value))


def table(*columns: object, numbers: tuple[object, ...] = (), title: str | None = None) -> Table:
    """A table with these headings; those among `numbers` stand to the right."""
    is_terminal = sys.stdout.isatty()
    made = Table(
        box=box.SIMPLE_HEAD if is_terminal else None,
        title=title,
        title_justify="left",
        title_style="bold",
        header_style="bold",
        pad_edge=False,
        show_edge=False,
    )
    for name in columns:
        made.add_column(str(name), justify="right" if name in numbers else "left", overflow="fold")
    return made


def _escape(sign: str) -> str:
    # json.dumps itself knows the surrogate pairs that JSON wants for what lies beyond U+FFFF.
    return json.dumps(sign)[1:-1] if sign != "\x7f" else "\\u007f"


def _console(is_terminal: bool, *, is_error: bool) -> Console:
    return Console(
        stderr=is_error,
        width=None if is_terminal else _PIPE_WIDTH,
        highlight=False,
        markup=False,
        emoji=False,
    )
