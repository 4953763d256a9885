"""What happened to a company's referrals, told in a line each; days are counted from day 0."""

from __future__ import annotations

from hypothesis import strategies as st

from relay_gateway.core.credit import REPEATABLE, Event, Kind

DAY = 86_400.0


def event(kind, referral="", person="", day=0.0, **facts):
    """Anything that may happen to acme."""
    told = tuple(sorted((name, str(value)) for name, value in facts.items()))
    return Event(kind, "acme", referral, person, day * DAY, told)


def accepted(number, day=0.0, person=""):
    """The next hop took the mail of referral Rn to person Pn, or to somebody who is named."""
    return event(Kind.ACCEPTED, f"R{number}", person or f"P{number}", day)


def referred(number, day=0.0, person=""):
    """A referral offered and accepted at once."""
    offered = event(Kind.OFFERED, f"R{number}", person or f"P{number}", day)
    return [offered, accepted(number, day, person)]


def crowd(people, first=0, day=0.0):
    """So many persons accepted, one a day."""
    return [accepted(number, day + number) for number in range(first, first + people)]


def voided(number, day, reason="manual"):
    """A referral taken back."""
    return event(Kind.VOIDED, f"R{number}", "", day, reason=reason, by="Sato")


def bounced(number, day):
    """A letter that did not arrive."""
    return event(Kind.BOUNCED, f"R{number}", "", day)


def redeemed(n, day, id_="1"):
    """Credits that were used."""
    return event(Kind.REDEEMED, day=day, n=n, by="Sato", id=id_)


def adjusted(n, day, id_="1"):
    """Credits given or taken by hand."""
    return event(Kind.ADJUSTED, day=day, n=n, by="Sato", why="agreed", id=id_)


@st.composite
def _any_event(draw):
    kind = draw(st.sampled_from(Kind))
    facts = {"n": draw(st.integers(-2, 3)), "id": draw(st.sampled_from("12"))}
    told = facts if kind in REPEATABLE else {}
    is_account = kind in (Kind.GRANTED, Kind.REDEEMED, Kind.ADJUSTED, Kind.HALTED, Kind.RESUMED)
    referral = "" if is_account else draw(st.sampled_from("ABCDEFGH"))
    # A person has several referrals, and a referral one person; some tellings do not know whom.
    person = draw(st.sampled_from(("", "pqr"[ord(referral) % 3]))) if referral else ""
    return event(kind, referral, person, draw(st.integers(0, 30)), **told)


events = st.lists(_any_event(), max_size=25)


@st.composite
def tellings(draw):
    """The same events twice: once each, and shuffled with repetitions."""
    told = draw(events)
    again = told + draw(st.lists(st.sampled_from(told), max_size=9) if told else st.just([]))
    return told, draw(st.permutations(again))
