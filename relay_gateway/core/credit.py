"""What happens to referrals and accounts, and the terms on which that turns into credits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby, pairwise
from operator import attrgetter


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


# What takes a referral back: nothing else that comes later changes a count.
VOIDING = frozenset((Kind.BOUNCED, Kind.VOIDED))


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
        # Of strings, not formatted: a fold makes as many as there are events.
        told = self.kind + ":" + self.referral
        return f"{told}:{self.fact('id')}" if self.kind in REPEATABLE else told

    def fact(self, name: str) -> str:
        """The value of one fact; empty if it was not told."""
        for known, value in self.facts:
            if known == name:
                return value
        return ""


class Void(StrEnum):
    """Why a referral is taken back by a person or by the gateway."""

    INTERNAL = "internal"
    TEST = "test"
    AGENCY = "agency"
    BURST = "burst"
    OPTOUT = "optout"
    MANUAL = "manual"
    LINK_DEAD = "link_dead"
    FRAUD = "fraud"
    RECALLED = "recalled"


class Basis(StrEnum):
    """Which step counts a person."""

    DELIVERED = "delivered"
    REGISTERED = "registered"


class GrantOn(StrEnum):
    """Whether people earn credits at once, or when no bounce is to be expected any more."""

    ACCEPTED = "accepted"
    SETTLED = "settled"


class Reversal(StrEnum):
    """What becomes of a credit when one of its people is voided afterwards.

    `carry`: the next credit takes one more; `revoke_unused`: a credit that is not used yet is taken
    back, else as `carry`; `none`: nothing.
    """

    CARRY = "carry"
    REVOKE_UNUSED = "revoke_unused"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Terms:
    """How a company's people turn into credits, and what it takes one credit to be worth."""

    count_on: Basis = Basis.DELIVERED
    per_credit: int = 10
    dedupe_days: int = 365
    grant: int = 1
    grant_on: GrantOn = GrantOn.ACCEPTED
    settle_hours: int = 120
    reversal_after_grant: Reversal = Reversal.CARRY
    expiry_days: int | None = None
    value_yen: int | None = None


DAY = 86_400
HOUR = 3_600


def told(events: Iterable[Event]) -> list[Event]:
    """Each event once, oldest first, in an order that does not depend on the order of telling.

    Of several tellings the earliest holds. At the same moment a void comes before what it voids.
    """
    first: dict[tuple[str, str], Event] = {}
    for event in events:
        key = event.tenant, event.key
        known = first.setdefault(key, event)
        if known is not event and _order(event) < _order(known):
            first[key] = event
    return in_order(first.values())


def in_order(events: Iterable[Event]) -> list[Event]:
    """Oldest first, and at the same moment in an order of their own."""
    every = sorted(events, key=_AT)
    # A full key for each of a hundred thousand takes longer than all the rest of a fold.
    if not any(before.at == after.at for before, after in pairwise(every)):
        return every
    ordered: list[Event] = []
    for _, its in groupby(every, key=_AT):
        same = list(its)
        ordered += same if len(same) == 1 else sorted(same, key=_order)
    return ordered


_AT = attrgetter("at")
_Order = tuple[float, bool, str, str, tuple[tuple[str, str], ...], str]


def _order(event: Event) -> _Order:
    is_first = event.kind in VOIDING
    return event.at, not is_first, event.key, event.person, event.facts, event.tenant
