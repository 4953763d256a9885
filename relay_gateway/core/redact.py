"""A mail with its words taken out and its structure left, to show a fault without showing a letter.

Each octet stays in its place: media types, charsets, transfer encodings, line lengths, tags and
punctuation are the sender's own, every letter and digit stands for its kind, each boundary for
itself. The words by which the rules judge may stay. What cannot be read is masked octet by octet.
"""

from __future__ import annotations

import binascii
import re
import unicodedata
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass

from relay_gateway.core import charset, markings, phrase, transfer
from relay_gateway.core.charset import Text
from relay_gateway.core.message import Message, Part, Unfit, Unreadable, read
from relay_gateway.core.phrase import Phrases
from relay_gateway.core.rules import RuleSet

MAX_DEPTH = 5


def redact(raw: bytes, rules: RuleSet | None = None) -> bytes:
    """The mail, of the same length, with no two letters or digits of its words left together.

    Given rules, what they spell out stays in the sentences and the subject where they speak.
    """
    return _redact(raw, rules, 0)


def _redact(raw: bytes, rules: RuleSet | None, depth: int) -> bytes:
    try:
        message = read(raw)
    except Unreadable:
        return _octets(raw)
    phrases = phrase.phrases(message, rules) if rules else phrase.NONE
    boundaries = _stand_ins(_boundaries(raw, message), depth)
    return b"".join(_pieces(message, _Plan(boundaries, phrases, depth)))


@dataclass(frozen=True, slots=True)
class _Plan:
    """What stands for each boundary, and which words stay."""

    boundaries: Mapping[bytes, bytes]
    phrases: Phrases
    depth: int


def _pieces(message: Message, plan: _Plan) -> Iterator[bytes]:
    raw, at = message.raw, 0
    for part in message.parts:
        yield _frame(raw[at : part.body.start], plan, is_top=not at)
        yield _body(raw, part, plan)
        at = part.body.end
    yield _frame(raw[at:], plan, is_top=not at)


_BOUNDARY = re.compile(rb"(?i)\bboundary[ \t]*=[ \t]*(?:\"([^\"\r\n]+)\"|([^\s;\"]+))")


def _boundaries(raw: bytes, message: Message) -> Iterator[bytes]:
    """The boundaries that readers go by; what looks like one in a letter is none."""
    for match in _BOUNDARY.finditer(raw):
        inside = any(one.body.start <= match.start() < one.body.end for one in message.parts)
        if not inside:
            yield match[1] or match[2]


# Letters that stand for no other letter, so that no masked line reads as a delimiter.
_CODES = b"abcdefghijklmnopqrstuvw"
_BOXES = 40
_SIGN = re.compile(rb"[A-Za-z0-9]")


def _stand_ins(boundaries: Iterator[bytes], depth: int) -> dict[bytes, bytes]:
    """A name of the same length for each boundary: clients write times and hosts into theirs."""
    found: dict[bytes, bytes] = {}
    for index, each in enumerate(dict.fromkeys(boundaries), depth * _BOXES):
        number = index
        new = bytearray(_octets(each))
        for match in reversed([*_SIGN.finditer(each)][-2:]):
            number, code = divmod(number, len(_CODES))
            new[match.start()] = _CODES[code]
        found[each] = bytes(new)
    return found


_FIELD = re.compile(rb"(?m)^([!-9;-~]+)([ \t]*:)((?:[^\n]|\n[ \t])*)")
_SAID = frozenset(
    b"content-type content-transfer-encoding content-disposition mime-version"
    b" precedence auto-submitted".split()
)
# The words of MIME itself (RFC 2045, 2046, 2183, 3676) and of automatic mail (RFC 3834).
_VALUE = re.compile(
    rb"(?i)\A\s*(?:text|multipart|image|application|message|audio|video)/[\w.+-]+"
    rb"|\b(?:(?:charset|format|delsp|name|filename|protocol|micalg|type|boundary)\*?(?=[ \t]*=)"
    rb"|(?:utf-(?:8|16|32|7)(?:[lb]e)?|us-ascii|iso-2022-(?:jp|kr)(?:-\w{1,3})?|iso-8859-\d+"
    rb"|windows-(?:\d+|31j)|cp\d+|gb2312|gbk|gb18030|shift_jis|x-sjis|euc-(?:jp|kr)|big5"
    rb"|koi8-[ru])(?=[\s;\"]|$)"
    rb"|7bit|8bit|binary|base64|quoted-printable|attachment|inline|flowed|fixed|yes|no|1\.0"
    rb"|bulk|list|junk|auto-(?:generated|replied|notified)|(?<=\.)(?:p7m|rpmsg)\b)"
)


