"""The next hop's words come back as they are, or it has said nothing."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path as File

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from relay_gateway.core.path import Path
from relay_gateway.core.reply import NO_NEXT_HOP, Reply
from relay_gateway.edge.next_hop import NextHop, Timeouts, Tls
from tests.doubles import DROP, HANG, Drip, NextServer
from tests.edge.fronts import IMPATIENT, next_hop

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
    async with NextServer() as server:
        pass
    hop = next_hop(server.port)
    assert await hop.open() == NO_NEXT_HOP
    assert await send(hop) == NO_NEXT_HOP
    assert await hop.rcpt(KIM) == NO_NEXT_HOP
    assert await hop.data(RAW) == NO_NEXT_HOP
    await hop.reset()
    await hop.quit()


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
        for parameter in (b"BODY=8BITMIME", b"SMTPUTF8", b"RET=FULL", b"ENVID=x", b"AUTH=<>"):
            assert (await hop.mail(Path(SENDER.address, (parameter,)))).code == 555
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


def certified(directory: File) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate of its own making, and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "next.example")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    chain = directory / "chain.pem"
    chain.write_bytes(
        certificate.public_bytes(pem)
        + key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(chain)
    return server, ssl.create_default_context(cafile=chain)


OFFERING = b"250-next.example\r\n250 STARTTLS\r\n"


@pytest.mark.parametrize(
    ("tls", "trusts", "is_offered", "is_sent"),
    [
        (Tls.NONE, False, True, True),
        (Tls.OPPORTUNISTIC, False, True, True),
        (Tls.OPPORTUNISTIC, False, False, True),
        (Tls.REQUIRE, False, True, True),
        (Tls.REQUIRE, False, False, False),
        (Tls.VERIFY, True, True, True),
        (Tls.VERIFY, False, True, False),
        (Tls.VERIFY, True, False, False),
        (Tls.IMPLICIT, True, True, True),
        (Tls.IMPLICIT, False, True, False),
    ],
)
async def test_tls_is_used_as_told(tmp_path, tls, trusts, is_offered, is_sent):
    context, trust = certified(tmp_path)
    said = OFFERING if is_offered else BARE
    async with NextServer({"EHLO": said}, tls=context, is_implicit=tls is Tls.IMPLICIT) as server:
        hop = NextHop(
            "127.0.0.1",
            server.port,
            tls,
            "gateway.example",
            Timeouts(),
            trust=trust if trusts else None,
        )
        assert (await send(hop)).is_ok is is_sent
        assert (b"STARTTLS" in server.lines) is (is_offered and tls not in (Tls.NONE, Tls.IMPLICIT))
        await hop.quit()


async def test_words_said_before_tls_are_not_taken_for_words_under_it(tmp_path):
    context, _ = certified(tmp_path)
    injected = b"220 go\r\n250 injected\r\n"
    async with NextServer({"EHLO": OFFERING, "STARTTLS": injected}, tls=context) as server:
        hop = NextHop("127.0.0.1", server.port, Tls.REQUIRE, "gateway.example", Timeouts())
        assert await hop.open() == NO_NEXT_HOP
