"""The shipped words: each passes our own lint, is small, and fits the mails it may stand in."""

import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay_gateway.core.block import (
    MOST_CELLS,
    Wording,
    cautions,
    compose,
    forms,
    lint,
    lint_line,
)
from relay_gateway.core.segment import Segment
from relay_gateway.core.words import LANGUAGES, Manner, Style, added, lines, own_name
from tests.conftest import ACME
from tests.core.test_block import LINK

NAMES = ["", "当社", "当院", "当園", "本学", "当事務所", "当グループ"]
OPERATOR = {
    "ja": "キャリアリレー株式会社 有料職業紹介事業許可番号 13-ユ-000000",
    "en": "CareerRelay Inc., employment agency licence 13-yu-000000",
}
COMBINATIONS = list(product(LANGUAGES, Segment, Style))


def width(line):
    return sum(2 if ord(sign) > 0x7F else 1 for sign in line)


@pytest.mark.parametrize(("language", "kind", "style"), COMBINATIONS)
@pytest.mark.parametrize("name", NAMES)
def test_the_shipped_words_have_no_faults(language, kind, style, name):
    told = lines(language, kind, Manner(style, name))
    assert lint(Wording(told), language) == ()
    assert cautions("".join(told), language) == ()
    assert not re.search(r"\{(?!link\})", "".join(told))


@pytest.mark.parametrize(("language", "kind", "style"), COMBINATIONS)
def test_the_shipped_words_say_what_they_must(language, kind, style):
    text = " ".join(lines(language, kind, Manner(style)))
    free, optional, passed_on = {
        "ja": ("無料", "任意", "弊社からの(?:ご案内|紹介)(?:であること)?(?:のみ|とだけ)"),
        "en": ("free", "optional", "only learns? that we"),
    }[language]
    assert free in text
    assert optional in text
    assert re.search(passed_on, text)


def test_a_style_is_as_long_as_its_name_says():
    sizes = [{len(lines(*one, Manner(style))) for one in product(LANGUAGES, Segment)}
             for style in Style]  # fmt: skip
    assert sizes == [{2}, {4}, {6}]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("style", Style)
def test_letters_of_each_kind_have_words_of_their_own(language, style):
    told = {lines(language, kind, Manner(style)) for kind in Segment}
    assert len(told) >= (2 if (language, style) == ("en", Style.ONE_LINE) else 4)


@pytest.mark.parametrize(("language", "kind", "style"), COMBINATIONS)
@pytest.mark.parametrize("name", NAMES)
def test_the_lines_that_a_company_adds_stand_below_and_stay_small(language, kind, style, name):
    manner = Manner(style, name, OPERATOR[language], "saiyo@acme.example", disclosure=True)
    told = lines(language, kind, manner)
    assert len(told) <= 9
    assert told[:-3] == lines(language, kind, Manner(style, name))
    assert told[-1].endswith(" saiyo@acme.example")
    assert all(width(line) <= MOST_CELLS for line in told)
    assert cautions("".join(told), language) == ()
    for line, written in zip(told[-3:], (manner.operator, "", manner.opt_out), strict=True):
        assert lint_line(line, written) == ()


def test_an_opt_out_may_be_a_sentence():
    said = "ご案内が不要な方は、このメールにご返信ください。"
    assert added("ja", Manner(opt_out=said)) == (said,)


def test_a_language_that_is_not_shipped_gets_the_added_lines_as_they_are_written():
    manner = Manner(operator="운영: 커리어", opt_out="saiyo@acme.example", disclosure=True)
    assert added("ko", manner) == ("운영: 커리어", "saiyo@acme.example")
    with pytest.raises(KeyError):
        compose("ko", manner, {})


def test_our_own_words_take_the_place_of_the_shipped_ones():
    mine, graduates = ("ご案内です。", "{link}"), ("学生の皆様へ。", "{link}")
    whole = compose("ja", Manner(), {Segment.ANY: mine})
    assert (whole.lines, whole.segments) == (mine, {})
    part = compose("ja", Manner(), {Segment.NEW_GRADUATE: graduates})
    assert part.lines == lines("ja", Segment.ANY, Manner())
    assert part.segments[Segment.NEW_GRADUATE] == graduates
    assert part.segments[Segment.PART_TIME] == lines("ja", Segment.PART_TIME, Manner())
    both = compose("ja", Manner(disclosure=True), {Segment.ANY: mine})
    assert both.lines == (*mine, *added("ja", Manner(disclosure=True)))


def test_a_name_that_a_charset_lacks_gives_way_to_what_the_company_calls_itself():
    mine = {Segment.ANY: ("{company}の提携先をご案内いたします。", "{link}")}
    first, second, third = forms(
        compose("ja", Manner(own_name="当院"), mine), Segment.ANY, "髙橋医院", LINK
    )
    assert first[0] == "髙橋医院の提携先をご案内いたします。"
    assert second[0] == "当院の提携先をご案内いたします。"
    assert third[0] == "今後のキャリアのご参考までに、当院の提携先をご案内いたします。"


def test_our_company_begins_a_sentence_with_a_capital():
    mine = {Segment.ANY: ("{company} has a partner.", "It helps {company}: {company}.", "{link}")}
    _, named, *_ = forms(compose("en", Manner(), mine), Segment.ANY, "髙橋", LINK)
    assert named[:2] == ("Our company has a partner.", "It helps our company: Our company.")


def test_the_safe_words_keep_the_lines_that_the_company_asked_for():
    asked = (OPERATOR["ja"], "a@acme.example", True)
    safe = compose("ja", Manner(Style.ONE_LINE, "髙校", *asked), {}).safe
    assert safe == lines("ja", Segment.ANY, Manner(Style.ONE_LINE, "弊社", *asked))


JAPANESE = ["utf-8", "iso2022_jp", "cp932", "shift_jis", "euc_jp", "gbk", "gb18030"]
WESTERN = ["utf-8", "ascii", "cp1252", "latin_1", "iso2022_jp", "cp932", "gbk", "gb2312"]
NAME = st.text(min_size=1, max_size=12) | st.sampled_from(["髙島屋", "㈱アクメ", "ア・クメ", "①"])
LINES = st.lists(st.text(st.sampled_from("{company}髙①・あ案内aé’"), max_size=9), max_size=5)


@given(
    st.sampled_from([*product(["ja"], JAPANESE), *product(["en"], WESTERN)]),
    st.sampled_from(Segment),
    st.sampled_from(Style),
    st.dictionaries(st.sampled_from(Segment), LINES.map(lambda its: (*its, "{link}"))),
    NAME,
)
def test_every_block_or_its_safe_form_can_be_said_in_every_charset(written, kind, style, own, name):
    language, charset = written
    wording = compose(language, Manner(style), own)
    told = forms(wording, kind, name, LINK)
    held = [form for form in told if is_held("\n".join(form), charset)]
    assert held
    assert all(form.count(LINK) >= 1 for form in held)
    if not own:
        assert held[0] == told[0]


def is_held(text, charset):
    try:
        text.encode(charset)
    except UnicodeEncodeError:
        return False
    return True


def test_a_company_that_has_asked_for_nothing_says_the_shipped_words_in_full():
    assert ACME.wordings["ja"] == compose("ja", Manner(), {})
    assert own_name("ja", Manner()) == "弊社"
    assert ACME.wordings["ja"].lines[1].startswith("サービス「キャリアリレー」（無料")