def _frame(between: bytes, plan: _Plan, *, is_top: bool) -> bytes:
    """What stands around the bodies: fields, delimiters, preambles."""
    kept = plan.phrases.subject if is_top else frozenset()
    out, at = [], 0
    for line in re.finditer(rb"[^\n]*(?:\n[ \t][^\n]*)*(?:\n|\Z)", between):
        out.append(_delimiter(line[0], plan) or _row(line[0], plan, kept))
        at = line.end()
    return b"".join(out) + between[at:]


def _delimiter(row: bytes, plan: _Plan) -> bytes:
    """The delimiter under its other name; nothing if the row is none."""
    name = row[2:].rstrip()
    if not row.startswith(b"--"):
        return b""
    for old in (name, name.removesuffix(b"--")):
        if old in plan.boundaries:
            return b"--" + plan.boundaries[old] + row[2 + len(old) :]
    return b""


def _row(row: bytes, plan: _Plan, kept: Set[int]) -> bytes:
    field = _FIELD.match(row)
    if field is None:
        return _octets(row)
    head, value = row[: field.start(3)], row[field.start(3) :]
    if field[1].lower() == b"subject":
        return head + _title(value, kept)
    if field[1].lower() not in _SAID:
        return head + _octets(value)
    out = bytearray(_octets(value))
    for match in _VALUE.finditer(value):
        out[slice(*match.span())] = match[0]
    for match in _BOUNDARY.finditer(value):
        name = match[1] or match[2]
        out[slice(*match.span(1 if match[1] else 2))] = plan.boundaries.get(name, name)
    return head + bytes(out)


_ENCODED = re.compile(rb"=\?([\w.*-]{2,40})\?([BbQq])\?([^?\s]*)\?=")


def _title(value: bytes, kept: Set[int]) -> bytes:
    """A subject whose encoded words (RFC 2047) can still be decoded."""
    out, at, seen = [], 0, 0
    for match in _ENCODED.finditer(value):
        plain = value[at : match.start()]
        out.append(_written(plain, kept, seen))
        seen += _size(plain)
        word, size = _encoded(match, kept, seen)
        out.append(word)
        seen += size
        at = match.end()
    return b"".join([*out, _written(value[at:], kept, seen)])


def _size(plain: bytes) -> int:
    return sum(not sign.isspace() for sign in plain.decode("utf-8", "replace"))


def _written(plain: bytes, kept: Set[int], seen: int) -> bytes:
    """Words of a subject that are not encoded; `kept` counts its characters without blanks."""
    try:
        text = Text(plain, plain.decode("utf-8"), "utf_8")
    except ValueError:
        return _octets(plain)
    return _masked(text, _counted(text.text, kept, seen))


def _counted(text: str, kept: Set[int], seen: int) -> set[int]:
    places = [at for at, sign in enumerate(text) if not sign.isspace()]
    return {at for number, at in enumerate(places, seen) if number in kept}


def _encoded(match: re.Match[bytes], kept: Set[int], seen: int) -> tuple[bytes, int]:
    """One encoded word and how many characters it holds; one that cannot be read is masked."""
    label, way, words = match[1].decode("ascii"), match[2].lower(), match[3]
    try:
        data = _decoded(words, is_base64=way == b"b")
        text = charset.read(data, label.partition("*")[0])
    except (Unfit, ValueError):
        return _octets(match[0]), 0
    new = _masked(text, _counted(text.text, kept, seen))
    signs = _based(words, new) if way == b"b" else _quoted(words, new.replace(b" ", b"_"))
    word = b"=?" + match[1] + b"?" + match[2] + b"?" + signs + b"?="
    is_whole = len(word) == len(match[0]) and markings.is_charset(label)
    return word if is_whole else _octets(match[0]), _size(text.text.encode())


def _decoded(words: bytes, *, is_base64: bool) -> bytes:
    if is_base64:
        return binascii.a2b_base64(words, strict_mode=True)
    return binascii.a2b_qp(words, header=True)


_MASK = (
    bytes(
        ord("z")
        if chr(byte).islower()
        else ord("Z")
        if chr(byte).isupper()
        else 48
        if 48 <= byte <= 57
        else byte
        for byte in range(128)
    )
    + bytes([0xE9]) * 128
)


def _octets(data: bytes) -> bytes:
    """Octets masked one by one; those over 127 become one and the same."""
    return data.translate(_MASK)


