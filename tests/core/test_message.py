"""Promises of the reader: every byte string is read or refused, and what is read lies in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay_gateway.core.message import MAX_DEPTH, MAX_PARTS, Unreadable, content_type, read
from tests.mails import mail, multipart, part, with_bare_newlines

LINES = st.sampled_from(
    [
        b"Content-Type: multipart/mixed; boundary=b",
        b'Content-Type: multipart/alternative; boundary="b b "',
        b"Content-Type: multipart/digest; boundary=bb",
        b"Content-Type: text/html; charset=iso-8859-12",
        b"Content-Type: text/plain; boundary*0=b; name*=utf-8''x",
        b'Content-Type: text/plain; name="a\\"b',
        b"Content-Type:",
        b"Content-Transfer-Encoding: base64",
        b"Content-Disposition: attachment; filename=x",
        b"Subject: a",
        b" folded",
        b"From somebody Mon Nov 2",
        b"no colon",
        b": no name",
        b"",
        b"",
        b"--b",
        b"--b--",
        b"--b b",
        b"--bb ",
        b"--bb--\t",
        b"=",
        b"\xff\x00",
        b"a\rb",
    ]
)
MAILS = st.lists(st.tuples(LINES, st.sampled_from([b"\r\n", b"\r\n", b"\n", b""])), max_size=30)
ANY = st.one_of(st.binary(max_size=60), MAILS.map(lambda rows: b"".join(a + b for a, b in rows)))


def read_or_refused(raw):
    try:
        return read(raw)
    except Unreadable:
        return None


@given(ANY)
def test_any_bytes_are_read_or_refused(raw):
    read_or_refused(raw)


@given(ANY)
def test_fields_and_parts_lie_in_the_mail_in_order_and_apart(raw):
    message = read_or_refused(raw)
    spans = (
        [
            *(field.span for field in message.fields if message),
            *(one.body for one in message.parts),
        ]
        if message
        else []
    )
    edges = [0, *(edge for span in spans for edge in (span.start, span.end)), len(raw)]
    assert edges == sorted(edges)


@given(MAILS)
def test_a_part_lies_in_all_that_is_around_it(rows):
    message = read_or_refused(b"".join(a + b for a, b in rows))
    for one in message.parts if message else ():
        for box in one.inside:
            assert box.body.start <= one.body.start <= one.body.end <= box.body.end


TREES = st.recursive(
    st.binary(min_size=1, max_size=9).map(lambda body: b"x" + body.translate(None, b"\r\n")),
    lambda inner: st.lists(inner, min_size=1, max_size=3),
    max_leaves=8,
)


def entity(tree, depth=0):
    """The tree as a MIME entity, whose boundaries are prefixes of each other."""
    if isinstance(tree, bytes):
        return part(tree, "application/x", encoding="binary")
    inner = [entity(one, depth + 1) for one in tree]
    return multipart("mixed", *inner, boundary="=_" + "b" * (depth + 1))


def leaves(tree):
    return [tree] if isinstance(tree, bytes) else [leaf for one in tree for leaf in leaves(one)]


@given(TREES, st.booleans())
def test_the_leaves_that_were_put_in_are_found(tree, is_bare):
    raw = mail(entity(tree))
    raw = with_bare_newlines(raw) if is_bare else raw
    found = [raw[one.body.start : one.body.end] for one in read(raw).parts]
    assert found == [with_bare_newlines(leaf) if is_bare else leaf for leaf in leaves(tree)]


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"From hr Mon Nov 2 10:00:00\r\nSubject: a\r\n\r\nb", "no field"),
        (b"Subject: a\r\nno field\r\n\r\nb", "no field"),
        (b"Content-Type: text/plain\r\nContent-Type: text/html\r\n\r\nb", "more than one"),
        (b"Content-Type: multipart/mixed\r\n\r\n--b--\r\n", "no boundary"),
        (b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nb", "not closed"),
        (b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b--\r\n", "is empty"),
        (b"Content-Type: text/plain; charset*0=us; charset*1=ascii\r\n\r\nb", "continued"),
        (b"Content-Type: multipart/mixed; boundary=b (the b)\r\n\r\n--b\r\n", "with a comment"),
        (
            b'Content-Type: multipart/mixed; boundary="b "\r\n\r\n--b\r\n\r\n--b --\r\n',
            "not closed",
        ),
        (b"Content-Type: text/plain; charset=a; charset=b\r\n\r\nb", "twice"),
        (b"Content-Type: text/plain; a=" + b"x" * 9000 + b"\r\n\r\nb", "too long"),
        (b"Content-Type: ;\r\n\r\nb", "cannot be read"),
        (b"X: " + b"x" * 300_000, "too long"),
        (b"X: x\r\n" * 3000 + b"\r\n", "too many fields"),
        (
            mail(multipart("mixed", part("a"), head="Content-Transfer-Encoding: base64\r\n")),
            "encoded",
        ),
        (mail(multipart("mixed", *[part("a")] * (MAX_PARTS + 1))), "too many parts"),
    ],
)
def test_what_would_have_to_be_guessed_is_refused(raw, why):
    with pytest.raises(Unreadable, match=why):
        read(raw)


def test_nesting_has_an_end():
    one = part("a")
    for depth in range(MAX_DEPTH + 1):
        one = multipart("mixed", one, boundary=f"b{depth}b")
    with pytest.raises(Unreadable, match="nested"):
        read(mail(one))


def test_too_many_parts_spread_over_several_multiparts_are_refused():
    some = [multipart("mixed", *[part("a")] * 200, boundary=f"i{n}") for n in range(3)]
    with pytest.raises(Unreadable, match="too many parts"):
        read(mail(multipart("mixed", *some)))


def test_header_fields_are_unfolded_and_stand_where_they_stood():
    raw = b"SUBJECT : one\r\n\ttwo\r\nTo:\r\n\r\nbody"
    subject, to = read(raw).fields
    assert (subject.name, subject.value) == ("subject", b"one\ttwo")
    assert raw[to.span.start : to.span.end] == b"To:\r\n"
    assert read(raw).value("subject") == b"one\ttwo"
    assert read(raw).value("cc") == b""


@pytest.mark.parametrize("raw", [b"", b"\r\n", b"\nbody", b"Subject: only a header"])
def test_a_mail_may_lack_its_header_or_its_body(raw):
    assert len(read(raw).parts) == 1


@pytest.mark.parametrize(
    ("value", "kind", "parameters"),
    [
        (b"", "", {}),
        (b"Text/PLAIN; CharSet=UTF-8", "text/plain", {"charset": "UTF-8"}),
        (b'text/plain (a letter); charset="utf-8" (c)', "text/plain", {"charset": "utf-8"}),
        (b'a/b; boundary="x \\" y"; ;', "a/b", {"boundary": 'x " y'}),
        (b"attachment; filename*=utf-8''%e3%81%82", "attachment", {"filename": "utf-8''%e3%81%82"}),
        (b"text", "text", {}),
    ],
)
def test_structured_values_are_read(value, kind, parameters):
    assert content_type(value) == (kind, tuple(parameters.items()))


@pytest.mark.parametrize(
    ("entity", "is_letter"),
    [
        (part("a"), True),
        (part("a", "text/html"), True),
        (part("a", head="Content-Disposition: inline\r\n"), True),
        (part("a", head="Content-Disposition: attachment\r\n"), False),
        (part("a", head="Content-Disposition: inline; filename=cv.txt\r\n"), False),
        (part("a", "text/plain; name=cv.txt"), False),
        (part("a", "text/calendar"), False),
        (part("a", "message/rfc822"), False),
    ],
)
def test_attachments_are_no_letters(entity, is_letter):
    assert read(mail(entity)).parts[0].is_letter is is_letter


def test_the_parts_of_a_digest_are_mails():
    raw = mail(multipart("digest", b"\r\nSubject: a\r\n\r\nb"))
    assert read(raw).parts[0].media_type == "message/rfc822"


def test_a_content_md5_vouches_for_its_part():
    raw = mail(multipart("mixed", part("a"), part("b", head="Content-MD5: x\r\n")))
    assert [one.is_sealed for one in read(raw).parts] == [False, True]


def test_a_boundary_ends_before_its_blanks():
    raw = b'Content-Type: multipart/mixed; boundary="b "\r\n\r\n--b \r\n\r\na\r\n--b--\r\n'
    (leaf,) = read(raw).parts
    assert raw[leaf.body.start : leaf.body.end] == b"a"
