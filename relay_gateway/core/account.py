"""What a company has earned, used and has left: a fold over its events.

The tenth person earns a credit at that moment. What happens then happens in the order of time, so a
void may lower the progress and never the moment at which a credit was earned.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from heapq import merge
from itertools import zip_longest
from operator import attrgetter
from typing import NamedTuple

from relay_gateway.core.credit import (
    DAY,
    HOUR,
    Basis,
    Event,
    GrantOn,
    Kind,
    Reversal,
    Terms,
    told,
)
from relay_gateway.core.people import People, people


@dataclass(frozen=True, slots=True)
class Grant:
    """Credits earned at the moment of the last of their people; `revoked_at` if taken back."""

    at: float
    credits: int
    revoked_at: float | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """A company's people and credits.

    `people` count now. Of them `pending` wait to be settled, and `kept` are no longer among them
    but have earned a credit that stays. `progress` stands towards the next credit: below zero it is
    a deficit that the next people fill first.
    """

    people: int = 0
    progress: int = 0
    pending: int = 0
    kept: int = 0
    earned: int = 0
    revoked: int = 0
    adjusted: int = 0
    used: int = 0
    expired: int = 0
    grants: tuple[Grant, ...] = ()
    entries: tuple[Event, ...] = ()

    @property
    def credits(self) -> int:
        """Credits earned, less those that were taken back."""
        return self.earned - self.revoked

    @property
    def left(self) -> int:
        """Credits to be used; below zero if more were used than earned."""
        return self.credits + self.adjusted - self.used - self.expired

    @property
    def towards_next(self) -> int:
        """People who stand towards the next credit."""
        return max(0, self.progress)

    @property
    def deficit(self) -> int:
        """People who were voided after they had earned a credit, and are not made up for yet."""
        return max(0, -self.progress)


def state(events: Iterable[Event], terms: Terms, now: float = math.inf) -> Account:
    """The account of one company: the same however often, in whatever order, events come.

    `now` says what has settled and expired; if left out, all that ever will.
    """
    every = tuple(events)
    who = people(every, terms)
    others = told(event for event in every if event.kind in _OTHERS)
    moves, pending = _moves(who, others, terms, now)
    return _Books(terms).closed(moves, len(who.counting), pending, now)


# What an account depends on beside the people.
_OTHERS = frozenset((Kind.SETTLED, Kind.REGISTERED, Kind.REDEEMED, Kind.ADJUSTED))


def amount(event: Event) -> int:
    """How many credits were used or adjusted; 0 where nothing sensible was told."""
    told = event.fact("n")
    is_number = told.removeprefix("-").isascii() and told.removeprefix("-").isdigit()
    n = int(told) if is_number and len(told) < 10 else 0
    return n if event.kind is Kind.ADJUSTED else max(0, n)


class _Move(NamedTuple):
    """What changes an account at one moment: referrals, or an entry by hand.

    What begins may stand in for a referral of the same person that ended before.
    """

    at: float
    begins: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()
    entry: Event | None = None
    stands_in: str | None = None


def _moves(
    who: People, events: list[Event], terms: Terms, now: float
) -> tuple[Iterable[_Move], int]:
    """All moves in the order of time, and how many people have not settled yet."""
    moves, pending = _settled(who, events, terms, now)
    by_hand = (Kind.REDEEMED, Kind.ADJUSTED)
    entries = (_Move(event.at, entry=event) for event in events if event.kind in by_hand)
    # At the same moment people come first, so that what they earn can be used.
    return merge(moves, entries, key=_AT), pending


_AT = attrgetter("at")


def _settled(
    who: People, events: list[Event], terms: Terms, now: float
) -> tuple[Iterable[_Move], int]:
    """The steps; those of people who have to settle moved to when they did."""
    if terms.grant_on is GrantOn.ACCEPTED or terms.count_on is Basis.REGISTERED:
        return (_Move(each.at, _ids(each.begins), _ids(each.ends)) for each in who.steps), 0
    said = _said(events)
    moves: list[_Move] = []
    waiting: dict[str, _Move] = {}
    for step in who.steps:
        ends = _ids(step.ends)
        for ended in ends:
            began = waiting.pop(ended)
            if began.at < step.at:
                moves += (began, _Move(step.at, (), (ended,)))
        for event, ended in zip_longest(step.begins, ends[: len(step.begins)]):
            settled = event.at + terms.settle_hours * HOUR
            at = max(step.at, min(settled, said.get(event.referral, settled)))
            waiting[event.referral] = _Move(at, (event.referral,), stands_in=ended)
    done = [move for move in waiting.values() if move.at <= now]
    return sorted(moves + done, key=_AT), len(waiting) - len(done)


def _said(events: list[Event]) -> dict[str, float]:
    """When a referral was known to have arrived: who registers has read the letter."""
    said: dict[str, float] = {}
    for event in events:
        if event.kind in (Kind.SETTLED, Kind.REGISTERED):
            said.setdefault(event.referral, event.at)
    return said


def _ids(events: tuple[Event, ...]) -> tuple[str, ...]:
    # Almost always it is one that begins, and none that ends.
    return (events[0].referral,) if len(events) == 1 else tuple(each.referral for each in events)


class _Books:
    """An account under way."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._open: dict[str, None] = {}  # referrals towards the next credit, oldest first
        self._locked: set[str] = set()  # referrals whose credit is granted for good
        self._ended: set[str] = set()
        self._granted = 0  # times that a full number of people was granted
        self._grants: list[Grant] = []
        self._lots: list[_Lot] = []
        self._overdrawn = 0
        self._account = Account()

    def closed(self, moves: Iterable[_Move], counting: int, pending: int, now: float) -> Account:
        for move in moves:
            self._expire(move.at)
            if move.entry is not None:
                self._enter(move.entry)
            else:
                self._change(move)
        self._expire(now)
        return replace(
            self._account,
            people=counting,
            pending=pending,
            kept=len(self._locked & self._ended),
            progress=self._progress(),
            earned=len(self._grants) * self._terms.grant,
            grants=tuple(self._grants),
        )

    def _progress(self) -> int:
        return len(self._open) - self._granted * self._terms.per_credit

    def _change(self, move: _Move) -> None:
        begins = move.begins
        if move.ends or move.stands_in is not None:
            kept = [each for each in (*move.ends, move.stands_in) if each in self._locked]
            self._ended.update(each for each in move.ends if each in self._locked)
            for each in move.ends:
                self._open.pop(each, None)
            # Who stands in for somebody who is kept all the same would count twice.
            begins = begins[len(kept) :]
        for each in begins:
            self._open[each] = None
        while self._progress() >= self._terms.per_credit:
            self._grant(move.at)
        if self._terms.reversal_after_grant is Reversal.REVOKE_UNUSED:
            while self._progress() < 0 and self._revoke(move.at):
                pass

    def _grant(self, at: float) -> None:
        terms = self._terms
        if terms.reversal_after_grant is Reversal.NONE:
            oldest = [each for each, _ in zip(self._open, range(terms.per_credit), strict=False)]
            for each in oldest:
                del self._open[each]
            self._locked.update(oldest)
        else:
            self._granted += 1
        self._grants.append(Grant(at, terms.grant))
        self._add(_Lot(at, terms.grant, len(self._grants) - 1))

    def _revoke(self, at: float) -> bool:
        """Take the latest credit back of which nothing is used; whether there was one."""
        whole = self._terms.grant
        unused = (lot for lot in reversed(self._lots) if lot.left == whole and lot.grant >= 0)
        lot = next(unused, None)
        if lot is None:
            return False
        self._lots.remove(lot)
        self._granted -= 1
        self._grants[lot.grant] = replace(self._grants[lot.grant], revoked_at=at)
        revoked = self._account.revoked + self._terms.grant
        self._account = replace(self._account, revoked=revoked)
        return True

    def _enter(self, entry: Event) -> None:
        n = amount(entry)
        entries = (*self._account.entries, entry)
        if entry.kind is Kind.REDEEMED:
            self._take(n)
            used = self._account.used + n
            self._account = replace(self._account, used=used, entries=entries)
            return
        if n >= 0:
            self._add(_Lot(entry.at, n))
        else:
            self._take(-n)
        adjusted = self._account.adjusted + n
        self._account = replace(self._account, adjusted=adjusted, entries=entries)

    def _add(self, lot: _Lot) -> None:
        paid = min(lot.left, self._overdrawn)
        self._overdrawn -= paid
        lot.left -= paid
        self._lots.append(lot)

    def _take(self, n: int) -> None:
        """The oldest credits are used first."""
        for lot in self._lots:
            taken = min(lot.left, n)
            lot.left -= taken
            n -= taken
        self._overdrawn += n
        self._lots = [lot for lot in self._lots if lot.left]

    def _expire(self, now: float) -> None:
        days = self._terms.expiry_days
        if days is None:
            return
        # They came in in the order of time.
        while self._lots and now - self._lots[0].at >= days * DAY:
            expired = self._account.expired + self._lots.pop(0).left
            self._account = replace(self._account, expired=expired)


@dataclass(slots=True, eq=False)
class _Lot:
    """Credits that came in together and what is left of them; `grant` is the index of theirs."""

    at: float
    left: int
    grant: int = -1
