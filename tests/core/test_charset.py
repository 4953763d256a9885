"""Promises of the charsets: strict readings only, and cuts that no character notices."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay_gateway.core.charset import JIS_MS, decode, read, write
from relay_gateway.core.message import Unfit

JAPANESE = st.text(st.sampled_from("あア漢字、。ー a<>&\n\r\t"), max_size=30)
LABELS = ["utf-8", "iso-2022-jp", "shift_jis", "euc-jp"]


@given(JAPANESE, st.sampled_from(LABELS))
def test_a_text_is_read_as_it_was_written(text, label):
    found = read(text.encode(label), label)
    assert found.text == text
    assert write(text, found.codec) == text.encode(label)


@given(JAPANESE, st.integers(0, 30), st.sampled_from(LABELS))
def test_words_may_be_put_in_beside_any_ascii_character(text, index, label):
    index = min(index, len(text))
    beside = text[max(0, index - 1) : index + 1]
    if not any(char.isascii() for char in beside) and 0 < index < len(text):
        return
    found = read(text.encode(label), label)
    at = found.offset(index)
    new = found.data[:at] + write("新しい words", found.codec) + found.data[at:]
    assert decode(new, found.codec) == text[:index] + "新しい words" + text[index:]


@given(st.binary(max_size=30), st.sampled_from(["", "us-ascii", "default_charset", "hex", *LABELS]))
def test_any_bytes_under_any_label_are_read_or_unfit(data, label):
    try:
        found = read(data, label)
    except Unfit:
        return
    assert decode(data, found.codec) == found.text


@pytest.mark.parametrize("number", range(20))
@pytest.mark.parametrize("family", ["iso-8859-{}", "windows-125{}", "cp125{}"])
def test_a_label_that_names_no_charset_is_guessed(family, number):
    assert read(b"plain", family.format(number)).text == "plain"


# ㈱ ① in NEC row 13, 髙 in the IBM rows, and what a strict codec also reads.
NEC = b"\x1b$B-j-!|b\x1b(B a \x1b$B4A;z\x1b(B\r\n"


def test_the_rows_of_nec_and_ibm_are_read():
    found = read(NEC, "iso-2022-jp")
    assert found.codec == JIS_MS
    assert found.text == "㈱①髙 a 漢字\r\n"
    assert NEC[: found.offset(4)].endswith(b"\x1b(B ")


def test_half_width_kana_are_read():
    assert read(b"\x1b(I1\x1b(B\x1b$B-j\x1b(B", "iso-2022-jp").text == "ｱ㈱"


@pytest.mark.parametrize(
    ("data", "label", "text"),
    [
        ("漢".encode("gbk"), "gb2312", "漢"),
        ("結果".encode("gbk"), "gb2312", "結果"),
        ("㈱".encode("cp932"), "shift_jis", "㈱"),
        ("漢".encode("iso2022_jp"), "us-ascii", "漢"),
        ("漢".encode("iso2022_jp"), "", "漢"),
        ("漢字".encode(), "", "漢字"),
        ("漢字です".encode("cp932"), "", "漢字です"),
        (b"\x93quoted\x94", "iso-8859-1", "\u201cquoted\u201d"),
        ("漢字".encode(), "unicode-1-1-utf-8", "漢字"),
    ],
)
def test_labels_are_hints(data, label, text):
    assert read(data, label).text == text


@pytest.mark.parametrize(
    "label", ["utf-16", "UTF-7", "utf-32le", "hz-gb-2312", "unicode", "ISO-2022-KR", "iso-2022-cn"]
)
def test_charsets_in_which_bytes_cannot_be_cut_are_unfit(label):
    with pytest.raises(Unfit, match="cannot be cut"):
        read(b"a", label)


@pytest.mark.parametrize("data", [b"\xff", b"\x1b$B\x30", b"a\0b"])
def test_broken_bytes_are_unfit(data):
    with pytest.raises(Unfit):
        read(data, "utf-8" if data == b"\xff" else "iso-2022-jp")


def test_a_charset_that_lacks_a_sign_is_unfit():
    with pytest.raises(Unfit, match="cannot hold"):
        write("▶・", "ascii")


@pytest.mark.parametrize("begin", [b"\x1b$B", b"\x1b$@", b"\x1b(I"])
def test_words_are_not_put_in_below_a_line_that_ends_within_a_shift(begin):
    found = read(begin + b"1!\n\x1b(B\nb", "iso-2022-jp")
    with pytest.raises(Unfit, match="within a shift"):
        found.offset(found.text.index("\n") + 1)
    assert found.offset(found.text.index("b")) == len(found.data) - 1
