"""Copies for hidden recipients over real sockets: in step with a next hop at its worst."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from typing import Any

import pytest

from relay_gateway.core.account import state
from relay_gateway.core.credit import Terms
from relay_gateway.core.decision import Decision, Policy, decide
from relay_gateway.core.edit import Raw
from relay_gateway.core.envelope import Envelope
from relay_gateway.edge.next_hop import Timeouts
from relay_gateway.gateway import Gateway, Station
from tests.conftest import ACME, Clock
from tests.doubles import DROP, HANG, NextServer, Talker
from tests.edge.fronts import Front, front
from tests.ledgers import ListLedger
from tests.mails import mail
from tests.rulebook import shipped

LETTER = mail(to="saiyo@acme.example")
ORDINARY = b"From: saiyo@acme.example\r\nSubject: hello\r\n\r\nhello\r\n"
NAMES = (b"taro", b"jiro", b"saburo")
LINK = re.compile(rb"careerrelay\.jp/c/acme/(\w+)")
OK = b"250 2.1.5 fine\r\n"


class Office:
    """A gateway on real sockets, with a ledger that it can be asked for."""

    def __init__(self, front_end: Front, ledger: ListLedger, server: NextServer) -> None:
        self.front_end, self._ledger, self._server = front_end, ledger, server

    async def client(self) -> Talker:
        talker = await self.front_end.client()
        assert (await talker.ask(b"EHLO mail.acme.example")).startswith(b"250")
        return talker

    @property
    def people(self) -> int:
        return state(self._ledger.kept, Terms()).people

    @property
    def got(self) -> list[bytes]:
        """Who has got a mail, one name for each copy."""
        return [
            rcpt.partition(b"@")[0].rpartition(b"<")[2]
            for each in self._server.mails
            for rcpt in each.rcpts
        ]


@asynccontextmanager
async def office(server: NextServer, **but: Any):
    ledger = ListLedger()
    policy = Policy((ACME,), shipped())

    async def think(its: Envelope, raw: Raw) -> Decision:
        return decide(its, raw[:], policy)

    gateway = Gateway(policy, ledger, lambda _: None, Clock(), Station(), think=think)
    async with front(server, relay=gateway.relay, **but) as front_end:
        yield Office(front_end, ledger, server)


async def send(
    talker: Talker, raw: bytes = LETTER, names: tuple[bytes, ...] = NAMES, more: bytes = b""
) -> bytes:
    """The reply to one mail to these, all of whom were accepted."""
    assert (await talker.ask(b"MAIL FROM:<saiyo@acme.example>" + more)).startswith(b"250")
    for name in names:
        assert (await talker.ask(b"RCPT TO:<" + name + b"@gmail.example>")).startswith(b"250")
    assert (await talker.ask(b"DATA")).startswith(b"354")
    return await talker.ask(raw + b".")


async def test_each_copy_carries_what_the_client_said_of_the_mail_and_of_its_recipient():
    async with NextServer() as server, office(server) as its:
        talker = await its.client()
        said = b" BODY=8BITMIME RET=HDRS ENVID=QQ314159"
        assert (await talker.ask(b"MAIL FROM:<saiyo@acme.example>" + said)).startswith(b"250")
        wishes = (
            b" NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;taro+2B1@x.example",
            b" NOTIFY=NEVER",
            b"",
        )
        for name, wish in zip(NAMES, wishes, strict=True):
            answer = await talker.ask(b"RCPT TO:<" + name + b"@gmail.example>" + wish)
            assert answer.startswith(b"250")
        await talker.ask(b"DATA")
        assert await talker.ask(LETTER + b".") == b"250 2.0.0 taken"
        await talker.close()

        assert [each.mail for each in server.mails] == [b"FROM:<saiyo@acme.example>" + said] * 3
        assert [each.rcpts for each in server.mails] == [
            (b"TO:<" + name + b"@gmail.example>" + wish,)
            for name, wish in zip(NAMES, wishes, strict=True)
        ]
        assert len({LINK.search(each.raw)[1] for each in server.mails}) == 3
        assert server.connections == 1
        assert its.people == 3


@pytest.mark.parametrize("word", [b"450 4.2.0 greylisted", b"421 4.3.2 going down"])
async def test_who_is_refused_for_now_gets_it_at_the_clients_next_attempt_and_nobody_else(word):
    answers = [OK, OK, OK, OK, word + b"\r\n"]
    async with NextServer({"RCPT": answers}) as server, office(server) as its:
        talker = await its.client()
        assert await send(talker) == word
        assert its.got == [b"taro", b"saburo"]
        assert await send(talker) == b"250 2.0.0 taken"
        await talker.close()

        assert its.got == [b"taro", b"saburo", b"jiro"]
        assert its.people == 3


FATES = {
    "lost at the dot": {"DOT": [OK, DROP]},
    "lost at DATA": {"DATA": [b"354 go\r\n", DROP]},
    "lost at MAIL, on a new connection too": {"MAIL": [OK, OK, DROP, DROP]},
    "lost at RCPT": {"RCPT": [OK, OK, OK, OK, DROP]},
    "rubbish at the dot": {"DOT": [OK, b"rubbish\r\n"]},
    "full at the dot": {"DOT": [OK, b"452 4.3.1 full\r\n"]},
    "no more mails on this connection": {"MAIL": [OK, OK, b"452 4.5.3 too many\r\n"]},
}


@pytest.mark.parametrize("fate", FATES)
async def test_whatever_breaks_between_two_copies_the_next_attempt_sends_what_is_missing(fate):
    async with NextServer(dict(FATES[fate])) as server, office(server) as its:
        talker = await its.client()
        assert (await send(talker))[:2] == b"45"
        assert its.got[0] == b"taro"
        assert b"jiro" not in its.got
        assert await send(talker) == b"250 2.0.0 taken"
        await talker.close()

        assert sorted(its.got) == sorted(NAMES)
        assert its.people == 3


@pytest.mark.parametrize(
    "fate",
    [
        {"RSET": b"500 5.5.2 what?\r\n"},
        {"RSET": DROP},
        {"DOT": (b"250 2.0.0 taken\r\n", DROP)},
        {"MAIL": [OK, OK, b"421 4.7.0 one mail is enough\r\n"]},
    ],
    ids=str,
)
async def test_a_next_hop_that_wants_a_connection_for_each_copy_gets_one(fate):
    async with NextServer(fate) as server, office(server) as its:
        talker = await its.client()
        assert await send(talker) == b"250 2.0.0 taken"
        assert server.connections > 1
        assert its.got == list(NAMES)
        assert its.people == 3
        await talker.close()


@pytest.mark.parametrize("fate", [{}, {"DOT": [OK, DROP]}, {"RCPT": [OK] * 4 + [b"550 no\r\n"]}])
async def test_the_session_goes_on_with_another_mail(fate):
    async with NextServer(fate) as server, office(server) as its:
        talker = await its.client()
        await send(talker)
        before = len(server.mails)
        assert await send(talker, ORDINARY, (b"hanako",)) == b"250 2.0.0 taken"
        await talker.close()

        assert server.mails[before:][0].rcpts == (b"TO:<hanako@gmail.example>",)
        assert server.mails[before:][0].raw == ORDINARY


async def test_a_mail_that_would_grow_over_the_size_goes_to_all_as_it_came():
    small = b"250-next.example\r\n250 SIZE %d\r\n" % (len(LETTER) + 300)
    async with NextServer({"EHLO": small}) as server, office(server) as its:
        talker = await its.client()
        size = b" SIZE=%d" % len(LETTER)
        assert await send(talker, more=size) == b"250 2.0.0 taken"
        await talker.close()

        (only,) = server.mails
        assert (only.raw, len(only.rcpts)) == (LETTER, 3)
        assert its.people == 0


@pytest.mark.usefixtures("stillness")
async def test_all_copies_together_take_no_longer_than_a_client_waits():
    slow = Timeouts(final_dot=1.0)
    async with NextServer({"DOT": [OK, HANG]}) as server, office(server, timeouts=slow) as its:
        talker = await its.client()
        assert (await send(talker)).startswith(b"451 4.4.1")
        assert its.got == [b"taro"]
        assert server.steps.count("DOT") == 2
        await talker.close()


@pytest.mark.usefixtures("stillness")
async def test_time_that_the_first_copies_took_is_not_there_for_the_last():
    """The reply to a command may take far longer; the client's patience is what counts."""
    slow = Timeouts(reply=60.0, final_dot=1.0)
    answers = [OK, OK, OK, OK, HANG]
    async with NextServer({"RCPT": answers}) as server, office(server, timeouts=slow) as its:
        talker = await its.client()
        assert (await send(talker)).startswith(b"451 4.4.1")
        assert its.got == [b"taro"]
        await talker.close()


