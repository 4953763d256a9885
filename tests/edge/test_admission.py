"""How clients come in: TLS, logins, certificates, proxies, forwarders; and how many of them."""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import smtplib
import ssl
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from structlog.testing import capture_logs

from relay_gateway.core.access import Access
from relay_gateway.core.envelope import Client, Envelope, Standing
from relay_gateway.edge.crowd import Crowd, Place
from relay_gateway.edge.next_hop import Timeouts
from relay_gateway.edge.smtp import Limits
from relay_gateway.edge.users import Users
from tests.certificates import authority
from tests.doubles import NextServer, Talker
from tests.edge.fronts import LOOPBACK, Front, front, go_private, pass_on
from tests.edge.stage import CHEAP, context

MAIL = b"Subject: hello\r\n\r\nhello\r\n"
USERS = {"hr": CHEAP.hash("secret")}
ELSEWHERE = Access((ipaddress.ip_network("192.0.2.0/24"),), has_other_ways=True)
PROXIED = Access(ELSEWHERE.clients, proxies=LOOPBACK.clients)
LOCAL = ipaddress.ip_network("127.0.0.1/32")


class Relay:
    """A gateway without a thought that remembers who sent."""

    def __init__(self) -> None:
        self.clients: list[Client] = []

    async def __call__(self, envelope: Envelope, raw: Any, hop: Any) -> Any:
        self.clients.append(envelope.client)
        return await pass_on(envelope, raw, hop)


@asynccontextmanager
async def listening(**but: Any) -> AsyncIterator[tuple[NextServer, Front]]:
    """A next server and a front end with TLS."""
    entrance = {"tls": context(), **but.pop("entrance", {})}
    async with NextServer() as server, front(server, entrance=entrance, **but) as front_end:
        yield server, front_end


async def send(client: Talker) -> bytes:
    """Send one mail after another name; the reply to its end."""
    for said in (b"EHLO client.example", b"MAIL FROM:<hr@acme.example>"):
        await client.ask(said)
    await client.ask(b"RCPT TO:<kim@mail.example>")
    await client.ask(b"DATA")
    return await client.ask(MAIL + b".")


def trusting() -> ssl.SSLContext:
    """A client that trusts our authority, by whatever name it calls this machine."""
    trusted = authority().client()
    trusted.check_hostname = False
    return trusted


def mail_by_smtplib(port: int, *, is_implicit: bool) -> None:
    if is_implicit:
        client: smtplib.SMTP = smtplib.SMTP_SSL("127.0.0.1", port, context=trusting())
    else:
        client = smtplib.SMTP("127.0.0.1", port)
        client.starttls(context=trusting())
    with client:
        client.login("hr", "secret")
        client.sendmail("hr@acme.example", ["kim@mail.example"], MAIL)


@pytest.mark.parametrize("is_implicit", [False, True])
async def test_pythons_own_client_logs_in_and_sends(is_implicit):
    relay = Relay()
    entrance = {"users": USERS, "is_implicit": is_implicit}
    async with listening(relay=relay, access=ELSEWHERE, entrance=entrance) as (server, fr):
        await asyncio.to_thread(mail_by_smtplib, fr.port, is_implicit=is_implicit)
        assert [mail.raw for mail in server.mails] == [MAIL]
    (client,) = relay.clients
    assert (client.protocol, client.user) == ("ESMTPSA", "hr")
    assert client.standing is Standing.FREE


@pytest.mark.parametrize(
    ("hello", "is_private", "keyword"),
    [
        (b"HELO", False, "SMTP"),
        (b"HELO", True, "SMTP"),
        (b"EHLO", False, "ESMTP"),
        (b"EHLO", True, "ESMTPS"),
    ],
)
async def test_the_protocol_is_named_as_it_was_spoken(hello, is_private, keyword):
    relay = Relay()
    async with listening(relay=relay) as (_, fr):
        client = await fr.client()
        if is_private:
            await client.ask(b"STARTTLS")
            await go_private(client, authority().client())
        await client.ask(hello + b" client.example")
        await client.ask(b"MAIL FROM:<hr@acme.example>")
        await client.ask(b"RCPT TO:<kim@mail.example>")
        await client.ask(b"DATA")
        await client.ask(MAIL + b".")
        await client.close()
    assert relay.clients[0].protocol == keyword


