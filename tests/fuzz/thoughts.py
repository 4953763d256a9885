"""What the core promises for any bytes: it reads or refuses them, and raises nothing else."""

from __future__ import annotations

import ipaddress
import re
from email import message_from_bytes
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import cast

import relay_gateway
from relay_gateway.core import path, proxy, xforward
from relay_gateway.core.decision import Policy, decide
from relay_gateway.core.edit import apply
from relay_gateway.core.envelope import Client
from relay_gateway.core.message import Message, Part, Unreadable, read
from relay_gateway.core.path import BadCommand
from relay_gateway.core.proxy import BadHeader
from relay_gateway.core.reason import Reason
from tests import mails
from tests.conftest import ACME, envelope
from tests.rulebook import shipped

COMMANDS = [
    b"MAIL FROM:<hr@acme.example> SIZE=20 BODY=8BITMIME RET=HDRS ENVID=q+2Bx AUTH=<>",
    b"MAIL FROM:<>",
    b'MAIL FROM:<"HR \\" dept>"@acme.example> SMTPUTF8 REQUIRETLS',
    "MAIL FROM:<採用@アクメ.example> SMTPUTF8".encode(),
    b"RCPT TO:<kim@mail.example> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;Kim+40mail.example",
    b"RCPT TO:<kim@[192.0.2.1]> NOTIFY=NEVER",
    b"RCPT TO:<kim@[IPv6:2001:db8::1]>",
    b"rcpt to: <Postmaster>",
    b"RCPT TO:<@a.example,@b.example:kim@mail.example>",
]
WORDS_OF_COMMANDS = [
    *(b"MAIL FROM:", b"RCPT TO:", b"BODY=", b"8BITMIME", b"BINARYMIME", b"SMTPUTF8", b"SIZE="),
    *(b"RET=", b"ENVID=", b"NOTIFY=", b"ORCPT=", b"AUTH=", b"REQUIRETLS", b"rfc822;", b"utf-8;"),
    *(b"NEVER", b"SUCCESS", b",", b"<>", b"+0D", "採".encode(), b"\xc2\x85", b"[IPv6:", b"]"),
]
FORWARDED = [
    b"NAME=mail.client.example ADDR=192.0.2.9 PORT=4711 PROTO=ESMTP HELO=pc.example SOURCE=REMOTE",
    b"NAME=[UNAVAILABLE] ADDR=IPV6:2001:db8::1 HELO=a+20b+2Bc IDENT=4Q7x",
]
WORDS_OF_FORWARDERS = [
    *(b"NAME=", b"ADDR=", b"PORT=", b"PROTO=", b"HELO=", b"IDENT=", b"SOURCE=", b"[TEMPUNAVAIL]"),
    *(b"+0D", b"+0A", b"+00", b"IPV6:", b"%eth0", b"::ffff:1.2.3.4", b"65536", b"LOCAL"),
]
HEADERS = [
    b"PROXY TCP4 192.0.2.1 192.0.2.2 4711 25\r\n",
    b"PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n",
    b"PROXY UNKNOWN\r\n",
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\2\1\xc0\0\2\2\x12\x34\0\x19",
    b"\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x24" + bytes(range(36)),
    b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0",
]
WORDS_OF_PROXIES = [
    *(b"PROXY ", b"TCP4 ", b"TCP6 ", b"UNKNOWN", b"65536", b"::1", b"%lo", b"\x21", b"\xff\xff"),
]
WORDS_OF_MAILS = [
    *(
        b"Content-Type: ",
        b"Content-Transfer-Encoding: ",
        b"multipart/mixed",
        b"text/html",
        b"base64",
    ),
    *(b"multipart/alternative", b"message/rfc822", b"text/plain", b"quoted-printable", b"8bit"),
    *(
        b"charset=",
        b"iso-2022-jp",
        b"shift_jis",
        b"euc-jp",
        b"utf-8",
        b"utf-7",
        b"utf-16",
        b"cp932",
    ),
    *(b"punycode", b"boundary=", b'"b"', b"--b\r\n", b"--b--\r\n", b"X-Relay-Trace: v1 0\r\n"),
    *(
        b"<p>",
        b"</p>",
        b"<br>",
        b"<div ",
        b"<!--",
        b"-->",
        b"<style>",
        b"<![CDATA[",
        b"&#x",
        b"&lt;",
    ),
    *(b"</html>", b"<table><tr><td>", b"=\r\n", b"=E3", b"=3D", b"Subject: ", b"To: ", b"Cc: "),
    *(
        "採用を見送".encode(),
        "お祈り".encode(),
        b"https://careerrelay.jp/c/acme",
        b"> ",
        b"-- \r\n",
    ),
]


@cache
def letters() -> list[bytes]:
    """Mails as people send them, and as tests build them."""
    here = Path(__file__).parents[1]
    samples = Path(relay_gateway.__file__).parent / "samples"
    files = [*samples.glob("*.eml"), *here.glob("corpus/*/*.eml")]
    return [*(path.read_bytes() for path in sorted(files)), *_built()]


