"""The lines of a CSV file as spreadsheets write it, whatever parts its columns."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator
from pathlib import Path

from relay_gateway.cli.mailbox import STDIN
from relay_gateway.cli.screen import DATA_FAULT, NO_INPUT, Stopped

Row = tuple[int, list[str]]


def rows(file: str, *, may_be_cp932: bool = False) -> Iterator[Row]:
    """Each line that is not empty by its number, the heading first: one of no columns if there is
    none. What is no such file stops the command.
    """
    text = _text(file, may_be_cp932=may_be_cp932)
    first = text.partition("\n")[0]
    # Where a comma marks decimals, Excel parts columns by semicolons.
    between = next((sign for sign in ",;\t" if sign in first), ",")
    found = csv.reader(io.StringIO(text, newline=""), delimiter=between, strict=True)
    if not first.strip():
        yield 1, []
    try:
        for row in found:
            values = [value.strip() for value in row]
            if any(values):
                yield found.line_num, values
    except csv.Error as fault:
        raise Stopped(f"{file}:{found.line_num}: is no CSV ({fault}).", DATA_FAULT) from fault


def _text(file: str, *, may_be_cp932: bool) -> str:
    try:
        raw = sys.stdin.buffer.read() if file == STDIN else Path(file).read_bytes()
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        if may_be_cp932:
            # A Japanese Excel saves CSV like this unless it is asked for UTF-8.
            return raw.decode("cp932", "replace")
        raise Stopped(f"{file} is not in UTF-8; save it as CSV UTF-8.", DATA_FAULT) from None
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise Stopped(f"The file {file} cannot be read ({reason}); correct it.", NO_INPUT) from None
