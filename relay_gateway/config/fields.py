"""What may stand in a field of a file; each type refuses with a sentence on what to write."""

from __future__ import annotations

import json
import re
from datetime import date
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
)
from pydantic import WithJsonSchema as Schema
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from relay_gateway.config.redis_url import BadPlace, redis_place
from relay_gateway.config.zone import NoZone, zone

SENTENCE = "sentence"

IPNetwork = IPv4Network | IPv6Network


def refuse(sentence: str) -> PydanticCustomError:
    """An error whose words are shown as they are, behind `<field> is <value>, `."""
    # The braces of a template would be read as names of variables.
    return PydanticCustomError(SENTENCE, "{sentence}", {"sentence": sentence})


def _text(value: object, otherwise: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise refuse(otherwise)
    return value


def split_address(address: str) -> tuple[str, int]:
    """Host and port of `127.0.0.1:2525`, `mail.acme.example:25` or `[::1]:25`."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def _address(value: object) -> str:
    how = "write host:port, for example 127.0.0.1:2525 or [::1]:2525"
    text = _text(value, how)
    match = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):([0-9]{1,9})", text)
    if not match:
        raise refuse(how)
    if int(match[2]) > 65535:
        raise refuse("a port lies between 1 and 65535 (0: any free one); write for example 2525")
    if match[1].startswith("[") and not _is_ip(match[1][1:-1]):
        raise refuse("between [ and ] an IPv6 address belongs; write for example [::1]:2525")
    return text


def _is_ip(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _network(value: object) -> IPNetwork:
    if isinstance(value, IPv4Network | IPv6Network):
        return value
    text = _text(value, "write a network in quotes, for example 10.0.0.0/8")
    try:
        return ip_network(text)
    except ValueError:
        pass
    try:
        # The address of a host in the network is the usual slip.
        meant = ip_network(text, strict=False)
    except ValueError:
        raise refuse("which is no network; write for example 10.0.0.0/8 or ::1/128") from None
    raise refuse(f"which is a host inside a network; write {meant}")


def _port(value: object) -> int:
    if type(value) is not int:
        raise refuse("a port is a number; write for example 25")
    if not 1 <= value <= 65535:
        raise refuse("a port lies between 1 and 65535; write for example 25")
    return value


def _host(value: object) -> str:
    text = _text(value, "write a host name or IP address, for example mx.acme.example")
    if _is_ip(text) or _LABELS.fullmatch(text):
        return text
    raise refuse("which is no host name; write for example mx.acme.example (the port stands apart)")


_LABELS = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?")
_DOMAIN = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")


def _domain(value: object) -> str:
    text = _text(value, "write a domain, for example acme.example").lower().rstrip(".")
    if "@" in text:
        raise refuse(f"a domain has no @; write {text.rpartition('@')[2] or 'acme.example'}")
    if not text.isascii():
        raise refuse(f"mail knows this domain by another name; write {_idna(text)}")
    if not _DOMAIN.fullmatch(text):
        raise refuse("which is no domain; write for example acme.example")
    return text


def _day(value: object) -> date:
    how = "write a day as year-month-day, for example 2026-12-01"
    if type(value) is date:
        return value
    try:
        return date.fromisoformat(_text(value, how))
    except ValueError:
        raise refuse(how) from None


def _idna(domain: str) -> str:
    try:
        return domain.encode("idna").decode("ascii")
    except UnicodeError:
        return "its xn-- form"


def _mailbox(value: object) -> str:
    how = "write a mail address, for example saiyo@acme.example"
    text = _text(value, how).lower()
    local, _, domain = text.rpartition("@")
    if not local or not _DOMAIN.fullmatch(domain) or re.search(r"[\s<>]", local):
        raise refuse(how)
    return text


_LINK = re.compile(r"https://[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~-]+)*/?", re.ASCII)


def _link(value: object) -> str:
    text = _text(value, "write your URL, for example https://careerrelay.jp/c/acme")
    if "?" in text or "#" in text:
        raise refuse("the link gets a code at its end; delete the ? or # and what follows")
    match = _LINK.fullmatch(text)
    if not match:
        raise refuse("which is no https link; write for example https://careerrelay.jp/c/acme")
    return text.rstrip("/")


class OrLink:
    """A group with a link in it; the link may stand alone."""

    def __get_pydantic_core_schema__(self, kind: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(_linked, handler(kind))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"anyOf": [handler(schema), {"type": "string", "pattern": _LINK_FORM}]}


def _linked(value: object) -> object:
    return value if isinstance(value, dict) else {"url": _link(value)}


_LINK_FORM = r"^https://[^?#\s]+$"
_UNITS = {"": 1, "B": 1, "kB": 10**3, "MB": 10**6, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


def _size(value: object) -> int:
    how = "write bytes or a size with its unit, for example 50 MiB"
    if type(value) is int:
        size = value
    else:
        match = re.fullmatch(r"([0-9]{1,9})\s*([A-Za-z]*)", _text(value, how))
        if not match or match[2] not in _UNITS:
            raise refuse(how)
        size = int(match[1]) * _UNITS[match[2]]
    if not 1024 <= size <= 2**30:
        raise refuse("a size lies between 1 KiB and 1 GiB; write for example 50 MiB")
    return size


def _ledger(value: object) -> str:
    how = "write sqlite:PATH, for example sqlite:../var/ledger.sqlite3, or the URL of a Redis"
    text = _text(value, how)
    if re.fullmatch(r"sqlite:(?!//).+", text):
        return text
    if not text.startswith(("redis", "rediss")):
        raise refuse(how)
    try:
        redis_place(text)
    except BadPlace as bad:
        raise refuse(str(bad)) from None
    return text


def _path(value: object) -> Path:
    if isinstance(value, Path):
        return value
    text = _text(value, "write a path; it begins at the folder of this file")
    if "\0" in text:
        raise refuse("a path has no NUL character; delete it")
    return Path(text)


def _timezone(value: object) -> str:
    text = _text(value, "write a time zone, for example Asia/Tokyo")
    try:
        zone(text)
    except NoZone:
        raise refuse("which is no time zone; write for example Asia/Tokyo") from None
    return text


class OneOrMore:
    """A list of groups of keys or of texts; a single one may stand without the list."""

    def __get_pydantic_core_schema__(self, kind: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(_listed, handler(kind))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        several = handler(schema)
        return {"anyOf": [several, several["items"]]}


def _listed(value: object) -> object:
    return value if isinstance(value, list) else [value]


class OrText:
    """Texts by key; a text alone stands for the one of this key."""

    def __init__(self, key: str, example: str) -> None:
        self._key = key
        self._how = f"write text, for example {json.dumps(example, ensure_ascii=False)}"

    def __get_pydantic_core_schema__(self, kind: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._keyed, handler(kind))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"anyOf": [handler(schema), {"type": "string"}]}

    def _keyed(self, value: object) -> object:
        if not isinstance(value, str | dict):
            raise refuse(self._how)
        return {self._key: value} if isinstance(value, str) else value


# No key of a file: as "[key]" does, it stands in the way to a value that is gathered under it.
GATHERED = "[languages]"


class Gathered:
    """A group whose keys are settings and languages; what languages say is gathered under one key.

    Editors are told of the `known` languages by name.
    """

    def __init__(self, known: tuple[str, ...]) -> None:
        self._known = known

    def __get_pydantic_core_schema__(self, kind: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(_gathered, handler(kind))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        node = handler(schema)
        group = handler.resolve_ref_schema(node)
        gathered = group["properties"].pop(GATHERED)
        words = gathered["patternProperties"][LANGUAGE]
        its = dict(words)
        if "description" in gathered:
            its["description"] = gathered["description"]
        group["properties"] |= dict.fromkeys(self._known, its)
        group["patternProperties"] = {LANGUAGE: its}
        return node


def _gathered(value: object) -> object:
    if not isinstance(value, dict):
        return value
    languages = {key for key in value if re.fullmatch(r"[A-Za-z]{2,3}(?:-.*)?", key)}
    others = {key: its for key, its in value.items() if key not in languages}
    if GATHERED in others:
        raise refuse(f"{GATHERED} is no key of it; write ja: or en:")
    return {**others, GATHERED: {key: value[key] for key in value if key in languages}}


# YAML reads 1.2 as a number.
UNQUOTED = BeforeValidator(lambda value: str(value) if isinstance(value, float) else value)


def _string(pattern: str | None = None, **more: Any) -> Schema:
    return Schema({"type": "string", **({"pattern": pattern} if pattern else {}), **more})


LANGUAGE = "^[a-z]{2,3}$"
COMPANY_ID = "^[a-z0-9-]{1,32}$"
RULE_NAME = "^[a-z0-9][a-z0-9_-]{0,63}$"
VARIABLE = "^[A-Za-z_][A-Za-z0-9_]*$"
OWN_NAME = r"^[^\s{}!-~]{1,5}$"
FIELD_NAME = "^[Xx]-[A-Za-z0-9-]{1,60}$"
MARKER = r"^\S(?:\S|\S.*\S)\S$"
TOP_LEVEL = "^[a-z]{2,63}$"
FORMS = {
    LANGUAGE: "a language is written in two or three small letters, for example ja",
    COMPANY_ID: "write 1 to 32 small letters, digits and hyphens, for example acme",
    RULE_NAME: "write small letters, digits and hyphens, for example see-off-hiring",
    FIELD_NAME: "write a field name that begins with X-, for example X-Relay-Key",
    MARKER: "write three signs or more that stand in no letter otherwise, for example [[no-relay]]",
    TOP_LEVEL: "write the last label of a domain in small letters, for example de",
    OWN_NAME: "write one to five full-width signs, for example 当社",
    VARIABLE: "write the name of an environment variable, for example ACME_SECRET",
}

Text = StrictStr
TopLevel = Annotated[StrictStr, Field(pattern=TOP_LEVEL)]
Day = Annotated[date, BeforeValidator(_day), Schema({"type": "string", "format": "date"})]
Switch = StrictBool
Count = Annotated[StrictInt, Field(ge=1, le=1_000_000)]
Seconds = Annotated[StrictFloat, Field(gt=0, le=3600, allow_inf_nan=False)]
Weight = Annotated[StrictFloat, Field(ge=-1000, le=1000, allow_inf_nan=False)]
Address = Annotated[str, BeforeValidator(_address), _string(r"^.+:[0-9]{1,5}$")]
Network = Annotated[IPNetwork, BeforeValidator(_network), _string()]
Port = Annotated[int, BeforeValidator(_port), Schema({"type": "integer", "maximum": 65535})]
Host = Annotated[str, BeforeValidator(_host), _string()]
Domain = Annotated[str, BeforeValidator(_domain), _string(r"^[A-Za-z0-9.-]+$")]
Mailbox = Annotated[str, BeforeValidator(_mailbox), _string(r"^[^\s<>]+@[A-Za-z0-9.-]+$")]
Link = Annotated[str, BeforeValidator(_link), _string(_LINK_FORM)]
Ledger = Annotated[
    str, BeforeValidator(_ledger), _string(r"^(sqlite:|rediss?(\+(sentinel|cluster))?://).+$")
]
Timezone = Annotated[str, BeforeValidator(_timezone), _string(r"^[A-Za-z0-9/_+-]+$")]
Location = Annotated[Path, BeforeValidator(_path), _string()]
Size = Annotated[
    int,
    BeforeValidator(_size),
    Schema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1024},
                {"type": "string", "pattern": "^[0-9]+ ?(B|kB|MB|KiB|MiB|GiB)?$"},
            ]
        }
    ),
]
Language = Annotated[Text, Field(pattern=LANGUAGE)]
ByLanguage = dict[Language, Text]
OWN_WORDS = "転職支援サービスをご案内いたします。\n{link}\n（無料です。ご登録は任意です。）"
