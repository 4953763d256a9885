"""Mails in files: single ones, folders, mbox and Maildir; byte for byte as they lie there."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO

from relay_gateway.cli.screen import NO_INPUT, Stopped

STDIN = "-"

_MAILS = frozenset((".eml", ".mbox", ".mbx", ".mail", ".email"))
_WORD = re.compile(r"\.[A-Za-z]+[0-9]?\Z")
_FIELD = re.compile(rb"[!-9;-~]+[ \t]*:")
_HEADER = re.compile(rb"(?im)^(?:from|to|date|subject|received|message-id|mime-version):")
_MBOX_NEXT = re.compile(rb">?From |[!-9;-~]+[ \t]*:")
_FROM = b"From "


@dataclass(frozen=True, slots=True)
class Found:
    """A mail and where it lay; `position` counts from 1 in its file.

    `fault` says why `raw` is empty.
    """

    path: str
    position: int
    raw: bytes
    fault: str = ""


def one(path: str) -> bytes:
    """The mail in a file, or on standard input for `-`; without an mbox `From ` line on top."""
    try:
        raw = sys.stdin.buffer.read() if path == STDIN else Path(path).read_bytes()
    except (OSError, ValueError) as problem:
        raise Stopped(_unopened(path, problem), NO_INPUT) from problem
    return without_from(raw)


def without_from(raw: bytes) -> bytes:
    """The mail without the line that mbox files put above it."""
    return raw.partition(b"\n")[2] if raw.startswith(_FROM) else raw


def files(paths: Iterable[str]) -> tuple[str, ...]:
    """All files that hold mails under these paths; a path that does not exist stops everything."""
    found: list[str] = []
    for path in paths:
        if os.path.isdir(path):
            found += _inside(path)
        elif os.path.exists(path) or path == STDIN:
            found.append(path)
        else:
            raise Stopped(_unopened(path, FileNotFoundError()), NO_INPUT)
    return tuple(dict.fromkeys(found))


def mails(path: str) -> Iterator[Found]:
    """The mails in one file; a file that cannot be read is one mail with a fault."""
    try:
        if path == STDIN:
            yield from _read(path, sys.stdin.buffer)
        else:
            with Path(path).open("rb") as source:
                yield from _read(path, source)
    except (OSError, ValueError) as problem:
        yield Found(path, 1, b"", _unopened(path, problem))


def _read(path: str, source: IO[bytes]) -> Iterator[Found]:
    first = source.readline()
    if not first.startswith(_FROM):
        yield Found(path, 1, first + source.read())
    elif path.lower().endswith(".eml"):
        # One mail that was cut out of an mbox, and its writer may begin a line with "From".
        yield Found(path, 1, source.read())
    else:
        for position, raw in enumerate(_split(chain([first], source)), 1):
            yield Found(path, position, raw)


def _split(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The mails of an mbox: a `From ` line after an empty line, with a header under it, is a door.

    RFC 4155 asks for nothing under it, but then a sentence that begins with "From" would cut a
    letter in two.
    """
    mail: list[bytes] = []
    door = None
    for line in lines:
        if door is not None:
            if _MBOX_NEXT.match(line):
                yield from _closed(mail)
                mail = []
            else:
                mail.append(door)
            door = None
        if line.startswith(_FROM) and (not mail or mail[-1] in (b"\n", b"\r\n")):
            door = line
        else:
            mail.append(line)
    yield from _closed(mail if door is None else [*mail, door])


def _closed(mail: list[bytes]) -> Iterator[bytes]:
    # The empty line above the next door belongs to the door.
    if mail and mail[-1] in (b"\n", b"\r\n"):
        mail = mail[:-1]
    if mail:
        yield b"".join(mail)


def _inside(folder: str) -> Iterator[str]:
    for where, folders, names in os.walk(folder, onerror=_closed_folder):
        if {"cur", "new"} <= set(folders):
            # What lies in tmp is not yet delivered.
            folders[:] = [name for name in folders if name != "tmp"]
        folders.sort()
        is_maildir = os.path.basename(where) in ("cur", "new")
        for name in sorted(names):
            path = os.path.join(where, name)
            if os.path.isfile(path) and _is_mail(path, is_maildir=is_maildir):
                yield path


def _closed_folder(problem: OSError) -> None:
    raise Stopped(_unopened(str(problem.filename), problem), NO_INPUT) from problem


def _is_mail(path: str, *, is_maildir: bool) -> bool:
    """By its name, or by its first lines where the name says nothing (Maildir, MH, `Inbox`)."""
    name = os.path.basename(path)
    suffix = os.path.splitext(name)[1]
    if suffix.lower() in _MAILS:
        return True
    if name.startswith(".") or (_WORD.match(suffix) and not is_maildir):
        return False
    try:
        with open(path, "rb") as source:
            top = source.read(8000)
    except OSError:
        return is_maildir
    header = re.split(rb"\r?\n\r?\n", top, maxsplit=1)[0]
    is_header = _FIELD.match(header) is not None and _HEADER.search(header) is not None
    return top.startswith(_FROM) or is_header


def _unopened(path: str, problem: Exception) -> str:
    if isinstance(problem, FileNotFoundError):
        return f"There is no file {path}; correct the path."
    if isinstance(problem, IsADirectoryError):
        return f"{path} is a folder; name one mail, or use `relay-gateway scan {path}`."
    reason = getattr(problem, "strerror", None) or problem
    return f"The file {path} cannot be read ({reason}); make it readable, or name another."
