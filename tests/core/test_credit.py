"""Credits are a fold over events: order and repetition do not matter, people count, not mails."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay_gateway.core.credit import Basis, Event, Kind, Statement, Terms, counted, state

DAY = 86_400.0


def event(kind: Kind, referral: str, person: str, day: float = 0) -> Event:
    return Event(kind, "acme", referral, person, day * DAY)


def accepted(number: int, day: float = 0, person: str = "") -> Event:
    return event(Kind.ACCEPTED, f"R{number}", person or f"P{number}", day)


events = st.lists(
    st.builds(
        Event,
        st.sampled_from(Kind),
        st.just("acme"),
        st.sampled_from("ABCDEF"),
        st.sampled_from("pqr"),
        st.integers(0, 30).map(lambda day: day * DAY),
    ),
    max_size=20,
)
terms = st.builds(Terms, st.sampled_from(Basis), st.integers(1, 3), st.integers(0, 20))


@given(events, terms, st.randoms(use_true_random=False), st.data())
def test_a_statement_is_the_same_in_whatever_order_and_however_often_events_come(
    told, terms, random, data
):
    again = told + data.draw(st.lists(st.sampled_from(told), max_size=9) if told else st.just([]))
    random.shuffle(again)
    assert state(again, terms) == state(told, terms)
    assert counted(again, terms) == counted(told, terms)


@given(events, terms)
def test_a_person_counts_once_in_a_window(told, terms):
    times: dict[str, list[float]] = {}
    for each in counted(told, terms):
        times.setdefault(each.person, []).append(each.at)
    for at in times.values():
        gaps = [later - earlier for earlier, later in pairwise(at)]
        assert all(gap >= terms.dedupe_days * DAY for gap in gaps)


@given(st.integers(0, 45))
def test_each_ten_people_are_one_credit(people):
    statement = state([accepted(number) for number in range(people)], Terms())
    assert statement == Statement(people, people // 10, people % 10)


def test_the_ninth_person_earns_nothing_and_the_tenth_a_credit():
    told = [accepted(number) for number in range(10)]
    assert state(told[:9], Terms()) == Statement(9, 0, 9)
    assert state(told, Terms()) == Statement(10, 1, 0)


def test_a_person_counts_anew_after_the_window_and_not_before():
    told = [accepted(1, 0, "kim"), accepted(2, 364.9, "kim")]
    assert state(told, Terms()).people == 1
    assert state([*told, accepted(3, 365, "kim")], Terms()).people == 2


def test_the_window_runs_from_the_last_time_the_person_counted():
    told = [accepted(number, number * 100, "kim") for number in range(9)]
    assert [each.at / DAY for each in counted(told, Terms())] == [0, 400, 800]


def test_a_voided_referral_does_not_count():
    void = event(Kind.VOIDED, "R1", "P1", 3)
    assert state([accepted(1), accepted(2), void], Terms()).people == 1
    assert state([void, accepted(1)], Terms()).people == 0


def test_after_a_voided_referral_the_next_one_of_that_person_counts():
    told = [accepted(1, 0, "kim"), accepted(2, 5, "kim"), event(Kind.VOIDED, "R1", "kim", 9)]
    assert [each.referral for each in counted(told, Terms())] == ["R2"]


@pytest.mark.parametrize(
    ("basis", "people"), [(Basis.DELIVERED, 2), (Basis.REGISTERED, 1)], ids=str
)
def test_the_terms_say_which_step_counts(basis, people):
    told = [
        event(Kind.OFFERED, "R0", "P0"),
        accepted(1),
        accepted(2),
        event(Kind.REGISTERED, "R1", "P1", 8),
    ]
    assert state(told, Terms(count_on=basis)).people == people


def test_what_was_only_offered_does_not_count():
    assert state([event(Kind.OFFERED, "R1", "P1")], Terms()) == Statement(0, 0, 0)


def test_of_two_tellings_the_earlier_time_holds():
    assert [each.at for each in counted([accepted(1, 5), accepted(1, 2)], Terms())] == [2 * DAY]


def test_no_events_are_no_credits():
    assert state([], Terms()) == Statement(0, 0, 0)
