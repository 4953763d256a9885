"""Nothing that somebody else has written speaks to a terminal."""

from hypothesis import given
from hypothesis import strategies as st

from relay_gateway.core.printable import printable


@given(st.text())
def test_printable_text_is_printable(text):
    assert printable(text).isprintable()
    assert printable(printable(text)) == printable(text)
