"""A month of one company on paper: a fold over its events until the closing day.

What happened after that stands on the next statement, so that a statement does not change.
"""

from __future__ import annotations

import math
from calendar import monthrange
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo

from relay_gateway.core.account import Account, amount, state
from relay_gateway.core.credit import Event, Kind, Terms
from relay_gateway.core.funnel import Funnel, funnel
from relay_gateway.core.people import REASONS, People, people

LAST_DAY = 31
TOKYO = timezone(timedelta(hours=9), "Asia/Tokyo")


@dataclass(frozen=True, slots=True)
class Calendar:
    """When a company's months end: on this day (締め日), or on the last of a shorter month."""

    closing_day: int = LAST_DAY
    zone: tzinfo = TOKYO


@dataclass(frozen=True, slots=True)
class Period:
    """A month until its closing day: from `start` until before `end`, in seconds since the epoch.

    `first` and `last` are its days as people write them.
    """

    start: float
    end: float
    first: str
    last: str


@dataclass(frozen=True, slots=True)
class Statement:
    """What one company's month has brought, and where its account stood at the end.

    `began` and `ended` are people who began and ceased to count; `uncounted` are the period's
    referrals that do not count, by reason; `helped` are the persons who were shown the way.
    """

    period: Period
    funnel: Funnel
    began: int
    ended: int
    helped: int
    uncounted: Mapping[str, int]
    account: Account
    earned: int
    used: int
    entries: tuple[Event, ...]
    rulesets: tuple[str, ...]


def period(year: int, month: int, calendar: Calendar) -> Period:
    """The month that closes in this month of this year."""
    closing_day, zone = calendar.closing_day, calendar.zone
    before = datetime(year, month, 1, tzinfo=zone) - timedelta(days=1)
    first = _closing(before.year, before.month, closing_day, zone) + timedelta(days=1)
    last = _closing(year, month, closing_day, zone)
    end = last + timedelta(days=1)
    return Period(
        first.timestamp(), end.timestamp(), first.date().isoformat(), last.date().isoformat()
    )


def _closing(year: int, month: int, day: int, zone: tzinfo) -> datetime:
    return datetime(year, month, min(day, monthrange(year, month)[1]), tzinfo=zone)


def statement(
    events: Iterable[Event], terms: Terms, its: Period, now: float = math.inf
) -> Statement:
    """The statement of this period: the same however often, in whatever order, events come.

    Before its end it says how things stand `now`.
    """
    until = min(its.end, now)
    known = [event for event in events if event.at < its.end]
    who = people(known, terms)
    account = state(known, terms, until)
    entries = tuple(entry for entry in account.entries if its.start <= entry.at)
    steps = [step for step in who.steps if its.start <= step.at]
    return Statement(
        period=its,
        funnel=funnel(known, terms, its.start, its.end, until),
        began=sum(len(step.begins) for step in steps),
        ended=sum(len(step.ends) for step in steps),
        helped=_helped(known, its),
        uncounted=by_reason(who, its.start),
        account=account,
        earned=sum(grant.credits for grant in account.grants if its.start <= grant.at),
        used=sum(amount(entry) for entry in entries if entry.kind is Kind.REDEEMED),
        entries=entries,
        rulesets=_rulesets(known, its),
    )


def by_reason(who: People, start: float = 0.0) -> dict[str, int]:
    """How many referrals do not count, by reason, of those first heard of at `start` or later."""
    numbers = Counter(each.reason for each in who.uncounted if each.at >= start)
    return {reason: numbers[reason] for reason in REASONS if numbers[reason]}


def _helped(events: list[Event], its: Period) -> int:
    here = {
        event.person for event in events if event.kind is Kind.ACCEPTED and event.at >= its.start
    }
    return len(here - {""})


def _rulesets(events: list[Event], its: Period) -> tuple[str, ...]:
    used = {
        event.fact("ruleset")
        for event in events
        if event.kind is Kind.OFFERED and event.at >= its.start
    }
    return tuple(sorted(used - {""}))
