"""Promises of the transfer encodings: only what is cut is written anew."""

import re
from email import message_from_bytes

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from relay_gateway.core.edit import apply
from relay_gateway.core.message import Unfit, read
from relay_gateway.core.transfer import Cut, decode, newline, splice
from tests.mails import mail, multipart, part, with_bare_newlines

HURTFUL = st.lists(
    st.sampled_from(
        [b"\r\n", b"\n", b" ", b"\t", b"=", b".", b"From ", b"--=_b", b"a" * 40, b"\xe3\x81\x82"]
    ),
    max_size=14,
).map(b"".join)
ENCODINGS = st.sampled_from(["quoted-printable", "base64"])


def only(raw):
    return read(raw).parts[0]


def cut_in(data, places, new):
    """Cuts at drawn places, apart and in order."""
    edges = sorted({place % (len(data) + 1) for place in places})
    return tuple(Cut(a, b, new) for a, b in zip(edges[::2], edges[1::2], strict=False))


def made(data, cuts):
    for cut in reversed(cuts):
        data = data[: cut.start] + cut.new + data[cut.end :]
    return data


@given(
    HURTFUL,
    st.lists(st.integers(0, 999), min_size=2, max_size=6),
    HURTFUL,
    ENCODINGS,
    st.booleans(),
)
def test_cuts_in_the_decoded_bytes_come_out_as_planned(data, places, new, encoding, is_bare):
    raw = mail(multipart("mixed", part(data, encoding=encoding), part("x"), boundary="=_b"))
    raw = with_bare_newlines(raw) if is_bare else raw
    data = decode(raw, only(raw))
    cuts = cut_in(data, places, new)
    if not cuts:
        return
    rewritten = apply(raw, splice(raw, only(raw), cuts))
    assert decode(rewritten, only(rewritten)) == made(data, cuts)
    second = message_from_bytes(rewritten).get_payload(0)
    assert second.get_payload(decode=True) == made(data, cuts)
    assert all(len(line) <= 76 for line in second.get_payload().splitlines())


LETTER = "一行目 a=b \n.\nFrom ".encode() + b"x" * 70 + "。".encode() * 9 + b"\n-- \n"


@pytest.mark.parametrize("encoding", ["quoted-printable", "base64"])
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("new", [b"n", b"blank \nblank ", b"word " * 30 + b"\n"])
def test_a_cut_at_each_place_comes_out_as_planned(encoding, line_end, new):
    new, data = (words.replace(b"\n", line_end) for words in (new, LETTER))
    is_quoted = encoding == "quoted-printable"
    raw = mail(part(LETTER.replace(b"\n", b"\r\n") if is_quoted else data, encoding=encoding))
    raw = with_bare_newlines(raw) if line_end == b"\n" else raw
    within = [match.start() + 1 for match in re.finditer(b"\r\n", data)]
    for at in sorted({*range(len(data) + 1)} - {*within}):
        rewritten = apply(raw, splice(raw, only(raw), (Cut(at, at, new),)))
        second = message_from_bytes(rewritten)
        assert second.get_payload(decode=True) == data[:at] + new + data[at:]
        rows = second.get_payload().split(line_end.decode())
        assert all(len(row) <= 76 and row == row.rstrip() for row in rows)
        assert (b"\r" in rewritten) is (line_end == b"\r\n")


@given(HURTFUL, st.integers(0, 999), HURTFUL)
def test_quoted_printable_around_the_cut_stays_as_it_was(data, place, new):
    raw = mail(part(data, encoding="quoted-printable"))
    at = place % (len(decode(raw, only(raw))) + 1)
    try:
        (edit,) = splice(raw, only(raw), (Cut(at, at, new),))
    except Unfit as why:
        event(str(why))
        return
    assert edit.start == edit.end
    assert all(
        re.fullmatch(rb"(?:[!-<>-~ ]|=[0-9A-F]{2})*=?", row) for row in edit.new.splitlines()
    )
    assert not re.search(rb"[ \t](?:\r?\n|\Z)|^\.$|^From ", edit.new, re.MULTILINE) or not new


@pytest.mark.parametrize("place", range(0, 60, 7))
def test_base64_before_the_cut_stays_as_it_was(place):
    raw = mail(part("0123456789" * 20, encoding="base64"))
    (edit,) = splice(raw, only(raw), (Cut(place, place, b"new"),))
    assert edit.start >= only(raw).body.start + place // 3 * 4
    assert apply(raw, (edit,)).endswith(b"\r\n")


