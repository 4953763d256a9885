"""The steps of the way are counted once a referral, and visits of machines apart from people's."""

import pytest
from hypothesis import given

from relay_gateway.core.credit import Kind, Terms
from relay_gateway.core.funnel import LABELS, Funnel, Label, funnel, is_machine
from tests.stories import DAY, bounced, event, referred, tellings


def visit(number, day, **facts):
    return event(Kind.CLICKED, f"R{number}", "", day, **facts)


@given(tellings())
def test_a_funnel_is_the_same_in_whatever_order_and_however_often_events_come(both):
    once, again = both
    assert funnel(again, Terms()) == funnel(once, Terms())
    assert funnel(again, Terms(), 5 * DAY, 9 * DAY) == funnel(once, Terms(), 5 * DAY, 9 * DAY)


@given(tellings())
def test_the_days_add_up_to_the_whole(both):
    told, _ = both
    parts = [funnel(told, Terms(), 5 * day * DAY, 5 * (day + 1) * DAY) for day in range(8)]
    whole = funnel(told, Terms(), 0, 40 * DAY)
    for name in ("offered", "delivered", "registered"):
        assert sum(getattr(part, name) for part in parts) == getattr(whole, name)


def test_each_step_is_counted_once_a_referral():
    told = [*referred(1), *referred(2), event(Kind.OFFERED, "R3", "P3", 1), bounced(2, 1)]
    told += [visit(1, 1, id=each, method="GET", agent="firefox", after=90) for each in "123"]
    told += [event(Kind.REGISTERED, "R1", "", 2)]
    expected = Funnel(offered=3, delivered=2, settled=1, clicked=1, registered=1)
    assert funnel(told, Terms(), end=9 * DAY) == expected


def test_what_only_machines_have_opened_stands_apart():
    told = [*referred(1), *referred(2)]
    told += [visit(each, 1, id="a", method="HEAD") for each in (1, 2)]
    told += [visit(2, 2, id="b", method="GET", agent="safari", after=DAY)]
    its = funnel(told, Terms())
    assert (its.clicked, its.machines) == (1, 1)


@pytest.mark.parametrize(
    ("facts", "is_one"),
    [
        ({"method": "GET", "agent": "chrome", "after": "31"}, False),
        ({"method": "GET", "agent": "chrome", "after": "29.5"}, True),
        ({"method": "HEAD", "agent": "chrome", "after": "9999"}, True),
        ({"method": "GET", "agent": "safelinks", "after": "9999"}, True),
        ({"method": "GET", "agent": "Google-Read-Aloud bot", "after": "9999"}, True),
        ({"method": "GET", "agent": "bingbot", "after": "9999"}, True),
        ({"method": "GET", "agent": "robotics", "after": "9999"}, False),
        ({"method": "GET", "after": "soon"}, False),
        ({}, False),
    ],
)
def test_a_visit_is_judged_by_what_was_kept_of_it(facts, is_one):
    assert is_machine(visit(1, 1, id="a", **facts)) is is_one


def test_without_its_time_since_the_delivery_a_visit_is_judged_by_both_moments():
    soon = event(Kind.CLICKED, "R1", "", 10 / DAY, id="a", method="GET")
    assert is_machine(soon, 0.0)
    assert funnel([*referred(1), soon], Terms()).machines == 1


def test_who_registers_has_had_the_letter():
    told = [*referred(1), event(Kind.REGISTERED, "R1", "", 1)]
    assert funnel(told, Terms(), end=2 * DAY).settled == 1


def test_every_number_says_how_it_is_known():
    assert set(LABELS) == set(Funnel.__slots__)
    assert LABELS["registered"] is Label.REPORTED
    assert LABELS["delivered"] is Label.MEASURED
    assert LABELS["clicked"] is Label.ESTIMATED
