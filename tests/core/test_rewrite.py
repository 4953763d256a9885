"""The promise of the house: the mail with its block, less the block, is the mail."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay_gateway.core import block, link
from relay_gateway.core.decision import decide
from relay_gateway.core.edit import apply
from relay_gateway.core.message import read
from relay_gateway.core.page import pages
from relay_gateway.core.place import Spot
from relay_gateway.core.reason import Reason
from relay_gateway.core.rewrite import edits, insert
from tests.conftest import ACME, envelope
from tests.mails import (
    EN,
    EN_HTML,
    JA,
    JA_HTML,
    added,
    mail,
    multipart,
    part,
    texts,
    with_bare_newlines,
)

URL = ACME.link + "/0123456789ABCDEFGHJKMNPQ"
JAPANESE = ["utf-8", "iso-2022-jp", "windows-31j", "euc-jp", "gbk"]
CHARSETS = [*((label, "ja") for label in JAPANESE), ("us-ascii", "en"), ("iso-8859-1", "en")]
ENCODINGS = ["", "base64", "quoted-printable"]
LETTERS = {"ja": (JA, JA_HTML), "en": (EN.replace("Taro", "Taró"), EN_HTML)}
ATTACHMENT = part(b"%PDF", "application/pdf; name=a.pdf", charset="", encoding="base64")
TREES = {
    "plain": lambda plain, _: plain,
    "html": lambda _, html: html,
    "alternative": lambda plain, html: multipart("alternative", plain, html),
    "mixed": lambda plain, html: multipart(
        "mixed", multipart("alternative", plain, html, boundary="bb"), ATTACHMENT
    ),
    "related": lambda plain, html: multipart(
        "alternative",
        plain,
        multipart("related", html, part(b"x", "image/png", charset=""), boundary="b b"),
    ),
    "deep": lambda plain, html: multipart(
        "mixed",
        multipart("related", multipart("alternative", plain, html, boundary="b-2"), boundary="b-"),
        multipart("mixed", ATTACHMENT, boundary="bbb"),
    ),
    "forward": lambda plain, _: multipart(
        "mixed", plain, part(mail(), "message/rfc822", charset="")
    ),
}


@pytest.fixture(scope="module")
def forced(policy):
    return replace(policy, is_forced=True)


def letters(label, language, encoding, habit):
    for words, kind in zip(LETTERS[language], ("text/plain", "text/html"), strict=True):
        text = words.replace("ó", "o") if label == "us-ascii" else words
        data = habit(text).encode("cp932" if label == "windows-31j" else label)
        yield part(data, kind, charset=label, encoding=encoding)


HABITS = {
    "CRLF": lambda text: text.replace("\n", "\r\n"),
    "LF": lambda text: text,
    "no newline at the end": lambda text: text.rstrip("\n").replace("\n", "\r\n"),
    "many at the end": lambda text: text.replace("\n", "\r\n") + "\r\n\r\n",
}


def assert_within_limits(raw, rewritten):
    old = set(raw.split(b"\n"))
    for line in rewritten.split(b"\n"):
        assert line in old or len(line.rstrip(b"\r")) <= 998
    assert rewritten.isascii() or not raw.isascii()


@pytest.mark.parametrize("tree", TREES)
@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("written", CHARSETS, ids=lambda written: written[0])
@pytest.mark.parametrize("habit", HABITS)
def test_the_mail_less_its_block_is_the_mail(forced, tree, encoding, written, habit):
    plain, html = letters(*written, encoding, HABITS[habit])
    raw = mail(TREES[tree](plain, html))
    raw = with_bare_newlines(raw) if habit == "LF" else raw
    decision = decide(envelope(), raw, forced)
    assert decision.reason is Reason.REJECTION
    rewritten = apply(raw, decision.edits)
    blocks = added(raw, rewritten)
    assert len(blocks) == (1 if tree in ("plain", "html", "forward") else 2)
    assert all(ACME.link in words for words in blocks)
    assert_within_limits(raw, rewritten)


PARAGRAPHS = st.lists(
    st.text(st.sampled_from("あ漢字ー。A =.-<&"), min_size=1, max_size=20).filter(str.strip),
    min_size=1,
    max_size=5,
)


@given(
    PARAGRAPHS,
    st.sampled_from(["utf-8", "iso-2022-jp", "cp932", "euc-jp"]),
    st.sampled_from(ENCODINGS),
    st.booleans(),
)
def test_a_block_may_stand_after_any_paragraph(paragraphs, label, encoding, is_bare):
    words = "\r\n\r\n".join(["佐藤様", *paragraphs]) + "\r\n"
    raw = mail(part(words.encode(label), charset=label, encoding=encoding))
    raw = with_bare_newlines(raw) if is_bare else raw
    message = read(raw)
    for (page,) in pages(message):
        for one in page.letter.paragraphs:
            spot = Spot(one.start, True, not one.is_spaced, True)
            lines = block.fill(block.default("ja"), ACME.name, URL)
            change = insert(page, spot, lines, URL)
            (words,) = added(raw, b"X: y\r\n" + apply(raw, edits(message, (change,))))
            assert words.split() == "\n".join(lines).split()


def rows_of(raw):
    return raw.partition(b"\r\n\r\n")[2].split(b"\r\n")


def test_iso_2022_jp_is_back_in_ascii_at_each_line_end(forced):
    for kind, words in (("text/plain", JA), ("text/html", JA_HTML)):
        raw = mail(part(words, kind, charset="iso-2022-jp"))
        rewritten = apply(raw, decide(envelope(), raw, forced).edits)
        assert len(rewritten) > len(raw) + 300
        for row in rows_of(rewritten):
            assert row.decode("iso2022_jp").encode("iso2022_jp") == row


def test_the_rows_of_nec_in_a_letter_stay_as_they_are(forced):
    nec = b'\x1b$B-j%"%/%a\x1b(B\r\n\r\n'
    raw = mail(part(nec + JA.replace("\n", "\r\n").encode("iso2022_jp"), charset="iso-2022-jp"))
    decision = decide(envelope(), raw, forced)
    assert decision.reason is Reason.REJECTION
    assert nec in apply(raw, decision.edits)


def test_html_in_7_bit_gets_character_references(forced):
    raw = mail(part(JA_HTML.encode("ascii", "xmlcharrefreplace"), "text/html"))
    rewritten = apply(raw, decide(envelope(), raw, forced).edits)
    assert rewritten.isascii()
    assert "今後のキャリア".encode("ascii", "xmlcharrefreplace") in rewritten


def test_html_gets_references_for_what_its_charset_cannot_hold(forced):
    page = JA_HTML.replace("佐藤", "Sató").encode("iso-8859-1", "xmlcharrefreplace")
    raw = mail(part(page, "text/html", charset="iso-8859-1"))
    (new,) = texts(apply(raw, decide(envelope(), raw, forced).edits))
    assert "今後のキャリア".encode("ascii", "xmlcharrefreplace").decode() in new
    assert "?" not in new


def test_a_company_may_be_called_what_reads_as_markup(forced):
    words = block.Wording(("{company}: ", "{link}"))
    tenant = replace(ACME, name="A<i>B & C", wordings={"ja": words})
    raw = mail(part(JA_HTML, "text/html"))
    wanted = replace(forced, tenants=(tenant,))
    (new,) = texts(apply(raw, decide(envelope(), raw, wanted).edits))
    assert "A&lt;i&gt;B &amp; C" in new


@pytest.mark.parametrize("delsp", ["", "; delsp=yes"])
def test_a_flowed_letter_gets_no_soft_lines(forced, delsp):
    soft = JA.replace("見送らせて\n", "見送らせて \n").replace("。\n", "。 \n")
    raw = mail(part(soft, f"text/plain; format=flowed{delsp}"))
    (words,) = added(raw, apply(raw, decide(envelope(), raw, forced).edits))
    assert not any(line.endswith(" ") for line in words.splitlines())


@pytest.mark.parametrize(
    "last", ["採用を見送らせて \nいただきます。 \n", "見送ります。 ", "見送ります。\n"]
)
def test_an_empty_line_stands_above_the_block_where_the_last_line_is_soft(forced, last):
    raw = mail(part(f"佐藤様\n\n{last}", "text/plain; format=flowed"))
    (text,) = texts(apply(raw, decide(envelope(), raw, forced).edits))
    above = text[: text.index("今後のキャリア")]
    # RFC 3676, 4.5: the line after a soft one belongs to it, and that is the first empty one.
    assert above.endswith("。 \r\n\r\n\r\n" if last.rstrip("\n").endswith(" ") else "。\r\n\r\n")


def test_lines_of_the_block_that_would_read_as_quote_or_fold_are_stuffed(forced):
    words = block.Wording(("> a ", "From b", "{link}"))
    tenant = replace(ACME, wordings={"ja": words, "en": words})
    raw = mail(part(JA, "text/plain; format=flowed"))
    rewritten = apply(raw, decide(envelope(), raw, replace(forced, tenants=(tenant,))).edits)
    assert "\r\n\r\n > a\r\n From b\r\nhttps://" in texts(rewritten)[0]


@pytest.mark.parametrize(
    ("letter", "kind", "times"),
    [
        (JA.replace("末筆", f"{ACME.link}\n\n末筆"), "text/plain", 1),
        (JA.replace("末筆", f"詳細は{ACME.link}をご覧ください。\n\n末筆"), "text/plain", 1),
        (JA_HTML.replace("末", f"<a href='{ACME.link}'>{ACME.link}</a></p><p>末"), "text/html", 2),
        (JA_HTML.replace("末", f"<a href='{ACME.link}/'>こちら</a></p><p>末"), "text/html", 1),
        (JA.replace("末筆", "https://careerrelay.jp\n\n末筆"), "text/plain", 1),
    ],
)  # fmt: skip
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_pasted_link_becomes_the_tracked_one_in_its_place(forced, letter, kind, times, encoding):
    raw = mail(part(letter, kind, encoding=encoding))
    decision = decide(envelope(), raw, forced)
    assert decision.reason is Reason.UPGRADED_LINK
    (new,) = texts(apply(raw, decision.edits))
    found = re.findall(rf"{ACME.link}/([A-Za-z0-9]+)", new)
    assert len(found) == times
    assert all(link.open_token(token, ACME.id, ACME.keys) for token in found)
    assert "キャリアリレー" not in new


def test_many_links_of_the_company_are_left_alone(forced):
    raw = mail(part(JA + f"{ACME.link}\n" * 51))
    assert decide(envelope(), raw, forced).reason is Reason.UNFIT
