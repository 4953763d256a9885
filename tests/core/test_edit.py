"""Promises of edits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay_gateway.core.edit import Edit, apply

HURTFUL = st.lists(st.sampled_from(b"\r\n\t =.-a\x00\xff"), max_size=20).map(bytes)


@given(st.lists(st.tuples(HURTFUL, HURTFUL, HURTFUL), max_size=5), HURTFUL, st.randoms())
def test_bytes_outside_the_edits_never_change(pieces, rest, order):
    raw, edits = b"", []
    for kept, old, new in pieces:
        raw += kept + b"|" + old
        edits.append(Edit(len(raw) - len(old), len(raw), new))
    expected = b"".join(kept + b"|" + new for kept, _, new in pieces) + rest
    order.shuffle(edits)
    assert apply(raw + rest, tuple(edits)) == expected


@pytest.mark.parametrize(
    "edits",
    [
        (Edit(0, 3, b""), Edit(2, 4, b"")),
        (Edit(2, 1, b""),),
        (Edit(-1, 1, b""),),
        (Edit(4, 7, b""),),
    ],
)
def test_edits_that_overlap_or_leave_the_mail_are_refused(edits):
    with pytest.raises(ValueError, match="overlap"):
        apply(b"abcdef", edits)
