"""Each genuine rejection of the corpus: twisted until it is none, and dressed in every way."""

from __future__ import annotations

import html
import re
from email import message_from_bytes, policy
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay_gateway.config import document
from relay_gateway.core import normal
from relay_gateway.core.decision import decide
from relay_gateway.core.judge import Verdict, judge
from relay_gateway.core.letter import Letter, read_html, read_plain
from relay_gateway.core.reason import Reason
from relay_gateway.core.rules import Role
from tests.conftest import envelope
from tests.mails import mail, part
from tests.rulebook import shipped

FOLDER = Path(__file__).parents[1] / "corpus" / "rejections"
CHARSETS = ("utf-8", "iso-2022-jp", "cp932", "euc-jp")
ENCODINGS = ("", "quoted-printable", "base64")


class Genuine(NamedTuple):
    """A rejection that nothing was done to; `decisions` are its sentences in normal form."""

    name: str
    language: str
    subject: str
    text: str
    decisions: tuple[str, ...]


@cache
def genuine(language: str) -> tuple[Genuine, ...]:
    """The letters in plain text that get the link for their own words, shortest names first."""
    return tuple(one for one in map(_genuine, sorted(FOLDER.glob("*.yaml"))) if one[1] == language)


def _genuine(path: Path) -> Genuine:
    none = Genuine(path.stem, "", "", "", ())
    its = document.read(path).value
    message = message_from_bytes(path.with_suffix(".eml").read_bytes(), policy=policy.default)
    if its["reason"] != "rejection" or message.get_content_type() != "text/plain":
        return none
    try:
        words = message.get_content()
    except LookupError:
        return none
    subject = str(message["subject"] or "")
    text = "\n\n".join(part.text for part in read_plain(words).own)
    verdict = judge(subject, read_plain(text), shipped())
    if not verdict.is_rejection:
        return none
    told = tuple({hit.sentence: 0 for hit in verdict.hits if hit.role is Role.DECISION})
    return Genuine(path.stem, verdict.language, subject, text, told)


def said_otherwise(one: Genuine, form: str) -> str:
    """The letter with each of its decisions put into this form, the rest in normal form."""
    told = (normal.sentences(normal.normalise(block)) for block in one.text.split("\n\n"))
    return "\n\n".join("\n".join(_turned(s, form, one) for s in block) for block in told)


def _turned(sentence: str, form: str, one: Genuine) -> str:
    return form.format(sentence.rstrip("。.!か")) if sentence in one.decisions else sentence


# How the decision itself is said.
FORMS = {
    "ja": {
        "told by somebody": "{}とのご連絡を他社よりいただきました。",
        "asked": "{}のでしょうか。",
        "an if": "仮に{}としても、改めてご連絡いたします。",
        "quoted": "「{}」という通知が届いたとのことです。",
        "an example": "例:{}。",
    },
    "en": {
        "told by somebody": "she said that {}.",
        "asked": "did they write that {}?",
        "an if": "if we tell you that {}, please call us.",
        "quoted": 'many firms write "{}" and nothing else; we have decided nothing.',
    },
}

# What the letter stands in.
FRAMES = {
    "ja": {
        "quoted": lambda text: "ご確認ください。\n\n" + re.sub("(?m)^", "> ", text),
        "in an answer": lambda text: (
            "拝受しました。\n\n2026年2月3日 10:15 採用担当 <saiyo@acme.example>:\n"
            + re.sub("(?m)^", "> ", text)
        ),
        "forwarded": lambda text: (
            "ご参考までに。\n\n---------- Forwarded message ----------\n"
            f"From: saiyo@acme.example\nSubject: 選考結果\n\n{text}"
        ),
        "a sample": lambda text: f"通知の見本をお送りします。\n\n{text}",
        "a sample in brackets": lambda text: f"見本をお送りします。\n\n「{text}」",
        "a draft": lambda text: f"文案です。ご確認をお願いします。\n\n{text}",
        "in the house": lambda text: f"田中さん、お疲れ様です。次の内容で送ります。\n\n{text}",
        "by mistake": lambda text: f"先ほどのメールは誤って送信したものです。\n\n{text}",
        "to an agency": lambda text: f"株式会社三角エージェント 佐藤様\n\n{text}",
        "recommended": lambda text: f"ご推薦いただきました候補者の件です。\n\n{text}",
        "with another stage": lambda text: (
            f"つきましては、別の職種の一次面接にお越しいただきたくご連絡いたしました。\n\n{text}"
        ),
    },
    "en": {
        "quoted": lambda text: "Please see below.\n\n" + re.sub("(?m)^", "> ", text),
        "forwarded": lambda text: (
            "FYI\n\n---------- Forwarded message ----------\n"
            f"From: saiyo@acme.example\nSubject: Your application\n\n{text}"
        ),
        "a sample": lambda text: f"Here is a sample rejection letter.\n\n{text}",
        "to many": lambda text: f"Hi team,\n\n{text}",
        "to a client": lambda text: f"Please send a rejection to this candidate.\n\n{text}",
        "with another stage": lambda text: (
            f"We would like to invite you to an interview for another role.\n\n{text}"
        ),
        "an offer": lambda text: f"Congratulations, you have been selected!\n\n{text}",
    },
}


