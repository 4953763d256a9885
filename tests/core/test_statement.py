"""A month until its closing day: what it has brought does not change by what comes after it."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given

from relay_gateway.core.credit import GrantOn, Kind, Terms
from relay_gateway.core.people import people
from relay_gateway.core.statement import Calendar, Period, by_reason, period, statement
from tests.stories import (
    DAY,
    accepted,
    adjusted,
    bounced,
    crowd,
    event,
    redeemed,
    referred,
    tellings,
    voided,
)

WEEK = Period(5 * DAY, 12 * DAY, "1970-01-06", "1970-01-12")


@pytest.mark.parametrize(
    ("year", "month", "closing_day", "first", "last"),
    [
        (2026, 11, 31, "2026-11-01", "2026-11-30"),
        (2026, 11, 25, "2026-10-26", "2026-11-25"),
        (2026, 1, 25, "2025-12-26", "2026-01-25"),
        (2026, 2, 31, "2026-02-01", "2026-02-28"),
        (2028, 2, 30, "2028-01-31", "2028-02-29"),
        (2026, 3, 30, "2026-03-01", "2026-03-30"),
        (2026, 12, 1, "2026-11-02", "2026-12-01"),
    ],
)
def test_a_month_ends_on_its_closing_day(year, month, closing_day, first, last):
    its = period(year, month, Calendar(closing_day))
    assert (its.first, its.last) == (first, last)


def test_a_month_begins_at_midnight_of_the_company():
    its = period(2026, 11, Calendar())
    assert datetime.fromtimestamp(its.start, UTC).isoformat() == "2026-10-31T15:00:00+00:00"
    assert datetime.fromtimestamp(its.end, UTC).isoformat() == "2026-11-30T15:00:00+00:00"


@pytest.mark.parametrize("closing_day", [1, 20, 25, 30, 31])
def test_months_follow_one_another_without_a_gap(closing_day):
    months = [(2027 + at // 12, at % 12 + 1, Calendar(closing_day)) for at in range(26)]
    periods = [period(*month) for month in months]
    assert all(a.end == b.start for a, b in pairwise(periods))


@given(tellings())
def test_a_statement_is_the_same_in_whatever_order_and_however_often_events_come(both):
    once, again = both
    terms = Terms(per_credit=2)
    assert statement(again, terms, WEEK) == statement(once, terms, WEEK)


@given(tellings())
def test_what_comes_after_the_closing_day_changes_nothing(both):
    told, _ = both
    until = [each for each in told if each.at < WEEK.end]
    assert statement(told, Terms(), WEEK) == statement(until, Terms(), WEEK)


def test_a_statement_says_what_the_period_has_brought_and_where_the_account_stands():
    told = [each for number in range(11) for each in referred(number, number)]
    told += [
        bounced(10, 11),
        voided(2, 11, "test"),
        redeemed(1, 11),
        adjusted(1, 2),
        adjusted(2, 30),
    ]
    told += [accepted(99, 6, "P5"), event(Kind.OFFERED, "R98", "P98", 7)]
    its = statement(told, Terms(), WEEK)
    assert (its.began, its.ended, its.helped) == (6, 2, 6)
    assert its.uncounted == {"duplicate": 1, "bounced": 1, "unconfirmed": 1}
    assert (its.account.people, its.account.left, its.earned, its.used) == (9, 1, 1, 1)
    assert [each.kind for each in its.entries] == [Kind.REDEEMED]
    assert its.funnel.offered == 7


def test_the_months_add_up_to_the_account():
    told = [*crowd(40), *(voided(number, 33) for number in (1, 2)), redeemed(2, 35)]
    weeks = [
        statement(told, Terms(), Period(start * DAY, (start + 7) * DAY, "", ""))
        for start in range(0, 49, 7)
    ]
    last = weeks[-1].account
    assert sum(week.began - week.ended for week in weeks) == last.people == 38
    assert sum(week.earned for week in weeks) == last.earned == 3
    assert sum(week.used for week in weeks) == last.used == 2


def test_before_its_end_a_statement_says_what_has_settled_by_now():
    told = crowd(3, first=5)
    assert statement(told, Terms(), WEEK).funnel.settled == 2
    assert statement(told, Terms(), WEEK, 10.5 * DAY).funnel.settled == 1
    waiting = Terms(per_credit=1, grant_on=GrantOn.SETTLED)
    assert statement(told, waiting, WEEK, 10.5 * DAY).account.pending == 2


def test_the_rules_that_were_in_force_are_named():
    told = [
        event(Kind.OFFERED, f"R{day}", "P", day, ruleset=version)
        for day, version in ((1, "old"), (6, "b"), (7, "a"), (8, "a"))
    ]
    assert statement(told, Terms(), WEEK).rulesets == ("a", "b")


def test_reasons_are_told_in_a_fixed_order():
    told = [*referred(1), *referred(2), *referred(3), accepted(4, 9, "P3")]
    told += [voided(1, 2, "fraud"), bounced(2, 2)]
    assert list(by_reason(people(told, Terms()))) == ["duplicate", "bounced", "fraud"]
