"""Who speaks, mark by mark, as the mail clients of Japan write them."""

import pytest

from relay_gateway.core.flow import Voice
from relay_gateway.core.letter import read_plain

NEW = "ご連絡ありがとうございます。\n承知いたしました。\n"


def spoken(text, voice):
    return [part.text for part in read_plain(text).paragraphs if part.voice is voice]


HISTORIES = [
    "> 面接の件です。\n> よろしく。",
    "＞ 面接の件です。",
    "On Sun, Nov 22, 2026 at 10:00 AM Taro <taro@gmail.example> wrote:\n> hello",
    "On Sun, Nov 22, 2026 at 10:00 AM Taro Sato\n<taro@gmail.example> wrote:\n> hello",
    "2026年11月22日(日) 10:00 佐藤太郎 <taro@gmail.example>:\n> 面接の件です。",
    "2026年11月22日(日) 10:00 佐藤太郎 <taro@gmail.example>:\n\n面接の件です。",
    "On Sun, 22 Nov 2026 10:00:00 +0900\n佐藤太郎 <taro@gmail.example> wrote:\n\n> 面接の件です。",
    "佐藤太郎さんは書きました:\n> 面接の件です。",
    "2026-11-22 (日) の 10:00 +0900 に 佐藤太郎 さんは書きました:\n> 面接の件です。",
    "佐藤太郎のメッセージ:\n> 面接の件です。",
    "2026/11/22 10:00、佐藤太郎 <taro@gmail.example>のメール:\n\n> 面接の件です。",
    "-----Original Message-----\nFrom: taro@gmail.example\n\n面接の件です。",
    "-----元のメッセージ-----\n差出人: 佐藤\n\n面接の件です。",
    "---------- Forwarded message ---------\nFrom: 佐藤\n\n面接の件です。",
    "---------- 転送されたメッセージ ---------\n面接の件です。",
    "Begin forwarded message:\n\n面接の件です。",
    "________________________________\n差出人: 佐藤\n送信日時: 2026年11月22日\n\n面接の件です。",
    "差出人: 佐藤\n送信日時: 2026年11月22日 10:00\n宛先: 採用\n件名: 面接\n\n面接の件です。",
    "From: Taro\nSent: Sunday, November 22, 2026\nTo: HR\nSubject: Interview\n\n面接の件です。",
    "*From:* Taro\n*Sent:* Sunday\n*Subject:* Interview\n\n面接の件です。",
    "| 面接の件です。\n| よろしく。",
]


@pytest.mark.parametrize("history", HISTORIES)
def test_an_older_mail_below_is_not_the_writers(history):
    text = f"{NEW}\n{history}\n"
    assert "\n".join(spoken(text, Voice.OWN)) == NEW.strip()
    assert "面接の件です。" in "".join(spoken(text, Voice.QUOTE)) or "hello" in text


@pytest.mark.parametrize(
    "line",
    [
        "件名: 選考結果のご連絡",
        "日時：11月22日 10時",
        "2026年11月22日に面接を行いました。",
        "先日の採用担当のメール:",
        "■面接日時 2026年11月22日(日)",
        "----------",
        "|",
    ],
)
def test_one_such_line_in_a_letter_is_no_older_mail(line):
    text = f"佐藤様\n\n{line}\n\n誠に残念ながら、今回は見送らせていただきます。\n"
    assert spoken(text, Voice.QUOTE) == []
    assert "誠に残念ながら、今回は見送らせていただきます。" in spoken(text, Voice.OWN)


@pytest.mark.parametrize("history", HISTORIES[:2])
def test_an_answer_below_the_quote_is_the_writers(history):
    assert spoken(f"{history}\n\n{NEW}", Voice.OWN) == [NEW.strip()]


@pytest.mark.parametrize(
    "attribution",
    [
        '02.04.2026 14:20 пользователь "HR" <\nhr@acme.example> написал:',
        "Dnia 2026-04-02 14:20, Taro napisał(a):",
        "El 2/4/2026 14:20, Taro escribió:",
        "Taro <taro@gmail.example> skrev:",
    ],
)
@pytest.mark.parametrize("gap", ["", "\n"])
def test_in_any_language_a_date_or_an_address_tells_whose_a_quote_is(attribution, gap):
    text = f"{NEW}\n{attribution}\n{gap}> 面接の件です。"
    assert attribution in "\n".join(spoken(text, Voice.QUOTE))