def judged(one: Genuine, letter: Letter) -> Verdict:
    return judge(one.subject, letter, shipped())


def is_cjk(sign: str) -> bool:
    return "\u3040" <= sign <= "\u9fff"


def wrapped(text: str, width: int) -> str:
    """Each paragraph on lines of this width: Japanese anywhere, English between words."""
    return "\n\n".join(_wrapped(block, width) for block in text.split("\n\n"))


def _wrapped(block: str, width: int) -> str:
    # A salutation or a list keeps its lines.
    rows = block.split("\n")
    return "\n".join(_row(row, width) for row in rows)


def _row(row: str, width: int) -> str:
    if not any(map(is_cjk, row)):
        words, rows = row.split(" "), [""]
        for word in words:
            if rows[-1] and len(rows[-1]) + len(word) >= width:
                rows.append("")
            rows[-1] += (" " if rows[-1] else "") + word
        return "\n".join(rows)
    return "\n".join(row[at : at + width] for at in range(0, len(row), width))


def spaced(text: str, blank: str, step: int) -> str:
    """Blanks that carry nothing, between Japanese characters; doubled ones between words."""
    signs = []
    for at, sign in enumerate(text):
        signs.append(sign)
        below = text[at + 1 : at + 2]
        if sign == " " or (at % step == 0 and is_cjk(sign) and below and is_cjk(below)):
            signs.append(blank)
    return "".join(signs)


def page(text: str, way: str) -> str:
    """The letter as HTML of one kind."""
    blocks = [html.escape(block).replace("\n", "<br>\n") for block in text.split("\n\n")]
    between, around, its = WAYS[way]
    return between.join(around.format(its(block)) for block in blocks)


def _coded(block: str) -> str:
    return "".join(f"&#{ord(sign)};" if ord(sign) > 127 else sign for sign in block)


def _breakable(block: str) -> str:
    return re.sub("(?=[ぁ-ん一-鿿])", "<wbr>", block)


def _read_aloud(block: str) -> str:
    return block.replace("結果", "<ruby>結果<rp>(</rp><rt>けっか</rt><rp>)</rp></ruby>")


# What stands between the paragraphs, around each, and what is done to its words.
MSO = '<p class=MsoNormal><span lang=JA style="font-family:Meiryo">{}</span><o:p></o:p></p>'
WAYS = {
    "p": ("\n", "<p>{}</p>", str),
    "div": ("\n<div><br></div>\n", "<div>{}</div>", str),
    "br": ("<br>\n<br>\n", "{}", str),
    "cell": ("", "<table><tr><td><p>{}</p></td></tr></table>", str),
    "word": ("<p class=MsoNormal><o:p>&nbsp;</o:p></p>", MSO, str),
    "wbr": ("", "<p>{}</p>", _breakable),
    "ruby": ("", "<p>{}</p>", _read_aloud),
    "entities": ("", "<p>{}</p>", _coded),
}
BLANKS = ("\u3000", "\u00a0", "\u200b", "  ")
KANA = (("いただ", "頂"), ("ください", "下さい"), ("このたび", "この度"), ("ご応募", "御応募"),
        ("致し", "いたし"), ("誠に", "まことに"), ("添え", "沿え"), ("出来", "でき"))  # fmt: skip


