"""The burst guard: a mass mis-send must not book a thousand credits.

Offers far above what a company's busiest hour was stop the company until a person lets it go on.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from relay_gateway.core.credit import DAY, HOUR, Event, Kind, told

LEARNT_DAYS = 28


@dataclass(frozen=True, slots=True)
class Guard:
    """How many offers an hour may hold: `per_hour` if set, else `factor` times the busiest hour of
    the last 28 days, and never fewer than `floor`.
    """

    per_hour: int | None = None
    factor: float = 4.0
    floor: int = 100


@dataclass(frozen=True, slots=True)
class Limits:
    """The most offers an hour, of a company and by each rule; an unknown rule has the `floor`."""

    company: int
    rules: Mapping[str, int] = field(default_factory=dict)
    floor: int = 0

    def of(self, rule: str) -> int:
        """The most offers an hour that this rule may make; the company itself if it is empty."""
        return self.rules.get(rule, self.floor) if rule else self.company


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether one more offer would be too many, and by which rule; `rule` is empty where it is the
    company as a whole. `count` were made in the last hour, `limit` may be.
    """

    is_burst: bool
    rule: str
    count: int
    limit: int


def verdict(
    events: Iterable[Event], now: float, guard: Guard, limits: Limits | None = None
) -> Verdict:
    """Whether an offer made now would be one too many.

    Without `limits` they are learnt from the events; with them the events of the last hour and
    those of the company itself are enough.
    """
    known = told(events)
    return Tally(known).verdict(now, limits or learn(known, now, guard))


class Tally:
    """Offers by rule, halts and resumptions, each once: one more offer is judged without going
    through all the others.
    """

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self._keys: set[str] = set()
        self._moments: defaultdict[str, list[float]] = defaultdict(list)
        self._last = dict.fromkeys((Kind.HALTED, Kind.RESUMED), -math.inf)
        for event in events:
            self.add(event)

    def add(self, event: Event) -> None:
        """Take it into account."""
        key = event.key
        if key in self._keys:
            return
        self._keys.add(key)
        if event.kind in self._last:
            self._last[event.kind] = max(self._last[event.kind], event.at)
        for rule in _names(event):
            insort(self._moments[rule], event.at)

    def knows(self, event: Event) -> bool:
        """Whether it is taken into account."""
        return event.key in self._keys

    @property
    def is_halted(self) -> bool:
        """Whether the guard has stopped the company and nobody has let it go on since."""
        halted = self._last[Kind.HALTED]
        return halted > -math.inf and halted >= self._last[Kind.RESUMED]

    def verdict(self, now: float, limits: Limits, also: Iterable[Event] = ()) -> Verdict:
        """Whether an offer made now would be one too many, after those that are made with it."""
        # Who has let the company go on has seen what was before.
        start = max(now - HOUR, self._last[Kind.RESUMED])
        counts = Counter(name for event in also for name in _names(event))
        for rule, moments in self._moments.items():
            counts[rule] += bisect_right(moments, now) - bisect_right(moments, start)
        judged = (_judged(rule, count, limits) for rule, count in sorted(counts.items()) if count)
        company = _judged("", counts[""], limits)
        return next((each for each in (company, *judged) if each.is_burst), company)


def learn(events: Iterable[Event], now: float, guard: Guard) -> Limits:
    """The limits by the busiest hour of each rule and of the company in the last 28 days.

    The last hour does not teach what is usual, nor does an hour that ended in a halt.
    """
    if guard.per_hour is not None:
        return Limits(guard.per_hour, {}, guard.per_hour)
    known = told(events)
    halts = [event.at for event in known if event.kind is Kind.HALTED]
    start, end = now - LEARNT_DAYS * DAY, now - HOUR
    usual = [
        event for event in known if start <= event.at < end and not _is_before(event.at, halts)
    ]
    rules = {
        rule: max(guard.floor, math.ceil(guard.factor * busiest))
        for rule, busiest in _busiest(usual).items()
    }
    return Limits(rules.pop("", guard.floor), rules, guard.floor)


def is_halted(events: Iterable[Event]) -> bool:
    """Whether the guard has stopped the company and nobody has let it go on since."""
    return Tally(told(events)).is_halted


def _judged(rule: str, count: int, limits: Limits) -> Verdict:
    limit = limits.of(rule)
    return Verdict(count >= limit, rule, count, limit)


def _names(event: Event) -> tuple[str, ...]:
    if event.kind is not Kind.OFFERED:
        return ()
    return ("", *dict.fromkeys(event.fact("rules").split()))


def _is_before(at: float, halts: list[float]) -> bool:
    """Whether a halt followed within the hour."""
    following = bisect_left(halts, at)
    return following < len(halts) and halts[following] - at <= HOUR


def _busiest(events: list[Event]) -> dict[str, int]:
    """The most offers by rule in any sixty minutes."""
    moments: defaultdict[str, list[float]] = defaultdict(list)
    for event in events:
        for rule in _names(event):
            moments[rule].append(event.at)
    return {rule: _densest(its) for rule, its in moments.items()}


def _densest(moments: list[float]) -> int:
    """The most of these, in the order of time, that one hour holds."""
    return max(
        at - bisect_left(moments, moment - HOUR, hi=at) + 1 for at, moment in enumerate(moments)
    )
