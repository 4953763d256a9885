"""In how many transactions a mail leaves, and what its client hears of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from relay_gateway.core.decision import Decision
from relay_gateway.core.edit import Edit
from relay_gateway.core.envelope import Envelope
from relay_gateway.core.link import Referral
from relay_gateway.core.reason import Reason
from relay_gateway.core.reply import DELIVERED_BEFORE, Reply


@dataclass(frozen=True, slots=True)
class Parcel:
    """What some of the recipients get, in a transaction of their own unless it is for all."""

    recipients: tuple[bytes, ...]
    edits: tuple[Edit, ...]
    referral: Referral | None = None


def parcels(
    envelope: Envelope, decision: Decision, promised: AbstractSet[str], reached: AbstractSet[str]
) -> tuple[Parcel, ...]:
    """One parcel, or one for each hidden recipient and one for the rest.

    `promised` are the referrals that the ledger knows of; without its promise a recipient is of the
    rest. Whom the client's last attempt has `reached` gets nothing again.
    """
    if not decision.copies:
        return (Parcel(envelope.recipients, decision.edits, decision.referral),)
    own, served = [], set()
    for copy in decision.copies:
        if copy.referral.id in promised and copy.referral.id not in reached:
            own.append(Parcel((copy.recipient,), copy.edits, copy.referral))
        if copy.referral.id in promised | reached:
            served.add(copy.recipient)
    rest = tuple(rcpt for rcpt in envelope.recipients if rcpt not in served)
    # Last, for nobody notes that it has left.
    return (*own, *([Parcel(rest, decision.edits)] if rest else []))


def fitting(decision: Decision, size: int, limit: int) -> Decision:
    """The decision, unless a mail of this size would grow over what the next hop takes; no limit
    is 0.
    """
    grown = max(map(_growth, (decision.edits, *(copy.edits for copy in decision.copies))))
    if not grown or not limit or size + grown + _ON_TOP <= limit:
        return decision
    return decision.left(Reason.TOO_LARGE, "the next hop takes no larger mail")


# More than our own `Received:` field takes.
_ON_TOP = 1000


def _growth(edits: tuple[Edit, ...]) -> int:
    return sum(len(edit.new) - (edit.end - edit.start) for edit in edits)


def answer(replies: Sequence[Reply]) -> Reply:
    """What the client hears: that all is taken, or else to send again, or else that it is refused.

    SMTP has one reply for all recipients of a mail (RFC 5321, 3.3).
    """
    if not replies:
        return DELIVERED_BEFORE
    refusals = [reply for reply in replies if not reply.is_ok]
    temporary = [reply for reply in refusals if reply.code < 500]
    return (*temporary, *refusals, replies[-1])[0]
