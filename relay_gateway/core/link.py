"""Referrals, and the signed tokens that carry them in a link.

Everything here is computed from the mail and the company's keys: nothing is allocated, so a retried
mail is the same referral on any gateway, and nobody's address is kept.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass

# Crockford's base32: no I, L, O or U, so that a link can be read aloud and typed from paper.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
ID_LENGTH = 16
MAC_LENGTH = 8

_READ = {**{letter: letter for letter in ALPHABET}, "O": "0", "I": "1", "L": "1"}
_READ |= {letter.lower(): meant for letter, meant in _READ.items()}

# One mailbox under two names, and dots in its local part mean nothing there.
_GMAIL = ("gmail.com", "googlemail.com")


class BadToken(Exception):
    """The text is no token of this company."""


@dataclass(frozen=True, slots=True)
class Referral:
    """The fact that `tenant` pointed `person` to CareerRelay in one mail.

    `id` is 16 characters of Crockford base32 (80 bits); `person` is a keyed hash, never an address.
    """

    id: str
    tenant: str
    person: str


def refer(tenant: str, mail_id: bytes, recipient: bytes, keys: tuple[bytes, ...]) -> Referral:
    """The same mail to the same person makes the same referral, however often it is retried."""
    # The last key is the oldest one kept: a new key in front makes no new persons, and a retry
    # after the rotation is still the same referral.
    naming = keys[-1]
    address = normal_address(recipient)
    id_ = _text(seal(naming, "referral", tenant.encode(), mail_id, address), ID_LENGTH)
    return Referral(id_, tenant, _person(tenant, address, naming))


def persons(tenant: str, address: bytes, keys: tuple[bytes, ...]) -> tuple[str, ...]:
    """What somebody with this address may be called in the ledger, the usual name first."""
    normal = normal_address(address)
    return tuple(dict.fromkeys(_person(tenant, normal, key) for key in reversed(keys)))


def is_person(text: str) -> bool:
    """Whether this may be what somebody is called in the ledger."""
    return len(text) == ID_LENGTH and all(letter in ALPHABET for letter in text)


def token(referral: Referral, keys: tuple[bytes, ...]) -> str:
    """The referral as 24 characters for a link, signed with the first key."""
    return referral.id + _signature(referral.id, referral.tenant, keys[0])


def open_token(text: str, tenant: str, keys: tuple[bytes, ...]) -> str:
    """The id of the referral in a token signed with any of the keys; else `BadToken`.

    Reading forgives lower case and Crockford's aliases (o for 0, i and l for 1), nothing more.
    """
    if len(text) != ID_LENGTH + MAC_LENGTH or not all(letter in _READ for letter in text):
        raise BadToken("not a token")
    read = "".join(_READ[letter] for letter in text)
    id_, mac = read[:ID_LENGTH], read[ID_LENGTH:]
    # All keys are tried, so that the time taken does not tell which one fits.
    fits = [hmac.compare_digest(mac, _signature(id_, tenant, key)) for key in keys]
    if not any(fits):
        raise BadToken("not signed by this company")
    return id_


def url(base: str, token: str) -> str:
    """The link for a token: in the path, because mail clients cut known query parameters."""
    return f"{base.rstrip('/')}/{token}"


def normal_address(address: bytes) -> bytes:
    """One spelling for all spellings of a mailbox that reach the same person."""
    text = address.decode("utf-8", "surrogateescape")
    local, at, domain = text.rpartition("@")
    if not at:
        return text.lower().encode("utf-8", "surrogateescape")
    domain = _normal_domain(domain)
    local = _unquoted(local).lower()
    # A local part that is all tag stays whole: "+a" and "+b" are two people.
    local = local.partition("+")[0] or local
    if domain in _GMAIL:
        local, domain = local.replace(".", "") or local, _GMAIL[0]
    return f"{local}@{domain}".encode("utf-8", "surrogateescape")


def seal(key: bytes, purpose: str, *parts: bytes) -> bytes:
    """HMAC-SHA-256 over a purpose and parts, lengths included, so that no two lists agree."""
    framed = [b"%d:%s" % (len(part), part) for part in (purpose.encode(), *parts)]
    return hmac.digest(key, b"".join(framed), "sha256")


def _person(tenant: str, address: bytes, key: bytes) -> str:
    return _text(seal(key, "person", tenant.encode(), address), ID_LENGTH)


def _signature(id_: str, tenant: str, key: bytes) -> str:
    # Over the text as it stands in the link, not over what it decodes to: no second spelling fits.
    return _text(seal(key, "token", tenant.encode(), id_.encode()), MAC_LENGTH)


def _text(digest: bytes, length: int) -> str:
    number = int.from_bytes(digest, "big") >> (len(digest) * 8 - length * 5)
    return "".join(ALPHABET[number >> shift & 31] for shift in range(length * 5 - 5, -1, -5))


def _normal_domain(domain: str) -> str:
    domain = domain.lower().rstrip(".")
    # RFC 1035, 2.3.4: no name is longer; the codec's time grows with the square of the length.
    if domain.isascii() or len(domain) > 255:
        return domain
    try:
        return domain.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return domain


def _unquoted(local: str) -> str:
    """RFC 5321, 4.1.2: a quoted local part is the same mailbox as the bare one."""
    if len(local) < 2 or not local.startswith('"') or not local.endswith('"'):
        return local
    pieces = iter(local[1:-1])
    return "".join(next(pieces, "") if piece == "\\" else piece for piece in pieces)
