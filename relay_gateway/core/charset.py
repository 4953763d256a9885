"""Charsets as mail really uses them: read a part's bytes, write the block's words into them.

The label on a part is a hint. Microsoft's "iso-2022-jp" carries NEC and IBM rows, "gb2312" is GBK,
"us-ascii" may hold escape sequences, and some parts have no label at all. A reading counts only
when it is strict; bytes are never written back, so a lenient codec can do no harm.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from relay_gateway.core.message import Unfit

JIS_MS = "iso-2022-jp-ms"

# Each label's readings, best first. A codec writes what it read, so the stricter one stands first:
# a mail that plain Shift_JIS can read gets a block that plain Shift_JIS can read.
_JIS = ("iso2022_jp", "iso2022_jp_1", "iso2022_jp_ext", JIS_MS, "utf_8", "cp932")
_SJIS = ("shift_jis", "cp932")
_EUC = ("euc_jp", "euc_jis_2004")
_GB = ("gb2312", "gbk", "gb18030")
_GUESS = ("ascii", "utf_8", "cp932")
_READINGS = {
    "iso-2022-jp": _JIS,
    "iso-2022-jp-1": _JIS,
    "iso-2022-jp-2": ("iso2022_jp_2", *_JIS),
    "iso-2022-jp-ms": _JIS,
    "csiso2022jp": _JIS,
    "cp50220": _JIS,
    "cp50221": _JIS,
    **dict.fromkeys(("shift_jis", "shift-jis", "x-sjis", "sjis", "ms_kanji"), _SJIS),
    **dict.fromkeys(("windows-31j", "cp932", "ms932"), _SJIS),
    **dict.fromkeys(("euc-jp", "x-euc-jp", "eucjp", "eucjp-ms"), _EUC),
    **dict.fromkeys(("gb2312", "gbk", "gb18030", "cp936", "gb_2312-80"), _GB),
    **dict.fromkeys(("big5", "big5-hkscs", "cp950"), ("big5", "cp950", "big5hkscs")),
    **dict.fromkeys(("euc-kr", "ks_c_5601-1987", "cp949"), ("euc_kr", "cp949")),
    **dict.fromkeys(("utf-8", "utf8", "unicode-1-1-utf-8"), ("utf_8",)),
    **dict.fromkeys(("iso-8859-1", "latin1", "latin-1"), ("ascii", "cp1252", "latin_1")),
    "koi8-r": ("koi8_r",),
    "koi8-u": ("koi8_u",),
    "tis-620": ("tis_620",),
}
# Lines are measured octet by octet. Only lines of HTML are longer, and rarely.
_LONGEST = 10_000
_STATEFUL = {*_JIS[:4], "iso2022_jp_2"}
# There was never an ISO-8859-12, nor a windows-1259.
_SINGLE_BYTE = re.compile(r"(?:windows-|cp)125[0-8]|iso-8859-(?:[2-9]|1[013-6])")
_SHIFTED = re.compile(r"utf-?(?:16|32|7)|ucs-?[24]|unicode|hz-gb|hz\b|iso-10646|iso-2022-(?:kr|cn)")


@dataclass(frozen=True, slots=True)
class Text:
    """A part's decoded bytes, how they read, and the codec that read them strictly."""

    data: bytes
    text: str
    codec: str

    def offset(self, index: int) -> int:
        """The byte at which words may be put in before the character number `index`.

        In a shifting charset that is outside the shift where one of its neighbours is ASCII. No
        charset read here hides a newline byte inside a character, so the line is found by counting
        and only the one line is decoded again.
        """
        begin = self.text.rfind("\n", 0, index) + 1
        line, column = self.text.count("\n", 0, index), index - begin
        start = 0
        for _ in range(line):
            start = self.data.index(b"\n", start) + 1
        if not column:
            self._refuse_shift(start)
            return start
        size = self._size(start, self.text[begin:index])
        if size:
            return start + size
        if self.text[index - 1].isascii():
            return start + self._within(start, column - 1) + 1
        return start + self._within(start, column)

    def _refuse_shift(self, at: int) -> None:
        """RFC 1468: a line ends in ASCII. Where one does not, some readers go on in the shift."""
        escape = self.data.rfind(b"\x1b", 0, at) if self.codec in _STATEFUL else -1
        if escape >= 0 and not self.data.startswith((b"\x1b(B", b"\x1b(J"), escape):
            raise Unfit("a line that ends within a shift of its charset")

    def _size(self, start: int, words: str) -> int:
        """How many bytes these words of the text take; 0 where only measuring can tell."""
        if self.codec in _STATEFUL:
            return 0
        size = len(words.encode(self.codec, "replace"))
        is_so = self.data[start : start + size].decode(self.codec, "replace") == words
        return size if is_so else 0

    def _within(self, start: int, column: int) -> int:
        stop = self.data.find(b"\n", start)
        stop = len(self.data) if stop < 0 else stop
        if stop - start > _LONGEST:
            raise Unfit("a line too long to be measured")
        seen = 0
        for width, at in _characters(self.data[start:stop], self.codec):
            if seen >= column:
                return at
            seen += width
        if seen == column:
            return stop - start
        raise Unfit("a line cannot be measured in its charset")


