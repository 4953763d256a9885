"""A mail with its words taken out and its structure left, to show a fault without showing a letter.

Each octet stays in its place: media types, boundaries, charsets, transfer encodings, line lengths,
tags and punctuation are the sender's own, every letter and digit stands for its kind. What cannot
be read is masked octet by octet.
"""

from __future__ import annotations

import binascii
import re
import unicodedata
from collections.abc import Iterator

from relay_gateway.core import charset, transfer
from relay_gateway.core.markup import END, RAW, START, TEXT, tokens
from relay_gateway.core.message import Message, Part, Unfit, Unreadable, read

MAX_DEPTH = 5


def redact(raw: bytes, depth: int = 0) -> bytes:
    """The mail, of the same length, with no two letters or digits of its words left together."""
    try:
        message = read(raw)
    except Unreadable:
        return _octets(raw)
    return b"".join(_pieces(message, depth))


def _pieces(message: Message, depth: int) -> Iterator[bytes]:
    raw, at = message.raw, 0
    boundaries = frozenset(_boundaries(raw, message))
    for part in message.parts:
        yield _frame(raw[at : part.body.start], boundaries)
        yield _body(raw, part, depth)
        at = part.body.end
    yield _frame(raw[at:], boundaries)


_BOUNDARY = re.compile(rb"(?i)\bboundary[ \t]*=[ \t]*(?:\"([^\"\r\n]+)\"|([^\s;\"]+))")


def _boundaries(raw: bytes, message: Message) -> Iterator[bytes]:
    """The boundaries that readers go by; what looks like one in a letter is none."""
    for match in _BOUNDARY.finditer(raw):
        inside = any(one.body.start <= match.start() < one.body.end for one in message.parts)
        if not inside:
            yield match[1] or match[2]


_FIELD = re.compile(rb"(?m)^([!-9;-~]+)([ \t]*:)((?:[^\n]|\n[ \t])*)")
_SAID = frozenset(
    b"content-type content-transfer-encoding content-disposition mime-version".split()
)
# The words of MIME itself (RFC 2045, 2046, 2183, 3676).
_VALUE = re.compile(
    rb"(?i)\A\s*(?:text|multipart|image|application|message|audio|video)/[\w.+-]+"
    rb"|\b(?:(?:charset|format|delsp|name|filename|protocol|micalg|type|boundary)\*?(?=[ \t]*=)"
    rb"|(?:utf-8|us-ascii|iso-[\d-]+|iso-2022-jp(?:-\w+)?|iso-8859-\d+|windows-\w+|cp\d+|gb\w+"
    rb"|shift_jis|euc-\w+|big5|koi8-\w)(?=[\s;\"]|$)"
    rb"|7bit|8bit|binary|base64|quoted-printable|attachment|inline|flowed|fixed|yes|no|1\.0)"
)


def _frame(between: bytes, boundaries: frozenset[bytes]) -> bytes:
    """What stands around the bodies: fields, delimiters, preambles."""
    out, at = [], 0
    for line in re.finditer(rb"[^\n]*(?:\n[ \t][^\n]*)*(?:\n|\Z)", between):
        row = line[0]
        if row.startswith(b"--") and row[2:].rstrip().removesuffix(b"--") in boundaries:
            out.append(row)
        else:
            out.append(_row(row, boundaries))
        at = line.end()
    return b"".join(out) + between[at:]


def _row(row: bytes, boundaries: frozenset[bytes]) -> bytes:
    field = _FIELD.match(row)
    if field is None:
        return _octets(row)
    head, value = row[: field.start(3)], row[field.start(3) :]
    if field[1].lower() not in _SAID:
        return head + _octets(value)
    kept = [(match.start(), match.end()) for match in _VALUE.finditer(value)]
    kept += [match.span(1 if match[1] else 2) for match in _BOUNDARY.finditer(value)]
    return head + _but(value, kept)


def _but(value: bytes, kept: list[tuple[int, int]]) -> bytes:
    out = bytearray(_octets(value))
    for start, end in kept:
        out[start:end] = value[start:end]
    return bytes(out)


