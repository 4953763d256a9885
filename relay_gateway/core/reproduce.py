"""A fault of ours, shown by a mail of which only the structure is left."""

from __future__ import annotations

from dataclasses import replace

from relay_gateway.core.decision import Decision, Policy, decide
from relay_gateway.core.edit import Edit
from relay_gateway.core.envelope import Envelope
from relay_gateway.core.reason import Reason
from relay_gateway.core.redact import redact

FAULTS = frozenset((Reason.VERIFY_FAILED, Reason.OUR_FAULT))


def reproduce(envelope: Envelope, raw: bytes, policy: Policy) -> Decision:
    """The decision on the redacted mail, whose one edit is the redaction; without an edit where the
    redacted mail does not show the fault that the mail shows.

    Where masked addresses stand in the way of judging, the mail is forced, as `rewrite --force` is.
    """
    fault = _shown(envelope, raw, policy)
    if fault.reason not in FAULTS:
        return replace(fault, edits=())
    masked = redact(raw, policy.rules)
    for way in (policy, replace(policy, is_forced=True)):
        again = _shown(envelope, masked, way)
        if _same(again) == _same(fault):
            return replace(again, edits=(Edit(0, len(raw), masked),))
    return Decision(again.reason, again.tenant)


def _shown(envelope: Envelope, raw: bytes, policy: Policy) -> Decision:
    try:
        return decide(envelope, raw, policy)
    except Exception as fault:  # noqa: BLE001 - it is what is looked for
        return Decision(Reason.OUR_FAULT, detail=type(fault).__name__)


def _same(decision: Decision) -> tuple[Reason, str]:
    # Behind the colon stand sizes and places, and a masked word may be looked for elsewhere.
    return decision.reason, decision.detail.partition(":")[0]
