"""Verify refutes whatever else is new: each byte, each field, each escape, each soft break."""

from dataclasses import replace

import pytest

from relay_gateway.core import block, place, rewrite, trace
from relay_gateway.core.edit import Edit, apply
from relay_gateway.core.message import Unfit, read
from relay_gateway.core.page import pages
from relay_gateway.core.verify import _is_honest, verify
from tests.conftest import ACME
from tests.mails import JA, JA_HTML, mail, multipart, part

TRACE = "x-relay-trace"
URL = ACME.link + "/0123456789ABCDEFGHJKMNPQ"
MAILS = {
    "plain": mail(part()),
    "jis": mail(part(charset="iso-2022-jp")),
    "quoted": mail(part(encoding="quoted-printable")),
    "base64": mail(part(encoding="base64")),
    "html": mail(part(JA_HTML, "text/html", charset="euc-jp")),
    "both": mail(
        multipart(
            "mixed",
            multipart(
                "alternative",
                part(encoding="quoted-printable"),
                part(JA_HTML, "text/html", encoding="base64"),
                boundary="bb",
            ),
            part(b"%PDF", "application/pdf", charset="", encoding="base64"),
        )
    ),
}


class Rewriting:
    """A mail, its changes and what they make of it."""

    def __init__(self, raw):
        message = read(raw)
        (group,) = pages(message)
        lines = block.fill(block.default("ja"), ACME.name, URL)
        self.raw = raw
        self.changes = tuple(
            rewrite.insert(page, place.place(page.letter, None), lines, URL) for page in group
        )
        mark = Edit(0, 0, trace.mark(b"1", ACME.keys))
        self.edits = (mark, *rewrite.edits(message, self.changes))
        self.new = apply(raw, self.edits)

    def fault(self, new, changes=None):
        return verify(self.raw, new, (TRACE,), self.changes if changes is None else changes)

    def own_bytes(self):
        """The offsets in the new mail at which a byte of the sender stands."""
        at, grown = 0, 0
        for edit in sorted(self.edits, key=lambda edit: edit.start):
            yield from range(at + grown, edit.start + grown)
            at, grown = edit.end, grown + len(edit.new) - (edit.end - edit.start)
        yield from range(at + grown, len(self.new))


@pytest.fixture(params=MAILS)
def made(request):
    return Rewriting(MAILS[request.param])


@pytest.mark.parametrize("charset", ["punycode", "idna", "x-klingon"])
def test_no_label_of_another_part_stands_in_the_way_of_a_proof(charset):
    odd = part(bytes(range(128, 256)), "text/csv", charset="").replace(
        b"text/csv", f"text/csv; charset={charset}".encode()
    )
    made = Rewriting(mail(multipart("mixed", part(), odd)))
    assert made.fault(made.new) == ""
    other = made.new.replace(b"\xfe\xff", b"\xff\xff")
    assert made.fault(other) == "bytes outside the changes are new"


def test_an_attached_mail_that_no_second_reader_reads_is_unfit():
    """`email` raises what it pleases for a parameter in a codec that is no charset."""
    inner = b"Content-Type: multipart/mixed; boundary*=punycode''%ff\r\n\r\nx\r\n"
    attached = b"Content-Type: message/rfc822\r\n\r\n" + inner
    made = Rewriting(mail(multipart("mixed", part(), attached)))
    with pytest.raises(Unfit, match="a charset that no second reader knows"):
        made.fault(made.new)


def test_an_honest_rewriting_is_proved(made):
    assert made.fault(made.new) == ""


@pytest.mark.parametrize("step", [1, 2])
def test_a_changed_byte_of_the_sender_is_refuted(made, step):
    for at in list(made.own_bytes())[:: step * 3]:
        other = made.new[:at] + bytes((made.new[at] ^ step,)) + made.new[at + 1 :]
        assert made.fault(other), (at, made.new[at - 9 : at + 9])


def test_a_lost_or_added_byte_is_refuted(made):
    for at in list(made.own_bytes())[::5]:
        assert made.fault(made.new[:at] + made.new[at + 1 :])
        assert made.fault(made.new[:at] + b"\n" + made.new[at:])


def test_a_lost_line_is_refuted(made):
    lines = made.new.splitlines(keepends=True)
    for at in range(len(lines)):
        assert made.fault(b"".join(lines[:at] + lines[at + 1 :])), lines[at]


def test_an_added_field_is_refuted(made):
    assert made.fault(b"X-Other: 1\r\n" + made.new)
    assert made.fault(made.new.replace(b"\r\n\r\n", b"\r\nX-Other: 1\r\n\r\n", 1))


