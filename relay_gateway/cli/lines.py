"""The entries of a ledger as JSON lines: one object each, in the order of their chain."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from relay_gateway.cli import screen
from relay_gateway.core.chain import Entry
from relay_gateway.core.credit import Event, Kind


class Unreadable(Exception):
    """A line that is no entry, as a sentence."""


def line(entry: Entry) -> str:
    """The entry on one line."""
    event = entry.event
    return screen.as_json(
        {
            "company": event.tenant,
            "kind": str(event.kind),
            "referral": event.referral,
            "person": event.person,
            "at": event.at,
            "facts": dict(event.facts),
            "salt": entry.salt,
            "veil": entry.veil,
            "digest": entry.digest,
        }
    )


def write(path: Path, entries: Sequence[Entry]) -> int:
    """The entries as such lines in a file; how many they are."""
    path.write_text("".join(f"{line(entry)}\n" for entry in entries), "utf-8")
    return len(entries)


def read(path: Path) -> list[Entry]:
    """The entries in a file of such lines; raises `Unreadable`."""
    entries = []
    for number, text in enumerate(path.read_text("utf-8").splitlines(), 1):
        try:
            entries.append(_entry(json.loads(text)))
        except (ValueError, KeyError, TypeError, AttributeError):
            how = "it takes the lines of relay-gateway ledger export"
            raise Unreadable(f"Line {number} of {path} is no entry of a ledger; {how}") from None
    return entries


def _entry(told: dict[str, Any]) -> Entry:
    kind, tenant, referral, person = (told[k] for k in ("kind", "company", "referral", "person"))
    event = Event(Kind(kind), tenant, referral, person, told["at"], tuple(told["facts"].items()))
    return Entry(event, told["salt"], told["veil"], told["digest"])