def _body(raw: bytes, part: Part, plan: _Plan) -> bytes:
    body = raw[part.body.start : part.body.end]
    is_plain = part.encoding in transfer.PLAIN
    if part.media_type == "message/rfc822" and is_plain and plan.depth < MAX_DEPTH:
        return _redact(body, None, plan.depth + 1)
    try:
        data = transfer.decode(raw, part)
        kept = plan.phrases.of(part.body.start)
        new = _text(data, part, kept) if part.media_type.startswith("text/") else bytes(len(data))
    except Unfit:
        return _octets(body)
    if is_plain:
        return new if part.media_type.startswith("text/") else _octets(body)
    return _based(body, new) if part.encoding == "base64" else _quoted(body, new)


def _based(body: bytes, new: bytes) -> bytes:
    """Base64 of as many octets in the lines of the old."""
    signs = iter(binascii.b2a_base64(new, newline=False))
    # What stands behind its end, readers pass over.
    return bytes(sign if sign in b" \t\r\n" else next(signs, ord("=")) for sign in body)


_QUOTED = re.compile(rb"=[0-9A-Fa-f]{2}|=[ \t]*(?:\r?\n|\Z)|[^=]", re.DOTALL)


def _quoted(body: bytes, new: bytes) -> bytes:
    """Quoted-printable with an escape wherever there was one."""
    octets, out = iter(new), []
    for sign in _QUOTED.findall(body):
        if len(sign) == 1:
            out.append(bytes([next(octets)]))
        else:
            out.append(b"=%02X" % next(octets) if sign[1:].isalnum() else sign)
    return b"".join(out)


def _text(data: bytes, part: Part, phrases: Set[int]) -> bytes:
    text = charset.read(data, part.parameter("charset"))
    spans = markings.markup(text.text) if part.media_type == "text/html" else ()
    return _masked(text, phrases | {at for span in spans for at in range(*span)})


def _masked(text: Text, kept: Set[int]) -> bytes:
    """As many octets, of which only the kept characters are the old ones."""
    if b"\x1b" in text.data:
        return _jis(text.data, kept)
    new = b"".join(_sign(sign, text.codec, is_kept=at in kept) for at, sign in enumerate(text.text))
    return new if len(new) == len(text.data) else _octets(text.data)


def _sign(sign: str, codec: str, *, is_kept: bool) -> bytes:
    """One character's stand-in, which takes as many octets."""
    old = sign.encode(codec)
    if is_kept or unicodedata.category(sign)[0] not in "LMN":
        return old
    new = next((kind for last, kind in _KINDS if sign <= last), "漢")
    if sign.isascii():
        # No x: "Dear XXX" is a template, and rules say so.
        new = "0" if sign.isdigit() else "Z" if sign.isupper() else "z"
    new = _WIDE.get(unicodedata.category(sign), new) if "\uff10" <= sign <= "\uff5a" else new
    coded = new.encode(codec, "ignore")
    return coded if len(coded) == len(old) else b"z" * len(old)


# Up to which character each stand-in stands.
_KINDS = (
    *(("\u02ff", "é"), ("\u03ff", "α"), ("\u052f", "ж"), ("\u303f", "々"), ("\u309f", "あ")),
    *(("\u30ff", "ア"), ("\u9fff", "漢"), ("\ud7af", "가"), ("\uff9f", "ｱ")),
)
_WIDE = {"Nd": "０", "Lu": "Ａ", "Ll": "ａ"}

_SHIFT = re.compile(rb"\x1b(?:\$[@B]|\$\([A-Q]|\([BJI]|&@)")
_ROWS = {0x23: b"#A", 0x24: b'$"', 0x25: b'%"', 0x26: b"&A", 0x27: b"'Q"}


def _jis(data: bytes, kept: Set[int]) -> bytes:
    """ISO-2022-JP keeps its shifts; a pair becomes one of its own row or kind (JIS X 0208)."""
    out, at, number, is_pair, is_kana = [], 0, 0, False, False
    while at < len(data):
        shift = _SHIFT.match(data, at)
        if shift:
            is_pair, is_kana = shift[0][1:2] == b"$", shift[0] == b"\x1b(I"
            out.append(shift[0])
            at = shift.end()
            continue
        is_wide = is_pair and data[at] > 0x20 and at + 1 < len(data)
        sign = data[at : at + 1 + is_wide]
        if number not in kept:
            sign = _stand_in(sign, is_kana=is_kana)
        out.append(sign)
        at += len(sign)
        number += 1
    return b"".join(out)


def _stand_in(sign: bytes, *, is_kana: bool) -> bytes:
    if len(sign) == 2:
        return _ROWS.get(sign[0], b"4A" if sign[0] >= 0x30 else sign)
    return b"1" if is_kana and sign[0] > 0x25 else _octets(sign)
