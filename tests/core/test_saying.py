"""The words in the mail: those for its kind and language, in the best form its charset can hold."""

from dataclasses import replace

import pytest

from relay_gateway.core import block
from relay_gateway.core.block import Wording, compose
from relay_gateway.core.decision import decide
from relay_gateway.core.edit import apply
from relay_gateway.core.reason import Reason
from relay_gateway.core.segment import Segment
from relay_gateway.core.words import Manner, Style
from tests.conftest import ACME, envelope
from tests.mails import EN, EN_HTML, JA, JA_HTML, added, mail, multipart, part

JAPANESE = ["utf-8", "iso-2022-jp", "windows-31j", "shift_jis", "euc-jp", "gbk"]
NAMED = {Segment.ANY: ("{company}の提携先をご案内いたします。", "{link}", "（無料、任意です。）")}
MARKED = {Segment.ANY: ("▶①提携先をご案内いたします。", "{link}", "（無料、任意です。）")}
ENGLISH = {Segment.ANY: ("{company}’s partner offers advice.", "{link}")}


def saying(policy, name=ACME.name, ja=NAMED, en=ENGLISH, **manner):
    """The policy for a company of this name with these words."""
    wordings = {
        "ja": compose("ja", Manner(**manner), ja),
        "en": compose("en", Manner(**manner), en),
    }
    return replace(policy, tenants=(replace(ACME, name=name, wordings=wordings),))


def first_lines(policy, entity, **fields):
    """The first line of each block that the mail gets."""
    raw = mail(entity, **fields)
    decision = decide(envelope(), raw, policy)
    assert decision.reason is Reason.REJECTION
    return [
        words.split("\n")[0].strip() for words in map(told, added(raw, apply(raw, decision.edits)))
    ]


def told(words):
    return words.replace("\r", "").replace("<br>", "").replace("<p>", "").strip()


@pytest.mark.parametrize("label", JAPANESE)
def test_a_name_that_every_charset_holds_is_said(policy, label):
    said = first_lines(saying(policy), part(charset=label))
    assert said == ["株式会社アクメの提携先をご案内いたします。"]


@pytest.mark.parametrize("name", ["髙島屋アクメ", "㈱アクメ", "Ácme", "アクメ①"])
def test_a_name_that_the_charset_lacks_is_left_out(policy, name):
    said = {label: first_lines(saying(policy, name), part(charset=label)) for label in JAPANESE}
    assert said["utf-8"] == [f"{name}の提携先をご案内いたします。"]
    assert said["iso-2022-jp"] == ["弊社の提携先をご案内いたします。"]
    # Windows knows 髙, ㈱ and ①; a letter that plain Shift_JIS can read stays readable by it.
    assert said["shift_jis"] == said["windows-31j"] == said["iso-2022-jp"]


def test_a_middle_dot_is_left_out_where_a_mail_is_in_gb2312(policy):
    mine = saying(policy, "ア・クメ")
    (said,) = first_lines(mine, part(charset="gbk"))
    assert said == "弊社の提携先をご案内いたします。"
    assert first_lines(mine, part(charset="iso-2022-jp"))[0].startswith("ア・クメ")


@pytest.mark.parametrize("label", JAPANESE)
def test_words_that_the_charset_lacks_give_way_to_the_safe_ones(policy, label):
    (said,) = first_lines(saying(policy, ja=MARKED), part(charset=label))
    marked, safe = "▶①提携先", "今後のキャリアのご参考までに、弊社の提携先"
    assert said == f"{marked if label == 'utf-8' else safe}をご案内いたします。"


PLAIN = "If it would help with your next step, our partner CareerRelay offers"
TYPED = "Acme’s partner offers advice."


@pytest.mark.parametrize(
    ("label", "encoding", "wanted"),
    [
        ("us-ascii", "", PLAIN),
        ("iso-8859-1", "", PLAIN),
        ("iso-2022-jp", "", TYPED),
        ("utf-8", "base64", TYPED),
        ("utf-8", "quoted-printable", TYPED),
        ("utf-8", "7bit", PLAIN),
    ],
)
def test_english_words_give_way_as_well(policy, label, encoding, wanted):
    entity = part(EN, charset=label, encoding=encoding)
    assert first_lines(saying(policy, "Acme"), entity) == [wanted]