_MASK = (
    bytes(
        120
        if chr(byte).islower()
        else 88
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


def _body(raw: bytes, part: Part, depth: int) -> bytes:
    body = raw[part.body.start : part.body.end]
    is_plain = part.encoding in transfer.PLAIN
    if part.media_type == "message/rfc822" and is_plain and depth < MAX_DEPTH:
        return redact(body, depth + 1)
    try:
        data = transfer.decode(raw, part)
        new = _text(data, part) if part.media_type.startswith("text/") else bytes(len(data))
    except Unfit:
        return _octets(body)
    if is_plain:
        return new if part.media_type.startswith("text/") else _octets(body)
    return _based(body, new) if part.encoding == "base64" else _quoted(body, new)


def _based(body: bytes, new: bytes) -> bytes:
    """Base64 of as many octets in the lines of the old."""
    signs = iter(binascii.b2a_base64(new, newline=False))
    return bytes(sign if sign in b" \t\r\n" else next(signs) for sign in body)


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


def _text(data: bytes, part: Part) -> bytes:
    text = charset.read(data, part.parameter("charset"))
    if b"\x1b" in data:
        return _jis(data)
    kept = _marks(text.text) if part.media_type == "text/html" else ()
    spared = bytearray(len(text.text))
    for start, end in kept:
        spared[start:end] = b"\1" * (end - start)
    pairs = zip(text.text, spared, strict=True)
    new = b"".join(_sign(sign, text.codec, is_kept=bool(kept)) for sign, kept in pairs)
    return new if len(new) == len(data) else _octets(data)


def _sign(sign: str, codec: str, *, is_kept: bool) -> bytes:
    """One character's stand-in, which takes as many octets."""
    old = sign.encode(codec)
    if is_kept or unicodedata.category(sign)[0] not in "LMN":
        return old
    new = next((kind for last, kind in _KINDS if sign <= last), "漢")
    if sign.isascii():
        new = "0" if sign.isdigit() else "X" if sign.isupper() else "x"
    new = _WIDE.get(unicodedata.category(sign), new) if "\uff10" <= sign <= "\uff5a" else new
    coded = new.encode(codec, "ignore")
    return coded if len(coded) == len(old) else b"x" * len(old)


# Up to which character each stand-in stands.
_KINDS = (
    *(("\u02ff", "é"), ("\u03ff", "α"), ("\u052f", "ж"), ("\u303f", "々"), ("\u309f", "あ")),
    *(("\u30ff", "ア"), ("\u9fff", "漢"), ("\ud7af", "가"), ("\uff9f", "ｱ")),
)
_WIDE = {"Nd": "０", "Lu": "Ａ", "Ll": "ａ"}

_SHIFT = re.compile(rb"\x1b(?:\$[@B]|\$\([A-Q]|\([BJI]|&@)")
_ROWS = {0x23: b"#A", 0x24: b'$"', 0x25: b'%"', 0x26: b"&A", 0x27: b"'Q"}


def _jis(data: bytes) -> bytes:
    """ISO-2022-JP keeps its shifts; a pair becomes one of its own row or kind (JIS X 0208)."""
    out, at, is_pair, is_kana = [], 0, False, False
    while at < len(data):
        shift = _SHIFT.match(data, at)
        if shift:
            is_pair, is_kana = shift[0][1:2] == b"$", shift[0] == b"\x1b(I"
            out.append(shift[0])
            at = shift.end()
        elif is_pair and data[at] > 0x20 and at + 1 < len(data):
            out.append(_ROWS.get(data[at], b"4A" if data[at] >= 0x30 else data[at : at + 2]))
            at += 2
        else:
            out.append(b"1" if is_kana and data[at] > 0x25 else _octets(data[at : at + 1]))
            at += 1
    return b"".join(out)


# What a reader of the letter goes by: kept in class, id and name, all else there is masked.
_NAMES = re.compile(
    r"(?i)\b(?:gmail_(?:quote|attr|extra|signature)\w*|Mso[A-Z]\w*|WordSection\d|yahoo_quoted"
    r"|protonmail_quote|moz-[a-z-]+|_MailAutoSig|_MailOriginal|divRplyFwdMsg|appendonsend"
    r"|AppleMailSignature|(?:x_)*(?:ms-outlook-mobile-)?signature|OLK_SRC_BODY_SECTION)\b"
)
_CSS = re.compile(
    r"(?i)\b(?:display|visibility|hidden|none|font-size|mso-hide|all|white-space|pre(?:-\w+)?"
    r"|margin(?:-\w+)?|border(?:-\w+)?|solid|windowtext|e1e1e1|b5c4df|padding|color)\b|\b0\w{0,2}\b"
)
_TAG = re.compile(r"</?[A-Za-z][^\s/>]*")
_ATTRIBUTE = re.compile(r"[\s/\"']([A-Za-z:-]+)(?=[\s/>=])(?:\s*=\s*(\"[^\"]*\"|'[^']*'|[^\s>]*))?")
_REFERENCE = re.compile(r"&[A-Za-z]+;|&#(?=\d)|&#[xX]")
_CONDITION = re.compile(r"<!(?:--)?\[(?:if[^\]>]*|endif)\]|<!doctype[^>]*>", re.IGNORECASE)


def _marks(source: str) -> Iterator[tuple[int, int]]:
    """The stretches of an HTML source that are markup, not words."""
    try:
        found = list(tokens(source))
    except Unfit:
        yield from (match.span() for match in _TAG.finditer(source))
        return
    for kind, _, start, end in found:
        if kind in (START, END):
            yield from _inside(source, start, end)
        elif kind is TEXT:
            yield from (match.span() for match in _REFERENCE.finditer(source, start, end))
        elif kind is RAW:
            yield from (match.span() for match in _CSS.finditer(source, start, end))
    yield from (match.span() for match in _CONDITION.finditer(source))


def _inside(source: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    name = _TAG.match(source, start, end)
    if name is None:
        return
    yield name.span()
    for match in _ATTRIBUTE.finditer(source, name.end(), end):
        yield match.span(1)
        known = _CSS if match[1].lower() == "style" else _NAMES
        if match[2] and match[1].lower() in ("style", "class", "id", "name"):
            yield from (word.span() for word in known.finditer(source, *match.span(2)))
