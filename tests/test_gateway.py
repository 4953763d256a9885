"""One mail down the street, with every row of the failure table."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

import pytest

from relay_gateway.core import offer as thought
from relay_gateway.core.account import state
from relay_gateway.core.credit import Kind, Terms
from relay_gateway.core.envelope import Standing
from relay_gateway.core.reason import Reason
from relay_gateway.core.reply import NO_NEXT_HOP, Reply, reply
from relay_gateway.core.tenant import Mode, Proof
from relay_gateway.gateway import Gateway, Station
from tests.conftest import ACME, Clock, envelope
from tests.ledgers import ListLedger

TAKEN = reply(250, "2.0.0 taken as 4711")

REJECTION = """\
From: =?utf-8?b?5o6h55So5ouF5b2T?= <saiyo@acme.example>\r
To: taro@gmail.example\r
Subject: =?utf-8?b?6YG46ICD57WQ5p6c44Gu44GU6YCj57Wh?=\r
Message-ID: <1@acme.example>\r
MIME-Version: 1.0\r
Content-Type: text/plain; charset=utf-8\r
Content-Transfer-Encoding: 8bit\r
\r
佐藤 太郎 様\r
\r
このたびは弊社の求人にご応募いただき、誠にありがとうございました。\r
慎重に選考を進めました結果、誠に残念ながら今回は採用を見送らせていただくこととなりました。\r
\r
末筆ながら、佐藤様の今後のご活躍を心よりお祈り申し上げます。\r
\r
株式会社アクメ\r
採用担当\r
""".encode()
PASS = REJECTION.replace(
    "誠に残念ながら今回は採用を見送らせていただくこととなりました。".encode(),
    "ぜひ一次面接にお越しいただきたく、ご連絡いたしました。".encode(),
)


@dataclass
class Hop:
    """A next hop that remembers what it was given."""

    answer: Reply = TAKEN
    size_limit: int = 0
    mails: list[bytes] = field(default_factory=list)

    async def data(self, raw: bytes) -> Reply:
        self.mails.append(raw[:])
        return self.answer


class BrokenLedger(ListLedger):
    """Fails from the given step on."""

    def __init__(self, step: Kind) -> None:
        super().__init__()
        self.step = step

    async def record(self, event):
        if event.kind is self.step:
            raise OSError("disk full")
        return await super().record(event)


class Street:
    """A gateway with all that it needs, and what it observed."""

    def __init__(self, policy, ledger=None, station=None, on_fault=None):
        self.ledger = ledger or ListLedger()
        self.outcomes = []
        self.clock = Clock()
        self.gateway = Gateway(
            policy,
            self.ledger,
            self.outcomes.append,
            self.clock,
            station or Station(),
            on_fault=on_fault,
        )

    async def relay(self, raw=REJECTION, hop=None, its=None):
        self.hop = hop or Hop()
        answer = await self.gateway.relay(its or envelope(), raw, self.hop)
        return answer, self.hop.mails[0], self.outcomes[-1]

    @property
    def people(self):
        return state(self.ledger.kept, Terms()).people


async def test_a_rejection_leaves_with_its_link_and_counts_one_person(policy):
    street = Street(policy)
    answer, sent, outcome = await street.relay()

    assert answer is TAKEN
    assert b"https://careerrelay.jp/c/acme/" in sent
    assert outcome.decision.reason is Reason.REJECTION
    assert outcome.is_counted
    assert street.people == 1


async def test_a_pass_letter_under_the_same_subject_leaves_byte_for_byte(policy):
    street = Street(policy)
    _, sent, outcome = await street.relay(PASS)

    assert sent == PASS
    assert outcome.decision.edits == ()
    assert street.ledger.kept == []


async def test_the_block_stands_between_decision_and_prayer(policy):
    _, sent, _ = await Street(policy).relay()
    text = sent.decode()

    assert text.index("見送らせて") < text.index("careerrelay.jp") < text.index("末筆ながら")


async def test_the_same_mail_twice_is_the_same_bytes_and_one_person(policy):
    street = Street(policy)
    _, first, _ = await street.relay()
    street.clock.time += 3600
    _, second, _ = await street.relay()

    assert first == second
    assert street.people == 1


async def test_ten_people_are_one_credit(policy):
    street = Street(policy)
    for number in range(10):
        raw = REJECTION.replace(b"<1@acme", b"<%d@acme" % number)
        await street.relay(raw, its=envelope(recipients=(b"person%d@mail.example" % number,)))

    assert state(street.ledger.kept, Terms()).credits == 1


@pytest.mark.parametrize("code", [421, 450, 452, 550, 552, 554])
async def test_a_refused_mail_is_answered_word_for_word_and_not_counted(policy, code):
    refusal = reply(code, "5.7.1 first line", "5.7.1 second line")
    street = Street(policy)
    answer, _, outcome = await street.relay(hop=Hop(refusal))

    assert answer is refusal
    assert not outcome.is_counted
    assert street.people == 0


async def test_a_retry_after_a_lost_next_hop_is_the_same_referral_counted_once(policy):
    street = Street(policy)
    _, first, _ = await street.relay(hop=Hop(NO_NEXT_HOP))
    _, second, _ = await street.relay()

    assert first == second
    assert street.people == 1


async def test_with_the_ledger_down_the_original_goes_on_uncounted(policy):
    street = Street(policy, BrokenLedger(Kind.OFFERED))
    answer, sent, outcome = await street.relay()

    assert answer is TAKEN
    assert sent == REJECTION
    assert outcome.decision.reason is Reason.LEDGER_DOWN
    assert street.people == 0


async def test_a_ledger_lost_after_delivery_changes_nothing_for_the_client(policy):
    street = Street(policy, BrokenLedger(Kind.ACCEPTED))
    answer, sent, outcome = await street.relay()

    assert answer is TAKEN
    assert b"careerrelay.jp" in sent
    assert not outcome.is_counted


async def test_the_ledger_knows_of_the_referral_before_the_mail_leaves(policy):
    street = Street(policy)

    class Watching(Hop):
        async def data(self, raw):
            self.known = [event.kind for event in street.ledger.kept]
            return await super().data(raw)

    hop = Watching()
    await street.relay(hop=hop)

    assert hop.known == [Kind.OFFERED]


async def test_a_bug_of_ours_lets_the_original_go_on(policy):
    street = Street(replace(policy, rules=None))
    answer, sent, outcome = await street.relay()

    assert answer is TAKEN
    assert sent == REJECTION
    assert outcome.decision.reason is Reason.OUR_FAULT


async def test_a_slow_thought_is_given_up_and_the_original_goes_on(policy):
    street = Street(policy, station=Station(think_seconds=0.0))
    _, sent, outcome = await street.relay()

    assert sent == REJECTION
    assert outcome.decision.reason is Reason.OUT_OF_TIME


async def test_a_log_that_cannot_be_written_does_not_have_the_mail_sent_again(policy):
    def full(_):
        raise OSError("no space left")

    gateway = Gateway(policy, ListLedger(), full, Clock(), Station())

    assert await gateway.relay(envelope(), REJECTION, Hop()) is TAKEN


async def test_an_unreadable_mail_passes_as_it_came(policy):
    raw = REJECTION.replace(b"text/plain", b"multipart/mixed")
    _, sent, outcome = await Street(policy).relay(raw)

    assert sent == raw
    assert outcome.decision.reason is Reason.UNREADABLE


async def test_a_mail_that_would_grow_over_the_next_hops_limit_goes_on_as_it_came(policy):
    street = Street(policy)
    _, sent, outcome = await street.relay(hop=Hop(size_limit=len(REJECTION) + 300))

    assert sent == REJECTION
    assert outcome.decision.reason is Reason.TOO_LARGE
    assert street.people == 0


async def test_a_planted_change_outside_the_block_is_found_and_the_original_goes_on(
    policy, monkeypatch
):
    real = thought.rewrite.edits
    spoilt = thought.Edit(len(REJECTION) - 2, len(REJECTION), b"\n")
    monkeypatch.setattr(thought.rewrite, "edits", lambda *given: (*real(*given), spoilt))
    _, sent, outcome = await Street(policy).relay()

    assert sent == REJECTION
    assert outcome.decision.reason is Reason.VERIFY_FAILED


async def test_a_monitored_company_is_judged_and_nothing_is_changed(policy):
    watched = replace(policy, tenants=(replace(ACME, mode=Mode.MONITOR),))
    street = Street(watched)
    _, sent, outcome = await street.relay()

    assert sent == REJECTION
    assert outcome.decision.reason is Reason.MONITOR
    assert outcome.decision.verdict.is_rejection
    assert street.ledger.kept == []


async def test_a_mail_that_comes_round_again_passes_as_it_came(policy):
    street = Street(policy)
    _, once, _ = await street.relay()
    _, twice, outcome = await street.relay(once)

    assert twice == once
    assert outcome.decision.reason is Reason.OWN_TRACE
    assert street.people == 1


async def test_received_stands_on_top_and_names_no_recipient(policy):
    _, sent, outcome = await Street(policy, station=Station("relay.acme.example")).relay(PASS)
    field, _, rest = sent.partition(b"\r\nFrom:")

    assert field.startswith(b"Received: from mail.acme.example")
    assert b"taro" not in field
    assert b"From:" + rest == PASS
    assert outcome.sent_size == len(sent)


async def test_many_mails_at_once_keep_apart(policy):
    street = Street(policy)
    mails = [REJECTION.replace(b"<1@", b"<%d@" % n) for n in range(8)] + [PASS] * 8
    hops = [Hop() for _ in mails]
    await asyncio.gather(
        *(street.gateway.relay(envelope(), raw, hop) for raw, hop in zip(mails, hops, strict=True))
    )

    assert sum(b"careerrelay" in hop.mails[0] for hop in hops) == 8
    assert all(hop.mails == [PASS] for hop in hops[8:])


PROVED = replace(
    ACME, proof=Proof(header="x-relay-key", secrets=(b"0123456789abcdef0123456789abcdef",))
)


def keyed(raw):
    return b"X-Relay-Key: 0123456789abcdef0123456789abcdef\r\n" + raw


def shared():
    its = envelope()
    return replace(its, client=replace(its.client, standing=Standing.SHARED))


async def test_a_shared_clients_mail_that_proves_its_company_gets_its_link(policy):
    street = Street(replace(policy, tenants=(PROVED,)))
    answer, sent, outcome = await street.relay(keyed(REJECTION), its=shared())

    assert answer is TAKEN
    assert outcome.decision.reason is Reason.REJECTION
    assert b"0123456789abcdef0123456789abcdef" not in sent


async def test_a_shared_clients_mail_that_proves_nothing_is_refused_and_goes_nowhere(policy):
    street = Street(replace(policy, tenants=(PROVED,)))
    hop = Hop()
    answer = await street.gateway.relay(shared(), REJECTION, hop)

    assert answer.code == 550
    assert hop.mails == []
    assert street.outcomes[-1].decision.reason is Reason.NO_PROOF


async def test_a_free_clients_mail_that_proves_nothing_passes_unjudged(policy):
    _, sent, outcome = await Street(replace(policy, tenants=(PROVED,))).relay(REJECTION)

    assert sent == REJECTION
    assert outcome.decision.reason is Reason.NO_PROOF


async def test_the_secret_leaves_no_mail_even_where_thinking_fails(policy):
    street = Street(replace(policy, tenants=(PROVED,), rules=None))
    _, sent, outcome = await street.relay(keyed(REJECTION), its=shared())

    assert sent == REJECTION
    assert outcome.decision.reason is Reason.OUR_FAULT


@pytest.mark.parametrize(("standing", "code"), [(Standing.FREE, 250), (Standing.SHARED, 451)])
async def test_a_bug_in_asking_for_proof_refuses_only_those_who_need_one(policy, standing, code):
    broken = replace(policy, tenants=(replace(ACME, proof=None),))
    its = envelope()
    its = replace(its, client=replace(its.client, standing=standing))

    assert (await Street(broken).gateway.relay(its, REJECTION, Hop())).code == code


REFUTED = (
    REJECTION.replace(b"text/plain", b"text/html")
    .replace("佐藤 太郎 様".encode(), "<form>佐藤 太郎 様<p>".encode())
    .replace("採用担当".encode(), "<form>採用担当".encode())
)


async def test_who_looks_into_faults_hears_of_refuted_mails_and_no_others(policy):
    heard = []
    street = Street(policy, on_fault=lambda its, raw: heard.append(raw))
    _, _, outcome = await street.relay(REFUTED)
    assert outcome.decision.reason is Reason.VERIFY_FAILED
    await street.relay(REJECTION)
    await street.relay(PASS)
    assert heard == [REFUTED]


async def test_who_looks_into_faults_and_stumbles_holds_nothing_up(policy):
    def stumble(*_):
        raise ValueError("no")

    answer, sent, _ = await Street(policy, on_fault=stumble).relay(REFUTED)
    assert (answer, sent) == (TAKEN, REFUTED)
