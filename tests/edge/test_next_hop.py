"""The next hop's words come back as they are, or it has said nothing."""

from __future__ import annotations

import asyncio
import re
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay_gateway.core.path import Path
from relay_gateway.core.reply import NO_NEXT_HOP, Reply
from relay_gateway.edge.line import Garbled, Line
from relay_gateway.edge.next_hop import Destination, NextHop, Timeouts
from tests.certificates import authority
from tests.doubles import DROP, HANG, Drip, NextServer
from tests.edge.fronts import IMPATIENT, next_hop
from tests.ports import reserved

SENDER = Path(b"hr@acme.example")
KIM = Path(b"kim@mail.example")
RAW = b"Subject: hello\r\n\r\nhello\r\n"


async def send(hop: NextHop, raw: bytes = RAW) -> Reply:
    """All of one mail; the first reply that is no success, or the last."""
    reply = await hop.mail(SENDER)
    if reply.is_ok:
        reply = await hop.rcpt(KIM)
    return await hop.data(raw) if reply.is_ok else reply


async def sent(server: NextServer, raw: bytes = RAW, timeouts: Timeouts | None = None) -> Reply:
    hop = next_hop(server.port, timeouts)
    reply = await send(hop, raw)
    hop.close()
    return reply


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA", "DOT"])
@pytest.mark.parametrize(
    ("said", "heard"),
    [
        (b"450 4.2.1 busy\r\n", Reply(450, (b"4.2.1 busy",))),
        (b"550 no\r\n", Reply(550, (b"no",))),
        (
            b"550-5.1.1 no\r\n550-\r\n550 \xe3\x81\x82\xff \r\n",
            Reply(550, (b"5.1.1 no", b"", b"\xe3\x81\x82\xff ")),
        ),
        (b"421 4.3.2 bye\r\n", Reply(421, (b"4.3.2 bye",))),
        (b"599\r\n", Reply(599, (b"",))),
        (b"550 \x1b[31mred\x07\r\n", Reply(550, (b"[31mred",))),
        (Drip(b"550-slow\r\n550 ly\r\n"), Reply(550, (b"slow", b"ly"))),
    ],
)
async def test_a_refusal_comes_back_word_for_word(step, said, heard):
    async with NextServer({step: said}) as server:
        assert await sent(server) == heard
        assert not server.mails


@pytest.mark.parametrize("step", ["DATA", "DOT"])
@pytest.mark.usefixtures("stillness")
async def test_a_client_never_waits_longer_for_a_mail_than_until_it_would_send_again(step):
    # Were each wait by itself, they could be longer together than the client's ten minutes.
    patient = Timeouts(reply=3600.0, final_dot=0.2)
    async with NextServer({step: HANG}) as server:
        assert await sent(server, timeouts=patient) == NO_NEXT_HOP


async def test_words_too_long_for_a_line_are_cut():
    # RFC 5321, 4.5.3.1.5; smtplib, for one, takes an overlong acceptance for a failure.
    async with NextServer({"DOT": b"250-" + b"x" * 9000 + b"\r\n250 short\r\n"}) as server:
        said = await sent(server)
    assert [len(line) for line in said.wire().splitlines(keepends=True)] == [512, 11]


GARBLED = [
    b"\r\n",
    b"hello\r\n",
    b"25\r\n",
    b"2_5 ok\r\n",
    b"+25 ok\r\n",
    b" 25 ok\r\n",
    b"2500 ok\r\n",
    b"250ok\r\n",
    b"199 ok\r\n",
    b"600 ok\r\n",
    b"999 ok\r\n",
    b"250 ok\n",
    b"250 o\rk\r\n",
    b"250-ok\r\n550 no\r\n",
    b"550-no\r\n250 ok\r\n",
    b"250 ok\r\n250 ok\r\n",
    b"250 ok\r\n550 no\r\n",
    b"250 ok\r\nx",
    b"354 go\r\n250 ok\r\n",
    b"334 what\r\n",
    (b"250-ok\r\n", DROP),
    (b"250 ok", DROP),
    DROP,
]


@pytest.mark.parametrize("step", ["CONNECT", "MAIL", "RCPT", "DATA", "DOT"])
@pytest.mark.parametrize("said", GARBLED, ids=repr)
async def test_what_is_no_reply_is_never_success_nor_refusal(step, said):
    async with NextServer({step: said}) as server:
        assert await sent(server) == NO_NEXT_HOP