async def test_a_fault_of_ours_between_two_copies_is_no_acceptance():
    class Fault(Exception):
        """Something of ours that broke."""

    async def relay(envelope: Any, raw: bytes, hop: Any) -> Any:
        await hop.begin(envelope.recipients[:1])
        await hop.data(raw)
        raise Fault

    async with NextServer() as server, front(server, relay=relay) as front_end:
        talker = await front_end.client()
        await talker.ask(b"EHLO mail.acme.example")
        assert (await send(talker)).startswith(b"451 4.3.0")
        assert len(server.mails) == 1
        await talker.close()


async def test_a_client_that_goes_between_two_copies_has_the_others_delivered_too():
    more = asyncio.Event()
    async with (
        NextServer({"DOT": [OK, (more, OK)]}) as server,
        office(server) as its,
    ):
        talker = await its.client()
        await talker.ask(b"MAIL FROM:<saiyo@acme.example>")
        for name in NAMES:
            await talker.ask(b"RCPT TO:<" + name + b"@gmail.example>")
        await talker.ask(b"DATA")
        await talker.say(LETTER + b".\r\n")
        await server.reached("DOT", 2)
        await talker.close()
        more.set()
        await server.taken(3)
        await server.reached("QUIT")
        assert its.got == list(NAMES)
        assert its.people == 3
