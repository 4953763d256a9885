"""A redacted mail has the structure of the mail, and none of its words."""

import re
from dataclasses import replace
from email import message_from_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay_gateway.core.decision import decide
from relay_gateway.core.message import read
from relay_gateway.core.reason import Reason
from relay_gateway.core.redact import redact
from tests.conftest import envelope
from tests.core.test_decision import REFUTED
from tests.core.test_whole import trees
from tests.mails import JA, JA_HTML, mail, multipart, part, texts

STAND_INS = set("xX0éαж々あア漢가ｱ０Ａａ\ufffd")


def shape(raw):
    """All that our own reader knows of the parts, but what they are called."""
    return [
        (one.media_type, one.encoding, one.disposition, one.body, one.inside, one.is_letter)
        for one in read(raw).parts
    ]


def words(text):
    return re.findall(r"[^\W_]{2,}", text)


@given(trees())
def test_the_structure_is_the_same_and_no_word_is_left(raw):
    new = redact(raw)
    assert len(new) == len(raw)
    assert shape(new) == shape(raw)
    assert [len(row) for row in new.split(b"\n")] == [len(row) for row in raw.split(b"\n")]
    pairs = zip(*(message_from_bytes(one).walk() for one in (raw, new)), strict=True)
    for old, masked in pairs:
        assert masked.get_content_type() == old.get_content_type()
        assert masked.get_content_charset() == old.get_content_charset()
        assert (masked.preamble is None) is (old.preamble is None)
        if masked.get_content_type() == "text/plain" and not masked.get_filename():
            text = masked.get_payload(decode=True).decode(_codec(masked), "replace")
            assert all(set(word) <= STAND_INS for word in words(text)), text
    for address in (b"saiyo", b"taro", b"acme", b"gmail", b"result", b"TEL 03"):
        assert address not in new


def _codec(leaf):
    label = leaf.get_content_charset() or "ascii"
    return {"windows-31j": "cp932", "shift_jis": "cp932", "gb2312": "gb18030"}.get(label, label)


@pytest.mark.parametrize("encoding", ["", "base64", "quoted-printable"])
@pytest.mark.parametrize("label", ["utf-8", "iso-2022-jp", "cp932", "euc-jp"])
def test_letters_stand_for_their_kind(label, encoding):
    told = "佐藤 Taro 様、カナ03-０３ Ｔａro"
    raw = mail(part(told, charset=label, encoding=encoding))
    assert texts(redact(raw)) == ["漢漢 Xxxx 漢、アア00-００ Ａａxx"] or label == "iso-2022-jp"
    assert "佐藤" not in texts(redact(raw))[0]
    assert "、" in texts(redact(raw))[0]


def test_tags_stay_and_what_is_in_them_goes():
    page = (
        '<p class="MsoNormal x-taro" style="display: none; font-family: Taro">佐藤&nbsp;&#20304;'
        '<a href="https://acme.example/taro?id=7">Taro</a><!-- Taro -->'
        "<!--[if mso]>Taro<![endif]-->"
    )
    (new,) = texts(redact(mail(part(page, "text/html"))))
    assert new == (
        '<p class="MsoNormal x-xxxx" style="display: none; xxxx-xxxxxx: Xxxx">漢漢&nbsp;&#00000;'
        '<a href="xxxxx://xxxx.xxxxxxx/xxxx?xx=0">Xxxx</a><!-- Xxxx -->'
        "<!--[if mso]>Xxxx<![endif]-->"
    )


def test_attachments_and_attached_mails_are_masked_too():
    attached = part("Taro", 'application/pdf; name="Taro.pdf"', charset="", encoding="base64")
    raw = mail(multipart("mixed", part(), attached, part(mail(), "message/rfc822", charset="")))
    new = redact(raw)
    assert b"VGFyb" not in new
    assert b'name="Xxxx.xxx"' in new
    assert "佐藤".encode() not in new
    assert shape(new) == shape(raw)


def test_a_fault_of_ours_stays_in_the_redacted_mail(policy):
    raw = mail(part(REFUTED, "text/html"))
    again = decide(envelope(b"x@acme.example"), redact(raw), replace(policy, is_forced=True))
    assert again.reason is Reason.VERIFY_FAILED


@given(st.binary(max_size=300))
def test_any_bytes_are_masked(data):
    for raw in (data, mail(part(data)), mail(part(data, "text/html", charset="iso-2022-jp"))):
        assert len(redact(raw)) == len(raw)


def test_what_cannot_be_read_is_masked_whole():
    raw = mail(multipart("mixed", part(JA), part(JA_HTML, "text/html"))).replace(b"--b--", b"--c--")
    assert "佐藤".encode() not in redact(raw)
    assert b"saiyo" not in redact(raw)