def test_base64_keeps_the_lines_of_its_writer():
    raw = mail(part(b"QUJD\r\nREVG\r\n", encoding="7bit")).replace(b": 7bit", b": base64")
    (edit,) = splice(raw, only(raw), (Cut(3, 3, b"xyz"),))
    assert apply(raw, (edit,)).endswith(b"\r\n\r\nQUJD\r\neHl6\r\nREVG\r\n")


def test_a_newline_in_another_habit_is_escaped():
    raw = mail(part(b"a=0Ab=0A=\r\n", encoding="7bit")).replace(b": 7bit", b": quoted-printable")
    rewritten = apply(raw, splice(raw, only(raw), (Cut(2, 2, b"new\n"),)))
    assert decode(rewritten, only(rewritten)) == b"a\nnew\nb\n"


@pytest.mark.parametrize("words", [b"--b", b"From HR", b".", b"." + b"a" * 74 + b"--b"])
def test_no_row_of_the_new_words_begins_as_a_delimiter_does(words):
    raw = mail(part("a\n", encoding="quoted-printable"))
    (edit,) = splice(raw, only(raw), (Cut(3, 3, words + b"\r\n"),))
    assert not any(row.startswith((b"--", b"From ", b".")) for row in edit.new.splitlines())


def test_a_soft_break_does_not_part_a_character():
    raw = mail(part("a\n", encoding="quoted-printable"))
    (edit,) = splice(raw, only(raw), (Cut(3, 3, ("あ" * 50).encode()),))
    for row in edit.new.split(b"=\r\n"):
        assert bytes.fromhex(row.replace(b"=", b"").decode()).decode("utf-8")


@pytest.mark.parametrize(
    ("body", "encoding", "why"),
    [
        (b"a", "x-uuencode", "unknown"),
        (b"a", "quoted printable", "unknown"),
        (b"=3", "quoted-printable", "broken quoted"),
        (b"=ZZ", "quoted-printable", "broken quoted"),
        (b"a= \t\r\nb", "quoted-printable", "broken quoted"),
        (b"QUI=QUJD", "base64", "broken base64"),
        (b"QUJD\r\n-- \r\nfooter", "base64", "broken base64"),
    ],
)
def test_what_readers_read_differently_is_unfit(body, encoding, why):
    raw = mail(part(body, encoding="7bit")).replace(b": 7bit", b": " + encoding.encode())
    with pytest.raises(Unfit, match=why):
        decode(raw, only(raw))


@pytest.mark.parametrize("encoding", ["7bit", "8bit"])
def test_8_bit_words_do_not_go_into_a_7_bit_mail(encoding):
    raw = mail(part("a", encoding=encoding))
    with pytest.raises(Unfit, match="8-bit"):
        splice(raw, only(raw), (Cut(0, 0, b"\xe3\x81\x82"),))


def test_one_8_bit_word_of_several_is_enough_to_be_refused():
    raw = mail(part("abc"))
    with pytest.raises(Unfit, match="8-bit"):
        splice(raw, only(raw), (Cut(0, 0, b"a"), Cut(1, 1, b"\xe3\x81\x82")))


def test_8_bit_words_do_not_go_into_a_7_bit_part_of_an_8_bit_mail():
    raw = mail(multipart("mixed", part("a"), part("あ")))
    with pytest.raises(Unfit, match="8-bit"):
        splice(raw, only(raw), (Cut(0, 0, b"\xe3\x81\x82"),))


def test_no_line_grows_over_998_octets():
    raw = mail(part("x" * 900))
    with pytest.raises(Unfit, match="998"):
        splice(raw, only(raw), (Cut(450, 450, b"y" * 99),))
    assert splice(raw, only(raw), (Cut(450, 450, b"y" * 98),))


def test_a_line_that_is_too_long_already_may_be_parted():
    raw = mail(part("x" * 3000))
    assert splice(raw, only(raw), (Cut(1500, 1500, b"\r\nnew\r\n"),))
    with pytest.raises(Unfit, match="998"):
        splice(raw, only(raw), (Cut(1500, 1500, b"new\r\n"),))


@pytest.mark.parametrize(
    ("data", "line_end"),
    [(b"a\r\nb", b"\r\n"), (b"a\nb", b"\n"), (b"a\nb\r\n", b"\r\n"), (b"a", b"\r\n")],
)
def test_the_newline_of_a_part_is_its_own(data, line_end):
    assert newline(data) == line_end