async def names_of(shown: ssl.SSLContext) -> Client:
    """Who the client is that shows this certificate."""
    relay = Relay()
    async with listening(relay=relay, access=ELSEWHERE) as (_, fr):
        client = await fr.client()
        await client.ask(b"STARTTLS")
        await go_private(client, shown)
        await send(client)
        await client.close()
    return relay.clients[0]


async def test_a_certificate_names_its_holder():
    client = await names_of(authority().client("Mail.Acme.example", "acme.example"))
    assert client.names == {"mail.acme.example", "acme.example"}
    assert client.standing is Standing.SHARED


async def test_the_common_name_counts_where_there_is_no_other():
    trusted = authority().client()
    trusted.load_cert_chain(nameless("mail.acme.example"))
    assert (await names_of(trusted)).names == {"mail.acme.example"}


async def test_the_common_name_does_not_count_beside_others():
    trusted = authority().client()
    names = x509.SubjectAlternativeName([x509.RFC822Name("hr@acme.example")])
    trusted.load_cert_chain(nameless("mail.acme.example", names))
    with pytest.raises(IndexError):
        await names_of(trusted)


def nameless(common: str, *others: x509.SubjectAlternativeName) -> str:
    """A certificate of our authority with these names only, and its key, in one file."""
    signer, key = authority(), ec.generate_private_key(ec.SECP256R1())
    own = x509.load_pem_x509_certificate(signer.file.read_bytes())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common)])
    builder = x509.CertificateBuilder(signer.name, subject, key.public_key(), 99_999)
    builder = builder.not_valid_before(own.not_valid_before_utc)
    builder = builder.not_valid_after(own.not_valid_after_utc)
    for other in others:
        builder = builder.add_extension(other, critical=False)
    pem = serialization.Encoding.PEM
    text = builder.sign(signer.key, hashes.SHA256()).public_bytes(pem) + key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = signer.folder / f"{common}-{len(others)}.both"
    path.write_bytes(text)
    return str(path)


async def test_a_certificate_of_another_authority_ends_that_connection_only():
    stranger = authority().client()
    stranger.load_cert_chain(*authority("Somebody else").issue("mail.acme.example"))
    async with listening() as (_, fr):
        client, other = await fr.client(), await fr.client()
        await client.ask(b"STARTTLS")
        with capture_logs() as lines:
            await gone(client, stranger)
        assert [line["event"] for line in lines] == ["tls_failed"]
        assert (await other.ask(b"NOOP")).startswith(b"250")
        await other.close()


async def test_who_comes_from_a_known_address_may_show_a_certificate_of_anybody():
    # Postfix shows its own whenever it is asked; RFC 3207, 4.1 leaves it to us what to believe.
    anybody = authority().client()
    anybody.load_cert_chain(*authority("Somebody else").issue("mail.acme.example"))
    ways = {"tls": authority().server("gateway.example"), "asking": context()}
    relay = Relay()
    async with listening(relay=relay, entrance=ways) as (_, fr):
        client = await fr.client()
        await client.ask(b"STARTTLS")
        await go_private(client, anybody)
        await send(client)
        await client.close()
    assert relay.clients[0].names == frozenset()


async def test_a_stranger_is_asked_for_a_certificate():
    ways = {"tls": authority().server("gateway.example"), "asking": context()}
    relay = Relay()
    async with listening(relay=relay, access=ELSEWHERE, entrance=ways) as (_, fr):
        client = await fr.client()
        await client.ask(b"STARTTLS")
        await go_private(client, authority().client("mail.acme.example", "192.0.2.1"))
        await send(client)
        await client.close()
    assert relay.clients[0].names == {"mail.acme.example", "192.0.2.1"}


