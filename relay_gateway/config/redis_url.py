"""What a URL says of a Redis: one server, Sentinels, or a cluster. It never holds a password."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class RedisPlace:
    """A Redis: `shape` is single, sentinel or cluster; `service` is the Sentinels' name for it."""

    shape: str
    addresses: tuple[tuple[str, int], ...]
    service: str = ""
    database: int = 0
    is_tls: bool = False
    tls: ssl.SSLContext | None = field(default=None, compare=False, repr=False)
    user: str = ""
    password: str = field(default="", repr=False)
    sentinel_password: str = field(default="", repr=False)


class BadPlace(ValueError):
    """Why a text names no ledger, as the rest of a sentence; it never shows a password."""


def redis_place(url: str) -> RedisPlace:
    """What a Redis URL says; raises `BadPlace`."""
    match = _URL.fullmatch(url)
    if "@" in url:
        how = "write user: NAME and secret: {env: VARIABLE} beside url instead"
        raise BadPlace(f"but a password does not belong into it; {how}")
    if not match:
        raise BadPlace(f"which is no ledger; write {_FORMS}")
    shape = match["shape"] or "single"
    addresses = tuple(_address(each, shape) for each in match["hosts"].split(","))
    steps = [step for step in (match["path"] or "").split("/") if step]
    service = steps.pop(0) if shape == "sentinel" and steps else ""
    number = steps.pop(0) if steps else "0"
    if steps or not number.isascii() or not number.isdigit():
        raise BadPlace("but its path is no number of a database; write for example /0")
    if shape == "sentinel" and not service:
        raise BadPlace("but it does not name the primary; write /NAME after the Sentinels")
    if shape == "single" and len(addresses) > 1:
        raise BadPlace("but it names several servers; write redis+sentinel: or redis+cluster:")
    if shape == "cluster" and number != "0":
        raise BadPlace("but a cluster has one database only; delete the number")
    is_tls = match["scheme"] == "rediss"
    return RedisPlace(shape, addresses, service, int(number), is_tls)


def _address(text: str, shape: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":") if re.search(r":\d+$", text) else (text, "", "")
    number = int(port or (26379 if shape == "sentinel" else 6379))
    if not 0 < number < 65536:
        raise BadPlace("but a port lies between 1 and 65535; correct it")
    return host.strip("[]"), number


_FORMS = "sqlite:PATH, redis://HOST:PORT/0, redis+sentinel://HOST,HOST/NAME/0 or redis+cluster://HOST,HOST"
_HOST = r"(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?"
_URL = re.compile(
    rf"(?P<scheme>rediss?)(?:\+(?P<shape>sentinel|cluster))?://(?P<hosts>{_HOST}(?:,{_HOST})*)"
    r"(?P<path>(?:/[A-Za-z0-9._-]+)*/?)"
)
