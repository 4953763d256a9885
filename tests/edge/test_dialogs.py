"""Clients, the front end and a next server talk over real sockets."""

from __future__ import annotations

import asyncio
import re
import smtplib
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from relay_gateway.edge.next_hop import Timeouts
from tests.doubles import DROP, HANG, Drip, NextServer, Talker
from tests.edge.fronts import front, pass_on
from tests.edge.stage import Stage
from tests.edge.test_wire import LOOKALIKES
from tests.ports import reserved

DIALOGS = sorted((Path(__file__).parent / "dialogs").glob("*.smtp"))


@pytest.mark.parametrize("script", DIALOGS, ids=lambda script: script.stem)
async def test_dialog(script):
    async with NextServer() as server, AsyncExitStack() as stack:
        stage = Stage(server, stack)
        for number, line in enumerate(script.read_text("utf-8").splitlines(), 1):
            if line and not line.startswith("#"):
                word, _, rest = line.partition(" ")
                await stage.play(word, rest, f"{script.name}:{number}: {line}")


MAIL = b"Subject: hello\r\n\r\nhello\r\n"
NO_NEXT_HOP = b"451 4.4.1 The next mail server cannot be reached, please try again later"
COMMANDS = {
    "MAIL": b"MAIL FROM:<hr@acme.example>\r\n",
    "RCPT": b"RCPT TO:<kim@mail.example>\r\n",
    "DATA": b"DATA\r\n",
    "DOT": MAIL + b".\r\n",
}


async def until(client: Talker, step: str) -> bytes:
    """Go as far as this step; what the client hears there, or at the dot if it is DATA."""
    await client.ask(b"EHLO client.example")
    heard = b""
    for name, said in COMMANDS.items():
        await client.say(said)
        heard = await client.hear()
        if name == step and step != "DATA":
            break
    return heard


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA", "DOT"])
@pytest.mark.parametrize(
    "said",
    [b"421 4.3.2 bye", b"450-4.2.1 busy\n450 very", b"452 full", b"550 5.7.1 no", b"599 \xff"],
)
async def test_every_refusal_at_every_step_is_the_clients_answer(step, said):
    answer = said.replace(b"\n", b"\r\n") + b"\r\n"
    async with NextServer({step: answer}) as server, front(server) as front_end:
        client = await front_end.client()
        assert await until(client, step) == said
        assert not server.mails
        await client.close()


@pytest.mark.parametrize("step", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "DOT"])
@pytest.mark.parametrize(
    "said",
    [
        DROP,
        HANG,
        b"rubbish\r\n",
        b"999 what\r\n",
        b"250 ok\n",
        b"250-ok\r\n550 no\r\n",
        b"250 ok\r\n250 ok\r\n",
        b"354 go\r\n250 ok\r\n",
        (b"25", DROP),
    ],
    ids=repr,
)
@pytest.mark.usefixtures("stillness")
async def test_a_next_hop_lost_or_garbled_at_any_step_is_a_reason_to_try_again(step, said):
    patience = Timeouts(connect=0.2, reply=0.2, final_dot=0.2) if said is HANG else Timeouts()
    async with (
        NextServer({step: said}) as server,
        front(server, timeouts=patience) as front_end,
    ):
        client = await front_end.client()
        heard = await until(client, "MAIL" if step in ("CONNECT", "EHLO") else step)
        assert heard == NO_NEXT_HOP
        await client.close()


async def test_a_dripping_next_hop_is_heard_to_the_end():
    async with NextServer({"DOT": Drip(b"250-ta\r\n250 ken\r\n")}) as server, front(server) as fr:
        client = await fr.client()
        assert await until(client, "DOT") == b"250-ta\n250 ken"
        await client.close()


@pytest.mark.parametrize("lookalike", LOOKALIKES)
async def test_nobody_smuggles_a_second_mail(lookalike):
    evil = b"MAIL FROM:<evil@x.example>\r\nRCPT TO:<kim@mail.example>\r\nDATA\r\nevil\r\n.\r\n"
    async with NextServer() as server, front(server) as front_end:
        client = await front_end.ready()
        await client.ask(b"DATA")
        await client.say(b"one" + lookalike + evil)
        assert (await client.hear()).startswith(b"550 5.6.0")
        assert (await client.ask(b"NOOP")).startswith(b"250")
        assert not server.mails
        assert not any(b"evil" in line for line in server.lines)
        await client.close()


