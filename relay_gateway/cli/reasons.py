"""Each reason in a sentence, and what a letter lacked to be taken for a rejection."""

from __future__ import annotations

from collections.abc import Iterator

from relay_gateway.core.judge import Finding, Verdict
from relay_gateway.core.reason import Reason
from relay_gateway.core.rules import Role

SENTENCES = {
    Reason.REJECTION: "It is a rejection and gets the company's link.",
    Reason.UPGRADED_LINK: "The CareerRelay link that stands in it becomes the tracked one.",
    Reason.MONITOR: "The company is only watched: it would get the link in mode live.",
    Reason.NO_REJECTION: "Its words do not say that an applicant is turned down.",
    Reason.PROBABLE: "It sounds like a rejection, but no sentence says so clearly.",
    Reason.VETO: "Something in it speaks against touching it, whatever else it says.",
    Reason.LANGUAGE_OFF: "It is a rejection in a language that the company has not switched on.",
    Reason.SEGMENT_OFF: "It is a rejection for a kind of hiring that the company has left out.",
    Reason.NO_RELAY: "HR has exempted it by a marker, which is taken out.",
    Reason.UNFILLED: "A gap of its template has not been filled.",
    Reason.LINKED_ALREADY: "It carries a tracked link of the company already.",
    Reason.NO_COMPANY: "Its sender belongs to no company.",
    Reason.NO_PROOF: "Nothing shows that the company of its sender has sent it.",
    Reason.PAUSED: "The company is paused.",
    Reason.NOT_YET: "The day on which the company's links begin is still to come.",
    Reason.INTERNAL: "It goes to nobody outside the company.",
    Reason.SEVERAL_RECIPIENTS: "It goes to more than one person outside the company.",
    Reason.AGENCY: "It goes to a recruiting agency, not to the candidate.",
    Reason.SUPPRESSED: "Its recipient has asked not to be sent the offer.",
    Reason.REGION: "It goes to a country where the offer may count as advertising.",
    Reason.CARRIER_URL: "Its recipient's carrier may refuse it for a URL, and it holds none yet.",
    Reason.TEST_RECIPIENT: "It goes to a test recipient: it gets the link, and is not counted.",
    Reason.OWN_TRACE: "The gateway has seen it before and added its link then.",
    Reason.LIST: "It is a mailing list's.",
    Reason.BULK: "It is sent in bulk.",
    Reason.AUTO_REPLY: "It is an automatic reply.",
    Reason.DKIM_SIGNED: "It is signed with DKIM, and a change would break the signature.",
    Reason.REPORT: "It is a report of a mail system.",
    Reason.CALENDAR: "It is an invitation for a calendar.",
    Reason.SIGNED: "It is signed, and a change would break the signature.",
    Reason.ENCRYPTED: "It is encrypted.",
    Reason.TOO_LARGE: "It is too large to be a letter of rejection.",
    Reason.NO_TEXT: "It has no text of the writer's own.",
    Reason.UNREADABLE: "It cannot be taken apart safely.",
    Reason.UNFIT: "It cannot be changed without touching what is not ours.",
    Reason.VERIFY_FAILED: "The changed mail did not pass the proof that only the block is new.",
    Reason.OUR_FAULT: "The gateway failed on it; please report the mail.",
    Reason.OUT_OF_TIME: "The gateway took too long over it.",
    Reason.LEDGER_DOWN: "The ledger could not be reached.",
}

FORCED = "It is taken for a rejection because of --force."

_ROLES = {
    Role.DECISION: "a sentence that says the decision",
    Role.CONTEXT: "a sign that it is about a job",
    Role.ADDRESSEE: "a sign that its reader is the applicant",
}


def missing(verdict: Verdict | None) -> tuple[str, ...]:
    """What would have made it a rejection; nothing where it is one or was never read."""
    if verdict is None or verdict.finding is Finding.INSERT:
        return ()
    # Without a decision the rest of the letter is not looked at.
    return tuple(_missing(verdict)) if verdict.hits else (_ROLES[Role.DECISION],)


def _missing(verdict: Verdict) -> Iterator[str]:
    spoken = {hit.role for hit in verdict.hits if not hit.is_shadow}
    yield from (words for role, words in _ROLES.items() if role not in spoken)
    if verdict.score < verdict.threshold:
        yield f"{verdict.threshold - verdict.score:g} more of score"
