"""`MAIL FROM:` and `RCPT TO:` command lines: what stood between `<` and `>`, and the parameters.

RFC 5321, 4.1.2, on raw bytes. Nothing is decoded, unquoted or put in lower case: a value that was
parsed and written anew can become another person's address.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from relay_gateway.core.reply import Reply, reply


@dataclass(frozen=True, slots=True)
class Path:
    """An address exactly as it stood between `<` and `>`, and the parameters behind it."""

    address: bytes
    parameters: tuple[bytes, ...] = ()

    @property
    def is_utf8(self) -> bool:
        """Whether the transaction was opened with SMTPUTF8 (RFC 6531)."""
        return any(keyword(parameter) == b"SMTPUTF8" for parameter in self.parameters)


class BadCommand(Exception):
    """A command that is refused here; `reply` is what the client hears."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.code)
        self.reply = reply


def mail(line: bytes) -> Path:
    """The sender in a `MAIL FROM:` line without its line end; the null sender is empty."""
    address, parameters = _take_apart(line, _MAIL, "Syntax: MAIL FROM:<address>")
    path = Path(address, _parameters(parameters, _OF_MAIL))
    if address:
        _check(address, path.is_utf8, _BAD_SENDER)
    _check_ascii(path.parameters, path.is_utf8)
    return path


def rcpt(line: bytes, is_utf8: bool) -> Path:
    """The recipient in a `RCPT TO:` line without its line end."""
    address, parameters = _take_apart(line, _RCPT, "Syntax: RCPT TO:<address>")
    path = Path(address, _parameters(parameters, _OF_RCPT))
    # RFC 5321, 4.5.1: the one address that needs no domain.
    if address.lower() != b"postmaster":
        _check(address, is_utf8, _BAD_RECIPIENT)
    _check_ascii(path.parameters, is_utf8)
    return path


def keyword(parameter: bytes) -> bytes:
    """The name of a parameter, in upper case."""
    return parameter.partition(b"=")[0].upper()


_BAD_SENDER = reply(501, "5.1.7 Bad sender address")
_BAD_RECIPIENT = reply(501, "5.1.3 Bad recipient address")
_BAD_PARAMETER = reply(501, "5.5.4 Bad parameter")
_UNKNOWN_PARAMETER = reply(555, "5.5.4 Parameter not recognized")
_NEEDS_UTF8 = reply(553, "5.6.7 Only ASCII without SMTPUTF8")

# RFC 5321, 4.5.3.1: limits are what must be accepted; where possible there should be none. VERP
# and SRS senders have local parts over 64 octets, so only the sum is bounded here.
_LONGEST_ADDRESS = 1000
_LONGEST_DOMAIN = 255
_LONGEST_LABEL = 63

# Spaces behind the colon are wrong and common. They are not carried on, so they cannot hurt.
_MAIL = re.compile(rb"MAIL FROM: *(.*)", re.IGNORECASE | re.DOTALL)
_RCPT = re.compile(rb"RCPT TO: *(.*)", re.IGNORECASE | re.DOTALL)

_QUOTED = rb'"(?:[ !#-\[\]-~\x80-\xff]|\\[ -~])*"'
# Dots may stand anywhere: Japanese mobile providers gave out `a..b.@docomo.example` for years.
_UNQUOTED = rb"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\x80-\xff-]+"
_LABEL = rb"[A-Za-z0-9_\x80-\xff](?:[A-Za-z0-9_\x80-\xff-]*[A-Za-z0-9_\x80-\xff])?"
_DOMAIN = rb"(?:" + _LABEL + rb"\.)*" + _LABEL
_LITERAL = rb"\[[!-Z^-~]+\]"
# A source route (`@a,@b:c@d`) starts with @ and so is no mailbox: it would send the mail by way
# of a host that the sender names (RFC 5321, appendix C: deprecated).
_MAILBOX = rb"(?:" + _QUOTED + rb"|" + _UNQUOTED + rb")@(" + _DOMAIN + rb"|" + _LITERAL + rb")"
_ADDRESS = re.compile(_MAILBOX)
# A path is found by its own grammar, for a quoted local part may hold `>`.
_PATH = re.compile(
    rb"<(" + _MAILBOX + rb"|[Pp][Oo][Ss][Tt][Mm][Aa][Ss][Tt][Ee][Rr]|)>((?: .*)?)", re.DOTALL
)

# U+0080 to U+009F are control characters too; U+2028 and U+2029 end lines.
_CONTROL = re.compile("[\x80-\x9f\u2028\u2029]")


def _take_apart(line: bytes, command: re.Pattern[bytes], syntax: str) -> tuple[bytes, bytes]:
    said = command.fullmatch(line)
    if not said:
        raise BadCommand(reply(501, f"5.5.4 {syntax}"))
    path = _PATH.fullmatch(said[1])
    if not path:
        raise BadCommand(_BAD_SENDER if command is _MAIL else _BAD_RECIPIENT)
    return path[1], path[3]


