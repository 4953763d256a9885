"""What the trade leaves open, and how it is settled here: a test a question, by its number."""

from __future__ import annotations

import json

import pytest

from relay_gateway.config.schema import texts
from relay_gateway.core import link
from relay_gateway.core.account import state
from relay_gateway.core.credit import Basis, GrantOn, Kind, Reversal, Terms
from relay_gateway.core.message import read
from relay_gateway.core.people import counted, people
from relay_gateway.core.scope import veto
from relay_gateway.core.statement import Calendar, by_reason, period
from tests.conftest import ACME, envelope
from tests.mails import mail, part
from tests.stories import DAY, accepted, bounced, crowd, event, redeemed, referred, voided

KEYS = (b"the key of all tests, 32 bytes or more",)


def persons(*addresses, tenant="acme"):
    return {link.persons(tenant, address.encode(), KEYS)[0] for address in addresses}


def test_a1_a_delivered_offer_counts_and_the_basis_is_a_projection():
    story = [*referred(1), *referred(2), event(Kind.REGISTERED, "R2", "", 9)]
    assert state(story, Terms()).people == 2
    assert state(story, Terms(count_on=Basis.REGISTERED)).people == 1
    assert state(story, Terms()).people == 2


def test_a2_a_click_never_counts():
    story = [event(Kind.OFFERED, "R1", "P1"), event(Kind.CLICKED, "R1", "P1", 1, id="a")]
    for basis in Basis:
        assert state(story, Terms(count_on=basis)).people == 0


def test_a3_the_same_person_counts_once_in_365_days_and_later_mails_are_duplicates():
    story = [*referred(1, 0, "kim"), *referred(2, 200, "kim"), *referred(3, 366, "kim")]
    assert len(counted(story, Terms())) == 2
    assert by_reason(people(story, Terms())) == {"duplicate": 1}


def test_a4_an_address_is_a_person_however_it_is_spelt():
    spelt = ("Taro@Mail.Example", "taro+jobs@mail.example", '"taro"@mail.example')
    assert len(persons(*spelt)) == 1
    assert len(persons("t.aro@gmail.com", "taro@googlemail.com")) == 1
    assert len(persons("t.aro@mail.example", "taro@mail.example")) == 2


def test_a5_two_companies_count_for_themselves_and_cannot_compare_persons():
    assert len(persons("taro@mail.example") | persons("taro@mail.example", tenant="b")) == 2


def test_a6_it_counts_at_once_and_a_bounce_voids():
    assert state(crowd(10), Terms(), 9 * DAY).credits == 1
    assert state([*crowd(9), bounced(3, 20), accepted(30, 30)], Terms()).credits == 0


def test_a6_a_bounce_after_a_grant_is_carried_and_a_used_credit_never_taken_back():
    story = [*crowd(10), redeemed(1, 12), bounced(3, 13)]
    assert (state(story, Terms()).credits, state(story, Terms()).deficit) == (1, 1)
    revoking = Terms(reversal_after_grant=Reversal.REVOKE_UNUSED)
    assert state(story, revoking).credits == 1


def test_a6_a_company_may_wait_until_it_has_settled():
    waiting = Terms(grant_on=GrantOn.SETTLED, settle_hours=120)
    assert state(crowd(10), waiting, 13 * DAY).credits == 0
    assert state(crowd(10), waiting, 14 * DAY).credits == 1


def test_a7_each_hidden_recipient_is_a_person_of_his_own():
    people_ = ("a@mail.example", "b@mail.example")
    made = {link.refer("acme", b"<1@x>", each.encode(), KEYS).id for each in people_}
    assert len(made) == 2


@pytest.mark.parametrize("reason", ["agency", "internal", "test"])
def test_a8_a10_what_went_to_agencies_colleagues_or_tests_is_voided_with_its_reason(reason):
    story = [*referred(1), *referred(2), voided(1, 1, reason)]
    assert state(story, Terms()).people == 1
    assert by_reason(people(story, Terms())) == {reason: 1}


@pytest.mark.parametrize(
    ("recipient", "reason"), [(b"hr@acme.example", "internal"), (b"x@agent.example", "agency")]
)
def test_a8_a10_agencies_and_colleagues_are_never_offered_anything(recipient, reason):
    letter = read(mail(part()))
    assert veto(envelope(recipients=(recipient,)), letter, ACME) == reason


def test_a9_an_upgraded_link_is_an_offer_like_any_other():
    upgraded = event(Kind.OFFERED, "R1", "P1", reason="upgraded_link")
    assert len(counted([upgraded, accepted(1)], Terms())) == 1


def test_a14_a_credit_does_not_expire_unless_that_was_agreed():
    assert state(crowd(10), Terms(), 9999 * DAY).left == 1
    assert state(crowd(10), Terms(expiry_days=730), 9999 * DAY).left == 0


def test_a15_a_month_is_the_calendar_month_in_tokyo_unless_a_closing_day_is_set():
    assert str(Calendar().zone) == "Asia/Tokyo"
    assert period(2026, 11, Calendar()).last == "2026-11-30"
    assert period(2026, 11, Calendar(20)).last == "2026-11-20"


def test_a18_each_mail_has_its_own_token_and_no_token_names_the_person():
    first, second = (link.refer("acme", each, b"a@mail.example", KEYS) for each in (b"1", b"2"))
    assert first.id != second.id
    assert first.person == second.person
    assert first.person not in link.token(first, KEYS)


def test_every_choice_is_a_setting_with_the_default_of_the_trade():
    schema = json.loads(texts()["company.schema.json"])["$defs"]
    defaults = {name: its.get("default") for name, its in schema["Credits"]["properties"].items()}
    assert defaults == {
        "count_on": "delivered",
        "per_credit": 10,
        "grant": 1,
        "dedupe_days": 365,
        "grant_on": "accepted",
        "settle_hours": 120,
        "reversal_after_grant": "carry",
        "expiry_days": None,
        "value_yen": None,
        "retention_days": 400,
    }
