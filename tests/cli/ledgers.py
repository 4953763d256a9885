"""Ledgers for the commands to look at."""

from __future__ import annotations

import asyncio

from relay_gateway.core import link
from relay_gateway.core.chain import broken
from relay_gateway.core.credit import Event, Kind
from relay_gateway.edge.sqlite_ledger import SqliteLedger

KEYS = (b"0123456789abcdef" * 4,)
DAY = 86_400.0
# 2026-11-01T09:00+09:00, a Sunday.
NOVEMBER = 1_793_491_200.0


def at(day):
    """Nine in the morning of this day of November 2026, in Tokyo."""
    return NOVEMBER + (day - 1) * DAY


def keep(office, *events):
    """These events in the ledger of the office."""

    async def tell(ledger):
        for event in events:
            await ledger.record(event)

    _ask(office, tell)


def kept(office):
    """What the ledger of the office holds, in the order of its chain, which must be whole."""

    async def read(ledger):
        return await ledger.entries("acme")

    entries = _ask(office, read)
    assert broken(entries) is None
    return [entry.event for entry in entries]


def _ask(office, question):
    async def asked():
        ledger = SqliteLedger(office / "config" / "ledger.sqlite3")
        await ledger.open()
        try:
            return await question(ledger)
        finally:
            await ledger.close()

    return asyncio.run(asked())


def address(number):
    """The address of the person of this number."""
    return f"person{number}@mail.example"


def referral(number, to=None):
    """The referral of a letter to this person, or to another."""
    recipient = (to or address(number)).encode()
    return link.refer("acme", b"<%d@acme.example>" % number, recipient, KEYS)


def token(number):
    """The token in the link of this letter."""
    return link.token(referral(number), KEYS)


def referred(number, day, to=None, **facts):
    """A letter offered and accepted on a day of November."""
    its = referral(number, to)
    told = tuple(sorted(facts.items()))
    return (
        Event(Kind.OFFERED, "acme", its.id, its.person, at(day), told),
        Event(Kind.ACCEPTED, "acme", its.id, its.person, at(day) + 1),
    )


def happened(kind, number, day, **facts):
    """Something else that happened to a referral on a day of November."""
    told = tuple(sorted(facts.items()))
    return Event(kind, "acme", referral(number).id, "", at(day), told)


def of_company(kind, day, **facts):
    """Something that happened to the company itself."""
    return Event(kind, "acme", "", "", at(day), tuple(sorted(facts.items())))


def crowd(people, first=1):
    """So many persons, one a day from the first of November on."""
    return [event for day in range(first, first + people) for event in referred(day, day)]
