"""The tenth person earns, at that moment; and nothing that comes later rewrites what was."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay_gateway.core.account import Grant, state
from relay_gateway.core.credit import Basis, GrantOn, Kind, Reversal, Terms
from tests.stories import (
    DAY,
    accepted,
    adjusted,
    bounced,
    crowd,
    event,
    events,
    redeemed,
    tellings,
    voided,
)

terms = st.builds(
    Terms,
    st.sampled_from(Basis),
    st.integers(1, 3),
    st.integers(0, 20),
    st.integers(1, 2),
    st.sampled_from(GrantOn),
    st.integers(0, 200),
    st.sampled_from(Reversal),
    st.none() | st.integers(1, 30),
)
CARRY, REVOKE = Terms(), Terms(reversal_after_grant=Reversal.REVOKE_UNUSED)
NONE = Terms(reversal_after_grant=Reversal.NONE)
SETTLED = Terms(grant_on=GrantOn.SETTLED)


@given(tellings(), terms, st.integers(0, 60))
def test_an_account_is_the_same_in_whatever_order_and_however_often_events_come(both, terms, day):
    once, again = both
    assert state(again, terms, day * DAY) == state(once, terms, day * DAY)


@given(events, terms)
def test_every_credit_is_somewhere(told, terms):
    its = state(told, terms)
    assert its.earned == terms.grant * len(its.grants)
    assert its.revoked == terms.grant * sum(grant.revoked_at is not None for grant in its.grants)
    assert its.left == its.earned - its.revoked + its.adjusted - its.used - its.expired


@given(events, terms)
def test_people_are_those_who_earned_and_those_who_stand_towards_the_next(told, terms):
    its = state(told, terms)
    standing = sum(grant.revoked_at is None for grant in its.grants)
    assert its.people - its.pending == standing * terms.per_credit + its.progress - its.kept
    assert its.progress < terms.per_credit


@given(events, terms)
def test_what_comes_later_does_not_change_when_a_credit_was_earned(told, terms):
    earlier = [each for each in told if each.at < 15 * DAY]
    whose = {each.referral for each in earlier if each.person}
    later = [each for each in told if each.at >= 15 * DAY and each.referral in whose | {""}]
    earned = [grant.at for grant in state(earlier, terms, 15 * DAY).grants if grant.at < 15 * DAY]
    all_ = [grant.at for grant in state(earlier + later, terms).grants if grant.at < 15 * DAY]
    assert all_ == earned


@given(events, terms, st.dictionaries(st.sampled_from("pqr"), st.sampled_from("xyz")))
def test_an_account_does_not_change_when_persons_are_forgotten(told, terms, names):
    """Persons become aliases that are as different from one another as the persons were."""
    aliases = {person: f"{name}{person}" for person, name in names.items()}
    forgotten = [
        event(
            each.kind,
            each.referral,
            aliases.get(each.person, each.person),
            each.at / DAY,
            **dict(each.facts),
        )
        for each in told
    ]
    assert state(forgotten, terms) == state(told, terms)


@given(st.integers(0, 45))
def test_each_ten_people_are_one_credit(people):
    its = state(crowd(people), CARRY)
    assert (its.people, its.credits, its.towards_next) == (people, people // 10, people % 10)


def test_the_ninth_person_earns_nothing_and_the_tenth_a_credit_at_that_moment():
    assert state(crowd(9), CARRY).grants == ()
    assert state(crowd(10), CARRY).grants == (Grant(9 * DAY, 1),)
    assert [grant.at / DAY for grant in state(crowd(25), CARRY).grants] == [9, 19]


def test_a_late_telling_of_an_earlier_person_moves_the_moment_to_where_it_belongs():
    told = [*crowd(9), accepted(20, 20), accepted(10, 9.5)]
    assert [grant.at / DAY for grant in state(told, CARRY).grants] == [9.5]


def test_a_credit_may_take_another_number_and_give_more():
    its = state(crowd(7), Terms(per_credit=3, grant=2))
    assert (its.earned, its.towards_next) == (4, 1)


def test_a_void_after_a_grant_is_a_deficit_that_the_next_people_fill():
    its = state([*crowd(10), voided(3, 30)], CARRY)
    assert (its.people, its.credits, its.deficit, its.towards_next) == (9, 1, 1, 0)
    more = state([*crowd(10), voided(3, 30), *crowd(10, first=40)], CARRY)
    assert (more.people, more.credits, more.towards_next) == (19, 1, 9)
    full = state([*crowd(10), voided(3, 30), *crowd(11, first=40)], CARRY)
    assert [grant.at / DAY for grant in full.grants] == [9, 50]


def test_a_person_who_takes_the_place_of_a_voided_referral_earns_nothing_twice():
    told = [*crowd(9), accepted(50, 9, "P3"), voided(3, 10)]
    assert state(told, CARRY).grants == ()
    assert state(told, CARRY).people == 9


def test_an_unused_credit_is_taken_back_if_that_was_agreed():
    its = state([*crowd(10), voided(3, 30)], REVOKE)
    assert its.grants == (Grant(9 * DAY, 1, 30 * DAY),)
    assert (its.credits, its.left, its.towards_next) == (0, 0, 9)
    again = state([*crowd(10), voided(3, 30), accepted(40, 40)], REVOKE)
    assert [grant.at / DAY for grant in again.grants] == [9, 40]
    assert again.left == 1


def test_a_used_credit_is_never_taken_back():
    its = state([*crowd(10), redeemed(1, 20), voided(3, 30)], REVOKE)
    assert (its.revoked, its.left, its.deficit) == (0, 0, 1)


def test_a_void_takes_nothing_back_if_that_was_agreed():
    its = state([*crowd(13), voided(3, 30)], NONE)
    assert (its.people, its.kept, its.credits, its.towards_next) == (12, 1, 1, 3)
    open_ = state([*crowd(13), voided(12, 30)], NONE)
    assert (open_.people, open_.kept, open_.towards_next) == (12, 0, 2)


def test_who_stands_in_for_a_person_that_is_kept_does_not_count_twice():
    told = [*crowd(10), accepted(50, 9.5, "P3"), voided(3, 30)]
    for agreed in (NONE, Terms(reversal_after_grant=Reversal.NONE, grant_on=GrantOn.SETTLED)):
        its = state(told, agreed)
        assert (its.people, its.kept, its.credits, its.towards_next) == (10, 1, 1, 0)


def test_credits_on_settled_people_wait_until_no_bounce_is_to_be_expected():
    told = crowd(10)
    assert state(told, SETTLED, 13.9 * DAY).grants == ()
    waiting = state(told, SETTLED, 10 * DAY)
    assert (waiting.people, waiting.pending, waiting.towards_next) == (10, 4, 6)
    assert state(told, SETTLED, 14 * DAY).grants == (Grant(14 * DAY, 1),)


def test_a_bounce_before_it_has_settled_never_earned():
    its = state([*crowd(10), bounced(9, 12)], SETTLED)
    assert (its.grants, its.people, its.deficit) == ((), 9, 0)


@pytest.mark.parametrize("kind", [Kind.SETTLED, Kind.REGISTERED], ids=str)
def test_what_is_said_to_have_arrived_has_settled(kind):
    told = [*crowd(10), *(event(kind, f"R{number}", "", 10) for number in range(10))]
    assert state(told, SETTLED, 10 * DAY).grants == (Grant(10 * DAY, 1),)


def test_used_and_adjusted_credits_enter_the_account():
    its = state([*crowd(20), redeemed(1, 30), adjusted(3, 31), adjusted(-1, 32, "2")], CARRY)
    assert (its.earned, its.used, its.adjusted, its.left) == (2, 1, 2, 3)
    assert [each.at / DAY for each in its.entries] == [30, 31, 32]


def test_the_same_entry_told_twice_is_one():
    assert state([*crowd(20), redeemed(1, 30), redeemed(1, 30)], CARRY).used == 1


def test_more_used_than_there_was_is_made_up_for_by_what_is_earned_next():
    told = [redeemed(2, 5), *crowd(10)]
    assert state(told, CARRY).left == -1
    assert state([*told, adjusted(1, 40), voided(3, 50)], REVOKE).revoked == 0


@pytest.mark.parametrize("odd", ["", "x", "1.5", "-", "9" * 99, "²"])
def test_an_amount_that_is_none_changes_nothing(odd):
    told = [event(Kind.ADJUSTED, day=1, n=odd, id="1"), event(Kind.REDEEMED, day=1, n=-2, id="1")]
    assert state(told, CARRY).left == 0


def test_credits_expire_if_that_was_agreed_the_oldest_being_used_first():
    agreed = Terms(expiry_days=100)
    told = [*crowd(20), redeemed(1, 50)]
    assert state(told, agreed, 108 * DAY).left == 1
    assert state(told, agreed, 118.9 * DAY).left == 1
    its = state(told, agreed, 119 * DAY)
    assert (its.expired, its.left) == (1, 0)
    assert state(told, CARRY).expired == 0


def test_a_credit_that_has_expired_cannot_be_used():
    its = state([*crowd(10), redeemed(1, 200)], Terms(expiry_days=100), 300 * DAY)
    assert (its.earned, its.expired, its.used, its.left) == (1, 1, 1, -1)


def test_no_events_are_no_credits():
    its = state([], CARRY)
    assert (its.people, its.credits, its.towards_next, its.left) == (0, 0, 0, 0)


def test_the_example_in_the_paper_holds():
    told = crowd(9, first=1)
    rows = [(9, told, (9, 0, 9))]
    rows += [(10, [accepted(10, 10)], (10, 1, 0))]
    rows += [(12, [accepted(11, 11), accepted(12, 12), accepted(99, 12, "P3")], (12, 1, 2))]
    rows += [(13, [accepted(13, 13), bounced(5, 13)], (12, 1, 2))]
    rows += [(20, crowd(7, first=14), (19, 1, 9)), (21, [accepted(21, 21)], (20, 2, 0))]
    rows += [
        (22, [accepted(22, 22), voided(21, 22.5)], (20, 2, 0)),
        (23, [accepted(23, 23)], (21, 2, 1)),
    ]
    story = []
    for _, more, expected in rows:
        story = [*story, *more]
        its = state(story, CARRY)
        assert (its.people, its.credits, its.progress) == expected
