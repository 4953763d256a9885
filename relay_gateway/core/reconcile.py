"""Two lists of registrations side by side: the ledger's and CareerRelay's."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from relay_gateway.core.credit import VOIDING, Event, Kind, told


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Referrals by what both sides say of them; each stands in one list, oldest first.

    `duplicate` was told more than once there, `voided_later` is on both lists and void here.
    """

    matched: tuple[str, ...] = ()
    only_here: tuple[str, ...] = ()
    only_there: tuple[str, ...] = ()
    duplicate: tuple[str, ...] = ()
    voided_later: tuple[str, ...] = ()

    @property
    def is_equal(self) -> bool:
        """Whether both sides say the same."""
        return not (self.only_here or self.only_there or self.duplicate or self.voided_later)


def reconcile(
    events: Iterable[Event],
    there: Iterable[str],
    start: float = -math.inf,
    end: float = math.inf,
) -> Reconciliation:
    """What is registered here from `start` until before `end`, beside the referrals named there.

    What the other side names is looked for at all times: its clock may differ at the edges.
    """
    known = told(events)
    here = {each.referral: each.at for each in known if each.kind is Kind.REGISTERED}
    void = {each.referral for each in known if each.kind in VOIDING}
    named = Counter(there)
    on_both = [each for each in named if each in here]
    twice = {each for each in on_both if named[each] > 1}
    return Reconciliation(
        matched=tuple(each for each in on_both if each not in void | twice),
        only_here=tuple(
            each for each, at in here.items() if start <= at < end and each not in named
        ),
        only_there=tuple(each for each in named if each not in here),
        duplicate=tuple(each for each in on_both if each in twice and each not in void),
        voided_later=tuple(each for each in on_both if each in void),
    )
