"""One spelling for every way of writing the same words."""

from __future__ import annotations

import re

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from relay_gateway.core.normal import normalise, normalise_all, pattern, sentences

# Characters that real letters are made of, and those that break naive matching.
TROUBLE = st.text(
    st.sampled_from(
        "今回は採用御頂添副致尚又ます益々。、!?？「」ｱﾊﾟ㈱①Ａaz.- \n\t"
        "\u3000\u00a0\u200b\ufeff\u00ad'’\"“・様の1)"
    ),
    max_size=60,
)


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("ご期待に副えない", "ご期待に添えない"),
        ("御応募頂き", "ご応募いただき"),
        ("御応募戴き", "ご応募いただき"),
        ("致しかねます", "いたしかねます"),
        ("ご了承下さい", "ご了承ください"),
        ("お祈り申しあげます", "お祈り申し上げます"),
        ("益々のご活躍", "ますますのご活躍"),
        ("なにとぞ", "何卒"),
        ("まことにざんねん", "誠に残念"),
        ("見合せ", "見合わせ"),
        ("ご縁が無かった", "ご縁がなかった"),
        ("貴意にそえない", "貴意に添えない"),
        ("ｻﾝﾌﾟﾙ㈱", "サンプル(株)"),
        ("山田　太郎　様", "山田太郎様"),
        ("御祈り", "お祈り"),
        ("We’re  not moving forward", "we're not moving forward"),
        ("un\u00adsuccess\u200bful", "unsuccessful"),
        ("no\u00a0longer", "no longer"),
        ("㎏ ℡", "kg tel"),
        ("ふさいようと なりました", "不採用となりました"),
        ("採用には至らない事と相成りました", "採用には至らないこととなりました"),
        ("誠に残念乍ら", "まことに残念ながら"),
        ("申し訳御座いません", "申し訳ございません"),
        ("貴意に副い兼ねます", "貴意に沿いかねます"),
        ("採用をみおくらせて戴く", "採用を見送らせていただく"),
        ("内々定の御連絡", "内定のご連絡"),
        ("出来兼ねます", "できかねます"),
        ("此の度の御希望", "このたびのご希望"),
        ("ＷＥＢテスト　ｴﾝﾄﾘｰｼｰﾄ", "webテストエントリーシート"),
    ],
)
def test_the_same_words_have_one_spelling(written: str, plain: str) -> None:
    assert normalise(written) == normalise(plain)


def test_a_line_break_between_japanese_characters_vanishes() -> None:
    assert normalise("お祈り申し\n　上げます") == "お祈り申し上げます"


@pytest.mark.parametrize("word", ["写真につきまして", "小さいようです", "お力添え", "行為の結果"])
def test_a_word_that_only_looks_like_a_spelling_is_found_as_written(word: str) -> None:
    assert re2.search(pattern(word), normalise(f"お送りの{word}。"))


EXOTIC = [
    "\u3000",
    "\u00a0",
    "\u202f",
    "\u2009",
    "\u200b",
    "\u2060",
    "\ufeff",
    "\u00ad",
    "\r\n",
    "\n　",
]


@pytest.mark.parametrize("space", EXOTIC)
def test_no_space_and_no_wrap_hides_words_within_a_phrase(space: str) -> None:
    phrase = "採用を見送らせていただくこととなりました。"
    assert normalise(space.join(phrase)) == normalise(phrase)


def test_a_line_break_between_latin_words_is_a_blank() -> None:
    assert normalise("we regret\r\n  to inform\nyou") == "we regret to inform you"


@pytest.mark.parametrize("sign", ["・", "■ ", "- ", "1. ", "(2) ", "※"])
def test_an_item_of_a_list_stays_on_its_own_line(sign: str) -> None:
    assert len(sentences(normalise(f"持ち物\n{sign}履歴書\n{sign}筆記用具"))) == 3


def test_a_salutation_is_a_sentence_of_its_own() -> None:
    assert sentences(normalise("山田 太郎 様\nこの度はありがとう\nございました。")) == (
        "山田太郎様",
        "このたびはありがとうございました。",
    )


def test_a_name_that_the_sentence_goes_on_with_is_none() -> None:
    assert len(sentences(normalise("山田様\nの今後のご活躍をお祈りします。"))) == 1


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("残念です。ご縁がありません！いかがでしょうか？", 3),
        ("「採用を見送ります。」との連絡を受けました。", 1),
        ("We regret to tell you, Mr. Smith of Acme Inc. in Leeds, that it is over. Goodbye.", 2),
        ("See http://a.example/?x=1&y=2 for more!", 1),
        ("It is over.We thank you.", 2),
        ("", 0),
    ],
)
def test_sentences(text: str, count: int) -> None:
    assert len(sentences(normalise(text))) == count


@given(TROUBLE)
def test_what_is_in_normal_form_stays_as_it_is(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once


@given(TROUBLE)
def test_sentences_lose_nothing_but_blanks(text: str) -> None:
    whole = normalise(text)
    assert re.sub(r"\s", "", "".join(sentences(whole))) == re.sub(r"\s", "", whole)


@given(st.lists(TROUBLE, min_size=1, max_size=4))
def test_paragraphs_together_are_what_they_are_alone(texts: list[str]) -> None:
    assert normalise_all(texts) == [normalise(text) for text in texts]
    assert normalise_all([]) == []


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (r"御応募(?:頂|戴)(?:き|い)", "ご応募いただき"),
        (r"\S+様\b|貴殿", "山田 貴殿"),
        ("本当（仮）？", "本当（仮）？"),
        (r"not\s+Selected", "NOT selected"),
        (r"\p{Han}+しました", "決定しました"),
        (r"残念\x{306a}がら", "残念ながら"),
    ],
)
def test_a_pattern_is_written_in_plain_spelling(source: str, text: str) -> None:
    assert re2.search(pattern(source), normalise(text))


def test_a_wide_bracket_is_no_group() -> None:
    assert pattern("（仮)?") != pattern("(仮)?")
