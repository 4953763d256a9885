"""Transfer encodings (RFC 2045, 6): read a part's bytes, and replace some of them in place.

`splice` answers in edits of the encoded bytes, so that everything outside them stays as the
sender's client wrote it: soft breaks, line lengths, upper or lower case escapes.
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from relay_gateway.core.edit import Edit, apply
from relay_gateway.core.message import Part, Unfit

MAX_LINE = 998
EIGHT = ("8bit", "binary")
PLAIN = ("", "7bit", *EIGHT)


@dataclass(frozen=True, slots=True)
class Cut:
    """In the decoded bytes of a part, `new` takes the place of `[start:end]`."""

    start: int
    end: int
    new: bytes


def decode(raw: bytes, part: Part) -> bytes:
    """The decoded bytes of a part; `Unfit` where a reader would have to guess."""
    body = raw[part.body.start : part.body.end]
    if part.encoding in PLAIN:
        return body
    if part.encoding == "quoted-printable":
        return _quoted(body)
    if part.encoding == "base64":
        return _base64(body)
    raise Unfit("unknown transfer encoding")


def newline(decoded: bytes) -> bytes:
    """The line end that a part uses; CRLF where it has none."""
    return b"\n" if b"\n" in decoded and b"\r\n" not in decoded else b"\r\n"


def splice(raw: bytes, part: Part, cuts: tuple[Cut, ...]) -> tuple[Edit, ...]:
    """The edits of the encoded mail that make these cuts in the decoded part, or `Unfit`."""
    body = raw[part.body.start : part.body.end]
    line_end = newline(body if b"\n" in body else raw)
    if part.encoding == "quoted-printable":
        edits = _splice_quoted(body, cuts, line_end)
    elif part.encoding == "base64":
        edits = _splice_base64(body, cuts, line_end)
    elif part.encoding in PLAIN:
        # A label alone is no promise: unless the mail holds 8-bit bytes already, the next hop may
        # not have been asked for 8BITMIME (RFC 6152).
        is_8bit = not body.isascii() or (part.encoding in EIGHT and not raw.isascii())
        edits = _splice_plain(body, cuts, is_8bit=is_8bit)
    else:
        raise Unfit("unknown transfer encoding")
    at = part.body.start
    return tuple(Edit(at + edit.start, at + edit.end, edit.new) for edit in edits)


def _splice_plain(body: bytes, cuts: tuple[Cut, ...], *, is_8bit: bool) -> tuple[Edit, ...]:
    edits = tuple(Edit(cut.start, cut.end, cut.new) for cut in cuts)
    if not is_8bit and not all(cut.new.isascii() for cut in cuts):
        raise Unfit("8-bit words do not go into a 7-bit part")
    # RFC 5322, 2.1.1. Real mail has longer lines, which may be parted but not grow.
    old = _long_lines(body)
    for line in _long_lines(apply(body, edits)) - old:
        if not any(line in before for before in old):
            raise Unfit("a line would grow over 998 octets")
    return edits


def _long_lines(body: bytes) -> set[bytes]:
    return {line for row in body.split(b"\n") if len(line := row.rstrip(b"\r")) > MAX_LINE}


# Quoted-printable, 6.7. Blanks before a line end are kept as most readers keep them, although
# rule 3 would have them dropped.
# Blanks behind a soft break are dropped by some readers; others keep them with their `=`.
_SOFT = rb"=(?:\r?\n|\Z)"
_SOFT_BREAK = re.compile(_SOFT)
_BROKEN = re.compile(rb"=(?![0-9A-Fa-f]{2}|\r?\n|\Z)")
_RUN = re.compile(rb"(?P<escapes>(?:=[0-9A-Fa-f]{2})+)|(?P<soft>" + _SOFT + rb")|[^=]+")
_QUOTED_LINE = 76


def _quoted(body: bytes) -> bytes:
    if _BROKEN.search(body):
        raise Unfit("broken quoted-printable")
    return binascii.a2b_qp(_SOFT_BREAK.sub(b"", body))


def _splice_quoted(body: bytes, cuts: tuple[Cut, ...], line_end: bytes) -> tuple[Edit, ...]:
    edits = []
    for cut in cuts:
        start = _quoted_offset(body, cut.start)
        end = start if cut.end == cut.start else _quoted_offset(body, cut.end)
        if not cut.new and cut.end > cut.start:
            edits.append(_struck(body, start, end, line_end))
            continue
        is_whole = cut.new.endswith(line_end) or body.startswith(line_end, end) or end == len(body)
        new = _quote(cut.new, line_end) + (b"" if is_whole else b"=" + line_end)
        edits.append(Edit(start, end, _soft_break(body, start, line_end) + new))
    return tuple(edits)


def _struck(body: bytes, start: int, end: int, line_end: bytes) -> Edit:
    """Nothing in the place of encoded bytes; a soft break where the line would grow too long."""
    head = start - (body.rfind(b"\n", 0, start) + 1)
    tail = (body.find(b"\n", end) + 1 or len(body)) - end
    new = b"=" + line_end if head and head + tail > _QUOTED_LINE else b""
    return Edit(start, end, new)


def _quoted_offset(body: bytes, at: int) -> int:
    """Where in the encoded bytes the decoded byte number `at` begins."""
    seen = 0
    for run in _RUN.finditer(body):
        width = 3 if run.lastgroup == "escapes" else 1
        size = 0 if run.lastgroup == "soft" else (run.end() - run.start()) // width
        if seen + size > at:
            return run.start() + (at - seen) * width
        seen += size
    return len(body)


def _soft_break(body: bytes, at: int, line_end: bytes) -> bytes:
    """New words stand on lines of their own: the line above the cut only gains a soft break."""
    column = at - (body.rfind(b"\n", 0, at) + 1)
    if body.endswith(b"=", 0, at):
        return line_end
    if column >= _QUOTED_LINE:
        raise Unfit("a quoted-printable line leaves no room for a soft break")
    return b"=" + line_end if column else b""


def _quote(new: bytes, line_end: bytes) -> bytes:
    """`new` encoded; a newline that is not the part's own kind is itself escaped."""
    return line_end.join(_quote_line(line, line_end) for line in new.split(line_end))


