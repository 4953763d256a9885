"""Whoever alters what a ledger has kept breaks its chain; who forgets a person does not."""

from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st

from relay_gateway.core import chain
from relay_gateway.core.chain import START, Entry, Head
from relay_gateway.core.credit import Event, Kind

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
FACTS = st.dictionaries(TEXTS, TEXTS, max_size=2).map(lambda facts: tuple(sorted(facts.items())))
EVENTS = st.builds(
    Event,
    st.sampled_from(Kind),
    st.just("acme"),
    TEXTS,
    TEXTS,
    st.floats(allow_nan=False, allow_infinity=False),
    FACTS,
)


def chained(events: list[Event], previous: str = START) -> list[Entry]:
    entries: list[Entry] = []
    for number, event in enumerate(events):
        entries.append(chain.entry(event, f"{number:032x}", previous))
        previous = entries[-1].digest
    return entries


CHAINS = st.lists(EVENTS, min_size=1, max_size=6).map(chained)


@given(CHAINS)
def test_what_was_kept_in_order_is_whole(entries):
    assert chain.broken(entries) is None
    assert chain.head(entries) == Head(entries[-1].digest, len(entries))


@given(CHAINS, st.data())
def test_an_altered_event_breaks_it_there(entries, data):
    at = data.draw(st.integers(0, len(entries) - 1))
    other = data.draw(EVENTS)
    name = data.draw(st.sampled_from(["kind", "tenant", "referral", "person", "at", "facts"]))
    value = "other" if name == "tenant" else getattr(other, name)
    assume(value != getattr(entries[at].event, name))
    event = replace(entries[at].event, **{name: value})
    entries[at] = replace(entries[at], event=event)
    assert chain.broken(entries) == at


@given(CHAINS, st.data())
def test_an_altered_salt_veil_or_digest_breaks_it_there(entries, data):
    at = data.draw(st.integers(0, len(entries) - 1))
    name = data.draw(st.sampled_from(["salt", "veil", "digest"]))
    entries[at] = replace(entries[at], **{name: "f" * 64})
    assert chain.broken(entries) == at


@given(CHAINS, st.data())
def test_a_dropped_entry_breaks_it_or_shows_at_the_head(entries, data):
    at = data.draw(st.integers(0, len(entries) - 1))
    head = chain.head(entries)
    del entries[at]
    assert chain.broken(entries) == (at if at < len(entries) else None)
    assert chain.head(entries) != head


@given(CHAINS, st.data())
def test_entries_in_another_order_break_it(entries, data):
    others = data.draw(st.permutations(entries))
    assume(others != entries)
    assert chain.broken(others) is not None


@given(CHAINS, EVENTS, st.data())
def test_an_entry_slipped_in_breaks_it(entries, event, data):
    at = data.draw(st.integers(0, len(entries) - 1))
    previous = entries[at - 1].digest if at else START
    entries.insert(at, chain.entry(event, "ff" * 16, previous))
    assert chain.broken(entries) == at + 1


@given(CHAINS, TEXTS, st.data())
def test_forgetting_a_person_leaves_it_whole(entries, alias, data):
    person = data.draw(st.sampled_from(entries)).event.person
    head = chain.head(entries)
    left = [
        chain.forgotten(entry, alias) if entry.event.person == person else entry
        for entry in entries
    ]
    assert chain.broken(left) is None
    assert chain.head(left) == head


@given(CHAINS, CHAINS)
def test_a_chain_goes_on_where_it_stood(entries, more):
    head = chain.head(entries)
    more = chained([entry.event for entry in more], head.digest)
    assert chain.broken(entries + more) is None
    assert chain.broken(more, head.digest) is None


def test_a_time_is_the_same_however_a_ledger_writes_it():
    one, other = (Event(Kind.ACCEPTED, "acme", "R", "P", at) for at in (0, -0.0))
    assert chain.digest(one, "veil", START) == chain.digest(other, "veil", START)


def test_nobody_is_found_behind_the_veil_without_the_salt():
    event = Event(Kind.ACCEPTED, "acme", "R", "P", 1.0)
    one, other = (chain.entry(event, salt, START) for salt in ("aa", "bb"))
    assert one.veil != other.veil
    assert "P" not in repr(replace(chain.forgotten(one, "x").event, kind=Kind.VOIDED).person)


def test_the_head_of_nothing_is_the_start():
    assert chain.head([]) == Head(START, 0)