async def test_a_transaction_beyond_ascii_is_named_so():
    relay = Relay()
    async with listening(relay=relay) as (_, fr):
        client = await fr.client()
        await client.ask(b"EHLO client.example")
        await client.ask("MAIL FROM:<ü@acme.example> SMTPUTF8".encode())
        await client.ask(b"RCPT TO:<kim@mail.example>")
        await client.ask(b"DATA")
        await client.ask(MAIL + b".")
        await client.close()
    assert relay.clients[0].protocol == "UTF8SMTP"


async def test_an_attribute_that_is_said_again_does_not_push_another_out():
    forwarders = Access(LOOPBACK.clients, forwarders=LOOPBACK.clients)
    offers = b"250-next.example\r\n250 XFORWARD NAME ADDR\r\n"
    async with NextServer({"EHLO": offers}) as server, front(server, access=forwarders) as fr:
        client = await fr.client()
        await client.ask(b"EHLO client.example")
        await client.ask(b"XFORWARD ADDR=192.0.2.7")
        for number in range(10):
            await client.ask(b"XFORWARD NAME=a%d" % number)
        assert (await client.ask(b"MAIL FROM:<hr@acme.example>")).startswith(b"250")
        await client.close()
        said = b" ".join(line for line in server.lines if line.startswith(b"XFORWARD"))
    assert b"ADDR=192.0.2.7" in said
    assert b"NAME=a9" in said


async def gone(client: Talker, shown: ssl.SSLContext) -> None:
    """A handshake that the server breaks off; under TLS 1.3 the client hears of it late."""
    try:
        await go_private(client, shown)
        assert await client.line() == b""
    except OSError:
        pass
    await client.close()


@pytest.mark.parametrize("said", [b"", b"NOOP\r\n", b"\x16\x03\x01\x00\x05hello"])
@pytest.mark.parametrize("is_implicit", [False, True])
@pytest.mark.usefixtures("stillness")
async def test_a_handshake_that_fails_or_stalls_ends_in_time(said, is_implicit):
    entrance = {"is_implicit": is_implicit}
    impatient = Timeouts(connect=0.2)
    async with listening(entrance=entrance, timeouts=impatient) as (server, fr):
        with capture_logs() as lines:
            client = await Talker.at(fr.port)
            if not is_implicit:
                assert (await client.hear()).startswith(b"220")
                assert (await client.ask(b"STARTTLS")).startswith(b"220")
            await client.say(said)
            # What is left of TLS in what comes is an alert, no line.
            assert not (await heard(client)).startswith(b"2")
            await fr.empty()
        assert [line["event"] for line in lines] == ["tls_failed"]
        assert server.connections == 0
        await client.close()


async def heard(client: Talker) -> bytes:
    """All that comes to the end."""
    try:
        async with asyncio.timeout(60):
            return await client.reader.read()
    except ConnectionResetError:
        return b""


async def test_a_large_mail_comes_through_tls_byte_for_byte():
    raw = b"Subject: large\r\n\r\n" + (b"0123456789" * 9 + b"\r\n") * 2**16
    async with listening() as (server, fr):
        client = await fr.client()
        await client.ask(b"STARTTLS")
        await go_private(client, authority().client())
        for said in (b"EHLO c.example", b"MAIL FROM:<>", b"RCPT TO:<kim@mail.example>", b"DATA"):
            await client.ask(said)
        assert (await client.ask(raw + b".")).startswith(b"250")
        assert server.mails[0].raw == raw
        await client.close()


async def test_stopping_bids_farewell_under_tls_too():
    async with listening() as (_, fr):
        client = await fr.client()
        await client.ask(b"STARTTLS")
        await go_private(client, authority().client())
        assert (await client.ask(b"EHLO client.example")).startswith(b"250")
        stopping = asyncio.create_task(fr.stop(within=10))
        assert (await client.hear()).startswith(b"421 4.3.2")
        assert await client.line() == b""
        await client.close()
        await stopping


