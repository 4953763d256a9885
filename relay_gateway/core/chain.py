"""The hash chain over a company's events: proof that none was altered, dropped or slipped in.

Each digest is SHA-256 over the digest before it and the event in its canonical form. The person
stands in it behind a veil, SHA-256 over a random salt and the person's key: who forgets salt and
person leaves the chain whole, and nobody can find out from it who was meant.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from relay_gateway.core.credit import Event

START = "0" * 64


@dataclass(frozen=True, slots=True)
class Entry:
    """An event as a ledger keeps it. Without a `salt` the person has been forgotten: `event.person`
    is then an alias drawn at random, the same for all events of that person.
    """

    event: Event
    salt: str
    veil: str
    digest: str


@dataclass(frozen=True, slots=True)
class Head:
    """Where a chain stands: the digest of its last entry, and how many there are."""

    digest: str = START
    entries: int = 0


def entry(event: Event, salt: str, previous: str) -> Entry:
    """The event as the next link after the digest `previous` (`START` for the first)."""
    veil = veiled(event.person, salt)
    return Entry(event, salt, veil, digest(event, veil, previous))


def forgotten(kept: Entry, alias: str) -> Entry:
    """The same link of the chain without its person."""
    return replace(kept, event=replace(kept.event, person=alias), salt="")


def veiled(person: str, salt: str) -> str:
    """What stands for the person in the chain, in hexadecimal."""
    return hashlib.sha256(f"{salt}:{person}".encode()).hexdigest()


def digest(event: Event, veil: str, previous: str) -> str:
    """The digest of one link, in hexadecimal."""
    return hashlib.sha256(previous.encode() + _canonical(event, veil)).hexdigest()


def head(entries: Sequence[Entry]) -> Head:
    """Where the chain of these entries stands."""
    return Head(entries[-1].digest, len(entries)) if entries else Head()


def broken(entries: Iterable[Entry], previous: str = START) -> int | None:
    """The index of the first entry that does not follow from those before it; None if all do."""
    for index, kept in enumerate(entries):
        if kept.salt and veiled(kept.event.person, kept.salt) != kept.veil:
            return index
        if digest(kept.event, kept.veil, previous) != kept.digest:
            return index
        previous = kept.digest
    return None


def _canonical(event: Event, veil: str) -> bytes:
    # A ledger gives back 1.0 for 1 and 0.0 for -0.0; the sum makes them one before they are hashed.
    at = repr(event.at + 0.0)
    told = [str(event.kind), event.tenant, event.referral, veil, at, event.facts]
    return _JSON.encode(told).encode()


_JSON = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"))
