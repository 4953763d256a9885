"""Who was is forgotten when it is time, and no number changes by it."""

from hypothesis import given
from hypothesis import strategies as st

from relay_gateway.core.account import state
from relay_gateway.core.chain import START, broken, entry, forgotten
from relay_gateway.core.credit import Basis, Kind, Terms, told
from relay_gateway.core.funnel import funnel
from relay_gateway.core.people import people
from relay_gateway.core.retention import about, overdue
from tests.stories import DAY, accepted, event, events, referred

terms = st.builds(Terms, st.sampled_from(Basis), st.integers(1, 3), st.integers(1, 9))


def chained(events):
    """The events as a ledger keeps them."""
    entries, last = [], START
    for each in events:
        entries.append(entry(each, "salt", last))
        last = entries[-1].digest
    return entries


def purged(entries, before):
    """The ledger after all who are overdue were forgotten."""
    aliases = {name: f"alias {at}" for at, name in enumerate(overdue(entries, before))}
    return [
        forgotten(each, aliases[each.event.person]) if each.event.person in aliases else each
        for each in entries
    ]


@given(events, terms, st.integers(0, 31))
def test_a_purge_changes_no_number(story, terms, day):
    kept = chained(told(story))
    left = purged(kept, day * DAY)
    before, after = ([each.event for each in entries] for entries in (kept, left))
    assert state(after, terms) == state(before, terms)
    assert funnel(after, terms) == funnel(before, terms)
    assert people(after, terms).uncounted == people(before, terms).uncounted
    assert broken(left) is None


@given(events, st.integers(0, 31))
def test_who_is_forgotten_is_not_overdue_again(story, day):
    left = purged(chained(told(story)), day * DAY)
    assert overdue(left, day * DAY) == ()


def test_only_those_are_overdue_who_were_not_heard_of_since():
    story = [*referred(1, 1), *referred(2, 1), event(Kind.REGISTERED, "R2", "", 9), *referred(3, 9)]
    assert overdue(chained(story), 5 * DAY) == ("P1",)


def test_who_writes_again_after_the_window_counts_anew_forgotten_or_not():
    first, again = accepted(1, 0, "kim"), accepted(2, 500, "kim")
    left = [each.event for each in purged(chained([first]), 400 * DAY)]
    assert state([*left, again], Terms()) == state([first, again], Terms())


def test_what_is_known_of_somebody_holds_what_names_the_referral_alone():
    registered = event(Kind.REGISTERED, "R1", "", 3)
    resumed = event(Kind.RESUMED, day=4, id="1")
    story = [*referred(1), registered, *referred(2), resumed]
    assert set(about(story, ("P1",))) == {*referred(1), registered}
