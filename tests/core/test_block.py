"""The block: our own words fit every mail; what is wrong with a company's own is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay_gateway.core.block import Wording, cautions, default, fill, lint

CHARSETS = ("iso2022_jp", "cp932", "shift_jis", "euc_jp", "gbk", "utf-8")
LINK = "https://careerrelay.jp/c/acme/7K3M9QX2R4TV6W8Y7K3M9QX2"


def wording(*lines: str) -> Wording:
    return Wording((*lines, "{link}"))


@pytest.mark.parametrize("charset", CHARSETS)
@pytest.mark.parametrize("language", ["ja", "en"])
def test_our_own_block_can_be_said_in_every_charset(language, charset):
    text = "\n".join(fill(default(language), "Acme", LINK))
    assert text.encode(charset).decode(charset) == text


def test_the_english_block_is_ascii():
    assert "".join(default("en").lines).isascii()


@pytest.mark.parametrize("language", ["ja", "en"])
def test_our_own_block_has_no_faults(language):
    assert lint(default(language), language) == ()


@pytest.mark.parametrize("language", ["ja", "en"])
def test_the_link_stands_alone_on_its_line(language):
    lines = fill(default(language), "Acme", LINK)
    assert lines.count(LINK) == 1
    assert sum(LINK in line for line in lines) == 1


def test_the_company_is_named_where_the_wording_says_so():
    assert fill(wording("{company}より、{company}"), "株式会社アクメ", LINK) == (
        "株式会社アクメより、株式会社アクメ",
        LINK,
    )


def test_what_a_variable_stands_for_is_not_read_again():
    assert fill(wording("{company}"), "{link}", LINK) == ("{link}", LINK)


@given(st.lists(st.text()), st.text(), st.text())
def test_filling_changes_nothing_but_the_variables(lines, company, link):
    filled = fill(Wording(tuple(lines)), company, link)
    assert len(filled) == len(lines)
    for before, after in zip(lines, filled, strict=True):
        if "{company}" not in before and "{link}" not in before:
            assert after == before


# The lint: one row, one complaint.


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("ご登録でお祝い金を差し上げます。", "Remove “お祝い金”: the law forbids gifts"),
        ("ギフト券", "Remove “ギフト”"),
        ("プレゼントのご案内", "Remove “プレゼント”"),
        ("特典のご案内", "Remove “特典”"),
        ("今すぐご登録ください。", "Remove “今すぐ”: an offer beside a refusal"),
        ("期間限定です。", "Remove “限定”"),
        ("よいチャンスです。", "Remove “チャンス”"),
        ("ご登録ください！", "Remove “!”"),
        ("ご登録ください!", "Remove “!”"),
        ("ご経験は非常に印象的でした。", "Remove “印象的”: nobody wrote this judgement"),
        ("高く評価しております。", "Remove “評価”"),
        ("優秀な方へ", "Remove “優秀”"),
        ("必ず内定が出ます。", "Remove “必ず”: nobody can promise work"),
        ("転職を保証します。", "Remove “保証”"),
        ("Register today for a gift.", "Remove “gift”"),
        ("Hurry and register.", "Remove “hurry”"),
        ("You are impressive.", "Remove “impressive”"),
        ("You will find a job.", "Remove “you will find”"),
        ("https://other.example/", "Remove “https://other.example/”: {link} is the only address"),
        ("www.other.example", "Remove “www.other.example”"),
        ("詳しくはother.jpへ", "Remove “other.jp”"),
        ("kim@mail.example", "Remove “kim@mail.example”"),
        ("{name}様", "Remove {name}: only {company} and {link} are known."),
        ("{Company}", "Remove {Company}: only"),
        ("お力になります😀", "Remove the emoji 😀"),
        ("お力になります❤", "Remove the emoji ❤"),
        ("あ\tい", "Write each line as an entry of its own"),
        ("あ\x1b$Bい", "Write each line as an entry of its own"),
        ("ご登録 ", "Remove the space at the beginning or end of line 1."),
        ("あ" * 37, "Break line 1"),
        ("{link}", "Write {link} exactly once, alone on its line."),
    ],
)
def test_a_fault_is_told_with_what_to_do(line, complaint):
    complaints = lint(wording(line), "ja")
    assert len(complaints) == 1
    assert complaints[0].startswith(complaint)


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ((), "Write {link} exactly once, alone on its line."),
        (("ご登録はこちら",), "Write {link} exactly once, alone on its line."),
        (("ご登録はこちら {link}",), "Write {link} exactly once, alone on its line."),
        (("あ", "い", "う", "え", "お", "か", "{link}"), "Shorten the block to 6 lines; it has 7."),
    ],
)
def test_a_block_of_the_wrong_shape_is_told(lines, complaint):
    assert lint(Wording(lines), "ja") == (complaint,)


def test_a_forbidden_word_is_found_across_lines_and_in_half_width():
    assert lint(wording("本日はチャ", "ンスです"), "ja")[0].startswith("Remove “チャンス”")
    assert lint(wording("please act", "now"), "en")[0].startswith("Remove “act now”")
    assert any("チャンス" in each for each in lint(wording("ﾁｬﾝｽ"), "ja"))


def test_all_faults_are_told_at_once():
    complaints = lint(Wording(("今すぐ！", "特典 {name} 😀")), "ja")
    assert len(complaints) == 5
    assert any("“今すぐ”, “!”" in each for each in complaints)


def test_the_width_of_a_line_is_that_with_the_company_s_name():
    line = wording("{company}より、提携先をご案内いたします。")
    assert lint(line, "ja", "アクメ") == ()
    assert lint(line, "ja", "ア" * 30)[0].startswith("Break line 1")


def test_the_company_s_name_may_be_any_word_but_no_second_line():
    assert lint(wording("{company}"), "ja", "株式会社ギフト評価保証") == ()
    assert lint(wording("{company}"), "ja", "a\nb")[0].startswith("Write each line")


# What may go out, but not in every mail.


@pytest.mark.parametrize(
    ("language", "line", "caution"),
    [
        (
            "ja",
            "▶ご登録",
            "▶ (U+25B6) is not in JIS X 0208, so mails in iso-2022-jp cannot hold it",
        ),
        ("ja", "㈱アクメ", "㈱ (U+3231) is not in JIS X 0208"),
        ("ja", "①ご登録", "① (U+2460)"),
        ("ja", "～ご登録～", "～ (U+FF5E)"),
        ("ja", "髙橋", "髙 (U+9AD9)"),
        ("ja", "한글", "글 (U+AE00) 한 (U+D55C)"),
        ("ja", "相談・支援", "・ (U+30FB) is not in GBK, so mails in gb2312 cannot hold it"),
        ("en", "Caf\u00e9", "é (U+00E9) is not in ASCII, so mails in us-ascii cannot hold it"),
    ],
)
def test_a_sign_that_some_mails_cannot_hold_is_told(language, line, caution):
    assert lint(wording(line), language) == ()
    (told,) = cautions(line, language)
    assert told.startswith(caution)


def test_a_language_without_a_charset_of_its_own_may_use_any_letter():
    assert cautions("한글", "ko") == lint(wording("한글"), "ko") == ()


@pytest.mark.parametrize(
    "line",
    ["ご登録は必ずしも必要ではありません。", "弊社{company}の提携先です。", "〒100-0001 東京都"],
)
def test_ordinary_words_are_fine(line):
    assert lint(wording(line), "ja") == ()


@given(st.lists(st.text(), max_size=8), st.sampled_from(["ja", "en", "ko"]))
def test_any_wording_can_be_looked_at(lines, language):
    assert all(each.endswith(".") for each in lint(Wording(tuple(lines)), language))