async def test_a_client_gone_after_the_dot_has_its_mail_delivered_once():
    taken = asyncio.Event()
    async with NextServer({"DOT": (taken, b"250 ok\r\n")}) as server, front(server) as front_end:
        client = await front_end.ready()
        await client.ask(b"DATA")
        await client.say(MAIL + b".\r\n")
        await server.reached("DOT")
        await client.close()
        taken.set()
        await server.reached("QUIT")
        assert [mail.raw for mail in server.mails] == [MAIL]


async def test_a_client_that_closes_its_half_still_hears_the_answer():
    async with NextServer() as server, front(server) as front_end:
        client = await front_end.ready()
        await client.ask(b"DATA")
        await client.say(MAIL + b".\r\n")
        client.writer.write_eof()
        assert await client.hear() == b"250 2.0.0 taken"
        assert await client.line() == b""
        await client.close()


async def test_a_client_gone_in_the_middle_of_a_mail_sends_none():
    async with NextServer() as server, front(server) as front_end:
        client = await front_end.ready()
        await client.ask(b"DATA")
        await client.say(b"Subject: half\r\n\r\n.")
        await client.close()
        await server.reached("QUIT")
        assert not server.mails


async def test_what_was_recorded_after_the_acceptance_ends_although_the_client_is_gone():
    accepted, recorded, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def relay(envelope: Any, raw: bytes, hop: Any) -> Any:
        reply = await hop.data(raw)
        accepted.set()
        await recorded.wait()
        done.set()
        return reply

    async with NextServer() as server, front(server, relay=relay) as front_end:
        client = await front_end.ready()
        await client.ask(b"DATA")
        await client.say(MAIL + b".\r\n")
        await accepted.wait()
        await client.close()
        recorded.set()
        await asyncio.wait_for(done.wait(), 60)


class Fault(Exception):
    """Something of ours that broke."""


@pytest.mark.parametrize("fault", [Fault("secret"), OSError("disk"), TimeoutError("ledger")])
async def test_a_fault_of_ours_is_temporary_and_tells_nothing(fault):
    async def relay(*_: Any) -> Any:
        raise fault

    async with NextServer() as server, front(server, relay=relay) as front_end:
        client = await front_end.ready()
        await client.ask(b"DATA")
        assert await client.ask(MAIL + b".") == b"451 4.3.0 Local error, please try again later"
        assert (await client.ask(b"MAIL FROM:<hr@acme.example>")).startswith(b"250")
        await client.close()


async def test_a_fault_of_ours_after_the_acceptance_is_no_failure():
    async def relay(envelope: Any, raw: bytes, hop: Any) -> Any:
        await hop.data(raw)
        raise Fault

    async with NextServer() as server, front(server, relay=relay) as front_end:
        client = await front_end.ready()
        await client.ask(b"DATA")
        assert await client.ask(MAIL + b".") == b"250 2.0.0 taken"
        assert len(server.mails) == 1
        await client.close()


async def test_the_gateway_is_told_who_sends_what_to_whom():
    envelopes = []

    async def relay(envelope: Any, raw: bytes, hop: Any) -> Any:
        envelopes.append(envelope)
        return await pass_on(envelope, raw, hop)

    refusal = [b"250 ok\r\n", b"550 no\r\n", b"250 ok\r\n"]
    async with NextServer({"RCPT": refusal}) as server, front(server, relay=relay) as front_end:
        client = await front_end.client()
        await client.ask(b"HELO Client.example")
        await client.ask(b"MAIL FROM:<>")
        for name in (b'"k m"', b"lee", b"park"):
            await client.ask(b"RCPT TO:<" + name + b"@mail.example>")
        await client.ask(b"DATA")
        await client.ask(MAIL + b".")
        await client.close()
    (envelope,) = envelopes
    assert envelope.sender == b""
    assert envelope.recipients == (b'"k m"@mail.example', b"park@mail.example")
    assert (envelope.client.helo, envelope.client.protocol) == (b"Client.example", "SMTP")
    assert envelope.client.address == "127.0.0.1"
    assert len(envelope.id) == 16


