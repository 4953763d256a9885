"""A connection is as safe as we were told to have it, or no mail goes over it; none is refused."""

from __future__ import annotations

import asyncio
import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from relay_gateway.core.path import Path
from relay_gateway.core.reply import NO_NEXT_HOP, Reply
from relay_gateway.edge.next_hop import Destination, NextHop, Timeouts, Tls
from tests.certificates import authority
from tests.doubles import DROP, HANG, Answer, NextServer

OURS, OTHERS = authority(), authority("Somebody else's authority")
NEXT = OURS.server("next.example", "127.0.0.1")
SECURE = (Tls.OPPORTUNISTIC, Tls.REQUIRE, Tls.VERIFY)
INSISTING = (Tls.REQUIRE, Tls.VERIFY)

BARE = b"250-next.example\r\n250 PIPELINING\r\n"
OFFERING = b"250-next.example\r\n250-REQUIRETLS\r\n250 STARTTLS\r\n"
SENDER, KIM = b"hr@acme.example", Path(b"kim@mail.example")
RAW = b"Subject: hello\r\n\r\nhello\r\n"


def trusting(tls: Tls, *names: str) -> ssl.SSLContext | None:
    """A context as the settings make it: only some ways look at whose certificate it is."""
    if tls is Tls.NONE:
        return None
    context = OURS.client(*names)
    if tls in (Tls.OPPORTUNISTIC, Tls.REQUIRE):
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def hop_to(
    server: NextServer,
    tls: Tls,
    context: ssl.SSLContext | None = None,
    name: str = "next.example",
    login: tuple[bytes, bytes] | None = None,
) -> NextHop:
    context = context or trusting(tls)
    destination = Destination("127.0.0.1", server.port, tls, name, context, login)
    return NextHop(destination, "gateway.example", Timeouts(connect=2))


async def sent(hop: NextHop, *parameters: bytes) -> Reply:
    """All of one mail; the first reply that is no success, or the last."""
    reply = await hop.mail(Path(SENDER, parameters))
    if reply.is_ok:
        reply = await hop.rcpt(KIM)
    if reply.is_ok:
        reply = await hop.data(RAW)
    await hop.quit()
    return reply


def is_not_safe(reply: Reply) -> bool:
    return reply.code == 451 and reply.lines[0].startswith(b"4.7.5 ")


def reasons(lines: list) -> list[str]:
    return [line["reason"] for line in lines if line["event"] == "next_hop_tls"]


def in_the_clear(server: NextServer) -> set[bytes]:
    """The commands up to STARTTLS, and no others if there was no TLS."""
    return {line.partition(b" ")[0] for line in server.lines}


@pytest.mark.parametrize("tls", Tls)
async def test_a_mail_goes_in_each_of_the_ways(tls):
    server = NextServer({"EHLO": OFFERING}, tls=NEXT, is_implicit=tls is Tls.IMPLICIT)
    async with server:
        assert (await sent(hop_to(server, tls))).is_ok
        assert (b"STARTTLS" in server.lines) is (tls in SECURE)
        assert server.connections == 1


@pytest.mark.parametrize("tls", SECURE)
async def test_where_no_tls_is_offered_a_mail_goes_only_if_it_may(tls):
    with capture_logs() as lines:
        async with NextServer({"EHLO": BARE}) as server:
            reply = await sent(hop_to(server, tls))
    assert reply.is_ok is (tls is Tls.OPPORTUNISTIC)
    assert reply.is_ok or (is_not_safe(reply) and reasons(lines) == ["not offered"])


async def test_a_server_without_ehlo_offers_no_tls_whatever_it_says():
    said = {"EHLO": b"500 what?\r\n", "HELO": OFFERING}
    async with NextServer(said, tls=NEXT) as server:
        assert is_not_safe(await sent(hop_to(server, Tls.REQUIRE)))
        assert b"STARTTLS" not in server.lines


