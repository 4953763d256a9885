"""Whose events are about whom, and whom the ledger need not know any longer."""

from __future__ import annotations

from collections.abc import Container, Iterable

from relay_gateway.core.chain import Entry
from relay_gateway.core.credit import Event, told


def overdue(entries: Iterable[Entry], before: float) -> tuple[str, ...]:
    """The persons not yet forgotten whose latest event happened before this moment."""
    kept = tuple(entries)
    named = {each.event.person for each in kept if each.salt and each.event.person}
    whose = _persons(each.event for each in kept)
    latest: dict[str, float] = {}
    for each in kept:
        person = whose.get(each.event.referral, each.event.person)
        latest[person] = max(each.event.at, latest.get(person, each.event.at))
    return tuple(sorted(person for person in named if latest[person] < before))


def about(events: Iterable[Event], persons: Container[str]) -> tuple[Event, ...]:
    """All that is known of somebody, oldest first; also what names the referral alone."""
    kept = told(events)
    whose = _persons(kept)
    return tuple(each for each in kept if whose.get(each.referral, each.person) in persons)


def _persons(events: Iterable[Event]) -> dict[str, str]:
    whose: dict[str, str] = {}
    for event in events:
        if event.referral and event.person:
            whose.setdefault(event.referral, event.person)
    return whose
