"""The way from the offer to the registration in numbers, each with how it is known."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from relay_gateway.core.credit import HOUR, VOIDING, Event, Kind, Terms, told


class Label(StrEnum):
    """How a number is known: seen by the gateway, told by CareerRelay, or judged from signs."""

    MEASURED = "measured"
    REPORTED = "reported"
    ESTIMATED = "estimated"


LABELS = {
    "offered": Label.MEASURED,
    "delivered": Label.MEASURED,
    "settled": Label.ESTIMATED,
    "clicked": Label.ESTIMATED,
    "machines": Label.ESTIMATED,
    "registered": Label.REPORTED,
}

# Families of programs that open links without a person: mail security, previews, tools.
MACHINES = frozenset(
    (
        "bot crawler spider scanner prefetch preview monitor library tool headless safelinks "
        "defender proofpoint mimecast barracuda trendmicro symantec fireeye ironport curl wget "
        "python go java node php ruby perl powershell"
    ).split()
)
# Mail security opens the links of a mail on its way in; a person needs longer.
SOON = 30.0


@dataclass(frozen=True, slots=True)
class Funnel:
    """Referrals that took each step. Visits count once a referral: `clicked` is where at least one
    looked like a person's, `machines` where none did.
    """

    offered: int = 0
    delivered: int = 0
    settled: int = 0
    clicked: int = 0
    machines: int = 0
    registered: int = 0


def funnel(
    events: Iterable[Event],
    terms: Terms,
    start: float = -math.inf,
    end: float = math.inf,
    now: float = math.inf,
) -> Funnel:
    """The steps that were taken from `start` until before `end`; `now` says what has settled."""
    known = [event for event in told(events) if event.at < end]
    people, machines = _visits(known)
    steps = {
        "offered": _first(known, Kind.OFFERED),
        "delivered": _first(known, Kind.ACCEPTED),
        "settled": _settled(known, terms, min(end, now)),
        "clicked": people,
        "machines": machines,
        "registered": _first(known, Kind.REGISTERED),
    }
    numbers = {
        name: sum(start <= at < end for at in moments.values()) for name, moments in steps.items()
    }
    return Funnel(**numbers)


def is_machine(visit: Event, delivered: float | None = None) -> bool:
    """Whether a visit looks like a program's; judged from what was kept of it, so that it may be
    judged again. `delivered` stands in where the visit does not say how long after that it came.
    """
    words = visit.fact("agent").lower().replace("-", " ").replace("_", " ").split()
    if visit.fact("method").upper() == "HEAD":
        return True
    if any(word in MACHINES or word.endswith("bot") for word in words):
        return True
    after = _seconds(visit.fact("after"))
    if after is None and delivered is not None:
        after = visit.at - delivered
    return after is not None and after < SOON


def _seconds(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _first(events: list[Event], kind: Kind) -> dict[str, float]:
    first: dict[str, float] = {}
    for event in events:
        if event.kind is kind:
            first.setdefault(event.referral, event.at)
    return first


def _visits(events: list[Event]) -> tuple[dict[str, float], dict[str, float]]:
    """The first visit of each referral that a person, or only machines, came to."""
    delivered = _first(events, Kind.ACCEPTED)
    people: dict[str, float] = {}
    machines: dict[str, float] = {}
    for event in events:
        if event.kind is Kind.CLICKED:
            its = machines if is_machine(event, delivered.get(event.referral)) else people
            its.setdefault(event.referral, event.at)
    return people, {each: at for each, at in machines.items() if each not in people}


def _settled(events: list[Event], terms: Terms, end: float) -> dict[str, float]:
    """When referrals were taken to have arrived: it was said, or no bounce came in time."""
    settled = {**_first(events, Kind.REGISTERED), **_first(events, Kind.SETTLED)}
    void = {event.referral: event.at for event in reversed(events) if event.kind in VOIDING}
    for referral, at in _first(events, Kind.ACCEPTED).items():
        due = at + terms.settle_hours * HOUR
        settled[referral] = min(settled.get(referral, due), due)
    return {
        referral: at
        for referral, at in settled.items()
        if at < end and void.get(referral, math.inf) > at
    }