def test_a_lost_trace_is_refuted(made):
    assert made.fault(made.new.partition(b"\r\n")[2])


def test_another_field_in_place_of_the_trace_is_refuted(made):
    assert "on top" in made.fault(made.new.replace(b"X-Relay-Trace", b"X-Relay-Place", 1))


def test_lines_rewrapped_are_refuted(made):
    assert made.fault(made.new.replace(b"\r\n", b"\n"))
    assert "=\r\n" not in made.new.decode("latin-1") or made.fault(
        made.new.replace(b"=\r\n", b"", 1)
    )


def test_a_soft_break_removed_from_the_block_is_refuted():
    made = Rewriting(MAILS["quoted"])
    at = made.new.index("今後のキャリア".encode().hex("=").upper().encode())
    at = made.new.index(b"=\r\n", at)
    assert "bytes outside" in made.fault(made.new[:at] + made.new[at + 3 :])


def test_a_dropped_escape_sequence_is_refuted():
    made = Rewriting(MAILS["jis"])
    for escape in (b"\x1b$B", b"\x1b(B"):
        for at in range(len(made.new)):
            if made.new.startswith(escape, at):
                assert made.fault(made.new[:at] + made.new[at + 3 :])


def test_words_put_inside_a_shift_are_refuted():
    raw = mail(part(b"\x1b$B4A;z4A;z\x1b(B\r\n\r\na\r\n", charset="iso-2022-jp"))
    made = Rewriting(raw)
    (change,) = made.changes
    shifted = replace(change, cuts=(replace(change.cuts[0], start=5, end=5),))
    edits = (made.edits[0], *rewrite.edits(read(raw), (shifted,)))
    assert made.fault(apply(raw, edits), (shifted,)) == "the new text does not read in its charset"


def test_a_change_that_was_not_made_is_refuted(made):
    mark = made.edits[:1]
    assert made.fault(apply(made.raw, mark))
    assert made.fault(apply(made.raw, mark), ()) == ""
    assert made.fault(made.new, ())


def test_a_block_that_nobody_sees_is_refuted():
    raw = mail(part(f"<html><head><title>t</title></head><body>{JA}</body></html>", "text/html"))
    made = Rewriting(raw)
    (change,) = made.changes
    at = change.page.text.data.index(b"t</title>")
    unseen = replace(change, cuts=(replace(change.cuts[0], start=at, end=at),))
    edits = (made.edits[0], *rewrite.edits(read(raw), (unseen,)))
    assert made.fault(apply(raw, edits), (unseen,)) == "the block is not seen where it was put"


def test_a_link_to_somewhere_else_is_refuted():
    raw = mail(part(f"<html><body>{JA}</body></html>", "text/html"))
    made = Rewriting(raw)
    (change,) = made.changes
    (cut,) = change.cuts
    other = replace(cut, new=cut.new.replace(b'href="https://', b'href="https://evil.example/', 1))
    assert other != cut
    lying = replace(change, cuts=(other,))
    edits = (made.edits[0], *rewrite.edits(read(raw), (lying,)))
    assert made.fault(apply(raw, edits), (lying,)) == "the block is not seen where it was put"


@pytest.mark.parametrize(
    "block",
    [
        '<p><a href="https://careerrelay.jp/c/acme/T">https://careerrelay.jp/c/acme/T</a></p>',
        "<div>words<br></div>",
        '<p><a href="https://evil.example/T">https://careerrelay.jp/c/acme/T</a></p>',
        '<p><a href="https://careerrelay.jp/c">https://careerrelay.jp/c</a><img src="x"></p>',
        '<p><a href="https://a.example/">https://a.example/</a><a href="b">b</a></p>',
        '<p><a href="https://a.example/T?a&amp;b"><b>https://a.example</b>/T?a&amp;b</a> words</p>',
        '<p><a href="https://evil.example/" href="https://a.example/T">https://a.example/T</a></p>',
        '<p><a href="https://a.example/"><!--evil-->https://a.example/</a> words <a>b</a></p>',
        '<p><a href="https://a.example/">https://a.example/ and more words</p>',
        '<form><a href="https://a.example/">https://a.example/</a></form>',
        '<p><a href="https://a.example/T"><![CDATA[https://a.example/T]]></a></p>',
        "<p><a></a></p>",
    ],
)
def test_a_link_that_does_not_lead_where_it_says_is_refuted(block):
    assert _is_honest(block) is ("/T" in block and "evil" not in block and "CDATA" not in block)
