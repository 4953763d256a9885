"""The whole thought: its reasons, that it never raises, and that once is enough."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay_gateway.core import link
from relay_gateway.core.decision import decide
from relay_gateway.core.edit import apply
from relay_gateway.core.reason import Reason
from relay_gateway.core.tenant import Mode
from tests.conftest import ACME, envelope
from tests.mails import EN, EN_HTML, JA, JA_HTML, added, mail, multipart, part, texts

BOTH = multipart("alternative", part(), part(JA_HTML, "text/html"))
PGP = JA + "-----BEGIN PGP MESSAGE-----\n\nx\n-----END PGP MESSAGE-----\n"
INVITE = JA.replace(
    "誠に残念ながら今回は採用を見送らせて\nいただくこととなりました", "面接をお願いいたします"
)
INVITE = INVITE.replace("今後のご活躍を心よりお祈り申し上げ", "ご都合のよい日をお知らせください")


@pytest.fixture(scope="module")
def forced(policy):
    return replace(policy, is_forced=True)


@pytest.mark.parametrize(
    ("entity", "reason"),
    [
        (part(), Reason.REJECTION),
        (part(EN), Reason.REJECTION),
        (part(JA_HTML, "text/html"), Reason.REJECTION),
        (part(EN_HTML, "text/html"), Reason.REJECTION),
        (BOTH, Reason.REJECTION),
        (part(charset="iso-2022-jp"), Reason.REJECTION),
        (part(JA.replace("末筆", f"{ACME.link}\n\n末筆")), Reason.UPGRADED_LINK),
        (part("We would like to invite you to an interview."), Reason.NO_REJECTION),
        (part("Unfortunately the lift is broken."), Reason.NO_REJECTION),
        (part(INVITE), Reason.NO_REJECTION),
        (part("お世話になっております。\n\n" + "".join(f"> {row}\n" for row in JA.split("\n"))),
         Reason.NO_REJECTION),
        (part(b"%PDF", "application/pdf", charset=""), Reason.NO_TEXT),
        (part("> only a quote\n"), Reason.NO_TEXT),
        (part(JA.encode(), charset="utf-16"), Reason.UNFIT),
        (part(head="Content-MD5: x\r\n"), Reason.UNFIT),
        (multipart("mixed", part()).replace(b"--b--", b"--c--"), Reason.UNREADABLE),
        (multipart("signed", part()), Reason.SIGNED),
        (part(PGP, encoding="base64"), Reason.ENCRYPTED),
        (part(f"<pre>{PGP}</pre>", "text/html", encoding="quoted-printable"), Reason.ENCRYPTED),
    ],
)  # fmt: skip
def test_reasons(policy, entity, reason):
    decision = decide(envelope(), mail(entity), policy)
    assert decision.reason is reason
    assert bool(decision.edits) is (reason in (Reason.REJECTION, Reason.UPGRADED_LINK))
    assert bool(decision.referral) is bool(decision.edits)
    assert decision.tenant == "acme"


# Browsers ignore the tag of a form within a form, and we do not.
REFUTED = "<form>Dear Taro,<p>Unfortunately, we have decided not to move forward with your \
application.<form>Best regards"


def test_what_the_proof_refutes_goes_on_as_it_came(policy, forced):
    for one in (policy, forced):
        decision = decide(envelope(), mail(part(REFUTED, "text/html")), one)
        assert (decision.reason, decision.edits) == (Reason.VERIFY_FAILED, ())
        assert decision.referral is None
        assert decision.detail.startswith("the block is not seen")
        assert decision.detail.endswith(": text/html utf_8 7bit, 110 octets, cut at 92")


def test_a_sender_of_no_company_is_not_read(policy):
    decision = decide(envelope(sender=b"a@other.example"), b"\xff", policy)
    assert (decision.reason, decision.tenant) == (Reason.NO_COMPANY, "")
    assert decide(envelope(sender=b""), b"", policy).reason is Reason.NO_COMPANY


def test_a_mail_beyond_the_size_is_not_read(policy):
    small = replace(policy, inspect_size=100)
    assert decide(envelope(), mail(), small).reason is Reason.TOO_LARGE


def test_a_language_that_is_off_is_left_alone(policy):
    japanese = replace(policy, tenants=(replace(ACME, languages=("ja",)),))
    assert decide(envelope(), mail(part(EN)), japanese).reason is Reason.LANGUAGE_OFF


def test_monitoring_says_and_does_not(policy):
    watched = replace(policy, tenants=(replace(ACME, mode=Mode.MONITOR),))
    decision = decide(envelope(), mail(), watched)
    assert (decision.reason, decision.detail) == (Reason.MONITOR, "rejection")
    assert decision.verdict.is_rejection
    assert not decision.edits
    assert decision.referral is None


def test_both_alternatives_carry_the_same_link(policy):
    raw = mail(BOTH)
    decision = decide(envelope(), raw, policy)
    url = link.url(ACME.link, link.token(decision.referral, ACME.keys))
    blocks = added(raw, apply(raw, decision.edits))
    assert len(blocks) == 2
    assert all(url in words for words in blocks)


def test_an_empty_plain_alternative_stays_empty(policy):
    raw = mail(multipart("alternative", part("\n"), part(JA_HTML, "text/html")))
    assert len(added(raw, apply(raw, decide(envelope(), raw, policy).edits))) == 1


def test_a_second_text_after_the_attachment_stays_as_it_was(policy):
    pdf = part(b"x", "application/pdf", charset="")
    raw = mail(multipart("mixed", part(), pdf, part("フッター\n")))
    new = texts(apply(raw, decide(envelope(), raw, policy).edits))
    assert ACME.link in new[0]
    assert new[1] == "フッター\r\n"


def test_a_retried_mail_is_the_same_referral(policy):
    first, again = (decide(envelope(), raw, policy) for raw in (mail(), b"X-Hop: 2\r\n" + mail()))
    assert first.referral == again.referral
    other = decide(envelope(), mail(message_id="<2@acme.example>"), policy)
    assert other.referral != first.referral


@pytest.mark.parametrize("entity", [part(), BOTH, part(EN, encoding="base64")])
def test_a_rewritten_mail_is_not_rewritten_again(policy, forced, entity):
    for one in (policy, forced):
        raw = mail(entity)
        once = apply(raw, decide(envelope(), raw, one).edits)
        again = decide(envelope(), once, one)
        assert (again.reason, again.edits) == (Reason.OWN_TRACE, ())
        # A client that sends its copy anew drops the field and keeps the words.
        resent = once.partition(b"\r\n")[2].replace(b"<1@", b"<2@")
        left = decide(envelope(), resent, one)
        assert (left.reason, left.edits) == (Reason.LINKED_ALREADY, ())


def test_a_link_of_another_mail_in_the_quote_does_not_count(policy):
    raw = mail()
    once = texts(apply(raw, decide(envelope(), raw, policy).edits))[0].replace("\r\n", "\n")
    reply = JA + "\n2026年11月22日(日) 10:00 採用 <saiyo@acme.example>:\n\n"
    reply += "".join(f"> {row}\n" for row in once.split("\n"))
    decision = decide(envelope(), mail(part(reply), message_id="<2@acme.example>"), policy)
    assert decision.reason is Reason.REJECTION


def test_a_veto_in_any_text_speaks_for_the_whole_mail(policy):
    apology = part(JA + "\n\n先ほどのメールは誤ってお送りしたものです。お詫び申し上げます。")
    raw = mail(multipart("alternative", part(), apology))
    assert decide(envelope(), raw, policy).reason is Reason.VETO


def test_mails_nested_without_end_are_left_alone(forced):
    nest = b"Content-Type: message/rfc822\r\n\r\n" * 2000
    raw = mail(multipart("mixed", part(), nest))
    assert decide(envelope(), raw, forced).reason is Reason.UNREADABLE


WHOLE = st.sampled_from(
    [
        mail(),
        mail(BOTH),
        mail(part(EN_HTML, "text/html", encoding="quoted-printable")),
        mail(part(charset="iso-2022-jp")),
        mail(multipart("mixed", part(encoding="base64"), part(mail(), "message/rfc822"))),
    ]
)
HURT = st.sampled_from(
    [
        *(
            b"\r\n",
            b"\n",
            b"\r",
            b"=",
            b"=\r\n",
            b"<![FOO[",
            b"<!--",
            b"<?",
            b"<pre>&#10;",
            b"\xff",
        ),
        *(
            b"\x1b$B",
            b"\x1b(B",
            b"\0",
            b"--b",
            b"--b--",
            b"\r\n\r\n",
            b"<table>",
            b'<a href="',
            b"(",
        ),
        *(b"Content-Type: text/html; charset=iso-8859-12\r\n", b"; charset=cp1259", b"&#xD800;"),
        *(
            b"Content-Transfer-Encoding: base64\r\n",
            b"> ",
            b"\r\n-- \r\n",
            b"https://careerrelay.jp",
        ),
        *(
            b"=?x?B?=?=",
            b"</body>",
            b"charset=hex",
            b"charset=utf-7",
            b"<select>",
            b"\xf0\x9f\x98\x80",
        ),
    ]
)
WOUNDS = st.lists(st.tuples(st.integers(0, 9999), HURT, st.integers(0, 40)), max_size=6)


def wounded(raw, wounds):
    for place, new, lost in wounds:
        at = place % (len(raw) + 1)
        raw = raw[:at] + new + raw[at + lost :]
    return raw


@given(WHOLE, WOUNDS)
def test_nothing_that_a_mail_may_hold_raises(policy, forced, raw, wounds):
    raw = wounded(raw, wounds)
    for one in (policy, forced):
        decision = decide(envelope(), raw, one)
        assert decision.edits == () or apply(raw, decision.edits) != raw


@given(st.binary(max_size=200))
def test_no_bytes_raise(forced, raw):
    decide(envelope(), raw, forced)
