"""Far more offers than usual stop a company; a usual day does not, and a burst teaches nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay_gateway.core.burst import Guard, is_halted, learn, verdict
from relay_gateway.core.credit import HOUR, Kind
from tests.stories import DAY, event, tellings

GUARD = Guard(factor=3.0, floor=10)
NOW = 40 * DAY


def offers(number, start, rules="wish-unmet prayer", name="R"):
    """So many offers, a second apart."""
    return [
        event(Kind.OFFERED, f"{name}{start}.{at}", "P", (start + at) / DAY, rules=rules)
        for at in range(number)
    ]


@given(tellings(), st.integers(0, 40))
def test_a_verdict_is_the_same_in_whatever_order_and_however_often_events_come(both, day):
    once, again = both
    guard = Guard(floor=1)
    assert verdict(again, day * DAY, guard) == verdict(once, day * DAY, guard)
    assert is_halted(again) == is_halted(once)


def test_a_company_without_a_history_may_offer_as_much_as_the_floor():
    assert not verdict(offers(9, NOW - 100), NOW, GUARD).is_burst
    its = verdict(offers(10, NOW - 100), NOW, GUARD)
    assert (its.is_burst, its.rule, its.count, its.limit) == (True, "", 10, 10)


def test_what_was_usual_may_be_exceeded_by_the_factor():
    usual = offers(20, NOW - 7 * DAY)
    assert not verdict([*usual, *offers(59, NOW - 100)], NOW, GUARD).is_burst
    assert verdict([*usual, *offers(60, NOW - 100)], NOW, GUARD).is_burst


def test_what_is_older_than_an_hour_is_no_burst_and_older_than_28_days_not_usual():
    assert not verdict(offers(50, NOW - HOUR - 60), NOW, GUARD).is_burst
    assert learn(offers(20, NOW - 29 * DAY), NOW, GUARD).company == 10


def test_a_single_rule_that_runs_wild_is_named():
    usual = [*offers(20, NOW - 7 * DAY, "common"), *offers(5, NOW - 6 * DAY, "rare", "S")]
    its = verdict([*usual, *offers(15, NOW - 100, "rare")], NOW, GUARD)
    assert (its.is_burst, its.rule, its.limit) == (True, "rare", 15)


def test_a_burst_does_not_teach_what_is_usual():
    burst = [*offers(10, NOW - 3 * DAY), event(Kind.HALTED, day=(NOW - 3 * DAY + 20) / DAY, id="1")]
    assert learn(burst, NOW, GUARD).company == 10


def test_a_rate_that_is_set_holds_whatever_was_usual():
    guard = Guard(per_hour=5)
    usual = offers(200, NOW - 7 * DAY)
    assert verdict([*usual, *offers(5, NOW - 100)], NOW, guard).is_burst
    assert not verdict([*usual, *offers(4, NOW - 100)], NOW, guard).is_burst


def test_after_a_person_has_let_it_go_on_the_hour_begins_anew():
    told = [*offers(10, NOW - 100), event(Kind.RESUMED, day=(NOW - 50) / DAY, id="1")]
    assert verdict(told, NOW, GUARD).count == 0


def test_learnt_limits_make_the_last_hour_enough():
    usual, now = offers(20, NOW - 7 * DAY), offers(30, NOW - 100)
    limits = learn([*usual, *now], NOW, GUARD)
    assert verdict(now, NOW, GUARD, limits) == verdict([*usual, *now], NOW, GUARD)


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ((), False),
        ((Kind.HALTED,), True),
        ((Kind.HALTED, Kind.RESUMED), False),
        ((Kind.HALTED, Kind.RESUMED, Kind.HALTED), True),
        ((Kind.RESUMED,), False),
    ],
)
def test_a_halt_holds_until_somebody_has_the_company_go_on(kinds, expected):
    told = [event(kind, day=day, id=day) for day, kind in enumerate(kinds)]
    assert is_halted(reversed(told)) is expected


def test_ten_thousand_offers_are_learnt_from_quickly():
    assert learn(offers(10_000, NOW - 7 * DAY), NOW, GUARD).company == 3 * 3601
