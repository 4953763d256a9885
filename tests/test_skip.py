"""`docs/skip.md` line by line: a mail for each reason, and what becomes of its bytes."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from relay_gateway.core.credit import Kind
from relay_gateway.core.decision import decide
from relay_gateway.core.edit import apply
from relay_gateway.core.reason import Reason
from relay_gateway.core.segment import Segment
from relay_gateway.core.tenant import Mode, Proof, Scope
from relay_gateway.gateway import Station
from tests.conftest import ACME, envelope
from tests.core.test_decision import REFUTED
from tests.mails import EN, JA, mail, multipart, part
from tests.test_gateway import BrokenLedger, Street

SKIP = (Path(__file__).parents[1] / "docs" / "skip.md").read_text("utf-8")
LINES = re.findall(r"`(\w+)`", "".join(re.findall(r"(?m)^\| (`\w+`(?:, `\w+`)*) \|", SKIP)))
REFERRED = (Reason.REJECTION, Reason.UPGRADED_LINK)
CHANGED = (*REFERRED, Reason.NO_RELAY, Reason.TEST_RECIPIENT)
BROKEN = multipart("mixed", part()).replace(b"--b--", b"--c--")
VAGUE = (
    Path(__file__).parent / "corpus" / "others" / "236-euphemistic-without-decision.eml"
).read_bytes()


@dataclass(frozen=True)
class Case:
    """A mail of ACME's to Taro, and what else is not as usual."""

    raw: bytes = mail()
    tenant: object = ACME
    sender: bytes = b"saiyo@acme.example"
    recipients: tuple = (b"taro@gmail.example",)
    size: int = 10_000_000


def scoped(**scope):
    return replace(ACME, scope=Scope(**scope))


def attached(kind, name="x"):
    return mail(multipart("mixed", part(), part(b"x", f"{kind}; name={name}", charset="")))


CASES = {
    Reason.REJECTION: Case(),
    Reason.UPGRADED_LINK: Case(mail(part(JA.replace("末筆", f"{ACME.link}\n\n末筆")))),
    Reason.MONITOR: Case(tenant=replace(ACME, mode=Mode.MONITOR)),
    Reason.NO_REJECTION: Case(mail(part("We would like to invite you to an interview."))),
    Reason.PROBABLE: Case(VAGUE),
    Reason.VETO: Case(mail(part("不採用通知を誤ってお送りしました。\n\n" + JA))),
    Reason.UNFILLED: Case(mail(part("{{name}} 様\n\n" + JA))),
    Reason.NO_RELAY: Case(mail(part(JA + "\n[[no-relay]]\n"))),
    Reason.SEGMENT_OFF: Case(
        mail(part("アルバイト採用の件\n\n" + JA)),
        scoped(segments=frozenset([Segment.ANY, Segment.MID_CAREER])),
    ),
    Reason.REGION: Case(tenant=scoped(skip_tlds=frozenset(["de"])), recipients=(b"taro@mail.de",)),
    Reason.CARRIER_URL: Case(
        tenant=scoped(carriers=frozenset(["softbank.ne.jp"])), recipients=(b"taro@softbank.ne.jp",)
    ),
    Reason.TEST_RECIPIENT: Case(
        tenant=replace(scoped(test_recipients=frozenset(["it@acme.example"])), mode=Mode.MONITOR),
        recipients=(b"it@acme.example",),
    ),
    Reason.LANGUAGE_OFF: Case(mail(part(EN)), replace(ACME, languages=("ja",))),
    Reason.NO_COMPANY: Case(sender=b"a@other.example"),
    Reason.PAUSED: Case(tenant=replace(ACME, mode=Mode.PAUSED)),
    Reason.INTERNAL: Case(recipients=(b"hr@acme.example",)),
    Reason.SEVERAL_RECIPIENTS: Case(recipients=(b"taro@gmail.example", b"jiro@gmail.example")),
    Reason.AGENCY: Case(mail(to="a@agent.example"), recipients=(b"a@agent.example",)),
    Reason.SUPPRESSED: Case(tenant=scoped(suppress=frozenset(["taro@gmail.example"]))),
    Reason.LIST: Case(mail(list_id="<all.acme.example>")),
    Reason.BULK: Case(mail(precedence="bulk")),
    Reason.AUTO_REPLY: Case(mail(auto_submitted="auto-replied")),
    Reason.DKIM_SIGNED: Case(mail(dkim_signature="v=1")),
    Reason.REPORT: Case(attached("message/delivery-status")),
    Reason.CALENDAR: Case(mail(multipart("alternative", part(), part(b"x", "text/calendar")))),
    Reason.SIGNED: Case(attached("application/pkcs7-signature")),
    Reason.ENCRYPTED: Case(attached("application/octet-stream", "smime.p7m")),
    Reason.TOO_LARGE: Case(size=100),
    Reason.NO_TEXT: Case(mail(part(b"%PDF", "application/pdf", charset=""))),
    Reason.UNREADABLE: Case(mail(BROKEN)),
    Reason.UNFIT: Case(mail(part(JA.encode(), charset="utf-16"))),
    Reason.VERIFY_FAILED: Case(mail(part(REFUTED, "text/html"))),
}


def outcome(case, policy):
    mine = replace(policy, tenants=(case.tenant,), inspect_size=case.size)
    decision = decide(envelope(case.sender, case.recipients), case.raw, mine)
    return decision, apply(case.raw, decision.edits)


@pytest.mark.parametrize("reason", CASES)
def test_each_reason_has_its_mail(policy, reason):
    case = CASES[reason]
    decision, sent = outcome(case, policy)
    assert decision.reason is reason
    assert (sent != case.raw) is (reason in CHANGED)
    assert (decision.referral is not None) is (reason in REFERRED)


def test_a_mail_that_has_its_link_gets_no_other_one(policy):
    _, sent = outcome(Case(), policy)
    assert outcome(Case(sent), policy)[0].reason is Reason.OWN_TRACE
    resent = sent.partition(b"\r\n")[2].replace(b"<1@", b"<2@")
    assert outcome(Case(resent), policy)[0].reason is Reason.LINKED_ALREADY


ON_THE_STREET = {
    Reason.NOT_YET: lambda policy: Street(
        replace(policy, tenants=(replace(ACME, since=2_000_000_000.0),))
    ),
    Reason.NO_PROOF: lambda policy: Street(
        replace(policy, tenants=(replace(ACME, proof=Proof(users=frozenset(["hr"]))),))
    ),
    Reason.OUR_FAULT: lambda policy: Street(replace(policy, rules=None)),
    Reason.OUT_OF_TIME: lambda policy: Street(policy, station=Station(think_seconds=0.0)),
    Reason.LEDGER_DOWN: lambda policy: Street(policy, BrokenLedger(Kind.OFFERED)),
}


@pytest.mark.parametrize("reason", ON_THE_STREET)
async def test_what_only_the_gateway_can_say_leaves_the_mail_as_it_came(policy, reason):
    street = ON_THE_STREET[reason](policy)
    _, sent, seen = await street.relay(mail())
    assert seen.decision.reason is reason
    assert sent == mail()


def test_no_line_is_without_its_test():
    tested = {*CASES, *ON_THE_STREET, Reason.OWN_TRACE, Reason.LINKED_ALREADY}
    assert sorted(LINES) == sorted(tested) == sorted(Reason)