@pytest.mark.parametrize("label", ["us-ascii", "iso-8859-1"])
def test_a_japanese_name_is_left_out_of_an_english_letter(policy, label):
    mine = {Segment.ANY: ("{company} has a partner.", "{link}")}
    said = first_lines(saying(policy, en=mine), part(EN, charset=label))
    assert said == ["Our company has a partner."]


def test_all_alternatives_of_a_mail_say_the_same(policy):
    html = part(JA_HTML, "text/html")
    mixed = multipart("alternative", part(charset="iso-2022-jp"), html)
    assert first_lines(saying(policy, "髙島屋"), mixed) == ["弊社の提携先をご案内いたします。"] * 2
    alone = part(JA_HTML, "text/html", charset="iso-2022-jp")
    raw = mail(alone)
    sent = apply(raw, decide(envelope(), raw, saying(policy, "髙島屋")).edits)
    assert b"&#39641;" in sent


def test_what_no_form_can_say_leaves_the_mail_alone(policy):
    raw = mail(part(charset="iso-2022-jp"))
    decision = decide(envelope(), raw, saying(policy, operator="髙橋キャリア株式会社"))
    assert (decision.reason, decision.detail) == (
        Reason.UNFIT,
        "the charset cannot hold the block",
    )
    assert decision.edits == ()
    bare = replace(ACME, wordings={"ja": Wording(("▶", "{link}"))})
    assert decide(envelope(), raw, replace(policy, tenants=(bare,))).reason is Reason.UNFIT


KINDS = {
    Segment.ANY: ("求人にご", "今後のキャリア"),
    Segment.MID_CAREER: ("中途採用にご", "今後の転職活動"),
    Segment.NEW_GRADUATE: ("新卒採用にご", "今後の就職活動"),
    Segment.INTERNSHIP: ("インターン選考にご", "今後の就職活動"),
    Segment.PART_TIME: ("アルバイト採用にご", "今後のお仕事探し"),
    Segment.TEMPORARY: ("派遣社員の募集にご", "今後のお仕事探し"),
}


@pytest.mark.parametrize("kind", Segment)
@pytest.mark.parametrize("style", [Style.SHORT, Style.FULL])
def test_a_letter_gets_the_words_for_its_kind(policy, kind, style):
    words, opening = KINDS[kind]
    entity = part(JA.replace("求人にご", words))
    (said,) = first_lines(saying(policy, ja={}, style=style), entity)
    assert said.startswith(opening)


@pytest.mark.parametrize("kind", Segment)
def test_where_all_kinds_are_in_scope_the_kind_decides_the_words_only(policy, kind):
    one = {each: (f"{each}", "{link}") for each in Segment}
    raw = mail(part(JA.replace("求人にご", KINDS[kind][0])))
    plain, told_apart = (decide(envelope(), raw, its) for its in (policy, saying(policy, ja=one)))
    assert plain.reason is told_apart.reason is Reason.REJECTION
    assert plain.referral == told_apart.referral
    assert added(raw, apply(raw, told_apart.edits))[0].strip().startswith(f"{kind}\r\n")


def test_the_subject_and_both_alternatives_tell_the_kind(policy):
    both = multipart("alternative", part(), part(JA_HTML, "text/html"))
    assert first_lines(saying(policy, ja={}), both, subject="New graduates: result") == [
        "今後の就職活動のお役に立てればと存じ、弊社が提携するキャリア相談"
    ] * 2  # fmt: skip


@pytest.mark.parametrize(("letters", "language"), [((JA, EN), "ja"), ((EN, JA), "en")])
@pytest.mark.parametrize("kind", ["text/plain", "text/html"])
def test_a_letter_in_two_languages_gets_one_block_in_the_first(policy, letters, language, kind):
    pages = {JA: JA_HTML, EN: EN_HTML}
    words = letters if kind == "text/plain" else [pages[each] for each in letters]
    joined = "\n\n".join(words).replace("</body></html>\n\n\n<html><body>", "")
    raw = mail(part(joined, kind))
    decision = decide(envelope(), raw, policy)
    assert (decision.reason, decision.verdict.language) == (Reason.REJECTION, language)
    (said,) = added(raw, apply(raw, decision.edits))
    assert squeezed(block.default(language).lines[0]) in squeezed(said)


def squeezed(text):
    return "".join(text.split())


def test_a_letter_whose_first_language_is_off_is_left_alone(policy):
    japanese = replace(policy, tenants=(replace(ACME, languages=("ja",)),))
    raw = mail(part(EN + "\n\n" + JA))
    assert decide(envelope(), raw, japanese).reason is Reason.LANGUAGE_OFF