async def test_each_transaction_has_its_own_name():
    names = []

    async def relay(envelope: Any, raw: bytes, hop: Any) -> Any:
        names.append(envelope.id)
        return await pass_on(envelope, raw, hop)

    async with NextServer() as server, front(server, relay=relay) as front_end:
        client = await front_end.client()
        await until(client, "DOT")
        await until(client, "DOT")
        await client.close()
        assert len(set(names)) == 2
        assert server.connections == 1


@pytest.mark.usefixtures("stillness")
async def test_an_idle_client_is_told_to_go():
    impatient = Timeouts(client_command=0.05)
    async with NextServer() as server, front(server, timeouts=impatient) as front_end:
        client = await front_end.client()
        assert (await client.hear()).startswith(b"421 4.4.2")
        assert await client.line() == b""
        await client.close()


@pytest.mark.usefixtures("stillness")
async def test_a_client_that_stops_in_the_middle_of_a_mail_is_told_to_go():
    impatient = Timeouts(client_data=0.05)
    async with NextServer() as server, front(server, timeouts=impatient) as front_end:
        client = await front_end.ready()
        await client.ask(b"DATA")
        assert (await client.hear()).startswith(b"421 4.4.2")
        await client.close()
        assert not server.mails


@pytest.mark.usefixtures("stillness")
async def test_the_next_hops_work_on_a_dot_is_not_the_clients_idleness():
    # The client's own timers are far shorter than the next hop takes.
    taken = asyncio.Event()
    impatient = Timeouts(client_command=0.05, client_data=0.05)
    async with (
        NextServer({"DOT": (taken, b"250 ok\r\n")}) as server,
        front(server, timeouts=impatient) as front_end,
    ):
        client = await Talker.at(front_end.port)
        pipelined = b"".join([b"HELO client.example\r\n", *COMMANDS.values()])
        await client.say(pipelined)
        await server.reached("DOT")
        asyncio.get_running_loop().call_later(0.2, taken.set)
        heard = [await client.hear() for _ in range(6)]
        assert heard[-1] == b"250 ok"
        await client.close()


@pytest.mark.usefixtures("stillness")
async def test_a_client_that_never_reads_is_not_waited_for():
    # More than all buffers on the way to it hold, in answer to few commands.
    long = b"".join(b"550-" + b"x" * 500 + b"\r\n" for _ in range(100)) + b"550 no\r\n"
    async with (
        NextServer({"MAIL": long}) as server,
        front(server, timeouts=Timeouts(client_command=5)) as front_end,
    ):
        client = await front_end.client()
        await client.ask(b"HELO client.example")
        client.writer.transport.pause_reading()
        with capture_logs() as lines:
            await client.say(b"MAIL FROM:<hr@acme.example>\r\n" * 95)
            await front_end.empty()
        assert 0 < len(lines) < 95
        assert {line["reply"]["code"] for line in lines} == {550}
        await client.close()


async def test_stopping_bids_the_idle_farewell_and_waits_for_a_mail_on_its_way():
    taken = asyncio.Event()
    async with NextServer({"DOT": (taken, b"250 ok\r\n")}) as server, front(server) as front_end:
        idle, busy = await front_end.client(), await front_end.ready()
        await busy.ask(b"DATA")
        await busy.say(MAIL + b".\r\n")
        await server.reached("DOT")
        stopping = asyncio.create_task(front_end.stop(within=10))
        assert (await idle.hear()).startswith(b"421 4.3.2")
        assert await idle.line() == b""
        with pytest.raises(ConnectionRefusedError):
            await Talker.at(front_end.port)
        taken.set()
        assert await busy.hear() == b"250 ok"
        assert (await busy.hear()).startswith(b"421 4.3.2")
        await stopping
        assert len(server.mails) == 1
        await idle.close()
        await busy.close()


@pytest.mark.usefixtures("stillness")
async def test_stopping_does_not_wait_for_ever():
    async with NextServer({"DOT": HANG}) as server:
        impatient = Timeouts(final_dot=0.2)
        async with front(server, timeouts=impatient) as front_end:
            between, busy = await front_end.ready(), await front_end.ready()
            await busy.ask(b"DATA")
            await busy.say(MAIL + b".\r\n")
            await server.reached("DOT")
            await front_end.stop(within=0)
            assert (await between.hear()).startswith(b"421 4.3.2")
            assert not front_end.dialogs
            await between.close()
            await busy.close()