@pytest.mark.parametrize("step", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "DOT"])
@pytest.mark.usefixtures("stillness")
async def test_silence_ends_and_may_be_tried_again(step):
    async with NextServer({step: HANG}) as server:
        assert await sent(server, timeouts=IMPATIENT) == NO_NEXT_HOP


async def test_only_354_lets_a_mail_out():
    async with NextServer({"DATA": b"250 ok\r\n"}) as server:
        assert await sent(server) == NO_NEXT_HOP
        assert server.lines[-1] == b"DATA"


async def test_any_2yz_to_the_dot_is_success_even_with_a_farewell():
    for said in (b"250 ok\r\n", b"252 \xff\r\n", b"250 ok\r\n421 bye\r\n", (b"250 ok\r\n", DROP)):
        async with NextServer({"DOT": said}) as server:
            assert (await sent(server)).is_ok
            assert len(server.mails) == 1


async def test_a_very_long_acceptance_is_one():
    async with NextServer(
        {"DOT": b"250-" + b"x" * 40_000 + b"\r\n250 " + b"y" * 9_000 + b"\r\n"}
    ) as server:
        assert (await sent(server)).is_ok


async def test_a_reply_without_end_is_none():
    async with NextServer({"MAIL": b"250-" + b"x" * 2**18}) as server:
        assert await sent(server) == NO_NEXT_HOP


async def test_words_that_nobody_asked_for_end_the_connection():
    said = asyncio.Event()
    async with NextServer({"RCPT": (b"250 ok\r\n", said, b"250 and again\r\n")}) as server:
        hop = next_hop(server.port)
        await hop.mail(SENDER)
        await hop.rcpt(KIM)
        said.set()
        # Both ends are in this loop, and loopback takes no time: a few turns bring the words.
        for _ in range(10):
            await asyncio.sleep(0)
        assert await hop.rcpt(Path(b"lee@mail.example")) == NO_NEXT_HOP
        assert b"RCPT TO:<lee@mail.example>" not in server.lines
        hop.close()


@pytest.mark.usefixtures("stillness")
async def test_who_answers_before_the_end_never_gets_the_end():
    early = asyncio.Event()
    async with NextServer({"DATA": (b"354 go\r\n", early, b"250 enough\r\n")}) as server:
        # The mail is larger than what fits in between, so the words come while it is sent.
        sending = asyncio.create_task(sent(server, (b"x" * 998 + b"\r\n") * 2**15))
        await server.reached("DATA")
        asyncio.get_running_loop().call_later(0.1, early.set)
        assert await sending == NO_NEXT_HOP
        assert not server.mails


async def test_a_refusal_of_us_is_no_refusal_of_the_mail():
    for step in ("CONNECT", "HELO"):
        async with NextServer({"EHLO": b"502 what?\r\n", step: b"554 go away\r\n"}) as server:
            assert await sent(server) == NO_NEXT_HOP


async def test_a_server_that_knows_only_helo_is_spoken_to():
    async with NextServer({"EHLO": b"500 what?\r\n"}) as server:
        assert (await sent(server)).is_ok
        assert server.lines[:2] == [b"EHLO gateway.example", b"HELO gateway.example"]


async def test_an_unreachable_next_hop_is_no_exception():
    with reserved() as port:
        hop = next_hop(port)
        assert await hop.open() == NO_NEXT_HOP
        assert await send(hop) == NO_NEXT_HOP
        assert await hop.rcpt(KIM) == NO_NEXT_HOP
        assert await hop.data(RAW) == NO_NEXT_HOP
        await hop.reset()
        await hop.quit()


async def test_a_name_with_several_addresses_is_reached_at_one_of_them():
    # Where `localhost` is ::1 as well, nobody is there.
    async with NextServer() as server:
        hop = NextHop(Destination("localhost", server.port), "gateway.example", Timeouts())
        assert (await send(hop)).is_ok
        hop.close()


async def test_only_mail_connects_again():
    async with NextServer({"MAIL": (b"250 ok\r\n", DROP)}) as server:
        hop = next_hop(server.port)
        assert (await hop.mail(SENDER)).is_ok
        assert await hop.rcpt(KIM) == NO_NEXT_HOP
        assert await hop.data(RAW) == NO_NEXT_HOP
        assert server.connections == 1
        assert (await hop.mail(SENDER)).is_ok
        assert server.connections == 2
        hop.close()


