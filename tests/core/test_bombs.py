"""Mails built to explode a reader: each comes back with a decision, for a bounded amount of work.

A refusal is told by its fixed words, which are found before any costly reader sees the mail. What
just passes the limits is thought through by a thinker, who is killed if it takes too long.
"""

from dataclasses import replace

import pytest

from relay_gateway.core.decision import decide
from relay_gateway.core.letter import MAX_WORDS
from relay_gateway.core.message import (
    MAX_ALL_STRUCTURED,
    MAX_CONTAINERS,
    MAX_DASHED,
    MAX_DEPTH,
    MAX_FIELDS,
    MAX_HEADER,
    MAX_LINES,
    MAX_PARAMETERS,
    MAX_PARTS,
    MAX_READINGS,
    MAX_STRUCTURED,
)
from relay_gateway.core.page import MAX_LINES as MOST_LINES
from relay_gateway.core.page import MAX_TAGS, MAX_TEXT, MAX_TEXTS
from relay_gateway.core.reason import Reason
from relay_gateway.edge.thinkers import Nursery, Thinkers
from tests.conftest import ACME, envelope
from tests.mails import EN, EN_HTML, mail, multipart, part

ATTACHED = b"Content-Type: message/rfc822\r\n\r\n"


def nested(depth, kind="mixed"):
    entity = part(EN)
    for number in range(depth):
        entity = multipart(kind, entity, boundary=f"b{number}")
    return mail(entity)


def beside(*attachments):
    """A rejection with something beside it that only other readers look into."""
    return mail(multipart("mixed", part(EN), *attachments))


def attached(size, kind="application/pdf", fill=b"x"):
    return beside(part(fill * size, kind, charset=""))


def inner(depth):
    """An attached mail of multiparts in multiparts."""
    field = b'Content-Type: multipart/mixed; boundary="i%d"\r\n\r\n--i%d\r\n'
    return ATTACHED + b"".join(field % (number, number) for number in range(depth))


def labelled(label, count=1):
    """Parts of this type and with these parameters."""
    return beside(*[b"Content-Type: " + label + b"\r\n\r\nx\xff"] * count)


def plain(words, **how):
    return mail(part(EN + words, **how))


def html(source):
    return mail(part(EN_HTML.replace("</body>", source + "</body>"), "text/html"))


def quoted(body):
    raw = part(EN.encode() + body, encoding="7bit")
    return mail(raw.replace(b"7bit", b"quoted-printable", 1))


def numbered(form, count):
    return b"".join(form % number for number in range(count))


