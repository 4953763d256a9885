"""What happened to referrals, and what it is worth: counts are folds over events."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What may happen to a referral, in the usual order; then what happens to a company's account.

    A company is `halted` by the burst guard and `resumed` by a person.
    """

    OFFERED = "offered"
    ACCEPTED = "accepted"
    BOUNCED = "bounced"
    SETTLED = "settled"
    CLICKED = "clicked"
    REGISTERED = "registered"
    VOIDED = "voided"
    GRANTED = "granted"
    REDEEMED = "redeemed"
    ADJUSTED = "adjusted"
    HALTED = "halted"
    RESUMED = "resumed"


# What may happen more than once to the same referral or company, told apart by its fact `id`.
REPEATABLE = frozenset(
    (Kind.CLICKED, Kind.GRANTED, Kind.REDEEMED, Kind.ADJUSTED, Kind.HALTED, Kind.RESUMED)
)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to one referral or company; `at` is seconds since the epoch, UTC.

    `person` is a keyed hash, never an address, and `referral` and `person` are empty for what
    happens to a company. `facts` are further names and values in the order of their names: no words
    of a mail, nothing that names a person.
    """

    kind: Kind
    tenant: str
    referral: str
    person: str
    at: float
    facts: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> str:
        """What makes two tellings the same event."""
        told = f"{self.kind}:{self.referral}"
        return f"{told}:{self.fact('id')}" if self.kind in REPEATABLE else told

    def fact(self, name: str) -> str:
        """The value of one fact; empty if it was not told."""
        return dict(self.facts).get(name, "")


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