def _built() -> list[bytes]:
    ways = [("utf-8", "8bit"), ("utf-8", "base64"), ("utf-8", "quoted-printable")]
    ways += [("iso-2022-jp", "7bit"), ("iso-2022-jp", "base64"), ("cp932", "8bit")]
    ways += [("euc-jp", "quoted-printable"), ("shift_jis", "base64")]
    plain = [mails.part(charset=charset, encoding=encoding) for charset, encoding in ways]
    pages = [
        mails.part(mails.JA_HTML, "text/html", charset=charset, encoding=encoding)
        for charset, encoding in ways
    ]
    both = [mails.multipart("alternative", *pair) for pair in zip(plain, pages, strict=True)]
    deep = mails.multipart("mixed", mails.multipart("related", both[0], boundary="c"), plain[1])
    return [mails.mail(entity) for entity in (*plain, *pages, *both, deep, mails.part(mails.EN))]


@cache
def _policy() -> Policy:
    return Policy((ACME,), shipped())


def check_path(line: bytes) -> None:
    """An address and parameters that stand in the line as they are, or a refusal."""
    for take in (
        path.mail,
        lambda line: path.rcpt(line, False),
        lambda line: path.rcpt(line, True),
    ):
        try:
            found = take(line)
        except BadCommand:
            continue
        assert b"<" + found.address + b">" in line
        text = b"".join((found.address, *found.parameters)).decode("utf-8")
        assert not re.search("[\0-\x1f\x7f-\x9f\u2028\u2029]", text)
        assert all(b" " + each in line and b" " not in each for each in found.parameters)


def check_xforward(argument: bytes) -> None:
    """A client that can be told of, or a refusal."""
    try:
        said = xforward.read(argument)
    except BadCommand:
        return
    found = xforward.original(Client("192.0.2.1", b"x"), said)
    ipaddress.ip_address(found.address)
    assert not re.search(rb"[\0-\x1f\x7f]", found.helo)


def check_proxy(said: bytes) -> None:
    """An address, or a refusal; never more octets asked for than there is room for."""
    head = b""
    try:
        while missing := proxy.lacking(head):
            if len(head) + missing > len(said):
                return
            head = said[: len(head) + missing]
        address = proxy.source(head)
    except BadHeader:
        return
    assert not address or ipaddress.ip_address(address)


def check_message(raw: bytes) -> None:
    """Spans that lie in the mail, in order, or `Unreadable`."""
    try:
        message = read(raw)
    except Unreadable:
        return
    spans = [field.span for field in message.fields]
    spans += [part.body for part in message.parts]
    assert all(0 <= span.start <= span.end <= len(raw) for span in spans)
    assert all(one.end <= other.start for one, other in pairwise(spans))
    for part in message.parts:
        # Where the outermost entity ends, the mail does; the others end at a delimiter line.
        behind = raw[part.body.end :]
        assert behind.startswith((b"\r\n--", b"\n--", b"--")) if part.inside else not behind


def check_decide(raw: bytes) -> None:
    """A decision, and if it is to write, then once, on top and in the letter only."""
    # No others are let in.
    raw = re.sub(rb"\r\n|\r|\n", b"\r\n", raw)
    decision = decide(envelope(), raw, _policy())
    if not decision.edits:
        # VERIFY_FAILED is among these: the mail would have gone on as it came.
        assert decision.reason not in (Reason.REJECTION, Reason.UPGRADED_LINK)
        return
    rewritten = apply(raw, decision.edits)
    old, new = read(raw), read(rewritten)
    assert [_fact(field) for field in new.fields[1:]] == [_fact(field) for field in old.fields]
    assert [_kind(part) for part in new.parts] == [_kind(part) for part in old.parts]
    assert all(raw[edit.start : edit.end] != edit.new for edit in decision.edits)
    again = decide(envelope(), rewritten, _policy())
    assert not again.edits, again.reason
    assert _unlettered(rewritten, new) == _unlettered(raw, old)
    if decision.reason is Reason.REJECTION:
        assert all(map(_is_longer, _decoded(raw), _decoded(rewritten)))


def _fact(field: object) -> tuple[object, object]:
    return getattr(field, "name", None), getattr(field, "value", None)


def _kind(part: Part) -> tuple[object, ...]:
    return part.media_type, part.parameters, part.encoding, part.disposition, len(part.inside)


def _decoded(raw: bytes) -> list[bytes]:
    """What Python's `email` finds in the leaves."""
    leaves = (one for one in message_from_bytes(raw).walk() if not one.is_multipart())
    return [cast(bytes, leaf.get_payload(decode=True)) for leaf in leaves]


def _is_longer(old: bytes, new: bytes) -> bool:
    """Whether the old bytes are the new ones, or these with one piece left out."""
    shared = _shared(old, new) + _shared(old[::-1], new[::-1])
    return old == new or (len(new) > len(old) and shared >= len(old))


def _shared(one: bytes, other: bytes) -> int:
    """How many octets both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def _unlettered(raw: bytes, message: Message) -> list[bytes]:
    """The bodies that no block may stand in."""
    return [raw[part.body.start : part.body.end] for part in message.parts if not part.is_letter]