# A soft break inside a character of UTF-8 is allowed and still confuses readers that decode line
# by line.
_CHARACTER = re.compile(rb"[\xc2-\xdf].|[\xe0-\xef]..|[\xf0-\xf4]...|.", re.DOTALL)


def _quote_line(line: bytes, line_end: bytes) -> bytes:
    """One line; escapes are never broken, nor do rows begin with `.`, `From ` or `--`."""
    rows, row = [], b""
    words = [_escaped(character) for character in _CHARACTER.findall(line)]
    # 6.7, rule 3: a blank at the end of a line would be dropped on the way.
    words[-1:] = [b"=20" if word == b" " else word for word in words[-1:]]
    for word in words:
        if len(row) + len(word) > _QUOTED_LINE - 1:
            rows.append(row + b"=")
            row = b""
        is_risky = not row and word in (b".", b"F", b"-")
        row += b"=%02X" % word[0] if is_risky else word
    return line_end.join([*rows, row])


# An offer is written again and again in the same few hundred characters.
@lru_cache(maxsize=1000)
def _escaped(character: bytes) -> bytes:
    return b"".join(
        bytes((byte,)) if 32 <= byte <= 126 and byte != 61 else b"=%02X" % byte
        for byte in character
    )


_BASE64_LINE = 76


def _base64(body: bytes) -> bytes:
    try:
        return binascii.a2b_base64(b"".join(body.split()), strict_mode=True)
    except binascii.Error as broken:
        raise Unfit("broken base64") from broken


def _splice_base64(body: bytes, cuts: tuple[Cut, ...], line_end: bytes) -> tuple[Edit, ...]:
    """Only the groups from the first cut on are written anew, in lines of the part's own length."""
    decoded = _base64(body)
    first = min(cut.start for cut in cuts) // 3 * 3
    rest, at = [], first
    for cut in sorted(cuts, key=lambda cut: cut.start):
        rest += [decoded[at : cut.start], cut.new]
        at = cut.end
    tail = binascii.b2a_base64(b"".join([*rest, decoded[at:]]), newline=False)
    start = _base64_offset(body, first // 3 * 4)
    column = start - (body.rfind(b"\n", 0, start) + 1)
    end = len(body.rstrip())
    return (Edit(start, max(start, end), _fold_base64(tail, column, body, line_end)),)


def _base64_offset(body: bytes, at: int) -> int:
    """Where the base64 character number `at` stands, line breaks not counted."""
    for match in re.finditer(rb"\S+", body):
        if at < len(match[0]):
            return match.start() + at
        at -= len(match[0])
    return len(body.rstrip())


def _fold_base64(text: bytes, column: int, body: bytes, line_end: bytes) -> bytes:
    lengths = [len(line) for line in body.split()]
    width = min(_BASE64_LINE, max(lengths)) if len(lengths) > 1 else _BASE64_LINE
    room = max(0, width - column)
    cuts = [0, *range(room, len(text), width), len(text)]
    return line_end.join(text[a:b] for a, b in pairwise(cuts) if a < b or a == 0 < column)