def respelt(text: str) -> str:
    for old, new in KANA:
        text = text.replace(old, new)
    return text


LETTERS = [(language, one) for language in ("ja", "en") for one in genuine(language)]
some = st.sampled_from([one for _, one in LETTERS])


def framed(one: Genuine) -> list[tuple[str, str]]:
    """Every twist of one letter, by what it has become."""
    told = [(name, twist(one.text)) for name, twist in FRAMES[one.language].items()]
    return told + [(name, said_otherwise(one, form)) for name, form in FORMS[one.language].items()]


def dressed(one: Genuine) -> list[tuple[str, Letter]]:
    """A letter in every dress, by what was done to it."""
    widths = (20, 37) if one.language == "ja" else (40, 60)
    return [
        *((f"wrapped at {width}", read_plain(wrapped(one.text, width))) for width in widths),
        *((f"with {blank!r}", read_plain(spaced(one.text, blank, 7))) for blank in BLANKS),
        ("respelt", read_plain(respelt(one.text))),
        *((f"as {way}", read_html(page(one.text, way))) for way in WAYS),
    ]


@given(some, st.data())
def test_a_twisted_rejection_gets_no_link(one, data):
    what, text = data.draw(st.sampled_from(framed(one)))
    assert not judged(one, read_plain(text)).is_rejection, what


@given(some, st.integers(12, 90), st.sampled_from(BLANKS), st.integers(2, 40))
def test_a_rejection_stays_one_at_any_width_and_with_any_blanks(one, width, blank, step):
    width = width if one.language == "ja" else max(width, 30)
    for text in (wrapped(one.text, width), spaced(one.text, blank, step)):
        assert judged(one, read_plain(text)).is_rejection


@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_twist_of_every_letter_gets_no_link(language):
    wrong = [
        (one.name, what)
        for one in genuine(language)
        for what, text in framed(one)
        if judged(one, read_plain(text)).is_rejection
    ]
    assert len(genuine(language)) >= 30
    assert wrong == []


@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_dress_of_every_letter_keeps_its_link(language):
    lost = [
        (one.name, what)
        for one in genuine(language)
        for what, its in dressed(one)
        if not judged(one, its).is_rejection
    ]
    assert lost == []


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("charset", CHARSETS)
def test_a_rejection_stays_one_in_every_charset_and_encoding(policy, language, charset):
    for number, one in enumerate(genuine(language)[::4]):
        encoding = ENCODINGS[number % len(ENCODINGS)]
        try:
            raw = mail(part(one.text, charset=charset, encoding=encoding), subject=one.subject)
        except UnicodeEncodeError:
            continue
        assert decide(envelope(), raw, policy).verdict.is_rejection, (one.name, encoding)


def test_another_recipient_of_the_house_is_told_first(policy):
    raw = mail(part(genuine("ja")[0].text))
    within = decide(envelope(recipients=(b"boss@acme.example",)), raw, policy)
    assert within.reason is Reason.INTERNAL


BELOW = {
    "ja": "\n\n-- \n株式会社アクメ 人事部 採用担当\nTEL 03-0000-0000\nhttps://acme.example/\n\n"
    "なお、別の職種で選考を進めさせていただきたく、ぜひ一次面接にお越しください。\n",
    "en": "\n\n-- \nAcme Inc., Talent Team\nPhone +44 20 0000 0000\nhttps://acme.example/\n\n"
    "P.S. We would like to invite you to an interview for another role instead.\n",
}
SLOGANS = {
    "ja": "\n\n-- \n株式会社アクメ 人事部\nTEL 03-0000-0000\n人と人をつなぐ会社です。\n",
    "en": "\n\n-- \nAcme Inc.\nPhone +44 20 0000 0000\nPeople matter. Come and see us.\n",
}


@pytest.mark.parametrize("language", ["ja", "en"])
def test_what_stands_below_a_signature_takes_a_rejection_back_and_a_slogan_does_not(language):
    for one in genuine(language):
        below, slogan = (
            judged(one, read_plain(one.text + each[language])) for each in (BELOW, SLOGANS)
        )
        assert (below.is_rejection, one.name) == (False, one.name)
        assert (slogan.is_rejection, one.name) == (True, one.name)
