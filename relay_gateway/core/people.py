"""Who counts, from when, and why the others do not: a fold over the events of one company.

A person counts once in `dedupe_days`, from the last time that the person counted. Only a void or a
bounce ends that; what becomes of somebody after a registration changes nothing.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from relay_gateway.core.credit import DAY, VOIDING, Basis, Event, Kind, Terms, Void, in_order, told

DUPLICATE = "duplicate"
BOUNCED = "bounced"
UNCONFIRMED = "unconfirmed"
UNREGISTERED = "unregistered"

# Every reason for which a referral may not count, in the order in which it is told.
REASONS = (DUPLICATE, BOUNCED, *map(str, Void), UNCONFIRMED, UNREGISTERED)


class Step(NamedTuple):
    """A moment at which the number of people changed: what began to count, and what ceased to."""

    at: float
    begins: tuple[Event, ...]
    ends: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Uncounted:
    """A referral that does not count; `at` is when it was first heard of."""

    referral: str
    at: float
    reason: str


@dataclass(frozen=True, slots=True)
class People:
    """The events that count, oldest first; how that came about; and what does not count."""

    counting: tuple[Event, ...]
    steps: tuple[Step, ...]
    uncounted: tuple[Uncounted, ...]


def people(events: Iterable[Event], terms: Terms) -> People:
    """Who counts: the same however often, in whatever order, events come."""
    known = _Known(events)
    sweep = _Sweep(_COUNTS[terms.count_on], terms.dedupe_days * DAY)
    steps = tuple(step for event in known.events if (step := sweep.take(event, known)))
    counting = sweep.counting()
    return People(counting, steps, tuple(_uncounted(known, sweep, counting, terms)))


def counted(events: Iterable[Event], terms: Terms) -> tuple[Event, ...]:
    """The events that count, oldest first: the proof of the number on the statement."""
    return people(events, terms).counting


_COUNTS = {Basis.DELIVERED: Kind.ACCEPTED, Basis.REGISTERED: Kind.REGISTERED}


class _Known:
    """The events, and the person of each referral: who registers is known by the referral alone."""

    def __init__(self, events: Iterable[Event]) -> None:
        every = tuple(events)
        self.events = told(every)
        # Of what was told differently the earliest holds, in whatever order it is told.
        first: dict[str, Event] = {}
        for event in every:
            if event.referral and event.person:
                its = first.setdefault(event.referral, event)
                if event.at <= its.at and (event.at, event.person) < (its.at, its.person):
                    first[event.referral] = event
        self._first = first

    def person(self, event: Event) -> str:
        its = self._first.get(event.referral)
        return its.person if its else ""

    def has_person(self, referral: str) -> bool:
        return referral in self._first


class _Sweep:
    """Goes through time once, and knows at each moment who counts by what was known then."""

    def __init__(self, kind: Kind, window: float) -> None:
        self._kind = kind
        self._window = window
        self._valid: dict[str, tuple[Event, ...]] = {}
        self._counting: dict[str, tuple[Event, ...]] = {}
        self.void: dict[str, str] = {}

    def take(self, event: Event, known: _Known) -> Step | None:
        kind = event.kind
        if kind is self._kind:
            person = known.person(event)
            if person and event.referral not in self.void:
                return self._with(event, person)
        elif kind in VOIDING and event.referral not in self.void:
            self.void[event.referral] = _reason(event)
            return self._without(event, known.person(event))
        return None

    def counting(self) -> tuple[Event, ...]:
        return tuple(in_order(event for each in self._counting.values() for event in each))

    def _with(self, event: Event, person: str) -> Step | None:
        before = self._counting.get(person)
        if before is None:
            self._valid[person] = self._counting[person] = alone = (event,)
            return Step(event.at, alone, ())
        self._valid[person] += (event,)
        # The window runs from the last time that the person counted, not from the last mail:
        # somebody who is turned down every month still counts once a year.
        if before and event.at - before[-1].at < self._window:
            return None
        self._counting[person] = (*before, event)
        return Step(event.at, (event,), ())

    def _without(self, void: Event, person: str) -> Step | None:
        """What was told again while the voided referral counted may count in its place."""
        before = self._counting.get(person)
        if before is None:
            return None
        valid = tuple(each for each in self._valid[person] if each.referral != void.referral)
        self._valid[person] = valid
        at = next((at for at, old in enumerate(before) if old.referral == void.referral), None)
        if at is None:
            return None
        after = before[:at] + _in_turn(valid, before[at].at, self._window)
        self._counting[person] = after
        begins = tuple(event for event in after if event not in before)
        ends = tuple(event for event in before if event not in after)
        return Step(void.at, begins, ends)


def _in_turn(valid: Sequence[Event], start: float, window: float) -> tuple[Event, ...]:
    """Those from `start` on that count, each a window after the one before."""
    counting: list[Event] = []
    at = bisect_left(valid, start, key=lambda event: event.at)
    while at < len(valid):
        counting.append(valid[at])
        later = valid[at].at + window
        at = max(at + 1, bisect_left(valid, later, key=lambda event: event.at))
    return tuple(counting)


def _reason(void: Event) -> str:
    if void.kind is Kind.BOUNCED:
        return BOUNCED
    reason = void.fact("reason")
    return reason if reason in REASONS else str(Void.MANUAL)


_TOLD = frozenset((Kind.OFFERED, Kind.ACCEPTED, Kind.REGISTERED))


def _uncounted(
    known: _Known, sweep: _Sweep, counting: tuple[Event, ...], terms: Terms
) -> Iterable[Uncounted]:
    does_count = {event.referral for event in counting}
    first: dict[str, float] = {}
    kinds: defaultdict[str, set[Kind]] = defaultdict(set)
    for event in known.events:
        if event.kind in _TOLD and event.referral not in does_count:
            first.setdefault(event.referral, event.at)
            kinds[event.referral].add(event.kind)
    for referral, at in first.items():
        is_known = known.has_person(referral)
        reason = sweep.void.get(referral) or _lack(kinds[referral], terms, is_known=is_known)
        yield Uncounted(referral, at, reason)


def _lack(kinds: set[Kind], terms: Terms, *, is_known: bool) -> str:
    """Why a referral with these events, which nothing has voided, does not count."""
    if is_known and _COUNTS[terms.count_on] in kinds:
        return DUPLICATE
    is_delivered = is_known and Kind.ACCEPTED in kinds
    return UNREGISTERED if is_delivered else UNCONFIRMED
