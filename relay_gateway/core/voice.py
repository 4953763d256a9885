"""Who speaks in each line: the writer now, the writer's signature, or an older mail.

The marks of mail clients in Japanese and English, as they stand in the text itself; what an HTML
part says by its elements comes in as marks and is believed first.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import islice

from relay_gateway.core.flow import Voice

# A bar at both ends is a table.
_QUOTED = re.compile(r"\s*(?:[>＞]|[|｜]\s*[^\s|｜](?!.*[|｜]\s*$))")
_ORIGINAL = re.compile(
    r"\s*(?:-{2,}\s*(?:original message|forwarded message|元のメッセージ|転送(?:された)?メッセージ"
    r"|元のメール)\s*-*|begin forwarded message:|_{20,})\s*$",
    re.IGNORECASE,
)
_HEADER = re.compile(
    r"\s*\**(差出人|送信者|送信日時|日時|宛先|件名|from|sent|date|to|subject|cc)\**\s*[:：]",
    re.IGNORECASE,
)
_ATTRIBUTION = re.compile(
    r"\s*(?:on\b.{4,150}\bwrote:|.*さんは書きました[:：]?|.*のメッセージ[:：]|.*のメール[:：]"
    r"|.{0,80}\d{4}[年/-].{3,80}<[^<>\s]+@[^<>\s]+>[:：]?|.{0,80}wrote:)\s*$",
    re.IGNORECASE,
)
_NAMED = re.compile(r"(?=.{0,120}(?:\d[./年-]\d|\S@\S)).{8,240}[:：]\s*$")
_ENDED = re.compile(r"[。！？!?]\s*$|^\D*\.\s*$")
_WROTE = re.compile(r".*(?:\bwrote:|書きました[:：]?)\s*$", re.IGNORECASE)
_DATED = re.compile(r"\d{4}|@|wrote", re.IGNORECASE)
_RULE = re.compile(r"\s*[-―─━＝=_＿*＊～~#/◇◆□■☆★+・─]{3,}\s*$")
_MARK = re.compile(r"--\s*$|" + _RULE.pattern)
_CONTACT = re.compile(
    r"tel|fax|phone|mobile|e-?mail|mail\s*[:：]|url|https?://|www\.|〒|電話|住所|携帯|直通"
    r"|[\w.+-]{1,64}@[\w-]{1,63}\.\w|\+?\d[\d()－\- ]{7,30}\d|許可番号|受付時間|営業時間",
    re.IGNORECASE,
)
_NOTICE = re.compile(
    r"送信専用|confidential|intended (?:solely|only|recipient)|免責|本メールに(?:心当|お心当)"
    r"|please consider the environment|sent from my|iphoneから送信|から送信",
    re.IGNORECASE,
)
_SENTENCE = re.compile(
    r"[。！？!?…]\s*$|(?:です|ます|ました|ません|ください|下さい|でしょう|まで|存じます)\s*$"
    r"|^\s*(?:敬具|草々|以上|敬白|かしこ|拝具|謹白|記)\s*$"
    r"|(?<!co)(?<!ltd)(?<!inc)(?<!corp)(?<!k\.k)(?<!jr)(?<!dr)(?<!llc)(?<! [a-z])\.\s*$",
    re.IGNORECASE,
)
# The first or last signs of what the patterns above find in a line without blanks at its edges:
# asking for them costs a tenth of a pattern.
_QUOTING = frozenset(">＞|｜")
_RULING = frozenset("-_bB")
_TELLING = frozenset(":：た>")
_SIGNATURE_WIDTH = 60
_RULED_LINES = 20


def voices(
    texts: Sequence[str], marks: Sequence[Voice | None], *, is_wrapped: bool = False
) -> tuple[Voice, ...]:
    """The voice of each line; `marks` is what the source itself says, line by line.

    `is_wrapped` tells that a line may be the rest of the one above.
    """
    found = [mark or Voice.OWN for mark in marks]
    # Blanks at the edges say nothing, and a thousand of them are tried a thousand times.
    _quote([text.strip() for text in texts], found)
    own_end = _trailing_quote(texts, found)
    start = _signature_start(texts[:own_end], found[:own_end])
    if is_wrapped:
        start = _below_wrapped(texts, start, own_end)
    for index in range(start, own_end):
        if found[index] is Voice.OWN:
            found[index] = Voice.SIGNATURE
    return tuple(found)


def _quote(texts: Sequence[str], found: list[Voice]) -> None:
    for index, text in enumerate(texts):
        if found[index] is Voice.QUOTE:
            if index and found[index - 1] is Voice.OWN:
                _quote_attribution(texts, found, index)
            continue
        if text[:1] in _QUOTING and _QUOTED.match(text):
            found[index] = Voice.QUOTE
            _quote_attribution(texts, found, index)
        elif _is_history(texts, index):
            found[index:] = [Voice.QUOTE] * (len(texts) - index)
            return


def _quote_attribution(texts: Sequence[str], found: list[Voice], index: int) -> None:
    """The line or two above a quote that say whose it is."""
    above = [n for n in range(index - 1, max(-1, index - 5), -1) if texts[n].strip()][:2]
    if above and _is_attribution(texts[above[0]]):
        found[above[0]] = Voice.QUOTE
        # Gmail folds its line in front of a long address.
        if len(above) == 2 and texts[above[1]].endswith("<"):
            found[above[1]] = Voice.QUOTE
    elif len(above) == 2 and _is_folded(texts[above[1]], texts[above[0]]):
        found[above[0]] = found[above[1]] = Voice.QUOTE


def _is_folded(text: str, below: str) -> bool:
    """Whether two lines together say whose the quote is; a sentence above is the writer's own."""
    if _ENDED.search(text):
        return False
    return _is_attribution(f"{text.strip()} {below.strip()}")


