"""A raw mail taken apart into spans of its own bytes; nothing is copied and nothing corrected.

Python's `email` changes one mail in five when it writes back what it read, so this reader only
finds. It is linear in the size of the mail and refuses what it would have to guess, and what would
cost the other readers of our own output more than a letter should.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_DEPTH = 30
MAX_PARTS = 500
MAX_HEADER = 100 * 1024
MAX_FIELDS = 1000
MAX_STRUCTURED = 4 * 1024

# Of the whole mail, attached mails included: we do not look into those, but `email` does.
MAX_LINES = 60_000
MAX_DASHED = 2000
MAX_CONTAINERS = 50
MAX_ALL_STRUCTURED = 128 * 1024
MAX_PARAMETERS = 3000
MAX_READINGS = 500_000


class Unreadable(Exception):
    """The mail cannot be taken apart safely; the text says why in fixed words, without content."""


class Unfit(Exception):
    """The mail can be read but not changed without touching the rest; fixed words say why."""


@dataclass(frozen=True, slots=True)
class Span:
    """`raw[start:end]`."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Field:
    """One header field: its name in lower case, its value unfolded, where it stands."""

    name: str
    value: bytes
    span: Span


@dataclass(frozen=True, slots=True)
class Container:
    """A multipart around a part, and the span of its whole body."""

    media_type: str
    body: Span


@dataclass(frozen=True, slots=True)
class Part:
    """A leaf: what is not a multipart. Names, types and encodings are in lower case.

    `parameters` are those of Content-Type; `inside` are the multiparts around it, outermost first;
    `is_sealed` tells that a Content-MD5 (RFC 1864) vouches for its bytes.
    """

    media_type: str
    parameters: tuple[tuple[str, str], ...]
    encoding: str
    disposition: str
    filename: str
    body: Span
    inside: tuple[Container, ...]
    is_sealed: bool = False

    def parameter(self, name: str) -> str:
        """A parameter of Content-Type, or nothing."""
        return dict(self.parameters).get(name, "")

    @property
    def is_letter(self) -> bool:
        """Whether a reader sees this part as the text of the mail, not as an attachment."""
        is_text = self.media_type in ("text/plain", "text/html")
        return is_text and self.disposition in ("", "inline") and not self.filename


@dataclass(frozen=True, slots=True)
class Message:
    """The mail's own header fields and its leaf parts, in the order in which they stand."""

    raw: bytes
    fields: tuple[Field, ...]
    media_type: str
    parts: tuple[Part, ...]

    def values(self, name: str) -> tuple[bytes, ...]:
        """The values of all fields of this name (given in lower case), topmost first."""
        return tuple(field.value for field in self.fields if field.name == name)

    def value(self, name: str) -> bytes:
        """The value of the topmost field of this name, or nothing."""
        return next(iter(self.values(name)), b"")


def read(raw: bytes) -> Message:
    """Take a mail apart, or raise `Unreadable`; never another exception, whatever the bytes."""
    _weigh(raw)
    fields, body = _header(raw, Span(0, len(raw)))
    media_type, _ = content_type(_only(fields, "content-type"))
    parts = tuple(_leaves(raw, fields, body, (), "text/plain"))
    if len(parts) > MAX_PARTS:
        raise Unreadable("too many parts")
    return Message(raw, fields, media_type or "text/plain", parts)


_LOWER = bytes.maketrans(bytes(range(65, 91)) + b"\r", bytes(range(97, 123)) + b"\n")
_STRUCTURED = re.compile(
    rb"\ncontent-(?:type|disposition|transfer-encoding)[ \t]*:([^\n]*(?:\n\n?[ \t][^\n]*)*)"
)
_CONTAINER = re.compile(rb"\s*(?:multipart|message)/")


def _weigh(raw: bytes) -> None:
    """Refuse a mail that is built to be slow, for any reader and at any depth, before one sees it.

    `email` ends a line at a bare CR too, reads the fields of parts of attached mails again and
    again, and asks each multipart around a line whether the line ends it.
    """
    lines = raw.count(b"\n") + raw.count(b"\r") - raw.count(b"\r\n")
    if lines > MAX_LINES:
        raise Unreadable("too many lines")
    lower = b"\n" + raw.translate(_LOWER)
    if lower.count(b"\n--") > MAX_DASHED:
        raise Unreadable("too many lines that could end a part")
    containers, size, parameters = 0, 0, 0
    for match in _STRUCTURED.finditer(lower):
        length = len(match[1])
        size += length
        parameters += match[1].count(b";")
        if length > MAX_STRUCTURED or size > MAX_ALL_STRUCTURED:
            raise Unreadable("a structured field is too long")
        if parameters > MAX_PARAMETERS:
            raise Unreadable("too many parameters")
        containers += _CONTAINER.match(match[1]) is not None
    if containers > MAX_CONTAINERS or lines * containers > MAX_READINGS:
        raise Unreadable("nested too deep")


# A field name is printable ASCII without a colon (RFC 5322, 2.2); lines that begin with a blank
# continue the field.
_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)(?:\n|\Z)")
_FOLD = re.compile(rb"\r?\n(?=[ \t])")
_EMPTY_LINE = re.compile(rb"\r?\n\r?\n")


def _header(raw: bytes, entity: Span) -> tuple[tuple[Field, ...], Span]:
    """The fields of an entity and the span of its body."""
    header_end, body_start = _header_end(raw, entity)
    fields: list[Field] = []
    at = entity.start
    while at < header_end:
        match = _FIELD.match(raw, at, header_end)
        if match is None or len(fields) >= MAX_FIELDS:
            raise Unreadable("a header line is no field" if match is None else "too many fields")
        value = _FOLD.sub(b"", match[2]).strip()
        fields.append(Field(match[1].decode("ascii").lower(), value, Span(at, match.end())))
        at = match.end()
    return tuple(fields), Span(body_start, entity.end)


