"""The companies' secrets: read from where a file says, or made at the first start."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from relay_gateway.config.company import SecretPlace
from relay_gateway.config.document import Fault

SHORTEST = 32
HOW = "make one with: openssl rand -hex 32"

Keys = tuple[bytes, ...]


class BadSecret(Exception):
    """Why there are no keys, as a sentence that never holds a part of them."""


@dataclass(frozen=True, slots=True)
class MissingSecret:
    """A secret that is made but not yet written; `place` says where in which file it is asked for.

    Until `path` holds it, links made with it are for looking at only.
    """

    tenant: str
    path: Path
    key: bytes = field(repr=False)
    place: Fault

    def __str__(self) -> str:
        return str(self.place)


def keys(place: SecretPlace, folder: Path, environ: Mapping[str, str]) -> Keys | None:
    """The keys at the place; None if they are in a file that is still to be created."""
    if place.env is not None:
        if place.env not in environ:
            raise BadSecret(f"the environment variable {place.env} is not set; {HOW}")
        value = environ[place.env].encode("utf-8", "surrogateescape")
        return _keys(value.split(), f"the environment variable {place.env}")
    path = folder / (place.file or "")
    if place.create and not os.path.lexists(path):
        return None
    return read(path)


def read(path: Path) -> Keys:
    """The keys in a file."""
    try:
        with path.open("rb") as source:
            lines = source.read(65536).splitlines()
    except FileNotFoundError:
        how = f"write create: true, or {HOW} > {path}"
        raise BadSecret(f"the file {path} does not exist; {how}") from None
    except OSError as problem:
        what = f"the file {path} cannot be read ({problem.strerror}); make it readable for us"
        raise BadSecret(what) from None
    return _keys([line.strip() for line in lines if line.strip()], f"the file {path}")


def _keys(lines: list[bytes], where: str) -> Keys:
    if not lines:
        raise BadSecret(f"{where} is empty; {HOW}")
    for number, line in enumerate(lines, 1):
        if len(line) < SHORTEST:
            what = f"line {number} of {where} has {len(line)} characters, {SHORTEST} are the least"
            raise BadSecret(f"{what}; {HOW}")
    return tuple(lines)


def new() -> bytes:
    """A new random key, as one line of text."""
    return secrets.token_hex(32).encode("ascii")


def create(missing: MissingSecret) -> Keys:
    """Write the key for our eyes only, whole or not at all; if another was quicker, its keys."""
    try:
        missing.path.parent.mkdir(parents=True, exist_ok=True)
        is_ours = _write(missing.path, missing.key + b"\n")
    except OSError as problem:
        what = f"the file {missing.path} cannot be created ({problem.strerror})"
        raise BadSecret(f"{what}; make its folder writable for us") from None
    return (missing.key,) if is_ours else read(missing.path)


def _write(path: Path, text: bytes) -> bool:
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".secret-") as draft:
        draft.write(text)
        draft.flush()
        os.fsync(draft.fileno())
        try:
            # link() refuses a name that is taken; rename() would replace what is there.
            os.link(draft.name, path)
        except FileExistsError:
            return False
    return True
