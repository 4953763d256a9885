"""The words offered to the candidate, per company and language, in plain text and HTML."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

MOST_LINES = 6
MOST_CELLS = 72


@dataclass(frozen=True, slots=True)
class Wording:
    """A company's block in one language: lines of text, one of which holds `{link}` and only it.

    `{company}` stands for the company's name.
    """

    lines: tuple[str, ...]


# No sign that any of iso-2022-jp, cp932, euc-jp and gbk lacks: no ▶, no ・, no ～, no ㈱.
_DEFAULTS = {
    "ja": Wording(
        (
            "今後のキャリアのお役に立てればと存じ、弊社が提携するキャリア支援",
            "サービス「キャリアリレー」（無料、ご登録は任意です）をご案内いたします。",
            "■キャリアリレーへのご登録とご相談",
            "{link}",
            "（ご登録の際は、弊社からのご案内であることのみが伝わります。",
            "お名前や選考の内容を弊社からお渡しすることはございません。）",
        )
    ),
    "en": Wording(
        (
            "If it would help with your next step, our partner CareerRelay offers",
            "career advice and support with your job search, free and optional.",
            "Register or ask for advice at CareerRelay:",
            "{link}",
            "(If you register, CareerRelay only learns that we pointed you there.",
            "We do not pass on your name or anything about your application.)",
        )
    ),
}


def default(language: str) -> Wording:
    """The block of a company that has not written its own."""
    return _DEFAULTS[language]


def fill(wording: Wording, company: str, link: str) -> tuple[str, ...]:
    """The lines of the block for one candidate; what stands for a variable is not read again."""
    values = {"{company}": company, "{link}": link}
    return tuple(_VARIABLE.sub(lambda m: values.get(m[0], m[0]), line) for line in wording.lines)


def lint(wording: Wording, language: str) -> tuple[str, ...]:
    """What a company should change in its block, a sentence each; empty if it may go out."""
    return (*_form(wording), *_words(wording), *_letters(wording, language))


def _form(wording: Wording) -> Iterator[str]:
    """The block is small and the link easy to click: nothing else on its line."""
    lines = wording.lines
    if len(lines) > MOST_LINES:
        yield f"Shorten the block to {MOST_LINES} lines; it has {len(lines)}."
    if sum(line.count("{link}") for line in lines) != 1 or "{link}" not in lines:
        yield "Write {link} exactly once, alone on its line."
    for name in sorted({name for line in lines for name in _VARIABLE.findall(line)} - _KNOWN):
        yield f"Remove {name}: only {{company}} and {{link}} are known."
    for number, line in enumerate(lines, 1):
        if line != line.strip():
            yield f"Remove the space at the beginning or end of line {number}."
        if _cells(line) > MOST_CELLS:
            yield f"Break line {number}: it is wider than 36 full-width (72 half-width) signs."


def _words(wording: Wording) -> Iterator[str]:
    """The tone: an offer beside a refusal is calm, promises nothing, and judges nobody."""
    text = unicodedata.normalize("NFKC", "\n".join(wording.lines)).casefold()
    # Japanese breaks its lines inside words, English between them.
    text = _BREAK_IN_WORD.sub("", text).replace("\n", " ")
    for pattern, advice in _TONE:
        if found := dict.fromkeys(match[0] for match in pattern.finditer(text)):
            named = ", ".join(f"\u201c{words}\u201d" for words in found)
            yield f"Remove {named}: {advice}."


def _letters(wording: Wording, language: str) -> Iterator[str]:
    """Every mail of that language can carry the block, whatever its charset."""
    signs = sorted(set("".join(wording.lines)))
    emoji = [sign for sign in signs if _EMOJI.match(sign)]
    control = [sign for sign in signs if unicodedata.category(sign) == "Cc"]
    other = [sign for sign in signs if not _is_safe(sign, language)]
    if emoji:
        yield f"Remove the emoji {' '.join(emoji)}: it does not suit a letter of refusal."
    if control:
        yield "Write each line as an entry of its own, without tabs or control characters."
    if rest := [sign for sign in other if sign not in emoji and sign not in control]:
        named = " ".join(f"{sign} (U+{ord(sign):04X})" for sign in rest)
        yield f"Replace {named}: {_CHARSETS[language][1]}."


def _is_safe(sign: str, language: str) -> bool:
    charsets, _ = _CHARSETS.get(language, ((), ""))
    try:
        for charset in charsets:
            sign.encode(charset)
    except UnicodeEncodeError:
        return False
    return True


def _cells(line: str) -> int:
    wide = sum(unicodedata.east_asian_width(sign) in "WFA" for sign in line)
    return len(line) + wide


_VARIABLE = re.compile(r"\{[^{}]*\}")
_BREAK_IN_WORD = re.compile(r"(?<=[^\x00-\x7f])\n(?=[^\x00-\x7f])")
_KNOWN = {"{company}", "{link}"}

# A character is in JIS X 0208 for sure only where all three agree: for the wave dash, the minus
# sign and a few others each charset knows a different one.
_CHARSETS = {
    "ja": (
        ("iso2022_jp", "euc_jp", "cp932"),
        "it is not in JIS X 0208, so mails in iso-2022-jp could not carry the block",
    ),
    "en": (("ascii",), "it is not in ASCII, so mails in us-ascii could not carry the block"),
}

_EMOJI = re.compile(
    "[\u203c\u2049\u231a-\u23ff\u2600-\u2604\u2607-\u263f\u2641\u2643-\u27bf"
    "\u2b00-\u2bff\ufe0e\ufe0f\u200d\u20e3\U0001f000-\U0001faff\U000e0020-\U000e007f]"
)

_URGENT = "an offer beside a refusal must not press anyone"
_GIFT = "the law forbids gifts and money to people who look for work"
_PRAISE = "nobody wrote this judgement about this person, so the block must not make it"
_PROMISE = "nobody can promise work"
_TLDS = "jp|com|net|org|io|co|info|biz|me|app|dev|link|ly|gl|to|site|page"
_ADDRESS = "{link} is the only address the block may hold"

# The text they are searched in is in NFKC and lower case.
_TONE = tuple(
    (re.compile(pattern, re.ASCII), advice)
    for pattern, advice in (
        (
            "お?祝い?金|ギフト|プレゼント|特典|進呈|キャッシュバック|ポイント(?:還元|付与)|商品券",
            _GIFT,
        ),
        (r"\b(?:gifts?|bonus(?:es)?|rewards?|vouchers?|coupons?|prizes?|cash ?back)\b", _GIFT),
        ("今すぐ|いますぐ|限定|チャンス|お早めに|お急ぎ|急いで|見逃|残りわずか|先着|!", _URGENT),
        (
            r"\b(?:act now|right now|hurry|limited|last chance|chance|don'?t miss|only today)\b",
            _URGENT,
        ),
        (
            "印象的|素晴らし|すばらし|優秀|優れた|魅力的|評価|逸材|輝か|豊富なご?経験|高いスキル",
            _PRAISE,
        ),
        (
            r"\b(?:impress\w*|outstanding|excellent|talented|brilliant|exceptional|amazing)\b",
            _PRAISE,
        ),
        (
            "必ず(?!しも)|確実に|絶対に?|保証|内定率|採用率|(?:内定|就職|転職|採用)を?(?:お?約束|確約)",
            _PROMISE,
        ),
        (r"\b(?:guarantee\w*|promise\w*|you will (?:find|get)|sure to|dream job)\b", _PROMISE),
        (rf"\w*://[!-~]*|[!-~]*@[!-~]+|www\.[!-~]*|\b[a-z0-9-]+\.(?:{_TLDS})\b", _ADDRESS),
    )
)
