"""The ledger's SQLite file: its schema, how older ones are brought to it, and its rows."""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Sequence
from typing import Any

from relay_gateway.core import chain
from relay_gateway.core.chain import START, Entry, Head
from relay_gateway.core.credit import Event, Kind
from relay_gateway.edge.ledger import missing
from relay_gateway.edge.sqlite_store import transaction

SCHEMA = 2

_CREATE = """
CREATE TABLE events (
    seq INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    key TEXT NOT NULL,
    kind TEXT NOT NULL,
    referral TEXT NOT NULL,
    person TEXT NOT NULL,
    at REAL NOT NULL,
    facts TEXT NOT NULL,
    salt TEXT NOT NULL,
    veil TEXT NOT NULL,
    digest TEXT NOT NULL,
    UNIQUE (tenant, key)
);
CREATE INDEX events_of_referral ON events (tenant, referral, at);
CREATE INDEX events_in_time ON events (tenant, at);
CREATE TABLE heads (
    tenant TEXT PRIMARY KEY,
    digest TEXT NOT NULL,
    entries INTEGER NOT NULL
) WITHOUT ROWID;
"""
# Not INSERT OR IGNORE: that would also swallow a NULL and call it a repetition.
_INSERT = """
INSERT INTO events (tenant, key, kind, referral, person, at, facts, salt, veil, digest)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (tenant, key) DO NOTHING
"""
_HEAD = "SELECT digest, entries FROM heads WHERE tenant = ?"
_PUT_HEAD = "INSERT OR REPLACE INTO heads (tenant, digest, entries) VALUES (?, ?, ?)"
_EVENT = "SELECT kind, tenant, referral, person, at, facts FROM events WHERE tenant = ?"
_SINCE = f"{_EVENT} AND at >= ? ORDER BY at, seq"
_ABOUT = f"{_EVENT} AND referral = ? ORDER BY at, seq"
_ENTRIES = """
SELECT kind, tenant, referral, person, at, facts, salt, veil, digest FROM events
WHERE tenant = ? ORDER BY seq
"""
_TENANTS = "SELECT tenant FROM heads UNION SELECT tenant FROM events ORDER BY tenant"
_KEYS = "SELECT key, seq, kind, tenant, referral, person, at, facts FROM events"
_FORGET = "UPDATE events SET person = ?, salt = '' WHERE tenant = ? AND person = ?"
_FORGET_ENTRY = "UPDATE events SET person = ?, salt = '' WHERE tenant = ? AND key = ?"


def insert(db: sqlite3.Connection, events: Sequence[Event]) -> list[bool]:
    """Whether each was new; one transaction for all."""
    heads: dict[str, Head] = {}
    with transaction(db):
        answers = [_insert_one(db, event, heads) for event in events]
        for tenant, head in heads.items():
            db.execute(_PUT_HEAD, (tenant, head.digest, head.entries))
    return answers


def restore(db: sqlite3.Connection, entries: Sequence[Entry]) -> int:
    """Keep one company's entries as they are; the number of new ones."""
    tenant = entries[0].event.tenant
    with transaction(db):
        kept = entries_of(db, tenant)
        new = missing(kept, entries)
        for old, given in zip(kept, entries, strict=False):
            if old.salt and not given.salt:
                db.execute(_FORGET_ENTRY, (given.event.person, tenant, given.event.key))
        for entry in new:
            if db.execute(_INSERT, _row(entry)).rowcount != 1:
                raise OSError(f"two entries of {tenant} tell of the same event")
        db.execute(_PUT_HEAD, (tenant, entries[-1].digest, len(entries)))
    return len(new)


def forget(db: sqlite3.Connection, tenant: str, person: str, alias: str) -> int:
    """Put the alias in the person's place, in the file and in its log."""
    with transaction(db):
        found = db.execute(_FORGET, (alias, tenant, person)).rowcount
    # Whoever reads just now may keep the log from being emptied; the next one to write does it.
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return found


def events_since(db: sqlite3.Connection, tenant: str, since: float) -> list[Event]:
    """Oldest first."""
    return [_event(row) for row in db.execute(_SINCE, (tenant, since))]


def events_about(db: sqlite3.Connection, tenant: str, referral: str) -> list[Event]:
    """Oldest first."""
    return [_event(row) for row in db.execute(_ABOUT, (tenant, referral))]


