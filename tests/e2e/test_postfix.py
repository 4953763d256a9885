"""A real Postfix on either side of the gateway: what it sends arrives, what it says is heard."""

from __future__ import annotations

import asyncio
import os
import re
import smtplib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial

import pytest
import pytest_asyncio

from relay_gateway.core.account import state
from relay_gateway.core.credit import Event, Kind, Terms
from tests import mails
from tests.doubles import DROP, NextServer
from tests.e2e.postfix import Postfix, lacking
from tests.e2e.station import Station, station
from tests.ports import reserved

pytestmark = pytest.mark.asyncio(loop_scope="module")

SENDER = "saiyo@acme.example"
LETTER = mails.mail(mails.part(charset="iso-2022-jp"))
# Nothing here says no, and a relay that reads and writes mails anew would change most of it.
PASS = (
    b"from:   saiyo@acme.example\r\nTo: taro@gmail.example,\r\n\t  taro@mail.example\r\n"
    b"Subject: =?ISO-2022-JP?B?GyRCQSo5TTdrMkwbKEI=?=  \r\nX-Odd:v\r\n"
    b"Message-ID: <3@acme.example>\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: text/plain;charset=Shift_JIS\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    + "面接のご案内です。ソ能表 ㈱アクメ\r\n".encode("cp932")
    + b".\r\n..\r\n.x \t\r\n\xff\x80\r\n\r\n\r\n--\r\nFrom here "
    + b"x" * 900
    + b"\r\n"
)
NOBODY = "550 5.1.1 <nobody@mail.example>: Recipient address rejected: we know nobody by that name"
REFUSED = "inline:{ { nobody@mail.example = 550 5.1.1 we know nobody by that name } }"
LINK = re.compile(rb"https://careerrelay\.jp/c/acme/\w{24}")
DSN = ("RET=HDRS", "ENVID=QQ+2B314159")
DSN_RCPT = ("NOTIFY=SUCCESS,DELAY", "ORCPT=rfc822;Taro+2Bold@gmail.example")


@pytest.fixture(autouse=True, scope="module")
def _postfix() -> None:
    if why := lacking():
        if os.environ.get("RELAY_GATEWAY_REQUIRE_POSTFIX"):
            pytest.fail(f"the end-to-end test with Postfix has to run here, but {why}")
        pytest.skip(f"NOT TESTED WITH A REAL POSTFIX: {why}")


@dataclass
class Way:
    """What stands between client and next server, and the port that the client comes to."""

    port: int
    server: NextServer
    gateway: Station
    postfix: Postfix
    known: Sequence[Event] = ()

    async def begin(self) -> None:
        """Forget what another test has done."""
        self.server.mails.clear()
        self.server.replies.clear()
        self.postfix.lines.clear()
        self.known = await self.gateway.events()

    async def counted(self) -> int:
        """The people since the beginning; each was offered and accepted once."""
        events = [each for each in await self.gateway.events() if each not in self.known]
        kinds = [event.kind for event in events]
        people = state(events, Terms()).people
        assert [kinds.count(kind) for kind in (Kind.OFFERED, Kind.ACCEPTED)] == [people, people]
        return people


lasting = partial(pytest_asyncio.fixture, scope="module", loop_scope="module")


@lasting()
async def relayed(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Way]:
    """Client → Postfix → gateway → next server."""
    folder = tmp_path_factory.mktemp("gateway")
    async with AsyncExitStack() as stack:
        port = stack.enter_context(reserved())
        server = await stack.enter_async_context(NextServer())
        gateway = await stack.enter_async_context(station(folder, server.port))
        main = {"relayhost": f"[127.0.0.1]:{gateway.port}"}
        postfix = await stack.enter_async_context(Postfix(main, {port: {}}))
        yield Way(port, server, gateway, postfix)


