"""What happens to referrals and accounts, and the terms on which that turns into credits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from operator import itemgetter


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
        told = f"{self.kind}:{self.referral}"
        return f"{told}:{self.fact('id')}" if self.kind in REPEATABLE else told

    def fact(self, name: str) -> str:
        """The value of one fact; empty if it was not told."""
        return dict(self.facts).get(name, "")


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
    first: dict[tuple[str, str], tuple[_Order, Event]] = {}
    for event in events:
        key = event.key
        order = (event.at, event.kind not in VOIDING, key, event.person, event.facts, event.tenant)
        known = first.get((event.tenant, key))
        if known is None or order < known[0]:
            first[event.tenant, key] = order, event
    return [event for _, event in sorted(first.values(), key=itemgetter(0))]


_Order = tuple[float, bool, str, str, tuple[tuple[str, str], ...], str]