async def test_who_shakes_hands_while_we_stop_is_told_to_go():
    async with listening(entrance={"is_implicit": True}) as (_, fr):
        slow = await Talker.at(fr.port)
        # Who comes first is met first.
        idle = Talker(*await asyncio.open_connection("127.0.0.1", fr.port, ssl=trusting()))
        assert (await idle.hear()).startswith(b"220")
        stopping = asyncio.create_task(fr.stop(within=10))
        assert (await idle.hear()).startswith(b"421 4.3.2")
        await go_private(slow, authority().client())
        assert (await slow.hear()).startswith(b"421 4.3.2")
        assert await slow.line() == b""
        await close(slow, idle)
        await stopping


@asynccontextmanager
async def private(**but: Any) -> AsyncIterator[tuple[Front, Talker]]:
    """A stranger under TLS at a listener with users."""
    entrance = {"users": USERS, **but.pop("entrance", {})}
    async with listening(access=ELSEWHERE, entrance=entrance, **but) as (_, fr):
        client = await fr.client()
        await client.ask(b"STARTTLS")
        await go_private(client, authority().client())
        await client.ask(b"EHLO client.example")
        yield fr, client
        await client.close()


def plain(password: str, user: str = "hr") -> bytes:
    return b"AUTH PLAIN " + base64.b64encode(f"\0{user}\0{password}".encode())


async def test_logins_are_logged_without_passwords_or_names_that_nobody_has():
    with capture_logs() as lines:
        async with private(entrance={"users": {"hr@acme.example": USERS["hr"]}}) as (_, client):
            for wrong in (plain("guess-work"), plain("secret", "hunter2-typed-here")):
                assert (await client.ask(wrong)).startswith(b"535")
            assert (await client.ask(plain("secret", "hr@acme.example"))).startswith(b"235")
    logins = [(line.get("user"), line["is_ok"]) for line in lines if line["event"] == "login"]
    assert logins == [(None, False), (None, False), ("hr", True)]
    for secret in ("guess", "hunter2", "secret", "acme", "AGhy", "Z3Vlc3M", "base64"):
        assert secret not in str(lines)


async def test_a_login_may_be_as_long_as_the_standard_says():
    long = "p" * 9_000
    async with private(entrance={"users": {"hr": CHEAP.hash(long)}}) as (fr, client):
        assert (await client.ask(plain(long))).startswith(b"235")
        other = await fr.client()
        assert (await other.ask(plain(long))).startswith(b"500")
        await other.close()


async def test_a_login_that_is_too_long_is_refused():
    async with private() as (_, client):
        assert (await client.ask(plain("p" * 10_000))).startswith(b"500")


class Counting(ThreadPoolExecutor):
    """Remembers how much there was to do, and how much of it at once."""

    def __init__(self) -> None:
        super().__init__(4)
        self.jobs, self.now, self.most = 0, 0, 0

    def submit(self, *args: Any, **kwargs: Any) -> Any:
        self.jobs, self.now = self.jobs + 1, self.now + 1
        self.most = max(self.most, self.now)
        job = super().submit(*args, **kwargs)
        job.add_done_callback(lambda _: self._done())
        return job

    def _done(self) -> None:
        self.now -= 1


async def test_a_name_that_nobody_has_costs_as_much_as_a_wrong_password():
    executor = Counting()
    asyncio.get_running_loop().set_default_executor(executor)
    users = Users(USERS)
    assert not await users.is_right("hr", b"wrong")
    assert not await users.is_right("nobody", b"secret")
    assert await users.is_right("hr", b"secret")
    assert executor.jobs == 3


async def test_passwords_are_looked_at_one_at_a_time():
    executor = Counting()
    asyncio.get_running_loop().set_default_executor(executor)
    users = Users(USERS)
    await asyncio.gather(*(users.is_right("hr", b"wrong") for _ in range(5)))
    assert (executor.jobs, executor.most) == (5, 1)


