"""A list of registrations as CareerRelay writes it: CSV with token, registered_at and event_id."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from relay_gateway.cli.screen import NO_INPUT, USAGE, Stopped


@dataclass(frozen=True, slots=True)
class Registration:
    """One line of the file; what is not in it is empty."""

    line: int
    token: str
    registered_at: str
    event_id: str


# Parts of headings under which somebody could be recognised, in their normal form.
_PERSONAL = re.compile(
    r"mail|address|\bname|name\b|phone|tel\b|mobile|birth|age\b|gender|sex\b"
    r"|kana|zip|postal|subject|氏名|名前|姓|名$|お名|フリガナ|ふりがな|カナ|アドレス|メール|住所|電話"
    r"|携帯|生年月日|年齢|性別|郵便"
)


def read(path: Path) -> tuple[Registration, ...]:
    """The registrations in a file; one with columns that could name somebody stops the command."""
    try:
        raw = path.read_bytes()
    except OSError as fault:
        raise Stopped(f"{path} cannot be read ({fault.strerror}).", NO_INPUT) from fault
    try:
        return parse(raw)
    except ValueError as fault:
        raise Stopped(f"{path}: {fault}.", USAGE) from fault


def parse(raw: bytes) -> tuple[Registration, ...]:
    """The lines of such a file; `ValueError` says in a sentence what is wrong with it."""
    text = _text(raw)
    delimiter = "\t" if "\t" in text.partition("\n")[0] else ","
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as fault:
        raise ValueError(f"this is no CSV ({fault}); save it as CSV again") from fault
    if not rows:
        raise ValueError("it is empty; the first line has to name the columns")
    columns = _columns(rows[0])
    return tuple(
        _registration(at, row, columns)
        for at, row in enumerate(rows[1:], 2)
        if any(map(str.strip, row))
    )


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        # A Japanese Excel saves CSV like this unless it is asked for UTF-8.
        return raw.decode("cp932", "replace")


def _columns(heads: Sequence[str]) -> dict[str, int]:
    names = [_normal(head) for head in heads]
    personal = [head.strip() for head, name in zip(heads, names, strict=True) if _is_personal(name)]
    if personal:
        shown = ", ".join(each[:40] for each in personal)
        raise ValueError(f"the columns {shown} could name somebody; delete them and try again")
    columns = {name: at for at, name in reversed(list(enumerate(names)))}
    for needed in ("token", "registered_at"):
        if needed not in columns:
            raise ValueError(f"there is no column {needed}; the first line has to name the columns")
    return columns


def _normal(head: str) -> str:
    return re.sub(r"[\s-]+", "_", unicodedata.normalize("NFKC", head).strip().lower())


def _is_personal(name: str) -> bool:
    return _PERSONAL.search(name.replace("_", " ")) is not None


def _registration(line: int, row: Sequence[str], columns: dict[str, int]) -> Registration:
    def value(name: str) -> str:
        at = columns.get(name, len(row))
        return row[at].strip() if at < len(row) else ""

    return Registration(line, value("token"), value("registered_at"), value("event_id"))
