"""Words for the gateway in a letter: found as they are typed, and taken out without trace."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay_gateway.core import letter, template
from relay_gateway.core.decision import Policy, decide
from relay_gateway.core.edit import apply
from relay_gateway.core.reason import Reason
from relay_gateway.core.tenant import Mode
from tests.conftest import ACME, envelope
from tests.mails import JA, JA_HTML, mail, multipart, part, texts
from tests.rulebook import shipped

POLICY = Policy((ACME,), shipped())
CHARSETS = (("utf-8", "8bit"), ("utf-8", "base64"), ("utf-8", "quoted-printable"))
JIS = ("iso-2022-jp", "7bit"), ("shift_jis", "base64"), ("euc-jp", "quoted-printable")
ENDING = "\n末筆ながら"


def decided(raw, policy=POLICY):
    decision = decide(envelope(), raw, policy)
    return decision, apply(raw, decision.edits)


@pytest.mark.parametrize(
    "typed",
    [
        "[[no-relay]]",
        "[[NO-RELAY]]",
        "［［no-relay］］",
        "［［ｎｏ－ｒｅｌａｙ］］",
        "[[ no-relay ]]",
        "[[no relay]]",
        "[[norelay]]",
        "[[no–relay]]",
        "[[no-\nrelay]]",
        "[[\u200bno-relay]]",
    ],
)
def test_the_marker_is_found_however_it_is_typed(typed):
    read = letter.read_plain(f"{JA}\n{typed}\n")
    assert template.exempts("", read, template.MARKER)
    assert "relay" not in template.without(read, template.MARKER).source[:0] + "".join(
        part.text for part in template.without(read, template.MARKER).paragraphs
    )


@pytest.mark.parametrize("words", ["no-relay", "[no-relay]", "[[no-reply]]", "[[relay]]", "[[ ]]"])
def test_other_words_are_no_marker(words):
    assert not template.exempts("", letter.read_plain(JA + words), template.MARKER)


@pytest.mark.parametrize(("charset", "encoding"), [*CHARSETS, *JIS])
def test_the_marker_exempts_a_letter_and_leaves_with_its_line(charset, encoding):
    bare = mail(part(JA, charset=charset, encoding=encoding))
    marked = JA.replace(ENDING, f"\n[[no-relay]]\n{ENDING}")
    decision, sent = decided(mail(part(marked, charset=charset, encoding=encoding)))
    assert (decision.reason, decision.referral) == (Reason.NO_RELAY, None)
    assert texts(sent) == texts(bare)
    assert sent.startswith(b"X-Relay-Trace: ")


@pytest.mark.parametrize(
    "typed",
    ["<p>[[no-relay]]</p>", "<p>[[<span lang=EN-US>no-relay</span>]]</p>", "[[no-relay]]<br>"],
)
def test_in_html_only_the_characters_of_the_marker_go(typed):
    raw = mail(part(JA_HTML.replace("</body>", typed + "</body>"), "text/html"))
    decision, sent = decided(raw)
    assert decision.reason is Reason.NO_RELAY
    gone = typed.replace("[[", "").replace("]]", "").replace("no-relay", "")
    assert sent.partition(b"\r\n")[2] == raw.replace(typed.encode(), gone.encode())


def test_every_alternative_loses_its_marker():
    marked = part(JA + "[[no-relay]]\n"), part(JA_HTML + "[[no-relay]]", "text/html")
    decision, sent = decided(mail(multipart("alternative", *marked)))
    assert decision.reason is Reason.NO_RELAY
    assert b"no-relay" not in sent


def test_a_marker_in_quoted_history_exempts_and_stays():
    raw = mail(part(JA + "\n> [[no-relay]]\n"))
    decision, sent = decided(raw)
    assert (decision.reason, sent) == (Reason.NO_RELAY, raw)


@pytest.mark.parametrize("flow", ["text/plain", "text/plain; format=flowed"])
@pytest.mark.parametrize("folded", ["[[no-\nrelay]]", "[[no \nrelay]]", "[[no-relay\n]]"])
def test_a_folded_marker_exempts_and_leaves(flow, folded):
    raw = mail(part(JA.replace(ENDING, f"\n詳細は不要です。{folded}以上\n{ENDING}"), flow))
    decision, sent = decided(raw)
    assert (decision.reason, decision.detail) == (Reason.NO_RELAY, "")
    assert "\n詳細は不要です。以上\r\n" in texts(sent)[0]


def test_in_html_too_a_folded_marker_leaves():
    raw = mail(part(JA_HTML.replace("</body>", "<p>[[no\nrelay]]</p></body>"), "text/html"))
    decision, sent = decided(raw)
    assert (decision.reason, decision.detail) == (Reason.NO_RELAY, "")
    assert b"<p></p></body>" in sent


@pytest.mark.parametrize(
    "unseen", ["<!-- [[no-relay]] -->", "<p style='display:none'>[[no-relay]]</p>"]
)
def test_a_marker_that_nobody_sees_exempts_and_stays(unseen):
    raw = mail(part(JA_HTML.replace("</body>", unseen + "</body>"), "text/html"))
    decision, sent = decided(raw)
    assert (decision.reason, sent) == (Reason.NO_RELAY, raw)


def test_a_marker_in_the_subject_exempts_and_stays():
    raw = mail(part(JA), subject="=?utf-8?q?[[no-relay]]_=E7=B5=90=E6=9E=9C?=")
    decision, sent = decided(raw)
    assert (decision.reason, sent) == (Reason.NO_RELAY, raw)


def test_a_sign_that_shares_its_shift_with_other_words_leaves_the_mail_alone():
    slotted = JA.replace("末筆ながら", "｛｛ｃａｒｅｅｒ＿ｒｅｌａｙ｝｝末筆ながら")
    raw = mail(part(slotted, charset="iso-2022-jp"))
    decision, sent = decided(raw)
    assert (decision.reason, sent) == (Reason.UNFIT, raw)


def test_a_watched_company_keeps_its_marker():
    raw = mail(part(JA + "\n[[no-relay]]\n"))
    watched = replace(POLICY, tenants=(replace(ACME, mode=Mode.MONITOR),))
    decision, sent = decided(raw, watched)
    assert (decision.reason, sent) == (Reason.NO_RELAY, raw)


def test_an_exempted_mail_is_not_judged_again_by_the_next_gateway():
    _, sent = decided(mail(part(JA + "\n[[no-relay]]\n")))
    assert decided(sent)[0].reason is Reason.OWN_TRACE


def test_a_company_chooses_its_own_marker():
    own = replace(POLICY, tenants=(replace(ACME, marker="【案内不要】"),))
    decision, sent = decided(mail(part(JA + "\n【案内不要】\n")), own)
    assert decision.reason is Reason.NO_RELAY
    assert texts(sent) == texts(mail(part(JA + "\n")))


@pytest.mark.parametrize(("charset", "encoding"), [*CHARSETS, *JIS])
def test_the_block_takes_the_place_of_the_slot(charset, encoding):
    slotted = JA.replace("株式会社アクメ", "{{career_relay}}\n\n株式会社アクメ")
    decision, sent = decided(mail(part(slotted, charset=charset, encoding=encoding)))
    text = texts(sent)[0].replace("\r", "")
    assert decision.reason is Reason.REJECTION
    assert "career_relay" not in text
    assert (
        text.index("祈り申し上げます") < text.index(ACME.link) < text.index("株式会社アクメ\n採用")
    )
    assert "\n\n\n" not in text


def test_in_html_the_block_stands_within_the_slots_own_element():
    html = JA_HTML.replace("</body>", "<div class=x>{{career_relay}}</div>\n</body>")
    decision, sent = decided(mail(part(html, "text/html")))
    assert decision.reason is Reason.REJECTION
    inside = sent.partition(b"<div class=x>")[2].partition(b"</div>")[0]
    assert ACME.link.encode() in inside
    assert b"career_relay" not in sent


@pytest.mark.parametrize("around", ["<ul><li>{}</li></ul>", "<h1>{}</h1>", "<a href='#'>{}</a>"])
def test_a_slot_that_cannot_hold_the_block_only_goes(around):
    html = JA_HTML.replace("</body>", around.format("{{career_relay}}") + "</body>")
    decision, sent = decided(mail(part(html, "text/html")))
    assert decision.reason is Reason.REJECTION
    assert b"career_relay" not in sent
    assert around.format("").encode() in sent


VAGUE = "{} 様\n\n結果についてですが、今回は見送らせていただきます。\n\n{}\n\nアクメ\n"


def test_with_a_slot_a_decision_is_enough():
    assert decided(mail(part(VAGUE.format("山田", ""))))[0].reason is Reason.NO_REJECTION
    decision, sent = decided(mail(part(VAGUE.format("山田", "{{career_relay}}"))))
    assert decision.reason is Reason.REJECTION
    assert ACME.link in texts(sent)[0]


def test_a_slot_in_quoted_history_asks_for_nothing():
    raw = mail(part(VAGUE.format("山田", "> {{career_relay}}")))
    decision, sent = decided(raw)
    assert (decision.reason, sent) == (Reason.NO_REJECTION, raw)


@pytest.mark.parametrize(
    "words",
    ["ぜひ面接にお越しください。", "誤って不採用の通知をお送りしました。お詫び申し上げます。"],
)
def test_a_slot_alone_forces_nothing_and_goes(words):
    raw = mail(part(f"山田 様\n\n{words}\n\n{{{{career_relay}}}}\n\nアクメ\n"))
    decision, sent = decided(raw)
    assert decision.referral is None
    assert texts(sent) == texts(mail(part(f"山田 様\n\n{words}\n\nアクメ\n")))


@pytest.mark.parametrize(
    "gap",
    ["{{name}} 様", "〇〇様", "[Candidate Name]", "［氏名］様", "%%NAME%%", "<<name>>", "${name}"],
)
def test_an_open_gap_leaves_a_rejection_alone(gap):
    raw = mail(part(gap + "\n\n" + JA))
    decision, sent = decided(raw)
    assert (decision.reason, sent) == (Reason.UNFILLED, raw)


@given(st.text(), st.text())
def test_no_words_hide_a_marker(before, after):
    read = letter.read_plain(f"{before}\n[[no-relay]]\n{after}")
    assert template.exempts("", read, template.MARKER)


@given(st.integers(0, len(JA)), st.sampled_from([*CHARSETS, *JIS]), st.booleans())
def test_wherever_the_marker_stands_it_leaves_alone(at, kind, has_row):
    typed = "\n[[no-relay]]\n" if has_row else "[[no-relay]]"
    charset, encoding = kind
    raw = mail(part(JA[:at] + typed + JA[at:], charset=charset, encoding=encoding))
    decision, sent = decided(raw)
    assert (decision.reason, decision.detail) == (Reason.NO_RELAY, "")
    # With a row of its own go the newlines around it.
    assert "".join(texts(sent)[0].split()) == "".join(JA.split())
    if not has_row and JA[at - 1 : at] != "\n" != JA[at : at + 1]:
        assert texts(sent)[0] == texts(mail(part(JA, charset=charset)))[0]
    assert decided(sent)[1] == sent