@pytest.mark.parametrize("tls", [Tls.VERIFY, Tls.IMPLICIT])
@pytest.mark.parametrize(
    ("context", "name", "reason"),
    [
        (OURS.server("other.example"), "next.example", "name"),
        (OURS.server("next.example"), "127.0.0.1", "name"),
        (OURS.server("other.example", "127.0.0.2"), "127.0.0.1", "name"),
        (OURS.server("next.example", days=-1), "next.example", "certificate"),
        (OTHERS.server("next.example"), "next.example", "certificate"),
    ],
)
async def test_a_certificate_that_proves_nothing_gets_no_mail(tls, context, name, reason):
    server = NextServer({"EHLO": OFFERING}, tls=context, is_implicit=tls is Tls.IMPLICIT)
    with capture_logs() as lines:
        async with server:
            assert is_not_safe(await sent(hop_to(server, tls, name=name)))
            assert not server.mails
            assert b"MAIL" not in in_the_clear(server)
    assert reasons(lines) == [reason]


@pytest.mark.parametrize("tls", [Tls.OPPORTUNISTIC, Tls.REQUIRE])
async def test_any_certificate_will_do_where_nobody_asks_whose_it_is(tls):
    context = OTHERS.server("other.example", days=-1)
    async with NextServer({"EHLO": OFFERING}, tls=context) as server:
        assert (await sent(hop_to(server, tls))).is_ok
        assert server.connections == 1


@pytest.mark.parametrize("tls", [Tls.VERIFY, Tls.IMPLICIT])
async def test_an_address_may_stand_in_the_certificate(tls):
    server = NextServer({"EHLO": OFFERING}, tls=NEXT, is_implicit=tls is Tls.IMPLICIT)
    async with server:
        assert (await sent(hop_to(server, tls, name=""))).is_ok


def asking() -> ssl.SSLContext:
    """A server that speaks with nobody whose certificate it has not seen."""
    context = OURS.server("next.example")
    context.load_verify_locations(OURS.file)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("tls", [*SECURE, Tls.IMPLICIT])
async def test_our_own_certificate_is_shown_where_it_is_asked_for(tls, version):
    context = asking()
    context.maximum_version = version
    answers = {"EHLO": OFFERING}
    with capture_logs() as lines:
        async with NextServer(answers, tls=context, is_implicit=tls is Tls.IMPLICIT) as server:
            ours = trusting(tls, "gateway.example")
            assert (await sent(hop_to(server, tls, ours))).is_ok
            assert not lines
            reply = await sent(hop_to(server, tls))
    assert reply.is_ok is (tls is Tls.OPPORTUNISTIC)
    assert reply.is_ok or is_not_safe(reply)
    assert reasons(lines) == ["handshake"]


BROKEN: list[tuple[Answer, str]] = [
    (b"454 4.7.0 not now\r\n", "refused"),
    (b"502 what?\r\n", "refused"),
    (b"250 ok\r\n", "refused"),
    (b"221 ok\r\n", "refused"),
    ((b"220 go\r\n", DROP), "handshake"),
    ((b"220 go\r\n", HANG), "handshake"),
]


@pytest.mark.parametrize("tls", SECURE)
@pytest.mark.parametrize(("said", "reason"), BROKEN, ids=repr)
@pytest.mark.usefixtures("stillness")
async def test_where_tls_fails_a_mail_goes_in_the_clear_only_if_it_may(tls, said, reason):
    with capture_logs() as lines:
        async with NextServer({"EHLO": OFFERING, "STARTTLS": said}) as server:
            reply = await sent(hop_to(server, tls))
            is_clear = b"MAIL" in in_the_clear(server)
            assert server.connections == (2 if is_clear else 1)
            assert server.lines.count(b"STARTTLS") == 1
    assert (reply.is_ok, is_clear) == ((True, True) if tls is Tls.OPPORTUNISTIC else (False, False))
    assert reply.is_ok or is_not_safe(reply)
    assert reasons(lines) == [reason]


async def test_versions_without_overlap_fail_like_any_handshake():
    old = OURS.server("next.example")
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    new = trusting(Tls.REQUIRE)
    new.minimum_version = ssl.TLSVersion.TLSv1_3
    with capture_logs() as lines:
        async with NextServer({"EHLO": OFFERING}, tls=old) as server:
            assert is_not_safe(await sent(hop_to(server, Tls.REQUIRE, new)))
    assert reasons(lines) == ["handshake"]


async def test_a_server_in_the_clear_at_the_port_of_tls_gets_no_mail():
    with capture_logs() as lines:
        async with NextServer() as server:
            assert is_not_safe(await sent(hop_to(server, Tls.IMPLICIT)))
            assert not server.steps[1:]
    assert reasons(lines) == ["handshake"]