UNREADABLE = {
    "deep": (nested(MAX_DEPTH + 1), "nested too deep"),
    "deeper": (nested(5000), "could end a part"),
    "deep and long": (beside(inner(40) + b"\r\nline" * 20_000), "nested too deep"),
    "mails in mails": (beside(ATTACHED * (MAX_CONTAINERS + 1)), "nested too deep"),
    "mails in mails without end": (beside(ATTACHED * 20_000), "structured field"),
    "mails behind bare CR": (
        beside(b"A: b\rContent-Type: Message/RFC822\r\r" * (MAX_CONTAINERS + 1)),
        "nested too deep",
    ),
    "parts": (mail(multipart("mixed", *[part("x")] * (MAX_PARTS + 1))), "too many parts"),
    "100,000 parts": (mail(multipart("mixed", *[b"\r\nx"] * 100_000)), "too many lines"),
    "parts of an attached mail": (
        beside(ATTACHED + multipart("mixed", *[b""] * (MAX_DASHED + 1), boundary="q")),
        "could end a part",
    ),
    "delimiters": (attached(MAX_DASHED + 1, fill=b"\r\n--b"), "could end a part"),
    "lines": (attached(MAX_LINES, fill=b"\r\n"), "too many lines"),
    "bare CR": (attached(MAX_LINES, fill=b"\r"), "too many lines"),
    "bare LF": (attached(MAX_LINES, fill=b"\n"), "too many lines"),
    "header": (b"X: " + b"y" * MAX_HEADER + b"\r\n" + mail(), "header is too long"),
    "header without end": (b"X: " + b"y" * 9_000_000, "header is too long"),
    "folded header": (b"X: y" + b"\r\n y" * 40_000 + b"\r\n" + mail(), "header is too long"),
    "fields": (b"X: y\r\n" * MAX_FIELDS + mail(), "too many fields"),
    "parameters": (labelled(b"x/y" + numbered(b";a%d=b", 20_000)), "structured field"),
    "numbered parameters": (labelled(b"x/y" + numbered(b";a*%d*=b", 20_000)), "structured field"),
    "empty parameters": (labelled(b"x/y" + b";" * MAX_STRUCTURED), "structured field"),
    "parameters of all": (labelled(b"x/y" + b";" * 1000, 4), "too many parameters"),
    "names of all": (
        labelled(b"x/y; name=" + b"n" * 4000, MAX_ALL_STRUCTURED // 4000 + 1),
        "structured field",
    ),
    "folded parameters": (
        beside(ATTACHED + b"Content-Type: x/y" + b";\r\n a=b" * 1000 + b"\r\n\r\nx"),
        "structured field",
    ),
    "parameters of an attached mail": (
        beside(ATTACHED + b"content-type: x/y" + b";" * 9000 + b"\r\n\r\nx"),
        "structured field",
    ),
    "encodings": (
        beside(b"Content-Transfer-Encoding: " + b"x" * MAX_STRUCTURED + b"x\r\n\r\nx"),
        "structured field",
    ),
    "open quote": (labelled(b'x/y; a="' + b'\\"' * 1900), "cannot be read"),
    "no end": (mail(multipart("mixed", part(EN)).replace(b"--b--", b"")), "not closed"),
}  # fmt: skip
UNFIT = {
    "texts": (mail(multipart("alternative", *[part(EN)] * (MAX_TEXTS + 1))), "more text"),
    "text": (html(f"<style>{'x' * MAX_TEXT}</style>"), "more text"),
    "words": (plain("x" * MAX_WORDS), "more words"),
    "words of HTML": (html("x" * MAX_WORDS), "more words"),
    "text lines": (plain("x\n" * MOST_LINES), "more lines"),
    "encoded lines": (plain("\n" * MOST_LINES, encoding="base64"), "more lines"),
    "HTML lines": (html("\n" * MOST_LINES), "more lines"),
    "tags": (html("<i>" * MAX_TAGS), "more lines or tags"),
    "tags of all": (
        mail(multipart("alternative", *[part(EN_HTML + "<br>" * 1000, "text/html")] * 4)),
        "more lines or tags",
    ),
    "spans around lines": (html("<span>" * 190 + "a<br>" * 60_000), "more"),
    "open elements": (html("<div>" * 1000), "nested too deep"),
    "references without end": (html("&#" + "1" * 5000 + ";"), "reference without end"),
    "addresses": (mail(to=", ".join(["taro@gmail.example"] * 1000)), "more addresses"),
    "quotes for addresses": (mail(to='"' * 50_000), "more addresses"),
    "comments for addresses": (mail(to="(" * 50_000), "more addresses"),
    "links": (plain(f"\n{ACME.link}\n" * 11), "too many links"),
    "quoted-printable": (quoted(b"=" + b" " * 100_000 + b"x"), "broken quoted"),
    "base64": (
        mail(part(b"=" * 90_000, encoding="7bit").replace(b"7bit", b"base64")),
        "broken base64",
    ),
    "a line in a shifting charset": (
        mail(part(EN_HTML.replace("\n", "").replace("<p>We", "<p>" + "株" * 9000 + "We"),
                  "text/html", charset="iso-2022-jp", encoding="base64")),
        "too long to be measured",
    ),
    "charset": (mail(part(EN.encode(), charset="utf-16-" + "x" * 3000)), "cannot be cut"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_built_to_be_slow_is_refused_before_it_is_read(policy, name):
    raw, detail = UNREADABLE[name]
    decision = decide(envelope(), raw, policy)
    assert (decision.reason, decision.edits) == (Reason.UNREADABLE, ())
    assert detail in decision.detail


@pytest.mark.parametrize("name", UNFIT)
def test_what_no_letter_has_is_left_alone(policy, name):
    raw, detail = UNFIT[name]
    decision = decide(envelope(), raw, replace(policy, is_forced="addresses" not in detail))
    assert (decision.reason, decision.edits) == (Reason.UNFIT, ())
    assert detail in decision.detail


JUST = {
    "depth": lambda: nested(MAX_DEPTH),
    "containers": lambda: beside(inner(MAX_CONTAINERS - 2) + b"\r\nline" * 9000),
    "readings": lambda: beside(inner(7) + b"\r\nline" * (MAX_READINGS // 9 - 1000)),
    "parts": lambda: mail(multipart("mixed", part(EN), *[b"Content-Type: x/y\r\n\r\nx"] * 498)),
    "parts of an attached mail": lambda: beside(
        ATTACHED + multipart("mixed", *[b"\r\nx"] * (MAX_DASHED - 100), boundary="q")
    ),
    "lines": lambda: attached(MAX_LINES - 100, fill=b"\r\n"),
    "fields of an attached mail": lambda: beside(ATTACHED + b"A: b\r\n" * (MAX_LINES - 100)),
    "size": lambda: attached(9_000_000),
    "parameters": lambda: labelled(
        b"multipart/mixed; boundary=q" + b";" * (MAX_PARAMETERS - 99) + b"\r\n\r\n--q\r\n\r\n--q--"
    ),
    "numbered parameters": lambda: labelled(b"x/y" + numbered(b";a*%d*=b", 380), 7),
    "header": lambda: b"X: y" + b"\r\n y" * 20_000 + b"\r\n" + mail(),
    "addresses": lambda: mail(part(EN), to="@" * 8000),
    "marks": lambda: b"X-Relay-Trace: v1 x\r\n" * 900 + attached(8_000_000, fill=b"x"),
    "subject": lambda: mail(part(EN), subject="=?utf-8?q?a?= " * 5000),
    "subject in an odd codec": lambda: mail(part(EN), subject=f"=?punycode?q?{'a' * 1900}?="),
    "escapes": lambda: quoted(b"a =41 " * 16_000),
    "soft breaks": lambda: quoted(b"=\r\n" * 50_000),
    "carriage returns": lambda: quoted(b"\r" * 50_000),
    "shifts": lambda: mail(
        part(EN.encode() + b"\x1b$B\x2d\x6a\x1b(B" * 20_000, charset="iso-2022-jp")
    ),
    "plus signs": lambda: plain(("+" * 990 + "\n") * 90),
    "blanks": lambda: plain((" " * 990 + "x\n") * 90),
    "combining signs": lambda: plain("a" + "\u0301\u0323" * 9000),
    "growing letters": lambda: plain("\ufdfa" * 19_000),
    "references": lambda: html("&amp;" * 40_000),
    "attributes": lambda: html("<a " + "b " * 100_000 + ">"),
    "lines of HTML": lambda: html("a<br>" * (MAX_TAGS - 50)),
}


@pytest.mark.parametrize("name", JUST)
@pytest.mark.usefixtures("alone")
async def test_what_just_passes_is_decided_by_a_thinker_that_has_no_more_than_its_time(
    policy, name
):
    forced = replace(policy, is_forced=name not in ("addresses", "subject"))
    thinkers = Thinkers(Nursery.start(lambda its, raw: decide(its, raw, forced), 20.0), 1, print)
    await thinkers.start()
    try:
        decision = await thinkers.think(envelope(), JUST[name]())
    finally:
        await thinkers.stop()
    assert decision.reason is Reason.REJECTION