async def test_a_clean_connection_carries_the_next_mail():
    async with NextServer() as server:
        hop = next_hop(server.port)
        for _ in range(3):
            assert (await send(hop)).is_ok
        await hop.quit()
        assert (server.connections, len(server.mails), server.lines[-1]) == (1, 3, b"QUIT")


@pytest.mark.parametrize("said", [DROP, b"421 4.4.2 idle\r\n", b"rubbish\r\n"], ids=repr)
async def test_a_connection_gone_stale_is_replaced_before_the_client_hears(said):
    fine = b"250 2.1.0 fine\r\n"
    async with NextServer({"MAIL": [fine, said, fine]}) as server:
        hop = next_hop(server.port)
        assert (await send(hop)).is_ok
        assert (await send(hop)).is_ok
        assert (server.connections, len(server.mails)) == (2, 2)
        hop.close()


async def test_a_new_connection_is_not_replaced():
    async with NextServer({"MAIL": b"421 4.4.2 no\r\n"}) as server:
        assert (await sent(server)).code == 421
        assert server.connections == 1


async def test_after_a_refusal_the_transaction_is_reset_before_the_next():
    async with NextServer({"DOT": [b"550 spam\r\n"]}) as server:
        hop = next_hop(server.port)
        assert (await send(hop)).code == 550
        assert (await send(hop)).is_ok
        assert b"RSET" in server.lines
        hop.close()


async def test_a_connection_that_does_not_reset_is_not_used_again():
    async with NextServer({"DOT": [b"550 spam\r\n"], "RSET": b"500 what?\r\n"}) as server:
        hop = next_hop(server.port)
        await send(hop)
        assert (await send(hop)).is_ok
        assert server.connections == 2
        hop.close()


@pytest.mark.parametrize("said", [b"rubbish\r\n", b"500 no\r\n", DROP], ids=repr)
async def test_a_farewell_that_fails_is_no_failure(said):
    async with NextServer({"QUIT": said}) as server:
        hop = next_hop(server.port)
        assert (await send(hop)).is_ok
        await hop.quit()


BARE = b"250-next.example\r\n250 PIPELINING\r\n"


async def test_only_the_size_is_left_out_where_it_is_not_offered():
    async with NextServer({"EHLO": BARE}) as server:
        hop = next_hop(server.port)
        assert (await hop.mail(Path(SENDER.address, (b"SIZE=9",)))).is_ok
        assert server.lines[-1] == b"MAIL FROM:<hr@acme.example>"
        assert (await hop.rcpt(Path(KIM.address, (b"NOTIFY=NEVER",)))).code == 555
        for parameter in (b"BODY=8BITMIME", b"RET=FULL", b"ENVID=x", b"AUTH=<>", b"HOLDFOR=9"):
            assert (await hop.mail(Path(SENDER.address, (parameter,)))).code == 555
        for parameter, status in ((b"SMTPUTF8", b"5.6.7 "), (b"REQUIRETLS", b"5.7.30 ")):
            said = await hop.mail(Path(SENDER.address, (parameter,)))
            assert (said.code, said.lines[0].startswith(status)) == (550, True)
        assert not any(b" " in line[5:] for line in server.lines if line.startswith(b"MAIL "))
        hop.close()


async def test_a_client_with_a_login_may_say_so_to_a_next_hop_that_knows_none():
    # Postfix does, in each MAIL; RFC 4954, 5: it is passed on to servers that know logins.
    sender = Path(SENDER.address, (b"AUTH=<>", b"BODY=8BITMIME"))
    async with NextServer() as server:
        hop = next_hop(server.port)
        assert (await hop.mail(sender)).code == 555
        assert (await hop.mail(sender, has_login=True)).is_ok
        assert server.lines[-1] == b"MAIL FROM:<hr@acme.example> BODY=8BITMIME"
        hop.close()
        server.replies["EHLO"] = b"250-next.example\r\n250-8BITMIME\r\n250 AUTH PLAIN\r\n"
        assert (await hop.mail(sender, has_login=True)).is_ok
        assert server.lines[-1] == b"MAIL FROM:<hr@acme.example> AUTH=<> BODY=8BITMIME"
        hop.close()