@pytest.mark.parametrize("tls", SECURE)
@pytest.mark.parametrize(
    "injected",
    [
        b"250 injected\r\n",
        b"421 bye\r\n",
        b"2",
        b"250-injected\r\n250 REQUIRETLS\r\n",
        b"\x16\x03\x01",
    ],
)
async def test_words_slipped_in_before_tls_are_not_taken_for_words_under_it(tls, injected):
    said = {"EHLO": OFFERING, "STARTTLS": b"220 go\r\n" + injected}
    async with NextServer(said, tls=NEXT) as server:
        hop = hop_to(server, tls)
        assert await sent(hop) == NO_NEXT_HOP
        assert not hop.offers
        assert (server.connections, server.mails) == (1, [])


@pytest.mark.parametrize("tls", INSISTING)
async def test_nor_are_they_in_a_packet_of_their_own(tls):
    later = asyncio.Event()
    said = {"EHLO": OFFERING, "STARTTLS": (b"220 go\r\n", later, b"250 injected\r\n", HANG)}
    async with NextServer(said, tls=NEXT) as server:
        sending = asyncio.create_task(sent(hop_to(server, tls)))
        await server.reached("STARTTLS")
        later.set()
        assert (await sending).code == 451
        assert b"MAIL" not in in_the_clear(server)


@given(
    st.lists(
        st.sampled_from(
            [b"220", b"220 go\r\n", b"250 ok\r\n", b"-", b" ", b"\r\n", b"\x16\x03", b"5"]
        ),
        max_size=5,
    ).map(b"".join),
    st.sampled_from(INSISTING),
)
async def test_whatever_is_said_to_starttls_no_mail_goes_in_the_clear(said, tls):
    async with NextServer({"EHLO": OFFERING, "STARTTLS": (said, DROP)}) as server:
        assert (await sent(hop_to(server, tls))).code == 451
        assert in_the_clear(server) == {b"EHLO", b"STARTTLS"}


async def test_what_was_offered_in_the_clear_is_forgotten_under_tls():
    said = [OFFERING.replace(b"REQUIRETLS", b"DSN"), b"250-next.example\r\n250 8BITMIME\r\n"]
    async with NextServer({"EHLO": said}, tls=NEXT) as server:
        hop = hop_to(server, Tls.REQUIRE)
        await hop.open()
        assert set(hop.offers) == {b"8BITMIME"}
        await hop.quit()


@pytest.mark.parametrize("tls", Tls)
async def test_mail_that_needs_tls_all_the_way_goes_only_to_whom_we_have_verified(tls):
    server = NextServer({"EHLO": OFFERING}, tls=NEXT, is_implicit=tls is Tls.IMPLICIT)
    async with server:
        hop = hop_to(server, tls)
        await hop.open()
        is_verified = tls in (Tls.VERIFY, Tls.IMPLICIT)
        assert (b"REQUIRETLS" in hop.offers) is is_verified
        reply = await sent(hop, b"RequireTLS")
        if is_verified:
            assert reply.is_ok
            assert b"MAIL FROM:<hr@acme.example> RequireTLS" in server.lines
        else:
            assert reply == Reply(550, (b"5.7.30 REQUIRETLS support required",))
            assert not any(line.startswith(b"MAIL") for line in server.lines)


def test_a_destination_is_as_safe_as_it_says():
    with pytest.raises(ValueError, match="context"):
        Destination("next.example", 25, Tls.REQUIRE)
    with pytest.raises(ValueError, match="verifies nobody"):
        Destination("next.example", 25, Tls.VERIFY, "next.example", trusting(Tls.REQUIRE))


LOGIN = (b"relay@acme.example", b"correct horse")
BOTH = b"250-next.example\r\n250-STARTTLS\r\n250 AUTH CRAM-MD5 Login plain\r\n"
SAID = {
    b"PLAIN": [b"AUTH PLAIN AHJlbGF5QGFjbWUuZXhhbXBsZQBjb3JyZWN0IGhvcnNl"],
    b"LOGIN": [b"AUTH LOGIN", b"cmVsYXlAYWNtZS5leGFtcGxl", b"Y29ycmVjdCBob3JzZQ=="],
}