def _is_attribution(text: str) -> bool:
    """In the languages we know by their words, in the others by a date or an address."""
    return _ATTRIBUTION.match(text) is not None or _NAMED.match(text) is not None


def _joins(text: str, below: str) -> bool:
    return not _ENDED.search(text) and _ATTRIBUTION.match(f"{text} {below}") is not None


def _is_history(texts: Sequence[str], index: int) -> bool:
    """Whether an unmarked older mail begins here and goes on to the end."""
    text = texts[index]
    if text[:1] in _RULING and _ORIGINAL.match(text):
        return True
    if (":" in text or "：" in text) and _HEADER.match(text):
        near = texts[index : index + 6]
        keys = {match[1].lower() for line in near if (match := _HEADER.match(line))}
        return len(keys) >= 2
    below = texts[index + 1] if index + 1 < len(texts) else ""
    is_telling = text[-1:] in _TELLING and _ATTRIBUTION.match(text)
    if not is_telling and not (below[-1:] in _TELLING and _WROTE.match(below)):
        return False
    near = texts[index : index + 6]
    if not _DATED.search(" ".join(near[:2])):
        return False
    following = [line for line in near[1:] if line.strip() and not _WROTE.match(line)]
    is_attribution = _ATTRIBUTION.match(text) or _joins(text, below)
    return bool(is_attribution and following) and not _QUOTED.match(following[0])


def _trailing_quote(texts: Sequence[str], found: Sequence[Voice]) -> int:
    """The index after the writer's last line."""
    for index in range(len(texts) - 1, -1, -1):
        if texts[index].strip() and found[index] is not Voice.QUOTE:
            return index + 1
    return 0


def _signature_start(texts: Sequence[str], found: Sequence[Voice]) -> int:
    marked = next((n for n, voice in enumerate(found) if voice is Voice.SIGNATURE), len(texts))
    texts = texts[:marked]
    for index, text in enumerate(texts):
        if text.rstrip() == "--" or _is_signature_rule(texts, index):
            marked = index
            break
    return _bare_signature(texts, marked)


def _is_signature_rule(texts: Sequence[str], index: int) -> bool:
    """Rules also frame content; one opens a signature only where contact lines end the text."""
    if not _RULE.match(texts[index]):
        return False
    below = (texts[n] for n in range(index + 1, len(texts)) if texts[n].strip())
    rest = list(islice(below, _RULED_LINES + 1))
    has_contact = any(_CONTACT.search(text) for text in rest[:9])
    return has_contact and len(rest) <= _RULED_LINES and all(map(_is_sign_off, rest))


def _bare_signature(texts: Sequence[str], end: int) -> int:
    """Names and contact lines at the end, with no mark at all: up to the last sentence."""
    start = end
    for index in range(end - 1, -1, -1):
        if texts[index].strip():
            if not _is_sign_off(texts[index]):
                return start
            start = index
    return end


def _below_wrapped(texts: Sequence[str], start: int, end: int) -> int:
    """A short line right below a long one that ends no sentence is the rest of it."""
    above = texts[start - 1].strip() if start else ""
    is_ended = not _is_wide(above) or _SENTENCE.search(above) or _CONTACT.search(above)
    if is_ended or (start < end and _MARK.match(texts[start])):
        return start
    return next((n for n in range(start, end) if not texts[n].strip()), end)


def _is_sign_off(text: str) -> bool:
    if _RULE.match(text) or _NOTICE.search(text):
        return True
    if _is_wide(text.strip()):
        return False
    if _SENTENCE.search(text):
        return False
    is_prose = len(re.findall(r"\b[a-z]{2,}\b", text)) >= 5
    return _CONTACT.search(text) is not None or not is_prose


def _is_wide(text: str) -> bool:
    # A sign takes one cell or two: most lines need no counting.
    if not _SIGNATURE_WIDTH // 2 < len(text) <= _SIGNATURE_WIDTH:
        return len(text) > _SIGNATURE_WIDTH
    width = sum(1 + (unicodedata.east_asian_width(char) in "WF") for char in text)
    return width > _SIGNATURE_WIDTH
