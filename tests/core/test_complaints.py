"""What people complain of in other gateways that put words into mail, one test a complaint."""

import re

import pytest

from relay_gateway.core.decision import decide
from relay_gateway.core.edit import apply
from relay_gateway.core.reason import Reason
from tests.conftest import envelope
from tests.mails import EN_HTML, JA, added, mail, multipart, part, skeleton

JIS = JA.replace("\n", "\r\n").encode("iso2022_jp")
LINKS = re.compile(rb"""(?:href|src)=["']?[^"'> ]+""")


def rewritten(raw, policy):
    """The mail with its link; asserts that it is a rejection."""
    decision = decide(envelope(), raw, policy)
    assert decision.reason is Reason.REJECTION
    return apply(raw, decision.edits)


@pytest.mark.parametrize("label", ["", "us-ascii"])
def test_shifts_of_an_unlabelled_jis_letter_are_no_text(policy, label):
    raw = mail(part(JIS, charset=label, encoding="7bit"))
    sent = rewritten(raw, policy)
    body = sent.partition(b"\r\n\r\n")[2]
    assert body.isascii()
    text = body.decode("iso2022_jp")
    assert "https://careerrelay.jp/c/acme/" in text
    assert text.replace("\r\n", "\n").startswith(JA.partition("末筆")[0])


def test_utf_8_under_the_label_of_jis_is_spliced_as_what_it_is_or_left(policy):
    raw = mail(part(JA.encode(), charset="iso-2022-jp", encoding="8bit"))
    decision = decide(envelope(), raw, policy)
    sent = apply(raw, decision.edits)
    assert decision.reason in (Reason.REJECTION, Reason.UNFIT)
    words = sent.partition(b"\r\n\r\n")[2].decode("utf-8")
    assert words.startswith(JA.partition("末筆")[0])
    assert b"\x1b" not in sent


def test_an_attachment_and_an_inline_picture_stay_inside_their_boundaries(policy):
    picture = part(b"\x89PNG\r\n" * 40, "image/png", charset="", encoding="base64")
    cv = part(b"%PDF" * 90, 'application/pdf; name="cv.pdf"', charset="", encoding="base64")
    page = part(EN_HTML.replace("</body>", '<img src="cid:1"></body>'), "text/html")
    related = multipart("related", page, picture, boundary="r")
    raw = mail(multipart("mixed", related, cv, boundary="m"))
    sent = rewritten(raw, policy)
    assert len(added(raw, sent)) == 1
    assert skeleton(sent, skipped=1) == skeleton(raw)


def test_no_link_of_others_is_touched(policy):
    links = (
        "<a href='https://a.example/?utm_source=x&amp;id=%2F'>a</a>"
        '<a href="https://safe.example/?url=https%3A%2F%2Fb.example&data=05%7C">b</a>'
        "<img src=https://track.example/o.gif?m=1&u=2>"
    )
    raw = mail(part(EN_HTML.replace("Thank you", f"{links} Thank you"), "text/html"))
    found = LINKS.findall(rewritten(raw, policy))
    assert [link for link in found if b"careerrelay" not in link] == LINKS.findall(raw)
    assert len(found) == len(LINKS.findall(raw)) + 1


@pytest.mark.parametrize("size", [999, 5000])
def test_a_line_longer_than_smtp_allows_is_not_folded(policy, size):
    long = "<!--" + "x" * size + "-->"
    raw = mail(part(EN_HTML.replace("<p>Thank", f"{long}<p>Thank"), "text/html"))
    sent = rewritten(raw, policy)
    assert long.encode() in sent
    old = set(raw.split(b"\r\n"))
    assert all(line in old or len(line) <= 998 for line in sent.split(b"\r\n"))


def test_an_empty_half_gets_nothing_and_the_other_its_link(policy):
    both = multipart("alternative", part("\n"), part(EN_HTML, "text/html"))
    (block,) = added(mail(both), rewritten(mail(both), policy))
    assert "<a href=" in block


def test_a_footer_is_not_repeated_when_the_mail_comes_round_again(policy):
    sent = rewritten(mail(), policy)
    again = decide(envelope(), sent, policy)
    assert (again.reason, again.edits) == (Reason.OWN_TRACE, ())


def test_what_the_gateway_marks_a_mail_with_is_ascii_on_one_short_line(policy):
    first = rewritten(mail(), policy).partition(b"\r\n")[0]
    assert re.fullmatch(rb"X-Relay-Trace: v1 [0-9a-f]{32}", first)