async def test_a_hash_that_is_none_fits_no_password():
    assert not await Users({"hr": "$argon2id$nonsense"}).is_right("hr", b"secret")


V2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes([192, 0, 2, 7, 198, 51, 100, 1, 9, 9, 0, 25])


@pytest.mark.parametrize("header", [b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 25\r\n", V2])
async def test_behind_a_proxy_the_client_is_whom_it_names(header):
    relay = Relay()
    async with listening(relay=relay, access=PROXIED) as (_, fr):
        client = await Talker.at(fr.port)
        for octet in header:
            await client.say(bytes([octet]))
        assert (await client.hear()).startswith(b"220")
        with capture_logs() as lines:
            await client.ask(b"NONSENSE")
            await send(client)
        await client.close()
    assert relay.clients[0].address == lines[0]["client"] == "192.0.2.7"


@pytest.mark.parametrize("header", [b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 25\r\n", V2])
async def test_a_handshake_in_the_same_packet_as_the_proxys_header_is_heard(header):
    entrance = {"is_implicit": True}
    async with listening(access=PROXIED, entrance=entrance) as (_, fr):
        client = await Talker.at(fr.port)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = trusting().wrap_bio(incoming, outgoing, server_hostname="gateway.example")
        with pytest.raises(ssl.SSLWantReadError):
            tls.do_handshake()
        await client.say(header + outgoing.read())
        assert (await first_line(client, tls, incoming, outgoing)).startswith(b"220 gateway")
        await client.close()


async def first_line(
    client: Talker, tls: ssl.SSLObject, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO
) -> bytes:
    """What the server says first under TLS."""
    async with asyncio.timeout(60):
        while True:
            incoming.write(await client.reader.read(2**16))
            try:
                return tls.read()
            except ssl.SSLWantReadError:
                await client.say(outgoing.read())


@pytest.mark.parametrize("said", [b"EHLO c.example\r\n", V2[:12] + b"\x31" + V2[13:], b"", b"PROX"])
@pytest.mark.usefixtures("stillness")
async def test_a_proxy_without_a_header_is_left_without_a_word(said):
    async with listening(access=PROXIED, timeouts=Timeouts(connect=0.1)) as (server, fr):
        client = await Talker.at(fr.port)
        with capture_logs() as lines:
            await client.say(said)
            assert await heard(client) == b""
        assert [line["event"] for line in lines] == ["proxy_failed"]
        assert server.connections == 0
        await client.close()


async def test_a_proxy_that_has_said_nothing_does_not_hold_up_the_end():
    async with listening(access=PROXIED) as (_, fr):
        client, other = await Talker.at(fr.port), await Talker.at(fr.port)
        # Who comes first is met first.
        await other.say(b"PROXY UNKNOWN\r\n")
        assert (await other.hear()).startswith(b"554")
        await other.close()
        await fr.stop(within=10)
        assert await heard(client) == b""
        await client.close()


async def test_a_client_whose_proxy_is_still_to_tell_of_it_is_served_although_we_retire():
    async with listening(access=PROXIED) as (_, fr):
        client, other = await Talker.at(fr.port), await Talker.at(fr.port)
        # Who comes first is met first.
        await other.say(b"PROXY UNKNOWN\r\n")
        assert (await other.hear()).startswith(b"554")
        await other.close()
        retiring = asyncio.create_task(fr.retire(60))
        await asyncio.wait([asyncio.create_task(fr.empty())])
        for _ in range(20):
            await asyncio.sleep(0)
        assert not retiring.done()
        await client.say(V2)
        assert (await client.hear()).startswith(b"220")
        assert (await client.ask(b"QUIT")).startswith(b"221")
        await retiring
        await client.close()


async def test_a_forwarder_speaks_for_others_one_mail_at_a_time():
    relay = Relay()
    forwarders = Access(LOOPBACK.clients, forwarders=LOOPBACK.clients)
    async with listening(relay=relay, access=forwarders) as (server, fr):
        server.replies["EHLO"] = b"250-next.example\r\n250 XFORWARD NAME ADDR\r\n"
        client = await fr.client()
        await client.ask(b"EHLO client.example")
        said = b"XFORWARD ADDR=IPV6:2001:db8::7 HELO=mail+2Eacme.example NAME=[UNAVAILABLE]"
        assert (await client.ask(said)).startswith(b"250")
        for _ in range(2):
            await client.ask(b"MAIL FROM:<hr@acme.example>")
            await client.ask(b"RCPT TO:<kim@mail.example>")
            await client.ask(b"DATA")
            assert (await client.ask(MAIL + b".")).startswith(b"250")
        await client.close()
        forwarded = [line for line in server.lines if line.startswith(b"XFORWARD")]
    first, second = relay.clients
    assert (first.address, first.helo) == ("2001:db8::7", b"mail.acme.example")
    assert (second.address, second.helo) == ("127.0.0.1", b"client.example")
    assert len(forwarded) == 1
    assert b"ADDR=IPV6:2001:db8::7" in forwarded[0]


async def test_what_a_forwarder_says_opens_no_door():
    access = Access(
        ELSEWHERE.clients, (ipaddress.ip_network("127.0.0.0/8"),), forwarders=LOOPBACK.clients
    )
    relay = Relay()
    async with listening(relay=relay, access=access) as (_, fr):
        client = await fr.client()
        await client.ask(b"EHLO client.example")
        await client.ask(b"XFORWARD ADDR=192.0.2.7")
        await client.ask(b"MAIL FROM:<hr@acme.example>")
        await client.ask(b"RCPT TO:<kim@mail.example>")
        await client.ask(b"DATA")
        await client.ask(MAIL + b".")
        await client.close()
    assert relay.clients[0].address == "192.0.2.7"
    assert relay.clients[0].standing is Standing.SHARED


@pytest.mark.parametrize("forgets", [b"EHLO client.example", b"RSET", b"STARTTLS"])
async def test_what_a_forwarder_said_is_forgotten(forgets):
    relay = Relay()
    forwarders = Access(LOOPBACK.clients, forwarders=LOOPBACK.clients)
    async with listening(relay=relay, access=forwarders) as (_, fr):
        client = await fr.client()
        await client.ask(b"EHLO client.example")
        await client.ask(b"XFORWARD ADDR=192.0.2.7")
        assert (await client.ask(forgets)).startswith(b"2")
        if forgets == b"STARTTLS":
            await go_private(client, authority().client())
            await client.ask(b"EHLO client.example")
        await client.ask(b"MAIL FROM:<hr@acme.example>")
        await client.ask(b"RCPT TO:<kim@mail.example>")
        await client.ask(b"DATA")
        await client.ask(MAIL + b".")
        await client.close()
    assert relay.clients[0].address == "127.0.0.1"


async def greeted(fr: Front, source: str = "127.0.0.1") -> tuple[Talker, bytes]:
    """A client from this address, and the first that it hears."""
    opened = asyncio.open_connection("127.0.0.1", fr.port, local_addr=(source, 0))
    client = Talker(*await opened)
    return client, await client.hear()


async def close(*clients: Talker) -> None:
    for client in clients:
        await client.close()


async def test_one_address_takes_only_its_share_of_the_places():
    limits = Limits(connections_per_address=2)
    async with listening(limits=limits) as (_, fr):
        clients = [await greeted(fr) for _ in range(3)] + [await greeted(fr, "127.0.0.2")]
        assert [said[:3] for _, said in clients] == [b"220", b"220", b"421", b"220"]
        await close(*(client for client, _ in clients))
        await fr.empty()
        again, said = await greeted(fr)
        assert said.startswith(b"220")
        await again.close()


async def test_strangers_take_no_places_of_those_who_may_send():
    access = Access((LOCAL,), has_other_ways=True)
    limits = Limits(connections=2, strangers=1)
    async with listening(access=access, limits=limits) as (server, fr):
        heard = [await greeted(fr, "127.0.0.2") for _ in range(2)]
        heard += [await greeted(fr) for _ in range(3)]
        codes = [said[:3] for _, said in heard]
        assert codes == [b"220", b"421", b"220", b"220", b"421"]
        await close(*(client for client, _ in heard))
        assert server.connections == 0


async def test_listeners_of_one_process_share_their_places():
    crowd, limits = Crowd(), Limits(connections=1)
    async with (
        listening(crowd=crowd, limits=limits) as (_, one),
        listening(crowd=crowd, limits=limits) as (_, two),
    ):
        client, _ = await greeted(one)
        refused, said = await greeted(two)
        assert said.startswith(b"421 4.7.0")
        await close(client, refused)


async def test_who_logs_in_is_no_stranger_any_more():
    async with private(limits=Limits(strangers=1)) as (fr, client):
        other, said = await greeted(fr)
        assert said.startswith(b"421")
        assert (await client.ask(plain("secret"))).startswith(b"235")
        third, said = await greeted(fr)
        assert said.startswith(b"220")
        await close(other, client, third)
        await fr.empty()
        strangers = [await greeted(fr) for _ in range(2)]
        assert [said[:3] for _, said in strangers] == [b"220", b"421"]
        await close(*(stranger for stranger, _ in strangers))


async def test_who_logs_in_where_there_is_no_room_may_try_again():
    access = Access((LOCAL,), has_other_ways=True)
    async with listening(
        access=access, entrance={"users": USERS, "is_implicit": True}, limits=Limits(connections=1)
    ) as (_, fr):
        opened = asyncio.open_connection(
            "127.0.0.1", fr.port, local_addr=("127.0.0.2", 0), ssl=trusting()
        )
        stranger = Talker(*await opened)
        await stranger.hear()
        await stranger.ask(b"EHLO client.example")
        known = Talker(*await asyncio.open_connection("127.0.0.1", fr.port, ssl=trusting()))
        assert (await known.hear()).startswith(b"220")
        assert (await stranger.ask(plain("secret"))).startswith(b"421 4.7.0")
        assert await stranger.line() == b""
        await close(stranger, known)


async def test_who_is_sent_away_is_gone_although_it_stays():
    async with listening(access=Access(ELSEWHERE.clients)) as (_, fr):
        client, said = await greeted(fr)
        assert said.startswith(b"554 5.7.1")
        await fr.empty()
        assert await client.line() == b""
        await client.close()


@pytest.mark.parametrize("place", [Place.STRANGER, Place.DOOR])
def test_those_who_wait_or_are_sent_away_are_few(place):
    crowd, limits = Crowd(), Limits(connections=5, strangers=2)
    assert [crowd.take(place, "192.0.2.1", limits) for _ in range(3)] == [True, True, False]
    assert crowd.take(Place.KNOWN, "192.0.2.1", limits)
    crowd.leave(place, "192.0.2.1")
    assert crowd.take(place, "192.0.2.1", limits)


async def test_an_idle_client_keeps_no_next_hop_waiting():
    async with listening(limits=Limits(idle_release=0.05)) as (server, fr):
        client = await fr.client()
        await client.ask(b"EHLO client.example")
        await server.reached("QUIT")
        assert (await client.ask(b"MAIL FROM:<hr@acme.example>")).startswith(b"250")
        assert server.connections == 2
        assert (await client.ask(b"RCPT TO:<kim@mail.example>")).startswith(b"250")
        await client.close()


async def test_a_client_in_a_transaction_keeps_its_next_hop():
    async with listening(limits=Limits(idle_release=0.05)) as (server, fr):
        busy, idle = await fr.ready(), await fr.client()
        await idle.ask(b"EHLO client.example")
        # Whoever has waited for less time is released: the other would have been before.
        await server.reached("QUIT")
        assert (await busy.ask(b"DATA")).startswith(b"354")
        assert (await busy.ask(MAIL + b".")).startswith(b"250")
        await close(busy, idle)
