"""The vetoes that need no reading of the text: who sends what kind of mail to whom."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.utils import getaddresses
from functools import lru_cache

from relay_gateway.core import link, trace
from relay_gateway.core.envelope import Envelope, domain_of
from relay_gateway.core.message import Message, Part, Unfit
from relay_gateway.core.reason import Reason
from relay_gateway.core.tenant import Mode, Tenant


def veto(
    envelope: Envelope, message: Message, tenant: Tenant, *, is_forced: bool = False
) -> Reason | None:
    """The first reason to leave this mail alone whatever its words say, cheapest first.

    A forced mail is asked only whether its bytes may be changed at all.
    """
    if is_forced:
        return _by_trace(message, tenant) or _by_kind(message)
    checks = (
        _by_tenant(tenant),
        _by_recipients(envelope, message, tenant),
        _by_trace(message, tenant),
        _by_kind(message),
        _by_header(envelope, message, tenant),
    )
    return next((reason for reason in checks if reason is not None), None)


def is_test(envelope: Envelope, tenant: Tenant) -> bool:
    """Whether all whom the mail reaches outside, or if nobody then all, try the gateway out."""
    reached = outsiders(envelope, tenant) or envelope.recipients
    return all(_is_tester(rcpt, tenant) for rcpt in reached)


def people(envelope: Envelope, tenant: Tenant, *, has_link: bool) -> tuple[bytes, ...]:
    """The recipients who may get a link: those outside whom nothing speaks against. A person with
    several addresses gets it at the first, for a referral is of one mail to one person.

    Where the letter `has_link` of any kind already, carriers that may refuse it have nothing new.
    """
    found: dict[bytes, bytes] = {}
    for rcpt in outsiders(envelope, tenant):
        is_carried = has_link or domain_of(rcpt) not in tenant.scope.carriers
        if is_carried and _unwanted(rcpt, tenant) is None:
            found.setdefault(link.normal_address(rcpt), rcpt)
    return tuple(found.values())


def outsiders(envelope: Envelope, tenant: Tenant) -> tuple[bytes, ...]:
    """The recipients outside the company."""
    inside = tenant.internal_domains | tenant.domains
    return tuple(rcpt for rcpt in envelope.recipients if domain_of(rcpt) not in inside)


def mail_id(message: Message) -> bytes:
    """What tells this mail from any other, the same on every retry: its Message-ID.

    Without one, what the writer's client wrote stands in: the fields that no relay adds, and the
    whole body.
    """
    given = message.value("message-id")
    if given:
        return given
    fields = (message.value(name) for name in ("from", "to", "date", "subject"))
    start = message.fields[-1].span.end if message.fields else 0
    return b"\0".join([*fields, message.raw[start:]])


def _by_tenant(tenant: Tenant) -> Reason | None:
    return Reason.PAUSED if tenant.mode is Mode.PAUSED else None


def _by_recipients(envelope: Envelope, message: Message, tenant: Tenant) -> Reason | None:
    if is_test(envelope, tenant):
        return None
    reached = outsiders(envelope, tenant)
    if not reached:
        return Reason.INTERNAL
    shown = len(_visible(message, tenant))
    if shown > 1 or (shown and len(reached) > 1):
        return Reason.SEVERAL_RECIPIENTS
    if len(reached) > max(1, tenant.max_split):
        return Reason.MANY_HIDDEN
    found = [_unwanted(each, tenant) for each in reached]
    return None if None in found else found[0]


def _unwanted(recipient: bytes, tenant: Tenant) -> Reason | None:
    """Why the company does not want to reach somebody with a link that counts, if so."""
    if _is_tester(recipient, tenant):
        return Reason.TEST_RECIPIENT
    domain = domain_of(recipient)
    if domain in tenant.scope.agencies:
        return Reason.AGENCY
    last = domain.rpartition(".")[2]
    if _COUNTRIES.get(last, last) in tenant.scope.skip_tlds:
        return Reason.REGION
    return Reason.SUPPRESSED if _is_suppressed(recipient, tenant) else None


# Countries whose names have two spellings in the root zone, and those as they go over the wire
# (IANA, Root Zone Database).
_COUNTRIES = {
    **dict.fromkeys(("한국", "xn--3e0b707e"), "kr"),
    **dict.fromkeys(("中国", "xn--fiqs8s", "中國", "xn--fiqz9s"), "cn"),
    **dict.fromkeys(("ею", "xn--e1a4c", "ευ", "xn--qxa6a"), "eu"),
}


def _is_tester(recipient: bytes, tenant: Tenant) -> bool:
    return recipient.decode("utf-8", "replace").lower() in tenant.scope.test_recipients


@lru_cache(maxsize=100)
def _mailboxes(addresses: frozenset[str]) -> frozenset[bytes]:
    return frozenset(link.normal_address(address.encode()) for address in addresses)


def _is_suppressed(recipient: bytes, tenant: Tenant) -> bool:
    if link.normal_address(recipient) in _mailboxes(tenant.scope.suppress):
        return True
    keyed = tenant.scope.suppressed
    return bool(keyed) and not keyed.isdisjoint(link.persons(tenant.id, recipient, tenant.keys))


# Python's parser of addresses takes a second for 100 KB of commas. One address takes 320 octets and
# a name in front of it some hundred.
_LONGEST = 8 * 1024


def _visible(message: Message, tenant: Tenant) -> set[str]:
    """The addresses outside the company that every recipient can see."""
    values = [*message.values("to"), *message.values("cc")]
    if sum(map(len, values)) > _LONGEST:
        raise Unfit("more addresses than a letter has")
    try:
        shown = getaddresses([value.decode("utf-8", "replace") for value in values])
    except RecursionError as deep:
        raise Unfit("an address field nested too deep") from deep
    inside = tenant.internal_domains | tenant.domains
    addresses = {address.lower() for _, address in shown if "@" in address}
    return {address for address in addresses if domain_of(address.encode()) not in inside}


def _by_trace(message: Message, tenant: Tenant) -> Reason | None:
    marks = message.values("x-relay-trace")
    is_ours = bool(marks) and trace.is_marked(marks, mail_id(message), tenant.keys)
    return Reason.OWN_TRACE if is_ours else None


_ENCRYPTED = frozenset(
    (
        "multipart/encrypted",
        "application/pgp-encrypted",
        "application/x-microsoft-rpmsg-message",
        "application/ms-tnef",
        "application/vnd.ms-tnef",
    )
)
_SMIME = re.compile(r"application/(?:x-)?pkcs7-(?:mime|signature)")
_REPORTS = frozenset(
    ("message/delivery-status", "message/disposition-notification", "message/feedback-report")
)
_PGP = re.compile(rb"(?m)^-----BEGIN PGP (?:SIGNED |)MESSAGE")


def _by_kind(message: Message) -> Reason | None:
    """Mail whose bytes are sealed, or that no person wrote as a letter."""
    kinds = set(_kinds(message))
    if "multipart/signed" in kinds or any("pkcs7-signature" in kind for kind in kinds):
        return Reason.SIGNED
    if kinds & _ENCRYPTED or any(map(_is_smime, message.parts)) or _has_pgp(message.raw):
        return Reason.ENCRYPTED
    if "multipart/report" in kinds or kinds & _REPORTS:
        return Reason.REPORT
    return Reason.CALENDAR if "text/calendar" in kinds else None


def _has_pgp(raw: bytes) -> bool:
    # Looking for the words first is twenty times as fast as for the beginnings of lines.
    return b"-----BEGIN PGP " in raw and _PGP.search(raw) is not None


def _kinds(message: Message) -> Iterator[str]:
    yield message.media_type
    for part in message.parts:
        yield part.media_type
        yield from (box.media_type for box in part.inside)


def _is_smime(part: Part) -> bool:
    is_named = part.filename.lower().endswith((".p7m", ".rpmsg"))
    return is_named or _SMIME.match(part.media_type) is not None


_LIST_FIELDS = ("list-id", "list-post", "list-unsubscribe", "list-help", "mailing-list")
_AUTO_FIELDS = ("x-autoreply", "x-autorespond", "x-auto-response-suppress")


def _by_header(envelope: Envelope, message: Message, tenant: Tenant) -> Reason | None:
    auto = message.value("auto-submitted").lower()
    if auto.startswith((b"auto-replied", b"auto-notified")) or _has_any(message, _AUTO_FIELDS):
        return Reason.AUTO_REPLY
    if envelope.sender.decode("utf-8", "replace").lower() in tenant.scope.bulk_senders:
        return None
    precedence = message.value("precedence").lower()
    if precedence == b"list" or _has_any(message, _LIST_FIELDS):
        return Reason.LIST
    if precedence in (b"bulk", b"junk"):
        return Reason.BULK
    return Reason.DKIM_SIGNED if _is_sealed_by_dkim(message, tenant) else None


def _is_sealed_by_dkim(message: Message, tenant: Tenant) -> bool:
    return not tenant.scope.rewrites_dkim and _has_any(message, ("dkim-signature",))


def _has_any(message: Message, names: tuple[str, ...]) -> bool:
    return any(field.name in names for field in message.fields)
