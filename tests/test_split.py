"""One letter to hidden recipients: a copy and a link each, and after a failure only the rest."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay_gateway.core.account import state
from relay_gateway.core.credit import Kind, Terms
from relay_gateway.core.decision import Policy
from relay_gateway.core.reason import Reason
from relay_gateway.core.reply import DELIVERED_BEFORE, NO_NEXT_HOP, NOT_ALL_OUT, reply
from relay_gateway.core.tenant import Scope
from relay_gateway.gateway import Station
from tests.conftest import ACME, envelope
from tests.ledgers import ListLedger
from tests.mails import JA, mail, part
from tests.rulebook import shipped
from tests.test_gateway import TAKEN, BrokenLedger, Hop, Street

POLICY = Policy((ACME,), shipped())
TARO, JIRO, SABURO = (b"%s@gmail.example" % name for name in (b"taro", b"jiro", b"saburo"))
HIDDEN = (TARO, JIRO, SABURO)
HR = b"saiyo@acme.example"
LETTER = mail(to="saiyo@acme.example")
LATER = reply(450, "4.2.0 greylisted")
NEVER = reply(550, "5.1.1 no such person")


def links(hop):
    return [re.findall(rb"careerrelay.jp/c/acme/(\w+)", raw) for raw in hop.mails]


def to(*recipients):
    return envelope(recipients=recipients)


async def sent(street, hop=None, recipients=HIDDEN, raw=LETTER):
    return (await street.relay(raw, hop or Hop(), to(*recipients)))[0]


async def test_each_hidden_recipient_gets_a_copy_with_a_link_of_their_own(policy):
    street = Street(policy)
    assert await sent(street) is TAKEN
    assert street.hop.begun == [(TARO,), (JIRO,), (SABURO,)]
    tokens = [found for (found,) in links(street.hop)]
    assert len(set(tokens)) == 3
    assert street.people == 3
    assert street.outcomes[-1].counted == 3


async def test_who_is_no_candidate_gets_the_letter_as_it_came_and_last(policy):
    barred = replace(ACME, scope=Scope(agencies=frozenset(["agent.example"])))
    street = Street(replace(policy, tenants=(barred,)))
    await sent(street, recipients=(HR, TARO, b"a@agent.example", JIRO))
    assert street.hop.begun == [(TARO,), (JIRO,), (HR, b"a@agent.example")]
    assert street.hop.mails[-1] == LETTER
    assert street.people == 2


async def test_after_a_failure_the_next_attempt_sends_only_what_is_missing(policy):
    street = Street(policy)
    assert await sent(street, Hop(answers={JIRO: LATER})) == LATER
    assert street.hop.begun == [(TARO,), (JIRO,), (SABURO,)]
    assert len(street.hop.mails) == 2

    assert await sent(street) is TAKEN
    assert street.hop.begun == [(JIRO,)]
    assert street.people == 3


async def test_a_second_address_of_one_person_is_reached_by_a_retry_as_well(policy):
    street, other = Street(policy), b"taro+work@gmail.example"
    assert await sent(street, Hop(answers={other: LATER}), (TARO, other)) == LATER
    assert await sent(street, recipients=(TARO, other)) is TAKEN
    assert (street.hop.begun, street.hop.mails) == ([(other,)], [LETTER])
    assert street.people == 1


async def test_a_retry_of_what_has_all_arrived_sends_nothing(policy):
    street = Street(policy)
    await sent(street)
    assert await sent(street) == DELIVERED_BEFORE
    assert (street.hop.begun, street.hop.mails) == ([], [])
    assert street.people == 3


async def test_what_is_sent_again_after_a_week_is_meant_to_be_sent_again(policy):
    street = Street(policy)
    await sent(street)
    street.clock.time += 7 * 86_400
    await sent(street)
    assert len(street.hop.mails) == 3
    assert street.people == 3


async def test_a_refusal_that_may_pass_is_told_before_one_that_will_not(policy):
    street = Street(policy)
    assert await sent(street, Hop(answers={TARO: NEVER, JIRO: LATER})) == LATER
    assert await sent(street, Hop(answers={TARO: NEVER})) == NEVER
    assert street.people == 2


async def test_the_rest_waits_until_all_copies_are_out(policy):
    street = Street(policy)
    recipients = (HR, TARO, JIRO)
    await sent(street, Hop(answers={HR: LATER}), recipients)
    assert street.people == 2
    assert await sent(street, recipients=recipients) is TAKEN
    assert street.hop.begun == [(HR,)]


async def test_a_lost_line_ends_the_attempt(policy):
    street = Street(policy)
    assert await sent(street, Hop(answers={TARO: NO_NEXT_HOP})) == NO_NEXT_HOP
    assert street.hop.begun == [(TARO,)]


async def test_what_takes_too_long_waits_for_the_clients_next_attempt(policy):
    street = Street(policy, station=Station(split_seconds=-1.0))
    assert await sent(street) == NOT_ALL_OUT
    assert street.hop.mails == []


async def test_a_ledger_that_is_down_leaves_the_letter_whole(policy):
    street = Street(policy, BrokenLedger(Kind.OFFERED))
    assert await sent(street) is TAKEN
    assert street.hop.mails == [LETTER]
    assert street.outcomes[-1].decision.reason is Reason.LEDGER_DOWN


@pytest.mark.parametrize("is_down", [True, False])
async def test_whom_the_last_attempt_has_reached_gets_nothing_again(policy, is_down):
    street = Street(policy)
    await sent(street, Hop(answers={JIRO: LATER}))
    if is_down:
        broken = BrokenLedger(Kind.OFFERED)
        broken.chains = street.ledger.chains
        street = Street(policy, broken)
    else:
        street = Street(policy, street.ledger, guard=Halted())
    assert await sent(street) is TAKEN
    assert street.hop.begun == [(JIRO,)]
    assert street.hop.mails == [LETTER]


class Halted:
    """A guard that lets nothing through."""

    async def lets_through(self, tenant, offers):
        return False


async def test_a_slot_is_filled_in_the_copies_and_taken_out_for_the_rest(policy):
    slotted = mail(part(JA.replace("末筆", "{{career_relay}}\n\n末筆")), to="saiyo@acme.example")
    street = Street(policy)
    await sent(street, recipients=(TARO, HR, JIRO), raw=slotted)
    assert [len(found) for found in links(street.hop)] == [1, 1, 0]
    assert all(b"career_relay}}" not in raw for raw in street.hop.mails)


@pytest.mark.parametrize("field", ["to", "cc"])
async def test_who_sees_the_others_gets_no_link(policy, field):
    shown = mail(**{"to": "saiyo@acme.example", field: "taro@gmail.example"})
    street = Street(policy)
    await sent(street, raw=shown)
    assert street.hop.mails == [shown]
    assert street.outcomes[-1].decision.reason is Reason.SEVERAL_RECIPIENTS


async def test_more_than_the_company_splits_pass_untouched(policy):
    street = Street(replace(policy, tenants=(replace(ACME, max_split=2),)))
    await sent(street)
    assert street.hop.mails == [LETTER]
    assert street.outcomes[-1].decision.reason is Reason.MANY_HIDDEN


FATES = st.lists(
    st.dictionaries(st.sampled_from([HR, *HIDDEN]), st.sampled_from([LATER, NO_NEXT_HOP])),
    max_size=4,
)


@given(FATES)
async def test_however_attempts_fail_everybody_gets_it_once_in_the_end(fates):
    ledger, got = ListLedger(), []
    for fate in [*fates, {}]:
        street = Street(POLICY, ledger)
        answer = await sent(street, Hop(answers=fate), (HR, *HIDDEN))
        taken = [each for each in street.hop.begun if each[0] not in fate]
        got += [address for each in taken for address in each]
        if answer.is_ok:
            break
    assert sorted(got) == sorted((HR, *HIDDEN))
    assert state(ledger.kept, Terms()).people == 3
