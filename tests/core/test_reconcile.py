"""Two lists of registrations: each referral stands in one place, and equal lists are equal."""

from hypothesis import given
from hypothesis import strategies as st

from relay_gateway.core.credit import Kind
from relay_gateway.core.reconcile import Reconciliation, reconcile
from tests.stories import DAY, event, events, tellings, voided


def registered(number, day=1.0):
    return event(Kind.REGISTERED, f"R{number}", "", day)


named = st.lists(st.sampled_from("ABCDEFGHXY"), max_size=9)


@given(events, named)
def test_each_referral_stands_in_one_place(told, there):
    its = reconcile(told, there)
    here = {each.referral for each in told if each.kind is Kind.REGISTERED}
    places = (its.matched, its.only_here, its.only_there, its.duplicate, its.voided_later)
    every = [each for place in places for each in place]
    assert sorted(every) == sorted(here | set(there))


@given(tellings(), named)
def test_it_is_the_same_in_whatever_order_and_however_often_events_come(both, there):
    once, again = both
    assert reconcile(again, there) == reconcile(once, there)


def test_what_both_say_is_no_difference():
    its = reconcile([registered(1), registered(2)], ["R2", "R1"])
    assert its == Reconciliation(matched=("R2", "R1"))
    assert its.is_equal


def test_every_kind_of_difference_is_told_apart():
    told = [registered(1), registered(2), registered(3), registered(4), voided(4, 2)]
    its = reconcile(told, ["R1", "R3", "R3", "R4", "R9", "R9"])
    assert its == Reconciliation(("R1",), ("R2",), ("R9",), ("R3",), ("R4",))
    assert not its.is_equal


def test_a_month_limits_only_what_is_missing_there():
    told = [registered(1, 1), registered(2, 5), registered(3, 9)]
    its = reconcile(told, ["R1"], 4 * DAY, 8 * DAY)
    assert its == Reconciliation(("R1",), ("R2",))