async def test_parameters_are_carried_as_they_stand():
    async with NextServer() as server:
        hop = next_hop(server.port)
        await hop.mail(Path(b"", (b"SIZE=9", b"Body=8bitmime", b"RET=HDRS", b"ENVID=q+3Dx")))
        await hop.rcpt(Path(b'"k m"@mail.example', (b"NOTIFY=Success,DELAY", b"ORCPT=rfc822;Kim")))
        hop.close()
        assert server.lines[-2:] == [
            b"MAIL FROM:<> SIZE=9 Body=8bitmime RET=HDRS ENVID=q+3Dx",
            b'RCPT TO:<"k m"@mail.example> NOTIFY=Success,DELAY ORCPT=rfc822;Kim',
        ]


@given(st.lists(st.sampled_from([b"\r\n", b".", b"a", b"\0", b"\xff"]), max_size=40))
async def test_a_mail_arrives_byte_for_byte(pieces):
    raw = b"".join([*pieces, b"\r\n"])
    async with NextServer() as server:
        assert (await sent(server, raw)).is_ok
        assert server.mails[0].raw == raw


async def test_a_large_mail_arrives_whole():
    raw = (b"." * 70 + b"\r\n") * 40_000
    async with NextServer() as server:
        assert (await sent(server, raw)).is_ok
        assert server.mails[0].raw == raw


async def test_a_next_hop_that_stops_reading_is_given_up():
    never = asyncio.Event()
    async with NextServer({"DATA": (b"354 go\r\n", never)}) as server:
        assert await sent(server, b"x" * 2**26 + b"\r\n", IMPATIENT) == NO_NEXT_HOP


async def test_what_was_offered_while_nobody_was_there_is_refused_if_it_is_not_to_be_had():
    async with NextServer({"EHLO": [b"421 4.3.2 not now\r\n", BARE]}) as server:
        hop = next_hop(server.port)
        assert (await hop.open()).code == 421
        assert not hop.is_open
        assert (await hop.mail(Path(SENDER.address, (b"BODY=8BITMIME",)))).code == 555
        assert b"PIPELINING" in hop.offers
        server.replies["EHLO"] = [b"421 4.3.2 not now\r\n"]
        assert (await hop.open()).code == 421
        assert not hop.offers
        assert (await send(hop)).is_ok
        hop.close()


async def connected() -> tuple[Line, socket.socket]:
    """A line that has heard the greeting, with little room on it, and the socket at its end."""
    ours, theirs = socket.socketpair()
    for end in (ours, theirs):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        end.setblocking(False)
    _, line = await asyncio.get_running_loop().create_connection(Line, sock=ours)
    theirs.send(b"220 next.example\r\n")
    assert (await line.hear(10)).code == 220
    return line, theirs


async def test_what_was_said_before_the_dot_is_no_answer_to_it():
    line, theirs = await connected()
    theirs.send(b"250 taken\r\n")
    with pytest.raises(Garbled):
        await line.send(RAW, 10)
    line.drop()
    theirs.close()


async def test_what_was_said_in_the_clear_is_not_taken_along_into_tls():
    line, theirs = await connected()
    theirs.send(b"250 injected\r\n")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    with pytest.raises(Garbled):
        await line.secure(authority().client(), "next.example", 10)
    line.drop()
    theirs.close()


async def test_who_answers_while_our_words_are_still_here_has_not_heard_them():
    line, theirs = await connected()
    loop = asyncio.get_running_loop()
    # All of it is one last block with the dot, and most of that finds no room in the socket.
    sending = asyncio.create_task(line.send(b"x" * 100_000 + b"\r\n", 10))
    await loop.sock_recv(theirs, 1)
    theirs.send(b"250 taken\r\n")
    for _ in range(10):
        await asyncio.sleep(0)
    while not (await loop.sock_recv(theirs, 2**16)).endswith(b"\r\n.\r\n"):
        pass
    await sending
    with pytest.raises(Garbled):
        await line.hear(10)
    line.drop()
    theirs.close()


ATTRIBUTES = (b"NAME=mail.acme.example ADDR=192.0.2.7 PORT=25", b"HELO=acme Proto=ESMTP IDENT=7")
LISTING = b"250-next.example\r\n250 XFORWARD NAME ADDR proto HELO\r\n"


def forwarded(server: NextServer) -> list[bytes]:
    return [line for line in server.lines if line.startswith(b"XFORWARD")]