@pytest.mark.parametrize(
    ("offered", "used"), [(b"CRAM-MD5 Login plain", b"PLAIN"), (b"Login", b"LOGIN")]
)
@pytest.mark.parametrize("tls", [Tls.REQUIRE, Tls.VERIFY, Tls.IMPLICIT])
async def test_we_log_in_under_tls_and_on_each_connection(tls, offered, used):
    said = {"EHLO": BOTH.replace(b"CRAM-MD5 Login plain", offered)}
    async with NextServer(said, tls=NEXT, is_implicit=tls is Tls.IMPLICIT) as server:
        hop = hop_to(server, tls, login=LOGIN)
        for _ in range(2):
            server.lines.clear()
            assert (await sent(hop, b"AUTH=<>")).is_ok
            at = server.lines.index(SAID[used][0])
            assert server.lines[at : at + len(SAID[used])] == SAID[used]
            assert server.lines[at + len(SAID[used])] == b"MAIL FROM:<hr@acme.example> AUTH=<>"
            assert at == server.lines.count(b"STARTTLS") * 2 + 1


@pytest.mark.parametrize(
    "said",
    [
        b"535 5.7.8 no, not AHJlbGF5QGFjbWUuZXhhbXBsZQBjb3JyZWN0IGhvcnNl\r\n",
        b"454 4.7.0 not now\r\n",
        b"504 5.5.4 what?\r\n",
        b"421 4.3.2 bye\r\n",
        b"250 ok\r\n",
        b"334 \r\n",
    ],
    ids=repr,
)
@pytest.mark.parametrize("mechanism", [b"PLAIN", b"LOGIN"])
async def test_a_refused_login_is_an_alarm_and_no_refusal_of_the_mail(said, mechanism):
    answers = {"EHLO": BOTH.replace(b"CRAM-MD5 Login plain", mechanism), "AUTH": said}
    with capture_logs() as lines:
        async with NextServer(answers, tls=NEXT) as server:
            reply = await sent(hop_to(server, Tls.VERIFY, login=LOGIN))
            assert not any(line.startswith(b"MAIL") for line in server.lines)
    assert (reply.code, reply.lines[0][:6]) == (451, b"4.7.0 ")
    (line,) = lines
    assert (line["event"], line["log_level"], line["code"]) == (
        "next_hop_login",
        "error",
        int(said[:3]),
    )
    assert not any(
        secret in str(lines) + str(reply) for secret in ("horse", "relay", "AHJl", "Y29y")
    )


@pytest.mark.parametrize(
    ("offered", "reason"), [(BARE, "not offered"), (b"250-x\r\n250 AUTH GSSAPI\r\n", "not offered")]
)
async def test_a_login_that_cannot_be_had_is_an_alarm(offered, reason):
    with capture_logs() as lines:
        async with NextServer({"EHLO": offered}, tls=NEXT, is_implicit=True) as server:
            assert (await sent(hop_to(server, Tls.IMPLICIT, login=LOGIN))).code == 451
    assert [(line["log_level"], line["reason"]) for line in lines] == [("error", reason)]


@pytest.mark.parametrize(
    ("tls", "said"), [(Tls.NONE, b"220 go\r\n"), (Tls.OPPORTUNISTIC, b"454 4.7.0 not now\r\n")]
)
async def test_a_password_is_never_said_in_the_clear(tls, said):
    with capture_logs() as lines:
        async with NextServer({"EHLO": BOTH, "STARTTLS": said}) as server:
            assert (await sent(hop_to(server, tls, login=LOGIN))).code == 451
            assert b"AUTH" not in in_the_clear(server)
    assert lines[-1]["reason"] == "no TLS"


async def test_garbled_words_about_a_login_are_none():
    async with NextServer({"EHLO": BOTH, "AUTH": b"235 ok\r\n250 ok\r\n"}, tls=NEXT) as server:
        assert await sent(hop_to(server, Tls.VERIFY, login=LOGIN)) == NO_NEXT_HOP


def test_a_password_is_not_shown():
    assert "horse" not in repr(Destination("next.example", 25, login=LOGIN))


@pytest.mark.parametrize("step", ["CONNECT", "EHLO"])
async def test_why_a_next_hop_does_not_let_us_begin_is_a_line_in_the_log(step):
    said = b"554 5.7.1 go away\r\n"
    with capture_logs() as lines:
        async with NextServer({step: said, "HELO": said}) as server:
            assert await sent(hop_to(server, Tls.NONE)) == NO_NEXT_HOP
    assert lines[0]["event"] == "next_hop_refused"
    assert lines[0]["reply"] == {
        "code": 554,
        "status": "5.7.1",
        "text": "5.7.1 go away",
    }
