"""However many patterns there are, none that matches is left out."""

from functools import cache

from hypothesis import given
from hypothesis import strategies as st

from relay_gateway.core.sieve import Sieve

# More words than RE2 has room for in one filter.
MANY = [
    "|".join(
        "".join(chr(0x4E00 + (word * 7919 * sign) % 0x5000) for sign in range(1, 7)) for word in row
    )
    for row in (range(40 * number + 1, 40 * number + 41) for number in range(200))
]


@cache
def crowd() -> Sieve:
    return Sieve(MANY)


def test_a_sieve_of_nothing_lets_nothing_through() -> None:
    assert Sieve([]).sift(b"a") == frozenset()


@given(st.lists(st.integers(0, 199), max_size=5, unique=True))
def test_a_crowd_of_patterns_is_told_apart(numbers: list[int]) -> None:
    text = " ".join(MANY[number].partition("|")[0] for number in numbers)
    assert crowd().sift(text.encode()) == set(numbers)


def test_a_pattern_without_a_literal_may_always_match() -> None:
    sieve = Sieve(["zebra", "abacus", r"\w+"])
    assert sieve.sift(b"an abacus") == frozenset({1, 2})
    assert sieve.sift(b"a") == frozenset({2})
