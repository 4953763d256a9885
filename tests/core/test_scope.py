"""The vetoes that need no reading, one by one."""

from contextlib import suppress
from dataclasses import replace

import pytest

from relay_gateway.core import link, trace
from relay_gateway.core.message import Unfit, read
from relay_gateway.core.reason import Reason
from relay_gateway.core.scope import is_test, mail_id, outsiders, people, veto
from relay_gateway.core.tenant import Mode, Scope
from tests.conftest import ACME, envelope
from tests.mails import JA_HTML, mail, multipart, part

TARO, JIRO, HR = b"taro@gmail.example", b"jiro@gmail.example", b"yamada@acme.example"


def said(raw=None, tenant=ACME, **envelope_fields):
    return veto(envelope(**envelope_fields), read(raw or mail()), tenant)


def scoped(**scope):
    return replace(ACME, scope=Scope(**scope))


@pytest.mark.parametrize("copies", [(), (HR,)])
def test_a_letter_to_one_person_outside_is_read(copies):
    raw = mail(cc="Yamada <yamada@acme.example>", to='"Sato, Taro" <Taro@gmail.example>')
    assert said(raw, recipients=(TARO, *copies)) is None


@pytest.mark.parametrize(
    ("recipients", "fields", "reason"),
    [
        ((HR,), {}, Reason.INTERNAL),
        ((b"YAMADA@ACME.EXAMPLE",), {}, Reason.INTERNAL),
        ((TARO, JIRO), {}, Reason.SEVERAL_RECIPIENTS),
        ((TARO,), {"cc": "jiro@gmail.example"}, Reason.SEVERAL_RECIPIENTS),
        ((TARO,), {"to": "taro@gmail.example, jiro@gmail.example"}, Reason.SEVERAL_RECIPIENTS),
        ((b"a@agent.example",), {}, Reason.AGENCY),
        ((TARO,), {"list_id": "<all.acme.example>"}, Reason.LIST),
        ((TARO,), {"precedence": "list"}, Reason.LIST),
        ((TARO,), {"precedence": "bulk"}, Reason.BULK),
        ((TARO,), {"auto_submitted": "auto-replied"}, Reason.AUTO_REPLY),
        ((TARO,), {"x_autoreply": "yes"}, Reason.AUTO_REPLY),
        ((TARO,), {"dkim_signature": "v=1"}, Reason.DKIM_SIGNED),
        ((TARO,), {"auto_submitted": "auto-generated"}, None),
        ((TARO,), {"to": "undisclosed-recipients:;"}, None),
    ],
)
def test_who_gets_what_kind_of_mail(recipients, fields, reason):
    raw = mail(**{"to": recipients[0].decode()} | fields)
    assert said(raw, recipients=recipients) == reason


P7M = part(b"x", "application/octet-stream; name=smime.p7m", charset="")
PGP = "-----BEGIN PGP MESSAGE-----\n\nx\n-----END PGP MESSAGE-----\n"
P7S = part(b"x", "application/pkcs7-signature", charset="")
REPORT = part(b"x", "message/delivery-status", charset="")
INVITE = part(b"x", "text/calendar")


@pytest.mark.parametrize(
    ("entity", "reason"),
    [
        (multipart("signed", part(), P7S), Reason.SIGNED),
        (multipart("mixed", multipart("signed", part(), P7S, boundary="i")), Reason.SIGNED),
        (multipart("mixed", part(), P7S), Reason.SIGNED),
        (multipart("encrypted", part()), Reason.ENCRYPTED),
        (part(b"x", "application/pkcs7-mime", charset=""), Reason.ENCRYPTED),
        (multipart("mixed", part(), P7M), Reason.ENCRYPTED),
        (part(PGP), Reason.ENCRYPTED),
        (part(PGP.replace("MESSAGE", "SIGNED MESSAGE")), Reason.ENCRYPTED),
        (part(b"x", "application/ms-tnef", charset=""), Reason.ENCRYPTED),
        (multipart("report", part(), REPORT), Reason.REPORT),
        (multipart("mixed", part(), REPORT), Reason.REPORT),
        (multipart("alternative", part(), INVITE), Reason.CALENDAR),
        (multipart("alternative", part(), part(JA_HTML, "text/html")), None),
    ],
)
@pytest.mark.parametrize("is_forced", [True, False])
def test_sealed_mail_and_mail_that_no_person_wrote(entity, reason, is_forced):
    assert veto(envelope(), read(mail(entity)), ACME, is_forced=is_forced) == reason