@lasting()
async def filtered(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Way]:
    """Client → Postfix → gateway → the same Postfix → next server."""
    listen = "received: false, xforward: [127.0.0.1/32]"
    folder = tmp_path_factory.mktemp("gateway")
    async with AsyncExitStack() as stack:
        before, after = stack.enter_context(reserved()), stack.enter_context(reserved())
        server = await stack.enter_async_context(NextServer())
        gateway = await stack.enter_async_context(station(folder, after, listen=listen))
        doors = {
            before: {"smtpd_proxy_filter": f"127.0.0.1:{gateway.port}"},
            after: {
                "smtpd_authorized_xforward_hosts": "127.0.0.0/8",
                "smtpd_recipient_restrictions": f"check_recipient_access {REFUSED}",
            },
        }
        main = {"relayhost": f"[127.0.0.1]:{server.port}"}
        postfix = await stack.enter_async_context(Postfix(main, doors))
        yield Way(before, server, gateway, postfix)


@lasting()
async def handed_on(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Way]:
    """Client → gateway → Postfix → next server."""
    folder = tmp_path_factory.mktemp("gateway")
    async with AsyncExitStack() as stack:
        port = stack.enter_context(reserved())
        server = await stack.enter_async_context(NextServer())
        gateway = await stack.enter_async_context(station(folder, port))
        main = {"relayhost": f"[127.0.0.1]:{server.port}", "message_size_limit": "100000"}
        door = {"smtpd_recipient_restrictions": f"check_recipient_access {REFUSED}"}
        postfix = await stack.enter_async_context(Postfix(main, {port: door}))
        yield Way(gateway.port, server, gateway, postfix)


@pytest.fixture
def place(request: pytest.FixtureRequest) -> Way:
    return request.getfixturevalue(request.param)


@pytest_asyncio.fixture(loop_scope="module")
async def its(place: Way) -> Way:
    await place.begin()
    return place