@pytest.mark.parametrize(
    "history",
    [
        "2026/11/22 10:00, 佐藤 wrote:\n面接の件です。",
        "2026/11/22 10:00, 佐藤 wrote:\n> 面接の件です。",
        "佐藤さんは書きました:\n> 面接の件です。",
    ],
)
def test_a_sentence_right_above_the_attribution_is_the_writers(history):
    text = f"今回は見送らせていただきます。\n{history}"
    assert spoken(text, Voice.OWN) == ["今回は見送らせていただきます。"]


CONTACT = """\
株式会社アクメ
人事部 採用担当 山田花子（やまだはなこ）
〒100-0001 東京都千代田区1-1
TEL: 03-0000-0000
Mail: saiyo@acme.example
https://www.acme.example/"""
RULES = """--|---|―――――|─────────|━━━━━━━━|＝＝＝＝|=====|_____|＿＿＿＿|****|＊＊＊|～～～|~~~
####|////|◇◆◇◆◇|□■□■□|☆★☆|+++|・・・・・|*----------*|-=-=-=-=-|◆━━━━━━━━◆""".replace(
    "\n", "|"
).split("|")
SIGNATURES = [
    *(f"{rule}\n{CONTACT}" for rule in RULES),
    *(f"{rule}\n{CONTACT}\n{rule}" for rule in RULES[1:]),
    "株式会社〇〇\n採用担当",
    "株式会社アクメ 人事部 山田",
    "山田 花子",
    CONTACT,
    f"{CONTACT}\n有料職業紹介事業許可番号 13-ユ-000000",
    f"{CONTACT}\n受付時間 平日9:00～18:00",
    f"{CONTACT}\n※このメールは送信専用アドレスからお送りしています。",
    "Acme Inc.\nRecruiting",
    "Hanako Yamada\nTalent Acquisition, Acme Inc.\n+81 3 0000 0000",
    "-- \nHanako Yamada\nThis message is confidential and intended only for the addressee.",
]


@pytest.mark.parametrize("signature", SIGNATURES)
def test_a_signature_is_told_from_the_letter(signature):
    letter = "佐藤様\n\n今回は見送らせていただきます。\n\nご活躍をお祈り申し上げます。"
    text = f"{letter}\n\n{signature}\n"
    assert "\n\n".join(spoken(text, Voice.OWN)) == letter
    assert "".join("".join(spoken(text, Voice.SIGNATURE)).split()) == "".join(signature.split())


@pytest.mark.parametrize("signature", SIGNATURES)
def test_a_signature_above_an_older_mail_is_told_from_both(signature):
    text = f"{NEW}\n{signature}\n\n{HISTORIES[4]}\n"
    assert spoken(text, Voice.OWN) == [NEW.strip()]
    assert "面接の件です。" not in "".join(spoken(text, Voice.SIGNATURE))


def test_rules_that_frame_content_open_no_signature():
    text = (
        "佐藤様\n\n面接についてご案内いたします。\n\n"
        "━━━━━━━━━━\n■面接日時 11月22日(日) 10:00\n■場所 東京本社\n━━━━━━━━━━\n\n"
        "ご不明な点がございましたら、お気軽にお問い合わせください。\n\n"
        "株式会社アクメ\n採用担当\nTEL 03-0000-0000\n"
    )
    own = "\n".join(spoken(text, Voice.OWN))
    assert "■場所 東京本社" in own
    assert own.endswith("お問い合わせください。")


@pytest.mark.parametrize("closing", ["敬具", "草々", "以上", "記"])
def test_closing_words_are_no_name(closing):
    text = f"拝啓\n\n誠に残念ながら、見送らせていただきます。\n\n{closing}\n\n株式会社アクメ\n"
    assert spoken(text, Voice.OWN)[-1] == closing


def test_endless_blanks_do_not_stop_the_reader():
    # The pattern engine lets nobody else run: a mail like this stopped all others for hours.
    assert spoken(NEW + " " * 90_000 + "x\n", Voice.QUOTE) == []


def test_the_rest_of_a_long_line_is_no_signature():
    long = "We are sorry to say that there is no post for which we could take you on (unless stated"
    assert spoken(f"Dear Taro,\n\n{long}\notherwise)\n", Voice.SIGNATURE) == []
    assert spoken(f"Dear Taro,\n\n{long}\notherwise)\n\nHanako\n", Voice.SIGNATURE) == ["Hanako"]
    for mark in ("-- ", "-----"):
        signed = spoken(f"Dear Taro,\n\n{long}\n{mark}\nHanako\nTEL 03-0000-0000", Voice.SIGNATURE)
        assert signed == [f"{mark}\nHanako\nTEL 03-0000-0000"]