def entries_of(db: sqlite3.Connection, tenant: str) -> list[Entry]:
    """In the order of their chain."""
    return [Entry(_event(row[:6]), *row[6:]) for row in db.execute(_ENTRIES, (tenant,))]


def head_of(db: sqlite3.Connection, tenant: str) -> Head:
    """Where the chain stands by the file's own note."""
    digest, entries = db.execute(_HEAD, (tenant,)).fetchone() or (START, 0)
    if not isinstance(digest, str) or not isinstance(entries, int):
        raise sqlite3.DataError(f"the head of {tenant} is none{_ALTERED}")
    return Head(digest, entries)


def tenants(db: sqlite3.Connection) -> list[str]:
    """All companies, by name, also those whose head somebody has taken away."""
    return [name for (name,) in db.execute(_TENANTS)]


def damage(db: sqlite3.Connection) -> list[str]:
    """What SQLite finds wrong with the file, its indexes included, and what stands in the index
    under another name than its own: it could be told twice.
    """
    found = [what for (what,) in db.execute("PRAGMA integrity_check") if what != "ok"]
    for key, number, *row in db.execute(_KEYS):
        if _event(tuple(row)).key != key:
            found.append(f"row {number} is kept under the key of another event")
    return found


def _insert_one(db: sqlite3.Connection, event: Event, heads: dict[str, Head]) -> bool:
    head = heads.get(event.tenant) or head_of(db, event.tenant)
    entry = chain.entry(event, secrets.token_hex(16), head.digest)
    if db.execute(_INSERT, _row(entry)).rowcount != 1:
        return False
    heads[event.tenant] = Head(entry.digest, head.entries + 1)
    return True


def _row(entry: Entry) -> tuple[str | float, ...]:
    event = entry.event
    facts = json.dumps(event.facts, ensure_ascii=False) if event.facts else "[]"
    told = (event.tenant, event.key, str(event.kind), event.referral, event.person, event.at, facts)
    return *told, entry.salt, entry.veil, entry.digest


def _event(row: tuple[Any, ...]) -> Event:
    kind, tenant, referral, person, at, facts = row
    try:
        is_event = isinstance(at, float) and all(
            isinstance(each, str) for each in (*row[:4], facts)
        )
        event = Event(Kind(kind), tenant, referral, person, at, facts_in(facts))
    except (ValueError, TypeError):
        is_event = False
    if not is_event:
        raise sqlite3.DataError(f"an entry of {tenant} is no event{_ALTERED}")
    return event


_ALTERED = "; somebody has altered the file: compare it with a backup"


def facts_in(text: str) -> tuple[tuple[str, str], ...]:
    """The facts that were written as JSON."""
    return () if text == "[]" else tuple((name, value) for name, value in json.loads(text))


def bring_up(db: sqlite3.Connection) -> None:
    """Bring an empty or older file to our schema; leave alone what somebody else has written."""
    version = _version(db)
    if version < SCHEMA:
        if version == 1:
            db.execute("ALTER TABLE events RENAME TO events_1")
        for statement in _CREATE.split(";"):
            db.execute(statement)
        if version == 1:
            _chain_up(db)
        db.execute(f"PRAGMA user_version={SCHEMA}")


def _chain_up(db: sqlite3.Connection) -> None:
    """Schema 1 had neither facts nor a chain; it begins over its events as they were committed."""
    heads: dict[str, Head] = {}
    old = "SELECT kind, tenant, referral, person, at FROM events_1 ORDER BY seq"
    for kind, *rest in db.execute(old):
        _insert_one(db, Event(Kind(kind), *rest), heads)
    for tenant, head in heads.items():
        db.execute(_PUT_HEAD, (tenant, head.digest, head.entries))
    db.execute("DROP TABLE events_1")


def _version(db: sqlite3.Connection) -> int:
    (version,) = db.execute("PRAGMA user_version").fetchone()
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if version > SCHEMA and not application:
        raise OSError(
            f"a newer relay_gateway wrote it (schema {version}, this one knows {SCHEMA}); "
            "start that version again, or name another file"
        )
    if application or (version == 0 and tables):
        raise OSError("it is another program's database, or a journal; name another file")
    return int(version)


def check(db: sqlite3.Connection) -> None:
    """Refuse a file that is not of our schema."""
    version = _version(db)
    if version < SCHEMA:
        raise OSError(
            f"an older relay_gateway wrote it (schema {version}, this one needs {SCHEMA}); "
            "start the gateway once, which brings it up to date"
        )