def read(data: bytes, label: str) -> Text:
    """The first strict reading of these bytes that the label allows, or `Unfit`."""
    if b"\0" in data:
        raise Unfit("a part holds NUL bytes")
    for codec in _candidates(data, label.strip().lower()):
        # Other codecs read shifted bytes as ASCII, and words would be put into the shift.
        if b"\x1b$" in data and not codec.startswith("iso2022") and codec != JIS_MS:
            continue
        try:
            return Text(data, decode(data, codec), codec)
        except ValueError:
            continue
    raise Unfit("the bytes do not read in their charset")


def decode(data: bytes, codec: str) -> str:
    """The text of bytes in one of the codecs that `read` names; ValueError if they are broken."""
    if codec != JIS_MS:
        return data.decode(codec)
    return "".join(text for text, _ in _jis(data))


def write(text: str, codec: str) -> bytes:
    """These words in a charset; `Unfit` if it cannot hold them."""
    try:
        # NEC and IBM rows are for reading only: what we add has to read everywhere.
        return text.encode("iso2022_jp" if codec == JIS_MS else codec)
    except ValueError as unfit:
        raise Unfit("the charset cannot hold the block") from unfit


def _candidates(data: bytes, label: str) -> tuple[str, ...]:
    if label in _READINGS:
        return _READINGS[label]
    if _SHIFTED.match(label):
        raise Unfit("a charset in which bytes cannot be cut")
    if _SINGLE_BYTE.fullmatch(label):
        return (label,)
    if b"\x1b$" in data:
        return _JIS
    return _GUESS


_ESCAPE = re.compile(rb"\x1b(\$[@B]|\$\([A-Q]|\([BJI]|&@)")


def _jis(data: bytes) -> Iterator[tuple[str, int]]:
    """Microsoft's ISO-2022-JP, character by character: pairs are read as their cp932 twins."""
    state, at = b"(B", 0
    while at < len(data):
        escape = _ESCAPE.match(data, at) if data[at] == 27 else None
        if escape:
            state, at = escape[1], escape.end()
            continue
        width = 2 if state.startswith(b"$") and data[at] > 0x20 else 1
        yield _jis_character(data[at : at + width], state), at
        at += width


# One call for each of a hundred thousand characters; there are some ten thousand different ones.
@cache
def _jis_character(code: bytes, state: bytes) -> str:
    if len(code) == 2:
        row, cell = code
        if not (0x21 <= row <= 0x7E and 0x21 <= cell <= 0x7E) or state not in (b"$@", b"$B"):
            raise ValueError("no JIS pair")
        lead = (row + 1) // 2 + (0x70 if row < 0x5F else 0xB0)
        trail = cell + (0x1F + (cell >= 0x60) if row % 2 else 0x7E)
        return bytes((lead, trail)).decode("cp932")
    if code[0] >= 0x80 or code == b"\x1b" or (state.startswith(b"$") and code[0] > 0x20):
        raise ValueError("no 7-bit text")
    is_kana = state == b"(I" and code[0] > 0x20
    return (bytes((code[0] | 0x80,)) if is_kana else code).decode("cp932")


def _characters(line: bytes, codec: str) -> Iterator[tuple[int, int]]:
    """How many characters each step of one line yields, and the byte at which it begins."""
    if codec == JIS_MS:
        yield from ((1, at) for _, at in _jis(line))
        return
    decoder = codecs.getincrementaldecoder(codec)()
    begin, pending = 0, False
    for at in range(len(line)):
        if not pending:
            begin = at
        got = len(decoder.decode(line[at : at + 1]))
        pending = not got and not _is_escape_end(line, begin, at)
        if got:
            yield got, begin


def _is_escape_end(line: bytes, begin: int, at: int) -> bool:
    escape = _ESCAPE.match(line, begin)
    return escape is not None and escape.end() == at + 1
