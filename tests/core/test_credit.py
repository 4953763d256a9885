"""Events are told once whatever is told, and a person counts, not a mail."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay_gateway.core.credit import Basis, Kind, Terms, Void, told
from relay_gateway.core.people import Step, counted, people
from relay_gateway.core.statement import by_reason
from tests.stories import DAY, accepted, bounced, event, events, referred, tellings, voided

terms = st.builds(Terms, st.sampled_from(Basis), st.integers(1, 3), st.integers(0, 20))


@given(tellings(), terms)
def test_who_counts_is_the_same_in_whatever_order_and_however_often_events_come(both, terms):
    once, again = both
    assert told(again) == told(once)
    assert people(again, terms) == people(once, terms)


@given(events, st.integers(0, 25), terms)
def test_two_halves_make_the_whole(told_, at, terms):
    assert people(told_[at:] + told_[:at], terms) == people(told_, terms)


@given(events, terms)
def test_a_person_counts_once_in_a_window(told_, terms):
    times: dict[str, list[float]] = {}
    whose = {each.referral: each.person for each in told_ if each.person}
    for each in counted(told_, terms):
        times.setdefault(whose[each.referral], []).append(each.at)
    for at in times.values():
        gaps = [later - earlier for earlier, later in pairwise(at)]
        assert all(gap >= terms.dedupe_days * DAY for gap in gaps)


@given(events, terms)
def test_the_steps_lead_to_those_who_count(told_, terms):
    its = people(told_, terms)
    counting: set[str] = set()
    for step in its.steps:
        counting |= {each.referral for each in step.begins}
        counting -= {each.referral for each in step.ends}
    assert counting == {each.referral for each in its.counting}


@given(events, terms)
def test_each_referral_counts_or_has_a_reason_and_never_both(told_, terms):
    its = people(told_, terms)
    uncounted = {each.referral for each in its.uncounted}
    kinds = (Kind.OFFERED, Kind.ACCEPTED, Kind.REGISTERED)
    known = {each.referral for each in told_ if each.kind in kinds}
    assert uncounted | {each.referral for each in its.counting} == known
    assert not uncounted & {each.referral for each in its.counting}


@given(events, terms)
def test_those_who_count_are_those_that_a_plain_count_finds(told_, terms):
    """The same numbers by another way: without history, person by person."""
    void = {each.referral for each in told_ if each.kind in (Kind.VOIDED, Kind.BOUNCED)}
    whose = {each.referral: each.person for each in told_ if each.person}
    kind = Kind.ACCEPTED if terms.count_on is Basis.DELIVERED else Kind.REGISTERED
    last: dict[str, float] = {}
    expected = []
    for each in told(told_):
        if each.kind is kind and each.referral not in void and each.referral in whose:
            person = whose[each.referral]
            if person not in last or each.at - last[person] >= terms.dedupe_days * DAY:
                last[person] = each.at
                expected.append(each)
    assert list(counted(told_, terms)) == sorted(expected, key=lambda each: (each.at, each.key))


def test_a_person_counts_anew_after_the_window_and_not_before():
    story = [accepted(1, 0, "kim"), accepted(2, 364.9, "kim")]
    assert len(counted(story, Terms())) == 1
    assert len(counted([*story, accepted(3, 365, "kim")], Terms())) == 2


def test_the_window_runs_from_the_last_time_the_person_counted():
    story = [accepted(number, number * 100, "kim") for number in range(9)]
    assert [each.at / DAY for each in counted(story, Terms())] == [0, 400, 800]


def test_a_voided_referral_does_not_count_whenever_the_void_comes():
    assert len(counted([accepted(1), accepted(2), voided(1, 3)], Terms())) == 1
    assert counted([voided(1, -1), accepted(1)], Terms()) == ()


def test_at_the_same_moment_a_void_comes_first():
    assert people([accepted(1, 3), voided(1, 3)], Terms()).steps == ()


def test_after_a_voided_referral_the_next_one_of_that_person_takes_its_place():
    first, second = accepted(1, 0, "kim"), accepted(2, 5, "kim")
    its = people([first, second, voided(1, 9)], Terms())
    assert its.counting == (second,)
    assert its.steps == (Step(0, (first,), ()), Step(9 * DAY, (second,), (first,)))


def test_a_void_moves_only_what_it_has_to():
    mails = [accepted(number, day, "kim") for number, day in enumerate((0, 5, 400, 500))]
    its = people([*mails, voided(0, 600)], Terms())
    assert its.counting == (mails[1], mails[2])
    assert its.steps[-1] == Step(600 * DAY, (mails[1],), (mails[0],))
    later = [accepted(number, day, "kim") for number, day in enumerate((0, 200, 370))]
    assert people([*later, voided(0, 600)], Terms()).counting == (later[1],)


@pytest.mark.parametrize(
    ("basis", "number"), [(Basis.DELIVERED, 2), (Basis.REGISTERED, 1)], ids=str
)
def test_the_terms_say_which_step_counts(basis, number):
    story = [
        event(Kind.OFFERED, "R0", "P0"),
        accepted(1),
        accepted(2),
        event(Kind.REGISTERED, "R1", "", 8),
    ]
    assert len(counted(story, Terms(count_on=basis))) == number


def test_who_registers_is_known_by_the_referral_even_if_it_is_told_before_the_offer():
    registered = event(Kind.REGISTERED, "R1", "", 1)
    late = [event(Kind.OFFERED, "R1", "P1", 2), accepted(1, 2)]
    terms = Terms(count_on=Basis.REGISTERED)
    assert counted([registered, *late], terms) == (registered,)
    assert counted([registered], terms) == ()


def test_two_registrations_of_one_person_count_once():
    story = [*referred(1, 0, "kim"), *referred(2, 9, "kim")]
    story += [event(Kind.REGISTERED, f"R{number}", "", 20) for number in (1, 2)]
    assert len(counted(story, Terms(count_on=Basis.REGISTERED))) == 1


def test_of_two_tellings_the_earlier_time_holds():
    assert [each.at for each in counted([accepted(1, 5), accepted(1, 2)], Terms())] == [2 * DAY]


def test_what_is_told_more_than_once_of_a_company_is_told_apart_by_its_id():
    twice = [event(Kind.REDEEMED, day=1, n=1, id=number) for number in "12"]
    assert told([*twice, *twice]) == twice


@pytest.mark.parametrize("reason", Void, ids=str)
def test_each_reason_of_a_void_is_told(reason):
    story = [*referred(1), voided(1, 2, reason)]
    assert by_reason(people(story, Terms())) == {str(reason): 1}


def test_a_reason_nobody_knows_is_a_void_by_hand():
    story = [*referred(1), voided(1, 2, "because"), *referred(2), event(Kind.VOIDED, "R2", "", 2)]
    assert by_reason(people(story, Terms())) == {"manual": 2}


def test_the_first_reason_holds_where_a_referral_has_bounced_and_was_voided():
    assert by_reason(people([*referred(1), bounced(1, 2), voided(1, 3)], Terms())) == {"bounced": 1}


def test_a_referral_without_a_person_is_unconfirmed():
    nobody = event(Kind.ACCEPTED, "R1")
    assert by_reason(people([nobody], Terms())) == {"unconfirmed": 1}


def test_many_mails_to_one_person_with_many_voids_are_counted_quickly():
    story = [accepted(number, number / 100, "kim") for number in range(3000)]
    story += [voided(number, 400) for number in range(0, 3000, 3)]
    assert [each.referral for each in counted(story, Terms())] == ["R1"]
