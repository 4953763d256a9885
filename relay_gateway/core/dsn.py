"""Delivery status notifications (RFC 3464): which mail did not reach whom, for good or for now.

Read with `email`, off the way of any mail: a notification that cannot be read is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import policy
from email.message import Message
from email.parser import BytesParser, HeaderParser
from email.utils import parsedate_to_datetime


@dataclass(frozen=True, slots=True)
class Failure:
    """What a notification says of one recipient.

    `recipients` are the names that the recipient has in it, the one that the mail was sent to
    first. `sender` and `mail_id` are From and Message-ID of the mail that came back, as far as they
    came with it; `tokens` may be links' tokens in its text. `at` is when it was said.
    """

    recipients: tuple[bytes, ...]
    sender: bytes
    mail_id: bytes
    action: str
    status: str
    at: float | None
    tokens: tuple[str, ...] = ()

    @property
    def is_final(self) -> bool:
        """Whether nobody tries any more (RFC 3464, 2.3.3 and 2.3.4)."""
        return self.action == "failed" and self.status.startswith("5.")


def failures(raw: bytes) -> tuple[Failure, ...] | None:
    """One for each recipient that the notification speaks of; None if it is no notification."""
    try:
        return _failures(raw)
    except (RecursionError, LookupError, ValueError):
        # Nested without end, or labelled by charsets that nobody knows.
        return None


def _failures(raw: bytes) -> tuple[Failure, ...] | None:
    mail = BytesParser(policy=policy.compat32).parsebytes(raw)
    parts = tuple(mail.walk())
    report = next((p for p in parts if p.get_content_type() in _REPORTS), None)
    if report is None:
        return None
    returned = next((p for p in parts if p.get_content_type() in _RETURNED), None)
    header, text = _returned(returned)
    return tuple(
        Failure(
            recipients=addresses,
            sender=_bare(header.get("from", "")),
            mail_id=header.get("message-id", "").strip().encode("utf-8", "surrogateescape"),
            action=group.get("action", "").strip().lower(),
            status=_status(group.get("status", "")),
            at=_moment(mail.get("date")),
            tokens=_tokens(text),
        )
        for group in _groups(report)
        if (addresses := _recipients(group))
    )


_REPORTS = ("message/delivery-status", "message/global-delivery-status")
_RETURNED = ("message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers")
_STATUS = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}")
_TOKEN = re.compile(r"/([0-9A-Za-z]{24})(?![0-9A-Za-z])")
_ANGLE = re.compile(r"<([^<>]+)>")
_LARGEST = 2**20
_TOKENS = 20

Header = dict[str, str]


def _groups(report: Message) -> Iterator[Header]:
    """The groups of fields of a report, first the one on the mail, then one a recipient."""
    payload = report.get_payload()
    parts = payload if isinstance(payload, list) else [report]
    for part in parts:
        if isinstance(part, Message):
            yield _fields(part)
            yield from _further(part.get_payload())


def _further(text: object) -> Iterator[Header]:
    """The groups below the first, where `email` takes them for a body (RFC 6533, 3)."""
    for group in re.split(r"\r?\n\r?\n", text) if isinstance(text, str) else ():
        yield _fields(HeaderParser(policy=policy.compat32).parsestr(group))


def _fields(part: Message) -> Header:
    found: Header = {}
    for name, value in part.items():
        found.setdefault(name.lower(), _plain(value))
    return found


def _plain(value: object) -> str:
    return re.sub(r"\r?\n(?=[ \t])", "", str(value))


def _recipients(group: Header) -> tuple[bytes, ...]:
    """As the mail was sent and as it was tried (RFC 3464, 2.3.1): a forwarding makes them two."""
    said = (group.get(name, "") for name in ("original-recipient", "final-recipient"))
    found = (each.partition(";")[2].strip().strip("<>") for each in said)
    return tuple(
        dict.fromkeys(each.encode("utf-8", "surrogateescape") for each in found if "@" in each)
    )


def _status(text: str) -> str:
    match = _STATUS.match(text.strip())
    return match[0] if match else ""


def _returned(part: Message | None) -> tuple[Header, bytes]:
    """The header fields of the mail that came back, and its text as far as it came with them."""
    if part is None:
        return {}, b""
    payload = part.get_payload()
    if isinstance(payload, list) and payload and isinstance(payload[0], Message):
        return _fields(payload[0]), b"\n".join(_texts(payload[0]))
    body = part.get_payload(decode=True)
    raw = body if isinstance(body, bytes) else b""
    return _fields(BytesParser(policy=policy.compat32).parsebytes(raw, headersonly=True)), b""


def _texts(mail: Message) -> Iterator[bytes]:
    for part in mail.walk():
        if part.get_content_maintype() == "text":
            body = part.get_payload(decode=True)
            if isinstance(body, bytes):
                yield body[:_LARGEST]


def _tokens(text: bytes) -> tuple[str, ...]:
    # ISO-2022-JP and all other charsets of mail write a link in ASCII.
    found = _TOKEN.findall(text.decode("ascii", "replace"))
    return tuple(dict.fromkeys(found))[:_TOKENS]


def _bare(value: str) -> bytes:
    match = _ANGLE.search(value)
    return (match[1] if match else value).strip().encode("utf-8", "surrogateescape")


def _moment(value: object) -> float | None:
    try:
        return parsedate_to_datetime(str(value)).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None
