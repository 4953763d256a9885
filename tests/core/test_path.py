"""Addresses are carried as they stand, or refused."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from relay_gateway.core import path
from relay_gateway.core.path import BadCommand, Path

ADDRESSES = [
    b"kim@mail.example",
    b"kim+tag/x=1@mail.example",
    b'"kim park"@mail.example',
    b'"a>b\\"@ \\\\c"@mail.example',
    b'""@mail.example',
    b"=?utf-8?q?a=0d=0aRCPT=20TO=3cevil=40x.example=3e?=@mail.example",
    b"taro..yamada.@docomo.example",
    b"a@[192.0.2.1]",
    b"a@[IPv6:2001:db8::1]",
    b"a@[x-tag:anything]",
    b"a@my_host.example",
    b"A@MAIL.Example",
    b"bounce-" + b"x" * 100 + b"@mail.example",
]

NOT_ADDRESSES = [
    b"kim",
    b"kim@",
    b"@mail.example",
    b"kim park@mail.example",
    b"kim@mail..example",
    b"kim@-mail.example",
    b"kim@evil.example@mail.example",
    b"kim@mail.example.",
    b"kim@mail.example>",
    b"<kim@mail.example",
    b"@relay.example:kim@mail.example",
    b"@a.example,@b.example:kim@mail.example",
    b'"kim@mail.example',
    b'"kim\\"@mail.example',
    b"kim\x00@mail.example",
    b"kim@mail.example\r",
    b'"a\rb"@mail.example',
    b'"a\nb"@mail.example',
    b'"a\\\nb"@mail.example',
    b"kim\x1b@mail.example",
    b"kim(comment)@mail.example",
    b"Kim <kim@mail.example>",
    b"a@[300.0.2.1]",
    b"a@[IPv6:fe80::1%eth0]",
    b"a@[192.0.2.1",
    b"a@" + b"x" * 64 + b".example",
    b"a@" + b"x." * 130 + b"example",
    b"x" * 1000 + b"@mail.example",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_is_carried_byte_for_byte(address):
    assert path.mail(b"MAIL FROM:<" + address + b">") == Path(address)
    assert path.rcpt(b"RCPT TO:<" + address + b">", is_utf8=False) == Path(address)


@pytest.mark.parametrize("address", NOT_ADDRESSES)
def test_what_is_no_address_is_refused(address):
    with pytest.raises(BadCommand) as sender:
        path.mail(b"MAIL FROM:<" + address + b">")
    with pytest.raises(BadCommand) as recipient:
        path.rcpt(b"RCPT TO:<" + address + b">", is_utf8=False)
    assert sender.value.reply.lines[0].startswith(b"5.1.7")
    assert recipient.value.reply.lines[0].startswith(b"5.1.3")


def test_only_a_sender_may_be_empty():
    assert path.mail(b"MAIL FROM:<>") == Path(b"")
    with pytest.raises(BadCommand):
        path.rcpt(b"RCPT TO:<>", is_utf8=False)


def test_only_a_recipient_may_be_postmaster_alone():
    assert path.rcpt(b"RCPT TO:<PostMaster>", is_utf8=False) == Path(b"PostMaster")
    with pytest.raises(BadCommand):
        path.mail(b"MAIL FROM:<Postmaster>")


@pytest.mark.parametrize("line", [b"mail from: <a@b.example>", b"MAIL FROM:<a@b.example>  "])
def test_case_and_stray_spaces_do_not_matter(line):
    assert path.mail(line) == Path(b"a@b.example")


@pytest.mark.parametrize(
    "line", [b"", b"MAIL", b"MAIL FROM", b"MAIL TO:<a@b.example>", b"MAIL  FROM:<>"]
)
def test_a_command_of_another_shape_is_refused_with_its_syntax(line):
    with pytest.raises(BadCommand) as bad:
        path.mail(line)
    assert bad.value.reply.code == 501


MAIL_PARAMETERS = [
    b"SIZE=0",
    b"size=12345678901234567890",
    b"BODY=8BITMIME",
    b"body=7bit",
    b"RET=HDRS",
    b"ENVID=QQ314159+3D",
    b"AUTH=<>",
    b"AUTH=e+3Dmc2@mail.example",
    b"SMTPUTF8",
]
RCPT_PARAMETERS = [
    b"NOTIFY=NEVER",
    b"notify=success,DELAY,Failure",
    b"ORCPT=rfc822;Bob+40x@mail.example",
]


@pytest.mark.parametrize("parameter", MAIL_PARAMETERS)
def test_a_senders_parameters_are_carried_as_they_stand(parameter):
    assert path.mail(b"MAIL FROM:<a@b.example> " + parameter).parameters == (parameter,)


@pytest.mark.parametrize("parameter", RCPT_PARAMETERS)
def test_a_recipients_parameters_are_carried_as_they_stand(parameter):
    line = b"RCPT TO:<a@b.example> " + parameter
    assert path.rcpt(line, is_utf8=False).parameters == (parameter,)


@pytest.mark.parametrize(
    ("parameter", "code"),
    [
        (b"SIZE", 501),
        (b"SIZE=", 501),
        (b"SIZE=-1", 501),
        (b"SIZE=1 SIZE=2", 501),
        (b"BODY=9BIT", 501),
        (b"BODY=BINARYMIME", 555),
        (b"SMTPUTF8=1", 501),
        (b"RET=SOME", 501),
        (b"ENVID=a=b", 501),
        (b"ENVID=+3", 501),
        (b"ENVID=" + b"x" * 101, 501),
        (b"X-MINE=1", 555),
        (b"NOTIFY=NEVER", 555),
        (b"MT-PRIORITY=1", 555),
        (b"=1", 501),
        (b"SIZE=1\x00", 501),
        (b"AUTH=\xff", 501),
    ],
)
def test_a_wrong_parameter_is_refused_and_an_unknown_one_not_recognized(parameter, code):
    with pytest.raises(BadCommand) as bad:
        path.mail(b"MAIL FROM:<a@b.example> " + parameter)
    assert bad.value.reply.code == code
    assert bad.value.reply.lines[0].startswith(b"5.5.4")


@pytest.mark.parametrize("value", [b"", b"NEVER,DELAY", b"DELAY,DELAY", b"MAYBE", b"DELAY,"])
def test_a_wish_for_reports_has_to_make_sense(value):
    with pytest.raises(BadCommand):
        path.rcpt(b"RCPT TO:<a@b.example> NOTIFY=" + value, is_utf8=False)


YAMADA = "山田@例え.example".encode()


def test_other_than_ascii_needs_smtputf8():
    assert path.mail(b"MAIL FROM:<" + YAMADA + b"> SMTPUTF8").address == YAMADA
    assert path.rcpt(b"RCPT TO:<" + YAMADA + b">", is_utf8=True).address == YAMADA
    for parse in (path.mail, lambda line: path.rcpt(b"RCPT TO" + line[9:], is_utf8=False)):
        with pytest.raises(BadCommand) as bad:
            parse(b"MAIL FROM:<" + YAMADA + b">")
        assert bad.value.reply.code == 553


@pytest.mark.parametrize(
    "address", [b"\xff@b.example", b"\xc2\x85@b.example", b"\xe2\x80\xa8@b.example"]
)
def test_smtputf8_means_utf8_without_control_characters(address):
    with pytest.raises(BadCommand):
        path.mail(b"MAIL FROM:<" + address + b"> SMTPUTF8")


PIECES = [b"<", b">", b"@", b'"', b"\\", b" ", b".", b":", b",", b"[", b"]", b"=", b"+", b";"]
PIECES += [b"\r", b"\n", b"\0", b"\x7f", b"\xff", b"\xe3\x81\x82", b"a", b"-", b"\t", b"NOTIFY="]
WHOLE = [b"<a@b.example>", b'<"', b'"@b.example>', b" SMTPUTF8", b" SIZE=1", b"<a@[IPv6:"]
HURTFUL = st.lists(st.sampled_from(PIECES + WHOLE), max_size=20).map(b"".join)
LINES = st.tuples(st.sampled_from([b"", *WHOLE]), HURTFUL, st.sampled_from([b"", *WHOLE]))


@given(st.one_of(LINES.map(b"".join), st.binary(max_size=50)))
@example(b'<"a\r\nRCPT TO:<evil@x.example>"@good.example>')
def test_any_bytes_are_carried_or_refused(rest):
    for parse in (
        lambda: path.mail(b"MAIL FROM:" + rest),
        lambda: path.rcpt(b"RCPT TO:" + rest, is_utf8=True),
    ):
        try:
            parsed = parse()
        except BadCommand:
            continue
        carried = b" ".join([b"<" + parsed.address + b">", *parsed.parameters])
        assert carried == b" ".join(_words(rest, parsed.address))
        assert not any(byte < 32 or byte == 127 for byte in carried)


def _words(rest: bytes, address: bytes) -> list[bytes]:
    """What was said, less the spaces that mean nothing."""
    path_, said = b"<" + address + b">", rest.lstrip(b" ")
    assert said.startswith(path_)
    return [path_, *said[len(path_) :].split()]