NASTY = [
    b"",
    b".",
    b"..",
    b".\0",
    b"x" * 5_000,
    b"\0\x00",
    b"\x1a\x7f\x80\xff",
    b"\x1b$B$*57$j\x1b(B",
    b"trailing  \t",
    b"--boundary--",
    b"From here",
    b"QUIT",
    "お祈り".encode("cp932"),
]
HURTFUL = st.lists(st.sampled_from(NASTY), max_size=12).map(
    lambda lines: b"".join(line + b"\r\n" for line in lines)
)


@given(st.lists(HURTFUL, min_size=1, max_size=4))
async def test_hurtful_mails_arrive_byte_for_byte(mails):
    async with NextServer() as server, front(server) as front_end:
        await asyncio.to_thread(_send, front_end.port, mails)
        assert [mail.raw for mail in server.mails] == mails


def _send(port: int, mails: list[bytes]) -> None:
    with smtplib.SMTP("127.0.0.1", port) as client:
        for raw in mails:
            client.ehlo("client.example")
            client.mail("hr@acme.example", ["BODY=8BITMIME"])
            client.rcpt("kim@mail.example")
            client.putcmd("DATA")
            client.getreply()
            client.send(
                b"".join(_stuffed(line) for line in raw.splitlines(keepends=True)) + b".\r\n"
            )
            assert client.getreply()[0] == 250


def _stuffed(line: bytes) -> bytes:
    return b"." + line if line.startswith(b".") else line


async def test_every_refusal_is_a_line_in_the_log_that_names_nobody():
    refusal = b"550 5.1.1 <kim@mail.example>: no such person\r\n"
    async with NextServer({"RCPT": refusal}) as server, front(server) as front_end:
        client = await front_end.client()
        with capture_logs() as lines:
            await client.ask(b"EHLO client.example")
            await client.ask(b"MAIL FROM:<hr@acme.example>")
            await client.ask(b"RCPT TO:<kim@mail.example>")
            await client.close()

    (line,) = lines
    assert (line["event"], line["log_level"], line["client"]) == ("refused", "warning", "127.0.0.1")
    assert (line["command"], line["reply"]["code"]) == ("RCPT", 550)
    assert "kim" not in str(line)


async def test_a_next_hop_that_is_down_is_a_line_in_the_log():
    with capture_logs() as lines, reserved() as port:
        async with front(port) as front_end:
            client = await front_end.client()
            await client.ask(b"EHLO client.example")
            await client.ask(b"MAIL FROM:<hr@acme.example>")
            await client.close()

    refused = [line for line in lines if line["event"] == "refused"]
    assert [(line["command"], line["reply"]["code"]) for line in refused] == [("MAIL", 451)]


SAID = st.lists(
    st.sampled_from(
        [
            b"EHLO client.example",
            b"HELO \xff",
            b"MAIL FROM:<hr@acme.example>",
            b"mail from:<\x00@[> SIZE=-1",
            b"RCPT TO:<kim@mail.example>",
            b"RCPT TO:<",
            b"DATA",
            b"DATA now",
            b".",
            b"\r",
            b"\0.",
            b"RSET",
            b"AUTH PLAIN =",
            b"STARTTLS",
            b"XFORWARD ADDR=",
            b"PROXY TCP4",
            "VRFY 祈".encode(),
            b"\x16\x03\x01",
            b"x" * 3000,
        ]
    )
    | st.binary(max_size=20),
    max_size=20,
)


@given(SAID, st.sampled_from([b"\r\n", b"\n"]))
async def test_whatever_a_client_says_is_obeyed_or_refused(lines, end):
    with capture_logs() as log:
        async with NextServer() as server, front(server) as front_end:
            client = await Talker.at(front_end.port)
            await client.say(b"".join(line + end for line in lines) + b"\r\n.\r\nQUIT\r\n")
            client.writer.write_eof()
            async with asyncio.timeout(60):
                heard = await client.reader.read()
            await client.close()
        assert all(
            re.fullmatch(rb"(?:HELO|EHLO|MAIL|RCPT|DATA|RSET|QUIT)[ -~]*", line)
            for line in server.lines
        )
    assert re.fullmatch(rb"(?:[2345][0-9]{2}[ -][ -~]*\r\n)+", heard)
    assert not any(line["event"].endswith("_failed") for line in log)