def through(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("place", names, indirect=True)


async def send(
    port: int, raw: bytes, recipient: str = "taro@gmail.example", *said: str
) -> tuple[int, str]:
    """Send a mail from 127.0.0.9 as a mail program does; the last reply."""
    return await asyncio.to_thread(_send, port, raw, recipient, said)


def _send(port: int, raw: bytes, recipient: str, said: tuple[str, ...]) -> tuple[int, str]:
    source = ("127.0.0.9", 0)
    with smtplib.SMTP("127.0.0.1", port, "pc.acme.example", 60, source_address=source) as client:
        client.ehlo()
        code, words = client.mail(SENDER, ["BODY=8BITMIME", *said])
        if code == 250:
            code, words = client.rcpt(recipient, DSN_RCPT if said else ())
        if code == 250:
            code, words = client.data(raw)
        return code, words.decode()


def parted(taken: bytes, first: bytes) -> tuple[list[str], bytes]:
    """The names of the fields that were put on top, and what the sender wrote."""
    head, name, rest = taken.partition(first)
    fields = re.findall(r"(?m)^([\w-]+):", head.decode())
    return fields, name + rest


def parameters(said: bytes) -> set[str]:
    return set(said.decode().split(" ")[1:])


@through("relayed", "filtered", "handed_on")
async def test_a_rejection_gets_one_link_and_a_pass_letter_arrives_byte_for_byte(its: Way):
    assert (await send(its.port, LETTER, "taro@gmail.example", *DSN))[0] == 250
    await its.server.taken(1)
    assert (await send(its.port, PASS))[0] == 250
    await its.server.taken(2)
    await its.postfix.emptied(2)
    rejected, passed = its.server.mails

    fields, kept = parted(rejected.raw, b"From:")
    assert set(fields) == {"Received", "X-Relay-Trace"}
    (block,) = mails.added(LETTER, b"X-Relay-Trace: -\r\n" + kept)
    assert len(LINK.findall(kept)) == block.count("https://") == 1
    fields, kept = parted(passed.raw, b"from:")
    assert set(fields) == {"Received"}
    assert kept == PASS
    assert parameters(rejected.mail) >= set(DSN)
    assert parameters(rejected.rcpts[0]) == set(DSN_RCPT)
    assert await its.counted() == 1


@through("relayed")
async def test_a_recipient_that_the_next_hop_refuses_is_bounced_in_its_words(its: Way):
    its.server.replies["RCPT"] = [NOBODY.encode() + b"\r\n"]
    assert (await send(its.port, LETTER, "nobody@mail.example"))[0] == 250
    await its.server.taken()
    await its.postfix.emptied(2)

    (bounce,) = its.server.mails
    assert bounce.mail.startswith(b"FROM:<>")
    assert bounce.rcpts[0].startswith(f"TO:<{SENDER}>".encode())
    assert NOBODY in re.sub(r"\s+", " ", bounce.raw.decode())
    assert await its.counted() == 0


@through("filtered", "handed_on")
async def test_a_recipient_that_postfix_refuses_is_refused_in_its_words(its: Way):
    code, words = await send(its.port, LETTER, "nobody@mail.example")

    assert f"{code} {words}" == NOBODY
    assert its.postfix.queued == its.server.mails == []
    assert await its.counted() == 0


@through("relayed")
async def test_a_mail_whose_acceptance_is_lost_is_sent_again_with_the_same_link(its: Way):
    # The next server takes the mail and goes before it has said so (RFC 1047).
    its.server.replies["DOT"] = [(b"2", DROP)]
    raw = mails.mail(mails.part(charset="iso-2022-jp"), message_id="<4@acme.example>")
    assert (await send(its.port, raw, "hanako@gmail.example"))[0] == 250
    await its.server.taken(2)
    await its.postfix.emptied(1)

    once, again = (parted(mail.raw, b"From:")[1] for mail in its.server.mails)
    assert once == again
    assert len(LINK.findall(once)) == 1
    assert await its.counted() == 1


@through("filtered")
async def test_a_filtered_mail_is_known_to_come_from_its_own_client(its: Way):
    assert (await send(its.port, PASS))[0] == 250
    await its.server.taken()
    await its.postfix.emptied(1)
    line = await its.postfix.logged("orig_client=")

    assert "orig_client=unknown[127.0.0.9]" in line
    assert b"(unknown [127.0.0.9])" in its.server.mails[0].raw


@through("filtered")
async def test_a_filter_that_is_gone_is_a_reason_to_wait(its: Way):
    await its.gateway.kill()
    assert (await send(its.port, PASS))[0] == 451
    await its.gateway.start()
    assert (await send(its.port, PASS))[0] == 250
    await its.server.taken()
    await its.postfix.emptied(1)


@through("handed_on")
async def test_what_postfix_offers_is_offered_and_its_size_is_kept(its: Way):
    offers = await asyncio.to_thread(_offers, its.port)

    assert {"8bitmime", "smtputf8", "dsn", "pipelining", "enhancedstatuscodes"} <= set(offers)
    assert offers["size"] == "100000"
    assert (await send(its.port, PASS + b"x\r\n" * 40_000))[0] == 552
    # It has begun a file for the mail and takes it away when it likes: it was never asked for DATA.
    begun = await its.postfix.logged(": client=")
    who = re.search(r"smtpd\[\d+\]", begun)[0]
    ended = await its.postfix.logged(f"{who}: disconnect from", after=begun)
    assert (" rcpt=1 " in ended, " data=" in ended) == (True, False)
    assert its.server.mails == []


def _offers(port: int) -> Mapping[str, str]:
    with smtplib.SMTP("127.0.0.1", port, timeout=60) as client:
        client.ehlo()
        return client.esmtp_features


@through("handed_on")
async def test_an_address_beyond_ascii_arrives_as_it_was_written(its: Way):
    code, words = await asyncio.to_thread(_send_utf8, its.port, "太郎@gmail.example")
    assert code == 250, words
    await its.server.taken()
    await its.postfix.emptied(1)

    (mail,) = its.server.mails
    assert "SMTPUTF8" in parameters(mail.mail)
    assert mail.rcpts[0].startswith("TO:<太郎@gmail.example>".encode())
    assert mail.raw.endswith(PASS)


def _send_utf8(port: int, recipient: str) -> tuple[int, bytes]:
    with smtplib.SMTP("127.0.0.1", port, timeout=60) as client:
        client.ehlo()
        client.mail(SENDER, ["BODY=8BITMIME", "SMTPUTF8"])
        client.command_encoding = "utf-8"
        client.rcpt(recipient)
        return client.data(PASS)