async def test_what_a_proxy_says_of_its_client_goes_before_each_mail_as_far_as_it_is_wanted():
    async with NextServer({"EHLO": LISTING, "MAIL": [b"250 ok\r\n", DROP]}) as server:
        hop = next_hop(server.port)
        for line in ATTRIBUTES:
            hop.forward(line)
        assert (await send(hop)).is_ok
        told = b"XFORWARD NAME=mail.acme.example ADDR=192.0.2.7 HELO=acme Proto=ESMTP"
        assert server.lines[1:3] == [told, b"MAIL FROM:<hr@acme.example>"]
        # The second time the connection has gone stale, and it is said again on the new one.
        hop.forward(b"ADDR=192.0.2.8")
        assert (await send(hop)).is_ok
        assert server.connections == 2
        assert forwarded(server)[1:] == [told.replace(b"0.2.7", b"0.2.8")] * 2
        hop.forward()
        assert (await send(hop)).is_ok
        assert len(forwarded(server)) == 3
        hop.close()


async def test_nothing_is_said_of_the_client_where_nobody_asks():
    async with NextServer() as server:
        hop = next_hop(server.port)
        hop.forward(*ATTRIBUTES)
        assert (await send(hop)).is_ok
        assert not forwarded(server)
        hop.close()


async def test_no_command_about_the_client_is_too_long():
    async with NextServer({"EHLO": LISTING}) as server:
        hop = next_hop(server.port)
        hop.forward(*(name + b"=" + b"x" * 255 for name in (b"NAME", b"ADDR", b"HELO")))
        assert (await send(hop)).is_ok
        assert [line.count(b"=") for line in forwarded(server)] == [1, 1, 1]
        assert max(map(len, forwarded(server))) <= 510
        hop.close()


@pytest.mark.parametrize(
    ("said", "is_sent"),
    [(b"550 5.7.1 no\r\n", True), (b"501 what?\r\n", True), (b"451 later\r\n", True)]
    + [(said, False) for said in (b"421 bye\r\n", b"354 go\r\n", b"rubbish\r\n", DROP)],
    ids=repr,
)
async def test_a_next_hop_that_does_not_care_about_the_client_gets_the_mail(said, is_sent):
    async with NextServer({"EHLO": LISTING, "XFORWARD": said}) as server:
        hop = next_hop(server.port)
        hop.forward(*ATTRIBUTES)
        reply = await send(hop)
        assert (reply.is_ok, bool(server.mails)) == (is_sent, is_sent)
        assert is_sent or reply == NO_NEXT_HOP
        hop.close()


PIECES = [b"250", b"251-", b"2", b"354", b"421", b"450 ", b"5.1.1", b"550-", b"199", b"600"]
PIECES += [b"\r\n", b"\r", b"\n", b" ", b"-", b" ok", b"\0", b"\x1b[1m", b"\xe3\x81\x82\xff"]
PIECES += [b"250-" + b"x" * 600 + b"\r\n", b"250 ok\r\n", b"550 no\r\n", b"421 bye\r\n"]
WORDS = st.lists(st.sampled_from(PIECES), min_size=1, max_size=6).map(b"".join)
PLAIN = rb"[\t -~\x80-\xff]{0,506}\r\n"
WELL_FORMED = re.compile(rb"(?:([2-5]\d\d)-" + PLAIN + rb"(?=\1))*[2-5]\d\d " + PLAIN)
# RFC 5321, 3.8: a farewell may come at any time.
ACCEPTANCE = re.compile(
    rb"(?:(2\d\d)-[^\r\n]*\r\n(?=\1))*2\d\d(?: [^\r\n]*)?\r\n(?:421.*|42?)?", re.DOTALL
)


@given(st.sampled_from("CONNECT EHLO XFORWARD MAIL RCPT DATA DOT".split()), WORDS)
async def test_whatever_the_next_hop_says_the_client_hears_a_reply_and_no_success_but_true(
    step, said
):
    usual = {"EHLO": LISTING}
    async with NextServer({**usual, step: (said, DROP)}) as server:
        hop = next_hop(server.port)
        hop.forward(*ATTRIBUTES)
        reply = await send(hop)
        hop.close()
        assert WELL_FORMED.fullmatch(reply.wire())
        assert reply.is_ok is (step == "DOT" and bool(ACCEPTANCE.fullmatch(said)))
        assert server.mails or not reply.is_ok