def test_a_paused_company_is_left_alone():
    assert said(tenant=replace(ACME, mode=Mode.PAUSED)) is Reason.PAUSED


@pytest.mark.parametrize("spelt", [TARO, b"Taro+2@Gmail.Example", b"taro@gmail.example."])
def test_a_person_may_be_kept_out_however_the_address_is_spelt(spelt):
    tenant = scoped(suppress=frozenset(["taro@gmail.example"]))
    assert said(tenant=tenant, recipients=(spelt,)) is Reason.SUPPRESSED


@pytest.mark.parametrize("domain", ["x.kr", "예.한국", "xn--9n2b.xn--3e0b707e", "例.中國"])
def test_a_country_is_known_by_all_its_names(domain):
    to = (f"a@{domain}".encode(),)
    assert said(tenant=scoped(skip_tlds=frozenset(["kr", "cn"])), recipients=to) is Reason.REGION
    assert said(tenant=scoped(skip_tlds=frozenset(["de"])), recipients=to) is None


TESTER = b"t@gmail.example"
TESTED = scoped(test_recipients=frozenset([TESTER.decode()]))


def test_whoever_tries_it_out_counts_for_nobody_beside_a_candidate():
    mixed = envelope(recipients=(TESTER, TARO))
    assert not is_test(mixed, TESTED)
    assert people(mixed, TESTED, has_link=True) == (TARO,)


def test_a_trial_stays_one_with_a_colleague_in_copy():
    assert is_test(envelope(recipients=(TESTER, HR)), TESTED)
    assert not is_test(envelope(recipients=(HR,)), TESTED)


def test_a_person_with_several_addresses_gets_one_link():
    spelt = TARO, b"Taro@gmail.example", b"taro+work@gmail.example"
    assert people(envelope(recipients=spelt), ACME, has_link=True) == (TARO,)


def test_a_person_may_be_kept_out_by_a_keyed_hash_however_the_address_is_spelt():
    keyed = link.persons("acme", b"taro@gmail.example", ACME.keys)
    assert said(tenant=scoped(suppressed=frozenset(keyed))) is Reason.SUPPRESSED
    other = (b"Taro+2@Gmail.Example",)
    assert said(tenant=scoped(suppressed=frozenset(keyed)), recipients=other) is Reason.SUPPRESSED
    assert said(tenant=scoped(suppressed=frozenset(("0" * 16,)))) is None


def test_the_companys_own_bulk_sender_may_look_like_a_list():
    raw = mail(list_unsubscribe="<mailto:x@acme.example>", precedence="bulk", dkim_signature="v=1")
    tenant = scoped(bulk_senders=frozenset(["ats@acme.example"]))
    assert said(raw, tenant) is Reason.LIST
    assert said(raw, tenant, sender=b"ATS@acme.example") is None


def test_a_sealed_mail_may_be_changed_where_it_is_sealed_again():
    raw = mail(dkim_signature="v=1")
    assert said(raw, scoped(rewrites_dkim=True)) is None


def test_our_own_trace_is_known_under_any_key_and_for_this_mail_only():
    old, new = b"the old key of this test, 32 bytes", b"the new key of this test, 32 bytes"
    rotated = replace(ACME, keys=(new, old))
    raw = mail()
    marked = trace.mark(mail_id(read(raw)), (old,)) + raw
    assert said(marked, rotated) is Reason.OWN_TRACE
    assert said(marked, replace(ACME, keys=(new,))) is None
    other = mail(message_id="<2@acme.example>")
    assert said(trace.mark(mail_id(read(raw)), (old,)) + other, rotated) is None


def test_mails_without_an_id_are_told_apart_by_what_was_written():
    one, two = (read(mail(part(words), message_id="")) for words in ("a", "b"))
    again = read(b"Received: by mx.example\r\n" + mail(part("a"), message_id=""))
    assert mail_id(one) == mail_id(again) != mail_id(two)
    assert mail_id(read(b"")) == mail_id(read(b""))


def test_an_address_field_nested_without_end_is_unfit_at_worst():
    # Some Pythons read it, others fall into a recursion without end.
    with suppress(Unfit):
        said(mail(to="(" * 5000))


def test_outsiders_are_those_of_no_domain_of_the_company():
    some = envelope(recipients=(HR, TARO, b"postmaster"))
    assert outsiders(some, ACME) == (TARO, b"postmaster")