def _check(address: bytes, is_utf8: bool, bad: Reply) -> None:
    mailbox = _ADDRESS.fullmatch(address)
    if not mailbox or len(address) > _LONGEST_ADDRESS:
        raise BadCommand(bad)
    if not address.isascii():
        _check_utf8(address, is_utf8, bad)
    domain = mailbox[1]
    if not (_is_literal(domain) if domain.startswith(b"[") else _is_domain(domain)):
        raise BadCommand(bad)


def _check_utf8(address: bytes, is_utf8: bool, bad: Reply) -> None:
    if not is_utf8:
        raise BadCommand(_NEEDS_UTF8)
    try:
        text = address.decode("utf-8")
    except UnicodeDecodeError:
        raise BadCommand(bad) from None
    if _CONTROL.search(text):
        raise BadCommand(bad)


def _is_domain(domain: bytes) -> bool:
    longest = max(len(label) for label in domain.split(b"."))
    # Beyond ASCII the length is that of the A-label, which only the name's registry can tell.
    return len(domain) <= _LONGEST_DOMAIN and (longest <= _LONGEST_LABEL or not domain.isascii())


def _is_literal(domain: bytes) -> bool:
    tag, colon, rest = domain[1:-1].partition(b":")
    if not domain.isascii():
        return False
    if colon and tag.upper() != b"IPV6":
        return bool(re.fullmatch(rb"[A-Za-z0-9-]*[A-Za-z0-9]", tag)) and bool(rest)
    try:
        if colon:
            return not ipaddress.IPv6Address(rest.decode("ascii")).scope_id
        ipaddress.IPv4Address(tag.decode("ascii"))
    except ValueError:
        return False
    return True


def _parameters(
    text: bytes, known: Mapping[bytes, Callable[[bytes | None], bool]]
) -> tuple[bytes, ...]:
    parameters = tuple(parameter for parameter in text.split(b" ") if parameter)
    seen = [keyword(parameter) for parameter in parameters]
    for parameter, name in zip(parameters, seen, strict=True):
        if not _PARAMETER.fullmatch(parameter):
            raise BadCommand(_BAD_PARAMETER)
        if name not in known:
            raise BadCommand(_UNKNOWN_PARAMETER)
        _, equals, value = parameter.partition(b"=")
        if name == b"BODY" and value.upper() == b"BINARYMIME":
            raise BadCommand(_UNKNOWN_PARAMETER)
        if not known[name](value if equals else None):
            raise BadCommand(_BAD_PARAMETER)
    if len(set(seen)) < len(seen):
        raise BadCommand(_BAD_PARAMETER)
    return parameters


def _check_ascii(parameters: tuple[bytes, ...], is_utf8: bool) -> None:
    for parameter in parameters:
        if not parameter.isascii():
            _check_utf8(parameter, is_utf8, _BAD_PARAMETER)


def _matches(pattern: bytes) -> Callable[[bytes | None], bool]:
    compiled = re.compile(pattern, re.IGNORECASE)
    return lambda value: value is not None and compiled.fullmatch(value) is not None


def _is_notify(value: bytes | None) -> bool:
    words = (value or b"").upper().split(b",")
    if words == [b"NEVER"]:
        return True
    return len(set(words)) == len(words) and set(words) <= {b"SUCCESS", b"FAILURE", b"DELAY"}


_PARAMETER = re.compile(rb"[A-Za-z0-9][A-Za-z0-9-]*(?:=[!-<>-~\x80-\xff]+)?")
# RFC 3461, 4: the digits of xtext are upper case; some writers use lower, and no harm is done.
_XTEXT = rb"(?:[!-*,-<>-~]|\+[0-9A-F]{2})"

_OF_MAIL: Mapping[bytes, Callable[[bytes | None], bool]] = {
    b"SIZE": _matches(rb"[0-9]{1,20}"),  # RFC 1870
    b"BODY": _matches(rb"7BIT|8BITMIME"),  # RFC 6152
    b"SMTPUTF8": lambda value: value is None,  # RFC 6531
    b"RET": _matches(rb"FULL|HDRS"),  # RFC 3461, 4.3
    b"ENVID": _matches(_XTEXT + rb"{1,100}"),  # RFC 3461, 4.4
    b"REQUIRETLS": lambda value: value is None,  # RFC 8689, 2
    b"AUTH": _matches(rb"<>|" + _XTEXT + rb"{1,500}"),  # RFC 4954, 5
}
_OF_RCPT: Mapping[bytes, Callable[[bytes | None], bool]] = {
    b"NOTIFY": _is_notify,  # RFC 3461, 4.1
    # RFC 3461, 4.2; RFC 6533, 3: the type `utf-8` may hold characters beyond ASCII.
    b"ORCPT": _matches(rb"[A-Z0-9-]{1,60};(?:[!-*,-<>-~\x80-\xff]|\+[0-9A-F]{2}){1,500}"),
}
