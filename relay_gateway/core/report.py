"""What CareerRelay and the mail system tell us of a referral: registrations and bounces.

A report holds a token and no person. Whatever else is in it is refused by name, not left out
silently: somebody would go on sending it.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

# https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
PREFIX = "whsec_"
WINDOW = 300.0
_LEAST, _MOST = 24, 64


class BadReport(Exception):
    """Why a report is refused, in a sentence that holds nothing of its values."""


@dataclass(frozen=True, slots=True)
class Registration:
    """Somebody has registered by the link with this token; `at` is when, by CareerRelay."""

    event_id: str
    token: str
    at: float
    is_test: bool = False


@dataclass(frozen=True, slots=True)
class Bounce:
    """The mail with this token did not arrive; `status` as in RFC 3463."""

    event_id: str
    token: str
    at: float
    status: str

    @property
    def is_final(self) -> bool:
        """Whether nobody tries any more (RFC 3463, 2): only then is the referral taken back."""
        return self.status.startswith("5.")


def registration(fields: Mapping[str, object]) -> Registration:
    """The registration in these fields; `BadReport` says what is wrong with the first."""
    _only(fields, _REGISTRATION)
    return Registration(
        _code(fields, "event_id"),
        _code(fields, "token"),
        _moment(fields, "registered_at"),
        _switch(fields, "test"),
    )


def names(heading: Iterable[str]) -> None:
    """`BadReport` if these are not the names of a registration's fields, each once."""
    given = list(heading)
    _only(given, _REGISTRATION)
    for name in _REGISTRATION:
        if given.count(name) > 1 or (name not in given and name != "test"):
            fault = "stands twice" if name in given else "is missing"
            raise BadReport(f"the column {name} {fault}; the first line names the columns")


def bounce(fields: Mapping[str, object]) -> Bounce:
    """The bounce in these fields; `BadReport` says what is wrong with the first."""
    _only(fields, ("event_id", "token", "bounced_at", "status"))
    status = fields.get("status")
    if not isinstance(status, str) or not _STATUS.fullmatch(status):
        raise BadReport("status is no status of RFC 3463; send for example 5.1.1")
    return Bounce(
        _code(fields, "event_id"), _code(fields, "token"), _moment(fields, "bounced_at"), status
    )


def fields(body: bytes) -> Mapping[str, object]:
    """The fields of a JSON object; `BadReport` if it is none."""
    try:
        value = json.loads(body, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise BadReport("the body is no JSON object in UTF-8; send one") from None
    if not isinstance(value, dict):
        raise BadReport("the body is no JSON object; send one")
    return value


def secret(line: str) -> bytes:
    """The key in a `whsec_` line; `BadReport` if it is none."""
    try:
        key = base64.b64decode(line.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not line.startswith(PREFIX) or not _LEAST <= len(key) <= _MOST:
        raise BadReport(
            f"a webhook secret is {PREFIX} and {_LEAST} to {_MOST} octets in base64; "
            'make one with: echo "whsec_$(openssl rand -base64 32)"'
        )
    return key


def sign(key: bytes, id: str, timestamp: str, body: bytes) -> str:
    """The signature of a report as it stands in `webhook-signature`."""
    whole = f"{id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, whole, "sha256")).decode()


def is_signed(keys: Iterable[bytes], id: str, timestamp: str, signatures: str, body: bytes) -> bool:
    """Whether one of these signatures, parted by spaces, was made with one of the keys."""
    given = [each.encode() for each in signatures.split(" ")[:_SIGNATURES]]
    # All are compared, so that the time taken does not tell which one fits.
    fits = [
        hmac.compare_digest(sign(key, id, timestamp, body).encode(), each)
        for key in keys
        for each in given
    ]
    return any(fits)


def is_fresh(timestamp: str, now: float) -> bool:
    """Whether a report was sent within five minutes of now."""
    return _SECONDS.fullmatch(timestamp) is not None and abs(now - int(timestamp)) <= WINDOW


_REGISTRATION = ("event_id", "token", "registered_at", "test")
_CODE = re.compile(r"[0-9A-Za-z][0-9A-Za-z_.:-]{0,63}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,39}")
_STATUS = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}")
_SECONDS = re.compile(r"[0-9]{1,11}")
_SIGNATURES = 10
_SWITCHES: Mapping[object, bool] = {
    True: True,
    False: False,
    **dict.fromkeys(("true", "TRUE", "True"), True),
    **dict.fromkeys(("false", "FALSE", "False", ""), False),
}


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _only(fields: Iterable[str], known: tuple[str, ...]) -> None:
    for name in fields:
        if name not in known:
            shown = name if _NAME.fullmatch(name) else "a field with a name that is none"
            raise BadReport(
                f"{shown} is not taken, because nothing that may tell who somebody is may reach "
                f"the gateway; send {', '.join(known)} and nothing else"
            )


def _code(fields: Mapping[str, object], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not _CODE.fullmatch(value):
        raise BadReport(f"{name} is missing or no code; send up to 64 letters, digits and _.:-")
    return value


def _moment(fields: Mapping[str, object], name: str) -> float:
    value = fields.get(name)
    how = f"{name} is missing or no time; send for example 2026-11-20T10:00:00+09:00"
    if not isinstance(value, str) or not 10 < len(value) < 40:
        raise BadReport(how)
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise BadReport(f"{name} has no time zone; add it, for example +09:00")
        return moment.timestamp()
    except (ValueError, OverflowError):
        raise BadReport(how) from None


def _switch(fields: Mapping[str, object], name: str) -> bool:
    value = fields.get(name, False)
    # 1 == True, and a number is not what belongs here.
    if not isinstance(value, bool | str) or value not in _SWITCHES:
        raise BadReport(f"{name} is neither true nor false; send one of them, or leave it out")
    return _SWITCHES[value]
