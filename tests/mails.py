"""Builders of raw mails: say what matters, leave out the rest. And a second reader for them.

Words are given as text with bare newlines, or as bytes that stand as they are.
"""

from __future__ import annotations

import base64
import binascii
from email import message_from_bytes

JA = """\
佐藤 太郎 様

このたびは弊社の求人にご応募いただき、誠にありがとうございました。
慎重に選考を進めました結果、誠に残念ながら今回は採用を見送らせて
いただくこととなりました。

末筆ながら、佐藤様の今後のご活躍を心よりお祈り申し上げます。

株式会社アクメ
採用担当
"""
EN = """\
Dear Taro Sato,

Thank you for your application for the position of engineer.
Unfortunately, we have decided not to move forward with your application.

We wish you all the best in your job search.

Acme Inc.
Recruiting
"""
JA_HTML = (
    "<html><body>\n"
    + "".join(f"<p>{'<br>'.join(part.split(chr(10)))}</p>\n" for part in JA.strip().split("\n\n"))
    + "</body></html>\n"
)
EN_HTML = (
    "<html><body>\n"
    + "".join(f"<p>{part}</p>\n" for part in EN.strip().split("\n\n"))
    + "</body></html>\n"
)

FIELDS = {
    "from": "saiyo@acme.example",
    "to": "taro@gmail.example",
    "subject": "result",
    "message-id": "<1@acme.example>",
    "mime-version": "1.0",
}


def part(
    words: str | bytes = JA,
    kind: str = "text/plain",
    *,
    charset: str = "utf-8",
    encoding: str = "",
    head: str = "",
) -> bytes:
    """A leaf: its header fields and its body; `head` adds fields, `kind` may bring parameters."""
    data = words if isinstance(words, bytes) else _encode(words.replace("\n", "\r\n"), charset)
    encoding = encoding or ("7bit" if data.isascii() else "8bit")
    label = f"; charset={charset}" if charset else ""
    fields = f"Content-Type: {kind}{label}\r\nContent-Transfer-Encoding: {encoding}\r\n{head}\r\n"
    return fields.encode("ascii") + _transferred(data, encoding)


def multipart(kind: str, *parts: bytes, boundary: str = "b", head: str = "") -> bytes:
    """A multipart around entities, with a preamble and an epilogue as old clients write them."""
    fields = f'Content-Type: multipart/{kind}; boundary="{boundary}"\r\n{head}\r\npreamble\r\n'
    line = f"\r\n--{boundary}".encode("ascii")
    return fields.encode("ascii") + b"".join(
        [*(line + b"\r\n" + one for one in parts), line, b"--\r\nepilogue\r\n"]
    )


def mail(entity: bytes = b"", **fields: str) -> bytes:
    """A whole mail around an entity; `message_id="<2@acme.example>"` changes a field, "" drops it.

    Without an entity it is the Japanese rejection.
    """
    given = FIELDS | {name.replace("_", "-"): value for name, value in fields.items()}
    head = "".join(f"{name.title()}: {value}\r\n" for name, value in given.items() if value)
    return head.encode("utf-8") + (entity or part())


def with_bare_newlines(raw: bytes) -> bytes:
    """The mail as it lies in a file."""
    return raw.replace(b"\r\n", b"\n")


def texts(raw: bytes) -> list[str]:
    """The decoded text parts, by Python's `email`."""
    found = []
    for one in message_from_bytes(raw).walk():
        if one.get_content_maintype() == "text":
            data = one.get_payload(decode=True)
            assert isinstance(data, bytes)
            label = one.get_content_charset("ascii")
            found.append(data.decode({"windows-31j": "cp932"}.get(label, label)))
    return found


def added(raw: bytes, rewritten: bytes) -> list[str]:
    """What was put into each text part; asserts that nothing else is new, by Python's `email`."""
    assert skeleton(rewritten, skipped=1) == skeleton(raw)
    pairs = zip(texts(raw), texts(rewritten), strict=True)
    return [_inserted(old, new) for old, new in pairs if old != new]


def skeleton(raw: bytes, skipped: int = 0) -> list[object]:
    """All of a mail but its text bodies; the topmost fields may be skipped."""
    found: list[object] = []
    for number, one in enumerate(message_from_bytes(raw).walk()):
        fields = list(one.raw_items())[0 if number else skipped :]
        is_text = one.get_content_maintype() == "text"
        body = None if is_text or one.is_multipart() else one.get_payload()
        found.append((fields, one.preamble, one.epilogue, body))
    return found


def _inserted(old: str, new: str) -> str:
    size = len(new) - len(old)
    at = next((n for n, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), len(old))
    # Where the new words end as the old ones before them do, the difference shows late.
    start = next(n for n in range(at, -1, -1) if new[:n] + new[n + size :] == old)
    return new[start : start + size]


def _encode(text: str, charset: str) -> bytes:
    return text.encode({"windows-31j": "cp932"}.get(charset, charset) or "utf-8")


def _transferred(data: bytes, encoding: str) -> bytes:
    if encoding == "base64":
        return base64.encodebytes(data).replace(b"\n", b"\r\n")
    if encoding == "quoted-printable":
        # As text its newlines would be guessed from the first one.
        lines = data.split(b"\r\n")
        rows = (binascii.b2a_qp(line, istext=False).replace(b"=\n", b"=\r\n") for line in lines)
        return b"\r\n".join(rows)
    return data