def _header_end(raw: bytes, entity: Span) -> tuple[int, int]:
    for blank in (b"\r\n", b"\n"):
        if raw.startswith(blank, entity.start, entity.end):
            return entity.start, entity.start + len(blank)
    gap = _EMPTY_LINE.search(raw, entity.start, min(entity.end, entity.start + MAX_HEADER))
    if gap is not None:
        return gap.start() + (2 if raw[gap.start()] == 13 else 1), gap.end()
    if entity.end - entity.start >= MAX_HEADER:
        raise Unreadable("the header is too long")
    return entity.end, entity.end


def _only(fields: tuple[Field, ...], name: str) -> bytes:
    """The value of a field that may stand once (RFC 2045): two would mean two readings."""
    values = [field.value for field in fields if field.name == name]
    if len(values) > 1:
        raise Unreadable(f"more than one {name} field")
    return values[0] if values else b""


def _leaves(
    raw: bytes,
    fields: tuple[Field, ...],
    body: Span,
    inside: tuple[Container, ...],
    default: str,
) -> Iterator[Part]:
    media_type, parameters = content_type(_only(fields, "content-type"))
    media_type = media_type or default
    encoding = _only(fields, "content-transfer-encoding").decode("ascii", "replace").lower()
    if not media_type.startswith("multipart/"):
        disposition, details = content_type(_only(fields, "content-disposition"))
        filename = dict(details).get("filename") or dict(parameters).get("name", "")
        is_sealed = any(field.name == "content-md5" for field in fields)
        yield Part(media_type, parameters, encoding, disposition, filename, body, inside, is_sealed)
        return
    if len(inside) >= MAX_DEPTH:
        raise Unreadable("nested too deep")
    if encoding not in ("", "7bit", "8bit", "binary"):
        raise Unreadable("a multipart is itself encoded")
    default = "message/rfc822" if media_type == "multipart/digest" else "text/plain"
    around = (*inside, Container(media_type, body))
    for child in _children(raw, dict(parameters).get("boundary", ""), body):
        child_fields, child_body = _header(raw, child)
        yield from _leaves(raw, child_fields, child_body, around, default)


def _children(raw: bytes, boundary: str, body: Span) -> list[Span]:
    """The entities between the delimiter lines of a multipart (RFC 2046, 5.1.1)."""
    boundary = boundary.rstrip()
    if not boundary or not boundary.isascii():
        raise Unreadable("a multipart has no boundary")
    children: list[Span] = []
    begin = None
    for line, is_close in _delimiters(raw, boundary.encode("ascii"), body):
        if begin is not None:
            # The line break before a delimiter line belongs to the delimiter.
            end = line.start - (2 if raw[line.start - 2 : line.start] == b"\r\n" else 1)
            children.append(Span(begin, max(begin, end)))
        if is_close or len(children) > MAX_PARTS:
            break
        begin = line.end
    else:
        raise Unreadable("a multipart is not closed")
    if not children or len(children) > MAX_PARTS:
        raise Unreadable("too many parts" if children else "a multipart is empty")
    return children


def _delimiters(raw: bytes, boundary: bytes, body: Span) -> Iterator[tuple[Span, bool]]:
    delimiter = b"--" + boundary
    at = raw.find(delimiter, body.start, body.end)
    while at >= 0:
        line_end = raw.find(b"\n", at, body.end)
        line_end = body.end if line_end < 0 else line_end + 1
        rest = raw[at + len(delimiter) : line_end].rstrip(b" \t\r\n")
        if rest in (b"", b"--") and (at == body.start or raw[at - 1] == 10):
            yield Span(at, line_end), rest == b"--"
        at = raw.find(delimiter, max(line_end - 1, at + 1), body.end)


_WORD = r"[^\s()<>@,;:\\\"/\[\]?=]+"
_TYPE = re.compile(rf"\s*({_WORD}(?:/{_WORD})?)\s*(?:\([^()]*\)\s*)?")
_PARAMETER = re.compile(
    r"\s*;\s*(?:([^\s;=\"]+)\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s;\"]*))\s*(\([^()]*\)\s*)?)?"
)


def content_type(value: bytes) -> tuple[str, tuple[tuple[str, str], ...]]:
    """A structured MIME value: the type or disposition in lower case, and its parameters.

    RFC 2231 continuations of what decides how a part is read (`boundary*0=`) are refused, because
    readers differ on them, and so are comments behind a boundary.
    """
    if not value:
        return "", ()
    if len(value) > MAX_STRUCTURED:
        raise Unreadable("a structured field is too long")
    text = value.decode("latin-1")
    kind = _TYPE.match(text)
    if kind is None:
        raise Unreadable("a structured field cannot be read")
    parameters: dict[str, str] = {}
    at = kind.end()
    while at < len(text):
        match = _PARAMETER.match(text, at)
        if match is None:
            raise Unreadable("a structured field cannot be read")
        name, quoted, plain = match[1], match[2], match[3]
        if match[4] and name == "boundary":
            raise Unreadable("a boundary with a comment")
        if name:
            _keep(parameters, name.lower(), re.sub(r"\\(.)", r"\1", quoted) if quoted else plain)
        at = match.end()
    return kind[1].lower(), tuple(parameters.items())


def _keep(parameters: dict[str, str], name: str, value: str | None) -> None:
    base, star, _ = name.partition("*")
    if star and base in ("boundary", "charset"):
        raise Unreadable("a boundary or charset is continued")
    if base in parameters and not star:
        raise Unreadable("a parameter stands twice")
    parameters.setdefault(base, value or "")
