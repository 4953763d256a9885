"""What happened to referrals, and what it is worth: counts are folds over events."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The steps of a referral's life, in their usual order."""

    OFFERED = "offered"
    ACCEPTED = "accepted"
    REGISTERED = "registered"
    VOIDED = "voided"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to one referral; `at` is seconds since the epoch, UTC."""

    kind: Kind
    tenant: str
    referral: str
    person: str
    at: float

    @property
    def key(self) -> str:
        """What makes two tellings the same event."""
        return f"{self.kind}:{self.referral}"


class Basis(StrEnum):
    """Which step counts a person."""

    DELIVERED = "delivered"
    REGISTERED = "registered"


@dataclass(frozen=True, slots=True)
class Terms:
    """How a company's people turn into credits."""

    count_on: Basis = Basis.DELIVERED
    per_credit: int = 10
    dedupe_days: int = 365


@dataclass(frozen=True, slots=True)
class Statement:
    """People counted, credits earned, and how many people stand towards the next credit."""

    people: int
    credits: int
    towards_next: int


def state(events: Iterable[Event], terms: Terms) -> Statement:
    """The credits of one company: the same however often, in whatever order, events come."""
    people = len(counted(events, terms))
    return Statement(people, *divmod(people, terms.per_credit))


def counted(events: Iterable[Event], terms: Terms) -> tuple[Event, ...]:
    """The events that count, oldest first: the proof of the number on the statement."""
    told = _first_told(events)
    void = {event.referral for event in told if event.kind is Kind.VOIDED}
    kind = _COUNTS[terms.count_on]
    window = terms.dedupe_days * DAY
    last: dict[str, float] = {}
    counting = []
    for event in told:
        if event.kind is not kind or event.referral in void:
            continue
        # The window runs from the last time that the person counted, not from the last mail:
        # somebody who is turned down every month still counts once a year.
        if event.person not in last or event.at - last[event.person] >= window:
            last[event.person] = event.at
            counting.append(event)
    return tuple(counting)


def _first_told(events: Iterable[Event]) -> list[Event]:
    """Each event once, in an order that does not depend on the order of telling."""
    first: dict[tuple[str, str], Event] = {}
    for event in events:
        known = first.setdefault((event.tenant, event.key), event)
        if _order(event) < _order(known):
            first[event.tenant, event.key] = event
    return sorted(first.values(), key=_order)


def _order(event: Event) -> tuple[float, str, str, str]:
    return event.at, event.key, event.person, event.tenant


DAY = 86_400
_COUNTS = {Basis.DELIVERED: Kind.ACCEPTED, Basis.REGISTERED: Kind.REGISTERED}
