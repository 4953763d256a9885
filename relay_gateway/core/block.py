"""The words offered to the candidate, per company and language, in plain text and HTML."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from relay_gateway.core import words
from relay_gateway.core.segment import Segment
from relay_gateway.core.words import Manner, Style

MOST_LINES = 6
MOST_CELLS = 72


@dataclass(frozen=True, slots=True)
class Wording:
    """A company's block in one language: lines of text, one of which holds `{link}` and only it.

    `{company}` stands for the company's name. `segments` are the lines for letters of one kind.
    Where a charset lacks a sign, `own_name` stands for the name, then `safe` for all of it.
    `manner` is how it was put together.
    """

    lines: tuple[str, ...]
    segments: Mapping[Segment, tuple[str, ...]] = field(default_factory=dict)
    own_name: str = ""
    safe: tuple[str, ...] = ()
    manner: Manner = field(default_factory=Manner)


def default(language: str) -> Wording:
    """The block of a company that has asked for nothing else; KeyError if none is shipped."""
    return compose(language, Manner(), {})


def compose(language: str, manner: Manner, own: Mapping[Segment, tuple[str, ...]]) -> Wording:
    """The company's own lines, and the shipped ones for what it has not written.

    KeyError if that leaves nothing for letters of an unknown kind.
    """
    told = {kind: (*lines, *words.added(language, manner)) for kind, lines in own.items()}
    if Segment.ANY not in told:
        told = {kind: words.lines(language, kind, manner) for kind in Segment} | told
    name = words.own_name(language, manner)
    return Wording(told.pop(Segment.ANY), told, name, _safe(language, manner), manner)


def _safe(language: str, manner: Manner) -> tuple[str, ...]:
    """The shipped words, short, with all that the company wants to be said in any case."""
    if language not in words.LANGUAGES:
        return ()
    style = Style.ONE_LINE if manner.style is Style.ONE_LINE else Style.SHORT
    name = "" if cautions(manner.own_name, language) else manner.own_name
    return words.lines(language, Segment.ANY, replace(manner, style=style, own_name=name))


def fill(wording: Wording, company: str, link: str) -> tuple[str, ...]:
    """The lines of the block for one candidate; what stands for a variable is not read again."""
    return _filled(wording.lines, company, link)


def forms(wording: Wording, kind: Segment, company: str, link: str) -> tuple[tuple[str, ...], ...]:
    """The block for a letter of this kind: as it is wanted, then what more charsets can hold."""
    near = Segment.NEW_GRADUATE if kind is Segment.INTERNSHIP else kind
    lines = wording.segments.get(kind, wording.segments.get(near, wording.lines))
    told = [_filled(lines, company, link)]
    if wording.own_name:
        told.append(_filled(_by_own_name(wording, lines), company, link))
    if wording.safe:
        told.append(_filled(wording.safe, company, link))
    return tuple(dict.fromkeys(told))


def _filled(lines: tuple[str, ...], company: str, link: str) -> tuple[str, ...]:
    values = {"{company}": company, "{link}": link}
    return tuple(_VARIABLE.sub(lambda m: values.get(m[0], m[0]), line) for line in lines)


def _by_own_name(wording: Wording, lines: tuple[str, ...]) -> tuple[str, ...]:
    name = wording.own_name
    opening = name[:1].upper() + name[1:]
    opened = (_OPENING.sub(lambda m: m[1] + opening, line) for line in lines)
    return tuple(line.replace("{company}", name) for line in opened)


def lint(wording: Wording, language: str, company: str = "") -> tuple[str, ...]:
    """What a company has to change in its block, a sentence each; empty if it may go out."""
    lines = wording.lines
    signs = "".join(lines).replace("{company}", company)
    return (*_form(lines, company), *_tone("\n".join(lines)), *_signs(signs))


def lint_line(line: str, written: str) -> tuple[str, ...]:
    """The same for a line that stands below the link, of which the company has written a part.

    Mail addresses may stand in it.
    """
    faults = [*_tone(_MAILBOX.sub("", written)), *_signs(written)]
    for name in sorted(set(_VARIABLE.findall(written))):
        faults.append(f"Remove {name}: nothing is filled in here.")
    if not faults and _cells(line) > MOST_CELLS:
        over = (_cells(line) - MOST_CELLS + 1) // 2
        faults.append(f"Shorten it by {over} full-width ({2 * over} half-width) signs.")
    return tuple(faults)


def cautions(text: str, language: str) -> tuple[str, ...]:
    """The signs that some mails of that language cannot hold, a sentence for each charset."""
    signs = set(text)
    told = []
    for codecs, name, label in _CHARSETS.get(language, ()):
        if lacking := sorted(sign for sign in signs if not _can_hold(codecs, sign)):
            named = " ".join(f"{sign} (U+{ord(sign):04X})" for sign in lacking)
            told.append(f"{named} is not in {name}, so mails in {label} cannot hold it")
            signs -= set(lacking)
    return tuple(told)


def _form(lines: tuple[str, ...], company: str) -> Iterator[str]:
    """The block is small and the link easy to click: nothing else on its line."""
    if len(lines) > MOST_LINES:
        yield f"Shorten the block to {MOST_LINES} lines; it has {len(lines)}."
    if sum(line.count("{link}") for line in lines) != 1 or "{link}" not in lines:
        yield "Write {link} exactly once, alone on its line."
    for name in sorted({name for line in lines for name in _VARIABLE.findall(line)} - _KNOWN):
        yield f"Remove {name}: only {{company}} and {{link}} are known."
    for number, line in enumerate(lines, 1):
        if line != line.strip():
            yield f"Remove the space at the beginning or end of line {number}."
        if _cells(line.replace("{company}", company)) > MOST_CELLS:
            yield f"Break line {number}: it is wider than 36 full-width (72 half-width) signs."


def _tone(text: str) -> Iterator[str]:
    """An offer beside a refusal is calm, promises nothing, and judges nobody."""
    text = unicodedata.normalize("NFKC", text).casefold()
    # Japanese breaks its lines inside words, English between them.
    text = _BREAK_IN_WORD.sub("", text).replace("\n", " ")
    for pattern, advice in _TONE:
        if found := dict.fromkeys(match[0] for match in pattern.finditer(text)):
            named = ", ".join(f"\u201c{each}\u201d" for each in found)
            yield f"Remove {named}: {advice}."


def _signs(text: str) -> Iterator[str]:
    """No sign that does not belong into a letter at all."""
    emoji = sorted({sign for sign in text if _EMOJI.match(sign)})
    if emoji:
        yield f"Remove the emoji {' '.join(emoji)}: it does not suit a letter of refusal."
    if any(unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") for sign in text):
        yield "Write each line as an entry of its own, without tabs or control characters."


def _can_hold(codecs: tuple[str, ...], sign: str) -> bool:
    try:
        for codec in codecs:
            sign.encode(codec)
    except UnicodeEncodeError:
        return False
    return True


def _cells(line: str) -> int:
    wide = sum(unicodedata.east_asian_width(sign) in "WFA" for sign in line)
    return len(line) + wide


_VARIABLE = re.compile(r"\{[^{}]*\}")
_BREAK_IN_WORD = re.compile(r"(?<=[^\x00-\x7f])\n(?=[^\x00-\x7f])")
_KNOWN = {"{company}", "{link}"}
_OPENING = re.compile(r"(^|[.!?:] )\{company\}")
_MAILBOX = re.compile(r"[!-~]+@[a-zA-Z0-9.-]+")

# A sign is in JIS X 0208 for sure only where all three agree: for the wave dash, the minus sign and
# a few others each charset knows a different one.
_CHARSETS = {
    "ja": (
        (("iso2022_jp", "euc_jp", "cp932"), "JIS X 0208", "iso-2022-jp"),
        (("gbk",), "GBK", "gb2312"),
    ),
    "en": ((("ascii",), "ASCII", "us-ascii"),),
    "zh": ((("gbk",), "GBK", "gb2312"), (("big5",), "Big5", "big5")),
    "ko": ((("euc_kr",), "KS X 1001", "euc-kr"),),
    **dict.fromkeys(("de", "fr", "es", "pt"), ((("cp1252",), "Windows-1252", "iso-8859-1"),)),
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

# The same in the other languages that rules are shipped for.
_GIFTS = (
    "geschenk|gutschein|prämie|cadeau|bon d'achat|regalo|premios|cup(?:ó|o)n|brinde|prêmio"
    "|礼品|禮品|礼金|奖金|獎金|红包|紅包|优惠券|優惠券|선물|상품권|경품|축하금|사은품"
)
_PRESSING = (
    r"\bsofort|\bnur heute|letzte gelegenheit|dernière|dès maintenant|ahora mismo|agora mesmo"
    "|última oportunidad|solo hoy|só hoje"
    "|立即|立刻|马上|馬上|限时|限時|机会难得|지금 바로|선착순|서두르"
)
_FLATTERY = (
    "hervorragend|beeindruck|ausgezeichnet|impressionn|remarquable|excelente|impresion|impressionante"
    "|优秀|出色|杰出|傑出|우수한|뛰어난|훌륭"
)
_PLEDGES = "garanti|versprech|traumjob|promett|promess|promesa|保证|保證|一定能|보장|약속|반드시"

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
        (_GIFTS, _GIFT),
        (_PRESSING, _URGENT),
        (_FLATTERY, _PRAISE),
        (_PLEDGES, _PROMISE),
        (rf"\w*://[!-~]*|[!-~]*@[!-~]+|www\.[!-~]*|\b[a-z0-9-]+\.(?:{_TLDS})\b", _ADDRESS),
    )
)
